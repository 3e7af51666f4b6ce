"""Rules that people wrote down, for when nobody better is there."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fallback.answerers.types import Answer, AskedRequest, Feature
from fallback.errors import AnswererRefused

__all__ = ["Condition", "Rules", "Wanted", "condition"]

Condition = Callable[[Feature], bool]
Wanted = str | float | bool | Sequence[str | float | bool]
"""A value, several of them, or a comparison such as "> 1000"."""
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_SWITCHED: Final = {True: ("true", "yes", "on"), False: ("false", "no", "off")}
"""How people write what a feature that is a boolean may be."""
_COMPARISON = re.compile(r"\s*(<=|>=|!=|<|>)\s*(.*?)\s*")


def condition(wanted: Wanted) -> Condition:
    """What a feature must be like.

    Examples
    --------
    >>> condition("> 1000")(1500), condition("> 1000")(None), condition(["DE", "AT"])("AT"), condition(3)(3.0)
    (True, False, True, True)
    >>> condition("!= DE")("FR")
    True

    Raises
    ------
    ValueError
        It compares with something that is no number.
    """
    if isinstance(wanted, str) and (found := _COMPARISON.fullmatch(wanted)) is not None:
        return _compared(*found.groups())
    values = [wanted] if isinstance(wanted, str | int | float) else list(wanted)
    return lambda feature: any(_same(feature, value) for value in values)


def _compared(sign: str, text: str) -> Condition:
    compare = _COMPARISONS[sign]
    try:
        bound = float(text)
    except ValueError:
        if sign == "!=" and text:
            return lambda feature: feature is not None and not _same(feature, text)
        raise ValueError(f"`{sign} {text}` compares with {text!r}, which is no number") from None
    if math.isnan(bound):
        raise ValueError(f"`{sign} {text}`: nothing compares with it")
    return lambda feature: (number := _number(feature)) is not None and compare(number, bound)


def _same(feature: Feature, value: str | float) -> bool:
    if isinstance(feature, bool):
        return _text(value).lower() in _SWITCHED[feature]
    if isinstance(value, bool) or isinstance(feature, str) or isinstance(value, str):
        return feature is not None and _text(feature) == _text(value)
    return feature is not None and feature == value


def _text(value: Feature) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(feature: Feature) -> float | None:
    if feature is None or isinstance(feature, bool):
        return None
    try:
        number = float(feature)
    except ValueError:
        return None
    return None if math.isnan(number) else number


class Rules:
    """Gives the answer of the first rule whose conditions all hold; a feature that is missing fulfils none.

    Examples
    --------
    >>> import asyncio
    >>> rules = Rules([({"amount": "> 1000"}, "deny")])
    >>> asked = AskedRequest("1", "d", "m", "1", {"amount": 2000.0})
    >>> asyncio.run(rules.answer(asked)).value
    'deny'
    """

    def __init__(self, rules: Sequence[tuple[Mapping[str, Wanted], str | float]], *, name: str = "rule") -> None:
        self.name = name
        self._rules = [
            ([(feature, condition(wanted)) for feature, wanted in when.items()], Answer(answer))
            for when, answer in rules
        ]

    async def answer(self, request: AskedRequest, /) -> Answer:
        """Answer by the first rule that fits."""
        return self.said(request)

    def said(self, request: AskedRequest, /) -> Answer:
        """The answer of the first rule that fits; raises AnswererRefused where none does."""
        features = request.features
        if not isinstance(features, Mapping):
            raise AnswererRefused("the features have no names that a rule could go by", about_request=True)
        for conditions, answer in self._rules:
            if all(holds(features.get(feature)) for feature, holds in conditions):
                return answer
        raise AnswererRefused("no rule fits", about_request=True)

    async def aclose(self) -> None:
        """Nothing to give back."""
