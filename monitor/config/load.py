"""Reads the configuration: a YAML file, the environment over it, and every fault of both at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from monitor.config.crosschecks import cross_faults
from monitor.config.reasons import not_yaml
from monitor.config.root import Config
from monitor.config.text import parse_yaml
from monitor.config.walk import EnvText, Faults, build
from monitor.errors import ConfigError, UsageError

__all__ = ["ENV_PREFIX", "config_from", "load_config", "read_secret"]

ENV_PREFIX = "HOLDBACK_"
# Kubernetes gives every pod variables like these for a Service named `holdback`; they are not meant for us.
_SERVICE_LINK = re.compile(r"(.+_)?(SERVICE_(HOST|PORT.*)|PORT(_.*)?)")


def load_config(path: str | Path, environ: Mapping[str, str]) -> Config:
    """The configuration in `path` with `HOLDBACK_A__B` of `environ` over it.

    Raises ConfigError with every fault, each with its path.
    """
    origin = str(path)
    return config_from(_read(Path(path)), environ, origin)


def config_from(raw: object, environ: Mapping[str, str], origin: str = "configuration") -> Config:
    """As `load_config`, from values that are already parsed."""
    faults: Faults = []
    config = build(Config, _overridden({} if raw is None else raw, environ, faults), faults)
    if config is not None:
        faults.extend(cross_faults(config))
    if config is None or faults:
        raise ConfigError(faults, origin)
    return config


def read_secret(path: str | Path) -> str:
    """The secret in a file, without the line's end. Read it when it is needed, and never log it.

    Raises UsageError that names the file and not its content.
    """
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the secret in {str(path)!r} cannot be read: {type(error).__name__}") from None
    if not secret:
        raise UsageError(f"the secret in {str(path)!r} is empty")
    return secret


def _read(path: Path) -> object:
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        if isinstance(error, FileNotFoundError):
            reason += "; `holdback init` writes one to begin with"
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
    except RecursionError:
        reason = "is nested too deeply"
    except (yaml.YAMLError, ValueError) as error:
        reason = not_yaml(error)
    raise ConfigError([("", reason)], str(path))


def _overridden(raw: object, environ: Mapping[str, str], faults: Faults) -> object:
    """`raw` with the environment's values set at their paths; what cannot be set is a fault."""
    merged = raw
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX) or not (keys := name[len(ENV_PREFIX) :].lower().split("__"))[0]:
            continue
        if (
            len(keys) == 1
            and keys[0] not in Config.__struct_fields__
            and _SERVICE_LINK.fullmatch(name[len(ENV_PREFIX) :])
        ):
            continue
        try:
            merged = _set(merged, keys, EnvText(environ[name]))
        except TypeError:
            faults.append((".".join(keys), f"cannot be set by {name}: a part of the path is not a mapping"))
    return merged


def _set(node: object, keys: list[str], value: EnvText) -> dict[object, object]:
    """A copy of the mapping `node` with `value` at the path `keys`."""
    if node is not None and not isinstance(node, Mapping):
        raise TypeError(node)
    copy: dict[object, object] = dict(node or {})
    copy[keys[0]] = value if len(keys) == 1 else _set(copy.get(keys[0]), keys[1:], value)
    return copy
