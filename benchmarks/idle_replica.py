"""A replica with its status page and nothing to do, which `bench_startup` looks at from outside.

    python -m benchmarks.idle_replica PROFILE 3

Runs for 3 seconds; without a number it writes the profile of 20 features to run with.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from benchmarks.pipeline_stream import configured, reference
from fallback.memory_reviews import MemoryReviews
from fallback.reviews import ReviewPolicy
from monitor.answering import Live
from monitor.building import build
from monitor.fit.fitting import fit_profile, load_profiles
from monitor.logs import MemoryBroker
from monitor.metrics.metrics import Metrics
from monitor.observing import Everyone
from monitor.page.status import Board
from monitor.topics import Topics
from monitor.web.app import build_app
from monitor.web.server import WebServer

__all__ = ["main"]


def main(profile: str, seconds: str | None = None) -> None:
    """Write the profile, or idle with it."""
    if seconds is None:
        Path(profile).write_bytes(fit_profile(reference(), configured()).data)
    else:
        idle(profile, float(seconds))


def idle(profile: str, seconds: float) -> None:
    """Start a replica and its page, say `ready`, and then what it takes to do nothing."""
    config = configured()
    topics, promise = Topics.of(config), config.promise
    board = Board(model=config.model, max_error=promise.max_error, confidence=promise.confidence, false_pages="")
    registry = CollectorRegistry()
    observe = Everyone(board, Metrics(registry, model=config.model, max_error=promise.max_error))
    answering = Live(config, MemoryReviews(ReviewPolicy(depth=config.reviews.depth, max_age=config.reviews.expire)))
    log = MemoryBroker(topics.partitions(1)).member("bench", topics.consumed)
    parts = build(config, load_profiles(config, profile), log, answering, observe, clock=time.time)
    with WebServer(build_app(board, registry, lambda: (True, "idle")), port=0):
        parts.loop.step()
        print("ready", flush=True)
        busy, until = time.process_time(), time.monotonic() + seconds
        while time.monotonic() < until:
            parts.loop.step(0.5)
        print(json.dumps({"cpu": (time.process_time() - busy) / seconds, "torch": "torch" in sys.modules}))
    parts.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
