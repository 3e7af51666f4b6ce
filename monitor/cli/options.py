"""Options that several commands share, and how a result is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from monitor.config import Config, load_config
from monitor.errors import UsageError

__all__ = ["ConfigOption", "JsonOption", "acting", "configuration", "print_json", "progress_bar", "to_be_written"]

ConfigOption = Annotated[
    Path, typer.Option("-c", "--config", help="The configuration, a YAML file.", show_default=False)
]
JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output.")
]


def configuration(path: Path) -> Config:
    """The configuration in `path` under the process's environment; raises ConfigError."""
    return load_config(path, os.environ)


def print_json(target: str, result: Any) -> None:
    """Write `result` to the file `target`, or to standard output for -. NaN and infinities become null."""
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"
    if target == "-":
        typer.echo(text, nl=False)
    else:
        Path(target).write_text(text, encoding="utf-8")


def to_be_written(**files: str | Path | None) -> None:
    """Raise UsageError for files that cannot be written, by their option, before hours of work are lost for that."""
    for option, file in files.items():
        if file is None or file == "-":
            continue
        folder = Path(file).parent
        if not folder.is_dir():
            raise UsageError(f"--{option} {str(file)!r}: there is no folder {str(folder)!r}; make it first")
        if Path(file).is_dir():
            raise UsageError(f"--{option} {str(file)!r} is a folder; name a file in it")


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float, int], None]]:
    """A bar on standard error, if that is a terminal; yields what is told the share done and the rows."""
    if not sys.stderr.isatty():
        yield lambda _share, _rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.fields[rows]:,} rows"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0, rows=0)
        yield lambda share, rows: bar.update(task, completed=share, rows=rows)


def acting(actor: str | None) -> str:
    """Who gives an order: by name, or whoever is logged in."""
    import getpass

    try:
        name = actor if actor is not None else getpass.getuser()
    except (OSError, KeyError, ImportError):
        name = ""
    if not name.strip():
        raise UsageError("who gives this order? This user has no name here; give one with --actor")
    return name
