"""People's queue inside of a running replica: asked over HTTP, kept up with the topics by a thread of its own.

Whoever lists, claims or answers waits for the file alone, never for the broker. A thread reads what has come and sends
what was answered, once somebody asks, at most once a second; with the broker away it tries again, and what people do
meanwhile is kept in the file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from fallback.agreement import Counted
from fallback.desk import Held
from fallback.reviews import Settled
from monitor.config import Config
from monitor.events import format_time
from monitor.operating.clients import reader
from monitor.operating.review_words import parse_answer, shown
from monitor.operating.reviewing import PeoplesQueue

__all__ = ["ReviewDesk"]

_EVERY: Final = 1.0
_AGAIN: Final = 5.0
_WAIT: Final = 2.0
"""How long a request waits for the topics to be read: long enough for a broker that is there."""
_IDLE: Final = 60.0
"""After so long without a request the connection to the broker is given back."""


class ReviewDesk:
    """The queue of one model, for many threads.

    Parameters
    ----------
    config
        With the broker's own address.
    path
        The store's file; other processes may use it, too.
    clock
        Wall time in epoch seconds.
    """

    def __init__(self, config: Config, path: Path, clock: Callable[[], float]) -> None:
        self._config, self._path, self._clock = config, path, clock
        self._wanted, self._ended = threading.Event(), False
        self._read = threading.Condition()
        self._as_of: float | None = None
        self._behind: str | None = None
        # a file that can't be used is told now, and not to the first who asks
        PeoplesQueue(config, path, clock).close()
        self._thread = threading.Thread(target=self._keep_up, name="holdback-reviews", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop keeping up with the topics."""
        self._ended = True
        self._wanted.set()
        self._thread.join(_WAIT)

    def waiting(self, limit: int) -> dict[str, Any]:
        """What waits, the most urgent first; `as_of` says when the topics were read last, `behind` why not since."""
        self._ask()
        with self._queue() as queue:
            held = queue.waiting()
        return {"n": len(held), "reviews": [self._shown(each) for each in held[:limit]]} | self._state()

    def claim(self, reviewer: str, n: int) -> dict[str, Any]:
        """Take the most urgent that nobody holds."""
        self._ask()
        with self._queue() as queue:
            taken = queue.claim(reviewer, n)
            held = {each.item.decision_id: each for each in queue.waiting()}
        return {"reviews": [self._shown(held.get(each.decision_id, Held(each))) for each in taken]} | self._state()

    def answer(
        self, decision_id: str, reviewer: str, said: str | float, *, unlisted: bool
    ) -> tuple[Settled | Counted, bool]:
        """Answer what this reviewer holds; how it is settled or that others are asked, and whether it counts.

        What is settled is sent soon.

        Raises UsageError for what is no answer to it, RunError for what can't be answered by this reviewer.
        """
        with self._queue() as queue:
            item = queue.find(decision_id)
            # a class may be named 1, and JSON has it as a number
            text = f"{said:.0f}" if isinstance(said, float) and said.is_integer() else str(said)
            given = text if item is None else parse_answer(item, text, self._config, unlisted=unlisted)
            settled, new = queue.answer(decision_id, reviewer, given)
        self._wanted.set()
        return settled, new

    def _shown(self, held: Held) -> dict[str, Any]:
        return shown(held, self._clock(), self._config.reviews.expire)

    def _state(self) -> dict[str, Any]:
        as_of = self._as_of
        return {"as_of": None if as_of is None else format_time(as_of), "behind": self._behind}

    @contextmanager
    def _queue(self) -> Iterator[PeoplesQueue]:
        with closing(PeoplesQueue(self._config, self._path, self._clock)) as queue:
            yield queue

    def _ask(self) -> None:
        """Have the topics read, and wait for it a little."""
        with self._read:
            before = self._as_of
            if before is not None and 0 <= self._clock() - before < _EVERY:
                return
            self._wanted.set()
            if self._behind is None:
                self._read.wait_for(lambda: self._as_of != before or self._behind is not None, _WAIT)

    def _keep_up(self) -> None:
        while not self._ended:
            self._wanted.wait()
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001  # whatever the client raises, the next try may go well
                self._told(None, str(error) or type(error).__name__)
                # whoever asked has been told; whether the broker is back is looked for again, asked or not
                self._pause(_AGAIN)

    def _follow(self) -> None:
        """Read and send whenever somebody asked, until nobody has for a while."""
        with reader(self._config, "reviews") as opened, self._queue() as queue:
            while not self._ended and self._wanted.wait(_IDLE):
                self._wanted.clear()
                try:
                    queue.send()
                    queue.sync(opened)
                except BaseException:
                    self._wanted.set()
                    raise
                self._told(self._clock(), None)
                self._pause(_EVERY)

    def _told(self, as_of: float | None, behind: str | None) -> None:
        with self._read:
            self._as_of, self._behind = as_of or self._as_of, behind
            self._read.notify_all()

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._ended and time.monotonic() < until:
            time.sleep(min(0.1, seconds))
