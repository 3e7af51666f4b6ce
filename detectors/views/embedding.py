"""Embedding views: scalars of a vector that stands for the whole input, such as a text's or an image's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.layout import Group
from detectors.types import FloatArray, IntArray, Rows, State

from .kinds import Half, Kept

__all__ = ["Embedding"]

_MOST_ROWS = 1000
_MOST_AXES = 64
_KEPT_VARIANCE = 0.95
_GRAIN = 2.0**-20
_LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class Embedding:
    r"""Norm, random projections of the whitened vector, its distance from the centre, and what the axes leave.

    The axes are the leading right singular vectors V of at most 1,000 centred vectors, as many as hold 95 % of the
    variance and 64 at most; whitened:
    :math:`z = \sqrt{n - 1}\, S^{-1} V^T (x - \bar x)`. Projections are :math:`u^T z` for random unit vectors u, the
    distance is :math:`|z|`, the residual :math:`\sqrt{|x - \bar x|^2 - |V^T (x - \bar x)|^2}`. All are multiples of
    2^-20 (residual and distance as squares), so that they do not depend on how many rows are looked at together.
    An event without a vector, or with one of another length, is missing in all of them.

    In thousands of dimensions a thousand vectors lie nearer to their own axes than any others ever will. So half of the
    vectors are for the axes, and the edges of the bins are drawn on the others.

    Attributes
    ----------
    centre
        (dimensions,): mean of the reference.
    axes
        (dimensions, axes): V.
    scales
        (axes,): standard deviation along each.
    directions
        (projections, axes): unit vectors.
    fitted_on
        Places of the rows that the axes were fitted on; empty when read back.

    References
    ----------
    Halko, Martinsson & Tropp, "Finding structure with randomness", SIAM Review 2011; Rabanser, Günnemann & Lipton,
    "Failing loudly", NeurIPS 2019 (few projections of a vector see most shifts).

    Examples
    --------
    >>> from .kinds import ViewSettings
    >>> rng = np.random.default_rng(0)
    >>> none = np.full(300, np.nan)
    >>> rows = Rows(np.empty((0, 300)), (), [None] * 300, none, none, none, none, embedding=rng.normal(size=(300, 500)))
    >>> fitted = Embedding.fit(Half(rows, (), (), ViewSettings(projections=3), rng))
    >>> fitted.names[:2], fitted.scalars(rows).shape
    (('embedding norm', 'embedding projection 1'), (6, 300))
    """

    key: ClassVar[str] = "embedding"
    group: ClassVar[str] = Group.JOINT

    centre: FloatArray
    axes: FloatArray
    scales: FloatArray
    directions: FloatArray
    fitted_on: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def fit(cls, given: Half, /) -> Embedding | None:
        """Fit on the vectors of half a reference; None if fewer than two events have one."""
        vectors, rng = given.rows.embedding, given.rng
        if vectors is None or not given.settings.joint:
            return None
        known = _sound(vectors)
        if known.sum() < 2:
            return None
        places = np.flatnonzero(known)
        chosen = np.sort(rng.permutation(places)[: min(_MOST_ROWS, max(len(places) // 2, 2))])
        sample = vectors[chosen].astype(np.float64)
        centre = sample.mean(axis=0)
        _, sizes, axes = _svd(sample - centre)
        share = np.cumsum(sizes**2) / max((sizes**2).sum(), 1e-300)
        used = min(int(np.searchsorted(share, _KEPT_VARIANCE)) + 1, _MOST_AXES, len(sizes))
        directions = rng.normal(size=(given.settings.projections, used))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        scales = np.maximum(sizes[:used] / np.sqrt(len(sample) - 1), 1e-300)
        return cls(
            centre, np.ascontiguousarray(axes[:used].T), scales, directions, chosen if len(places) > 2 else chosen[:0]
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each of its views."""
        projections = tuple(f"embedding projection {i + 1}" for i in range(len(self.directions)))
        return ("embedding norm", *projections, "embedding distance from the centre", "embedding residual")

    def scalars(self, rows: Rows) -> FloatArray:
        """(views, events), NaN where there is no vector of the reference's length."""
        found = np.full((len(self.names), len(rows)), np.nan)
        if rows.embedding is None or rows.embedding.shape[1] != len(self.centre):
            return found
        known = _sound(rows.embedding)
        vectors = rows.embedding[known].astype(np.float64)
        x = vectors - self.centre
        along = x @ self.axes
        z = along / self.scales
        rest = np.maximum(np.einsum("ed,ed->e", x, x) - np.einsum("ea,ea->e", along, along), 0.0)
        squares = np.stack([np.einsum("ed,ed->e", vectors, vectors), np.einsum("ea,ea->e", z, z), rest])
        norm, distance, residual = np.sqrt(_rounded(squares))
        found[:, known] = np.concatenate([norm[None], _rounded(self.directions @ z.T), distance[None], residual[None]])
        return found

    def told(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def state(self) -> State:
        """Its arrays."""
        return {
            "centre": self.centre,
            "axes": self.axes,
            "scales": self.scales,
            "directions": self.directions,
        }

    @classmethod
    def from_profile(cls, kept: Kept, /) -> Embedding:
        """Read it back."""
        state = {name: np.ascontiguousarray(array, dtype=np.float64) for name, array in kept.state.items()}
        return cls(state["centre"], state["axes"], state["scales"], state["directions"])


def _svd(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Thin SVD by way of the smaller Gram matrix: thousands of dimensions cost what a thousand rows do."""
    if x.shape[0] >= x.shape[1]:
        u, s, v = np.linalg.svd(x, full_matrices=False)
        return u, s, v
    squares, u = np.linalg.eigh(x @ x.T)
    order = np.argsort(squares)[::-1]
    s = np.sqrt(np.maximum(squares[order], 0.0))
    u = u[:, order]
    return u, s, (u / np.maximum(s, 1e-300)).T @ x


def _sound(vectors: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(events,): whether the vector is there, with nothing in it that would swallow all else."""
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(vectors) < _LARGEST).all(axis=1))


def _rounded(values: FloatArray) -> FloatArray:
    return np.asarray(np.rint(values / _GRAIN) * _GRAIN)
