"""What a person said of a request, or what expiry made of it, as the record of it."""

from __future__ import annotations

from fallback.reviews import Settled
from monitor.events import Answer, utc

__all__ = ["answer_record"]


def answer_record(settled: Settled) -> Answer:
    """Give the record of how an item of people's queue ended."""
    return Answer(
        id=settled.request_id,
        decision_id=settled.decision_id,
        time=utc(settled.at),
        answer=settled.answer,
        answered_by=settled.answered_by,
        expired=settled.expired is not None,
    )
