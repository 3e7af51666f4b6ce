"""What the configuration says is to be watched, for `fit`; the encoder's file is read here."""

from __future__ import annotations

from detectors.counting import ViewSettings
from detectors.views.encoder import TRAINED
from monitor.config import Config
from monitor.program_files import program_bytes

__all__ = ["view_settings"]


def view_settings(config: Config, context: str) -> ViewSettings:
    """Settings of the views in a context; raises UsageError if the encoder's file can't be read."""
    views, encoder = config.views, config.views.encoder
    program = None
    if encoder is not None:
        program = TRAINED if encoder == TRAINED.decode() else program_bytes(encoder, "views.encoder")
    by_event = config.evidence.path == "exact"
    return ViewSettings(config.evidence.bins, views.joint, views.projections, views.pairs, context, program, by_event)
