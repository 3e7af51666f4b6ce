"""`holdback breaker`: how it stands, and an operator's word on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from monitor.cli.options import ConfigOption, JsonOption, acting, configuration, print_json
from monitor.config import Config
from monitor.errors import RunError, UsageError
from monitor.terminal import printable

if TYPE_CHECKING:
    from monitor.ledger.standings import Standing
    from monitor.operating.orders_sent import Heard

__all__ = ["accept", "app", "auto", "close", "configured", "give_order", "open_", "status"]

app = typer.Typer(
    help="Show the breaker, or overrule it for a while.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Order = Literal["open", "close", "auto", "accept"]
_Model = Annotated[str | None, typer.Option("--model", help="Must be the configuration's.")]
_Version = Annotated[str | None, typer.Option("--version", help="Of the model; all of them by default.")]
_Segment = Annotated[
    str | None, typer.Option("--segment", metavar="NAME=VALUE", help="The breaker of one group, as region=north.")
]
_Reason = Annotated[str, typer.Option("--reason", help="Why; the next on call will read it.")]
_For = Annotated[str | None, typer.Option("--for", metavar="30m", help="How long it holds; at most 7d. Required.")]
_Actor = Annotated[str | None, typer.Option("--actor", help="Who says so. Default: your login name.")]
_Wait = Annotated[str, typer.Option("--wait", help="How long to wait for the judge's word.")]


@app.command()
def status(
    config: ConfigOption,
    model: _Model = None,
    version: _Version = None,
    segment: _Segment = None,
    json_file: JsonOption = None,
) -> None:
    """Say how the breaker of each version stands, since when, why, and what it waits for."""
    import time

    from monitor.building import breaker_policy
    from monitor.ledger.standings import standings
    from monitor.ledger.topic import since_base
    from monitor.operating.clients import reader, require
    from monitor.topics import Topics

    loaded = configured(config, model)
    with reader(loaded, "breaker") as ledger:
        require(ledger, loaded, "ledger")
        lines = since_base(ledger, Topics.of(loaded).ledger)
    found = standings(lines, breaker_policy(loaded), time.time())
    if not found:
        raise RunError(
            "no version has a profile, so there is nothing to judge; name one in `profile`, see `holdback fit`"
        )
    known = ", ".join(dict.fromkeys(each.version for each in found))
    of_version = [each for each in found if version in (None, each.version)]
    if not of_version:
        raise UsageError(f"the ledger knows no version {version!r}; versions: {known}")
    chosen = [each for each in of_version if segment in (None, each.segment)]
    if not chosen:
        moved = ", ".join(dict.fromkeys(each.segment for each in of_version if each.segment)) or "none"
        raise UsageError(f"no breaker of a group {segment!r} has ever left CLOSED; groups whose breaker has: {moved}")
    mode = loaded.breaker.mode
    if json_file is not None:
        print_json(json_file, {"model": loaded.model, "mode": mode, "versions": chosen})
    if json_file != "-":
        for line in [line for each in chosen for line in _told(loaded, each)]:
            typer.echo(printable(line))
        if mode == "observe":
            typer.echo("breaker.mode is observe: it is recorded what would be done, and nobody is diverted")


@app.command(name="open")
def open_(
    config: ConfigOption,
    model: _Model = None,
    version: _Version = None,
    segment: _Segment = None,
    reason: _Reason = "",
    for_: _For = None,
    actor: _Actor = None,
    wait: _Wait = "30s",
    json_file: JsonOption = None,
) -> None:
    """Let the model answer nothing for a while; needs --reason and --for."""
    give_order("open", configured(config, model), version, segment, reason, for_, actor, wait, json_file)


@app.command()
def close(
    config: ConfigOption,
    model: _Model = None,
    version: _Version = None,
    segment: _Segment = None,
    reason: _Reason = "",
    for_: _For = None,
    actor: _Actor = None,
    wait: _Wait = "30s",
    json_file: JsonOption = None,
) -> None:
    """Let the model answer everything for a while, with no guarantee; needs --reason and --for."""
    give_order("close", configured(config, model), version, segment, reason, for_, actor, wait, json_file)


@app.command()
def auto(
    config: ConfigOption,
    model: _Model = None,
    version: _Version = None,
    segment: _Segment = None,
    reason: _Reason = "",
    actor: _Actor = None,
    wait: _Wait = "30s",
    json_file: JsonOption = None,
) -> None:
    """End an order, or release a breaker that waits for a person: the evidence decides again."""
    give_order("auto", configured(config, model), version, segment, reason, None, actor, wait, json_file)


@app.command()
def accept(
    config: ConfigOption,
    model: _Model = None,
    version: _Version = None,
    segment: _Segment = None,
    reason: _Reason = "",
    actor: _Actor = None,
    wait: _Wait = "30s",
    json_file: JsonOption = None,
) -> None:
    """End the episode as well: what has changed is meant to stay. The same as `holdback profile accept`."""
    give_order("accept", configured(config, model), version, segment, reason, None, actor, wait, json_file)


def configured(config: Any, model: str | None) -> Config:
    """Load the configuration, if it is of this model."""
    loaded = configuration(config)
    if model is not None and model != loaded.model:
        raise UsageError(
            f"--model {model!r}: the configuration {config} is of model {loaded.model!r}; give that of yours"
        )
    return loaded


def give_order(
    order: _Order,
    config: Config,
    version: str | None,
    segment: str | None,
    reason: str,
    for_: str | None,
    actor: str | None,
    wait: str,
    json_file: str | None,
) -> None:
    """Give the judge an order, and print what came of it."""
    from uuid import uuid4

    from msgspec import UNSET

    from monitor.operating.orders_sent import give
    from monitor.summaries import OperatorOrder

    if order in ("open", "close") and (not reason.strip() or for_ is None):
        raise UsageError(f"`breaker {order}` needs --reason and --for, such as --reason 'bad release' --for 30m")
    if len(reason) > _LONGEST_REASON:
        raise UsageError(f"--reason has {len(reason)} characters, at most {_LONGEST_REASON} are kept")
    sent = OperatorOrder(
        id=uuid4().hex,
        order=order,
        actor=acting(actor),
        reason=reason,
        seconds=None if for_ is None else _seconds(for_, "--for"),
        version=version,
        segment=UNSET if segment is None else segment,
    )
    heard = give(config, sent, _seconds(wait, "--wait"))
    if json_file is not None:
        print_json(json_file, _plain(heard))
    if heard.refused is not None:
        raise RunError(f"the judge refused `{order}`: {heard.refused}")
    if json_file != "-":
        for line in _said(config, heard):
            typer.echo(printable(line))


_LONGEST_REASON = 1000


def _seconds(text: str, option: str) -> float:
    from monitor.config import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not a duration such as 30s, 30m, 2h or 1d") from error


def _plain(heard: Heard) -> dict[str, Any]:
    record = heard.record
    names = ("id", "order", "actor", "reason", "version", "refused", "time", "rebased")
    return {name: record.get(name) for name in names if name in record} | {
        "ledger_record": record["seq"],
        "transitions": heard.transitions,
        "versions": heard.states,
    }


def _said(config: Config, heard: Heard) -> list[str]:
    """What came of an order."""
    record = heard.record
    wanted, segment = record.get("version"), record.get("segment")
    where = f", {segment}" if segment else ""
    lines = [f"`{record['order']}` was carried out: record {record['seq']} of the ledger, {_second(record['time'])}"]
    moved = {step["version"]: step for step in heard.transitions}
    for version, state in heard.states.items():
        if wanted not in (None, version):
            continue
        step = moved.get(version)
        accepted = record.get("rebased", {}).get(version)
        if accepted is not None:
            lines.append(f"{config.model} {version}: {accepted}")
        if step is None:
            lines.append(f"{config.model} {version}{where}: nothing to do, it is {_upper(state)}")
            continue
        until = _until(step)
        lines.append(
            f"{config.model} {version}{where}: {_upper(step['from'])} -> {_upper(step['to'])}{until}: {step['reason']}"
        )
    return lines


def _until(step: Any) -> str:
    from monitor.events import format_time

    override = step.get("override")
    return "" if override is None else f", until {_second(format_time(override['until']))}"


def _told(config: Config, each: Standing) -> list[str]:
    """How a version stands."""
    shadow = "" if each.would_have == each.state else f" (the evidence alone would have it {_upper(each.would_have)})"
    why = f": {each.cause}, {each.reason}" if each.cause else ""
    since = _second(each.since) if each.since else "the start"
    where = f", {each.segment}" if each.segment else ""
    told = [f"{config.model} {each.version}{where}: {_upper(each.state)}{shadow} since {since}{why}"]
    rows: Sequence[tuple[str, str]] = (
        ("last verdict", _age(each)),
        (
            "epoch",
            f"{each.epoch}, threshold {_rank(each.threshold)}, suspicion {each.suspicion:.3f}, guarantee "
            f"{each.guarantee}" + ("" if each.ramp >= 1 else f", ramp {100 * each.ramp:g} %"),
        ),
    )
    if each.override is not None:
        order = each.override
        rows = (
            *rows,
            ("ordered", f"{_upper(order.state)} by {order.actor} until {_second(order.until)}: {order.reason}"),
        )
    if each.waits_for:
        rows = (*rows, ("waits for", each.waits_for))
    return told + [f"  {name:<13} {text}" for name, text in rows]


def _age(each: Standing) -> str:
    blind = ": what holds is not known. Does a replica run?" if each.health == "blind" else ""
    return "none: no event was counted yet" if each.age is None else f"{each.age:.0f} s old, {each.health}{blind}"


def _rank(threshold: float | None) -> str:
    return "nothing passes" if threshold is None or threshold > 1 else f"{threshold:.3f}"


def _upper(state: str) -> str:
    return state.upper()


def _second(time: str) -> str:
    """A time to the second."""
    return time[:19] + "Z"
