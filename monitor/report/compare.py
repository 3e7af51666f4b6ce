"""What if? The same stream under other configurations, side by side: for the report and for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from monitor.page.html import Element, element
from monitor.report.parts import Run, card, number, percent, table

__all__ = ["compare", "compared_lines", "measures"]

_Measure = tuple[str, Callable[[dict[str, Any]], str]]


def _share(*path: str) -> Callable[[dict[str, Any]], str]:
    def read(result: dict[str, Any]) -> str:
        value: Any = result
        for key in path:
            value = value[key]
        return percent(value)

    return read


def _routed(name: str) -> Callable[[dict[str, Any]], str]:
    def read(result: dict[str, Any]) -> str:
        return percent(result["routes"][name] / max(sum(result["routes"].values()), 1))

    return read


def _alarms(level: str) -> Callable[[dict[str, Any]], str]:
    return lambda result: number(sum(each["level"] == level for each in result["alarms"]))


def _first_open(result: dict[str, Any]) -> str:
    return next((f"{each['event']:,}" for each in result["breaker"] if each["to"].lower() == "open"), "never")


measures: tuple[_Measure, ...] = (
    ("promised: wrong at most", _share("accepted", "promise")),
    ("wrong among accepted", _share("accepted", "error_rate")),
    ("callers got wrong answers", _share("answered", "error_rate")),
    ("the model alone would be wrong", _share("always_answering", "error_rate")),
    ("answered by the model", _routed("model")),
    ("by the fallback", _routed("fallback")),
    ("by people", _routed("human")),
    ("refused", _routed("refuse")),
    ("accepted answers certified", _share("guarantee", "certified")),
    ("coverage", _share("coverage", "overall")),
    ("warnings", _alarms("warning")),
    ("alarms of harm", _alarms("page")),
    ("steps of the breaker", lambda result: number(len(result["breaker"]))),
    ("first opened at event", _first_open),
)
"""What is compared, and how each is read from a result."""


def compare(runs: Sequence[Run]) -> Element | None:
    """A column a configuration; None if there is only one."""
    if len(runs) < 2:
        return None
    heads = ("", *(_spaced(run.change) or "as configured" for run in runs))
    rows = [(name, *(read(run.result) for run in runs)) for name, read in measures]
    return card(
        "What if?",
        table("The same stream under each configuration", heads, rows, numbers=range(1, len(heads))),
        element("p", "All else on this page is as configured.", class_="hint"),
        hint="The same stream, run anew under each change of the configuration.",
    )


def _spaced(change: str) -> str:
    """With room to break the line in."""
    return change.replace("=", " = ").replace(";", "; ")


def compared_lines(results: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """The same for a terminal."""
    columns = [["", *(name for name, _ in measures)]]
    columns += [[change or "as configured", *(read(result) for _, read in measures)] for change, result in results]
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for cells in zip(*columns, strict=True):
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return lines
