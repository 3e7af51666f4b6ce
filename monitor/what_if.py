"""What if? Changes of a configuration by dotted path, for running the same stream under each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitor.config import ENV_PREFIX, Config, load_config
from monitor.errors import UsageError

__all__ = ["changed_config"]

_FITTED = ("model", "views", "columns", "evidence.bins")
"""What is in the profile, or says how the file is read: another value needs another fit."""


def changed_config(path: Path, environ: Mapping[str, str], change: str) -> Config:
    """The configuration in `path` with a change such as `promise.max_error=1%`, or several with `;` between them.

    Raises UsageError for what is no change, or one that a backtest cannot show, and ConfigError for a value that the
    configuration does not allow.
    """
    changes = dict(_parsed(each.strip()) for each in change.split(";") if each.strip())
    if not changes:
        raise UsageError(f"what if {change!r}: write it as PATH=VALUE, such as promise.max_error=1%")
    over = {ENV_PREFIX + key.upper().replace(".", "__"): value for key, value in changes.items()}
    return load_config(path, {**environ, **over})


def _parsed(change: str) -> tuple[str, str]:
    key, equals, value = (part.strip() for part in change.partition("="))
    if not equals or not key or key.upper().lower() != key or any(not part for part in key.split(".")):
        raise UsageError(f"what if {change!r}: write it as PATH=VALUE, such as promise.max_error=1%")
    if any(key == fitted or key.startswith(f"{fitted}.") for fitted in _FITTED):
        raise UsageError(
            f"what if {change!r}: `{key}` is part of the profile; fit another one, and compare two backtests"
        )
    return key, value
