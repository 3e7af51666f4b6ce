"""Calls that may never return, made in a thread of their own, so that whoever waits can give up."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from monitor.logs.types import LogLost

__all__ = ["Patience"]


class Patience:
    """Makes one call after the other in a thread; a call that takes longer than `seconds` is given up.

    After that it is of no further use: the thread still waits, and nobody knows for what.
    """

    def __init__(self, seconds: float, name: str) -> None:
        self._seconds = seconds
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        self.lost = False

    def call(self, what: str, function: Callable[[], object]) -> None:
        """Call `function`; raises what it raises, or LogLost if it does not come back in time."""
        if self.lost:
            raise LogLost(f"{what}: an earlier call never came back")
        done = threading.Event()
        raised: list[BaseException] = []

        def run() -> None:
            try:
                function()
            except BaseException as error:  # noqa: BLE001  # it is raised where the call was made
                raised.append(error)
            finally:
                done.set()

        self._calls.put(run)
        if not done.wait(self._seconds):
            self.lost = True
            raise LogLost(f"{what} did not end within {self._seconds:.0f} s: the broker is away or stuck")
        if raised:
            raise raised[0]

    def close(self) -> None:
        """End the thread once it is free."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
