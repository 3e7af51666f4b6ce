"""The demo: a classifier of digits serves, its camera turns, and the production loop sees it, live."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry

from detectors.profile import Profile
from monitor.config import Config, load_config
from monitor.errors import RunError
from monitor.events import Review
from monitor.fit.fitting import fit_profile
from monitor.logs import Log, MemoryBroker
from monitor.logs.embedded import broker_binary
from monitor.metrics.metrics import Metrics
from monitor.observing import Counted, Everyone, Frame, Frames, Observation, Observer, Paged, Ruled
from monitor.page.status import Board
from monitor.results import Results, Shown
from monitor.running import board_of, broker, kafka_log, people_of
from monitor.sidecar import Sidecar
from monitor.story import FallbackServer, Reviewer, Story
from monitor.story.feeds import Feed, KafkaFeed, MemoryFeed
from monitor.topics import Topics

__all__ = ["DEMO_RATE", "Stage", "play", "staged"]

DEMO_RATE = 400.0
"""Events a second; with a page to look at it is half as many."""
_PAUSE = 0.05
_FRAMES_A_SECOND = 4.0
_LAST_SECONDS = 15.0
"""How long the last outcomes are waited for."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the demo needs, started: the story, and a replica of Holdback that watches it."""

    story: Story
    config: Config
    profile: Profile
    feed: Feed
    topics: Topics
    board: Board
    registry: CollectorRegistry
    results: Results
    seen: _Seen
    observe: Observer
    replica: Future[None]
    """Done when the replica has ended, which it should not before the story does."""


@contextmanager
def staged(seed: int, rate: float, tell: Observer, say: Callable[[str], None]) -> Iterator[Stage]:
    """Fit the networks and the profile, start the broker, the fallback and the replica; stops them at the end."""
    with ExitStack() as stack:
        say("fitting two small networks on scikit-learn's digits")
        story = Story(seed, rate=rate)
        server = stack.enter_context(FallbackServer(story.turned_network))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdback-demo-")))
        (folder / "demo.yaml").write_text(story.config(server.url), encoding="utf-8")
        config = load_config(folder / "demo.yaml", {})
        say("fitting the profile: what normal looks like")
        profile = fit_profile([story.reference()], config).profile
        feed, open_log = _connected(stack, config, say)
        board, registry = board_of(config), CollectorRegistry()
        metrics = Metrics(registry, model=config.model, max_error=config.promise.max_error)
        results = Results(config.promise.max_error, config.promise.coverage, config.promise.within)
        seen = _Seen()
        observe = Everyone(board, metrics, results, seen, tell)
        people = people_of(config)
        stack.callback(people.close)
        sidecar = Sidecar(
            config,
            {profile.version: profile},
            open_log,
            people,
            observe,
            lambda what, **fields: say(f"{what}: {fields}") if what == "broker_lost" else None,
            folder,
            replica="demo",
        )
        replica = Future[None]()
        thread = threading.Thread(target=_run, args=(sidecar, replica), name="holdback", daemon=True)
        thread.start()
        stack.callback(thread.join, _LAST_SECONDS)
        stack.callback(sidecar.stop)
        # what comes before the first verdict is held back, as it should be; the story begins after it
        while not seen.ruled and not replica.done():
            time.sleep(_PAUSE)
        yield Stage(story, config, profile, feed, Topics.of(config), board, registry, results, seen, observe, replica)


def play(stage: Stage) -> dict[str, Any]:
    """Play the story to its end at its own pace; the result, as `holdback demo --json` has it."""
    began = time.monotonic()
    counted = _Counted(stage)
    reviewer = Reviewer(stage.story.truth)
    sent = known = 0
    while counted.decided < stage.story.length:
        due = min(int((time.monotonic() - began) * stage.story.rate), stage.story.length)
        sent, known = _serve(stage, sent, due), _tell_truth(stage, known, due)
        _review(stage, reviewer)
        counted.take()
        if stage.replica.done():
            stage.replica.result()
            raise RunError("the replica ended before the story did")
        time.sleep(_PAUSE)
    _tell_truth(stage, known, stage.story.length + stage.story.delay)
    give_up = time.monotonic() + _LAST_SECONDS
    while stage.seen.joined < stage.story.length and time.monotonic() < give_up:
        counted.take()
        time.sleep(_PAUSE)
    counted.take()
    seconds = time.monotonic() - began
    result = stage.results.result(stage.story.length, seconds, stage.profile.digest, counted.head)
    return result | {"demo": counted.facts(result)}


def _run(sidecar: Sidecar, ended: Future[None]) -> None:
    try:
        sidecar.run()
    except BaseException as error:  # noqa: BLE001  # it is raised where the story is told
        ended.set_exception(error)
    else:
        ended.set_result(None)


