"""What a model's views want of an event beside its features and output: time, segment, client, latency, embedding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.contexts import CONTEXTS, SEGMENT
from detectors.counting import Views
from detectors.types import FloatArray, Rows
from detectors.views.embedding import Embedding
from detectors.views.encoder import Encoder
from detectors.views.traffic import Clients, Latency
from monitor.events import Prediction, epoch_seconds

__all__ = ["Wanted", "vectors"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Columns that are filled only where a view looks at them; false if there are none."""

    client: bool = False
    latency: bool = False
    dimensions: int = 0
    """Length of the embedding; 0 for none."""
    context: str = ""
    """What views are conditioned on."""

    @classmethod
    def of(cls, views: Views) -> Wanted:
        """What a profile's views look at."""
        kinds = (*views.ordered_kinds, *views.step_kinds)
        vectors = [len(kind.centre) for kind in kinds if isinstance(kind, Embedding)]
        vectors += [kind.dimensions for kind in kinds if isinstance(kind, Encoder)]
        return cls(
            any(isinstance(kind, Clients) for kind in kinds),
            any(isinstance(kind, Latency) for kind in kinds),
            vectors[0] if vectors else 0,
            views.context.name,
        )

    @classmethod
    def by(cls, predictions: Sequence[Prediction], context: str = "") -> Wanted:
        """What the first events of a reference have to offer; an embedding is as long as most are."""
        lengths = Counter(len(vector) for each in predictions if (vector := _vector(each)))
        return cls(
            any(each.client is not None for each in predictions),
            any(each.latency is not None for each in predictions),
            lengths.most_common(1)[0][0] if lengths else 0,
            context,
        )

    def __bool__(self) -> bool:
        return bool(self.client or self.latency or self.dimensions or self.context)

    def add(self, rows: Rows, predictions: Sequence[Prediction], times: Sequence[float] | None) -> Rows:
        """Rows with the columns that are wanted; `times` in epoch seconds, None for what the events say."""
        latency = [np.nan if each.latency is None else each.latency for each in predictions]
        return replace(
            rows,
            client=[each.client for each in predictions] if self.client else None,
            latency=np.array(latency, dtype=np.float64) if self.latency else None,
            time=_times(predictions, times) if self.context in CONTEXTS else None,
            segment=_segments(predictions, self.context) if self.context.startswith(SEGMENT) else None,
            embedding=vectors(predictions, self.dimensions) if self.dimensions else None,
        )


def _times(predictions: Sequence[Prediction], times: Sequence[float] | None) -> FloatArray:
    if times is None:
        times = [np.nan if each.time is None else epoch_seconds(each.time) for each in predictions]
    return np.array(times, dtype=np.float64)


def _segments(predictions: Sequence[Prediction], context: str) -> list[str | None]:
    key = context.removeprefix(SEGMENT)
    return [each.segment.get(key) for each in predictions]


def vectors(predictions: Sequence[Prediction], dimensions: int) -> NDArray[np.floating]:
    """(events, dimensions); NaN where there is none, or one of another length."""
    matrix = np.full((len(predictions), dimensions), np.nan, dtype=np.float32)
    with np.errstate(over="ignore"):  # what is beyond single precision is no vector of a network
        for row, prediction in zip(matrix, predictions, strict=True):
            vector = _vector(prediction)
            if vector is not None and len(vector) == dimensions:
                row[:] = vector
    return matrix


def _vector(prediction: Prediction) -> Sequence[float] | None:
    """The embedding as one row of numbers: pixels in rows lie one row after the other; None where there is none."""
    values = prediction.embedding
    if values is None or all(isinstance(each, float) for each in values):
        return values  # type: ignore[return-value]  # the usual case: it is flat
    try:
        flat: list[float] = np.array(values, dtype=np.float64).ravel().tolist()
    except (ValueError, TypeError):
        return None
    return flat
