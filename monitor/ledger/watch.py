"""Following a ledger: does each record that comes follow from the one before?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from monitor.ledger.chain import Chain, LedgerBroken

__all__ = ["LedgerWatch"]


class _Before(msgspec.Struct):
    prev: str


class LedgerWatch:
    """Checks the records that a replica reads, from wherever it begins to read.

    Once broken it stays so: what comes after a bad record is no proof of what came before it. `what` says of the first
    one what is wrong.
    """

    def __init__(self) -> None:
        self._chain: Chain | None = None
        self.what = ""

    @property
    def broken(self) -> bool:
        """Whether a record did not follow from the one before."""
        return bool(self.what)

    def read(self, lines: Iterable[bytes]) -> None:
        """Check records in the order of their topic."""
        for line in lines:
            try:
                self._read(line)
            except LedgerBroken as error:
                self.what = self.what or error.what
                # whatever it is, the next record has to follow from another
                self._chain = None

    def _read(self, line: bytes) -> None:
        before, self._chain = self._chain, Chain.resume(line)
        if before is None:
            return
        prev, seq = msgspec.json.decode(line, type=_Before).prev, self._chain.seq - 1
        if (seq, prev) != (before.seq, before.head) and not self.what:
            self.what = f"record {seq} follows the one with hash {prev}, not record {before.seq - 1}, {before.head}"
