"""Labels along an axis: whatever its width and however long their texts, none touches another."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.report.labels import Label, needed
from monitor.report.plot import Axis, number_axis, x_words

WIDTHS = [1, 5, 10, 15, 17, 20, 25, 30, 34, 40, 50, 60, 80, 120, 500]
"""In em of the labels' font: a phone has about 15, a desk about 75."""


def spans(labels: list[Label], width: float) -> list[tuple[float, float]]:
    """From where to where each label that is shown reaches."""
    shown = [each for each, need in zip(labels, needed(labels), strict=True) if need <= width]
    return [(each.share * width - each.reach[0], each.share * width + each.reach[1]) for each in shown]


def along(last: float, text: str = "") -> list[Label]:
    """The labels of a stream of so many events."""
    axis = number_axis(0.0, last)
    axis = Axis(0.0, last, tuple(each for each in axis.ticks if each[0] <= last))
    return [Label(axis.share(at), f"{number}\n{text}") for at, number in axis.ticks]


@pytest.mark.parametrize("text", ["", "12:00:00", "2026-01-01"])
@pytest.mark.parametrize("last", [1, 7, 99, 1_000, 1_030, 4_161, 8_200, 10_100, 41_000, 99_999, 1_234_567])
def test_no_label_touches_another(last: float, text: str) -> None:
    """At any width and span; the last is always there, and the others come as there is room."""
    labels = along(last, text)
    shown = [spans(labels, width) for width in WIDTHS]
    for each in shown:
        assert all(left[1] < right[0] for left, right in itertools.pairwise(each))
    assert [len(each) for each in shown] == sorted(len(each) for each in shown)
    assert len(shown[0]) == 1


@given(
    st.lists(st.floats(0, 1), max_size=14).map(sorted), st.lists(st.text(max_size=12), min_size=14), st.floats(1, 300)
)
def test_labels_at_any_places_do_not_touch(shares: list[float], texts: list[str], width: float) -> None:
    """Two at one place, many at an edge, empty texts: never two on one spot."""
    found = spans([Label(*each) for each in zip(shares, texts, strict=False)], width)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(found))
    assert bool(found) == bool(shares)


def test_the_one_before_the_last_gives_way() -> None:
    """8,200 events: `8,000` would stand on the end of the stream, and `6,000` is there as before."""
    labels = [Label(at / 8_200, f"{at:,}") for at in (0, 2_000, 4_000, 6_000, 8_000, 8_200)]
    assert [need < 60 for need in needed(labels)] == [True, True, True, True, False, True]


def test_where_there_is_no_room_for_all_every_second_one_is_shown() -> None:
    """They stay evenly apart."""
    labels = [Label(i / 8, "1,000,000") for i in range(9)]
    assert [need <= 40 for need in needed(labels)] == [True, False] * 4 + [True]


def test_what_can_never_be_shown_is_not_in_the_page() -> None:
    """Two labels at one place are the later one alone."""
    words = [str(each) for each in x_words(Axis(0.0, 1.0, ((0.0, "a"), (1.0, "b"), (1.0, "c"))))]
    assert [word.count(text) for word, text in zip(words, ("<span>a", "<span>c"), strict=True)] == [1, 1]
