"""The registry of kinds of views: each keeps its contract, and a profile reads it back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from detectors.counting import Views, ViewSettings
from detectors.rows import taken
from detectors.types import Rows
from detectors.views.encoder import Encoder
from detectors.views.kinds import Half, Kept, OrderedKind, StepKind
from detectors.views.registry import ORDERED, STEPPED

KINDS: list[type[OrderedKind | StepKind]] = [*ORDERED, *STEPPED]
BARE = [kind for kind in KINDS if kind is not Encoder]
"""Kinds that need nothing but the rows; the encoder is tried where torch is."""


def rows(seed: int, n: int) -> Rows:
    """Rows with every column, something of each missing."""
    rng = np.random.default_rng(seed)
    x, vectors = rng.normal(size=(3, n)), rng.normal(size=(n, 40))
    x[1, rng.random(n) < 0.1] = np.nan
    vectors[rng.random(n) < 0.1] = np.nan
    kinds: list[str | None] = [str(each) if each < "e" else None for each in rng.choice(list("abcdef"), n)]
    latency = np.where(rng.random(n) < 0.1, np.nan, rng.random(n))
    confidence, entropy, size, value = rng.random((4, n))
    return Rows(
        x, (kinds,), kinds[::-1], confidence, entropy, size, value, client=kinds, latency=latency, embedding=vectors
    )


def half(made: Rows) -> Half:
    settings = ViewSettings(bins=8, projections=3)
    return Half(made, ("a", "b", "c"), ("kind",), settings, np.random.default_rng(0))


@pytest.mark.parametrize("kind", BARE, ids=lambda kind: kind.key)
def test_each_kind_keeps_its_contract(kind: type[OrderedKind | StepKind]) -> None:
    """As many columns as names, as long as the rows; the same row by row as together; the same from a profile."""
    keeps_contract(kind, half(rows(0, 400)))


def keeps_contract(kind: type[OrderedKind | StepKind], given: Half) -> None:
    live = rows(1, 60)
    fitted = kind.fit(given)
    assert fitted is not None
    again = kind.from_profile(Kept(fitted.told(), fitted.state()))
    assert again.names == fitted.names
    assert len(set(fitted.names)) == len(fitted.names) > 0
    alone = [taken(live, np.arange(60) == i) for i in range(60)]
    if hasattr(fitted, "scalars"):
        whole = fitted.scalars(live)
        assert whole.shape == (len(fitted.names), 60)
        assert np.concatenate([fitted.scalars(each) for each in alone], axis=1).tobytes() == whole.tobytes()
        assert again.scalars(live).tobytes() == whole.tobytes()  # type: ignore[union-attr]  # of the same kind
    else:
        texts = fitted.texts(live)
        assert [len(each) for each in texts] == [60] * len(fitted.names)
        parts = [fitted.texts(each) for each in alone]
        assert [[part[i][0] for part in parts] for i in range(len(texts))] == [list(each) for each in texts]


def test_keys_are_unique() -> None:
    """A profile keeps each kind under its key."""
    assert len({kind.key for kind in KINDS}) == len(KINDS)


def test_a_kind_without_its_column_is_not_watched() -> None:
    """Without clients, latencies and vectors there are no views of them, and the bins of the others stay in place."""
    full = rows(0, 400)
    bare = replace(full, client=None, latency=None, embedding=None)
    settings = ViewSettings(bins=8, projections=3)
    with_all, without = (
        Views.fit(each, ("a", "b", "c"), ("kind",), settings, np.random.default_rng(0)) for each in (full, bare)
    )
    assert {"client", "latency", "embedding norm"} <= set(with_all.layout().names)
    assert not {"client", "latency", "embedding norm"} & set(without.layout().names)
    ordered = without.layout().ordered
    assert with_all.layout().ordered[: len(ordered)] == ordered
    one, other = (each.count(rows(2, 90), np.array([0, 90]))[0] for each in (with_all, without))
    places = without.layout().step_start
    assert (one[:places] == other[:places]).all()


def test_rows_that_lack_a_column_count_as_missing() -> None:
    """An event of a model whose embeddings stopped coming falls into `missing`, and nothing fails."""
    views = Views.fit(rows(0, 400), ("a", "b", "c"), ("kind",), ViewSettings(bins=8), np.random.default_rng(0))
    layout = views.layout()
    counts = views.count(replace(rows(1, 50), embedding=None, latency=None, client=None), np.array([0, 50]))[0]
    for name in ("embedding norm", "latency"):
        start = layout.ordered.index(name) * layout.bins
        assert counts[start + layout.bins - 1] == 50
    client = layout.step_start + layout.stepped.index("client") * layout.step_bins
    names = views.stepped[layout.stepped.index("client")].names
    assert counts[client + names.index("missing")] == 50


def test_counts_of_every_kind_add_up() -> None:
    """The counts of a union are the sum of the counts, with embeddings, clients and latencies among them."""
    views = Views.fit(rows(0, 400), ("a", "b", "c"), ("kind",), ViewSettings(bins=8), np.random.default_rng(0))
    made = rows(3, 200)
    whole = views.count(made, np.array([0, 200]))[0]
    parts = [views.count(taken(made, (np.arange(200) >= a) & (np.arange(200) < b)), np.array([0, b - a]))[0]
             for a, b in pairwise([0, 1, 70, 200])]  # fmt: skip
    assert (np.sum(parts, axis=0) == whole).all()
