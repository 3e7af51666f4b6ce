"""What the routing rules promise, measured on seeded streams; each test states the bound that it uses."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from benchmarks.routing.certificates import DELTA, binomial_limit, false_certificates
from benchmarks.routing.measured import measure
from benchmarks.routing.serving import Settings, route
from benchmarks.routing.streams import make, reference
from detectors.types import FloatArray


def measured(scenario: str, generator: str, seeds: range, settings: Settings) -> FloatArray:
    """Error and acceptance: (seeds, stretches, 2)."""
    found = measure(scenario, generator, seeds, {"ours": settings})["ours"]
    return np.stack([found.error, found.acceptance], axis=-1)


def test_the_promise_on_a_change_of_the_error() -> None:
    """8 streams: before <= .05, last 15,000 <= .05 + 2.3 standard errors; the promise costs no more than the design's.

    An error over 8 x 25,000 x .65 accepted answers has a standard error of .0006, over 8 x 15,000 x .4 of .001; what
    varies more is λ itself, by about .005 a seed: .0018 over 8.
    """
    m = measured("change", "gaussian", range(100, 108), Settings()).mean(axis=0)
    (before, passed), (first, _), (last, passed_late) = m
    assert before <= 0.05
    assert passed >= 0.60
    assert first <= 0.068
    assert last <= 0.05 + 2.3 * 0.0018
    assert passed_late >= 0.36


def test_evidence_without_labels_keeps_the_promise_while_labels_are_late() -> None:
    """An alarm 300 requests after the change: the first 5,000 keep .05, though no label came for 500; 12 streams."""
    m = measured("change", "gaussian", range(100, 112), Settings(evidence_at=30_300)).mean(axis=0)
    assert m[1, 0] <= 0.05


def test_nothing_passes_where_no_threshold_helps() -> None:
    """The surest are 10 % wrong: at most 5 % pass after 3,000 labels on average, 8 % in each of 6 streams."""
    passed = measured("surest 10 % wrong", "gaussian", range(6), Settings())[:, 2, 1]
    assert passed.mean() <= 0.05
    assert passed.max() <= 0.08


@pytest.mark.parametrize("known", ["asked", "all"])
def test_a_stop_of_labels_closes(known: Literal["all", "asked"]) -> None:
    """Between 2,000 and 5,000 requests after the last label, and later, at most 5 % pass."""
    assert measured("stop", "gaussian", range(3), Settings(known=known))[:, 1:, 1].max() <= 0.05


def test_what_was_lost_comes_back_after_recovery() -> None:
    """The change is undone: at least .30 pass in the first 5,000, .60 afterwards, on average over 6 streams."""
    m = measured("recovery", "gaussian", range(6), Settings()).mean(axis=0)
    assert m[1, 1] >= 0.30
    assert m[2, 1] >= 0.60
    assert m[2, 0] <= 0.05


def test_half_of_the_wrong_audits_never_come() -> None:
    """Labels that stay away because the answer was wrong count as wrong: the late error stays within .055."""
    assert measured("half-lost", "gaussian", range(6), Settings())[:, 2, 0].mean() <= 0.055


def test_another_generator_keeps_the_promise_with_unchanged_parameters() -> None:
    """Classes of unequal difficulty, beta confidences: before and late errors within .055 on average over 6 streams."""
    m = measured("change", "classes", range(6), Settings()).mean(axis=0)
    assert m[0, 0] <= 0.05
    assert m[2, 0] <= 0.055


def test_a_confidence_of_few_values_keeps_the_promise_and_comes_back() -> None:
    """Five values, 6 streams: within .05 before the change and once it is undone, and at least .45 pass again."""
    m = measured("recovery", "leaves", range(6), Settings()).mean(axis=0)
    assert m[0, 0] <= 0.055
    assert m[2, 0] <= 0.05
    assert m[2, 1] >= 0.45


def test_errors_that_come_in_spells_keep_the_promise() -> None:
    """6 streams of good times and bad: early and late errors within .05, .40 and .15 pass (an oracle: .61, .34)."""
    m = measured("change", "spells", range(6), Settings()).mean(axis=0)
    assert m[0, 0] <= 0.05
    assert m[2, 0] <= 0.05
    assert m[0, 1] >= 0.40
    assert m[2, 1] >= 0.15


def test_false_epochs_are_rarer_than_promised() -> None:
    """3 streams with 83,000 labels each, two sides at one in 10⁵: at most 5 expected, of which Poisson's 99 % is 11."""
    n = 0
    for seed in range(3):
        r = np.random.default_rng(seed)
        before = reference("gaussian", r)
        stream, _ = make("none", "gaussian", r)
        readings = route(stream, before, Settings(), r).readings
        n += sum(reading.epoch_alarm is not None for reading in readings)
    assert n <= 11


def test_the_certificate_is_wrong_less_often_than_delta() -> None:
    """400 epochs of 10,000 requests, errors 1.02 a* at every rank, audits that follow the past: Binomial's 99.9 %."""
    assert binomial_limit(400, DELTA) == 60
    assert 0 < false_certificates(range(400)) <= 60
