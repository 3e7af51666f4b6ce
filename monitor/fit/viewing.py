"""What the configuration says is to be watched, for `fit`; the encoder's file is read here."""

from __future__ import annotations

from pathlib import Path

from detectors.counting import ViewSettings
from detectors.programs import LARGEST
from detectors.views.encoder import TRAINED
from monitor.config import Config
from monitor.errors import UsageError

__all__ = ["program_bytes", "view_settings"]


def view_settings(config: Config, context: str) -> ViewSettings:
    """Settings of the views in a context; raises UsageError if the encoder's file can't be read."""
    views, encoder = config.views, config.views.encoder
    program = None
    if encoder is not None:
        program = TRAINED if encoder == TRAINED.decode() else program_bytes(encoder, "views.encoder")
    return ViewSettings(config.evidence.bins, views.joint, views.projections, views.pairs, context, program)


def program_bytes(path: str, key: str) -> bytes:
    """The bytes of a torch program's file, no more than one may have; raises UsageError that names the key."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{key}: {path!r} cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise UsageError(f"{key}: {path!r} is larger than {LARGEST >> 20} MiB, the most that a program may have")
    return data
