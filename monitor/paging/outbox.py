"""What waits to be sent to one receiver: a thread of its own, bounded, tried again with growing waits."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from monitor.paging.page import NotSent, Page, Sender

__all__ = ["Outbox", "Patience", "Report"]

Report = Callable[[Page, str], None]
"""Is told of a page that was given up, and why."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try: times in seconds."""

    attempts: int = 8
    """With the waits below that is a good minute for a receiver that refuses, two and a half for one that hangs."""
    first: float = 0.5
    longest: float = 30.0
    jitter: float = 0.5
    """Share by which a wait may be shorter: replicas that failed together do not come back together."""
    most: int = 100
    """Matters that wait at most."""

    def wait(self, failed: int, share: float) -> float:
        """Seconds after that many failures; `share` in [0, 1) is drawn."""
        return float(min(self.first * 2.0 ** (failed - 1), self.longest) * (1.0 - self.jitter * share))


class Outbox:
    """Sends pages one after the other. Of one matter only the newest waits: what it says is true then.

    `put` never waits. What can't be sent is reported from the outbox's own thread, and so is what finds no room.
    """

    def __init__(
        self,
        sender: Sender,
        report: Report,
        patience: Patience,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._sender, self._report, self._patience, self._draw = sender, report, patience, draw
        self._waiting: dict[str, Page] = {}
        self._dropped: list[Page] = []
        self._changed = threading.Condition()
        self._closing, self._idle = False, True
        self._forgotten: set[str] = set()
        self._thread = threading.Thread(target=self._run, name=f"holdback-{sender.name}", daemon=True)
        self._thread.start()

    def put(self, page: Page) -> None:
        """Have a page sent; an older one of the same matter that still waits is not."""
        with self._changed:
            self._waiting[page.key] = page
            self._forgotten.discard(page.key)
            if len(self._waiting) > self._patience.most:
                self._dropped.append(self._waiting.pop(next(iter(self._waiting))))
                del self._dropped[: -self._patience.most]
            self._changed.notify_all()

    def forget(self, key: str) -> None:
        """Send no more of a matter: somebody else does."""
        with self._changed:
            self._waiting.pop(key, None)
            self._forgotten.add(key)
            self._changed.notify_all()

    def settled(self, seconds: float) -> bool:
        """Wait until all that was put has been sent or given up; False if it is not in that time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._idle and not self._waiting, seconds)

    def close(self, seconds: float) -> None:
        """Send what waits, for that long at most, and end."""
        give_up = time.monotonic() + seconds
        self.settled(seconds)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(max(0.0, give_up - time.monotonic()) + 0.1)
        self._sender.close()

    def _run(self) -> None:
        while (page := self._take()) is not None:
            self._send(page)

    def _take(self) -> Page | None:
        """The page that has waited longest; None at the end."""
        while True:
            with self._changed:
                self._idle = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._dropped or self._closing)
                self._idle = False
                dropped, self._dropped = self._dropped, []
                page = self._waiting.pop(next(iter(self._waiting))) if self._waiting and not self._closing else None
                self._forgotten.clear()
            for each in dropped:
                self._report(each, "too many pages wait")
            if page is not None or self._closing:
                return page

    def _send(self, page: Page) -> None:
        failed = 0
        while True:
            try:
                self._sender.send(page)
            except NotSent as error:
                failed, why, again = failed + 1, str(error), error.again
            except Exception as error:  # noqa: BLE001  (the thread must live: there are other pages)
                failed, why, again = failed + 1, f"{type(error).__name__} in {self._sender.name}", False
            else:
                return
            if not again or failed >= self._patience.attempts or not self._pause(failed):
                self._report(page, why)
                return
            newest = self._newest(page)
            if newest is None:
                return
            page = newest

    def _pause(self, failed: int) -> bool:
        """Wait; False if it is to end."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing, timeout=self._patience.wait(failed, self._draw()))

    def _newest(self, page: Page) -> Page | None:
        """What there is to say of the matter by now; None, nothing any more."""
        with self._changed:
            newest = self._waiting.pop(page.key, page)
            return None if newest is page and page.key in self._forgotten else newest
