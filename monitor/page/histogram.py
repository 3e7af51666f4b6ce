"""A histogram of now as columns, the reference as a line over them: they differ in shape, so no colour is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.page.html import Element, element

__all__ = ["Histogram"]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of the events by bin, in a picture of some units.

    Attributes
    ----------
    before, now
        (bins,): shares of the reference, and of what is compared with it.
    width, height
        Of one bin, and of the greatest share, in units of the picture.
    gap
        Share of a bin's width that is free at either side of its column.
    """

    before: Sequence[float]
    now: Sequence[float]
    width: float
    height: float
    gap: float

    @property
    def extremes(self) -> tuple[int, int]:
        """The bin that gained most, and the one that lost most."""
        gains = [is_ - was for was, is_ in zip(self.before, self.now, strict=True)]
        return gains.index(max(gains)), gains.index(min(gains))

    def columns(self, titles: Sequence[str], look: str) -> list[Element]:
        """One column a bin for `now`, with its words for whoever points at it."""
        unit = self._unit
        return [
            element(
                "rect",
                element("title", title),
                x=f"{(i + self.gap) * self.width:.6g}",
                y=f"{self.height - unit * share:.1f}",
                width=f"{(1 - 2 * self.gap) * self.width:.6g}",
                height=f"{unit * share:.1f}",
                class_=look,
            )
            for i, (title, share) in enumerate(zip(titles, self.now, strict=True))
        ]

    def outline(self, look: str) -> Element:
        """The line of `before`: a step a bin."""
        unit = self._unit
        steps = [
            f"{'L' if i else 'M'}{i * self.width:.6g} {self.height - unit * share:.1f}H{(i + 1) * self.width:.6g}"
            for i, share in enumerate(self.before)
        ]
        return element("path", d="".join(steps), class_=look)

    @property
    def _unit(self) -> float:
        """Units of the picture that a share of 1 takes."""
        return self.height / max([*self.before, *self.now, 1e-9])
