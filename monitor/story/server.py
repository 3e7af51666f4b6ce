"""The fallback as a service of its own: a network behind the Open Inference Protocol, in a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from monitor.story.images import SIDE
from monitor.story.networks import DIGITS, Network

__all__ = ["FallbackServer"]

_PATH = "/v2/models/small/infer"
_LONGEST = 1 << 20
_PIXELS = SIDE * SIDE
_encode = msgspec.json.Encoder().encode


class _Tensor(msgspec.Struct):
    name: str
    data: list[float]


class _Request(msgspec.Struct):
    inputs: list[_Tensor]
    id: str = ""


_decode = msgspec.json.Decoder(_Request).decode


class FallbackServer:
    """Serves `network` at `url` on this machine alone; the port is a free one unless it is given.

    It may be stopped and started again: callers find nobody there meanwhile, on connections that they had kept either.
    """

    def __init__(self, network: Network, port: int = 0) -> None:
        self._handler = type("_Handler", (_Handler,), {"network": network})
        self._server = _Server(("127.0.0.1", port), self._handler)
        self._port = int(self._server.server_address[1])
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where to ask."""
        return f"http://127.0.0.1:{self._port}{_PATH}"

    def start(self) -> Self:
        """Serve; return at once."""
        if self._server.closed:
            self._server = _Server(("127.0.0.1", self._port), self._handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="fallback", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, hang up, and give the port back."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # connections are kept alive by clients; nobody waits for them at the end
    request_queue_size = 128
    closed = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember whom to hang up on."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Somebody has gone."""
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close, and hang up on whoever is still there."""
        self.closed = True
        super().server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # gone already
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    network: Network
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True
    timeout = 60  # seconds that an idle connection is kept

    def do_POST(self) -> None:
        """Answer one inference request."""
        body = self._body()
        if body is None or self.path != _PATH:
            self.close_connection = True
            self._send(404 if body is not None else 400, {"error": f"POST {_PATH} with at most {_LONGEST} bytes"})
            return
        try:
            request = _decode(body)
            pixels = np.array(_pixels(request), dtype=np.float64)
        except (msgspec.DecodeError, ValueError) as error:
            self._send(400, {"error": str(error)})
            return
        self._send(200, _response(request.id, self.network.probabilities(pixels[None, :])[0].tolist()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name for it
        """Stay quiet: the demo writes its own log."""

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        return self.rfile.read(int(length)) if length.isdecimal() and int(length) <= _LONGEST else None

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        body = _encode(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _pixels(request: _Request) -> list[float]:
    """The image: one tensor of 64 numbers, or 64 tensors p00 to p77 of one each; a pixel that is missing is black."""
    if len(request.inputs) == 1 and len(request.inputs[0].data) == _PIXELS:
        return request.inputs[0].data
    by_name = {tensor.name: tensor.data for tensor in request.inputs}
    names = [f"p{row}{column}" for row in range(SIDE) for column in range(SIDE)]
    if not by_name.keys() & set(names) or any(len(data) != 1 for data in by_name.values()):
        raise ValueError(f"an image is {_PIXELS} numbers in one tensor, or one in each of {names[0]} to {names[-1]}")
    return [by_name[name][0] if name in by_name else 0.0 for name in names]


def _response(request_id: str, probabilities: list[float]) -> dict[str, Any]:
    best = max(range(len(DIGITS)), key=probabilities.__getitem__)
    return {
        "model_name": "small",
        "id": request_id,
        "outputs": [
            {"name": "label", "shape": [1], "datatype": "BYTES", "data": [DIGITS[best]]},
            {
                "name": "probabilities",
                "shape": [1, len(DIGITS)],
                "datatype": "FP64",
                "data": probabilities,
                "parameters": {"labels": list(DIGITS)},
            },
        ],
    }
