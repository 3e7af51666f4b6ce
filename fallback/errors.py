"""What can go wrong in `fallback`.

FallbackError
├── BreakerError
│   ├── StaleTransition      decided on an (epoch, seq) that is not the record's any more
│   ├── ForbiddenTransition  an edge that the graph does not have
│   └── OverrideError        an operator's command without actor, reason or time to live
├── RoutingError             arrays that do not belong together
├── AnswererError            an answerer gave no usable answer
│   ├── AnswererUnreachable  nothing was sent: the connection failed
│   ├── AnswererTimeout      no answer within the time it had
│   ├── AnswererRefused      it answered with an error
│   └── AnswererNonsense     it answered what cannot be read, or too much
└── ReviewError
    ├── UnknownReview        no such item, or it is gone
    ├── LeaseLost            the claim ran out, or is another reviewer's
    └── ReviewsUnusable      where items are kept can't be opened, read or written
"""

from __future__ import annotations

__all__ = [
    "AnswererError",
    "AnswererNonsense",
    "AnswererRefused",
    "AnswererTimeout",
    "AnswererUnreachable",
    "BreakerError",
    "FallbackError",
    "ForbiddenTransition",
    "LeaseLost",
    "OverrideError",
    "ReviewError",
    "ReviewsUnusable",
    "RoutingError",
    "StaleTransition",
    "UnknownReview",
]


class FallbackError(Exception):
    """Anything that this package raises on purpose."""


class BreakerError(FallbackError):
    """The breaker was asked for something that it must not do."""


class StaleTransition(BreakerError):
    """A transition was decided on an (epoch, seq) that is not the record's any more."""


class ForbiddenTransition(BreakerError):
    """The breaker's graph has no such edge."""


class OverrideError(BreakerError, ValueError):
    """An operator's command lacks its actor, its reason or its time to live."""


class RoutingError(FallbackError, ValueError):
    """The arrays of a batch do not belong together."""


class AnswererError(FallbackError):
    """An answerer gave no usable answer."""


class AnswererUnreachable(AnswererError):
    """Nothing was sent, because the connection failed: safe to try again."""


class AnswererTimeout(AnswererError):
    """No answer came within the time that the hop had."""


class AnswererRefused(AnswererError):
    """The answerer answered with an error, or closed the connection; `about_request`: it has nothing against others."""

    def __init__(self, message: str, *, about_request: bool = False) -> None:
        super().__init__(message)
        self.about_request = about_request


class AnswererNonsense(AnswererError):
    """The answerer answered what cannot be read, is of the wrong shape, or is too large."""


class ReviewError(FallbackError):
    """The queue of reviews was asked for something that it must not do."""


class UnknownReview(ReviewError):
    """There is no such item, or it is gone."""


class LeaseLost(ReviewError):
    """The claim ran out, or the item is another reviewer's."""


class ReviewsUnusable(ReviewError):
    """Where items are kept can't be opened, read or written."""
