"""How honest stated probabilities were, and what would be gained by answering the surest alone."""

from __future__ import annotations

from typing import Any

from monitor.page.html import Element, element
from monitor.page.words import chosen
from monitor.report.parts import Run, card, details, number, percent, table
from monitor.report.plot import Axis, Line, Plot, draw, number_axis, share_axis

__all__ = ["honesty", "risk"]


def honesty(run: Run) -> Element | None:
    """The reliability diagram: the model's own probabilities, and those that decisions state."""
    found = run.result.get("calibration") or {}
    before, after = found.get("before"), found.get("after")
    if before is None and after is None:
        return None
    lines = [Line("as stated", "ink", (0.0, 1.0), (0.0, 1.0), dashed=True)]
    lines += [_line(each, name, look) for each, name, look in _series(before, after) if each is not None]
    told = "; ".join(
        f"{name}: off by {percent(each['ece'])} on average" for each, name, _ in _series(before, after) if each
    )
    picture = draw(Plot(f"Share of right answers by stated probability. {told}.", _shares(), _shares(), lines))
    rows = [
        (name, percent(one["stated"]), percent(one["right"]), number(one["n"]))
        for each, name, _ in _series(before, after)
        if each is not None
        for one in each["bins"]
    ]
    heads = ("whose", "stated", "right", "answers")
    return card(
        "How honest stated probabilities were",
        picture,
        element("p", f"{told[:1].upper()}{told[1:]}, over 15 bins.", class_="hint"),
        details(
            "The same in numbers",
            table("Reliability", heads, rows, numbers=(1, 2, 3)),
        ),
        hint="How often answers were right, by the probability that was stated for them; on the dashed line both are "
        "equal. The bar does not hang on it: it works on ranks.",
    )


def risk(run: Run) -> Element | None:
    """The risk-coverage curve of the ranks, over the whole stream."""
    curve = (run.result.get("calibration") or {}).get("risk_coverage")
    if curve is None:
        return None
    coverage, wrong = curve["coverage"], curve["risk"]
    promise = run.config.promise.max_error
    told = f"Share of wrong answers among the surest, by how many are answered; the area below is {curve['aurc']:.4f}."
    axis = share_axis(max([*wrong, promise * 1.2]))
    line = Line("wrong among the surest", "model", coverage, wrong)
    picture = draw(Plot(told, _shares(), axis, [line], [(promise, f"promise {chosen(promise)}")]))
    rows = [(percent(share), percent(lost)) for share, lost in zip(coverage, wrong, strict=True)]
    return card(
        "What answering the surest alone gains",
        picture,
        element("p", f"Area under the curve (AURC): {curve['aurc']:.4f}.", class_="hint"),
        details("The same in numbers", table("Risk and coverage", ("answered", "wrong"), rows, numbers=(1,))),
        hint="The whole stream in the order of the model's confidence rank: of so many answered, how many would have "
        "been wrong. A confidence that tells nothing draws a level line.",
    )


def _series(before: Any, after: Any) -> tuple[tuple[Any, str, str], tuple[Any, str, str]]:
    return (before, "the model's own", "bad"), (after, "stated in decisions", "model")


def _line(diagram: dict[str, Any], name: str, look: str) -> Line:
    bins = diagram["bins"]
    return Line(name, look, [each["stated"] for each in bins], [each["right"] for each in bins])


def _shares() -> Axis:
    axis = number_axis(0.0, 1.0)
    return Axis(axis.low, axis.high, tuple((at, f"{100 * at:.3g}\u202f%") for at, _ in axis.ticks))
