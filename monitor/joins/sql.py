"""The tables of waiting decisions, and what is asked of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitor.errors import UsageError

__all__ = [
    "DELETE_OLD",
    "INSERT",
    "JOIN",
    "JOINED",
    "MARK_OVERDUE",
    "OLDEST",
    "OLDEST_ASKED",
    "SELECT_OLD",
    "SELECT_OVERDUE",
    "SPANS",
    "SPANS_ASKED",
    "open_store",
    "run_in",
]

_VERSION = 2
_MOST_PARAMETERS = 1024
# Measured against a column a field and against WITHOUT ROWID: one encoded body and a unique index is a third faster.
_SCHEMA = f"""
    CREATE TABLE decisions (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time REAL NOT NULL,
                            state INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE early (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, label TEXT, value REAL, time REAL NOT NULL);
    CREATE INDEX early_time ON early (time);
    CREATE TABLE flagged (n INTEGER PRIMARY KEY, id TEXT NOT NULL, who TEXT NOT NULL, time REAL NOT NULL);
    CREATE UNIQUE INDEX flagged_pair ON flagged (id, who);
    PRAGMA user_version = {_VERSION};
"""
# A state is 2 + 4 * stake + 2 * asked + overdue. All states take one byte in a row, which 0 and 1 do not, so that
# SQLite overwrites a row in place when its state changes.
JOINED = 127
JOIN = "UPDATE decisions SET state = 127 WHERE n IN"
SELECT_OLD = "SELECT n, state, body FROM decisions WHERE n BETWEEN ? AND ? AND time < ?"
DELETE_OLD = "DELETE FROM decisions WHERE n BETWEEN ? AND ? AND time < ?"
INSERT = "INSERT INTO decisions VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
OLDEST = "SELECT min(time) FROM decisions WHERE n BETWEEN ? AND ?"
SELECT_OVERDUE = SELECT_OLD + " AND (state - 2) & 3 = 2"
MARK_OVERDUE = "UPDATE decisions SET state = state + 1 WHERE n BETWEEN ? AND ? AND time < ? AND (state - 2) & 3 = 2"
OLDEST_ASKED = OLDEST + " AND (state - 2) & 3 = 2"
SPANS = "SELECT min(time), min(n), max(n) FROM decisions GROUP BY n / 256"
SPANS_ASKED = "SELECT min(time), min(n), max(n) FROM decisions WHERE (state - 2) & 3 = 2 GROUP BY n / 256"


def open_store(path: str | Path) -> sqlite3.Connection:
    """Open the file, made if it is new; raises UsageError if it cannot be used."""
    try:
        # The loop may run in another thread than the one that opened it.
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -32768")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    except sqlite3.Error as error:
        raise UsageError(f"the store of waiting decisions {str(path)!r} cannot be used: {error}") from error
    if version not in {0, _VERSION}:
        raise UsageError(f"the store {str(path)!r} has format {version}, not {_VERSION}; remove it, it is built anew")
    return db


def run_in(db: sqlite3.Connection, sql: str, keys: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run `sql`, which ends in IN, for the first fields of `keys`, many at a time."""
    rows: list[Any] = []
    for start in range(0, len(keys), _MOST_PARAMETERS):
        some = [key[0] for key in keys[start : start + _MOST_PARAMETERS]]
        # As many marks as the next power of two: a few statements stay prepared. NULL equals nothing.
        marks = 1 << (len(some) - 1).bit_length()
        some += [None] * (marks - len(some))
        rows += db.execute(f"{sql} ({','.join('?' * marks)})", some)
    return rows
