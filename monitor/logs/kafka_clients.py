"""What every Kafka client is given: where the broker is, how to get in, and how patient to be."""

from __future__ import annotations

import ssl
from typing import Any

from kafka.net.sasl.oauth import AbstractTokenProvider

from monitor.config import Kafka, Sasl, Tls, read_secret
from monitor.errors import UsageError

__all__ = ["CONNECT_SECONDS", "connection", "servers"]

CONNECT_SECONDS = 10.0
"""How long a client looks for the broker before it is given up for now."""
_RETRY_MS = 10
# 100 ms, the client's default, is slept away with data already there when a fetch ends at the wrong moment


def servers(bootstrap: str) -> list[str]:
    """Addresses of the brokers."""
    return [each.strip() for each in bootstrap.split(",") if each.strip()]


def connection(config: Kafka, bootstrap: str, name: str) -> dict[str, Any]:
    """Settings that consumers, producers and administrators share."""
    settings: dict[str, Any] = {
        "bootstrap_servers": servers(bootstrap),
        "client_id": name,
        "bootstrap_timeout_ms": int(CONNECT_SECONDS * 1000),
        "retry_backoff_ms": _RETRY_MS,
        "reconnect_backoff_max_ms": 1000,
    }
    protocol = ("SASL_" if config.sasl else "") + ("SSL" if config.tls else "PLAINTEXT")
    settings["security_protocol"] = protocol
    if config.tls is not None:
        settings["ssl_context"] = _context(config.tls)
    if config.sasl is not None:
        settings |= _login(config.sasl)
    return settings


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file is not None:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"the files under kafka.tls cannot be used: {error}") from error
    return context


def _login(sasl: Sasl) -> dict[str, Any]:
    if sasl.mechanism == "OAUTHBEARER":
        return {"sasl_mechanism": sasl.mechanism, "sasl_oauth_token_provider": _Token(sasl.token_file or "")}
    return {
        "sasl_mechanism": sasl.mechanism,
        "sasl_plain_username": sasl.username,
        "sasl_plain_password": read_secret(sasl.password_file or ""),
    }


class _Token(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python ships no types
    """Reads the token anew each time, for whoever mounts it renews it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def token(self) -> str:
        return read_secret(self._path)
