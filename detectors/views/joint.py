"""Joint views: scalars of the whole row, and whether pairs of features move together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.types import FloatArray, IntArray, State

__all__ = ["JointScalars", "choose_pairs", "concordance"]

_CLIP = 10.0
_SIGMAS_AN_IQR = 1.349
_GRAIN = 2.0**-20
_MOST_DIMENSIONS = 256
_KEPT_VARIANCE = 0.9
_CLUSTERS = 8
_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class JointScalars:
    """Mean score, random projections, distance from the centre, residual, and the distance to the nearest cluster.

    All of the standardised row x: centred on the medians, divided by the spreads, missing values at the centre,
    clipped at 10 so that one wild value does not drown the others. The residual is what the leading axes (90 % of the
    variance) leave. All are multiples of 2^-20: the last bits of a matrix product depend on how many rows it has, and
    rows of whole numbers lie on the edges of bins, where the last bit decides.

    Attributes
    ----------
    centre, spread
        (features,): median of the reference, and standard deviation of what is within 10 robust ones of it.
    axes
        (features, dimensions): whitening, leading axes first.
    leading
        How many of the axes are leading.
    directions
        (projections, dimensions): unit vectors, to three decimals.
    clusters
        (clusters, dimensions): centres.
    """

    centre: FloatArray
    spread: FloatArray
    axes: FloatArray
    leading: int
    directions: FloatArray
    clusters: FloatArray

    @classmethod
    def fit(cls, values: FloatArray, projections: int, rng: np.random.Generator) -> JointScalars:
        """Fit on (features, events) of the first half of the reference."""
        with np.errstate(all="ignore"):
            finite = np.where(np.isfinite(values), values, np.nan)
            # a feature that is never there has no median; zeros stand for it
            finite[~np.isfinite(finite).any(axis=1)] = 0.0
            centre, spread = np.nanmedian(finite, axis=1), _spread(finite)
        spread = np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)
        x = _standardised(values, centre, spread)
        variance, vectors = np.linalg.eigh(np.atleast_2d(np.cov(x)))
        order = np.argsort(variance)[::-1][:_MOST_DIMENSIONS]
        variance, vectors = variance[order], vectors[:, order]
        kept = variance > 1e-6 * max(variance[0], 1e-300)
        # what is the same for all rows may be rounded: of 50 features it moves a scalar by some .002 of its deviation
        axes = np.round(vectors[:, kept] / np.sqrt(variance[kept]), 3)
        share = np.cumsum(variance[kept]) / variance.sum()
        leading = min(int(np.searchsorted(share, _KEPT_VARIANCE)) + 1, axes.shape[1])
        directions = rng.normal(size=(projections, axes.shape[1]))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        clusters = np.round(_cluster(axes.T @ x, rng), 3)
        return cls(centre, spread, axes, leading, np.round(directions, 3), clusters)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each scalar."""
        projections = tuple(f"projection {i + 1}" for i in range(len(self.directions)))
        return ("mean score", *projections, "distance from the centre", "residual", "distance to the nearest cluster")

    def scalars(self, values: FloatArray) -> FloatArray:
        """(scalars, events) of (features, events)."""
        x = _standardised(values, self.centre, self.spread)
        z = self.axes.T @ x
        squares = np.einsum("de,de->e", z, z)
        rest = z[self.leading :]
        apart = squares + (self.clusters**2).sum(axis=1)[:, None] - 2 * (self.clusters @ z)
        # distances as squares: near zero a root makes much of the last bits
        squared = np.stack([squares, np.einsum("de,de->e", rest, rest), np.maximum(apart.min(axis=0), 0.0)])
        linear = np.concatenate([x.mean(axis=0)[None], self.directions @ z])
        return np.concatenate([_rounded(linear), np.sqrt(_rounded(squared))])

    def state(self) -> State:
        """Arrays for a profile."""
        return {
            "centre": self.centre,
            "spread": self.spread,
            "axes": self.axes,
            "leading": np.array([self.leading]),
            "directions": self.directions,
            "clusters": self.clusters,
        }

    @classmethod
    def from_state(cls, state: State) -> JointScalars:
        """Read it back."""
        arrays = {name: np.ascontiguousarray(array, dtype=np.float64) for name, array in state.items()}
        return cls(**{**arrays, "leading": int(arrays["leading"].item())})  # type: ignore[arg-type]  # one field is a number


