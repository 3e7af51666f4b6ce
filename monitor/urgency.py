"""How urgent a request that waits for a person is: risk times value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from detectors.counting import Views
from detectors.profile import Profile
from detectors.types import FloatArray
from monitor.errors import UsageError
from monitor.rows import Arranged

__all__ = ["Urgency"]


class Urgency:
    """Ranks what people look at first by what a wrong answer is expected to cost.

    The risk is one minus the rank of the confidence; 1 where the model says nothing. The value is a numeric feature in
    multiples of its median in the reference, from 0 to the most that the reference has: whoever sends a number beyond
    that does not come before everybody for ever. What is missing has the median's, 1; so has every request where no
    feature is named.

    Parameters
    ----------
    profiles
        A profile a version.
    feature
        `reviews.value`; None, and only the risk counts.

    Raises
    ------
    UsageError
        The feature is no numeric one of a profile, or has no value there.
    """

    def __init__(self, profiles: Mapping[str, Profile], feature: str | None) -> None:
        self._scales = {} if feature is None else {v: _scale(v, p, feature) for v, p in profiles.items()}

    def of(self, version: str, rank: FloatArray, arranged: Arranged | None) -> FloatArray:
        """Give the priorities of a batch, (events,), from its confidence ranks, (events,)."""
        risk: FloatArray = 1.0 - np.nan_to_num(rank)
        if arranged is None or version not in self._scales:
            return risk
        row, unit, most = self._scales[version]
        value = arranged.rows.numeric[row] / unit
        return np.asarray(risk * np.where(np.isnan(value), 1.0, np.clip(value, 0.0, most)))


def _scale(version: str, profile: Profile, feature: str) -> tuple[int, float, float]:
    """The feature's row, the value that counts as 1, and how many times that counts at most."""
    views: Views = profile.fitted.views
    if feature not in views.numeric:
        known = ", ".join(views.numeric[:20]) or "none"
        raise UsageError(
            f"reviews.value is {feature!r}, which is no numeric feature of the profile of version {version!r}; "
            f"it has: {known}"
        )
    layout = views.layout()
    if feature not in layout.ordered:
        raise UsageError(f"reviews.value: the profile of version {version!r} has no values of {feature!r}")
    edges = views.ordered.edges[layout.ordered.index(feature)]
    top, middle = float(edges[-1]), float(edges[len(edges) // 2])
    if not top > 0:
        raise UsageError(
            f"reviews.value: {feature!r} is never above 0 in the profile of version {version!r}, so nothing would have "
            "a value"
        )
    unit = middle if middle > 0 else top
    return views.numeric.index(feature), unit, top / unit
