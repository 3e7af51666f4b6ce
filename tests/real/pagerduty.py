"""A receiver of pages that speaks PagerDuty's Events API v2, refuses what that would refuse, and keeps incidents."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

__all__ = ["Incident", "Receiver", "faults_of"]

_SEVERITIES = {"critical", "error", "warning", "info"}


@dataclass
class Incident:
    """What somebody was woken for: opened by a trigger, updated by others with its key, closed by a resolve."""

    key: str
    opened: float
    events: list[dict[str, Any]]
    resolved: float | None = None

    @property
    def text(self) -> str:
        """All that the events say."""
        return "\n".join(json.dumps(event, ensure_ascii=False) for event in self.events)


@dataclass
class Receiver:
    """Listens on a free port; `POST /v2/enqueue` is PagerDuty, every other path keeps what it is sent.

    `answers` are status codes to be given before anything is taken, first come first served; 0 closes the connection.
    """

    answers: list[int] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    others: list[tuple[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: int = 0
    reply: str = "told to"
    """What an answer from `answers` says."""

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, reply = receiver._take(self)
                if not status:
                    return
                body = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sent_to(self, path: str) -> list[Any]:
        """What a path other than PagerDuty's was sent."""
        with self._changed:
            return [body for where, body in self.others if where == path]

    def wait(self, until: Callable[[], bool], seconds: float = 30.0) -> bool:
        """Wait until something holds, of what came or of anything else."""
        give_up = time.monotonic() + seconds
        while not until():
            if time.monotonic() > give_up:
                return False
            with self._changed:
                self._changed.wait(0.05)
        return True

    def _take(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, Any]]:
        raw = request.rfile.read(int(request.headers.get("content-length", 0)))
        with self._changed:
            self.requests += 1
            self.headers.append({name.lower(): value for name, value in request.headers.items()})
            try:
                if self.answers and (status := self.answers.pop(0)) != 200:
                    return status, {"status": self.reply}
                body = json.loads(raw)
                if request.path != "/v2/enqueue":
                    self.others.append((request.path, body))
                    return 200, {}
                return self._enqueue(body)
            finally:
                self._changed.notify_all()

    def _enqueue(self, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if faults := faults_of(event):
            self.refused += faults
            return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": faults}
        key = event["dedup_key"]
        known = next((each for each in self.incidents if each.key == key and each.resolved is None), None)
        if known is not None:
            known.events.append(event)
            known.resolved = time.time() if event["event_action"] == "resolve" else None
        elif event["event_action"] == "trigger":
            self.incidents.append(Incident(key, time.time(), [event]))
        return 202, {"status": "success", "message": "Event processed", "dedup_key": key}


def faults_of(event: dict[str, Any]) -> list[str]:
    """What PagerDuty would refuse an event for."""
    found = []
    if not re.fullmatch(r"[A-Za-z0-9]{32}", str(event.get("routing_key", ""))):
        found.append("'routing_key' must be 32 letters and digits")
    if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
        found.append("'event_action' is not one of trigger, acknowledge, resolve")
    if not 1 <= len(str(event.get("dedup_key", ""))) <= 255:
        found.append("'dedup_key' must have 1 to 255 characters")
    if event.get("event_action") == "trigger":
        payload = event.get("payload", {})
        if not 1 <= len(str(payload.get("summary", ""))) <= 1024:
            found.append("'payload.summary' must have 1 to 1024 characters")
        if not payload.get("source"):
            found.append("'payload.source' is missing or blank")
        if payload.get("severity") not in _SEVERITIES:
            found.append(f"'payload.severity' is not one of {sorted(_SEVERITIES)}")
    hrefs = [str(link.get("href", "")) for link in event.get("links") or []]
    return found + ["'links.href' must be a valid URL" for href in hrefs if not re.match(r"https?://", href)]
