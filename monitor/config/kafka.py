"""The broker, how to get in, and the topics."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from monitor.config.forms import TOPIC_NAME
from monitor.config.promises import Section
from monitor.config.units import describe, duration

__all__ = ["Kafka", "Sasl", "Tls", "TopicName"]

TopicName = Annotated[str, Meta(pattern=TOPIC_NAME)]


def _topic(kind: str) -> Meta:
    return describe(f"Default: <model>.{kind}.")


class Tls(Section, frozen=True, kw_only=True):
    """Encryption, and perhaps a client's certificate."""

    ca_file: Annotated[str | None, describe("Whom to trust. Default: the system's authorities.")] = None
    cert_file: Annotated[str | None, describe("This client's certificate, for mutual TLS.")] = None
    key_file: Annotated[str | None, describe("Its private key.")] = None


class Sasl(Section, frozen=True, kw_only=True):
    """Who we are to the broker."""

    mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"],
        describe("SCRAM-SHA-512: the password never crosses the wire."),
    ] = "SCRAM-SHA-512"
    username: Annotated[str | None, describe("Needed by all but OAUTHBEARER.")] = None
    password_file: Annotated[str | None, describe("A file with the password.")] = None
    token_file: Annotated[
        str | None, describe("OAUTHBEARER: a file with the token, read anew whenever the broker asks for one.")
    ] = None


class Kafka(Section, frozen=True, kw_only=True):
    """The broker and the topics."""

    bootstrap: Annotated[
        str, describe("host:port, several with commas, or `embedded`. embedded: it needs nothing.", min_length=1)
    ] = "embedded"
    group: Annotated[str | None, describe("Consumer group. Default: holdback-<model>.")] = None
    tls: Annotated[Tls | None, describe("Encrypts the connection. {}: with the system's authorities.")] = None
    sasl: Annotated[Sasl | None, describe("How to log in. Not set: nobody asks.")] = None
    transactional_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=249)] | None,
        describe(
            "Name of the transactional producer, one a replica, such as the pod's in a StatefulSet: a restarted "
            "replica then ends what it left open at once. Default: a random one, which waits for transaction_timeout."
        ),
    ] = None
    transaction_timeout: Annotated[
        float,
        duration("A transaction that is open for longer is aborted. 10s: readers wait for those of the dead.", gt=0),
    ] = 10.0
    session_timeout: Annotated[
        float, duration("A replica that is silent for so long loses its partitions. 10s, for others to go on.", gt=0)
    ] = 10.0
    predictions: Annotated[TopicName | None, _topic("predictions")] = None
    outcomes: Annotated[TopicName | None, _topic("outcomes")] = None
    decisions: Annotated[TopicName | None, _topic("decisions")] = None
    answers: Annotated[TopicName | None, _topic("answers")] = None
    reviews: Annotated[TopicName | None, _topic("reviews")] = None
    joined: Annotated[TopicName | None, _topic("joined")] = None
    summaries: Annotated[TopicName | None, _topic("summaries")] = None
    ledger: Annotated[TopicName | None, _topic("ledger")] = None
    dead_letters: Annotated[TopicName | None, _topic("dead-letters")] = None
    partitions: Annotated[
        int, describe("Partitions of topics that `doctor --fix` creates. 4: as many replicas can share.", ge=1, le=1000)
    ] = 4
    replication: Annotated[
        int, describe("Copies of their records. 1: raise it to 3 on a cluster of three or more.", ge=1, le=16)
    ] = 1
    max_bytes: Annotated[
        int, describe("Longest record that is read. 1000000: Kafka's own default.", ge=1_000, le=100_000_000)
    ] = 1_000_000

    def topic(self, kind: str, model: str) -> str:
        """The topic of a kind such as `dead_letters`: the configured one, or <model>.dead-letters."""
        named: str | None = getattr(self, kind)
        return named if named is not None else f"{model}.{kind.replace('_', '-')}"
