"""The e-detector: has the stream changed since the reference, in which view, and since when?"""

from __future__ import annotations

import numpy as np

from .anytime import Anytime
from .change_point import ChangePoints
from .ebh import e_bh
from .layout import Layout
from .pool import Pool
from .readings import QUIET_EVENTS, QUIET_SECONDS, Alarm, EvidenceReading
from .shiryaev import GRAIN, high_line, log_means, retained
from .stakes import SMALLEST_SHIFT, BetRules, Stakes
from .types import BoolArray, FloatArray, IntArray, State

__all__ = ["QUIET_EVENTS", "QUIET_SECONDS", "Alarm", "Evidence", "EvidenceReading"]

_KEPT = ("log_m", "held", "quiet", "winners", "gain")


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
    held. It ends when a detector begun anew has stayed low (`high_line`) for 10 minutes and 1,000 events, and the bets
    that raised the alarm have lost a factor A: silence alone would end that of a small lasting change; or is accepted.

    Parameters
    ----------
    layout, log_level, quiet
        The views; log A, in the unit of the promise; seconds of quiet that end an episode.
    reference
        (width,): counts of the reference; or (cells, width), one reference a context.
    tolerance, rules
        Smallest shift worth a bet, in standard deviations; or all about the bets.

    Examples
    --------
    >>> layout = Layout(("x",), 6, (), (), (), ("single",))
    >>> evidence = Evidence(layout, np.array([250, 250, 250, 250, 0, 0]), np.log(1e4))
    >>> batches = np.tile([0, 0, 20, 80, 0, 0], (3, 1))
    >>> reading = evidence.update(batches, np.full(3, 100.0), np.arange(3.0))
    >>> [(alarm.batch, layout.names[alarm.view]) for alarm in reading.alarms]
    [(0, 'x')]
    """

    def __init__(
        self,
        layout: Layout,
        reference: IntArray,
        log_level: float,
        tolerance: float = SMALLEST_SHIFT,
        rules: BetRules | None = None,
        quiet: float = QUIET_SECONDS,
    ) -> None:
        self._layout = layout
        self._level, self._hold = log_level, quiet
        self._stakes = Stakes(layout, rules or BetRules(tolerance))
        bets, views = len(self._stakes.view), len(layout.names)
        self._bins = layout.starts()
        self._bin_view = np.repeat(np.arange(views), np.diff(self._bins))
        self._log_weight = np.log(layout.weights())
        self._pool = Pool(reference)
        self._log_m = np.full(bets, -np.inf)
        self._held = np.zeros(views, dtype=bool)
        self._quiet = np.zeros((3, views))  # since when; events, and what the clock counted, since then
        self._winners = np.full(bets, -np.inf)  # log-share of the bets that raised the alarm
        self._gain = np.zeros(bets)  # of each bet, since the quiet began
        self._points = ChangePoints(bets)
        self._anytime = Anytime(np.exp(self._stakes.log_share + self._log_weight[self._stakes.view]))
        self._waited = 0.0  # all that the clock has counted

    @property
    def frozen(self) -> bool:
        """Whether the reference does not grow: what comes may be harm that it must not learn from.

        Meanwhile the stream is compared with the reference and with itself since the freeze (`Pool`). Once it ends,
        evidence that was won against both has no reference any more, and views without an open episode begin anew.
        """
        return self._pool.frozen

    @frozen.setter
    def frozen(self, frozen: bool) -> None:
        if self._pool.frozen and not frozen:
            free = ~self._held
            self._pool.thaw(free[self._bin_view])
            self._log_m[free[self._stakes.view]] = -np.inf
            self._points.reset(free[self._stakes.view])
        self._pool.frozen = frozen

    @property
    def held(self) -> BoolArray:
        """(views,): whether the view has an open episode."""
        return self._held.copy()

    @property
    def log_e_since_profile(self) -> float:
        """Logarithm of the evidence that anything has changed since the profile, without restarts."""
        return self._anytime.log_e

    def update(
        self,
        counts: IntArray,
        clock: FloatArray,
        times: FloatArray,
        cells: IntArray | None = None,
        starts: IntArray | None = None,
    ) -> EvidenceReading:
        """Take in some batches at once; the same as one after the other.

        Parameters
        ----------
        counts
            (parts, width): a part is what a batch has in one cell of the context; without contexts, the batch.
        clock
            (batches,): what the promise counts, days since the batch before or events in the batch.
        times
            (batches,): epoch seconds of the batches.
        cells
            (parts,): the cell of each part; None for the first.
        starts
            (batches + 1,): where the parts of each batch begin, and the end; each has one at least. None: one each.
        """
        n = len(clock)
        cells = np.zeros(len(counts), dtype=np.int64) if cells is None else cells
        starts = np.arange(n + 1) if starts is None else starts
        at, tops, opens, alarms, resolved = 0, [], [], [], []
        while at < n:
            first, before = int(starts[at]), bool(self._held.any())
            given = (counts[first:], cells[first:], starts[at:] - first)
            top, moved, back = self._advance(*given, clock[at:], times[at:])
            named = self._named() if moved else ()
            alarms += [self._open(view, at + len(top) - 1, evidence, times, named) for view, evidence in moved]
            resolved += [(at + len(top) - 1, view) for view in back]
            self._close(back)
            tops.append(top)
            opens += [before] * (len(top) - 1) + [bool(self._held.any())]
            at += len(top)
        top = np.concatenate([*tops, np.empty(0)])
        return EvidenceReading(top, np.array(opens, dtype=bool), tuple(alarms), tuple(resolved))

    def accept(self) -> dict[int, int]:
        """End all episodes: what came since each change is the reference now. Returns the events of it, by view."""
        # a view on its way to an alarm moved with the others: E[M] <= t without a change
        means = log_means(self._log_m, self._stakes.starts, self._stakes.log_share)
        going = ~self._held & (means > np.log(self._waited or 1.0)) & self._held.any()
        spans = {v: slice(*self._bins[v : v + 2]) for v in np.flatnonzero(self._held | going).tolist()}
        events = {v: self._pool.rebase(bins) for v, bins in spans.items() if self._held[v] or self._pool.moved(bins)}
        self._points.reset(np.isin(self._stakes.view, list(events)))
        self._close(list(events))
        return events

    def state(self) -> State:
        """Counts, evidence and episodes."""
        return {
            **{name: getattr(self, f"_{name}").copy() for name in _KEPT},
            "waited": np.array([self._waited]),
            **self._pool.state(self._layout),
            **self._points.state(),
            **self._anytime.state(),
        }

    def settle(self) -> None:
        """Round what is remembered to what a snapshot keeps of it: evidence down, so that no promise suffers."""
        for kept in (self._log_m, self._winners, self._gain):
            kept[:] = np.floor(kept * GRAIN) / GRAIN
        self._pool.settle()
        self._points.settle()
        self._anytime.settle()

    def restore(self, state: State) -> None:
        """Continue from `state`, of the same layout."""
        for name in _KEPT:
            setattr(self, f"_{name}", state[name].astype(bool if name == "held" else np.float64))
        self._waited = float(state["waited"][0])
        self._pool.restore(state, self._layout)
        self._points.restore(state)
        self._anytime.restore(state)

    def _advance(
        self, counts: IntArray, cells: IntArray, starts: IntArray, clock: FloatArray, times: FloatArray
    ) -> tuple[FloatArray, list[tuple[int, float]], list[int]]:
        """Up to the first batch that opens or closes an episode, for that changes what comes after it."""
        growth = self._growth(counts, cells, starts)
        seen = np.stack([np.add.reduceat(self._layout.events(counts), starts[:-1]), clock], axis=1)
        busy = np.logical_or.reduceat(counts.any(axis=1), starts[:-1])
        with np.errstate(divide="ignore"):  # no time has passed: log 0
            log_w = np.log(clock)
        history = np.empty((len(clock) + 1, len(self._log_m)))
        history[0] = self._log_m
        quiet = [(self._quiet.copy(), self._gain.copy())]
        back: list[int] = []
        n = 0
        while n < len(clock) and not back:
            np.logaddexp(history[n], log_w[n], out=history[n + 1])
            history[n + 1] += growth[n]
            if self._held.any():
                back = self._watch_held(history[n + 1], growth[n], times[n], seen[n])
                quiet.append((self._quiet.copy(), self._gain.copy()))
            n += 1
        views = log_means(history[: n + 1], self._stakes.starts, self._stakes.log_share)
        evidence = np.where(self._held, -np.inf, views[1:] + self._log_weight)
        top = evidence.max(axis=1, initial=-np.inf)
        over = np.flatnonzero(top >= self._level)
        if len(over) and over[0] + 1 < n:
            # the batches after this one are seen again, and so are the held views' restarts in them
            n, back = int(over[0]) + 1, []
            self._quiet, self._gain = quiet[min(n, len(quiet) - 1)]
        self._log_m = history[n].copy()
        begun = np.empty((n, len(self._held)), dtype=bool)
        for batch in range(n):
            self._waited += float(clock[batch])
            begun[batch] = self._points.begun(self._stakes.starts)
            if busy[batch]:
                self._points.add(growth[batch], float(times[batch]))
                if not self.frozen:  # against what will be dropped nothing is won for good
                    self._anytime.add(growth[batch])
        # what came before any bet gained is no part of a change: a column that never varied would be all of it
        kept = (retained(views[:n], log_w[:n, None]) * begun)[:, self._bin_view]
        self._pool.add(counts[: starts[n]], cells, starts[: n + 1], kept, self._active())
        moved = [(int(v), float(evidence[n - 1, v])) for v in np.flatnonzero(evidence[n - 1] >= self._level)]
        return top[:n], moved, back

    def _growth(self, counts: IntArray, cells: IntArray, starts: IntArray) -> FloatArray:
        """Log-growth of all bets over each batch: (batches, bets)."""
        growth = np.zeros((len(counts), len(self._log_m)))
        busy = np.flatnonzero(counts.any(axis=1))
        if len(busy):  # in a batch of labels alone nothing grows
            pooled = self._pool.compared(counts[busy], cells[busy], self._active())
            growth[busy] = self._stakes.growth(pooled, counts[busy])
        # within their cells the rows of a batch are exchangeable, so its payoffs multiply
        return growth if len(starts) == len(counts) + 1 else np.add.reduceat(growth, starts[:-1], axis=0)

    def _active(self) -> IntArray:
        """(width,): 1 where the stream joins what it is compared with, 0 in views with an open episode."""
        return (~self._held[self._bin_view]).astype(np.int64)

    def _watch_held(self, log_m: FloatArray, growth: FloatArray, time: float, seen: FloatArray) -> list[int]:
        """Begin the evidence of a held view anew where it is high; the views that are back."""
        self._quiet[1:] += seen[:, None] * self._held
        means = log_means(log_m, self._stakes.starts, self._stakes.log_share)
        high = self._held & (means >= high_line(self._level, self._quiet[2]))
        log_m[high[self._stakes.view]] = -np.inf
        self._gain += np.where(self._held[self._stakes.view], growth, 0.0)
        self._gain[high[self._stakes.view]] = 0.0
        self._quiet[:, high] = np.array([time, 0.0, 0.0])[:, None]
        quiet = self._held & (time - self._quiet[0] >= self._hold) & (self._quiet[1] >= QUIET_EVENTS)
        if not quiet.any():
            return []
        lost = -log_means(self._gain.copy(), self._stakes.starts, self._winners)
        return [int(view) for view in np.flatnonzero(quiet & (lost >= self._level))]

    def _named(self) -> tuple[int, ...]:
        """Views without an open episode that stand out: M / t is an e-value of each."""
        free = np.flatnonzero(~self._held)
        means = log_means(self._log_m, self._stakes.starts, self._stakes.log_share)[free]
        return tuple(free[e_bh(means - np.log(self._waited))].tolist())

    def _open(self, view: int, batch: int, evidence: float, times: FloatArray, named: tuple[int, ...]) -> Alarm:
        """Open an episode: what came since the change leaves the reference, and both are held."""
        bins = slice(self._bins[view], self._bins[view + 1])
        before, now = self._pool.part(bins)
        self._held[view] = True
        self._quiet[:, view] = times[batch], 0, 0
        bets = self._stakes.view == view
        # not by their share in the evidence: the bet that won by luck is the first to lose, the small ones tell
        gained = self._log_m[bets] >= self._log_m[bets].max() - self._level / 2
        self._winners[bets] = np.where(gained, -np.log(gained.sum()), -np.inf)
        self._gain[bets] = 0.0
        self._log_m[bets] = -np.inf
        since = self._points.since(bets)
        self._points.reset(bets)
        return Alarm(batch, view, evidence, before, now, since, named)

    def _close(self, views: list[int]) -> None:
        """End episodes: all starts anew on the old counts, and nothing is kept of them."""
        self._held[views] = False
        self._quiet[:, views] = 0
        bets = np.isin(self._stakes.view, views)
        self._log_m[bets] = self._winners[bets] = -np.inf
        self._gain[bets] = 0.0
        self._pool.close(np.isin(self._bin_view, views))
