"""`holdback doctor`: can it reach, read and write what it needs?"""

from __future__ import annotations

from itertools import chain
from typing import Annotated

import typer

from monitor.cli.options import ConfigOption, JsonOption, configuration, print_json
from monitor.errors import CheckFailed
from monitor.terminal import printable

__all__ = ["doctor"]


def doctor(
    config: ConfigOption,
    fix: Annotated[
        bool, typer.Option("--fix", help="Create the topics that are missing; nothing that is there is changed.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Check all that the sidecar needs, one line each, with what to do.

    Exit status 3 if something keeps it from its work, 2 if the configuration itself cannot be used.
    """
    from monitor.doctor import Finding, examine

    loaded = configuration(config)
    found: list[Finding] = []
    for each in chain([Finding("configuration", "ok", f"{config}: model {loaded.model}")], examine(loaded, fix=fix)):
        found.append(each)
        if json_file != "-":
            typer.echo(printable(each.line))
    failed = [each for each in found if each.state == "fail"]
    if json_file is not None:
        print_json(json_file, {"ok": not failed, "checks": found})
    if failed:
        raise CheckFailed(f"{len(failed)} of {len(found)} checks fail: {', '.join(each.check for each in failed)}")
