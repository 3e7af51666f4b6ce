"""Which answers may pass: a threshold on the confidence rank, what it is worth, and from where it is certified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from .caution import Caution
from .certificate import NOTHING_CERTIFIED, Certificate
from .epochs import LOG_LEVEL, EpochDetector, Side
from .logistic import NOTHING_PASSES, RankLogistic, fit_logistic, least_threshold
from .platt import OnlinePlatt
from .selective_types import SelectiveReading, SelectiveReference
from .suspicion import Suspicion, suspicion_level
from .tracking import Tracking
from .types import RANK_CELLS, IntArray, Labels, Reading, State

__all__ = [
    "LABELS_TO_LEARN",
    "NOTHING_CERTIFIED",
    "TAU",
    "Selective",
    "SelectiveReading",
    "SelectiveReference",
    "suspicion_level",
]

TAU = 0.9
"""Share of `max_error` that tracking aims at; .95 lets 2 % more pass, .9 leaves room for what labels hide as yet."""

LABELS_TO_LEARN = 200
"""Labels, the reference's and live ones together, before the error by confidence is fitted and λ set by the fit."""

_TRAFFIC_HALF_LIFE = 2_000
_MEMORY = _TRAFFIC_HALF_LIFE / np.log(2)
_REFIT_LOOSENESS = 1.0


