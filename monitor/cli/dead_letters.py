"""`holdback dead-letters`: what could not be taken, and how it is taken in again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nlargest
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json
from monitor.errors import UsageError
from monitor.events.times import format_time, parse_time
from monitor.terminal import printable

if TYPE_CHECKING:
    from monitor.operating.dead_letters import Letter, Replayed, Wish

__all__ = ["app", "list_", "replay"]

app = typer.Typer(
    help="Show what could not be taken, and take it in again.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only of this reason; may be given again.")]
_Ids = Annotated[list[str] | None, typer.Option("--id", help="Only of the request with this id; may be given again.")]
_Places = Annotated[
    list[str] | None, typer.Option("--at", metavar="P:OFFSET", help="Only this one, as `list` names it; again, too.")
]
_Since = Annotated[str | None, typer.Option("--since", help="Only since a time, or so long ago: 2h.")]


@app.command(name="list")
def list_(
    config: ConfigOption,
    reason: _Reasons = None,
    id_: _Ids = None,
    at: _Places = None,
    since: _Since = None,
    limit: Annotated[int, typer.Option(min=1, help="The last N.")] = 50,
    json_file: JsonOption = None,
) -> None:
    """Print the last dead letters: when, why, from where, and how large."""
    from monitor.operating.clients import reader
    from monitor.operating.dead_letters import letters

    loaded, wish, start = configuration(config), _wish(reason, id_, at), _moment(since)
    counts: Counter[str] = Counter()
    with reader(loaded, "dead-letters") as opened:
        found = (each for each in letters(opened, loaded, start) if wish is None or wish.means(each))
        last = nlargest(limit, _counted(found, counts), key=lambda each: (each.written, each.partition, each.offset))
    last.reverse()
    if json_file is not None:
        rows = [_plain(each) for each in last]
        print_json(json_file, {"n": counts.total(), "reasons": dict(counts), "letters": rows})
    if json_file != "-":
        for line in _told(last, counts):
            typer.echo(line)


@app.command()
def replay(
    config: ConfigOption,
    reason: _Reasons = None,
    id_: _Ids = None,
    at: _Places = None,
    since: _Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
    json_file: JsonOption = None,
) -> None:
    """Write the original records back to the topics that they came from, to be taken in again.

    All of them, or those of a reason, an id or a place. Records that were refused as `duplicate` only if you ask for
    them; those that are wrong still are refused again.
    """
    from monitor.operating.dead_letters import Wish
    from monitor.operating.dead_letters import replay as write_back

    loaded, wish = configuration(config), _wish(reason, id_, at)
    result = write_back(loaded, wish or Wish(), _moment(since), dry=dry_run)
    if json_file is not None:
        print_json(json_file, result)
    if json_file != "-":
        for line in _said(result, dry=dry_run):
            typer.echo(line)


def _wish(reasons: list[str] | None, ids: list[str] | None, places: list[str] | None) -> Wish | None:
    """What was asked for; None if nothing was."""
    from monitor.events import DeadLetterReason
    from monitor.operating.dead_letters import Wish

    known = [each.value for each in DeadLetterReason]
    for each in reasons or ():
        if each not in known:
            raise UsageError(f"--reason {each!r}: there is no such reason; there are {', '.join(known)}")
    for each in places or ():
        partition, _, offset = each.partition(":")
        if not (partition.isdecimal() and offset.isdecimal()):
            raise UsageError(f"--at {each!r} is not a place such as 0:17, as `dead-letters list` prints it")
    if not (reasons or ids or places):
        return None
    return Wish(frozenset(reasons or ()), frozenset(ids or ()), frozenset(places or ()))


def _moment(text: str | None) -> float | None:
    """A time, or a duration before now."""
    if text is None:
        return None
    import time

    from monitor.config import parse_duration

    try:
        return parse_time(text)
    except ValueError:
        pass
    try:
        return time.time() - parse_duration(text)
    except ValueError as error:
        raise UsageError(
            f"--since {text!r} is neither a time such as 2026-01-31T12:00:00Z nor a duration such as 2h"
        ) from error


def _counted(found: Iterable[Letter], counts: Counter[str]) -> Iterator[Letter]:
    for each in found:
        counts[each.letter.reason.value] += 1
        yield each


def _plain(each: Letter) -> dict[str, Any]:
    letter = each.letter
    return {
        "at": each.place,
        "written": format_time(each.written),
        "time": letter.time,
        "reason": letter.reason,
        "detail": letter.detail,
        "id": each.id,
        "source": letter.source,
        "size": len(letter.payload),
        "bytes": letter.payload,
    }


def _told(last: list[Letter], counts: Counter[str]) -> Iterator[str]:
    if not counts:
        yield "no dead letters"
        return
    for each in last:
        letter, source = each.letter, each.letter.source
        of = f", id {each.id[:80]}" if each.id is not None else ""
        came = f"{source.topic} {source.partition}:{source.offset}" if source.offset >= 0 else source.topic
        when = format_time(float(int(each.written)))
        what = printable(f"{came}, {len(letter.payload):,} bytes{of}: {letter.detail}")
        yield f"{each.place:<8} {when}  {letter.reason.value:<11} {what}"
    told = ", ".join(f"{reason} {n:,}" for reason, n in counts.most_common())
    more = f"; the last {len(last):,} are shown, --limit shows more" if counts.total() > len(last) else ""
    yield f"{counts.total():,} in all: {told}{more}"


def _said(result: Replayed, *, dry: bool) -> Iterator[str]:
    would = "would be written" if dry else "written"
    for topic, n in result.written.items():
        yield f"{n:,} {would} to {topic}"
    if not result.written:
        yield "nothing to write"
    for topic, n in result.elsewhere.items():
        yield f"{n:,} left alone: {topic} is neither this configuration's topic of predictions nor that of outcomes"
    if result.empty:
        yield f"{result.empty:,} left alone: they had no value"
    if result.written and not dry:
        yield "what is still wrong with them comes back as dead letters; `dead-letters list --since 1m` shows it"
