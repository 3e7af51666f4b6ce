"""The first pass over a reference: all of its rows, or, of a large one, a uniform sample."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from detectors.types import FloatArray, IntArray
from monitor.config import Config
from monitor.fit.contexts import Segment
from monitor.fit.reading import Part, part_of, taken_part, together
from monitor.rows import Schema
from monitor.tables import FIRST_TIME, RawBatch

__all__ = ["MOST_ROWS", "Gathered", "gather", "row_digest"]

MOST_ROWS = 200_000
"""Rows of the sample: quantiles are then off by 1 in 1,000, and a hundred features take 160 MB."""
_MOST_NUMBERS = 30_000_000
_LEAST_ROWS = 20_000
_SLACK = 1.5  # how far the kept rows may grow before the sample is drawn from them
_Progress = Callable[[float, int], None]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the first pass found.

    Attributes
    ----------
    part
        The rows that were kept, in the file's order.
    schema
        Of the first of them.
    n, unreadable
        Rows that could be read, whether kept or not, and those that could not.
    digest
        SHA-256 over all rows in order: of each its prediction's bytes, a line's end, its outcome's, a line's end.
    first_time, last_time
        Epoch seconds, the least and the greatest.
    ordered, timed
        Whether no time lies before the one above it; whether the times are the rows' own, and not made up.
    spent
        Places of the rows whose outcomes something was fitted on.
    """

    part: Part
    schema: Schema
    n: int
    unreadable: int
    digest: str
    first_time: float
    last_time: float
    ordered: bool
    timed: bool
    spent: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def whole(self) -> bool:
        """Whether all rows are there."""
        return self.n == len(self.part)

    @property
    def events_per_day(self) -> float:
        """Rate of the reference; one a second if no time passes."""
        span = self.last_time - self.first_time
        return float((self.n - 1) / span * 86400.0) if span > 0 else 86400.0


def gather(
    batches: Iterable[RawBatch], config: Config, progress: _Progress, most: int | None, seed: int = 0
) -> Gathered | None:
    """Read a reference, and keep at most `most` rows if that is given; None if no row can be read.

    Each row draws a number, in the file's order, and the rows with the least are kept: which ones depends on the seed
    and the number of rows alone.
    """
    rng, digest = np.random.default_rng(seed), hashlib.sha256()
    schema: Schema | None = None
    parts: list[Part] = []
    draws: list[FloatArray] = []
    n, kept, unreadable = 0, 0, 0
    clock = _Clock(config.columns.every, named=config.columns.time is not None)
    for batch in batches:
        row_digest(digest, batch)
        part, schema = part_of(batch, config, schema, n)
        unreadable += len(batch) - (len(part) if part is not None else 0)
        if part is not None:
            clock.add(part.times)
            parts.append(part)
            draws.append(rng.random(len(part)))
            n, kept = n + len(part), kept + len(part)
        if most is not None and parts and kept > (bound := _bound(most, parts[0])) * _SLACK:
            parts, draws = _least(parts, draws, bound)
            kept = bound
        progress(batch.progress, n)
    if schema is None:
        return None
    if most is not None and kept > (bound := _bound(most, parts[0])):
        parts, draws = _least(parts, draws, bound)
    return Gathered(
        together(parts), schema, n, unreadable, digest.hexdigest(), clock.first, clock.last, clock.ordered, clock.own
    )


def row_digest(digest: hashlib._Hash, batch: RawBatch) -> None:
    """Add a batch's rows to a running digest."""
    lines = [part for pair in zip(batch.predictions, batch.outcomes, strict=True) for part in pair]
    digest.update(b"\n".join(each or b"" for each in lines) + b"\n")


def _bound(most: int, part: Part) -> int:
    """Fewer rows where a row is long, as one with an embedding is."""
    vectors = 0 if part.rows.embedding is None else part.rows.embedding.shape[1]
    return min(most, max(_LEAST_ROWS, _MOST_NUMBERS // max(len(part.rows.numeric) + vectors, 1)))


def _least(parts: list[Part], draws: list[FloatArray], most: int) -> tuple[list[Part], list[FloatArray]]:
    whole, drawn = together(parts), np.concatenate(draws)
    chosen = np.sort(np.argpartition(drawn, most)[:most]) if len(drawn) > most else np.arange(len(drawn))
    return [_copied(taken_part(whole, chosen))], [drawn[chosen]]


def _copied(part: Part) -> Part:
    """The same with texts of its own: a text that is kept holds on to all the memory that was around it."""
    known: dict[str, str] = {}

    def own(text: str | None) -> str | None:
        return (
            None
            if text is None
            else known.setdefault(text, text.encode(errors="surrogatepass").decode(errors="surrogatepass"))
        )

    shared: dict[Segment, Segment] = {}
    segments = [shared.setdefault(each, tuple((own(k) or "", own(v) or "") for k, v in each)) for each in part.segments]
    rows = replace(
        part.rows,
        categorical=tuple([own(each) for each in column] for column in part.rows.categorical),
        label=[own(each) for each in part.rows.label],
        client=None if part.rows.client is None else [own(each) for each in part.rows.client],
        segment=None if part.rows.segment is None else [own(each) for each in part.rows.segment],
    )
    truth = [own(each) if isinstance(each, str) else each if each is None else each + 0.0 for each in part.truth]
    said = replace(part.said, label=[own(each) for each in part.said.label])
    return replace(part, rows=rows, truth=truth, segments=segments, said=said)


class _Clock:
    """The reference's times: their span, their order, and whether they are more than a row number."""

    def __init__(self, every: float, *, named: bool) -> None:
        self.first, self.last = math.inf, -math.inf
        self.ordered, self.own = True, named
        self._every, self._before, self._rows = every, -math.inf, 0

    def add(self, times: FloatArray) -> None:
        self.first, self.last = min(self.first, float(times.min())), max(self.last, float(times.max()))
        self.ordered &= bool((np.diff(times, prepend=self._before) >= 0).all())
        made_up = FIRST_TIME + self._every * np.arange(self._rows, self._rows + len(times))
        self.own |= not np.allclose(times, made_up, rtol=0, atol=1e-3)
        self._before, self._rows = float(times[-1]), self._rows + len(times)
