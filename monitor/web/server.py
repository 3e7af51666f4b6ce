"""The web server in a thread of its own: started once the address is bound, stopped with its streams."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

import uvicorn
from starlette.applications import Starlette

from monitor.errors import RunError

__all__ = ["WebServer", "is_loopback"]

_MAX_CONNECTIONS: Final = 100
_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class WebServer:
    """Serves `app`; `port=0` takes a free one. The address is bound at once, so a taken port is an error here."""

    def __init__(self, app: Starlette, *, host: str = "127.0.0.1", port: int = 8088) -> None:
        self._app, self._host = app, host
        self._socket = _bind(host, port)
        self._port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=int(_STOP_SECONDS),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="holdback-web", daemon=True)

    @property
    def url(self) -> str:
        """Where the page is."""
        host = f"[{self._host.strip('[]')}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    def start(self) -> Self:
        """Serve; return once requests are answered.

        Raises
        ------
        RunError
            When the server did not come up.
        """
        self._thread.start()
        give_up = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > give_up:
                self.stop()
                raise RunError(f"the web server did not start at {self.url}")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """End the streams, answer what is under way, and stop."""
        self._app.state.feed.close()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS + 1)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=_MAX_CONNECTIONS)
    except OSError as error:
        raise RunError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another port with web.port"
        ) from error
