"""The acts: what happens to the story from outside, when, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.story.plot import Story

__all__ = ["ORDERED_BY", "ORDER_REASON", "Act", "acts_of"]

ORDERED_BY = "Ada, who is on call"
ORDER_REASON = "a mechanic is at the camera"


@dataclass(frozen=True, slots=True)
class Act:
    """What is told at an event; `name` says what happens then, if anything does."""

    at: int
    name: str
    words: str


def acts_of(story: Story) -> Sequence[Act]:
    """All acts, in the order of their events."""
    return (
        Act(
            0,
            "straight",
            "The camera is straight. The model answers what it is sure of; the rest goes to another network, over "
            "HTTP. People check a tenth of the model's answers; a small model, the pupil, learns from what they say.",
        ),
        Act(
            story.drift_at,
            "turning",
            "Somebody has knocked against the camera: it begins to turn. Nobody tells Holdback.",
        ),
        Act(
            story.fallback_down_at,
            "fallback_down",
            "And the other network's server goes down. After five failed calls it is left alone for ten seconds. "
            "People take what they can, the rest is refused; and the pupil, whose record fell as the digits turned, "
            "learns from people until it may answer again.",
        ),
        Act(
            story.fallback_back_at, "fallback_back", "The other network's server is up again. The next trial finds it."
        ),
        Act(
            story.ordered_at,
            "ordered",
            f"{ORDERED_BY}, forces the breaker open for {story.order_seconds:.0f} s: {ORDER_REASON}. The order has a "
            "name, a reason and an end, and it ends by itself.",
        ),
        Act(
            story.mended_at,
            "mended",
            "The camera is straight again. Nobody tells Holdback: only labels can.",
        ),
    )
