"""`holdback ledger`: is the record of verdicts whole, and what does it say?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json
from monitor.errors import UsageError
from monitor.events.times import parse_time
from monitor.ledger.chain import LedgerBroken, read_lines
from monitor.ledger.chain import verify as verify_lines
from monitor.ledger.words import words
from monitor.terminal import printable

if TYPE_CHECKING:
    from monitor.judging.why import Again, Explained

__all__ = ["app", "save", "show", "verify", "why"]

app = typer.Typer(
    help="Verify, show or explain the record of verdicts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_LedgerFile = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="The ledger; or -c for its topic."),
]
_Config = Annotated[
    Path | None, typer.Option("-c", "--config", help="The configuration: the ledger is read from its broker.")
]
_MOVES = tuple(b'"kind":"%s"' % kind for kind in (b"alarm", b"examples", b"epoch", b"order", b"transition"))


@app.command()
def verify(
    file: _LedgerFile = None,
    config: _Config = None,
    head: Annotated[str | None, typer.Option(metavar="HASH", help="What the last record's hash must be.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Check the hash chain over every byte. Exit status 3 and the first bad record if it does not hold.

    Only --head can tell that the end was cut off: keep the head that a run reports somewhere else.
    """
    try:
        with _opened(file, config) as (name, lines):
            verified = verify_lines(lines, head)
    except LedgerBroken as broken:
        if json_file is not None:
            print_json(json_file, {"ok": False, "line": broken.line, "what": broken.what})
        raise
    if json_file is not None:
        print_json(json_file, {"ok": True, "records": verified.records, "head": verified.head})
    if json_file != "-":
        typer.echo(f"{name}: {verified.records} records, all whole and in order; head {verified.head}")


