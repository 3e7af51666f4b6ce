"""Every decision can be told to people."""

from __future__ import annotations

from fallback.explain import WORDS, explain
from fallback.routing import (
    route,
)
from fallback.types import (
    Reason,
)
from tests.fallback.batches import POLICY, RANKS, VERDICT, requests


def test_every_reason_has_its_words() -> None:
    """No reason without a sentence, and a sentence has the numbers in it."""
    assert set(WORDS) == set(Reason)
    batch = requests(*RANKS)
    said = [explain(batch, route(batch, VERDICT, POLICY), i, VERDICT) for i in range(len(RANKS))]
    assert (
        said[1] == "Held back: its confidence rank 0.550 is below the bar 0.600, which suspicion has raised by 0.100."
    )
    assert said[3] == "The model answers: its confidence rank 0.950 reaches the bar 0.600. Guarantee: certified."
