"""The last resort."""

from __future__ import annotations

import asyncio

from fallback.answerers.constant import Constant
from fallback.answerers.types import Answer, AskedRequest


def test_it_says_the_same_to_everybody() -> None:
    """Whatever is asked, the answer is what was configured."""
    answerer = Constant("no", probabilities={"no": 1.0})
    answers = [asyncio.run(answerer.answer(AskedRequest(name, name, "m", "1", {}))) for name in "ab"]
    assert answers == [Answer("no", {"no": 1.0})] * 2
