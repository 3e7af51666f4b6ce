"""The command line: `holdback COMMAND`.

Each command is a module of this package, named like it, and is imported when it runs, not before: `--help` is quick,
and needs nothing heavy.
To add one, write `monitor/cli/NAME.py` with either

    def NAME(config: ConfigOption, json_file: JsonOption = None) -> None: ...   # a function with typer's annotations
    app = typer.Typer(...)                                     # or a typer app, for `holdback NAME SUBCOMMAND`

and a line in `COMMANDS`. A dash in a command's name is an underscore in its module's and function's. A command that
fails raises a HoldbackError: its message goes to standard error, and its `exit_status` is the process's.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Annotated

import typer

from monitor import __version__
from monitor.errors import HoldbackError

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = MappingProxyType(
    {
        "demo": "Watch a classifier go wrong while its camera turns, and Holdback hold it back.",
        "init": "Write a commented starter configuration from a sample of events.",
        "check": "Report every fault of a configuration, each with its path.",
        "fit": "Fit the profile, what normal looks like, from reference data.",
        "backtest": "Run a recorded stream through the production pipeline.",
        "run": "Run the sidecar.",
        "doctor": "Check that it can reach, read and write what it needs.",
        "breaker": "Show the breaker, or overrule it for a while.",
        "profile": "Say what is normal from now on: accept what has changed.",
        "reviews": "Answer what waits for a person.",
        "dead-letters": "Show what could not be taken, and take it in again.",
        "ledger": "Verify, show or explain the record of verdicts.",
        "schema": "Print the JSON Schema of the configuration or of a record.",
    }
)
"""Every command with its line in `--help`."""

app = typer.Typer(
    name="holdback",
    help="A streaming sidecar for served models: it notices when a model can no longer be trusted, "
    "and holds its answers back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help needs no import of rich, and shows brackets as they are
)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line, and leave with its exit status.

    0 done, 1 failed while running, 2 unusable arguments or configuration, 3 a check that was asked for does not hold.
    """
    try:
        app(args=None if args is None else list(args), prog_name="holdback")
    except HoldbackError as error:
        typer.echo(f"holdback: {error}", err=True)
        sys.exit(error.exit_status)
    except OSError as error:
        named = error.strerror and error.filename is not None
        told = f"{str(error.filename)!r} cannot be used: {error.strerror}" if named else str(error)
        typer.echo(f"holdback: {told}", err=True)
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"holdback {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Hold the options that belong to no command."""


def _load(name: str) -> typer.Typer:
    """The typer app of a command; imports its module."""
    module_name = name.replace("-", "_")
    module = importlib.import_module(f"monitor.cli.{module_name}")
    loaded = getattr(module, "app", None)
    if isinstance(loaded, typer.Typer):
        return loaded
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name)(getattr(module, module_name))
    return alone


def _forward(name: str) -> Callable[[typer.Context], None]:
    """A stand-in that hands everything after the command's name on to the real one."""

    def command(context: typer.Context) -> None:
        _load(name)(args=context.args, prog_name=context.command_path)

    return command


for _name, _help in COMMANDS.items():
    app.command(
        _name,
        help=_help,
        add_help_option=False,
        context_settings={
            "ignore_unknown_options": True,
            "allow_extra_args": True,
            "allow_interspersed_args": False,
            "help_option_names": [],
        },
    )(_forward(_name))
