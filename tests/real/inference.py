"""A real HTTP server on a free port that behaves as the path says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Server", "serving"]


@dataclass
class Server:
    """Where it listens, what it was sent, and a switch that lets slow answers go."""

    port: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    clients: set[int] = field(default_factory=set)
    go_on: threading.Event = field(default_factory=threading.Event)

    def url(self, behaviour: str) -> str:
        """Give the address that behaves like this."""
        return f"http://127.0.0.1:{self.port}/{behaviour}"


@contextmanager
def serving() -> Iterator[Server]:
    """Listen until the end."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.seen.append(sent)
            state.headers.append(dict(self.headers))
            state.clients.add(self.client_address[1])
            BEHAVIOURS[self.path[1:].partition("/")[0]](self, sent, state)

        def reply(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Listening(ThreadingHTTPServer):
        # with the usual 5, a burst of connections is dropped by the kernel, and tried again after a second
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing: clients of these tests hang up all the time."""

    with Listening(("127.0.0.1", 0), Handler) as listening:
        state.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield state
        finally:
            state.go_on.set()
            listening.shutdown()
            thread.join()


def _ok(handler: Any, sent: dict[str, Any], _: Server) -> None:
    parameters = {"labels": ["no", "yes"]}
    values = {"datatype": "FP64", "shape": [1, 2], "data": [[0.25, 0.75]], "parameters": parameters}
    probabilities = {"name": "probabilities", **values}
    label = {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["yes"]}
    handler.reply(200, json.dumps({"id": sent["id"], "outputs": [label, probabilities]}).encode())


def _slow(handler: Any, sent: dict[str, Any], state: Server) -> None:
    state.go_on.wait(10)
    _ok(handler, sent, state)


def _slow_for_one(handler: Any, sent: dict[str, Any], state: Server) -> None:
    (_slow if sent["id"] == "slow" else _ok)(handler, sent, state)


def _huge(handler: Any, sent: dict[str, Any], _: Server) -> None:
    handler.reply(200, b'{"outputs": [' + b" " * 300_000)


def _hangs_up(handler: Any, sent: dict[str, Any], _: Server) -> None:
    handler.close_connection = True


def _trickles(handler: Any, sent: dict[str, Any], state: Server) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"out')
    handler.wfile.flush()
    state.go_on.wait(10)
    handler.close_connection = True


def _says(*data: object, name: str = "label", **more: object) -> Callable[[Any, dict[str, Any], Server], None]:
    def says(handler: Any, sent: dict[str, Any], _: Server) -> None:
        output = {"name": name, "datatype": "FP64", "shape": [len(data)], "data": list(data)}
        handler.reply(200, json.dumps({"id": sent["id"], "outputs": [output]} | more).encode())

    return says


def _moved(handler: Any, _sent: dict[str, Any], state: Server) -> None:
    handler.reply(307, b"", Location=state.url("ok"))


BEHAVIOURS: dict[str, Callable[[Any, dict[str, Any], Server], None]] = {
    "ok": _ok,
    "slow": _slow,
    "slow-for-one": _slow_for_one,
    "huge": _huge,
    "hangs-up": _hangs_up,
    "trickles": _trickles,
    "500": lambda handler, *_: handler.reply(500, b"out of memory"),
    "400": lambda handler, *_: handler.reply(400, b"no such feature"),
    "moved": lambda handler, *_: handler.reply(302, b""),
    "nonsense": lambda handler, *_: handler.reply(200, b"<html>welcome</html>"),
    "page": lambda handler, *_: handler.reply(200, b"<script>alert(1)</script>", Content_Type="text/html"),
    "redirected": _moved,
    "two": _says("0", "1"),
    "nested": _says([["0", "1"]]),
    "nan": _says(float("nan"), name="value"),
    "infinite": _says(1e308 * 10, name="value"),
    "megabytes": lambda handler, *_: handler.reply(200, b'{"outputs": [' + b" " * 2_000_000),
    "long-label": _says("x" * 1_000_000),
    "another": _says("1", model_name="large"),
    "named": _says("1", model_name="small__isvc-1"),
}
