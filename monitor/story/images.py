"""Pictures of handwritten digits, as a camera takes them: a little off centre, with noise, and perhaps turned."""

from __future__ import annotations

from typing import Self

import numpy as np

from detectors.types import FloatArray, IntArray

__all__ = ["SIDE", "Camera", "turned"]


SIDE = 8
"""Pixels along an edge; each has 17 grey values, 0 to 16."""
_SHIFT = 0.3  # standard deviation in pixels: slight, yet enough that no two pictures are alike
_NOISE = 1.0  # standard deviation in grey values
_WHITE = 16


class Camera:
    """Takes pictures of some digits again and again."""

    def __init__(self, images: FloatArray, labels: IntArray) -> None:
        self._images = images
        self._labels = labels

    @classmethod
    def pair(cls, rng: np.random.Generator) -> tuple[Self, Self]:
        """Two cameras, each with one half of scikit-learn's digits before it: one to learn from, one to serve."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        images, labels = digits.images.astype(np.float64), digits.target.astype(np.int64)
        first, second = np.array_split(rng.permutation(len(labels)), 2)
        return cls(images[first], labels[first]), cls(images[second], labels[second])

    def take(self, angles: FloatArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        """A picture at each angle (degrees): (events, 8, 8) grey values from 0 to 16, and the digits that they show."""
        n = len(angles)
        chosen = rng.integers(0, len(self._labels), n)
        shifts = rng.normal(0, _SHIFT, (n, 2))
        seen = turned(self._images[chosen], angles, shifts) + rng.normal(0, _NOISE, (n, SIDE, SIDE))
        return np.clip(np.rint(seen), 0, _WHITE).astype(np.int64), self._labels[chosen]


def turned(images: FloatArray, angles: FloatArray, shifts: FloatArray) -> FloatArray:
    """Images (events, rows, columns) turned about their centre by `angles` degrees, then moved by `shifts` (events, 2).

    Bilinear; what lies outside an image is black.
    """
    n, height, width = images.shape
    radians = np.deg2rad(angles)[:, None, None]
    cos, sin = np.cos(radians), np.sin(radians)
    middle = (height - 1) / 2, (width - 1) / 2
    y = np.arange(height)[None, :, None] - middle[0] - shifts[:, 1, None, None]
    x = np.arange(width)[None, None, :] - middle[1] - shifts[:, 0, None, None]
    # Each pixel looks back to where its light came from.
    from_x, from_y = cos * x - sin * y + middle[1], sin * x + cos * y + middle[0]
    left, top = np.floor(from_x).astype(np.int64), np.floor(from_y).astype(np.int64)
    right_share, bottom_share = from_x - left, from_y - top
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    which = np.arange(n)[:, None, None]

    def light(row: IntArray, column: IntArray) -> FloatArray:
        inside: FloatArray = padded[which, np.clip(row + 1, 0, height + 1), np.clip(column + 1, 0, width + 1)]
        return inside

    upper = light(top, left) * (1 - right_share) + light(top, left + 1) * right_share
    lower = light(top + 1, left) * (1 - right_share) + light(top + 1, left + 1) * right_share
    return np.asarray(upper * (1 - bottom_share) + lower * bottom_share)