@app.command()
def show(
    file: _LedgerFile = None,
    config: _Config = None,
    kind: Annotated[str | None, typer.Option(help="Only records of this kind.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only from this time on.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only up to this time.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Print the records, one a line. Does not check the chain; `verify` does."""
    first, last = _moment(start, "--from"), _moment(end, "--to")
    with _opened(file, config, first) as (_, lines):
        records = _chosen(lines, kind, first, last)
        if json_file is not None:
            print_json(json_file, list(records))
        else:
            _print_table(records)


@app.command()
def why(
    file: _LedgerFile = None,
    config: _Config = None,
    seq: Annotated[int | None, typer.Option(metavar="N", help="Only the transition in this record.")] = None,
    summaries: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The summaries beside FILE, to judge them again.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="With -c alone: judge the topic's summaries again.")] = False,
    profile: Annotated[Path | None, typer.Option(help="The run's profile; default: the configured one.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Say why the breaker moved, and derive the alarms before it again from their counts.

    With the summaries they are judged again from the last snapshot before: exit status 3 if not the very same record
    comes out.
    """
    from monitor.judging.why import explain_transitions

    if summaries is not None and (file is None or config is None):
        raise UsageError("to judge the summaries again, give the ledger's FILE and the run's configuration: -c CFG")
    if again and (file is not None or config is None):
        raise UsageError("--again reads the summaries from the broker: give -c CFG, and no FILE")
    moves: list[bytes] = []
    lines: list[bytes] = []
    with _opened(file, None if file is not None else config) as (_, read):
        verify_lines(_kept(read, moves, lines if again or summaries is not None else None))
    told = explain_transitions([record for record, _ in read_lines(moves)], seq)
    result = None
    if config is not None and (again or summaries is not None):
        result = _again(lines, seq, config, profile, summaries)
    if json_file is not None:
        print_json(json_file, {"transitions": [_plain(each) for each in told], "again": result})
    if json_file != "-":
        for line in [line for each in told for line in each.words] or ["the breaker never moved"]:
            typer.echo(printable(line))
        if result is not None:
            typer.echo(
                f"judged again from record {result.base}: {result.summaries:,} summaries gave the very same bytes of "
                f"all {result.records:,} records up to there"
            )


@app.command()
def save(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; must be new.", show_default=False)],
    config: ConfigOption,
) -> None:
    """Copy the ledger from its topic into a file, byte by byte, whether or not it is whole; `verify FILE` checks it."""
    n = 0
    with _opened(None, config) as (name, lines):
        try:
            with target.open("xb") as file:
                for line in lines:
                    file.write(line + b"\n")
                    n += 1
        except FileExistsError as error:
            raise UsageError(f"{str(target)!r} is already there; give a new file") from error
    typer.echo(f"{name}: {n:,} records written to {target}")


@contextmanager
def _opened(
    file: Path | None, config: Path | None, since: float | None = None
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The ledger's name and lines, of a file or of a broker; there about from `since` on."""
    if (file is None) == (config is None):
        raise UsageError("give either the ledger's FILE, or the configuration of the model whose topic it is: -c CFG")
    if file is not None:
        with file.open("rb") as lines:
            yield str(file), lines
        return
    assert config is not None
    from monitor.ledger.topic import lines_of
    from monitor.operating.clients import reader, require
    from monitor.topics import Topics

    loaded = configuration(config)
    topic = Topics.of(loaded).ledger
    with reader(loaded, "ledger") as opened:
        require(opened, loaded, "ledger")
        # records are written when they are judged, and the judge's clock may differ from the broker's
        offset = 0 if since is None else opened.since(topic, 0, since - _CLOCKS_APART)
        yield f"topic {topic}", lines_of(opened, topic, offset)


_CLOCKS_APART = 86400.0


def _kept(lines: Iterable[bytes], moves: list[bytes], everything: list[bytes] | None) -> Iterator[bytes]:
    """Pass lines on, and keep those that tell of a move, or all of them."""
    for raw in lines:
        line = raw.removesuffix(b"\n")
        if any(kind in line[:200] for kind in _MOVES):
            moves.append(line)
        if everything is not None:
            everything.append(line)
        yield line


def _again(lines: list[bytes], seq: int | None, config: Path, profile: Path | None, summaries: Path | None) -> Again:
    """Judge again, from a file of summaries or from their topic."""
    from monitor.building import breaker_policy
    from monitor.fit.fitting import load_profiles
    from monitor.judging.judge import Judge
    from monitor.judging.why import judge_again
    from monitor.topics import Topics

    loaded = configuration(config)
    profiles, policy, topic = load_profiles(loaded, profile), breaker_policy(loaded), Topics.of(loaded).summaries

    def new_judge() -> Judge:
        return Judge(loaded, profiles, policy, lambda _seen, /: None)

    if summaries is not None:
        counted = summaries.read_bytes().split(b"\n")[:-1]
        return judge_again(lines, lambda first: enumerate(counted[first:], first), topic, new_judge, seq)
    from monitor.ledger.topic import numbered
    from monitor.operating.clients import reader, require

    with reader(loaded, "ledger") as opened:
        require(opened, loaded, "summaries")
        kept = opened.read(topic, 0, 0, 1).offsets
        first = kept[0] if kept else opened.end(topic, 0)
        return judge_again(lines, lambda offset: numbered(opened, topic, offset), topic, new_judge, seq, first)


def _plain(told: Explained) -> dict[str, Any]:
    alarms = [
        dict(each.alarm) | {"log10_odds": each.log10_odds, "holds": each.holds, "examples": each.examples}
        for each in told.alarms
    ]
    return {"transition": told.transition, "alarms": alarms, "epochs": told.epochs, "words": told.words}


def _moment(text: str | None, option: str) -> float | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not a time; write 2026-01-31T12:00:00Z or 2026-01-31") from error


def _chosen(
    lines: Iterable[bytes], kind: str | None, start: float | None, end: float | None
) -> Iterator[dict[str, Any]]:
    for number, (record, _) in enumerate(read_lines(lines), start=1):
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
        table.add_row(*(Text(cell) for cell in head), Text(printable(words(record))))
    Console().print(table)
