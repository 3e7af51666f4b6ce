"""All checks in their order: first this machine, then the broker, then what lies on it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from monitor.config import Config
from monitor.doctor.findings import Finding, fail, ok, warn
from monitor.doctor.local import local_findings
from monitor.errors import UsageError
from monitor.operating.clients import EMBEDDED, LastWords, no_way_to, settings_of

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

__all__ = ["examine"]

_OLDEST = (2, 5)
"""The first broker that fences a member by its group's generation (KIP-447)."""
_CLUSTER = 3


def examine(config: Config, *, fix: bool = False) -> Iterator[Finding]:
    """Every check, as it is done; with `fix` missing topics are created first."""
    yield from local_findings(config)
    if config.kafka.bootstrap == EMBEDDED:
        yield ok("broker", "embedded: it starts with `holdback run`, with its topics; nothing needs checking there")
        return
    try:
        settings = settings_of(config, "doctor")
    except UsageError as error:
        yield fail("broker", str(error), "Until then nothing on the broker can be checked")
        return
    if faults := no_way_to(config.kafka.bootstrap):
        todo = "Is the broker up, is the name right, and does a firewall or NetworkPolicy let it through?"
        yield fail("broker", "; ".join(faults), todo)
        return
    with _listening() as words:
        yield from _broker(config, settings, words, fix=fix)


def _broker(config: Config, settings: dict[str, Any], words: LastWords, *, fix: bool) -> Iterator[Finding]:
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    began = monotonic()
    try:
        admin = KafkaAdminClient(**settings)
    except (KafkaError, OSError) as error:
        yield fail("broker", *_unreachable(config, words.why() or str(error)))
        return
    with closing(admin):
        try:
            yield _reached(admin, config, monotonic() - began)
            yield from _in_the_clear(config)
            yield from _laid_out(admin, config, settings, fix=fix)
        except KafkaError as error:
            yield fail(
                "broker", f"it stopped answering: {words.why() or error}", "Look again; then at the broker's log"
            )


def _reached(admin: KafkaAdminClient, config: Config, seconds: float) -> Finding:
    ids = [each["broker_id"] for each in admin.describe_cluster()["brokers"]]
    version = admin.get_broker_version_data(ids[0]).broker_version
    brokers, told = len(ids), ".".join(map(str, version))
    what = (
        f"{config.kafka.bootstrap} answered within {1000 * seconds:.0f} ms: "
        f"{brokers} broker{'s' * (brokers != 1)} at the level of Kafka {told}"
    )
    if version < _OLDEST:
        return fail("broker", what, "Kafka 2.5 or later is needed: before it nothing fences a replica that is out")
    if brokers >= _CLUSTER and config.kafka.replication == 1:
        return warn("broker", f"{what}; kafka.replication is 1", "Raise it to 3: else topics are lost with one broker")
    return ok("broker", what)


def _in_the_clear(config: Config) -> Iterator[Finding]:
    kafka = config.kafka
    if kafka.sasl is not None and kafka.tls is None and kafka.sasl.mechanism in ("PLAIN", "OAUTHBEARER"):
        what = (
            f"{kafka.sasl.mechanism} without TLS sends the {'token' if kafka.sasl.token_file else 'password'} readable"
        )
        yield warn("login", what, "Set kafka.tls, or use SCRAM-SHA-512")


def _laid_out(admin: KafkaAdminClient, config: Config, settings: dict[str, Any], *, fix: bool) -> Iterator[Finding]:
    from monitor.doctor.fixing import create_missing
    from monitor.doctor.group import check_group, check_transactions
    from monitor.doctor.sampling import check_records
    from monitor.doctor.seen import see
    from monitor.doctor.topics import check_counts, check_topic
    from monitor.doctor.wanted import wanted

    wants = wanted(config)
    names = [each.name for each in wants.values()]
    seen = see(admin, names)
    if fix:
        yield from create_missing(admin, config, wants, seen)
        seen = see(admin, names)
    limits = {kind: seen[wants[kind].name].number("max.message.bytes") for kind in ("predictions", "outcomes")}
    for each in wants.values():
        yield from check_topic(each, seen[each.name], config, limits)
    yield from check_counts(wants, seen)
    found, members = check_group(admin, config, seen)
    yield from found
    yield check_transactions(config, members)
    yield from check_records(settings, config, wants, seen)


@contextmanager
def _listening() -> Iterator[LastWords]:
    """What the client says goes into the findings, and not on the terminal."""
    words, log = LastWords(), logging.getLogger("kafka")
    before = log.propagate
    log.addHandler(words)
    log.propagate = False
    try:
        yield words
    finally:
        log.propagate = before
        log.removeHandler(words)


def _unreachable(config: Config, why: str) -> tuple[str, str]:
    """What is wrong on the way to the broker, and what to do."""
    kafka = config.kafka
    for sign, what, todo in _SIGNS:
        if any(word in why for word in sign):
            return f"{kafka.bootstrap} takes connections, but {what}: {why}", todo(config)
    return (
        f"{kafka.bootstrap} takes connections, but does not answer as a Kafka broker: {why}",
        f"Does the port want {_left_out(config)}? Does it advertise an address that can be reached?",
    )


_Todo = Callable[[Config], str]
_SIGNS: tuple[tuple[tuple[str, ...], str, _Todo], ...] = (
    (
        ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed"),
        "its certificate is not trusted",
        lambda _config: "Name the authority that signed it in kafka.tls.ca_file, and the broker as it is in it",
    ),
    (
        ("SSL", "TLS"),
        "TLS fails",
        lambda _config: "Is it a TLS port? Does it want this client's certificate (kafka.tls.cert_file, key_file)?",
    ),
    (
        ("Authentication", "SASL", "Sasl"),
        "the login is refused",
        lambda config: (
            f"Check kafka.sasl: mechanism {config.kafka.sasl.mechanism if config.kafka.sasl else '(none)'}, "
            "username, and the file with the password or token"
        ),
    ),
)


def _left_out(config: Config) -> str:
    """What a port may want that is not configured."""
    tls, sasl = config.kafka.tls, config.kafka.sasl
    wanted = ["TLS (kafka.tls)"] if tls is None else []
    wanted += ["this client's certificate (kafka.tls.cert_file)"] if tls is not None and tls.cert_file is None else []
    wanted += ["a login (kafka.sasl)"] if sasl is None else []
    return " or ".join(wanted) or "another login"
