"""The same answer for everybody: the last resort that needs nobody."""

from __future__ import annotations

from collections.abc import Mapping

from fallback.answerers.types import Answer, AskedRequest

__all__ = ["Constant"]


class Constant:
    """Gives one answer, whatever it is asked."""

    def __init__(
        self, value: str | float, *, name: str = "constant", probabilities: Mapping[str, float] | None = None
    ) -> None:
        self.name = name
        self._answer = Answer(value, probabilities)

    async def answer(self, _: AskedRequest, /) -> Answer:
        """Give the answer."""
        return self._answer

    async def aclose(self) -> None:
        """Nothing to give back."""
