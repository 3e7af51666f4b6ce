"""Categorical views: frequent categories, other, never seen, missing."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.views.categorical import FREQUENT, MOST_SEEN, CategoricalView

NAMES = st.one_of(st.none(), st.sampled_from(list("abcdefgh")), st.sampled_from(["other", "missing", "never seen", ""]))


def naive(reference: list[str | None], value: str | None) -> str:
    """Name of a value's bin, from the definition."""
    counts = Counter(x for x in reference if x is not None)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))[:FREQUENT]
    frequent = [name for name in ranked if counts[name] >= max(2, 0.005 * len(reference))]
    if value is None:
        return "missing"
    if value in frequent:
        return f"frequent {frequent.index(value)}"
    return "other" if value in counts else "never seen"


@given(st.lists(NAMES, max_size=60), st.lists(NAMES, max_size=20))
def test_bins_equal_the_definition(reference: list[str | None], values: list[str | None]) -> None:
    """A category may even be called as the special bins are: it still has its own."""
    view = CategoricalView.fit(reference)
    places = [*(f"frequent {i}" for i in range(len(view.frequent))), "other", "never seen", "missing"]
    assert [places[code] for code in view.bin(values).tolist()] == [naive(reference, value) for value in values]
    assert len(places) == len(view.names)


def test_at_most_thirty_categories_have_a_bin_of_their_own() -> None:
    """Of forty equally frequent ones the first thirty by name; the rest were seen, and share one."""
    names = [f"c{i:02}" for i in range(40)]
    view = CategoricalView.fit(names * 5)
    assert view.frequent == tuple(names[:FREQUENT])
    assert view.bin(["c35", "c40"]).tolist() == [FREQUENT, FREQUENT + 1]


def test_memory_is_bounded() -> None:
    """Beyond 20,000 categories the rarest count as never seen; the frequent ones keep their bins."""
    names = [f"id{i:05}" for i in range(MOST_SEEN + 50)]
    view = CategoricalView.fit(["usual"] * 2000 + names)
    assert len(view.codes) == MOST_SEEN
    assert view.bin(["usual", names[0], names[-1]]).tolist() == [0, 1, 2]


def test_it_is_built_again_from_its_names() -> None:
    """What a profile keeps, the frequent names and those seen, gives the same bins."""
    view = CategoricalView.fit(["a"] * 500 + ["b"] * 499 + ["z", None])
    again = CategoricalView.of(view.frequent, list(view.codes))
    values = ["a", "b", "z", "new", None]
    assert again.names == view.names
    assert again.bin(values).tolist() == view.bin(values).tolist()


def test_never_seen_starts_at_the_number_of_singletons() -> None:
    """Good and Turing: the second half has about as many unseen rows as the first has singletons, Zipf tails.

    Each is a sum of rare events, so their difference stays within four times the root of their sum.
    """
    for seed in range(5):
        rng = np.random.default_rng(seed)
        first, second = ([f"c{k}" for k in rng.zipf(1.6, 2000)] for _ in range(2))
        view = CategoricalView.fit(first)
        singletons = sum(n == 1 for n in Counter(first).values())
        unseen = int((view.bin(second) == len(view.frequent) + 1).sum())
        assert singletons > 50
        assert abs(unseen - singletons) <= 4 * np.sqrt(unseen + singletons)
