"""`holdback run`: the process around the sidecar: web server, metrics, pages, signals, and an end in good time."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from msgspec import structs
from prometheus_client import CollectorRegistry

from detectors.profile import Profile
from fallback.memory_reviews import MemoryReviews
from fallback.reviews import OnExpiry, ReviewPolicy
from monitor.answering import Live
from monitor.building import breaker_policy
from monitor.config import Config
from monitor.errors import RunError, UsageError
from monitor.logs import Log
from monitor.logs_json import LEVELS, LogObserver, json_handler, json_logger
from monitor.metrics.metrics import Metrics
from monitor.observing import Everyone, KillState, Observer
from monitor.overruling import KillSwitch, Orders
from monitor.page.status import Board
from monitor.paging import pager_from
from monitor.sidecar import Sidecar
from monitor.summaries import KillNotice
from monitor.topics import Topics
from monitor.web.app import build_app
from monitor.web.changes import Changes
from monitor.web.guard import LOOPBACK_HOSTS
from monitor.web.reviews import Reviews
from monitor.web.server import WebServer, is_loopback
from monitor.web.tokens import Bearer, read_token

__all__ = ["board_of", "broker", "changes_of", "kafka_log", "kill_file", "people_of", "run"]

_GRACE_SECONDS = 25.0
"""A turn that has not ended by then is given up; Kubernetes kills after 30 s. What is not committed is done again."""
_EMBEDDED = "embedded"


def run(config: Config, profiles: Mapping[str, Profile], say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; `say` tells a person at a terminal where the page is."""
    # the client's threads and the loop fight over the interpreter: a short turn nearly doubles what both get done
    sys.setswitchinterval(5e-5)
    with ExitStack() as stack:
        log = json_logger(level=config.log.level, model=config.model)
        _quiet_libraries()
        bootstrap = stack.enter_context(broker(config, say))
        if config.kafka.bootstrap == _EMBEDDED:
            log.warning("embedded_broker", address=bootstrap, what_to_know="what it holds is gone when this ends")
        board, registry = board_of(config), CollectorRegistry()
        metrics = Metrics(
            registry,
            model=config.model,
            max_error=config.promise.max_error,
            page_url=config.paging.page_url,
            runbook_url=config.paging.runbook_url,
        )
        outer = Everyone(board, metrics, LogObserver(log))
        orders, replica = Orders(), socket.gethostname()
        kill_switch = KillSwitch(kill_file(config), replica, time.time, _told(orders, outer))
        pager = pager_from(config, outer)
        stack.callback(pager.close)
        people = people_of(config)
        stack.callback(people.close)
        sidecar = Sidecar(
            config,
            profiles,
            lambda: kafka_log(config, bootstrap),
            people,
            Everyone(outer, pager),
            log.warning,
            _folder(config, stack),
            replica=replica,
            orders=orders,
            kill_switch=kill_switch,
        )
        hosts = LOOPBACK_HOSTS if is_loopback(config.web.host) else None
        changes = changes_of(config, orders, kill_switch)
        reviews = _reviews(config, bootstrap, stack, log.warning)
        app = build_app(board, registry, lambda: _ready(sidecar), hosts=hosts, changes=changes, reviews=reviews)
        web = stack.enter_context(WebServer(app, host=config.web.host, port=config.web.port))
        say(f"watching {config.model}: {web.url}; broker {bootstrap}")
        if not profiles:
            log.warning("no_profile", what_to_do="every request is held back until `profile` names one; see `fit`")
        stack.enter_context(_signals(sidecar, kill_switch, log.error))
        sidecar.run()


def kafka_log(config: Config, bootstrap: str) -> Log:
    """Join the model's group."""
    from monitor.logs.embedded import SESSION_SECONDS
    from monitor.logs.kafka import KafkaLog

    topics, kafka = Topics.of(config), config.kafka
    if kafka.bootstrap == _EMBEDDED:
        kafka = structs.replace(kafka, session_timeout=min(kafka.session_timeout, SESSION_SECONDS))
    return KafkaLog(
        kafka,
        bootstrap,
        config.kafka.group or f"holdback-{config.model}",
        topics.consumed,
        topics.written,
        guarded=(topics.summaries,),
        ledger=topics.ledger if config.delivery == "at_least_once" else None,
    )


@contextmanager
def broker(config: Config, say: Callable[[str], None]) -> Iterator[str]:
    """The broker's address; an embedded one is started, with its topics, and stopped at the end."""
    if config.kafka.bootstrap != _EMBEDDED:
        yield config.kafka.bootstrap
        return
    from monitor.logs.embedded import EmbeddedBroker
    from monitor.logs.kafka_topics import create_missing

    with EmbeddedBroker() as embedded:
        create_missing(config, embedded.bootstrap)
        say(f"an embedded broker listens on {embedded.bootstrap}; what it holds is gone when this ends")
        yield embedded.bootstrap


