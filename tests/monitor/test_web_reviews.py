"""People's queue over HTTP: with what token, what comes back, and that it needs no broker."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry

from monitor.config import Config
from monitor.errors import RunError
from monitor.operating.review_desk import ReviewDesk
from monitor.operating.reviewing import PeoplesQueue
from monitor.overruling import KillSwitch, Orders
from monitor.page.status import Board
from monitor.running import _reviews
from monitor.web.app import build_app
from monitor.web.changes import BREAKER, KILL_SWITCH, Changes
from monitor.web.reviews import ANSWER, CLAIM, MOST_SHOWN, REVIEWS, Reviews
from monitor.web.server import WebServer
from monitor.web.tokens import Bearer
from tests.monitor.streams import configured
from tests.monitor.test_reviewing import CONFIG, World

OPERATOR, REVIEWER = "an-operator's-token", "a-reviewer's-token"
HOSTILE = "<script>alert(1)</script>"


class Site:
    """A running server over a queue whose broker the test can take away."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, *, queue: bool = True) -> None:
        self.world, self.away, self.sent = world, False, 0

        @contextmanager
        def reader(_config: Config, _name: str) -> Iterator[Any]:
            self._reach()
            yield world.broker

        def send(queue: PeoplesQueue) -> int:
            answers = queue._store.untold(world.now, 60.0)
            try:
                self._reach()
            except RunError:
                queue._store.release()
                raise
            queue._store.told(each.decision_id for each in answers)
            self.sent += len(answers)
            return len(answers)

        monkeypatch.setattr("monitor.operating.review_desk.reader", reader)
        monkeypatch.setattr("monitor.operating.review_desk._AGAIN", 0.05)
        monkeypatch.setattr("monitor.operating.review_desk._EVERY", 0.0)
        monkeypatch.setattr(PeoplesQueue, "send", send)
        self.desk = ReviewDesk(CONFIG, world.path, lambda: world.now) if queue else None
        orders = Orders()
        changes = Changes(OPERATOR, orders, KillSwitch(None, "r", time.time, orders.note))
        app = build_app(
            Board(model="m", max_error=0.05), CollectorRegistry(), lambda: (True, "ready"), changes=changes,
            reviews=Reviews(Bearer(OPERATOR, REVIEWER), self.desk),
        )  # fmt: skip
        self.server = WebServer(app, port=0)
        self._port = urlsplit(self.server.url).port or 0

    def _reach(self) -> None:
        if self.away:
            raise RunError("the broker does not answer")

    def ask(self, path: str, body: Any = None, token: str | None = REVIEWER) -> tuple[int, Any]:
        """GET without a body, POST with one; status, and JSON or text."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        raw = None
        if body is not None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["content-type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request("GET" if raw is None else "POST", path, raw, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = answer.getheader("content-type") == "application/json"
            return answer.status, json.loads(text) if is_json else text
        finally:
            connection.close()

    def close(self) -> None:
        """End the desk's thread."""
        if self.desk is not None:
            self.desk.close()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    world = World(tmp_path)
    made = Site(world, monkeypatch)
    with made.server:
        yield made
    made.close()
    world.close()


def until(true: Callable[[], bool]) -> None:
    """Wait for it."""
    give_up = time.monotonic() + 10
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def claimed(site: Site, reviewer: str, n: int = 1) -> list[str]:
    status, told = site.ask(CLAIM, {"reviewer": reviewer, "n": n})
    assert status == 200
    return sorted(each["decision_id"] for each in told["reviews"])


def test_a_person_lists_claims_and_answers(site: Site) -> None:
    """What waits with its payload, whose it is, and how it was settled; the answer is sent without being asked."""
    site.world.offer("a", "b")
    status, told = site.ask(REVIEWS)
    assert (status, told["n"], told["behind"]) == (200, 2, None)
    assert told["as_of"] == "2026-01-01T00:00:00Z"
    assert {each["review"]["features"]["f0"] for each in told["reviews"]} == {1.0}
    (mine,) = claimed(site, "ada")
    (waiting,) = [each for each in site.ask(REVIEWS)[1]["reviews"] if each["decision_id"] == mine]
    assert waiting["claimed_by"] == "ada"
    said = {"decision_id": mine, "reviewer": "ada", "answer": "1"}
    status, first = site.ask(ANSWER, said)
    assert (status, first["answer"], first["answered_by"], first["new"]) == (200, "1", "ada", True)
    assert site.ask(ANSWER, said | {"reviewer": "bob", "answer": "0"}) == (200, first | {"new": False})
    until(lambda: site.sent == 1)
    assert site.ask(REVIEWS)[1]["n"] == 1


def test_what_can_not_be_answered_says_why(site: Site) -> None:
    """Another's 409, nobody's 409, unknown 404, too late 410, nonsense 400; nothing of it counts."""
    site.world.offer("a", "b")
    site.ask(REVIEWS)
    said = {"decision_id": "a", "reviewer": "ada", "answer": "1"}
    assert site.ask(ANSWER, said)[0] == 409
    assert claimed(site, "bob", 2) == ["a", "b"]
    status, text = site.ask(ANSWER, said)
    assert (status, "held by 'bob', not 'ada'" in text) == (409, True)
    assert site.ask(ANSWER, said | {"decision_id": "x"})[0] == 404
    status, text = site.ask(ANSWER, said | {"reviewer": "bob", "answer": HOSTILE})
    assert (status, "none of the model's classes: 0, 1" in text) == (400, True)
    for body in (
        b"{",
        b"[]",
        said | {"answer": None},
        said | {"reviewer": " "},
        said | {"more": 1},
        b'{"answer": NaN}',
    ):
        assert site.ask(ANSWER, body)[0] == 400
    assert site.ask(CLAIM, {"reviewer": "ada", "n": MOST_SHOWN + 1})[0] == 400
    assert site.ask(f"{REVIEWS}?limit=0")[0] == 400
    assert site.ask(f"{REVIEWS}?limit=1")[1]["n"] == 2
    site.world.now += CONFIG.reviews.expire + 1
    status, text = site.ask(ANSWER, said | {"reviewer": "bob"})
    assert (status, "expired at" in text) == (410, True)
    assert site.sent == 0


