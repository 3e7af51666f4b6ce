"""What can go wrong with what is measured.

::

    DetectorError
    ├── ProfileError    a profile that can't be read, or is damaged
    └── UnfitReference  a reference that no profile can be fitted on
"""

from __future__ import annotations

__all__ = ["DetectorError", "ProfileError", "UnfitReference"]


class DetectorError(Exception):
    """Root of this package's errors."""


class ProfileError(DetectorError):
    """The bytes are no profile, or not the one that was written."""


class UnfitReference(DetectorError):
    """The reference has too little in it."""
