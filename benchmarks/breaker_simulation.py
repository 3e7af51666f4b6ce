"""A night with an open breaker, a change that is undone, one that comes and goes, and what routing costs.

python -m benchmarks.breaker_simulation
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Sequence
from statistics import median

import numpy as np

from benchmarks.breaker_world import BATCH, FIRST, World
from benchmarks.tables import SHORT, aim, best, cpu_time, finish, machine, publish, table
from fallback.answerers.chain import Chain, HopPolicy
from fallback.answerers.constant import Constant
from fallback.answerers.http import Http
from fallback.answerers.types import AskedRequest
from fallback.memory_reviews import MemoryReviews
from fallback.reviews import OnExpiry, ReviewItem, ReviewKind, ReviewPolicy
from fallback.routing import Requests, RoutePolicy, route
from fallback.types import BreakerState, Health, Verdict
from monitor.observing import Transition

__all__ = ["main"]

_HOUR = 3600
NIGHT_HOURS = 1 if SHORT else 8
SEEDS = (0,) if SHORT else (0, 1, 2)
QUEUE_HOURS = 1 if SHORT else 2
"""The queue is as it will stay after its patience, half an hour."""
RATE, REVIEWS_AN_HOUR, PATIENCE, DEPTH = (50 if SHORT else 500), 120, 1800.0, 1000
_QUEUE = (
    f"{QUEUE_HOURS} h of a night at {RATE} requests/s, {REVIEWS_AN_HOUR} reviews an hour; "
    f"at most {DEPTH} wait, {PATIENCE / 60:.0f} min at most."
)


def recovery() -> tuple[str, list[tuple[bool, str]]]:
    """The change is undone: how long until CLOSED, by whose labels come."""
    rows: list[list[str | float]] = []
    claims = []
    for known in ("all", "asked", "accepted"):
        before, model_again, closed, in_the_end = [], [], [], []
        for seed in SEEDS:
            world = World(known, seed)
            world.live(_HOUR, changed=False)
            world.live((1 if SHORT else 2) * _HOUR, changed=True)
            at = FIRST + world.rows
            before.append(world.state())
            world.live((1 if SHORT else 6) * _HOUR, changed=False)
            model_again.append(_until(world.steps, at, ("degraded", "closed")))
            closed.append(_until(world.steps, at, ("closed",)))
            in_the_end.append(world.state())
        rows.append([known, _each(before), _minutes(model_again), _minutes(closed), _each(in_the_end)])
        if known == "all" and not SHORT:
            words = (
                f"with labels of {known} the breaker closes within six hours of recovery, in each of {len(SEEDS)} runs"
            )
            claims.append((None not in closed, words))
    heads = ["labels of", "when it is undone", "until the model answers", "until closed", "six hours later"]
    return table(heads, rows), claims


def _until(steps: Sequence[Transition], at: float, states: tuple[str, ...]) -> float | None:
    """Minutes from `at` until the breaker is in one of `states`."""
    return next(((step.time - at) / 60 for step in steps if step.time >= at and step.after in states), None)


def _minutes(found: Sequence[float | None]) -> str:
    return ", ".join("-" if each is None else f"{each:.0f}" for each in found) + " min"


def _each(states: Sequence[str]) -> str:
    return ", ".join(f"{n} {state}" if n > 1 else state for state, n in Counter(states).items())


def flapping() -> tuple[str, list[tuple[bool, str]]]:
    """A world that changes every ten minutes, and one that stays changed for a night."""
    rows: list[list[str | float]] = []
    claims = []
    for name, hours, period in (
        ("in and out every 10 min", 1 if SHORT else 4, 600),
        ("changed all night", NIGHT_HOURS, None),
    ):
        for known in ("all", "asked"):
            world = World(known, seed=1)
            world.live(_HOUR, changed=False)
            before, wrong_before = world.accepted, world.wrong
            for k in range(hours * _HOUR // 600):
                world.live(600, changed=period is None or k % 2 == 0)
            cycles = sum(s.before == "half_open" and s.after == "open" for s in world.steps)
            counted = sum({s.before, s.after} != {"open", "half_open"} for s in world.steps)
            closed = sum(s.after == "closed" for s in world.steps)
            latched = any("flap" in s.reason or "held open" in s.reason for s in world.steps)
            passed, wrong = world.accepted - before, world.wrong - wrong_before
            told = f"{passed:,} of {hours * _HOUR:,}, {wrong:,} wrong"
            row = [f"{name}, labels of {known}", f"{hours} h", f"{counted}", f"{cycles}", f"{closed}"]
            rows.append([*row, "yes" if latched else "no", told, world.state()])
            if period is None:
                claims.append((not latched, f"probing in vain for a night latches nothing, labels of {known}"))
                claims.append((not closed, f"while all is changed nothing closes, labels of {known}"))
    heads = ["the world", "for", "steps", "probed in vain", "closed", "latched", "the model answered", "at the end"]
    return table(heads, rows), claims


def night() -> tuple[str, list[tuple[bool, str]]]:
    """The breaker is open, two people work at the queue, and everything is offered to them."""
    hour = REVIEWS_AN_HOUR / _HOUR
    policy = ReviewPolicy(depth=DEPTH, max_age=PATIENCE, rate=hour, burst=REVIEWS_AN_HOUR, on_expiry=OnExpiry.REFUSE)
    queue, rng = MemoryReviews(policy), np.random.default_rng(0)
    counts: Counter[str] = Counter()
    deepest, oldest = 0, 0.0
    offered: dict[str, float] = {}
    for second in range(QUEUE_HOURS * _HOUR):
        now = float(second)
        risks = rng.random(RATE).tolist()
        items = [ReviewItem(f"{second}-{k}", str(k), ReviewKind.HELD, risk, now, {}) for k, risk in enumerate(risks)]
        counts["offered"] += RATE
        kept, shed = queue.offer(items, now)
        offered |= {each.decision_id: now for each in kept}
        counts["fallback"] += len(shed)
        for each in shed:
            offered.pop(each.decision_id, None)
        for settled in queue.expire(now):
            counts["expired"] += 1
            oldest = max(oldest, now - offered.pop(settled.decision_id))
        if second % 60 in (0, 30):
            for item in queue.claim(f"reviewer {second % 60}", now):
                queue.answer(item.decision_id, f"reviewer {second % 60}", "yes", now)
                counts["person"] += 1
                oldest = max(oldest, now - offered.pop(item.decision_id))
        deepest = max(deepest, len(queue))
    shares = [
        f"{counts[name]:,} ({100 * counts[name] / counts['offered']:.3g} %)"
        for name in ("person", "fallback", "expired")
    ]
    rows = [[f"{counts['offered']:,}", *shares, f"{len(queue)}", f"{deepest:,}", f"{oldest / 60:.0f} min"]]
    heads = ["held back", "by a person", "shed to the fallback", "expired", "still open", "deepest", "waited longest"]
    known = sum(counts[name] for name in ("person", "fallback", "expired")) + len(queue)
    return table(heads, rows), [
        (deepest <= DEPTH, f"the queue has at most {DEPTH} items, it had {deepest}"),
        (oldest <= PATIENCE + 1, f"nothing waits longer than {PATIENCE:.0f} s, one did for {oldest:.0f}"),
        (known == counts["offered"], f"{counts['offered'] - known} requests are nowhere"),
    ]


def routing_cost() -> float:
    """Microseconds an event to rule on batches of a hundred."""
    rng, batches = np.random.default_rng(0), 200
    verdict = Verdict(BreakerState.CLOSED, 1, 0.3, 2.0, 0.1, 0.05, 0.9, 60.0, 0.0, 1)
    hashes = rng.integers(0, 2**63, BATCH, dtype=np.uint64)
    requests = Requests(rng.random(BATCH), hashes, np.zeros(BATCH, np.uint8), np.zeros(BATCH, bool))

    def work() -> None:
        for _ in range(batches):
            route(requests, verdict, RoutePolicy(), Health.FRESH)

    return 1e6 * best(cpu_time(work) for _ in range(5 if SHORT else 40)) / (batches * BATCH)


def dead_hop() -> list[list[str | float]]:
    """Milliseconds that a chain takes whose first hop is unreachable, silent, or is left alone after that."""
    request = AskedRequest("1", "d", "m", "1", {"x": 1.0})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hung = f"http://127.0.0.1:{silent.getsockname()[1]}/v2/models/m/infer"
        rows: list[list[str | float]] = []
        for name, address in (("unreachable", "http://127.0.0.1:9/v2/models/m/infer"), ("silent", hung)):
            first, later = asyncio.run(_chain_times(address, request))
            rows.append([name, 1000 * median(first), 1000 * median(later)])
    return rows


async def _chain_times(address: str, request: AskedRequest) -> tuple[list[float], list[float]]:
    chain = Chain([(Http(address), HopPolicy(timeout=0.1, failures=5, cooldown=60.0)), Constant("no")], time.monotonic)
    times = []
    for _ in range(25):
        began = time.perf_counter()
        await chain.ask(request, time.monotonic() + 1.0)
        times.append(time.perf_counter() - began)
    await chain.aclose()
    return times[:5], times[5:]


def main(_: Sequence[str] = ()) -> None:
    """Measure, and write docs/benchmarks.md."""
    cost = routing_cost()
    parts, claims = [], [(cost < 6, f"routing takes less than twice its aim of 3 µs an event, it took {cost:.2f}")]
    for title, measure in (
        (
            _QUEUE,
            night,
        ),
        ("A change that is undone after two hours, a request a second; three seeds.", recovery),
        ("Coming and going.", flapping),
    ):
        text, found = measure()
        parts += [title, text]
        claims += found
    hops = table(["first hop", "ms, five times in a row", "ms, once it is left alone"], dead_hop())
    said = "\n".join([aim("routing takes less than 3 µs an event in batches of 100", cost, 3.0)])
    publish(
        "breaker",
        machine(),
        *parts,
        "A chain with a dead first hop (timeout 100 ms) and a constant behind it.",
        hops,
        said,
    )
    finish(claims)


if __name__ == "__main__":
    main()