def choose_pairs(values: FloatArray, most: int, rng: np.random.Generator) -> IntArray:
    """Pairs of features to watch, (pairs, 2): all of them, or the most dependent half and random ones.

    Features that hardly leave their median have no sides to compare and are left out.
    """
    finite = np.where(np.isfinite(values), values, np.nan)
    finite[np.isnan(finite).all(axis=1)] = 0.0
    signs = _signs(values, np.nanmedian(finite, axis=1))
    lively = np.flatnonzero((signs != 0).mean(axis=1) >= 0.5)
    first, second = np.triu_indices(len(lively), k=1)
    pairs = np.stack([lively[first], lively[second]], axis=1)
    if len(pairs) <= most:
        return pairs.astype(np.int64)
    signs = signs[:, :2000]
    both = np.abs(signs) @ np.abs(signs).T
    dependence = np.abs(signs @ signs.T / np.maximum(both, 1))[pairs[:, 0], pairs[:, 1]]
    strongest = np.argsort(-dependence, kind="stable")[: most // 2]
    others = np.setdiff1d(np.arange(len(pairs)), strongest)
    chosen = np.concatenate([strongest, rng.choice(others, most - len(strongest), replace=False)])
    picked: IntArray = pairs[np.sort(chosen)].astype(np.int64)
    return picked


def concordance(values: FloatArray, medians: FloatArray, pairs: IntArray, starts: IntArray) -> IntArray:
    r"""Events of each batch in which both features of a pair are on the same side of their medians, or not.

    Signs S are 0 where a value is missing or at the median: with :math:`n = |S|^T|S|`, same :math:`= (n + S^T S) / 2`.

    Parameters
    ----------
    values
        (features, events).
    medians
        (features,).
    pairs
        (pairs, 2): indices of features.
    starts
        (batches + 1,): where each batch begins, and the end.

    Returns
    -------
    IntArray
        (batches, pairs, 2): same, different.
    """
    signs = _signs(values, medians)
    sided, at = np.abs(signs), pairs[:, 0] * len(signs) + pairs[:, 1]
    sums, both = np.empty((2, len(starts) - 1, len(pairs)), dtype=np.float32)
    for batch, (start, end) in enumerate(pairwise(starts.tolist())):
        (signs[:, start:end] @ signs[:, start:end].T).take(at, out=sums[batch], mode="clip")
        known = sided[:, start:end]
        # without a missing value, which is the rule, every event counts for every pair
        both[batch] = end - start if known.all() else (known @ known.T).take(at)
    return np.stack([both + sums, both - sums], axis=-1).astype(np.int64) // 2


def _signs(values: FloatArray, medians: FloatArray) -> NDArray[np.float32]:
    above, below = values > medians[:, None], values < medians[:, None]
    # float32 holds counts of a batch exactly, and multiplies fast
    return (above.view(np.int8) - below.view(np.int8)).astype(np.float32)


def _spread(finite: FloatArray) -> FloatArray:
    """Standard deviation of each feature, values beyond 10 robust ones (by the quartiles) drawn in: (features,).

    A single sentinel like 999999 would otherwise make all other values of its feature look alike.
    """
    low, centre, high = np.nanquantile(finite, [0.25, 0.5, 0.75], axis=1)
    reach = np.where(high > low, _CLIP * (high - low) / _SIGMAS_AN_IQR, np.inf)
    return np.asarray(np.nanstd(np.clip(finite, (centre - reach)[:, None], (centre + reach)[:, None]), axis=1))


def _rounded(values: FloatArray) -> FloatArray:
    return np.asarray(np.rint(values / _GRAIN) * _GRAIN)


def _standardised(values: FloatArray, centre: FloatArray, spread: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):  # what overflows is clipped
        x = (values - centre[:, None]) / spread[:, None]
    np.clip(x, -_CLIP, _CLIP, out=x)
    x[np.isnan(x)] = 0.0
    return x


def _cluster(z: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Lloyd's k-means on at most 5,000 events: (clusters, dimensions)."""
    sample = z[:, rng.permutation(z.shape[1])[:5000]]
    centres = sample[:, : min(_CLUSTERS, sample.shape[1])].T.copy()
    for _ in range(_ROUNDS):
        nearest = ((centres**2).sum(axis=1)[:, None] - 2 * centres @ sample).argmin(axis=0)
        for cluster in range(len(centres)):
            members = nearest == cluster
            if members.any():
                centres[cluster] = sample[:, members].mean(axis=1)
    return centres
