"""`holdback backtest`: a recorded stream through the production pipeline."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json, progress_bar

__all__ = ["backtest"]


def backtest(
    config: ConfigOption,
    events: Annotated[Path, typer.Option("--events", help="CSV, Parquet or JSON lines.", show_default=False)],
    profile: Annotated[Path | None, typer.Option("--profile", help="Default: the configured one.")] = None,
    json_file: JsonOption = None,
    decisions: Annotated[Path | None, typer.Option("--decisions", help="Every decision, as JSON lines.")] = None,
    ledger: Annotated[Path | None, typer.Option("--ledger", help="The ledger, as JSON lines.")] = None,
    summaries: Annotated[
        Path | None, typer.Option("--summaries", help="The counts that were judged: what `ledger why` derives from.")
    ] = None,
) -> None:
    """Run a recorded stream; say who would have answered what, and what would have been noticed."""
    from monitor.backtest import Outputs, rows_of
    from monitor.backtest import backtest as run
    from monitor.fitting import load_profiles
    from monitor.tables import read_stream

    loaded = configuration(config)
    profiles = load_profiles(loaded, profile)
    first = next(iter(profiles.values()), None)
    labels = first.classes if first else ()
    categorical = first.fitted.views.categorical if first else None
    with ExitStack() as stack:
        files = Outputs(*(_opened(stack, path) for path in (decisions, ledger, summaries)))
        progress = stack.enter_context(progress_bar("running the stream"))
        stream = rows_of(read_stream(events, loaded, labels=labels, categorical=categorical))
        result = run(loaded, profiles, stream, files, progress=progress)
    if json_file is not None:
        print_json(json_file, result)
    if json_file != "-":
        for line in _told(result):
            print(line)  # noqa: T201


def _opened(stack: ExitStack, path: Path | None) -> BinaryIO | None:
    return None if path is None else stack.enter_context(path.open("wb"))


def _told(result: dict[str, Any]) -> list[str]:
    routes, accepted, alone = result["routes"], result["accepted"], result["always_answering"]
    lines = [
        f"{result['events']:,} events in {result['seconds']:.1f} s",
        "routes: " + ", ".join(f"{name} {n:,}" for name, n in routes.items()),
        f"wrong among those let through: {_percent(accepted['error_rate'])}, promise {_percent(accepted['promise'])}",
        f"wrong if the model had always answered: {_percent(alone['error_rate'])}",
    ]
    if result["dead_letters"]["n"]:
        lines.append(f"dead letters: {result['dead_letters']['reasons']}")
    lines += [f"event {each['event']:,}: {each['level']}: {each['why']}" for each in result["alarms"]]
    lines += [
        f"event {each['event']:,}: breaker {each['from']} -> {each['to']}: {each['reason']}"
        for each in result["breaker"]
    ]
    return lines


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.2f} %"
