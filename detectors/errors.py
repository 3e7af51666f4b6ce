"""What can go wrong with what is measured.

::

    DetectorError
    ├── ProfileError      a profile that can't be read, or is damaged
    ├── ProgramError      a torch program that can't be read or run, or must not be
    │   └── TorchMissing  it needs torch, which is not installed
    └── UnfitReference    a reference that no profile can be fitted on
"""

from __future__ import annotations

__all__ = ["DetectorError", "ProfileError", "ProgramError", "TorchMissing", "UnfitReference"]


class DetectorError(Exception):
    """Root of this package's errors."""


class ProfileError(DetectorError):
    """The bytes are no profile, or not the one that was written."""


class ProgramError(DetectorError):
    """The bytes are no torch program that may be run here, or it failed on its input."""


class TorchMissing(ProgramError):
    """A program is to be run, and torch is not installed."""


class UnfitReference(DetectorError):
    """The reference has too little in it."""