def board_of(config: Config, **more: Any) -> Board:
    """What the page shows."""
    promise = config.promise
    return Board(
        model=config.model,
        max_error=promise.max_error,
        confidence=promise.confidence,
        false_pages=f"1 per {promise.false_pages.n:,.0f} {promise.false_pages.unit}",
        policy=breaker_policy(config),
        **more,
    )


def people_of(config: Config) -> Live:
    """The chain of answerers, and the queue of people behind it."""
    reviews = config.reviews
    unlimited = float(max(reviews.depth, 1)) * 1e3
    # each request takes as many reviews as there are reviewers to it
    an_hour = None if reviews.rate is None else reviews.rate / reviews.reviewers
    policy = ReviewPolicy(
        depth=reviews.depth,
        max_age=reviews.expire,
        rate=unlimited if an_hour is None else an_hour / 3600.0,
        # a bucket that can never hold one request beside its reserve would let nothing in at all
        burst=unlimited if an_hour is None else max(an_hour, 1.0 / (1.0 - reviews.reserve)),
        reserve=reviews.reserve,
        on_expiry=OnExpiry(reviews.on_expiry),
    )
    return Live(config, MemoryReviews(policy))


def _folder(config: Config, stack: ExitStack) -> Path:
    if config.state_dir is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdback-")))
    folder = Path(config.state_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
    except OSError as error:
        raise UsageError(f"state_dir {config.state_dir!r} cannot be written: {error.strerror}") from error
    return folder


def kill_file(config: Config) -> Path | None:
    """Where the kill switch's file is; None, it lives in memory."""
    if config.security.kill_file is not None:
        return Path(config.security.kill_file)
    return None if config.state_dir is None else Path(config.state_dir) / "kill-switch"


def changes_of(config: Config, orders: Orders, kill_switch: KillSwitch) -> Changes:
    """What an operator may change over HTTP; nothing without a token."""
    return Changes(_token(config.security.token_file), orders, kill_switch)


def _reviews(config: Config, bootstrap: str, stack: ExitStack, report: Callable[..., object]) -> Reviews:
    """People's queue over HTTP, where there is one and a file to keep it in; without it the replica goes on."""
    tokens = Bearer(_token(config.security.token_file), _token(config.security.reviewers_token_file))
    if not tokens.possible or config.state_dir is None or config.reviews.depth == 0:
        return Reviews(tokens, None)
    from monitor.operating.review_desk import ReviewDesk
    from monitor.operating.reviewing import store_path

    # the embedded broker has its address only now
    connected = structs.replace(config, kafka=structs.replace(config.kafka, bootstrap=bootstrap))
    try:
        desk = ReviewDesk(connected, store_path(config, None), time.time)
    except (RunError, UsageError, OSError) as error:
        report("no_reviews", why=str(error))
        return Reviews(tokens, None, str(error))
    stack.callback(desk.close)
    return Reviews(tokens, desk)


def _token(path: str | None) -> str | None:
    return None if path is None else read_token(path)


def _told(orders: Orders, observe: Observer) -> Callable[[KillNotice], None]:
    def tell(notice: KillNotice) -> None:
        orders.note(notice)
        observe(KillState(on=notice.on, actor=notice.actor, reason=notice.reason, since=notice.at))

    return tell


def _ready(sidecar: Sidecar) -> tuple[bool, str]:
    """Ready is who can answer; with the broker away the last verdict goes on."""
    return True, "ready" if sidecar.connected else "ready, by the last verdict: the broker is away"


def _quiet_libraries() -> None:
    root = logging.getLogger()
    root.addHandler(json_handler(level="error"))
    root.setLevel(LEVELS["error"])
    # the client tells each lost connection many times over; the sidecar says it once
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


@contextmanager
def _signals(sidecar: Sidecar, kill_switch: KillSwitch, report: Callable[..., object]) -> Iterator[None]:
    """End in good time when asked to, by force if the turn under way hangs.

    SIGUSR1 turns the kill switch on, SIGUSR2 turns it off.
    """

    def give_up() -> None:
        report("stopped_by_force", why=f"the turn under way did not end within {_GRACE_SECONDS:.0f} s")
        os._exit(1)

    timer = threading.Timer(_GRACE_SECONDS, give_up)
    timer.daemon = True

    def ask(_number: int, _frame: object) -> None:
        sidecar.stop()
        if not timer.is_alive():
            timer.start()

    def kill(number: int, _frame: object) -> None:
        kill_switch.ask(on=number == signal.SIGUSR1)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    before |= {number: signal.signal(number, kill) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    try:
        yield
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
