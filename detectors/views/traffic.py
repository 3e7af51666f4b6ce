"""Views of the traffic itself: who asks, and how long the model takes."""

from __future__ import annotations

from typing import Any, ClassVar
from zlib import crc32

import numpy as np

from detectors.layout import Group
from detectors.types import FloatArray, Rows, State

from .kinds import Half, Kept, Texts

__all__ = ["CLIENT_BUCKETS", "Clients", "Latency"]

CLIENT_BUCKETS = 16
"""Buckets that clients are hashed into: a client that asks for 5 % more of all answers moves its bucket by as much."""


class Clients:
    """The share of each bucket of clients in the traffic: one that floods the model, or one that fell silent, moves it.

    Clients come and go by the thousand; 16 buckets by a hash of the name (CRC-32) are few enough to be counted, and the
    hash is the same in every replica.

    Examples
    --------
    >>> Clients.bucket("mobile"), Clients.bucket(None)
    ('bucket 0', None)
    """

    key: ClassVar[str] = "clients"
    group: ClassVar[str] = Group.SINGLE
    names = ("client",)

    @classmethod
    def fit(cls, given: Half, /) -> Clients | None:
        """Fit where any event says who asked."""
        return cls() if any(each is not None for each in given.rows.client or ()) else None

    @staticmethod
    def bucket(client: str | None) -> str | None:
        """Bucket of a client."""
        return None if client is None else f"bucket {crc32(client.encode()) % CLIENT_BUCKETS}"

    def texts(self, rows: Rows) -> Texts:
        """Bucket of each event's client."""
        return ([None] * len(rows) if rows.client is None else [self.bucket(each) for each in rows.client],)

    def told(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def state(self) -> State:
        """Nothing."""
        return {}

    @classmethod
    def from_profile(cls, _kept: Kept, /) -> Clients:
        """Read it back."""
        return cls()


class Latency:
    """How long the model took, if events say so: a model that is slower than it was may be another one.

    Examples
    --------
    >>> Latency().names
    ('latency',)
    """

    key: ClassVar[str] = "latency"
    group: ClassVar[str] = Group.SINGLE
    names = ("latency",)

    @classmethod
    def fit(cls, given: Half, /) -> Latency | None:
        """Fit where any event says how long it took."""
        latency = given.rows.latency
        return cls() if latency is not None and np.isfinite(latency).any() else None

    def scalars(self, rows: Rows) -> FloatArray:
        """Seconds: (1, events)."""
        return np.full((1, len(rows)), np.nan) if rows.latency is None else rows.latency[None]

    def told(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def state(self) -> State:
        """Nothing."""
        return {}

    @classmethod
    def from_profile(cls, _kept: Kept, /) -> Latency:
        """Read it back."""
        return cls()
