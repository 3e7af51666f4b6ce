"""Files of torch programs, read no further than one may be long."""

from __future__ import annotations

from pathlib import Path

from detectors.programs import LARGEST
from monitor.errors import UsageError

__all__ = ["program_bytes"]


def program_bytes(path: str, key: str) -> bytes:
    """The bytes of a torch program's file; raises UsageError that names the configuration's key."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{key}: {path!r} cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise UsageError(f"{key}: {path!r} is larger than {LARGEST >> 20} MiB, the most that a program may have")
    return data
