"""The last good answer for the same key: what was said when there was somebody to say it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from fallback.answerers.types import Answer, AskedRequest, Feature
from fallback.errors import AnswererRefused

__all__ = ["LastGood"]

_Key = tuple[Feature, ...]


class LastGood:
    """Remembers answers by some features, in bounded memory, and gives them again for a while.

    Good is an answer of the model that was let through, and one that a person gave. What this says is not remembered as
    good, or it would keep itself alive.

    Parameters
    ----------
    features
        Those that make the key. A request that lacks one of them has no key.
    max_age
        Seconds after which an answer is not given any more.
    most
        Keys that are remembered; the least recently answered go first.
    clock
        Seconds that never run backwards.

    Examples
    --------
    >>> import asyncio
    >>> memory = LastGood(["customer"], 60.0, 1000, lambda: 0.0)
    >>> memory.heard({"customer": "c1"}, "yes")
    >>> asyncio.run(memory.answer(AskedRequest("1", "d", "m", "1", {"customer": "c1"}))).value
    'yes'
    """

    def __init__(
        self,
        features: Sequence[str],
        max_age: float,
        most: int,
        clock: Callable[[], float],
        *,
        name: str = "last good",
    ) -> None:
        self.name, self.from_model = name, True
        self._features, self._max_age, self._most, self._clock = tuple(features), max_age, most, clock
        self._answers: OrderedDict[_Key, tuple[float, str | float]] = OrderedDict()

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._answers)

    def heard(self, features: Mapping[str, Feature] | Sequence[Feature], answer: str | float) -> None:
        """Remember a good answer."""
        key = self._key(features)
        if key is None:
            return
        self._answers[key] = (self._clock(), answer)
        self._answers.move_to_end(key)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)

    async def answer(self, request: AskedRequest, /) -> Answer:
        """Give the last good answer for this key."""
        key = self._key(request.features)
        if key is None:
            raise AnswererRefused(f"the request lacks one of {', '.join(self._features)}", about_request=True)
        known = self._answers.get(key)
        if known is None:
            raise AnswererRefused("nothing was answered for this key yet", about_request=True)
        at, value = known
        age = self._clock() - at
        if age > self._max_age:
            del self._answers[key]
            raise AnswererRefused(f"the last answer for this key is {age:.0f} s old", about_request=True)
        return Answer(value)

    async def aclose(self) -> None:
        """Nothing to give back."""

    def _key(self, features: Mapping[str, Feature] | Sequence[Feature]) -> _Key | None:
        if not isinstance(features, Mapping):
            return None
        key = tuple(features.get(name) for name in self._features)
        return None if any(part is None for part in key) else key
