"""`holdback reviews`: people's queue on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json
from monitor.config import Config
from monitor.errors import UsageError
from monitor.terminal import printable

if TYPE_CHECKING:
    from monitor.operating.reviewing import PeoplesQueue

__all__ = ["answer", "app", "claim", "list_"]

app = typer.Typer(
    help="Answer what waits for a person.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Store = Annotated[
    Path | None, typer.Option("--store", help="The file that reviewers share. Default: reviews.sqlite in state_dir.")
]
_NOWHERE = ":memory:"
_Reviewer = Annotated[str, typer.Option("--reviewer", help="Who you are.", show_default=False)]


@app.command(name="list")
def list_(
    config: ConfigOption,
    store: _Store = None,
    limit: Annotated[int, typer.Option(min=1, help="The most urgent N.")] = 50,
    json_file: JsonOption = None,
) -> None:
    """Print what waits for a person, the most urgent first.

    Without a file, it is not known who looks at what.
    """
    import time

    from monitor.operating.review_words import row, shown

    loaded = configuration(config)
    unkept = Path(_NOWHERE) if store is None and loaded.state_dir is None else store
    with _queue(loaded, unkept) as queue:
        waiting = queue.waiting()
    now, age = time.time(), loaded.reviews.expire
    if json_file is not None:
        print_json(json_file, {"n": len(waiting), "reviews": [shown(each, now, age) for each in waiting[:limit]]})
    if json_file != "-":
        for each in waiting[:limit]:
            typer.echo(printable(row(each, now, age)))
        more = f"; the {limit} most urgent are shown" if len(waiting) > limit else ""
        typer.echo(
            f"{len(waiting):,} wait{'s' * (len(waiting) == 1)} for a person{more}" if waiting else "nothing waits"
        )


@app.command()
def claim(
    config: ConfigOption,
    reviewer: _Reviewer,
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 1,
    store: _Store = None,
    json_file: JsonOption = None,
) -> None:
    """Take the most urgent requests that nobody looks at; they are yours for ten minutes."""
    import time

    from fallback.desk import Held
    from monitor.operating.review_words import sheet, shown

    loaded, name = configuration(config), _named(reviewer)
    with _queue(loaded, store) as queue:
        taken = queue.claim(name, n)
        held = {each.item.decision_id: each for each in queue.waiting()}
    now, age = time.time(), loaded.reviews.expire
    if json_file is not None:
        mine = [held.get(each.decision_id, Held(each)) for each in taken]
        print_json(json_file, [shown(each, now, age) for each in mine])
    if json_file != "-":
        for each in taken:
            for line in sheet(each, now, age):
                typer.echo(printable(line))
            typer.echo(
                printable(
                    f"  -> holdback reviews answer {each.decision_id} --reviewer {reviewer} --answer ... -c {config}"
                )
            )
        if not taken:
            typer.echo("nothing waits that nobody looks at")


@app.command()
def answer(
    decision_id: Annotated[str, typer.Argument(metavar="DECISION_ID", help="As `claim` prints it.")],
    config: ConfigOption,
    reviewer: _Reviewer,
    given: Annotated[str, typer.Option("--answer", help="The class, or in regression the number.", show_default=False)],
    unlisted: Annotated[bool, typer.Option("--unlisted", help="It is a class that the model does not know.")] = False,
    store: _Store = None,
    json_file: JsonOption = None,
) -> None:
    """Answer a request that you have claimed; callers and the judge learn of it.

    With `reviews.reviewers` above 1 others are asked, too, until more than half of them say the same. Answering again
    changes nothing. Exit status 1 if it has expired, or another reviewer holds it.
    """
    from monitor.operating.review_words import came_of_it, parse_answer, result

    loaded, name = configuration(config), _named(reviewer)
    with _queue(loaded, store) as queue:
        item = queue.find(decision_id)
        said = given if item is None else parse_answer(item, given, loaded, unlisted=unlisted)
        settled, new = queue.answer(decision_id, name, said)
        queue.send()
    if json_file is not None:
        print_json(json_file, result(settled, new=new))
    if json_file != "-":
        typer.echo(printable(came_of_it(settled, new=new)))


@contextmanager
def _queue(config: Config, store: Path | None) -> Iterator[PeoplesQueue]:
    """The queue as of now: what was left unsent is sent, and what has come is read."""
    import time
    from contextlib import closing

    from monitor.operating.clients import reader
    from monitor.operating.reviewing import PeoplesQueue, store_path

    path = store_path(config, store)
    with reader(config, "reviews") as opened, closing(PeoplesQueue(config, path, time.time)) as queue:
        queue.send()
        queue.sync(opened)
        yield queue


def _named(reviewer: str) -> str:
    if not reviewer.strip():
        raise UsageError("--reviewer is empty: say who you are")
    return reviewer
