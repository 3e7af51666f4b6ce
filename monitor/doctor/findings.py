"""What a check found: one line, with what to do where something is to be done."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Finding", "State", "fail", "ok", "warn"]

State = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """The result of one check. A warning can be lived with; what fails keeps the sidecar from its work."""

    check: str
    state: State
    what: str
    todo: str = ""

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.state:<4}  {self.check}: {self.what}" + (f". {self.todo}" if self.todo else "")


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", what)


def warn(check: str, what: str, todo: str) -> Finding:
    """It works, but not as well as it should, or not for ever."""
    return Finding(check, "warn", what, todo)


def fail(check: str, what: str, todo: str) -> Finding:
    """It doesn't work."""
    return Finding(check, "fail", what, todo)
