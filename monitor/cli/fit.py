"""`holdback fit`: what is normal, from a recorded reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json, progress_bar

__all__ = ["fit"]


def fit(
    config: ConfigOption,
    reference: Annotated[Path, typer.Option("--reference", help="CSV, Parquet or JSON lines.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The profile's file.", show_default=False)],
    json_file: JsonOption = None,
) -> None:
    """Fit the profile of a model on data in which all was well; reports duplicates, outliers, suspicious labels."""
    from monitor.fitting import fit_profile
    from monitor.tables import read_stream

    loaded = configuration(config)
    with progress_bar("reading the reference") as progress:
        learnt = fit_profile(read_stream(reference, loaded), loaded, progress)
    out.write_bytes(learnt.data)
    fitted = learnt.profile.fitted
    result: dict[str, Any] = {
        "profile": learnt.profile.digest,
        "rows": fitted.n,
        "labelled": fitted.labelled,
        "unreadable": learnt.unreadable,
        "events_per_day": fitted.events_per_day,
        "task": learnt.profile.task,
        "classes": list(learnt.profile.classes),
        "views": len(fitted.views.layout().names),
        "notes": list(learnt.notes),
    }
    if json_file is not None:
        print_json(json_file, result)
    if json_file != "-":
        print(f"{out}: {fitted.n:,} rows, {fitted.labelled:,} with an outcome, {result['views']:,} views")  # noqa: T201
        for note in learnt.notes:
            print(f"- {note}")  # noqa: T201