def _connected(stack: ExitStack, config: Config, say: Callable[[str], None]) -> tuple[Feed, Callable[[], Log]]:
    """The story's side of the broker, and how the replica joins; in memory where there is no embedded broker."""
    if broker_binary() is None:
        say("no embedded broker here (install holdback[demo]): the demo runs over a log in memory")
        topics = Topics.of(config)
        memory = MemoryBroker(topics.partitions(1))
        return MemoryFeed(memory), lambda: memory.member("demo", topics.consumed)
    bootstrap = stack.enter_context(broker(config, say))
    feed = KafkaFeed(bootstrap)
    stack.callback(feed.close)
    return feed, lambda: kafka_log(config, bootstrap)


def _serve(stage: Stage, sent: int, due: int) -> int:
    """The model answers: its predictions go to their topic."""
    if due > sent:
        batch = stage.story.events(sent, due - sent).batch
        stage.feed.send(stage.topics.predictions, batch.predictions, [str(key).encode() for key in batch.ids])
    return max(sent, due)


def _tell_truth(stage: Stage, known: int, sent: int) -> int:
    """Outcomes come late."""
    due = max(sent - stage.story.delay, 0)
    if due > known:
        batch = stage.story.events(known, due - known).batch
        outcomes = [each for each in batch.outcomes if each is not None]
        stage.feed.send(stage.topics.outcomes, outcomes, [str(key).encode() for key in batch.ids])
    return max(known, due)


def _review(stage: Stage, reviewer: Reviewer) -> None:
    """The simulated reviewer takes what waits for a person, and answers from the true labels."""
    now = time.time()
    for value in stage.feed.take(stage.topics.reviews):
        reviewer.ask(_review_of(value), now)
    answers = reviewer.answers(now)
    if answers:
        keys = [each.id.encode() for each in answers]
        stage.feed.send(stage.topics.answers, [msgspec.json.encode(each) for each in answers], keys)


_review_of = msgspec.json.Decoder(Review).decode


class _Seen:
    """Keeps the pages that went out, counts the outcomes that were joined, and notes that there is a verdict."""

    def __init__(self) -> None:
        self.pages: list[Paged] = []
        self.joined = 0
        self.ruled = False

    def __call__(self, seen: Observation, /) -> None:
        if isinstance(seen, Paged):
            self.pages.append(seen)
        elif isinstance(seen, Counted):
            self.joined += seen.joined
        elif isinstance(seen, Ruled):
            self.ruled = True


class _Counted:
    """Reads the decisions as a caller would, and counts before and after the camera starts to turn."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._decode = msgspec.json.Decoder(Shown).decode
        length = stage.story.length
        self._route = np.zeros(length, dtype="U8")
        self._alone = np.zeros(length, dtype=bool)
        self._answered = np.full(length, np.nan)
        self._framed = -math.inf
        self.decided = 0
        self.head = ""

    def take(self) -> None:
        """The decisions since the last call, and the end of the ledger."""
        stage = self._stage
        for line in stage.feed.take(stage.topics.ledger)[-1:]:
            self.head = str(msgspec.json.decode(line)["hash"])
        values = stage.feed.take(stage.topics.decisions)
        if not values:
            return
        shown = [self._decode(value) for value in values]
        truth = {each.id: stage.story.truth[each.id] for each in shown}
        stage.results.add(values, dict(truth))
        for each in shown:
            self._count(each, truth[each.id])
        self.decided += len(shown)
        self._picture(shown[-1], truth[shown[-1].id])

    def facts(self, result: dict[str, Any]) -> dict[str, Any]:
        """What the story came to."""
        at, mended = self._stage.story.drift_at, self._stage.story.mended_at
        events, model = np.arange(len(self._route)), self._route == "model"
        before, after = events < at, (events >= at) & (events < mended)
        # the last quarter of what follows: what it settles to
        late = events >= len(events) - (len(events) - mended) // 4
        alarms = [each["event"] for each in result["alarms"] if each["event"] >= at]
        opened = [each["event"] for each in result["breaker"] if each["to"] == "open" and each["event"] >= at]
        closed = [each["event"] for each in result["breaker"] if each["to"] == "closed" and each["event"] >= mended]
        return {
            "drift_at": at,
            "detected_after": min(alarms) - at if alarms else None,
            "opened_after": min(opened) - at if opened else None,
            "accepted_before": _mean(model[before]),
            "error_before": _mean(self._alone[before]),
            "error_alone_after": _mean(self._alone[after]),
            "error_accepted_after": _mean(self._alone[after & model]),
            "error_answered_after": _mean(self._answered[after & ~np.isnan(self._answered)]),
            "mended_at": mended,
            "closed_after": min(closed) - mended if closed else None,
            "accepted_late": _mean(model[late]),
            "error_accepted_late": _mean(self._alone[late & model]),
            "pages": len(self._stage.seen.pages),
            "broker": self._stage.feed.kind,
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
