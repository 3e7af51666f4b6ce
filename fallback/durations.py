"""How long something took, for people."""

from __future__ import annotations

__all__ = ["lasting"]

_UNITS = (("days", 86_400.0), ("h", 3600.0), ("min", 60.0))


def lasting(seconds: float) -> str:
    """Seconds in the largest unit of which there are two at least.

    Examples
    --------
    >>> [lasting(each) for each in (0.4, 60, 119, 600, 7200, 180_000)]
    ['0 s', '60 s', '119 s', '10 min', '2 h', '2.1 days']
    """
    for name, size in _UNITS:
        if seconds >= 2 * size:
            return f"{round(seconds / size, 1):g} {name}"
    return f"{seconds:.0f} s"
