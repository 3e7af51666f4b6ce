"""Embedding views: a change anywhere in thousands of dimensions shows in a few scalars."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.evidence import Evidence
from detectors.profile import Fitted, Reference, fit
from detectors.types import FloatArray, Rows
from detectors.views.embedding import Embedding
from detectors.views.kinds import Half, ViewSettings

DIMENSIONS = 2000


def rows(vectors: FloatArray) -> Rows:
    n = len(vectors)
    nothing = np.full(n, np.nan)
    return Rows(np.empty((0, n)), (), [None] * n, nothing, nothing, nothing, nothing, embedding=vectors)


def texts(rng: np.random.Generator, n: int) -> FloatArray:
    """Vectors of ten topics' mixtures, and noise in all dimensions, as those of an encoder."""
    topics = np.random.default_rng(0).normal(size=(10, DIMENSIONS))
    return rng.normal(size=(n, 10)) @ topics + 0.5 * rng.normal(size=(n, DIMENSIONS))


def profile() -> Fitted:
    reference = rows(texts(np.random.default_rng(1), 1500))
    return fit(Reference(reference, (), (), np.full(1500, np.nan), np.empty(0), 86400.0))


def alarm_at(fitted: Fitted, blocks: FloatArray) -> list[str]:
    """Names of the views that alarm at A = 10^6 events, batches of 50."""
    evidence = Evidence(fitted.views.layout(), fitted.counts, np.log(1e6))
    n = len(blocks) // 50
    counts = fitted.views.count(rows(blocks), np.arange(n + 1) * 50)
    reading = evidence.update(counts, np.full(n, 50.0), np.arange(float(n)))
    return [fitted.views.layout().names[each.view] for each in reading.alarms]


@pytest.mark.parametrize("change", ["none", "another topic", "one topic more often", "noise"])
def test_changes_of_vectors_are_seen(change: str) -> None:
    """2,000 dimensions, 400 events, seed 2: each kind of change alarms at A = 10^6 events, and none does not."""
    fitted, rng = profile(), np.random.default_rng(2)
    live = texts(rng, 400)
    if change == "another topic":
        live += rng.normal(size=(400, 1)) * 0.2 * np.random.default_rng(99).normal(size=DIMENSIONS)
    elif change == "one topic more often":
        live += 1.5 * np.random.default_rng(0).normal(size=(10, DIMENSIONS))[0]
    elif change == "noise":
        live += 0.2 * rng.normal(size=live.shape)
    assert bool(alarm_at(fitted, live)) == (change != "none")


def embedding(n: int) -> Embedding:
    """Fitted on so many vectors."""
    given = Half(rows(texts(np.random.default_rng(3), n)), (), (), ViewSettings(), np.random.default_rng(4))
    fitted = Embedding.fit(given)
    assert fitted is not None
    return fitted


def test_whitened_projections_have_unit_variance_on_new_rows() -> None:
    """On 2,000 vectors that it was not fitted on: within .15 of 1; sd of the estimate .016, of the fit about .03."""
    spread = embedding(1000).scalars(rows(texts(np.random.default_rng(5), 2000)))[1:21].std(axis=1)
    assert (abs(spread - 1) < 0.15).all()


def test_bins_hold_as_many_of_new_rows_as_of_the_reference() -> None:
    """Pure noise in 2,000 dimensions, where vectors are nearer to axes that they helped to find than any others.

    The edges are drawn on others, 375 of them, so about 1/376 of new vectors lie outside on each side; 750 are counted,
    and in every view at most 3 % of them are outside.
    """
    rng = np.random.default_rng(6)
    reference = rows(rng.normal(size=(1500, DIMENSIONS)))
    fitted = fit(Reference(reference, (), (), np.full(1500, np.nan), np.empty(0), 86400.0))
    layout = fitted.views.layout()
    table = fitted.counts[: layout.step_start].reshape(len(layout.ordered), -1)
    assert (table[:, -2] <= 0.03 * 750).all()


def test_a_vector_of_another_length_is_missing() -> None:
    """Nothing is read into vectors of another encoder, or into one with an infinity."""
    fitted = embedding(100)
    assert np.isnan(fitted.scalars(rows(np.ones((5, 7))))).all()
    odd = texts(np.random.default_rng(5), 3)
    odd[1, 3] = np.inf
    assert np.isnan(fitted.scalars(rows(odd))).all(axis=0).tolist() == [False, True, False]
