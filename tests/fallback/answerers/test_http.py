"""A real server, and all that a server can do wrong."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from fallback.answerers.http import DECISION_HEADER, Http
from fallback.answerers.types import Answer, AskedRequest
from fallback.errors import AnswererError, AnswererNonsense, AnswererRefused, AnswererTimeout, AnswererUnreachable


def ask(url: str, request: AskedRequest, times: int = 1, **options: Any) -> Answer:
    async def asking() -> Answer:
        async with Http(url, **options) as answerer:
            for _ in range(times - 1):
                await answerer.answer(request)
            return await answerer.answer(request)

    return asyncio.run(asking())


def test_an_answer_with_the_decisions_id_on_the_way(server: Any, request_: AskedRequest) -> None:
    """The server gets the request's id, the decision's id in a header, and its answer comes back whole."""
    assert ask(server.url("ok"), request_) == Answer("yes", {"no": 0.25, "yes": 0.75})
    assert server.seen[0]["id"] == "r1"
    assert server.headers[0][DECISION_HEADER] == "d-r1"


def test_connections_are_kept(server: Any, request_: AskedRequest) -> None:
    """Three calls, one connection."""
    ask(server.url("ok"), request_, times=3)
    assert len(server.seen) == 3
    assert len(server.clients) == 1


@pytest.mark.parametrize(
    ("behaviour", "error", "words"),
    [
        ("500", AnswererRefused, "answered 500: b'out of memory'"),
        ("400", AnswererRefused, "answered 400"),
        ("moved", AnswererRefused, "answered 302"),
        ("hangs-up", AnswererRefused, "broke off"),
        ("nonsense", AnswererNonsense, "not an Open Inference response"),
        ("huge", AnswererNonsense, "more than 100000 bytes"),
    ],
)
def test_what_servers_do(
    server: Any, request_: AskedRequest, behaviour: str, error: type[AnswererError], words: str
) -> None:
    """Each fault has its own error and says what came; none of them is asked a second time."""
    with pytest.raises(error, match=words):
        ask(server.url(behaviour), request_, largest_response=100_000)
    assert len(server.seen) == 1


def test_only_a_bad_request_is_about_the_request(server: Any, request_: AskedRequest) -> None:
    """A 400 says nothing about the server's health; a 500 does."""
    for behaviour, about_request in (("400", True), ("500", False)):
        with pytest.raises(AnswererRefused) as caught:
            ask(server.url(behaviour), request_)
        assert caught.value.about_request is about_request


@pytest.mark.parametrize("behaviour", ["slow", "trickles"])
def test_a_silent_server_times_out(server: Any, request_: AskedRequest, behaviour: str) -> None:
    """One that never begins, and one that never ends."""
    with pytest.raises(AnswererTimeout):
        ask(server.url(behaviour), request_, timeout=0.1)


def test_a_dead_port_is_unreachable(request_: AskedRequest) -> None:
    """Nobody listens there."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(AnswererUnreachable, match="cannot connect"):
            ask(f"http://127.0.0.1:{reserved.getsockname()[1]}/", request_)


@pytest.mark.parametrize("url", ["", "small-model:8080", "ftp://small/", "http://"])
def test_an_address_must_be_one(url: str) -> None:
    """A wrong address is found when it is written down, not at the first request."""
    with pytest.raises(ValueError, match="url is"):
        Http(url)
