"""The e-detector: has the stream changed since the reference, in which view, and since when?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layout import Layout
from .payoffs import Bets, OrderedBets, PairBets, StepBets
from .shiryaev import log_means, retained
from .types import BoolArray, FloatArray, IntArray, State

__all__ = ["QUIET_EVENTS", "QUIET_SECONDS", "Alarm", "Evidence", "EvidenceReading"]

QUIET_SECONDS = 600.0
QUIET_EVENTS = 1000
"""An episode is resolved when the evidence, begun anew, has stayed low for this long and this many events."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A view moved.

    Attributes
    ----------
    batch
        Index of the batch, within the call, that raised it.
    view
        Index of the view in `Layout.names`.
    log_evidence
        log(weight x M).
    before, now
        (bins,): the reference's counts without those since the estimated change, and these.
    """

    batch: int
    view: int
    log_evidence: float
    before: IntArray
    now: IntArray


@dataclass(frozen=True, slots=True)
class EvidenceReading:
    """What a call of `Evidence.update` brought.

    Attributes
    ----------
    top
        (batches,): the greatest log(weight x M) over the views without an open episode.
    is_open
        (batches,): whether any view has an open episode after the batch.
    alarms
        Alarms in the order of the batches.
    resolved
        (batch, view) of episodes that ended.
    """

    top: FloatArray
    is_open: BoolArray
    alarms: tuple[Alarm, ...]
    resolved: tuple[tuple[int, int], ...]


class Evidence:
    r"""A Shiryaev-Roberts e-detector for each view, over a reference that grows.

    .. math::

        \text{pooled} \mathrel{+}= c, \qquad
        \log M \leftarrow \log(M + w) + c \cdot \log \text{payoff}(\text{pooled}), \qquad
        \text{alarm: weight} \times \overline M \ge A

    The batch is counted before it is paid: given the pooled counts it is a draw without replacement, and by
    Hoeffding's convex ordering its expected payoff is at most one. A view's M is the mean over its bets, the weights
    sum to one, so at each t E[max over views of weight x M_t] <= t, and the evidence stands at A or above with a
    probability of at most t / A, under any dependence, as long as rows are exchangeable. That holds moment by moment.
    How far apart false alarms come is measured, not proven: `docs/evidence.md`.

    After an alarm the view has one open episode: its counts since the estimated change leave the reference, which is
    held. It ends when a detector begun anew has stayed below sqrt(A) for 10 minutes and 1,000 events, and the bets that
    raised the alarm have lost a factor A: silence alone would end the episode of a small change that lasts.

    Parameters
    ----------
    layout
        The views.
    reference
        (width,): counts of the reference.
    log_level
        log A, in the unit of the promise.
    tolerance
        Smallest shift worth a bet, in standard deviations.

    Examples
    --------
    >>> layout = Layout(("x",), 6, (), (), (), ("single",))
    >>> evidence = Evidence(layout, np.array([250, 250, 250, 250, 0, 0]), np.log(1e4))
    >>> batches = np.tile([0, 0, 20, 80, 0, 0], (3, 1))
    >>> reading = evidence.update(batches, np.full(3, 100.0), np.arange(3.0))
    >>> [(alarm.batch, layout.names[alarm.view]) for alarm in reading.alarms]
    [(0, 'x')]
    """

    def __init__(self, layout: Layout, reference: IntArray, log_level: float, tolerance: float = 0.125) -> None:
        self._layout = layout
        self._level = log_level
        self._bets: tuple[Bets, ...] = (OrderedBets(tolerance), StepBets(layout.step_bins), PairBets())
        counts = (len(layout.ordered), len(layout.stepped), len(layout.pairs))
        sizes = np.repeat([bets.size for bets in self._bets], counts)
        self._bet_starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._bet_view = np.repeat(np.arange(len(sizes)), sizes)
        self._log_share = self._shares(sizes)
        self._bins = layout.starts()
        self._bin_view = np.repeat(np.arange(len(sizes)), np.diff(self._bins))
        self._log_weight = np.log(layout.weights())
        self._pooled = reference.astype(np.int64)
        self._log_m = np.full(len(self._bet_view), -np.inf)
        self._since = np.zeros((2, layout.width))  # counts since the change: all, and those in the reference
        self._held = np.zeros(len(sizes), dtype=bool)
        self._quiet = np.zeros((2, len(sizes)))  # since when, and events since then
        self._winners = np.full(len(self._bet_view), -np.inf)  # log-share of the bets that raised the alarm
        self._gain = np.zeros(len(self._bet_view))  # of each bet, since the quiet began
        self.frozen = False
        """While true the reference does not grow: what comes may be harm that it must not learn from."""

    @property
    def held(self) -> BoolArray:
        """(views,): whether the view has an open episode."""
        return self._held.copy()

    def update(self, counts: IntArray, clock: FloatArray, times: FloatArray) -> EvidenceReading:
        """Take in some batches at once; the same as one after the other.

        Parameters
        ----------
        counts
            (batches, width).
        clock
            (batches,): what the promise counts, days since the batch before or events in the batch.
        times
            (batches,): epoch seconds of the batches.
        """
        events = self._events(counts)
        tops, opens, alarms, resolved = [], [], [], []
        start = 0
        while start < len(counts):
            part = slice(start, None)
            before = bool(self._held.any())
            top, moved, back = self._advance(counts[part], clock[part], times[part], events[part])
            alarms += [self._open(view, start + len(top) - 1, evidence, times) for view, evidence in moved]
            resolved += [(start + len(top) - 1, view) for view in back]
            self._close(back)
            tops.append(top)
            opens += [before] * (len(top) - 1) + [bool(self._held.any())]
            start += len(top)
        top = np.concatenate([*tops, np.empty(0)])
        return EvidenceReading(top, np.array(opens, dtype=bool), tuple(alarms), tuple(resolved))

    def state(self) -> State:
        """Counts, evidence and episodes."""
        return {
            "pooled": self._pooled.copy(),
            "log_m": self._log_m.copy(),
            "since": self._since.copy(),
            "held": self._held.copy(),
            "quiet": self._quiet.copy(),
            "winners": self._winners.copy(),
            "gain": self._gain.copy(),
            "frozen": np.array([self.frozen]),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same layout."""
        self._pooled = state["pooled"].astype(np.int64)
        self._log_m = state["log_m"].astype(np.float64)
        self._since = state["since"].astype(np.float64)
        self._held = state["held"].astype(bool)
        self._quiet = state["quiet"].astype(np.float64)
        self._winners = state["winners"].astype(np.float64)
        self._gain = state["gain"].astype(np.float64)
        self.frozen = bool(state["frozen"][0])

    def _shares(self, sizes: IntArray) -> FloatArray:
        """Logarithm of each bet's share of its view; padding of the stepped views has none."""
        real = np.ones(len(self._bet_view), dtype=bool)
        first = len(self._layout.ordered)
        per_bin = self._bets[1].size // max(self._layout.step_bins, 1)
        for view, categories in enumerate(self._layout.categories, first):
            real[self._bet_starts[view] + categories * per_bin : self._bet_starts[view] + sizes[view]] = False
        bets = np.add.reduceat(real.astype(float), self._bet_starts) if len(real) else np.empty(0)
        with np.errstate(divide="ignore"):  # log 0 is what padding weighs
            return np.log(real / bets[self._bet_view]) if len(real) else np.empty(0)

    def _events(self, counts: IntArray) -> IntArray:
        """Events in each batch: those of any view that counts every event."""
        starts = self._bins[: 1 + len(self._layout.ordered) + len(self._layout.stepped)]
        return counts[:, starts[0] : starts[1]].sum(axis=1) if len(starts) > 1 else np.zeros(len(counts), np.int64)

    def _advance(
        self, counts: IntArray, clock: FloatArray, times: FloatArray, events: IntArray
    ) -> tuple[FloatArray, list[tuple[int, float]], list[int]]:
        """Up to the first batch that opens or closes an episode, for that changes what comes after it."""
        busy, growth = counts.any(axis=1), np.zeros((len(counts), len(self._log_m)))
        if busy.any():  # in a batch of labels alone nothing grows
            growth[busy] = self._growth(counts[busy])
        with np.errstate(divide="ignore"):  # no time has passed: log 0
            log_w = np.log(clock)
        history = np.empty((len(counts) + 1, len(self._log_m)))
        history[0] = self._log_m
        quiet = [(self._quiet.copy(), self._gain.copy())]
        back: list[int] = []
        n = 0
        while n < len(counts) and not back:
            np.logaddexp(history[n], log_w[n], out=history[n + 1])
            history[n + 1] += growth[n]
            if self._held.any():
                back = self._watch_held(history[n + 1], growth[n], times[n], int(events[n]))
                quiet.append((self._quiet.copy(), self._gain.copy()))
            n += 1
        views = log_means(history[: n + 1], self._bet_starts, self._log_share)
        evidence = np.where(self._held, -np.inf, views[1:] + self._log_weight)
        top = evidence.max(axis=1, initial=-np.inf)
        over = np.flatnonzero(top >= self._level)
        if len(over) and over[0] + 1 < n:
            # the batches after this one are seen again, and so are the held views' restarts in them
            n, back = int(over[0]) + 1, []
            self._quiet, self._gain = quiet[min(n, len(quiet) - 1)]
        self._log_m = history[n].copy()
        self._count(counts[:n], views[:n], log_w[:n])
        moved = [(int(v), float(evidence[n - 1, v])) for v in np.flatnonzero(evidence[n - 1] >= self._level)]
        return top[:n], moved, back

    def _growth(self, counts: IntArray) -> FloatArray:
        """Log-growth of all bets over each batch: (batches, bets)."""
        layout = self._layout
        active, pooled = self._active(), counts.copy()
        for batch in range(1, len(counts)):
            pooled[batch] += pooled[batch - 1] * active
        pooled += self._pooled
        ends = (0, layout.step_start, layout.pair_start, layout.width)
        shapes = ((len(layout.ordered), layout.bins), (len(layout.stepped), layout.step_bins), (len(layout.pairs), 2))
        parts = []
        for bets, start, end, shape in zip(self._bets, ends, ends[1:], shapes, strict=False):
            if end > start:
                total, seen = (each[:, start:end].astype(float).reshape(-1, *shape) for each in (pooled, counts))
                parts.append(bets.growth(total, seen).reshape(len(counts), -1))
        return np.concatenate(parts, axis=1)

    def _count(self, counts: IntArray, log_m_before: FloatArray, log_w: FloatArray) -> None:
        active = self._active()
        self._pooled += counts.sum(axis=0) * active
        both = np.stack([counts, counts * active], axis=1).astype(np.float64)
        for batch, kept in zip(both, retained(log_m_before, log_w[:, None])[:, self._bin_view], strict=True):
            self._since *= kept
            self._since += batch

    def _active(self) -> IntArray:
        """(width,): 1 where the reference grows, 0 in views with an open episode and while it is frozen."""
        return (~(self._held[self._bin_view] | self.frozen)).astype(np.int64)

    def _watch_held(self, log_m: FloatArray, growth: FloatArray, time: float, events: int) -> list[int]:
        """Begin the evidence of a held view anew where it is high; the views that are back."""
        high = self._held & (log_means(log_m, self._bet_starts, self._log_share) >= self._level / 2)
        log_m[high[self._bet_view]] = -np.inf
        self._gain += np.where(self._held[self._bet_view], growth, 0.0)
        self._gain[high[self._bet_view]] = 0.0
        self._quiet[1] += events
        self._quiet[0, high], self._quiet[1, high] = time, 0
        quiet = self._held & (time - self._quiet[0] >= QUIET_SECONDS) & (self._quiet[1] >= QUIET_EVENTS)
        if not quiet.any():
            return []
        lost = -log_means(self._gain.copy(), self._bet_starts, self._winners)
        return [int(view) for view in np.flatnonzero(quiet & (lost >= self._level))]

    def _open(self, view: int, batch: int, evidence: float, times: FloatArray) -> Alarm:
        """Open an episode: what came since the change leaves the reference, and both are held."""
        bins = slice(self._bins[view], self._bins[view + 1])
        # while frozen the reference learnt nothing, so nothing of that can leave it
        now, learnt = np.rint(self._since[:, bins]).astype(np.int64)
        self._pooled[bins] -= learnt
        self._held[view] = True
        self._quiet[:, view] = times[batch], 0
        bets = self._bet_view == view
        # not by their share in the evidence: the bet that won by luck is the first to lose, the small ones tell
        gained = self._log_m[bets] >= self._log_m[bets].max() - self._level / 2
        self._winners[bets] = np.where(gained, -np.log(gained.sum()), -np.inf)
        self._gain[bets] = 0.0
        self._log_m[bets] = -np.inf
        return Alarm(batch, view, evidence, self._pooled[bins].copy(), now)

    def _close(self, views: list[int]) -> None:
        """End episodes: all starts anew on the old counts."""
        for view in views:
            bins = slice(self._bins[view], self._bins[view + 1])
            self._since[:, bins] = 0
            self._held[view] = False
            self._log_m[self._bet_view == view] = -np.inf
