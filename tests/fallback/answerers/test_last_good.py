"""The last good answer: by key, for a while, in bounded memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fallback.answerers.last_good import LastGood
from fallback.answerers.types import AskedRequest
from fallback.errors import AnswererRefused


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def say(memory: LastGood, features: Any) -> str | float:
    return asyncio.run(memory.answer(AskedRequest("1", "d", "m", "1", features))).value


def test_it_gives_what_was_said_last_for_the_key() -> None:
    """Other features do not matter; another key is another memory."""
    memory = LastGood(["customer", "product"], 60.0, 10, Clock())
    memory.heard({"customer": "c", "product": 1, "age": 3}, "yes")
    memory.heard({"customer": "c", "product": 2}, "no")
    memory.heard({"customer": "c", "product": 1}, "maybe")
    assert say(memory, {"customer": "c", "product": 1, "age": 70}) == "maybe"
    assert say(memory, {"customer": "c", "product": 2}) == "no"
    with pytest.raises(AnswererRefused, match="nothing was answered"):
        say(memory, {"customer": "d", "product": 1})


@pytest.mark.parametrize("features", [{"customer": "c"}, {"customer": "c", "product": None}, ["c", 1]])
def test_without_a_whole_key_there_is_nothing(features: Any) -> None:
    """A part that is missing could be anybody's."""
    memory = LastGood(["customer", "product"], 60.0, 10, Clock())
    memory.heard(features, "yes")
    assert len(memory) == 0
    with pytest.raises(AnswererRefused, match="lacks one of customer, product"):
        say(memory, features)


def test_an_old_answer_is_given_no_more() -> None:
    """After `max_age` it is gone, and says how old it was."""
    clock = Clock()
    memory = LastGood(["k"], 60.0, 10, clock)
    memory.heard({"k": 1}, "yes")
    clock.now = 60.0
    assert say(memory, {"k": 1}) == "yes"
    clock.now = 61.0
    with pytest.raises(AnswererRefused, match="61 s old"):
        say(memory, {"k": 1})
    assert len(memory) == 0


def test_memory_is_bounded() -> None:
    """The least recently answered key goes first."""
    memory = LastGood(["k"], 60.0, 3, Clock())
    for k in (1, 2, 3, 1, 4):
        memory.heard({"k": k}, k)
    assert len(memory) == 3
    assert say(memory, {"k": 1}) == 1
    with pytest.raises(AnswererRefused):
        say(memory, {"k": 2})
