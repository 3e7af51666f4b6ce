"""What reviewers answered, in a file: a learner learns it again after a restart, so no model need be stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from fallback.answerers.types import Feature

__all__ = ["Example", "Examples"]


class Example(msgspec.Struct, frozen=True):
    """Features by name, and what a person answered."""

    features: Mapping[str, Feature]
    answer: str | float


class Examples:
    """The last `most` examples, a JSON line each; the file is written anew when it has grown to twice that.

    A line that can't be read, half of one after a crash, is left out and counted in `damaged`.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most
        self._file: BinaryIO | None = None
        self._lines = 0
        self.damaged = 0

    def read(self) -> Iterator[Example]:
        """The last examples, the oldest first."""
        try:
            with self._path.open("rb") as file:
                last = deque(file, maxlen=max(self._most, 1))
        except FileNotFoundError:
            return
        self._lines = len(last)
        for line in last if self._most else ():
            try:
                yield msgspec.json.decode(line, type=Example)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                self.damaged += 1

    def add(self, example: Example) -> None:
        """Keep one more."""
        if not self._most:
            return
        if self._lines >= 2 * self._most:
            self._shrink()
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            whole = not self._path.exists() or self._path.read_bytes().endswith(b"\n") or not self._path.stat().st_size
            self._file = self._path.open("ab", buffering=0)
            if not whole:
                # a crash left half a line: the next one must not be lost with it
                self._file.write(b"\n")
        self._file.write(msgspec.json.encode(example) + b"\n")
        self._lines += 1

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _shrink(self) -> None:
        self.close()
        with self._path.open("rb") as file:
            last = deque(file, maxlen=self._most)
        beside = self._path.with_name(f".{self._path.name}.new")
        beside.write_bytes(b"".join(last))
        beside.replace(self._path)
        self._lines = len(last)
