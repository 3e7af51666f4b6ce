"""Whether an aim is met, where what is known has an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.tables import rounded

from .changes import CHANGES
from .delays import Group
from .false_alarms import Ratio

__all__ = ["delay_aims", "false_alarm_aims", "far_apart", "memory_aim", "season_aim"]

_LABEL_AIMS = {"rate known": 80.0, "500 labels": 100.0, "500 labels, 50,000 healthy": 100.0}
_FAR = 0.5


def far_apart(ratio: Ratio) -> bool:
    """Whether a ratio is surely below a half: then something is wrong, and not only unlucky."""
    return ratio.high < _FAR


def false_alarm_aims(ratios: Mapping[tuple[int, int], Sequence[Ratio]], *, kept: bool) -> list[str]:
    """Lines on the aims for rows that are exchangeable; ratios by batch and rows of the reference."""
    every = [each for some in ratios.values() for each in some]
    fine = [each for (batch, _), some in ratios.items() if batch <= 10 for each in some]
    return [
        _least("false alarms at least A apart everywhere", every, 1.0),
        _most("at most 4 A apart at n ≤ 10, so that no evidence is wasted", fine, 4.0),
        f"- Aim: P(alarm by t) ≤ t / A. {'Met: nowhere' if kept else 'Missed: somewhere'} surely more.",
    ]


def memory_aim(remembered: Sequence[Ratio]) -> str:
    """A line on the aim for rows that remember those before them."""
    return _least("rows that remember, tempered, at least A / 2 apart", remembered, 0.5)


def season_aim(seasonal: Sequence[Ratio]) -> str:
    """A line on the aim for rows that follow the time of day."""
    return _least("a daily sine, in the context that `fit` proposes, at least A apart", seasonal, 1.0)


def _least(wanted: str, ratios: Sequence[Ratio], limit: float) -> str:
    seen = [each for each in ratios if each.alarms]
    if not seen:
        return f"- Aim: {wanted}. Met as far as can be told: no alarm."
    worst = min(seen, key=lambda each: each.value)
    surely = sum(each.high < limit for each in ratios)
    verdict = "Met" if worst.value >= limit else "Met as far as can be told" if not surely else "Missed"
    below = sum(each.value < limit for each in seen)
    tail = f", {below} of {len(ratios)} are below, {surely} of them surely" if below else ""
    return f"- Aim: {wanted}. {verdict}: the least is {_words(worst)}{tail}."


def _most(wanted: str, ratios: Sequence[Ratio], limit: float) -> str:
    worst = max(ratios, key=lambda each: each.low)
    surely = sum(each.low > limit for each in ratios)
    verdict = "Missed" if surely else "Met as far as can be told"
    tail = f", {surely} of {len(ratios)} surely above" if surely else ""
    return f"- Aim: {wanted}. {verdict}: the most is {_words(worst)}{tail}."


def _words(ratio: Ratio) -> str:
    return f"{ratio.value:.2g} ({ratio.low:.2g} to {ratio.high:.2g})"


def delay_aims(made: Sequence[Group]) -> list[str]:
    """A line for each aim on a delay."""
    wanted = {change.name: change.aims for change in CHANGES}
    wanted |= {name: {10: limit} for name, limit in _LABEL_AIMS.items()}
    lines = []
    for group in made:
        for at, name in enumerate(group.changes):
            for batch, limit in wanted.get(name, {}).items():
                found = group.ours[batch][at]
                # within one standard error of the aim more streams would have to say
                near = "Missed" if found.delay - found.noise > limit else "Met within a standard error"
                verdict = "Met" if found.delay <= limit and not found.missed else near
                what = f"error .10 to .30, {name}" if group.kind == "labels" else name
                lines.append(
                    f"- Aim: {what} in at most {limit:,.0f} events at n = {batch}. "
                    f"{verdict}: {rounded(found.delay)} ± {rounded(found.noise)}."
                )
    return lines
