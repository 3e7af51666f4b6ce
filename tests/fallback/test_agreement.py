"""What several people agree on, held against a naive recount."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from fallback.agreement import Vote, agreed, majority, most_votes


def votes(answers: list[str | float]) -> list[Vote]:
    return [Vote(f"r{n}", answer, float(n)) for n, answer in enumerate(answers)]


@given(st.lists(st.sampled_from("abc"), max_size=9), st.integers(1, 5))
def test_a_word_needs_so_many(answers: list[str], needed: int) -> None:
    """The most frequent one, if it is said often enough."""
    found = agreed(votes(list(answers)), needed, 0.0)
    most = max((answers.count(each) for each in "abc"), default=0)
    assert (found is not None) == (most >= needed)
    if found is not None:
        said, names = found
        assert answers.count(str(said)) == most
        assert names == ", ".join(f"r{n}" for n, each in enumerate(answers) if each == said)


@given(st.lists(st.integers(-5, 5), max_size=6), st.integers(1, 4), st.sampled_from([0.0, 1.0, 2.5]))
def test_numbers_agree_that_lie_close(answers: list[int], needed: int, within: float) -> None:
    """As many as any choice of them that are no farther apart; the answer lies among them."""
    found = agreed(votes([float(each) for each in answers]), needed, within)
    close = [
        some
        for n in range(needed, len(answers) + 1)
        for some in combinations(answers, n)
        if max(some) - min(some) <= within
    ]
    assert (found is not None) == bool(close)
    if found is not None:
        said, names = found
        assert isinstance(said, float)
        group = [float(answers[int(name[1:])]) for name in names.split(", ")]
        assert len(group) == max(len(some) for some in close)
        assert min(group) <= said <= max(group)


def test_words_and_numbers_are_never_the_same() -> None:
    """A class named 1 is no number."""
    assert agreed(votes(["1", 1.0]), 2, 9.0) is None


def test_so_many_are_asked_that_two_answers_can_not_both_be_short() -> None:
    """Of two classes one has its majority before the last is asked."""
    for reviewers in range(1, 10):
        assert most_votes(reviewers) >= 2 * (majority(reviewers) - 1) + 1


def test_a_long_list_of_names_is_cut() -> None:
    """Records stay small, whatever reviewers call themselves."""
    found = agreed([Vote("x" * 200, "a", 0.0), Vote("y" * 200, "a", 1.0)], 2, 0.0)
    assert found is not None
    assert len(found[1]) == 256
