"""The sidecar: joins the group, turns the loop, and begins again whenever the broker was away."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from detectors.profile import Profile
from monitor.answering import Live
from monitor.building import Parts, build
from monitor.config import Config
from monitor.errors import RunError, UsageError
from monitor.logs import Log, Superseded
from monitor.observing import Broker, Lag, LedgerState, Observer, Role
from monitor.overruling import KillSwitch, Orders

__all__ = ["Sidecar"]

_TURN_SECONDS = 0.25
"""A poll waits this long for a record, so that a stop and a heartbeat are never later than that."""
_REPORT_SECONDS = 1.0
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0


class Sidecar:
    """One replica.

    Parameters
    ----------
    config, profiles
        What is promised, and what normal looks like, by version.
    open_log
        Joins the group; raises a RunError if that fails for now.
    people
        Who answers what is held back; outlives a broker that goes away.
    observe
        Is told everything.
    say
        Is told in words, with fields, what a person may have to act on.
    folder
        Where outcomes wait; built anew from the topics.
    replica
        A name in the summaries.
    orders, kill_switch
        Orders that are given at this replica, and the switch that stops it.
    """

    def __init__(
        self,
        config: Config,
        profiles: Mapping[str, Profile],
        open_log: Callable[[], Log],
        people: Live,
        observe: Observer,
        say: Callable[..., object],
        folder: Path,
        replica: str = "0",
        orders: Orders | None = None,
        kill_switch: KillSwitch | None = None,
    ) -> None:
        self._config, self._profiles, self._open_log = config, profiles, open_log
        self._people, self._observe, self._say, self._folder = people, observe, say, folder
        self._replica, self._orders, self._kill_switch = replica, orders, kill_switch
        self._stop = threading.Event()
        self._reported = -float("inf")
        self._wait = _FIRST_WAIT
        self.connected = False

    def stop(self) -> None:
        """End after the turn that is under way."""
        self._stop.set()

    def run(self) -> None:
        """Turn until told to stop. Raises Superseded if another process has taken this one's place."""
        while not self._stop.is_set():
            try:
                self._session()
            except Superseded:
                raise
            except (RunError, UsageError) as error:
                self._lost(error)

    def _session(self) -> None:
        """From joining the group to leaving it."""
        log = self._open_log()
        try:
            parts = self._parts(log)
            try:
                while not self._stop.is_set():
                    parts.loop.step(_TURN_SECONDS)
                    self._turned(log, parts)
            finally:
                parts.close()
        finally:
            log.close()

    def _parts(self, log: Log) -> Parts:
        return build(
            self._config,
            self._profiles,
            log,
            self._people,
            self._observe,
            replica=self._replica,
            clock=time.time,
            joins_path=lambda partition: str(self._folder / f"joins-{partition}.sqlite"),
            rebuilt=self._took_over,
            orders=self._orders,
            kill_switch=self._kill_switch,
        )

    def _turned(self, log: Log, parts: Parts) -> None:
        """A turn was taken: the broker is there."""
        if not self.connected:
            self._wait, self.connected = _FIRST_WAIT, True
            self._observe(Broker(connected=True))
        now = time.monotonic()
        if now - self._reported < _REPORT_SECONDS:
            return
        self._reported = now
        self._look()
        behind = log.behind()
        self._observe(Lag(records=behind.records, seconds=behind.seconds))
        self._observe(self._people.queue(time.time()))
        self._observe(Role(judge=parts.judging.judge_now is not None))
        self._observe(LedgerState(broken=parts.judging.watch.broken))

    def _lost(self, error: RunError | UsageError) -> None:
        """Say so, and wait: longer each time, and never as long as the others do."""
        self.connected = False
        self._look()
        self._observe(Broker(connected=False))
        wait = self._wait * random.uniform(0.75, 1.25)  # noqa: S311  # replicas must not come back all at once
        self._wait = min(2 * self._wait, _LONGEST_WAIT)
        self._say("broker_lost", error=str(error), retry_in_seconds=round(wait, 1))
        self._stop.wait(wait)

    def _look(self) -> None:
        """Whoever watches learns how the kill switch stands, even while nothing is to be routed."""
        if self._kill_switch is not None:
            self._kill_switch.look()

    def _took_over(self, partitions: list[int], decisions: int, /) -> None:
        self._say("partitions", partitions=partitions, decisions_read_back=decisions)
