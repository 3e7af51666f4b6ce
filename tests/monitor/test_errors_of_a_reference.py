"""What `fit` says of the errors of a reference: whether they come in spells, and whether anything will pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.logistic import fit_logistic
from detectors.profile import cells_of
from detectors.types import RANK_CELLS, FloatArray
from monitor.fit.error_memory import memory_of_errors
from monitor.fit.fitting import fit_profile
from tests.monitor.streams import configured, raw, stream


def errors(seed: int, n: int, spell: int | None) -> tuple[FloatArray, FloatArray]:
    """Ranks, and errors with .2 on average; in spells of so many rows every other one has .35 instead of .05."""
    r = np.random.default_rng(seed)
    rate = np.full(n, 0.2) if spell is None else np.where(np.arange(n) // spell % 2 == 0, 0.05, 0.35)
    return r.random(n), (r.random(n) < rate).astype(np.float64)


def test_errors_one_by_one_have_no_memory() -> None:
    """Of 200 references at most 6 seem to: at a level of 1 %, 7 are in .5 %."""
    assert sum(memory_of_errors(*errors(seed, 4_000, None)).significant for seed in range(200)) <= 6


@pytest.mark.parametrize("spell", [40, 200])
def test_the_ratio_is_that_of_sums_over_blocks(spell: int) -> None:
    """Against a plain recomputation from residuals, at the block's length that was found."""
    rank, wrong = errors(1, 6_000, spell)
    found = memory_of_errors(rank, wrong)
    cells = cells_of(rank)
    counts = np.zeros((RANK_CELLS, 2))
    np.add.at(counts, (cells, wrong.astype(int)), 1)
    usual = fit_logistic(counts, bent=True).rates()[cells]
    sums = np.array([(wrong - usual)[at : at + found.rows].sum() for at in range(0, 6_000 - found.rows, found.rows)])
    assert found.significant
    assert found.ratio == pytest.approx(sums.var(ddof=1) / (found.rows * (usual * (1 - usual)).mean()), rel=0.03)


def test_easy_and_hard_requests_in_turn_are_no_memory() -> None:
    """Confidence knows of it, so errors given the confidence come one by one."""
    r = np.random.default_rng(4)
    hard = np.arange(8_000) // 100 % 2 == 0
    rank = (r.random(8_000) + np.where(hard, 0.0, 1.0)) / 2
    wrong = (r.random(8_000) < 0.4 * (1 - rank)).astype(np.float64)
    assert memory_of_errors(rank, wrong).temper == 1.0


def test_rows_without_an_outcome_or_a_confidence_are_left_out() -> None:
    """The same as without these rows, to the bit; and none at all say nothing."""
    rank, wrong = errors(2, 5_000, 50)
    gaps = np.random.default_rng(0).integers(0, 5_000, 700)
    with_gaps = np.insert(rank, gaps, np.nan), np.insert(wrong, gaps, 1.0)
    assert memory_of_errors(*with_gaps) == memory_of_errors(rank, wrong)
    unlabelled = np.insert(rank, gaps, 0.5), np.insert(wrong, gaps, np.nan)
    assert memory_of_errors(*unlabelled) == memory_of_errors(rank, wrong)
    assert memory_of_errors(np.empty(0), np.empty(0)).temper == 1.0


def in_spells(seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """3,000 rows; in every other hundred four answers of ten are turned."""
    predictions, truth = stream(3_000, seed)
    turned = (np.random.default_rng(seed).random(3_000) < 0.4) & (np.arange(3_000) // 100 % 2 == 0)
    return predictions, [str(1 - int(t)) if turn else t for t, turn in zip(truth, turned, strict=True)]


def test_fit_says_so_and_the_profile_keeps_it() -> None:
    """Spells are found in the order of time, whatever the order of rows; without them nothing is said."""
    config = configured()
    calm = fit_profile([raw(*stream(3_000, 5))], config)
    assert calm.profile.error_memory == 1.0
    assert not any("errors come in spells" in note for note in calm.notes)
    predictions, truth = in_spells(5)
    order = np.random.default_rng(1).permutation(3_000)
    ordered = raw(predictions, truth)
    shuffled = raw([predictions[i] for i in order], [truth[i] for i in order])
    shuffled = replace(shuffled, times=ordered.times[order])
    found = [fit_profile([batch], config) for batch in (ordered, shuffled)]
    assert found[0].profile.error_memory > 2
    assert found[1].profile.error_memory == found[0].profile.error_memory
    assert all(any("errors come in spells" in note for note in each.notes) for each in found)


def test_a_sample_of_a_large_reference_counts_the_rows_between() -> None:
    """Of every fourth row the memory is a quarter, less the one that each has for itself; `fit` puts that right."""
    rank, wrong = errors(3, 80_000, 400)
    chosen = np.sort(np.random.default_rng(0).permutation(80_000)[:20_000])
    whole, sample = (memory_of_errors(rank[i], wrong[i]).temper for i in (slice(None), chosen))
    assert 1 + (sample - 1) * 4 == pytest.approx(whole, rel=0.35)


def test_fit_says_when_next_to_nothing_will_pass() -> None:
    """A promise that not even the surest keep, and one that they do; nothing is said where too little is known."""
    made = stream(1000, 3)
    strict = configured(promise={"max_error": "0.1%", "false_pages": "1 per 10000 events"})
    (said,) = (note for note in fit_profile([raw(*made)], strict).notes if "may pass at first" in note)
    assert said.startswith("0 % of the answers may pass at first: of the surest tenth ")
    assert "`promise.max_error: 0.1%`" in said
    assert "less than 5 % could pass" in said
    few = raw(made[0][:150], made[1][:150])
    for config, batch in ((configured(), raw(*made)), (strict, few)):
        assert not any("may pass at first" in note for note in fit_profile([batch], config).notes)
