"""The demo: a classifier of digits serves, its camera turns, and the production loop sees it, live."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry

from detectors.profile import Profile
from fallback.memory_reviews import MemoryReviews
from fallback.reviews import ReviewPolicy
from monitor.answering import Live
from monitor.building import Parts, build
from monitor.config import Config, load_config
from monitor.fitting import fit_profile
from monitor.logs import MemoryBroker
from monitor.metrics import Metrics
from monitor.observing import Everyone, Frame, Frames, Observation, Observer, Paged
from monitor.results import Results, Shown
from monitor.status import Board
from monitor.story import FallbackServer, Reviewer, Story
from monitor.topics import Topics

__all__ = ["DEMO_RATE", "Stage", "idle", "play", "staged"]

DEMO_RATE = 400.0
"""Events a second; with a page to look at it is half as many."""
_PAUSE = 0.05
_FRAMES_A_SECOND = 4.0
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the demo needs, started: the story, and a replica of Holdback that watches it."""

    story: Story
    config: Config
    profile: Profile
    broker: MemoryBroker
    topics: Topics
    parts: Parts
    people: Live
    queue: MemoryReviews
    board: Board
    registry: CollectorRegistry
    results: Results
    pages: list[Paged]
    observe: Observer


@contextmanager
def staged(seed: int, rate: float, tell: Observer, say: Callable[[str], None]) -> Iterator[Stage]:
    """Fit the networks and the profile, start the fallback and the replica; stops them at the end."""
    with ExitStack() as stack:
        say("fitting two small networks on scikit-learn's digits")
        story = Story(seed, rate=rate)
        server = stack.enter_context(FallbackServer(story.turned_network))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdback-demo-")))
        (folder / "demo.yaml").write_text(story.config(server.url), encoding="utf-8")
        config = load_config(folder / "demo.yaml", {})
        say("fitting the profile: what normal looks like")
        profile = fit_profile([story.reference()], config).profile
        topics = Topics.of(config)
        broker = MemoryBroker(topics.partitions(1))
        board = Board(
            model=config.model,
            max_error=config.promise.max_error,
            confidence=config.promise.confidence,
            false_pages=f"1 per {config.promise.false_pages.n:,.0f} {config.promise.false_pages.unit}",
        )
        registry = CollectorRegistry()
        metrics = Metrics(registry, model=config.model, max_error=config.promise.max_error)
        results = Results(config.promise.max_error, config.promise.coverage, config.promise.within)
        pages: list[Paged] = []
        observe = Everyone(board, metrics, results, _Kept(pages), tell)
        queue = MemoryReviews(ReviewPolicy(depth=config.reviews.depth, max_age=config.reviews.expire))
        people = Live(config, queue)
        log = broker.member("holdback-demo", topics.consumed)
        parts = build(config, {profile.version: profile}, log, people, observe, clock=time.time)
        stack.callback(parts.close)
        yield Stage(
            story, config, profile, broker, topics, parts, people, queue, board, registry, results, pages, observe
        )


def play(stage: Stage) -> dict[str, Any]:
    """Play the story to its end at its own pace; the result, as `holdback demo --json` has it."""
    began = time.monotonic()
    counted = _Counted(stage)
    reviewer = Reviewer(stage.story.truth)
    stage.parts.loop.step()
    sent = known = 0
    while counted.decided < stage.story.length:
        due = min(int((time.monotonic() - began) * stage.story.rate), stage.story.length)
        sent, known = _serve(stage, sent, due), _tell_truth(stage, known, due)
        stage.parts.loop.step(_PAUSE)
        _review(stage, reviewer)
        counted.take()
    _tell_truth(stage, known, stage.story.length)
    while stage.parts.loop.step():
        pass
    judge = stage.parts.judging.judge_now
    result = stage.results.result(
        stage.story.length, time.monotonic() - began, stage.profile.digest, judge.head if judge else ""
    )
    return result | {"demo": counted.facts(result)}


def idle(stage: Stage, stop: Callable[[], bool]) -> None:
    """Go on watching a stream in which nothing happens, for those who look at the page."""
    while not stop():
        stage.parts.loop.step(1.0)


