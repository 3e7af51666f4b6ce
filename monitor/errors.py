"""What can go wrong above the detectors and the breaker.

    HoldbackError       exit status 1
    ├── RunError        exit status 1   failed while running
    ├── UsageError      exit status 2   unusable arguments, file or profile
    │   └── ConfigError exit status 2   unusable configuration, with every fault and its path
    └── CheckFailed     exit status 3   a check that was asked for does not hold

The command line prints the message on standard error and ends with the status; nobody sees a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

__all__ = ["CheckFailed", "ConfigError", "HoldbackError", "RunError", "UsageError"]


class HoldbackError(Exception):
    """Base of all errors that a user is meant to read."""

    exit_status: ClassVar[int] = 1


class RunError(HoldbackError):
    """It started, and failed while running."""


class UsageError(HoldbackError):
    """The arguments, a file or a profile cannot be used as they are."""

    exit_status = 2


class ConfigError(UsageError):
    """The configuration cannot be used; `faults` has every (path, message), in the order of the file."""

    def __init__(self, faults: Sequence[tuple[str, str]], origin: str = "configuration") -> None:
        self.faults = tuple(faults)
        self.origin = origin
        head = f"{origin}: {len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}"
        lines = [f"  {path or '(whole file)'}: {message}" for path, message in self.faults]
        super().__init__("\n".join([head, *lines]))


class CheckFailed(HoldbackError):
    """A check that was asked for does not hold."""

    exit_status = 3
