"""Which answers have been flagged, and by whom: each pair counts once, however often it is sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from monitor.joins.records import Flagging
from monitor.joins.sql import run_in

__all__ = ["FlagTable"]


class FlagTable:
    """The last `capacity` pairs of an answer and whoever flagged it, in the store's file and its transactions."""

    def __init__(self, db: sqlite3.Connection, capacity: int) -> None:
        self._db, self._capacity = db, capacity

    def add(self, flags: Sequence[Flagging]) -> list[Flagging]:
        """Note flags; returns them with `first` and `again`, in their order."""
        found = run_in(self._db, "SELECT id, who FROM flagged WHERE id IN", flags) if flags else []
        pairs = set(found)
        ids = {name for name, _ in pairs}
        told, new = [], []
        for flag in flags:
            pair = (flag.id, flag.who)
            told.append(flag._replace(first=flag.id not in ids, again=pair in pairs))
            if pair not in pairs:
                pairs.add(pair)
                ids.add(flag.id)
                new.append((*pair, flag.time))
        if new:
            self._db.executemany("INSERT INTO flagged (id, who, time) VALUES (?, ?, ?)", new)
            last = self._db.execute("SELECT max(n) FROM flagged").fetchone()[0]
            self._db.execute("DELETE FROM flagged WHERE n <= ?", (last - self._capacity,))
        return told

    def expire(self, before: float) -> None:
        """Forget flags from before `before`; they were noted in about this order, so the first tells."""
        first = self._db.execute("SELECT time FROM flagged ORDER BY n LIMIT 1").fetchone()
        if first is not None and first[0] < before:
            self._db.execute("DELETE FROM flagged WHERE time < ?", (before,))
