"""Over a real broker: how late a decision is, how many there are a second, and what a replica takes meanwhile.

    python -m benchmarks.bench_kafka

Each figure stands beside that of a bare loop with the same client and the same settings, in turn with it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable

from benchmarks.kafka_load import PARTITIONS
from benchmarks.kafka_rig import Bare, Looping, Ours, Rig, Served, rig
from benchmarks.tables import aim, machine, publish, table
from tests.tools import TOOLS

__all__ = ["main"]

RATES = (1_000, 5_000)
SECONDS = 6
ROUNDS = 3
IDLE_SECONDS = 5.0
BACKLOG = 1_000_000
PACED = 100_000
"""Decisions of the backlog that are waited for."""
_DELIVERIES = ("exactly_once", "at_least_once")


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def latencies(at: Rig, delivery: str) -> tuple[list[list[str | float]], list[list[str | float]], float]:
    """Rows on latency, rows on what it takes, and the worst ratio at the lowest rate."""
    name = delivery.replace("_", "-")
    late: list[list[str | float]] = []
    taken: list[list[str | float]] = []
    at_ease = 0.0
    with (
        Ours(at, f"ours-{name}", delivery, f"in.ours-{name}") as ours,
        Bare(at, f"bare-{name}", delivery, f"in.bare-{name}") as bare,
    ):
        pair: tuple[Looping, Looping] = (ours, bare)
        for each in pair:
            each.serve(500, 500)
        before = [each.usage().cpu for each in pair]
        time.sleep(IDLE_SECONDS)
        idle = [(each.usage().cpu - cpu) / IDLE_SECONDS for each, cpu in zip(pair, before, strict=True)]
        taken.append([f"{name}, idle", *(f"{cpu:.1%}" for cpu in idle), *(each.usage().memory for each in pair)])
        for rate in RATES:
            served: list[tuple[Served, ...]] = [
                tuple(each.serve(rate * SECONDS, rate) for each in pair) for _ in range(ROUNDS)
            ]
            row: list[str | float] = [f"{name}, {rate:,}/s"]
            for of in ("p50", "p99"):
                both = [_median(getattr(one[i], of) for one in served) for i in range(2)]
                ratio = _median(getattr(one[0], of) / getattr(one[1], of) for one in served)
                row += [*both, ratio]
                at_ease = max(at_ease, ratio if rate == RATES[0] else 0.0)
            late.append(row)
            cpu = [_median(one[i].cpu for one in served) for i in range(2)]
            taken.append([f"{name}, {rate:,}/s", *(f"{c:.0%}" for c in cpu), *(each.usage().memory for each in pair)])
    return late, taken, at_ease


def backlog(at: Rig) -> tuple[list[list[str | float]], float]:
    """Rows on a start with a long lag, and the ratio of paces under exactly-once."""
    at.kafka.create({"backlog": PARTITIONS})
    _, load = at.load("backlog", BACKLOG, 0)
    if load.wait():
        raise SystemExit("the backlog could not be written")
    rows: list[list[str | float]] = []
    ratios = []
    for delivery in _DELIVERIES:
        found = []
        for i in range(ROUNDS):
            name = f"{i}-{delivery.replace('_', '-')}"
            ours = Ours(at, f"ours-{name}", delivery, "backlog").catch_up(PACED)
            found.append((ours, Bare(at, f"bare-{name}", delivery, "backlog").catch_up(PACED)))
        first = [_median(one[i][0] for one in found) for i in range(2)]
        pace = [_median(one[i][1] for one in found) for i in range(2)]
        ratios.append(_median(one[0][1] / one[1][1] for one in found))
        rows.append([delivery.replace("_", "-"), *first, *pace, ratios[-1]])
    return rows, ratios[0]


def main() -> None:
    """Measure, print, publish."""
    if not (TOOLS / "kafka").exists():
        raise SystemExit("this needs Apache Kafka: `make tools` brings it")
    with rig() as at:
        late, taken, worst = [], [], []
        for delivery in _DELIVERIES:
            rows, more, at_ease = latencies(at, delivery)
            late += rows
            taken += more
            worst.append(at_ease)
        paces, ratio = backlog(at)
    publish(
        "kafka",
        machine("kafka-python", "msgspec").replace("one used", "shared with broker, producer and reader"),
        table(("ms to a committed decision", "p50", "bare", "ratio", "p99", "bare", "ratio"), late),
        table(("of a core, and MB", "CPU", "bare", "MB", "bare"), taken),
        table((f"from a lag of {BACKLOG:,}", "s to the first", "bare", "decisions/s", "bare", "ratio"), paces),
        "\n".join(
            [
                aim("at 1,000 events/s at most 1.3 times as late as the bare loop, p50 and p99", max(worst), 1.3),
                aim("twice as many events/s as the bare loop, exactly once", ratio, 2.0, most=False),
            ]
        ),
    )


if __name__ == "__main__":
    main()
