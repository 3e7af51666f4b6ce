"""The web server as a client meets it: over a real socket."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fallback.types import BreakerState, Verdict
from monitor.errors import RunError
from monitor.metrics.metrics import Metrics
from monitor.observing import Evidence, Frame, Frames, Ruled, Transition
from monitor.page.picture import Status
from monitor.page.status import Board
from monitor.web.app import build_app
from monitor.web.feed import MAX_CLIENTS, Feed
from monitor.web.guard import LOOPBACK_HOSTS, host_name
from monitor.web.reviews import REVIEWS
from monitor.web.server import WebServer, is_loopback

HOSTILE = "<script>alert(1)</script>"


class Site:
    """A running server, and requests to it."""

    def __init__(self, hosts: Collection[str] | None = LOOPBACK_HOSTS) -> None:
        self.ready = (True, "ready")
        self.board = Board(model=HOSTILE, max_error=0.05)
        registry = CollectorRegistry()
        Metrics(registry, model="m", max_error=0.05)
        self.app = build_app(self.board, registry, lambda: self.ready, hosts=hosts)
        self.server = WebServer(self.app, port=0)
        self.port = urlsplit(self.server.url).port or 0

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
        """Ask; give status, headers and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text
        finally:
            connection.close()

    def follow(self) -> socket.socket:
        """Connect a client of the stream, which has read its first message."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        client.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read = b""
        while b"data: {" not in read and b" 503 " not in read:
            chunk = client.recv(65536)
            assert chunk, "the server hung up"
            read += chunk
        if b" 503 " in read:
            client.close()
            raise ConnectionRefusedError
        return client


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    with running.server:
        yield running


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold; how soon is not the question."""
    for _ in range(1000):
        if holds():
            return True
        time.sleep(0.01)
    return False


def test_live_is_always_and_ready_is_what_the_loop_says(site: Site) -> None:
    """`/livez` is 200 as long as the process runs; `/readyz` carries the loop's word and reason."""
    assert site.ask("/livez")[::2] == (200, "ok\n")
    assert site.ask("/readyz")[::2] == (200, "ready\n")
    site.ready = (False, "the disk is full")
    assert site.ask("/readyz")[::2] == (503, "the disk is full\n")
    assert site.ask("/livez")[0] == 200


