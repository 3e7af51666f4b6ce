"""`holdback fit`: what is normal, from a recorded reference."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json, progress_bar, to_be_written
from monitor.terminal import printable

__all__ = ["fit"]


def fit(
    config: ConfigOption,
    reference: Annotated[Path, typer.Option("--reference", help="CSV, Parquet or JSON lines.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The profile's file.", show_default=False)],
    json_file: JsonOption = None,
) -> None:
    """Fit the profile of a model on data in which all was well.

    Replays its second half against its first, and says whether the promise holds; reports duplicates, leaks, outliers,
    suspicious labels.
    """
    from monitor.fit.fitting import fit_profile
    from monitor.fit.result import fit_result, told
    from monitor.tables import RawBatch, read_stream

    loaded = configuration(config)
    to_be_written(out=out, json=json_file)

    def read() -> Iterable[RawBatch]:
        return read_stream(reference, loaded)

    with progress_bar("reading the reference") as progress:
        learnt = fit_profile(read(), loaded, progress, again=read)
    out.write_bytes(learnt.data)
    if json_file is not None:
        print_json(json_file, fit_result(learnt))
    if json_file != "-":
        for line in told(learnt, str(out)):
            print(printable(line))  # noqa: T201
