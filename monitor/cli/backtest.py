"""`holdback backtest`: a recorded stream through the production pipeline."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json, progress_bar, to_be_written
from monitor.terminal import printable

if TYPE_CHECKING:
    from monitor.backtest import Outputs
    from monitor.config import Config
    from monitor.report import Run

__all__ = ["backtest"]


def backtest(
    config: ConfigOption,
    events: Annotated[Path, typer.Option("--events", help="CSV, Parquet or JSON lines.", show_default=False)],
    profile: Annotated[Path | None, typer.Option("--profile", help="Default: the configured one.")] = None,
    json_file: JsonOption = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="A report for somebody who was not there, in one file.")
    ] = None,
    decisions: Annotated[Path | None, typer.Option("--decisions", help="Every decision, as JSON lines.")] = None,
    ledger: Annotated[Path | None, typer.Option("--ledger", help="The ledger, as JSON lines.")] = None,
    summaries: Annotated[
        Path | None, typer.Option("--summaries", help="The counts that were judged: what `ledger why` derives from.")
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            metavar="PATH=VALUE",
            help="Run the stream under a changed configuration, too, and compare: promise.max_error=1%. Repeatable; "
            "several changes at once with ; between them.",
        ),
    ] = None,
) -> None:
    """Run a recorded stream; say who would have answered what, and what would have been noticed."""
    from monitor.backtest import Outputs
    from monitor.fit.fitting import load_profiles
    from monitor.report import compared_lines, report
    from monitor.what_if import changed_config

    loaded = configuration(config)
    to_be_written(json=json_file, html=html_file, decisions=decisions, ledger=ledger, summaries=summaries)
    others = [(change, changed_config(config, os.environ, change)) for change in what_if or []]
    with ExitStack() as stack:
        files = Outputs(*(_opened(stack, path) for path in (decisions, ledger, summaries)))
        runs = [_run(loaded, profile, events, files, "")]
        runs += [_run(changed, profile, events, Outputs(), change) for change, changed in others]
    result = runs[0].result
    if others:
        result |= {"what_if": [{"change": run.change, **run.result} for run in runs[1:]]}
    if html_file is not None:
        digests = {version: each.digest for version, each in load_profiles(loaded, profile).items()}
        html_file.write_text(report(runs, digests, events.name), encoding="utf-8")
    if json_file is not None:
        print_json(json_file, result)
    if json_file != "-":
        for line in _told(result, named=profile is not None or bool(loaded.versioned_profiles)):
            print(printable(line))  # noqa: T201
        if others:
            print("", *compared_lines([(run.change, run.result) for run in runs]), sep="\n")  # noqa: T201


def _run(config: Config, profile: Path | None, events: Path, files: Outputs, change: str) -> Run:
    from monitor.backtest import backtest as run
    from monitor.backtest import rows_of
    from monitor.fit.fitting import load_profiles
    from monitor.report import Recorder, Run
    from monitor.tables import read_stream

    profiles, recorder = load_profiles(config, profile), Recorder()
    first = next(iter(profiles.values()), None)
    labels = first.classes if first else ()
    categorical = first.fitted.views.categorical if first else None
    with progress_bar(f"what if {change}" if change else "running the stream") as progress:
        stream = rows_of(read_stream(events, config, labels=labels, categorical=categorical))
        result = run(config, profiles, stream, files, observe=recorder, tell=recorder.take, progress=progress)
    return Run(config, result, recorder, change)


def _opened(stack: ExitStack, path: Path | None) -> BinaryIO | None:
    return None if path is None else stack.enter_context(path.open("wb"))


def _told(result: dict[str, Any], *, named: bool) -> list[str]:
    """The result in lines; `named` says whether there is a profile."""
    routes, accepted, alone = result["routes"], result["accepted"], result["always_answering"]
    lines = [
        f"{result['events']:,} events in {result['seconds']:.1f} s",
        "routes: " + ", ".join(f"{name} {n:,}" for name, n in routes.items()),
        f"wrong among those let through: {_percent(accepted['error_rate'])}, promise {_percent(accepted['promise'])}",
        f"wrong if the model had always answered: {_percent(alone['error_rate'])}",
    ]
    if result["dead_letters"]["n"]:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in result["dead_letters"]["reasons"].items())
        lines.append(f"dead letters, records that could not be taken: {reasons}")
    lines += [f"event {each['event']:,}: {each['level']}: {each['why']}" for each in result["alarms"]]
    lines += [
        f"event {each['event']:,}: breaker {each['from']} -> {each['to']}: {each['reason']}"
        for each in result["breaker"]
    ]
    if not named:
        lines.append("no profile is named, so nothing can pass: `holdback fit` writes one; give it with --profile")
    return lines


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.2f} %"