def test_metrics_come_in_the_format_that_was_asked_for(site: Site) -> None:
    """Prometheus text by default, OpenMetrics on request."""
    status, headers, text = site.ask("/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert 'holdback_events_total{model="m"} 0.0' in text
    _, headers, text = site.ask("/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert headers["content-type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


def test_the_page_escapes_what_comes_from_outside(site: Site) -> None:
    """A model that is named like a script is shown as text, and the page allows no script but its own."""
    status, headers, text = site.ask("/")
    assert status == 200
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/livez", "/api/v1/status", "/static/page.js", "/nowhere", "/metrics"])
def test_every_answer_carries_the_security_headers(site: Site, path: str) -> None:
    """Pages, files, errors: none is without them."""
    _, headers, _ = site.ask(path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


def test_the_status_is_the_boards_as_json(site: Site) -> None:
    """`/api/v1/status` decodes as a `Status`; numpy's scalars, infinities and NaN are no trouble."""
    verdict = Verdict(BreakerState.CLOSED, 0, 0.2, float("inf"), 0.0, 1.0, 0.9, float("nan"), time.time(), 3)
    site.board(Ruled(version="1", verdict=verdict, guarantee="none"))
    numbers: dict[str, float] = {k: np.float64(1.5) for k in ("warning", "harm", "level")}
    site.board(Evidence(time=np.float64(5.0), event=np.int64(7), **numbers))  # type: ignore[arg-type]
    site.board(
        Frames(frames=[Frame(id=np.str_("a"), image=[[1]], answered_by="model", answer=np.str_("1"), truth="1")])
    )
    site.board(Transition(time=1.0, event=1, version="1", before="closed", after="open", reason=HOSTILE))
    status, headers, text = site.ask("/api/v1/status")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    found = json.loads(text)
    assert set(found) == set(Status.__struct_fields__)
    assert found["versions"][0]["certified_from"] is None
    assert found["evidence"]["event"] == [7]
    assert found["steps"][0]["from"] == "closed"
    assert found["steps"][0]["reason"] == HOSTILE


def test_only_reading_is_served(site: Site) -> None:
    """Anything but GET and HEAD is 405 with the methods that are allowed; HEAD has no body."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        status, headers, _ = site.ask("/api/v1/status", method)
        assert (status, headers["allow"]) == (405, "GET, HEAD")
    for path in ("/", "/livez", "/metrics", "/api/v1/status", "/api/v1/stream"):
        assert site.ask(path, "HEAD")[::2] == (200, "")


def test_bodies_are_refused_unread(site: Site) -> None:
    """No request here has a body: a length or chunks are 413, and the connection is closed."""
    status, headers, _ = site.ask("/livez", content_length="10000000000")
    assert (status, headers["connection"]) == (413, "close")
    assert site.ask("/livez", transfer_encoding="chunked")[0] == 413


@pytest.mark.parametrize(("host", "status"), [("localhost:8088", 200), ("127.0.0.1", 200), ("[::1]:8088", 200),
    ("LOCALHOST", 200), ("evil.example", 421), ("localhost.evil.example", 421), ("[::1].evil.example:1", 421),
    ("", 421)])  # fmt: skip
def test_other_names_than_loopback_are_refused(site: Site, host: str, status: int) -> None:
    """A page of another site whose name resolves to 127.0.0.1 gets nothing."""
    assert site.ask("/livez", host=host)[0] == status


def test_any_name_is_served_where_that_is_asked_for() -> None:
    """Behind an ingress the name cannot be known: `hosts=None` takes any."""
    site = Site(hosts=None)
    with site.server:
        assert site.ask("/livez", host="holdback.example:80")[0] == 200


@pytest.mark.parametrize(("header", "name"), [("Example.ORG:80", "example.org"), ("[::1]:8088", "[::1]"),
    ("[::1]", "[::1]"), ("localhost", "localhost"), ("a:b", "a:b")])  # fmt: skip
def test_a_host_is_a_name_without_its_port(header: str, name: str) -> None:
    """Names, IPv4 and bracketed IPv6 addresses; what is not a port stays, and so matches nothing."""
    assert host_name(header) == name


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/", "/nowhere"]
)
def test_no_path_leads_out_of_the_static_files(site: Site, path: str) -> None:
    """Only the files in `static` are served."""
    assert site.ask(path)[0] == 404


def test_static_files_are_asked_for_again(site: Site) -> None:
    """Each has its type, an etag, and is not changed by an intermediary's cache."""
    for name, kind in (("page.js", "text/javascript"), ("page.css", "text/css"), ("favicon.svg", "image/svg+xml")):
        status, headers, _ = site.ask(f"/static/{name}")
        assert status == 200
        assert headers["content-type"].startswith(kind)
        assert headers["cache-control"] == "no-cache"
        assert site.ask(f"/static/{name}", if_none_match=headers["etag"])[0] == 304


def test_the_description_has_every_path(site: Site) -> None:
    """`/api/v1/openapi.json` names what is served, and every reference in it leads somewhere."""
    document = json.loads(site.ask("/api/v1/openapi.json")[2])
    for path, served in document["paths"].items():
        # without an operator's side nothing can be posted, and without people's queue nothing of it is there
        there = "get" in served and not path.startswith(REVIEWS)
        assert site.ask(path, "HEAD")[0] == (200 if there else 404)
    text = json.dumps(document)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]


def test_the_stream_is_bounded_and_gives_places_back(site: Site) -> None:
    """So many clients follow and no more; one that goes makes room for the next."""
    followers = [site.follow() for _ in range(MAX_CLIENTS)]
    with pytest.raises(ConnectionRefusedError):
        site.follow()
    for follower in followers:
        follower.close()
    assert eventually(lambda: site.app.state.feed.clients == 0)
    site.follow().close()


def test_a_stream_does_not_hold_up_the_end() -> None:
    """Stopping ends open streams, and the thread is gone."""
    running = Site()
    with running.server:
        follower = running.follow()
    while follower.recv(65536):
        pass
    follower.close()
    assert "holdback-web" not in {thread.name for thread in threading.enumerate()}


def test_all_clients_share_one_encoding() -> None:
    """Within a second the status is made once, however many ask."""
    now = [0.0]
    made: list[float] = []
    board = Board(model="m", max_error=0.05)

    def status() -> Status:
        made.append(now[0])
        return board.status()

    feed = Feed(status, clock=lambda: now[0])
    for now[0] in (0.0, 0.1, 0.5, 1.0, 1.1, 2.0):
        assert msgspec.json.decode(feed.encoded(), type=dict[str, object])["model"] == "m"
    assert made == [0.0, 1.0, 2.0]


def test_a_taken_port_is_an_error_that_says_so() -> None:
    """The address is bound where the error can be read, not in the thread."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = build_app(Board(model="m", max_error=0.05), CollectorRegistry(), lambda: (True, ""))
        with pytest.raises(RunError, match=f"cannot listen on 127.0.0.1:{port}"):
            WebServer(app, port=port)


@pytest.mark.parametrize(("host", "answer"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True),
    ("localhost", True), ("0.0.0.0", False), ("10.0.0.1", False), ("example.org", False)])  # fmt: skip
def test_loopback_is_recognised(host: str, answer: bool) -> None:
    """Addresses that only this machine can reach."""
    assert is_loopback(host) is answer


def test_nothing_outside_web_imports_the_web_server() -> None:
    """Board, metrics and logs can be had without paying for starlette and uvicorn."""
    parts = "monitor.page.status, monitor.metrics.metrics, monitor.logs_json"
    code = f"import sys, {parts}; print('uvicorn' in sys.modules, 'starlette' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
