from __future__ import annotations

import numpy as np

from detectors.groups.fitted import LEAST_ROWS, MOST_GROUPS, Groups, Membership, Segment, bands_of, members
from detectors.types import FloatArray


def rows(n: int, seed: int = 0) -> tuple[list[Segment], FloatArray, FloatArray, FloatArray]:
    """Segments of two names, ranks, whether wrong, scores; some of each unknown."""
    rng = np.random.default_rng(seed)
    segments: list[Segment] = [
        (("age", "old" if rng.random() < 0.3 else "young"), ("region", f"r{rng.integers(4)}")) for _ in range(n)
    ]
    rank, scores = rng.random(n), rng.random(n)
    wrong = (rng.random(n) < 0.2).astype(float)
    rank[::50], wrong[::30], scores[::30] = np.nan, np.nan, np.nan
    return segments, rank, wrong, scores


def test_each_group_has_what_a_loop_over_the_rows_would_count() -> None:
    """Rows, traffic, errors and scores of every group, compared with a naive count."""
    segments, rank, wrong, scores = rows(800)
    groups = Groups.fit(segments, rank, wrong, scores)
    assert groups is not None
    assert set(groups.labels) == {"age=old", "age=young", *(f"region=r{i}" for i in range(4))}
    for place, pair in enumerate(groups.pairs):
        mine = np.array([pair in each for each in segments])
        assert groups.n[place] == mine.sum()
        ranked = mine & ~np.isnan(rank)
        assert (groups.traffic[place] == np.histogram(rank[ranked], 10, (0, 1))[0]).all()
        known = ranked & ~np.isnan(wrong)
        assert groups.errors[place, :, 1].sum() == wrong[known].sum()
        assert groups.errors[place].sum() == known.sum()
        scored = scores[mine & ~np.isnan(scores)]
        assert groups.scores[place].sum() == len(scored)
        for edge in groups.edges[::10]:
            assert groups.scores[place, groups.edges <= edge].sum() == (scored <= edge).sum()


def test_there_are_at_most_32_and_the_rarest_values_are_left_out() -> None:
    """A name with a hundred values, and one whose values are all different: the most frequent ones are kept."""
    rng = np.random.default_rng(1)
    town = np.minimum(rng.geometric(0.05, 20_000), 100)
    segments = [(("id", str(i)), ("town", f"t{t}")) for i, t in enumerate(town)]
    nothing = np.full(len(segments), np.nan)
    groups = Groups.fit(segments, nothing, nothing, nothing)
    assert groups is not None
    assert len(groups) == MOST_GROUPS
    assert groups.names == ("town",)
    assert groups.n.min() >= LEAST_ROWS
    counts = np.bincount(town)
    left_out = [n for t, n in enumerate(counts) if f"town=t{t}" not in groups.labels]
    assert groups.n.min() >= max(left_out)


def test_a_value_that_all_have_is_no_group() -> None:
    """It would be the whole once more."""
    nothing = np.full(100, np.nan)
    assert Groups.fit([(("country", "fr"),)] * 100, nothing, nothing, nothing) is None
    assert Groups.fit([()] * 100, nothing, nothing, nothing) is None


def test_it_is_read_back_as_it_was_written() -> None:
    """Names and arrays."""
    groups = Groups.fit(*rows(800))
    assert groups is not None
    again = Groups.of(groups.told(), groups.state())
    assert again.pairs == groups.pairs
    assert all((again.state()[name] == array).all() for name, array in groups.state().items())


def test_an_event_with_ten_thousand_keys_or_an_endless_value_is_like_any_other() -> None:
    """Keys nobody asked for are not looked at; a value that is no group counts as one of the others."""
    finds = Membership([("a", "x"), ("b", "y")])
    hostile = {f"k{i}": "x" for i in range(10_000)} | {"a": "x" * 1_000_000, "b": "y"}
    bits, others = finds.of([hostile, *({"a": f"v{i}"} for i in range(10_000))])
    assert members(bits, 2)[0].tolist() == [False, True]
    assert not bits[1:].any()
    assert others == 10_001


def test_bands_are_tenths() -> None:
    """Both ends belong to a band; no rank, no band."""
    assert bands_of(np.array([0.0, 0.05, 0.1, 0.999, 1.0, np.nan])).tolist() == [0, 0, 1, 9, 9, -1]
