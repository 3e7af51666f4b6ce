"""`holdback ledger`: is the record of verdicts whole, and what does it say?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.options import JsonOption, configuration, print_json
from monitor.errors import UsageError
from monitor.events.times import format_time, parse_time
from monitor.ledger import LedgerBroken, read_ledger
from monitor.ledger import verify as verify_lines

if TYPE_CHECKING:
    from monitor.why import Again, Explained

__all__ = ["app", "show", "verify", "why"]

app = typer.Typer(
    help="Verify, show or explain the record of verdicts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_LedgerFile = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="The ledger.")
]


@app.command()
def verify(
    file: _LedgerFile,
    head: Annotated[str | None, typer.Option(metavar="HASH", help="What the last record's hash must be.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Check the hash chain over every byte. Exit status 3 and the first bad record if it does not hold.

    Only --head can tell that the end was cut off: keep the head that a run reports somewhere else.
    """
    try:
        with file.open("rb") as lines:
            verified = verify_lines(lines, head)
    except LedgerBroken as broken:
        if json_file is not None:
            print_json(json_file, {"ok": False, "line": broken.line, "what": broken.what})
        raise
    if json_file is not None:
        print_json(json_file, {"ok": True, "records": verified.records, "head": verified.head})
    if json_file != "-":
        typer.echo(f"{file}: {verified.records} records, all whole and in order; head {verified.head}")


@app.command()
def show(
    file: _LedgerFile,
    kind: Annotated[str | None, typer.Option(help="Only records of this kind.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only from this time on.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only up to this time.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Print the records, one a line. Does not check the chain; `verify` does."""
    records = _chosen(file, kind, _moment(start, "--from"), _moment(end, "--to"))
    if json_file is not None:
        print_json(json_file, list(records))
    else:
        _print_table(records)


@app.command()
def why(
    file: _LedgerFile,
    seq: Annotated[int | None, typer.Option(metavar="N", help="Only the transition in this record.")] = None,
    summaries: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The summaries, to judge them again.")
    ] = None,
    config: Annotated[Path | None, typer.Option("-c", "--config", help="The configuration of the run.")] = None,
    profile: Annotated[Path | None, typer.Option(help="Its profile; default: the configured one.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Say why the breaker moved, and derive the alarms before it again from their counts.

    With the summaries they are judged again from the last snapshot before: exit status 3 if not the very same record
    comes out.
    """
    from monitor.why import explain_transitions

    with file.open("rb") as lines:
        verify_lines(lines)
    read = list(read_ledger(file))
    told = explain_transitions([record for record, _ in read], seq)
    again = _again([line for _, line in read], seq, summaries, config, profile) if summaries is not None else None
    if json_file is not None:
        print_json(json_file, {"transitions": [_plain(each) for each in told], "again": again})
    if json_file != "-":
        for line in [line for each in told for line in each.words] or ["the breaker never moved"]:
            typer.echo(line)
        if again is not None:
            typer.echo(
                f"judged again from record {again.base}: {again.summaries:,} summaries gave the very same bytes of all "
                f"{again.records:,} records up to there"
            )


def _again(lines: list[bytes], seq: int | None, summaries: Path, config: Path | None, profile: Path | None) -> Again:
    from monitor.building import breaker_policy
    from monitor.fitting import load_profiles
    from monitor.judge import Judge
    from monitor.topics import Topics
    from monitor.why import judge_again

    if config is None:
        raise UsageError("to judge the summaries again, give the configuration of the run as well: -c CFG")
    loaded = configuration(config)
    profiles, policy = load_profiles(loaded, profile), breaker_policy(loaded)
    counted = summaries.read_bytes().split(b"\n")[:-1]
    return judge_again(
        lines, counted, Topics.of(loaded).summaries, lambda: Judge(loaded, profiles, policy, lambda _seen, /: None), seq
    )


def _plain(told: Explained) -> dict[str, Any]:
    alarms = [dict(each.alarm) | {"log10_odds": each.log10_odds, "holds": each.holds} for each in told.alarms]
    return {"transition": told.transition, "alarms": alarms, "epochs": told.epochs, "words": told.words}


def _moment(text: str | None, option: str) -> float | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not a time; write 2026-01-31T12:00:00Z or 2026-01-31") from error


def _chosen(path: Path, kind: str | None, start: float | None, end: float | None) -> Iterator[dict[str, Any]]:
    for number, (record, _) in enumerate(read_ledger(path), start=1):
        if kind is not None and record.get("kind") != kind:
            continue
        if start is not None or end is not None:
            time = _time(record, number)
            if (start is not None and time < start) or (end is not None and time > end):
                continue
        yield record


def _time(record: Mapping[str, Any], number: int) -> float:
    try:
        return parse_time(record["time"])
    except (KeyError, AttributeError, ValueError) as error:
        raise LedgerBroken(number, "it has no readable time") from error


def _print_table(records: Iterator[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("seq", "time", "kind", "what happened", box=box.SIMPLE_HEAD)
    for record in records:
        head = (str(record.get(name, "?")) for name in ("seq", "time", "kind"))
        # Text, not markup: a ledger's strings come from a model's labels and from operators.
        table.add_row(*(Text(cell) for cell in head), Text(_words(record)))
    Console().print(table)


_HEAD = frozenset({"seq", "prev", "time", "kind", "hash"})


def _words(record: Mapping[str, Any]) -> str:
    """What a record says, short: its reason in words first, its moves as from → to, the rest by name."""
    fields = {name: value for name, value in record.items() if name not in _HEAD}
    words = [str(fields.pop(name)) for name in ("why", "reason", "text") if isinstance(fields.get(name), str)]
    if "from" in fields and "to" in fields:
        words.insert(0, f"{fields.pop('from')} → {fields.pop('to')}")
    words += [f"{name} {_short(value)}" for name, value in fields.items() if value is not None]
    return "; ".join(words)


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e9 else format_time(value)
    if isinstance(value, Mapping):
        plain = all(not isinstance(inner, Mapping | list) for inner in value.values())
        few = plain and len(value) <= 8
        return ", ".join(f"{n} {_short(v)}" for n, v in value.items()) if few else f"({len(value)} entries)"
    if isinstance(value, list):
        return f"({len(value)} entries)"
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"