def _serve(stage: Stage, sent: int, due: int) -> int:
    """The model answers: its predictions go to their topic."""
    if due > sent:
        batch = stage.story.events(sent, due - sent).batch
        stage.broker.append(stage.topics.predictions, batch.predictions, time=time.time())
    return max(sent, due)


def _tell_truth(stage: Stage, known: int, sent: int) -> int:
    """Outcomes come late."""
    due = max(sent - stage.story.delay, 0)
    if due > known:
        outcomes = stage.story.events(known, due - known).batch.outcomes
        stage.broker.append(stage.topics.outcomes, [each for each in outcomes if each is not None], time=time.time())
    return max(known, due)


def _review(stage: Stage, reviewer: Reviewer) -> None:
    """The simulated reviewer claims what waits for a person, and answers from the true labels."""
    now = time.time()
    for item in stage.queue.claim("reviewer", now, _AT_ONCE):
        reviewer.ask(item.request_id, now)
    reviewer.answers(now)


class _Kept:
    """Keeps the pages that went out."""

    def __init__(self, pages: list[Paged]) -> None:
        self._pages = pages

    def __call__(self, seen: Observation, /) -> None:
        if isinstance(seen, Paged):
            self._pages.append(seen)


class _Counted:
    """Reads the decisions as a caller would, and counts before and after the camera starts to turn."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._position = 0
        self._decode = msgspec.json.Decoder(Shown).decode
        length = stage.story.length
        self._route = np.zeros(length, dtype="U8")
        self._alone = np.zeros(length, dtype=bool)
        self._answered = np.full(length, np.nan)
        self._framed = -math.inf
        self.decided = 0

    def take(self) -> None:
        """The decisions since the last call."""
        stage = self._stage
        chunk = stage.broker.read(stage.topics.decisions, 0, self._position, 100_000)
        if not chunk.values:
            return
        self._position = chunk.offsets[-1] + 1
        shown = [self._decode(value) for value in chunk.values]
        truth = {each.id: stage.story.truth[each.id] for each in shown}
        stage.results.add(chunk.values, dict(truth))
        for each in shown:
            self._count(each, truth[each.id])
        self.decided += len(shown)
        self._picture(shown[-1], truth[shown[-1].id])

    def facts(self, result: dict[str, Any]) -> dict[str, Any]:
        """What the story came to."""
        at = self._stage.story.drift_at
        before, after = np.arange(len(self._route)) < at, np.arange(len(self._route)) >= at
        model = self._route == "model"
        alarms = [each["event"] for each in result["alarms"] if each["event"] >= at]
        opened = [each["event"] for each in result["breaker"] if each["to"] == "open" and each["event"] >= at]
        return {
            "drift_at": at,
            "detected_after": min(alarms) - at if alarms else None,
            "opened_after": min(opened) - at if opened else None,
            "accepted_before": _mean(model[before]),
            "error_before": _mean(self._alone[before]),
            "error_alone_after": _mean(self._alone[after]),
            "error_accepted_after": _mean(self._alone[after & model]),
            "error_answered_after": _mean(self._answered[after & ~np.isnan(self._answered)]),
            "pages": len(self._stage.pages),
            "broker": "memory",
        }

    def _count(self, decision: Shown, truth: str) -> None:
        i = int(decision.id.rpartition("-")[2])
        said = (decision.output or {}).get("label")
        self._route[i] = decision.route
        self._alone[i] = said != truth
        if decision.route == "human":
            self._answered[i] = 0.0
        elif decision.route != "refuse":
            self._answered[i] = decision.answer != truth

    def _picture(self, decision: Shown, truth: str) -> None:
        """A few frames a second for the page."""
        now = time.monotonic()
        if now - self._framed < 1 / _FRAMES_A_SECOND:
            return
        self._framed = now
        scene = self._stage.story.events(int(decision.id.rpartition("-")[2]), 1)
        answer = truth if decision.route == "human" else decision.answer
        frame = Frame(
            id=decision.id,
            image=scene.pictures[0].tolist(),
            answered_by=decision.route,
            answer=None if answer is None else str(answer),
            truth=truth,
            angle=float(scene.angles[0]),
        )
        self._stage.observe(Frames(frames=[frame]))


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
