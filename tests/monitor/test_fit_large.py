"""A reference larger than memory: a sample for the views, all rows for the counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from benchmarks.fit_memory import fit_in_process
from detectors.profile import cells_of
from monitor.fit import fitting
from monitor.fit.fitting import fit_profile
from monitor.fit.gathering import gather
from monitor.fit.result import fit_result, told
from monitor.tables import RawBatch
from tests.monitor.streams import configured, raw, stream

N = 3000


def pieces(rows: int = N, size: int = 700, drift_at: int | None = None) -> Iterator[RawBatch]:
    """The stream in batches, as a file is read."""
    whole = raw(*stream(rows, 0, drift_at))
    for start in range(0, rows, size):
        part = slice(start, start + size)
        yield RawBatch(
            start, whole.predictions[part], whole.ids[part], whole.times[part], whole.outcomes[part], whole.truth[part],
            min(1.0, (start + size) / rows),
        )  # fmt: skip


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch) -> int:
    """A sample of 1,000 rows, so that 3,000 are a large reference."""
    monkeypatch.setattr(fitting, "MOST_ROWS", 1000)
    return 1000


def test_all_rows_are_counted_but_those_that_the_views_were_fitted_on(small_sample: int) -> None:
    """Views see one half of the sample; every other row is counted once, every label, and the last scores are kept."""
    whole, large = fit_profile(pieces(), configured()), fit_profile(pieces(), configured(), again=pieces)
    fitted = large.profile.fitted
    assert (large.sampled, whole.sampled) == (small_sample, N)
    assert fitted.n == fitted.labelled == N
    per_view = fitted.counts[: fitted.views.layout().bins].sum()
    assert per_view == N - small_sample // 2
    assert int(fitted.rank_counts.sum()) == N
    assert fitted.events_per_day == pytest.approx(whole.profile.fitted.events_per_day)
    np.testing.assert_array_equal(fitted.scores, whole.profile.fitted.scores)
    assert whole.profile.facts["data_sha256"] == large.profile.facts["data_sha256"]


def test_a_large_reference_is_learnt_like_a_small_one(small_sample: int) -> None:
    """Errors by confidence agree within the noise of a sample of 1,000 ranks: no cell is off by more than 40 of 60."""
    whole, large = (
        each.profile.fitted
        for each in (fit_profile(pieces(), configured()), fit_profile(pieces(), configured(), again=pieces))
    )
    assert int(np.abs(whole.rank_counts.sum(axis=1) - large.rank_counts.sum(axis=1)).max()) <= 40
    assert int(whole.rank_counts[:, 1].sum()) == int(large.rank_counts[:, 1].sum())
    assert set(cells_of(large.rank(np.array([0.5, 0.99]))).tolist()) <= set(range(50))


def test_the_sample_does_not_depend_on_how_the_file_is_read(small_sample: int) -> None:
    """Batches of 700 and of 64 rows give the same profile."""
    one = fit_profile(pieces(), configured(), again=pieces)
    other = fit_profile(pieces(size=64), configured(), again=lambda: pieces(size=64))
    assert one.profile.digest == other.profile.digest


def test_what_fits_in_the_sample_is_learnt_as_before() -> None:
    """Up to 200,000 rows a second pass changes nothing."""
    one, other = fit_profile(pieces(), configured(), again=pieces), fit_profile(pieces(), configured())
    assert one.profile.digest == other.profile.digest
    assert one.notes == other.notes


def test_the_replay_of_a_large_reference_sees_a_change(small_sample: int) -> None:
    """All rows of the second half are replayed; the change in it raises alarms, and without it there are none."""
    quiet, moved = (
        fit_profile(pieces(drift_at=at), configured(), again=partial(pieces, drift_at=at)).replay for at in (None, 2000)
    )
    assert quiet is not None
    assert moved is not None
    assert (quiet.tried[0].rows, quiet.tried[0].alarms, quiet.holds) == (N // 2, 0, True)
    assert moved.tried[0].alarms > 0
    assert not moved.holds


def test_the_digest_is_of_all_rows_in_order() -> None:
    """SHA-256 over each prediction and outcome with line's ends; another order, or one outcome less, is another one."""
    batch = raw(*stream(50, 0))
    lines = b"".join(p + b"\n" + (o or b"") + b"\n" for p, o in zip(batch.predictions, batch.outcomes, strict=True))

    def digest(given: RawBatch) -> str:
        found = gather([given], configured(), lambda _share, _rows: None, None)
        assert found is not None
        return found.digest

    assert digest(batch) == hashlib.sha256(lines).hexdigest()
    assert digest(replace(batch, outcomes=[*batch.outcomes[:-1], None])) != digest(batch)
    assert digest(replace(batch, predictions=batch.predictions[::-1])) != digest(batch)


def test_the_result_has_everything_that_is_said(small_sample: int) -> None:
    """JSON and lines for a terminal: the data's digest and rows, the replay in each context, quality, the sample."""
    learnt = fit_profile(pieces(), configured(), again=pieces)
    result = fit_result(learnt)
    assert result["data"] == {"sha256": learnt.profile.facts["data_sha256"], "rows": N}
    assert result["replay"]["holds"] is True
    assert [each["context"] for each in result["replay"]["tried"]] == ["none"]
    assert result["quality"]["duplicates"]["n"] == 0
    lines = [*told(learnt, "m.profile")]
    assert lines[0].startswith("m.profile: 3,000 rows, 3,000 with an outcome")
    assert "sample of 1,000 rows" in lines[1]
    assert lines[2].endswith("the promise holds")


def test_progress_is_told_in_both_passes(small_sample: int) -> None:
    """The share that was read rises to one, in each pass."""
    seen: list[float] = []
    fit_profile(pieces(), configured(), lambda share, _rows: seen.append(share), again=pieces)
    assert seen.count(1.0) == 2


@pytest.mark.slow
def test_memory_is_flat_in_the_rows() -> None:
    """A process that fits four times as many rows from Parquet peaks at most a fifth higher."""
    (small, _), (large, _) = fit_in_process(500_000), fit_in_process(2_000_000)
    assert large <= 1.2 * small
