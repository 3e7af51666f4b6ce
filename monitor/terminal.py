"""What may be shown at a terminal."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""A text from outside as a terminal may see it: what would move its cursor or change its colours is spelt out.

    Examples
    --------
    >>> print(printable("café \x1b[31m"))
    café \x1b[31m
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