class Selective:
    """Owner of the tracking threshold, the epoch alarms that move it, suspicion, and the certificate.

    λ₁ is the least threshold whose error on the reference, smoothed with a bent logistic, is at most τ·a*. After that
    every label moves it (`Tracking`); an epoch alarm (`EpochDetector`) moves it at once, to the least threshold that
    the counts since the estimated change bear out on recent traffic, up for worse and down for better, where it must be
    surer (`Caution`); `Suspicion` raises the bar before labels can; `Certificate` says what is proven; `OnlinePlatt`
    says how likely an answer is right. Each class states its formula, its conditions and its source.

    A reference with fewer than 200 labels bears nothing out: nothing passes, and the first 200 labels set λ.

    **What it does not do**: know of a change before evidence of it has come; promise anything for one segment; certify
    in advance. A set with one label is no reason to accept, and plays no part.

    Parameters
    ----------
    reference
        Errors by confidence rank before the stream.
    max_error
        a*, the share of wrong answers that is promised among those that pass, in (0, 1).
    confidence
        1 − δ of the certificate, in (0, 1).
    known
        `all`: the truth comes for every request, each weighs 1. `asked`: only for held-back requests and the audit
        sample, weighted with the propensity in each `Labels`.
    tau
        Share of `max_error` aimed at, in (0, 1].
    first
        Rank that is certified on the reference, for the first epoch (`Certificate`); None: nothing was tested.
    memory
        Of the reference's errors, 1 for independent ones: what opens the bar must be that much surer (`Caution`).

    Examples
    --------
    >>> cells = (np.arange(RANK_CELLS) + .5) / RANK_CELLS
    >>> wrong = np.round(100 * .4 * (1 - cells) ** 2).astype(np.int64)
    >>> reference = SelectiveReference(np.stack([100 - wrong, wrong], axis=1), 5000, 86400.0)
    >>> selective = Selective(reference, max_error=.05, confidence=.95, known="asked")
    >>> reading = selective.update([], traffic=np.full(RANK_CELLS, 2), outstanding=0)
    >>> reading.threshold, reading.suspicion, reading.certified_from > 1, reading.epoch
    (0.46, 0.0, True, 0)
    """

    def __init__(
        self,
        reference: SelectiveReference,
        max_error: float,
        confidence: float,
        known: Literal["all", "asked"] = "all",
        tau: float = TAU,
        first: float | None = None,
        memory: float = 1.0,
    ) -> None:
        for name, value in (("max_error", max_error), ("confidence", confidence)):
            if not 0 < value < 1:
                msg = f"{name} is {value!r}; it must lie between 0 and 1, as 0.05 does"
                raise ValueError(msg)
        self._known = known
        self._target = tau * max_error
        self._traffic = reference.traffic() * _MEMORY
        self._learnt = reference.counts.astype(np.float64)
        self._learning = bool(self._learnt.sum() < LABELS_TO_LEARN)
        self._fit = fit_logistic(self._learnt, bent=True)
        start = NOTHING_PASSES if self._learning else self._borne_out()
        self._tracking = Tracking(self._target, start)
        self._caution = Caution(memory)
        self._detector = self._anew()
        self._suspicion = Suspicion()
        self._platt = OnlinePlatt(fit_logistic(self._learnt))
        self._certificate = Certificate(max_error, confidence, first, memory)
        self._epoch = 0
        self._now: SelectiveReading | None = None

    def update(
        self,
        labels: Sequence[Labels],
        traffic: IntArray,
        outstanding: float,
        evidence: float = 0.0,
        *,
        warning_alarm: bool = False,
    ) -> SelectiveReading:
        """Take in a batch.

        Parameters
        ----------
        labels
            Outcomes that came, or became overdue, with this batch; one item a propensity and epoch.
        traffic
            (rank cells,): requests of this batch, whatever became of them.
        outstanding
            Labels asked for, neither come nor overdue, of decisions that would move λ: audited answers, those held back
            by suspicion weighted with the propensity, the surest tenth while nothing passes.
        evidence
            `suspicion_level` of the evidence without labels; 0 where there is none.
        warning_alarm
            Whether that evidence alarmed with this batch.
        """
        requests = int(traffic.sum())
        if requests:
            self._traffic *= np.exp(-requests / _MEMORY)
            self._traffic += traffic
        side, evidences = self._count(labels, outstanding) if labels else (None, self._detector.log_evidence)
        self._suspicion.update(requests, evidence, alarm=warning_alarm or side is Side.WORSE)
        self._now = None
        return self.reading() if side is None else self._reading(side, evidences)

    def begin_epoch(self) -> int:
        """Start a new epoch for a reason from outside (a harm alarm, a new profile): what was proven is no longer."""
        self._epoch += 1
        self._certificate.reset()
        self._now = None
        return self._epoch

    def raise_to(self, threshold: float) -> None:
        """Let nothing pass below `threshold`, until tracking has come down: no more than this has been borne out."""
        if threshold > self._tracking.threshold:
            self._tracking.jump(threshold)
            self._now = None

    def forget(self) -> None:
        """Begin the evidence of changed errors anew: what it was made of is explained otherwise."""
        if not self._learning:
            self._detector = self._anew()
        self._now = None

    def reading(self) -> SelectiveReading:
        """Say what holds now, without a new batch."""
        if self._now is None:
            self._now = self._reading(None, self._detector.log_evidence)
        return self._now

    def state(self) -> State:
        """All parts' arrays, the fit, recent traffic, and what is being learnt."""
        fit = self._fit
        return {
            "fit": np.array([fit.intercept, fit.slope, *fit.covariance, fit.bend, *fit.bend_covariance]),
            "traffic": self._traffic.copy(),
            "learnt": self._learnt.copy(),
            "epoch": np.array([self._epoch, self._learning]),
            **self._tracking.state(),
            **self._caution.state(),
            **self._detector.state(),
            **self._suspicion.state(),
            **self._certificate.state(),
            **self._platt.state(),
        }

    def restore(self, state: State) -> None:
        """Continue from `state`, which must come from the same promise."""
        intercept, slope, level, both, tilt, bend, *with_bend = state["fit"].tolist()
        self._fit = RankLogistic(intercept, slope, (level, both, tilt), bend, tuple(with_bend))
        self._traffic = state["traffic"].astype(np.float64)
        self._learnt = state["learnt"].astype(np.float64)
        self._epoch, self._learning = int(state["epoch"][0]), bool(state["epoch"][1])
        self._caution.restore(state)
        self._detector = self._anew()
        for part in (self._tracking, self._detector, self._suspicion, self._certificate, self._platt):
            part.restore(state)
        self._now = None

    def _count(self, labels: Sequence[Labels], outstanding: float) -> tuple[Side | None, tuple[float, float]]:
        """Let the labels move everything; the side that alarmed and the evidence before the detector began anew."""
        if self._known == "all":
            labels = [replace(each, propensity=1.0) for each in labels]
        self._tracking.update(labels, outstanding)
        self._certificate.update([each for each in labels if each.epoch == self._epoch])
        counts = sum((each.counts.sum(axis=0) for each in labels), np.zeros((RANK_CELLS, 2), np.int64))
        if self._learning:
            self._learn(counts)
            return None, self._detector.log_evidence
        self._platt.update(labels)
        overdue = sum((each.overdue.sum(axis=0) for each in labels), np.zeros(RANK_CELLS, np.int64))
        side = self._detector.update(counts, overdue)
        evidences = self._detector.log_evidence
        if side is not None:
            self._refit(side)
        return side, evidences

    def _learn(self, counts: IntArray) -> None:
        self._learnt += counts
        if self._learnt.sum() >= LABELS_TO_LEARN:
            self._learning = False
            self._fit = fit_logistic(self._learnt, bent=True)
            self._detector = self._anew()
            self._platt = OnlinePlatt(fit_logistic(self._learnt))
            self._tracking.jump(self._borne_out())

    def _refit(self, side: Side) -> None:
        """Begin a new epoch: the fit, and with it λ, follow the counts since the estimated change."""
        self._fit = fit_logistic(self._detector.since(side), self._fit, _REFIT_LOOSENESS, bent=True)
        self._caution.alarm(side, self._detector.labels)
        self._detector = self._anew()
        self._platt.forget()
        borne_out, now = self._borne_out(), self._tracking.threshold
        self._tracking.jump(max(borne_out, now) if side is Side.WORSE else min(borne_out, now))
        self.begin_epoch()

    def _anew(self) -> EpochDetector:
        """Evidence against the fit that there is now, with nothing counted."""
        return EpochDetector(self._fit, self._caution.divisor)

    def _borne_out(self) -> float:
        return least_threshold(self._fit.rates(), self._traffic, self._target)

    def _reading(self, side: Side | None, evidences: tuple[float, float]) -> SelectiveReading:
        threshold = self._tracking.threshold
        n = self._detector.labels
        worse, better = (
            Reading(f"epoch {each}", evidence, LOG_LEVEL, n, alarm=side is each)
            for each, evidence in zip(Side, evidences, strict=True)
        )
        return SelectiveReading(
            threshold=threshold,
            suspicion=self._suspicion.bar(threshold, suspicion_level(self._detector.log_evidence[0], LOG_LEVEL)),
            certified_from=self._certificate.certified_from,
            epoch=self._epoch,
            epoch_alarm=side,
            worse=worse,
            better=better,
            could_pass=self._could_pass(threshold),
            platt=None if self._learning else (self._platt.intercept, self._platt.slope),
        )

    def _could_pass(self, threshold: float) -> float:
        """Share of recent traffic from `threshold` upwards, taking it as even within a cell."""
        covered = np.clip((np.arange(RANK_CELLS) + 1) - threshold * RANK_CELLS, 0.0, 1.0)
        return float(covered @ self._traffic / self._traffic.sum())
