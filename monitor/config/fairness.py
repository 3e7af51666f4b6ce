"""How far the values of a segment may lie apart before somebody is asked."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from monitor.config.promises import Section
from monitor.config.units import share

__all__ = ["Fairness"]

_Gap = Annotated[float, Meta(gt=0, le=1)]


class Fairness(Section, frozen=True, kw_only=True):
    """Gaps between the groups of one segment name; 100% watches none of them."""

    error: Annotated[
        _Gap | None,
        share("Between their errors among answers that passed. Not set: the gap that the reference shows."),
    ] = None
    coverage: Annotated[
        _Gap | None,
        share("Between the coverage of their sets and intervals. Not set: the gap that the reference shows."),
    ] = None
    acceptance: Annotated[
        _Gap | None,
        share("Between the shares that the model may answer. Not set: it is reported and never alarms, as a bar may."),
    ] = None