def test_a_number_is_taken_as_it_was_sent(site: Site) -> None:
    """A class named 1 may come as a number, and seven digits stay seven."""
    site.world.offer("a")
    site.ask(REVIEWS)
    claimed(site, "ada")
    said = {"decision_id": "a", "reviewer": "ada"}
    for number, text in ((1234567, "'1234567'"), (0.125, "'0.125'")):
        status, words = site.ask(ANSWER, said | {"answer": number})
        assert (status, text in words) == (400, True)
    assert site.ask(ANSWER, said | {"answer": 1})[1]["answer"] == "1"


def test_a_token_opens_what_it_is_for(site: Site) -> None:
    """Neither list nor claim without one; the operator's opens the queue, the reviewer's opens nothing else."""
    site.world.offer("a")
    said = {"decision_id": "a", "reviewer": "ada", "answer": "1"}
    for token in (None, "", "wrong", REVIEWER + "x", REVIEWER[:-1]):
        assert site.ask(REVIEWS, token=token)[0] == 401
        assert site.ask(CLAIM, {"reviewer": "ada"}, token)[0] == 401
        assert site.ask(ANSWER, said, token)[0] == 401
    assert site.ask(REVIEWS, token=OPERATOR)[1]["n"] == 1
    order = {"order": "auto", "actor": "ada", "reason": "mine now"}
    assert site.ask(BREAKER, order)[0] == 401
    assert site.ask(KILL_SWITCH, {"on": True, "actor": "ada", "reason": "mine now"})[0] == 401


def test_the_broker_may_be_away(site: Site) -> None:
    """People go on with what is in the file, are told why nothing new comes, and their answers are sent later."""
    site.world.offer("a", "b")
    site.ask(REVIEWS)
    site.away = True
    site.world.offer("c")
    assert claimed(site, "ada") != []
    until(lambda: site.ask(REVIEWS)[1]["behind"] == "the broker does not answer")
    (mine,) = [each["decision_id"] for each in site.ask(REVIEWS)[1]["reviews"] if each["claimed_by"]]
    assert site.ask(ANSWER, {"decision_id": mine, "reviewer": "ada", "answer": "1"})[0] == 200
    assert (site.ask(REVIEWS)[1]["n"], site.sent) == (1, 0)
    site.away = False
    until(lambda: site.sent == 1)
    until(lambda: site.ask(REVIEWS)[1]["n"] == 2)


def test_two_who_ask_at_once_get_different_requests(site: Site) -> None:
    """Sixteen reviewers, forty requests, none of them twice."""
    names = [f"d{i}" for i in range(40)]
    site.world.offer(*names)
    site.ask(REVIEWS)
    with ThreadPoolExecutor(16) as threads:
        got = list(threads.map(lambda i: claimed(site, f"r{i}", 3), range(16)))
    assert sorted(each for some in got for each in some) == sorted(names)


def test_two_who_answer_at_once_settle_it_once(site: Site) -> None:
    """One of eight answers is new, and all hear which."""
    site.world.offer("a")
    site.ask(REVIEWS)
    claimed(site, "ada")
    said = {"decision_id": "a", "reviewer": "ada"}
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda i: site.ask(ANSWER, said | {"answer": str(i % 2)})[1], range(8)))
    assert sum(each["new"] for each in told) == 1
    assert len({each["answer"] for each in told}) == 1
    until(lambda: site.sent == 1)


def test_without_a_queue_or_a_token_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with `state_dir`; 403 with `security.reviewers_token_file`."""
    world = World(tmp_path)
    site = Site(world, monkeypatch, queue=False)
    with site.server:
        status, text = site.ask(REVIEWS)
        assert (status, "state_dir" in text) == (503, True)
        assert site.ask(CLAIM, {"reviewer": "ada"})[0] == 503
    app = build_app(
        Board(model="m", max_error=0.05), CollectorRegistry(), lambda: (True, ""), reviews=Reviews(Bearer(None), None)
    )
    with WebServer(app, port=0) as server:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port or 0, timeout=20)
        connection.request("GET", REVIEWS)
        answer = connection.getresponse()
        assert (answer.status, "reviewers_token_file" in answer.read().decode()) == (403, True)
        connection.close()


def test_a_file_that_cannot_be_used_stops_no_replica(tmp_path: Path) -> None:
    """It is logged, and told to whoever asks for the queue; everything else goes on."""
    (tmp_path / "reviews.sqlite").write_bytes(b"no database " * 100)
    (tmp_path / "token").write_text(REVIEWER)
    config = configured(state_dir=str(tmp_path), security={"reviewers_token_file": str(tmp_path / "token")})
    told: list[str] = []
    with ExitStack() as stack:
        reviews = _reviews(config, "127.0.0.1:1", stack, lambda what, **fields: told.append(f"{what}: {fields['why']}"))
    assert len(told) == 1
    assert "reviews.sqlite" in told[0]
    app = build_app(Board(model="m", max_error=0.05), CollectorRegistry(), lambda: (True, ""), reviews=reviews)
    with WebServer(app, port=0) as server:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port or 0, timeout=20)
        connection.request("GET", REVIEWS, headers={"authorization": f"Bearer {REVIEWER}"})
        answer = connection.getresponse()
        assert (answer.status, "reviews.sqlite" in answer.read().decode()) == (503, True)
        connection.close()
