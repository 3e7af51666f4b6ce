"""Rules: the first that fits answers, and a feature that is missing fulfils none."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from fallback.answerers.rule import Rules, condition
from fallback.answerers.types import AskedRequest
from fallback.errors import AnswererRefused


def asked(features: Any) -> AskedRequest:
    return AskedRequest("1", "d", "m", "1", features)


@pytest.mark.parametrize(
    ("wanted", "feature", "holds"),
    [
        ("> 10", 11, True), (">10", 10, False), (">= 10", 10, True), ("< -1.5", -2.0, True), ("<= 3", 4, False),
        ("!= 3", 4, True), ("!= 3", 3.0, False), ("> 10", "11", True), ("> 10", "eleven", False),
        ("> 10", None, False), ("> 10", math.nan, False), ("> 10", True, False), ("< inf", 5, True),
        ("DE", "DE", True), ("DE", "AT", False), ("DE", None, False), (["DE", "AT"], "AT", True), ([1, 2], 2.0, True),
        ("!= DE", "AT", True), ("!= DE", "DE", False), ("!= DE", None, False), ("3", 3, True), (3, "3", True),
        (True, True, True), (True, "true", True), (True, 1, False), (1, True, False),
        ("yes", True, True), ("Off", False, True), ("yes", False, False), ("maybe", True, False), ("yes", "yes", True),
        ("yes", "true", False), (["no", "off"], False, True),
    ],
)  # fmt: skip
def test_a_condition_holds_or_not(wanted: Any, feature: Any, holds: bool) -> None:
    """Values compare as they are meant; what is missing, no number, or of another kind fulfils nothing."""
    assert condition(wanted)(feature) is holds


@pytest.mark.parametrize("wanted", ["> much", "<= ", "> nan"])
def test_what_compares_with_no_number_is_refused(wanted: str) -> None:
    """A rule that could never hold is a mistake."""
    with pytest.raises(ValueError, match="compares"):
        condition(wanted)


def test_the_first_rule_that_fits_answers() -> None:
    """All conditions of a rule must hold; the order is the user's; where none fits, the next hop is asked."""
    rules = Rules([({"amount": "> 1000", "country": "DE"}, "deny"), ({"amount": "> 10"}, "ask")])
    assert asyncio.run(rules.answer(asked({"amount": 2000, "country": "DE"}))).value == "deny"
    assert asyncio.run(rules.answer(asked({"amount": 2000}))).value == "ask"
    with pytest.raises(AnswererRefused, match="no rule fits") as refused:
        asyncio.run(rules.answer(asked({"amount": 1})))
    assert refused.value.about_request
    with pytest.raises(AnswererRefused, match="no names"):
        asyncio.run(rules.answer(asked([1, 2])))
