"""When several people look at the same request: what they agree on, if they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Counted", "Vote", "agreed", "majority", "most_votes"]

_LONGEST_NAMES = 256


@dataclass(frozen=True, slots=True)
class Vote:
    """What one reviewer said, and when (epoch seconds)."""

    reviewer: str
    answer: str | float
    at: float


@dataclass(frozen=True, slots=True)
class Counted:
    """An answer that is counted, while others are asked: `votes` so far, `needed` that are the same."""

    decision_id: str
    request_id: str
    votes: int
    needed: int


def majority(reviewers: int) -> int:
    """How many of them have to say the same.

    Examples
    --------
    >>> [majority(n) for n in (1, 2, 3, 5)]
    [1, 2, 2, 3]
    """
    return reviewers // 2 + 1


def most_votes(reviewers: int) -> int:
    """How many are asked at most where they do not agree: then it is left to its expiry.

    Examples
    --------
    >>> [most_votes(n) for n in (1, 2, 3)]
    [1, 3, 5]
    """
    return 2 * reviewers - 1


def agreed(votes: Sequence[Vote], needed: int, within: float) -> tuple[str | float, str] | None:
    """The answer that `needed` of them share, and who they are; None as long as there is none.

    Numbers are the same when they lie within `within` of each other, and then their median is the answer: the most that
    agree count, and of several such groups the tightest.

    Examples
    --------
    >>> votes = [Vote("ada", "cat", 0.0), Vote("bob", "dog", 1.0), Vote("eve", "cat", 2.0)]
    >>> agreed(votes[:2], 2, 0.0), agreed(votes, 2, 0.0)
    (None, ('cat', 'ada, eve'))
    >>> agreed([Vote("ada", 3.0, 0.0), Vote("bob", 9.0, 1.0), Vote("eve", 3.5, 2.0)], 2, 1.0)
    (3.25, 'ada, eve')
    """
    groups = _groups(votes, within)
    best = max(groups, key=lambda group: (len(group), -_spread(group)), default=[])
    if len(best) < needed:
        return None
    names = ", ".join(each.reviewer for each in sorted(best, key=lambda vote: vote.at))
    return _answer(best), names[:_LONGEST_NAMES]


def _groups(votes: Sequence[Vote], within: float) -> list[list[Vote]]:
    """Votes that say the same, one group a word, and one from each number upwards."""
    words = {each.answer for each in votes if isinstance(each.answer, str)}
    groups = [[each for each in votes if each.answer == word] for word in sorted(words)]
    numbers = sorted((each for each in votes if not isinstance(each.answer, str)), key=lambda vote: float(vote.answer))
    close = ([each for each in numbers if 0 <= float(each.answer) - float(low.answer) <= within] for low in numbers)
    return [*groups, *close]


def _spread(group: Sequence[Vote]) -> float:
    numbers = [each.answer for each in group if not isinstance(each.answer, str)]
    return max(numbers) - min(numbers) if numbers else 0.0


def _answer(group: Sequence[Vote]) -> str | float:
    numbers = sorted(each.answer for each in group if not isinstance(each.answer, str))
    if not numbers:
        return group[0].answer
    low, high = numbers[(len(numbers) - 1) // 2], numbers[len(numbers) // 2]
    return low + (high - low) / 2
