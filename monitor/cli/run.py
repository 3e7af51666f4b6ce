"""`holdback run`: the sidecar."""

from __future__ import annotations

import sys

from monitor.cli.options import ConfigOption, configuration

__all__ = ["run"]


def run(config: ConfigOption) -> None:
    """Watch a served model: read its inputs and outputs from Kafka, and write a decision for each."""
    from monitor.fit.fitting import load_profiles
    from monitor.running import run as run_sidecar

    loaded = configuration(config)
    run_sidecar(loaded, load_profiles(loaded), _say)


def _say(text: str) -> None:
    """For a person at a terminal; machines read the log."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)  # noqa: T201
