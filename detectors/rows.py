"""Batches of rows put together and taken apart, with whatever columns they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from .types import BoolArray, FloatArray, IntArray, Rows

__all__ = ["joined", "taken"]

_BY_FEATURE = "numeric"


def taken(rows: Rows, which: BoolArray | IntArray) -> Rows:
    """The rows where `which`, (events,), is true; or those at these places, in that order.

    Examples
    --------
    >>> none = np.full(3, np.nan)
    >>> rows = Rows(np.arange(6.0).reshape(2, 3), (["a", "b", None],), [None] * 3, none, none, none, none)
    >>> part = taken(rows, np.array([True, False, True]))
    >>> part.numeric.tolist(), part.categorical, len(part)
    ([[0.0, 2.0], [3.0, 5.0]], (['a', None],), 2)
    """
    places = (np.flatnonzero(which) if which.dtype == np.bool_ else which).tolist()
    columns: dict[str, Any] = {
        each.name: _some(value, which, places)
        for each in fields(rows)
        if each.name not in (_BY_FEATURE, "categorical") and (value := getattr(rows, each.name)) is not None
    }
    kinds = tuple([column[i] for i in places] for column in rows.categorical)
    return replace(rows, numeric=rows.numeric[:, which], categorical=kinds, **columns)


def joined(parts: Sequence[Rows]) -> Rows:
    """Some batches, one after the other; a column that one of them lacks is lacking.

    Examples
    --------
    >>> none = np.full(2, np.nan)
    >>> part = Rows(np.ones((1, 2)), (), ["a", None], none, none, none, none)
    >>> whole = joined([part, part])
    >>> whole.numeric.shape, whole.label
    ((1, 4), ['a', None, 'a', None])
    """
    first = parts[0]
    columns: dict[str, Any] = {}
    for each in fields(first):
        if each.name in (_BY_FEATURE, "categorical"):
            continue
        values = [getattr(part, each.name) for part in parts]
        if any(value is None for value in values):
            columns[each.name] = None
        elif isinstance(values[0], list):
            columns[each.name] = [item for value in values for item in value]
        else:
            columns[each.name] = np.concatenate(values)
    kinds = tuple([item for part in parts for item in part.categorical[i]] for i in range(len(first.categorical)))
    return replace(first, numeric=np.concatenate([p.numeric for p in parts], axis=1), categorical=kinds, **columns)


def _some(
    value: FloatArray | list[str | None], which: BoolArray | IntArray, places: Sequence[int]
) -> FloatArray | list[str | None]:
    return [value[i] for i in places] if isinstance(value, list) else value[which]
