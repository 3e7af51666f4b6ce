"""What can be changed over HTTP: by whom, with what, and what is said of it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry

from monitor.errors import UsageError
from monitor.overruling import KillSwitch, Orders
from monitor.page.status import Board
from monitor.summaries import OperatorOrder
from monitor.web.app import build_app
from monitor.web.changes import BREAKER, KILL_SWITCH, Changes
from monitor.web.server import WebServer
from monitor.web.tokens import read_token

TOKEN = "correct-horse-battery"
ORDER = {"order": "open", "actor": "ada", "reason": "bad release", "for": "30m"}
KILL = {"on": True, "actor": "ada", "reason": "wrong prices"}


class Site:
    """A running server, and a judge that says at once what the test wants it to."""

    def __init__(self, token: str | None = TOKEN, refused: str | None = None, *, judged: bool = True) -> None:
        self.orders = Orders()
        self.kill = KillSwitch(None, "r", time.time, self.orders.note)
        self.board = Board(model="m", max_error=0.05)
        changes = Changes(token, self.orders, self.kill)
        app = build_app(self.board, CollectorRegistry(), lambda: (True, "ready"), changes=changes)
        self.server = WebServer(app, port=0)
        self.port = urlsplit(self.server.url).port or 0
        self.taken: list[OperatorOrder] = []
        self._refused, self._ended = refused, threading.Event()
        if judged:
            threading.Thread(target=self._judge, daemon=True).start()

    def _judge(self) -> None:
        while not self._ended.wait(0.01):
            for each in self.orders.waiting():
                if isinstance(each, OperatorOrder):
                    self.taken.append(each)
                    self.orders.written([each])
                    self.orders.hear({"kind": "order", "id": each.id, "refused": self._refused, "seq": 7})

    def end(self) -> None:
        """Let the judge go."""
        self._ended.set()

    def post(self, path: str, body: Any, token: str | None = TOKEN, **headers: str) -> tuple[int, str]:
        """Post; give status and text."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, raw, sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    with running.server:
        yield running
    running.end()


def test_an_order_goes_to_the_judge_and_its_word_comes_back(site: Site) -> None:
    """As it was given, with its time in seconds; the answer names the ledger's record."""
    status, text = site.post(BREAKER, ORDER | {"version": "2"})
    answer = json.loads(text)
    assert (status, answer["refused"], answer["ledger_record"]) == (200, None, 7)
    (taken,) = site.taken
    assert (taken.order, taken.actor, taken.reason, taken.seconds, taken.version) == (
        "open", "ada", "bad release", 1800.0, "2",
    )  # fmt: skip
    assert taken.id == answer["id"]


def test_a_refusal_is_told() -> None:
    """409 with the judge's reason."""
    site = Site(refused="at most 7 d are allowed")
    with site.server:
        status, text = site.post(BREAKER, ORDER)
    site.end()
    assert (status, json.loads(text)["refused"]) == (409, "at most 7 d are allowed")


def test_without_a_judge_it_is_taken_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """202: it waits, and will be carried out."""
    monkeypatch.setattr("monitor.web.changes._JUDGED_WITHIN", 0.05)
    site = Site(judged=False)
    with site.server:
        status, text = site.post(BREAKER, ORDER)
    assert (status, json.loads(text)["judged"]) == (202, False)
    assert len(site.orders.waiting()) == 1


def test_when_too_many_wait_it_is_refused_at_once() -> None:
    """503, with the way that works without a broker."""
    site = Site(judged=False)
    for number in range(100):
        site.orders.give(OperatorOrder(id=str(number), order="auto", actor="a"))
    with site.server:
        status, text = site.post(BREAKER, ORDER)
    assert status == 503
    assert "kill switch" in text


def test_the_kill_switch_holds_at_once(site: Site) -> None:
    """On and off again; the ledger's notices wait."""
    assert site.post(KILL_SWITCH, KILL) == (200, '{"on":true}')
    killed = site.kill.look()
    assert killed is not None
    assert killed.reason == "wrong prices"
    assert site.post(KILL_SWITCH, KILL | {"on": False})[0] == 200
    assert site.kill.look() is None


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", "ü" * 20])
@pytest.mark.parametrize(("path", "body"), [(BREAKER, ORDER), (KILL_SWITCH, KILL)])
def test_who_has_no_right_changes_nothing(site: Site, token: str | None, path: str, body: dict[str, Any]) -> None:
    """401 for every token but the right one, and nothing of it in the answer."""
    sent = None if token is None else token.encode().decode("latin-1")
    status, text = site.post(path, body, token=sent)
    assert status == 401
    assert TOKEN not in text
    assert site.orders.waiting() == []
    assert site.kill.look() is None


def test_without_a_token_nothing_can_be_changed() -> None:
    """403 that says which key to set, and the page shows no form."""
    site = Site(token=None, judged=False)
    with site.server:
        status, text = site.post(BREAKER, ORDER)
    assert status == 403
    assert "security.token_file" in text
    assert site.board.status().operable is False


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"[]", b"null", b'"open"',
        ORDER | {"order": "explode"}, ORDER | {"actor": "  "}, ORDER | {"reason": ""}, ORDER | {"for": "soon"},
        ORDER | {"for": None}, ORDER | {"order": "auto"}, ORDER | {"more": 1}, ORDER | {"reason": "r" * 1001},
        b'{"a":' * 700,
    ],
)  # fmt: skip
def test_what_is_no_order_is_refused_with_the_reason(site: Site, body: Any) -> None:
    """400, never a 500, and nothing goes out."""
    status, text = site.post(BREAKER, body)
    assert status == 400, text
    assert text.startswith("This is no order")
    assert "soon" not in str(body) or "30m" in text
    assert site.taken == []


def test_only_small_json_is_read(site: Site) -> None:
    """Another type, chunks, or more than 4 kB are refused before a byte of it is read; so is reading."""
    assert site.post(BREAKER, ORDER, content_type="text/plain")[0] == 415
    assert site.post(BREAKER, b"x" * 5000)[0] == 413
    assert site.post(BREAKER, ORDER, transfer_encoding="chunked")[0] == 411
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.request("GET", BREAKER)
    assert connection.getresponse().status == 405
    connection.close()


def test_another_site_cannot_post(site: Site) -> None:
    """A name that is not ours is refused, token or no token."""
    assert site.post(BREAKER, ORDER, host="evil.example")[0] == 421


def test_a_short_token_is_no_token(tmp_path: Path) -> None:
    """One that could be guessed is refused at the start, by its file's name and never by its text."""
    (tmp_path / "token").write_text("hunter2\n")
    with pytest.raises(UsageError, match="at least 16") as refused:
        read_token(str(tmp_path / "token"))
    assert "hunter2" not in str(refused.value)
