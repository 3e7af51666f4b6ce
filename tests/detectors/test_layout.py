"""The vector of counts: every view has its place, and the weights sum to one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.layout import Group, Layout, group_weights

GROUPS = st.sampled_from([Group.SINGLE, Group.JOINT, Group.PAIR])


@given(st.lists(GROUPS, min_size=1, max_size=40))
def test_weights_sum_to_one_whatever_is_watched(groups: list[str]) -> None:
    """Equal within a group, and the groups that are there keep their proportions 1/2 : 1/4 : 1/4."""
    weights = group_weights(groups)
    assert weights.sum() == pytest.approx(1.0)
    shares = {each: sum(w for w, group in zip(weights, groups, strict=True) if group == each) for each in set(groups)}
    unit = shares.get(Group.SINGLE, 2 * shares.get(Group.JOINT, shares.get(Group.PAIR, 0.0))) / 2
    for group, share in shares.items():
        assert share == pytest.approx(2 * unit if group == Group.SINGLE else unit)
        assert len({float(w) for w, each in zip(weights, groups, strict=True) if each == group}) == 1


@given(st.integers(0, 5), st.integers(3, 40), st.lists(st.integers(3, 33), max_size=5), st.integers(0, 6))
def test_views_stand_side_by_side(ordered: int, bins: int, categories: list[int], pairs: int) -> None:
    """Each view begins where the one before ends; stepped views are as wide as the widest; nothing is left over."""
    names = [
        tuple(f"{kind}{i}" for i in range(n)) for kind, n in (("o", ordered), ("c", len(categories)), ("p", pairs))
    ]
    groups = ("single",) * (ordered + len(categories)) + ("pair",) * pairs
    layout = Layout(names[0], bins, names[1], tuple(categories), names[2], groups)
    starts, sizes = layout.starts(), np.diff(layout.starts())
    assert layout.names == names[0] + names[1] + names[2]
    assert sizes.tolist() == [bins] * ordered + [max(categories, default=0)] * len(categories) + [2] * pairs
    assert (starts[0], starts[-1]) == (0, layout.width)
    assert starts[ordered] == layout.step_start
    assert starts[ordered + len(categories)] == layout.pair_start
