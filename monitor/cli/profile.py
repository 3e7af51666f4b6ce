"""`holdback profile`: what is normal from now on."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.breaker import configured, give_order
from monitor.cli.options import ConfigOption, JsonOption
from monitor.errors import UsageError

__all__ = ["accept", "app"]

app = typer.Typer(
    help="Say what is normal from now on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Keep `accept` a subcommand, though it is the only one."""


@app.command()
def accept(
    config: ConfigOption,
    reason: Annotated[str, typer.Option("--reason", help="Why it is meant to stay. Required.")] = "",
    version: Annotated[str | None, typer.Option("--version", help="Of the model; all of them by default.")] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Who says so. Default: your login name.")] = None,
    wait: Annotated[str, typer.Option("--wait", help="How long to wait for the judge's word.")] = "30s",
    json_file: JsonOption = None,
) -> None:
    """Accept what has changed: open episodes end, and what came since is what later events are compared with."""
    if not reason.strip():
        raise UsageError("`profile accept` needs --reason, such as --reason 'the new form is meant to stay'")
    give_order("accept", configured(config, None), version, None, reason, None, actor, wait, json_file)
