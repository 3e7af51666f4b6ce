"""The demo: a classifier of digits serves, its camera turns, and the production loop sees it, live."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from detectors.profile import Profile
from monitor.config import Config, load_config
from monitor.errors import RunError
from monitor.events import Review
from monitor.fit.fitting import fit_profile
from monitor.logs import Log, MemoryBroker
from monitor.logs.embedded import broker_binary
from monitor.metrics.metrics import Metrics
from monitor.observing import Counted as CountedBatch
from monitor.observing import Everyone, Frame, Frames, Observation, Observer, Paged, Ruled
from monitor.overruling import Orders
from monitor.page.status import Board
from monitor.results import Results
from monitor.running import board_of, broker, kafka_log, people_of
from monitor.sidecar import Sidecar
from monitor.story import FallbackServer, Reviewer, Story
from monitor.story.acts import ORDER_REASON, ORDERED_BY, Act, acts_of
from monitor.story.counted import Counted, Told, decode_told
from monitor.story.feeds import Feed, KafkaFeed, MemoryFeed
from monitor.summaries import OperatorOrder
from monitor.topics import Topics

__all__ = ["DEMO_RATE", "Stage", "play", "staged"]

DEMO_RATE = 430.0
"""Events a second; with a page to look at it is half as many."""
_PAUSE = 0.05
_REVIEW_SECONDS = 1 / 120
"""As with the breaker's clocks: a minute of the story stands for a shift of some people."""
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
    say: Callable[[str], None]
    server: FallbackServer
    orders: Orders
    """As the status page gives them to a replica."""
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
        people, orders = people_of(config), Orders()
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
            orders=orders,
        )
        replica = Future[None]()
        thread = threading.Thread(target=_run, args=(sidecar, replica), name="holdback", daemon=True)
        thread.start()
        stack.callback(thread.join, _LAST_SECONDS)
        stack.callback(sidecar.stop)
        # what comes before the first verdict is held back, as it should be; the story begins after it
        while not seen.ruled and not replica.done():
            time.sleep(_PAUSE)
        where = (feed, Topics.of(config), board, registry, results, seen, observe, say, server, orders, replica)
        yield Stage(story, config, profile, *where)


def play(stage: Stage) -> dict[str, Any]:
    """Play the story to its end at its own pace; the result, as `holdback demo --json` has it."""
    began = time.monotonic()
    audience, acts = _Audience(stage), deque(acts_of(stage.story))
    reviewer = Reviewer(stage.story.truth, _REVIEW_SECONDS)
    sent = known = 0
    while audience.counted.decided < stage.story.length:
        due = min(int((time.monotonic() - began) * stage.story.rate), stage.story.length)
        while acts and acts[0].at <= audience.counted.decided:
            _perform(stage, acts.popleft())
        sent, known = _serve(stage, sent, due), _tell_truth(stage, known, due)
        _review(stage, reviewer)
        audience.take()
        if stage.replica.done():
            stage.replica.result()
            raise RunError("the replica ended before the story did")
        time.sleep(_PAUSE)
    _tell_truth(stage, known, stage.story.length + stage.story.delay)
    give_up = time.monotonic() + _LAST_SECONDS
    while stage.seen.joined < stage.story.length and time.monotonic() < give_up:
        audience.take()
        time.sleep(_PAUSE)
    audience.take()
    seconds = time.monotonic() - began
    result = stage.results.result(stage.story.length, seconds, stage.profile.digest, audience.head)
    waits_for = "".join(each.waits_for for each in stage.board.status().versions)
    told = {"pages": len(stage.seen.pages), "broker": stage.feed.kind, "waits_for": waits_for}
    return result | {"demo": audience.counted.facts(result) | told}


def _perform(stage: Stage, act: Act) -> None:
    """Let happen what the act says, and tell it."""
    if act.name == "fallback_down":
        stage.server.stop()
    elif act.name == "fallback_back":
        stage.server.start()
    elif act.name == "ordered":
        story = stage.story
        stage.orders.give(
            OperatorOrder(
                id="demo",
                order="open",
                actor=ORDERED_BY,
                reason=ORDER_REASON,
                seconds=story.order_seconds,
                version=None,
            )
        )
    stage.say(f"event {act.at:,}: {act.words}")
    stage.observe(Frames(told=act.words))


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
        elif isinstance(seen, CountedBatch):
            self.joined += seen.joined
        elif isinstance(seen, Ruled):
            self.ruled = True


class _Audience:
    """Reads the decisions as a caller would, counts them, and shows some to the page."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._framed = -math.inf
        self.counted = Counted(stage.story)
        self.head = ""

    def take(self) -> None:
        """The decisions since the last call, and the end of the ledger."""
        stage = self._stage
        for line in stage.feed.take(stage.topics.ledger)[-1:]:
            self.head = str(msgspec.json.decode(line)["hash"])
        values = stage.feed.take(stage.topics.decisions)
        if not values:
            return
        told = [decode_told(value) for value in values]
        stage.results.add(values, {each.id: stage.story.truth[each.id] for each in told})
        self.counted.add(told)
        self._picture(told[-1])

    def _picture(self, decision: Told) -> None:
        """A few frames a second for the page."""
        now = time.monotonic()
        if now - self._framed < 1 / _FRAMES_A_SECOND:
            return
        self._framed = now
        truth = self._stage.story.truth[decision.id]
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
