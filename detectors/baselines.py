"""Second opinions: river's detectors behind one protocol, and two that know nothing, to compare with.

They promise no rate of false alarms over all views, and most of them none at all: they stand beside the evidence, and
nothing is decided by them. They are not part of any state: a judge that takes over begins them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["OPINIONS", "AlwaysAlarms", "NeverAlarms", "RiverDetector", "SecondOpinion", "opinion"]


class SecondOpinion(Protocol):
    """Watches one stream of numbers."""

    def update(self, x: float) -> bool:
        """Take in the next number; whether it raises an alarm. It goes on by itself after that."""
        ...


class NeverAlarms:
    """Never alarms: the delay of a detector that sees nothing.

    Examples
    --------
    >>> any(NeverAlarms().update(x) for x in [0.0, 1e9, float("nan")])
    False
    """

    def update(self, _x: float) -> bool:
        """Nothing has changed."""
        return False


class AlwaysAlarms:
    """Always alarms: no detector is faster, and a table of delays alone would praise it.

    Examples
    --------
    >>> all(AlwaysAlarms().update(x) for x in [0.0, 1e9, float("nan")])
    True
    """

    def update(self, _x: float) -> bool:
        """Everything has changed."""
        return True


class RiverDetector:
    """A drift detector of river's, restarted by itself after each alarm.

    A number that is missing is left out: one NaN would silence ADWIN for good.

    Parameters
    ----------
    new
        Makes the detector.

    References
    ----------
    Montiel et al., "River: machine learning for streaming data in Python", JMLR 2021. ADWIN: Bifet & Gavaldà 2007;
    KSWIN: Raab, Heusinger & Schleif 2020; Page-Hinkley: Page 1954; DDM: Gama et al. 2004; EDDM: Baena-García et al.
    2006; HDDM: Frías-Blanco et al. 2015.

    Examples
    --------
    >>> detector = opinion("adwin")
    >>> [i for i in range(2000) if detector.update(float(i >= 1000))][:1]
    [1023]
    """

    def __init__(self, new: Callable[[], Any]) -> None:
        self._detector = new()

    def update(self, x: float) -> bool:
        """Take in the next number."""
        if x != x:  # noqa: PLR0124  # NaN alone differs from itself
            return False
        self._detector.update(x)
        return bool(self._detector.drift_detected)


def _river(name: str) -> Callable[[], Any]:
    def new() -> Any:
        from river import drift

        if name == "KSWIN":
            return drift.KSWIN(seed=0)
        return getattr(drift if hasattr(drift, name) else drift.binary, name)()

    return new


OPINIONS: dict[str, tuple[str, bool]] = {
    "adwin": ("ADWIN", False),
    "kswin": ("KSWIN", False),
    "page_hinkley": ("PageHinkley", False),
    "ddm": ("DDM", True),
    "eddm": ("EDDM", True),
    "hddm_a": ("HDDMA", True),
    "hddm_w": ("HDDMW", True),
    "never": ("", False),
    "always": ("", False),
}
"""By the name in the configuration: river's class, and whether it is for errors alone (0 and 1)."""


def opinion(name: str) -> SecondOpinion:
    """A second opinion by its name in `OPINIONS`."""
    if name == "never":
        return NeverAlarms()
    if name == "always":
        return AlwaysAlarms()
    return RiverDetector(_river(OPINIONS[name][0]))
