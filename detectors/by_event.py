"""The e-detector event by event: false alarms of each view as rare as promised, proven and not only measured."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from .evidence import Evidence
from .layout import Layout
from .readings import QUIET_SECONDS, EvidenceReading
from .smoothed import SmoothedStakes
from .stakes import BetRules
from .types import FloatArray, IntArray, State

__all__ = ["EvidenceByEvent"]

_AT_ONCE = 200
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class EvidenceByEvent(Evidence):
    """`Evidence` on smoothed ranks: a batch's events one after the other, in an order that is drawn.

    Counts know neither the order of a batch's events nor their ranks within a bin. Both are drawn, for exchangeable
    events come in any order alike and lie anywhere in a bin. Then :math:`M_t - t` is a martingale for each view
    (`SmoothedStakes`), so false alarms of a view come A over its weight apart on average at least, and the chance that
    any has gone off by time t is at most t / A, whatever the sizes of batches. What is drawn follows from a seed and a
    count of events, so whoever judges again draws the same.

    An event costs about what a batch costs in `Evidence`, however many events that has.

    Parameters
    ----------
    layout, reference, log_level, rules, quiet
        As for `Evidence`.
    first
        (width,): counts of the half of the reference on which the views were fitted.
    seed
        Of what is drawn.

    Examples
    --------
    >>> layout = Layout(("x",), 6, (), (), (), ("single",))
    >>> reference = np.array([250, 250, 250, 250, 0, 0])
    >>> evidence = EvidenceByEvent(layout, reference, np.log(1e4), BetRules(), first=reference)
    >>> batches = np.tile([0, 0, 20, 80, 0, 0], (3, 1))
    >>> reading = evidence.update(batches, np.full(3, 100.0), np.arange(3.0))
    >>> [(alarm.batch, layout.names[alarm.view]) for alarm in reading.alarms], len(reading.top)
    ([(0, 'x')], 3)
    """

    def __init__(
        self,
        layout: Layout,
        reference: IntArray,
        log_level: float,
        rules: BetRules,
        quiet: float = QUIET_SECONDS,
        *,
        first: IntArray,
        seed: int = 0,
    ) -> None:
        super().__init__(layout, reference, log_level, rules=rules, quiet=quiet)
        self._smoothed = SmoothedStakes(layout, rules, first)
        self._seed = np.uint64(seed)
        self._drawn, self._keys = 0, 0
        self._uniform = np.empty(0)

    def update(
        self,
        counts: IntArray,
        clock: FloatArray,
        times: FloatArray,
        cells: IntArray | None = None,
        starts: IntArray | None = None,
    ) -> EvidenceReading:
        """Take in some batches at once; the same as one after the other."""
        cells = np.zeros(len(counts), dtype=np.int64) if cells is None else cells
        bounds = list(pairwise((np.arange(len(clock) + 1) if starts is None else starts).tolist()))
        readings: list[tuple[int, EvidenceReading]] = []
        at = 0
        while at < len(clock):
            # single events of many views take room: a few batches at a time
            rows, of, owner, room = [], [], [], _AT_ONCE
            first = at
            while at < len(clock) and (at == first or room > 0):
                for part in range(*bounds[at]):
                    single = self._single(counts[part])
                    rows.append(single)
                    of += [int(cells[part])] * len(single)
                    owner += [at - first] * len(single)
                    room -= len(single)
                at += 1
            readings.append((first, self._take(np.concatenate(rows), of, owner, clock[first:at], times[first:at])))
        top = np.concatenate([each.top for _, each in readings] or [np.empty(0)])
        is_open = np.concatenate([each.is_open for _, each in readings] or [np.empty(0, dtype=bool)])
        alarms = tuple(replace(each, batch=start + each.batch) for start, some in readings for each in some.alarms)
        back = tuple((start + batch, view) for start, some in readings for batch, view in some.resolved)
        return EvidenceReading(top, is_open, alarms, back)

    def state(self) -> State:
        """Counts, evidence and episodes, and how many ranks and orders were drawn."""
        return super().state() | {"drawn": np.array([self._drawn, self._keys])}

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same layout."""
        super().restore(state)
        self._drawn, self._keys = state["drawn"].astype(np.int64).tolist()

    def _take(
        self, rows: IntArray, cells: list[int], owner: list[int], clock: FloatArray, times: FloatArray
    ) -> EvidenceReading:
        """Single events of some batches; what is read is told of the batches."""
        of = np.array(owner)
        self._uniform = self._draw(self._drawn, len(rows), 0)
        self._drawn += len(rows)
        share = clock[of] / np.bincount(of)[of]
        told = super().update(rows, share, times[of], np.array(cells, dtype=np.int64))
        last = np.flatnonzero(np.append(np.diff(of), 1))
        alarms = tuple(replace(each, batch=owner[each.batch]) for each in told.alarms)
        back = tuple((owner[event], view) for event, view in told.resolved)
        return EvidenceReading(told.top[last], told.is_open[last], alarms, back)

    def _growth(self, counts: IntArray, cells: IntArray, starts: IntArray) -> FloatArray:  # noqa: ARG002
        """Log-growth of all bets over each of the last events of the call: (events, bets)."""
        growth = np.zeros((len(counts), len(self._log_m)))
        busy = np.flatnonzero(counts.any(axis=1))
        if len(busy):
            uniform = self._uniform[len(self._uniform) - len(counts) :]
            pooled = self._pool.compared(counts[busy], cells[busy], self._active())
            growth[busy] = self._smoothed.paid(pooled, counts[busy], uniform[busy])
        return growth

    def _single(self, counts: IntArray) -> IntArray:
        """The events of a part one by one, (events, width), each view's in an order of its own; at least one row."""
        events = np.add.reduceat(counts, self._bins[:-1])
        n = max(int(events.max(initial=0)), 1)
        if n == 1:
            return counts[None].copy()
        bins = np.full((len(events), n), -1)
        bins[np.arange(n) < events[:, None]] = np.repeat(np.arange(len(counts)), counts)
        keys = self._draw(self._keys, bins.size, 1).reshape(bins.shape)
        self._keys += bins.size
        keys[bins < 0] = np.inf
        bins = np.take_along_axis(bins, np.argsort(keys, axis=1), axis=1)
        single = np.zeros((n, len(counts)), dtype=np.int64)
        view, event = np.nonzero(bins >= 0)
        single[event, bins[view, event]] = 1
        return single

    def _draw(self, start: int, n: int, stream: int) -> FloatArray:
        """(n,) uniform numbers from the `start`-th of a stream on, by splitmix64: the same for whoever draws again."""
        index = np.arange(start, start + n, dtype=np.uint64) * np.uint64(2) + np.uint64(stream)
        with np.errstate(over="ignore"):
            z = (index + self._seed) * _GOLDEN
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        uniform: FloatArray = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * np.float64(2.0**-53)
        return uniform
