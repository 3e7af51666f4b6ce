"""The kill switch: a file, a signal or the API, and this replica's model answers nothing more, broker or no broker."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from monitor.errors import RunError
from monitor.summaries import KillNotice

__all__ = ["KillSwitch", "Killed"]

_LONGEST: Final = 4096
"""Bytes of the file that are read: its being there is what counts."""


@dataclass(frozen=True, slots=True)
class Killed:
    """Who turned the switch on, why, and since when, in epoch seconds."""

    actor: str
    reason: str
    since: float


class _Words(msgspec.Struct, frozen=True):
    actor: str = ""
    reason: str = ""
    time: float | None = None


class KillSwitch:
    """On as long as its file is there, so it outlives a restart; without a file it lives in memory.

    Whoever has no Holdback at hand makes the file, empty or with any text as the reason, and removes it again. If it
    cannot be told whether the file is there, what held last goes on.

    Parameters
    ----------
    path
        The file; None for memory.
    replica
        Which replica's switch it is, for the ledger.
    clock
        Wall time.
    note
        Is given every change, for the ledger and whoever watches.

    Examples
    --------
    >>> notices = []
    >>> switch = KillSwitch(None, "r", lambda: 5.0, notices.append)
    >>> switch.turn_on("ada", "wrong prices")
    >>> switch.look()
    Killed(actor='ada', reason='wrong prices', since=5.0)
    >>> switch.turn_off("ada", "mended")
    >>> switch.look(), [each.on for each in notices]
    (None, [True, False])
    """

    def __init__(
        self, path: Path | None, replica: str, clock: Callable[[], float], note: Callable[[KillNotice], None]
    ) -> None:
        self._path, self._replica, self._clock, self._note = path, replica, clock, note
        self._lock = threading.Lock()
        self._asked: deque[bool] = deque(maxlen=10)
        self._killed: Killed | None = None
        self.look()

    def look(self) -> Killed | None:
        """How it stands now; a look at the file each time, a few microseconds."""
        while self._asked:
            self._obey(on=self._asked.popleft())
        with self._lock:
            if self._path is None:
                return self._killed
            try:
                changed = self._path.stat().st_mtime
            except FileNotFoundError:
                self._change(None, "", "the file was removed")
            except OSError:
                return self._killed
            else:
                if self._killed is None:
                    self._change(self._read(changed))
            return self._killed

    def ask(self, *, on: bool) -> None:
        """Let the next look turn it: all that a signal's handler may do, which runs in the midst of anything."""
        self._asked.append(on)

    def turn_on(self, actor: str, reason: str) -> None:
        """Stop the model.

        Raises
        ------
        RunError
            The file could not be written. The switch is on, but a restart would not know of it.
        """
        with self._lock:
            killed = Killed(actor, reason, self._clock())
            try:
                if self._path is not None:
                    self._write(self._path, _Words(actor, reason, killed.since))
            except OSError as error:
                self._path = None
                raise RunError(
                    f"the kill switch is on, but its file could not be written ({error.strerror}): "
                    "it ends with this process"
                ) from error
            finally:
                self._change(killed)

    def turn_off(self, actor: str, reason: str) -> None:
        """Let the model answer again, as far as the breaker lets it.

        Raises
        ------
        RunError
            The file is there and could not be removed, so the switch stays on.
        """
        with self._lock:
            try:
                if self._path is not None:
                    self._path.unlink(missing_ok=True)
            except OSError as error:
                raise RunError(
                    f"the kill switch stays on: {self._path} could not be removed ({error.strerror})"
                ) from error
            self._change(None, actor, reason)

    def _obey(self, *, on: bool) -> None:
        # on holds all the same, in memory; where off can't be had, how it stands goes on to be told
        with contextlib.suppress(RunError):
            (self.turn_on if on else self.turn_off)("a signal", "SIGUSR1" if on else "SIGUSR2")

    def _change(self, killed: Killed | None, actor: str = "", reason: str = "") -> None:
        was, self._killed = self._killed, killed
        if (was is None) == (killed is None):
            return
        told = Killed(actor, reason, self._clock()) if killed is None else killed
        self._note(
            KillNotice(
                replica=self._replica[:256],
                on=killed is not None,
                actor=told.actor[:256],
                reason=told.reason[:1000],
                at=told.since,
            )
        )

    def _read(self, changed: float) -> Killed:
        assert self._path is not None
        try:
            with self._path.open("rb") as file:
                content = file.read(_LONGEST)
        except OSError:
            content = b""
        try:
            words = msgspec.json.decode(content, type=_Words)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            words = _Words(reason=content.decode(errors="replace").strip())
        reason = words.reason or "its file is there"
        return Killed(words.actor or "whoever made the file", reason, changed if words.time is None else words.time)

    @staticmethod
    def _write(path: Path, words: _Words) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # no half of a reason is ever read
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_bytes(msgspec.json.encode(words))
        beside.replace(path)
