"""A profile: views from one half of the reference, counts from the other, confidences as ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.counting import ViewSettings
from detectors.errors import UnfitReference
from detectors.profile import LEAST_ROWS, Fitted, Reference, cells_of, fit, rank_of
from detectors.types import RANK_CELLS, FloatArray, Rows

SINGLE = ViewSettings(bins=8, joint=False)


def reference(
    n: int, seed: int = 0, *, confidence: FloatArray | None = None, wrong: FloatArray | None = None
) -> Reference:
    """Two numbers, a category that is another in every row, a confidence."""
    rng = np.random.default_rng(seed)
    nothing = np.full(n, np.nan)
    confidence = rng.random(n) if confidence is None else confidence
    wrong = (rng.random(n) > confidence).astype(float) if wrong is None else wrong
    ids: list[str | None] = [f"id{i}" for i in range(n)]
    rows = Rows(rng.normal(size=(2, n)), (ids,), [None] * n, confidence, nothing, nothing, nothing)
    return Reference(rows, ("a", "b"), ("id",), wrong, rng.random(n), 86400.0)


def view_counts(fitted: Fitted, name: str) -> list[int]:
    layout = fitted.views.layout()
    at = layout.names.index(name)
    counts: list[int] = fitted.counts[layout.starts()[at] : layout.starts()[at + 1]].tolist()
    return counts


@pytest.mark.parametrize("n", [20, 101, 1000])
def test_no_row_is_both_fitted_on_and_counted(n: int) -> None:
    """A category that is another in every row is never seen in all of the counted half, and nowhere else."""
    fitted = fit(reference(n), SINGLE)
    assert view_counts(fitted, "id")[:3] == [0, n - n // 2, 0]
    for name in ("a", "b", "confidence"):
        assert sum(view_counts(fitted, name)) == n - n // 2


def test_the_halves_are_drawn_at_random() -> None:
    """A reference sorted by time, with a trend in it, is no change of its second half against its first."""
    made = reference(2000)
    made.rows.numeric[0] = np.arange(2000)
    counts = view_counts(fit(made, SINGLE), "a")
    assert abs(np.array(counts[:8]) - 125).max() <= 4 * np.sqrt(125)


def test_the_same_seed_gives_the_same_profile() -> None:
    """To the bit; another seed draws another half."""
    one, same, other = fit(reference(500)), fit(reference(500)), fit(reference(500), seed=1)
    assert (one.counts == same.counts).all()
    assert (one.views.ordered.edges == same.views.ordered.edges).all()
    assert (one.views.ordered.edges != other.views.ordered.edges).any()


def test_errors_are_counted_by_rank_over_all_rows() -> None:
    """Both halves, right and wrong, wherever outcome and confidence are known."""
    n = 1000
    confidence = np.linspace(0, 1, n)
    wrong = (np.arange(n) < 300).astype(float)
    wrong[::10], confidence[5::10] = np.nan, np.nan
    fitted = fit(reference(n, confidence=confidence, wrong=wrong), SINGLE)
    assert fitted.rank_counts.sum() == 800
    assert fitted.rank_counts[:, 1].sum() == 240
    assert fitted.rank_counts[:14, 0].sum() == 0
    assert fitted.rank_counts[16:, 1].sum() == 0
    assert (fitted.n, fitted.labelled) == (n, 900)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.lists(st.integers(-1, 10), max_size=10))
def test_a_rank_is_the_share_that_is_at_most_as_sure(known: list[int], asked: list[int]) -> None:
    """Those equally sure count in full, by a plain loop, so that the surest have rank 1 however many they are."""
    expected = [sum(k <= x for k in known) / len(known) for x in asked]
    assert rank_of(np.array(asked, float), np.sort(np.array(known, float))).tolist() == pytest.approx(expected)


def test_ranks_of_a_large_reference_are_kept_in_few_knots() -> None:
    """At most 4,001, and no rank is off by more than one in 4,000."""
    confidence = np.random.default_rng(1).random(30_000)
    fitted = fit(reference(30_000, confidence=confidence), SINGLE)
    assert len(fitted.knots) == 4001
    asked = np.linspace(0, 1, 777)
    assert abs(fitted.rank(asked) - rank_of(asked, np.sort(confidence))).max() <= 1 / 4000


def test_no_confidence_has_no_rank() -> None:
    """NaN stays NaN, and so is every rank if the reference never had a confidence; its cell is -1."""
    assert np.isnan(rank_of(np.array([0.5, np.nan]), np.empty(0))).all()
    assert cells_of(np.array([0.0, 0.019, 0.02, 1.0, np.nan])).tolist() == [0, 0, 1, RANK_CELLS - 1, -1]
    fitted = fit(reference(100, confidence=np.full(100, np.nan), wrong=np.zeros(100)), SINGLE)
    assert fitted.rank_counts.sum() == 0
    assert "confidence" not in fitted.views.layout().names


def test_scores_keep_the_last_of_a_long_reference() -> None:
    """20,000 at most: the window of the sets holds no more than a few thousand."""
    made = reference(25_000)
    assert (fit(made, SINGLE).scores == made.scores[-20_000:]).all()


def test_too_few_rows_are_refused_in_words() -> None:
    """The message says how many there are and how many it takes."""
    with pytest.raises(UnfitReference, match=f"the reference has 19 rows; a profile needs at least {LEAST_ROWS}"):
        fit(reference(19))
