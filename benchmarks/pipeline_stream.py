"""A served classifier's stream as bytes, a profile of it, and a replica over a log in memory: for bench_pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from detectors.profile import Profile
from monitor.answering import Recorded
from monitor.building import Parts, build
from monitor.config import Config, config_from
from monitor.events import format_time
from monitor.fit.fitting import fit_profile
from monitor.logs import MemoryBroker
from monitor.tables import RawBatch
from monitor.topics import Topics

__all__ = ["BLOCK", "FEATURES", "Block", "Replica", "blocks", "configured", "fitted", "reference"]

FEATURES = 20
BLOCK = 1000
"""Predictions that arrive together, and as many outcomes."""
_FIRST, _EVERY, _DELAY = 1_767_225_600.0, 0.01, 5.0
_REFERENCE = 10_000


@dataclass(frozen=True)
class Block:
    """Predictions, and the outcomes of those predictions; `first` is the number of the first."""

    first: int
    predictions: list[bytes]
    outcomes: list[bytes]
    truth: list[str]


def configured() -> Config:
    """Both promises, every label known, everything else as it is by default."""
    promise = {"max_error": "10%", "false_pages": "1 per 90d"}
    return config_from({"model": "m", "version": "1", "promise": promise, "columns": {"outcome": "target"}}, {})


def blocks(n: int, seed: int, first: int = 0) -> list[Block]:
    """`n` blocks of a calibrated binary classifier on Gaussian features; numbers of four decimals."""
    rng = np.random.default_rng(seed)
    return [_block(rng, first + i * BLOCK) for i in range(n)]


def reference() -> list[RawBatch]:
    """10,000 rows of a stream like it."""
    return [_raw(block) for block in blocks(_REFERENCE // BLOCK, seed=0)]


def fitted(config: Config) -> Profile:
    """The profile of that."""
    return fit_profile(reference(), config).profile


class Replica:
    """The production loop over a log in memory, fed block by block."""

    def __init__(self, config: Config, profile: Profile) -> None:
        self.topics = Topics.of(config)
        self.broker = MemoryBroker(self.topics.partitions(1))
        log = self.broker.member("bench", self.topics.consumed)
        self.parts: Parts = build(
            config, {"1": profile}, log, Recorded(config), lambda _seen: None, start=_FIRST, poll=2 * BLOCK
        )
        self.judging = 0.0
        self._watch_judge()
        self.work()

    def feed(self, predictions: Sequence[bytes], outcomes: Sequence[bytes]) -> None:
        """Put records into the log, as the model's server does; no work of ours."""
        self.broker.append(self.topics.predictions, predictions, time=_FIRST)
        self.broker.append(self.topics.outcomes, outcomes, time=_FIRST)

    def work(self) -> None:
        """Until nothing is left to do: decisions, summaries, verdicts are written."""
        while self.parts.loop.step():
            pass

    def _watch_judge(self) -> None:
        """Add up in `judging` the CPU seconds of what is called for the polled summaries."""
        judge = self.parts.judging.judge

        def timed(*arguments: Any, **named: Any) -> list[bytes]:
            began = time.process_time()
            lines = judge(*arguments, **named)
            self.judging += time.process_time() - began
            return lines

        self.parts.judging.judge = timed  # type: ignore[method-assign]  # this one instance is looked at

    def trim(self) -> None:
        """Forget what was read and written, as retention does."""
        topics = self.topics
        for topic in (topics.predictions, topics.outcomes, topics.decisions, topics.joined, topics.reviews):
            self.broker.trim(topic, 0, self.broker.end(topic, 0))


def _block(rng: np.random.Generator, first: int) -> Block:
    x = rng.normal(size=(BLOCK, FEATURES)).round(4)
    p = (1 / (1 + np.exp(-3 * (x[:, 0] + x[:, 1])))).round(4).tolist()
    truth = [str(int(draw < each)) for draw, each in zip(rng.random(BLOCK), p, strict=True)]
    predictions, outcomes = [], []
    for i, (features, sure) in enumerate(zip(x.tolist(), p, strict=True)):
        request, when = f"request-{first + i}", _FIRST + (first + i) * _EVERY
        predictions.append(
            msgspec.json.encode(
                {
                    "id": request,
                    "time": format_time(when),
                    "model": "m",
                    "version": "1",
                    "features": {f"feature_{k}": value for k, value in enumerate(features)},
                    "output": {"label": str(int(sure > 0.5)), "probabilities": {"0": 1 - sure, "1": sure}},
                }
            )
        )
        outcomes.append(msgspec.json.encode({"id": request, "time": format_time(when + _DELAY), "label": truth[i]}))
    return Block(first, predictions, outcomes, truth)


def _raw(block: Block) -> RawBatch:
    numbers = range(block.first, block.first + BLOCK)
    return RawBatch(
        first=block.first,
        predictions=block.predictions,
        ids=[f"request-{i}" for i in numbers],
        times=_FIRST + np.array(numbers) * _EVERY,
        outcomes=list(block.outcomes),
        truth=list(block.truth),
        progress=1.0,
    )
