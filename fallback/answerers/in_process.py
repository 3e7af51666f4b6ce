"""A small model in this process, such as a torch program: asked in a thread, whole batches at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fallback.answerers.types import Answer, AskedRequest, Feature
from fallback.errors import AnswererError, AnswererNonsense, AnswererRefused

__all__ = ["InProcess", "Told"]

_Row = list[float]


class Told(NamedTuple):
    """What a model says of some rows.

    `outputs` are (rows, classes) probabilities, or (rows, 1) values; `doubt` is (rows,), greater where it knows less.
    """

    outputs: NDArray[np.float64]
    doubt: NDArray[np.float64]


class InProcess:
    """Answers by a function of rows of features.

    All requests that are asked together are answered by one call, in one thread of its own: the loop goes on meanwhile,
    and those who come while it works are the next call. A call cannot be stopped: who runs out of time goes on to the
    next hop, and what comes late is thrown away. Belongs to one event loop.

    Parameters
    ----------
    run
        From (rows, features) to what it says; may raise anything.
    features
        What a row is made of, in order.
    classes
        What the outputs are about, in order; empty for a value.
    most_doubt
        Above it there is no answer; None: never.

    Examples
    --------
    >>> def run(rows):
    ...     return Told(np.stack([1 - rows[:, 0], rows[:, 0]], axis=1), np.zeros(len(rows)))
    >>> small = InProcess(run, ["risk"], ["grant", "deny"])
    >>> asyncio.run(small.answer(AskedRequest("1", "d", "m", "1", {"risk": .75})))
    Answer(value='deny', probabilities={'grant': 0.25, 'deny': 0.75})
    """

    def __init__(
        self,
        run: Callable[[NDArray[np.float64]], Told],
        features: Sequence[str],
        classes: Sequence[str] = (),
        *,
        most_doubt: float | None = None,
        name: str = "torch",
    ) -> None:
        self.name = name
        self._run, self._features, self._classes, self._most_doubt = run, tuple(features), tuple(classes), most_doubt
        self._waiting: list[tuple[_Row, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"answerer {name}")

    async def answer(self, request: AskedRequest, /) -> Answer:
        """Answer with whoever is asked at the same time."""
        row, loop = self._row(request.features), asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((row, answer))
        if self._working is None:
            self._working = loop.create_task(self._work())
        return await answer

    def said(self, request: AskedRequest, /) -> Answer:
        """The answer, here and now, where nobody else is asked."""
        (answer,) = self._each([self._row(request.features)])
        if isinstance(answer, AnswererError):
            raise answer
        return answer

    async def aclose(self) -> None:
        """Let the thread go; a call that is under way ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        """Call after call, until nobody waits."""
        try:
            while self._waiting:
                await asyncio.sleep(0)  # whoever else is asked in this turn of the loop comes along
                batch = [(row, answer) for row, answer in self._waiting if not answer.done()]
                self._waiting.clear()
                if batch:
                    rows = [row for row, _ in batch]
                    given = await asyncio.get_running_loop().run_in_executor(self._thread, self._each, rows)
                    for (_, answer), each in zip(batch, given, strict=True):
                        _settle(answer, each)
        finally:
            self._working = None

    def _each(self, rows: list[_Row]) -> list[Answer | AnswererError]:
        """An answer a row, or why there is none; a row that the model fails on does not take the others with it."""
        try:
            told = self._run(np.array(rows, dtype=np.float64))
        except Exception as error:  # noqa: BLE001 - whatever a model does, the chain goes on
            if len(rows) == 1:
                return [AnswererRefused(f"{self.name} failed: {error}")]
            return [each for row in rows for each in self._each([row])]
        return [self._one(output, doubt) for output, doubt in zip(told.outputs, told.doubt.tolist(), strict=True)]

    def _one(self, output: NDArray[np.float64], doubt: float) -> Answer | AnswererError:
        if not np.isfinite(output).all() or len(output) != max(len(self._classes), 1):
            return AnswererNonsense(f"{self.name} gave {output.tolist()!r}, which is no answer")
        if self._most_doubt is not None and doubt > self._most_doubt:
            said = f"its members disagree by {doubt:.3g} nats, more than {self._most_doubt:g}"
            return AnswererRefused(said, about_request=True)
        if not self._classes:
            return Answer(float(output[0]))
        shares = dict(zip(self._classes, output.tolist(), strict=True))
        return Answer(self._classes[int(output.argmax())], shares)

    def _row(self, features: Mapping[str, Feature] | Sequence[Feature]) -> _Row:
        """Features in order; raises AnswererRefused if one is missing, or is no number."""
        if not isinstance(features, Mapping):
            if len(features) != len(self._features):
                said = f"a list of {len(features)} features came; it takes {len(self._features)}, or features by name"
                raise AnswererRefused(said, about_request=True)
            features = dict(zip(self._features, features, strict=True))
        row = []
        for name in self._features:
            value = features.get(name)
            if not isinstance(value, int | float) or not np.isfinite(value):
                raise AnswererRefused(f"feature {name!r} is {value!r}; it must be a number", about_request=True)
            row.append(float(value))
        return row


def _settle(waiting: asyncio.Future[Answer], given: Answer | AnswererError) -> None:
    if waiting.done():
        return
    if isinstance(given, AnswererError):
        waiting.set_exception(given)
    else:
        waiting.set_result(given)
