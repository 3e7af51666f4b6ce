"""The whole pipeline over a log in memory, bytes in and decisions out, beside a loop that only copies.

python -m benchmarks.bench_pipeline
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

import msgspec

from benchmarks.pipeline_stages import stages
from benchmarks.pipeline_stream import BLOCK, FEATURES, Block, Replica, blocks, configured, fitted
from benchmarks.tables import SHORT, aim, best, cpu_time, finish, machine, publish, rounded, table
from monitor.logs import MemoryBroker

__all__ = ["Bare", "main"]

SEGMENT = 5
"""Blocks that are timed together: long enough for the garbage collector to take its share."""
SEGMENTS = 6 if SHORT else 16
MOST_TIMES = 15.0
"""The short form fails where a prediction and its outcome cost more than so many times the bare loop."""


class Bare:
    """The least that any such loop does: poll, decode, encode a record like a decision, append, commit."""

    def __init__(self) -> None:
        self.broker = MemoryBroker({"in": 1, "truth": 1, "out": 1})
        self._log = self.broker.member("bare", ("in", "truth"))
        self._decode = msgspec.json.Decoder().decode
        self._encode = msgspec.json.Encoder().encode

    def feed(self, predictions: Sequence[bytes], outcomes: Sequence[bytes]) -> None:
        """Put records into its log."""
        self.broker.append("in", predictions)
        self.broker.append("truth", outcomes)

    def work(self) -> None:
        """Until nothing is left."""
        while chunks := self._log.poll(2 * BLOCK):
            with self._log.transaction() as writer:
                for chunk in chunks:
                    records = [self._decode(value) for value in chunk.values]
                    if chunk.topic == "in":
                        writer.append("out", [self._encode(_decision(each)) for each in records])

    def trim(self) -> None:
        """Forget everything."""
        for topic in ("in", "truth", "out"):
            self.broker.trim(topic, 0, self.broker.end(topic, 0))


def _decision(prediction: dict[str, object]) -> dict[str, object]:
    """The fields of a decision, none of them thought about."""
    return {
        "id": prediction["id"],
        "decision_id": "0123456789abcdef0123456789abcdef",
        "time": prediction["time"],
        "model": prediction["model"],
        "version": prediction["version"],
        "segment": {},
        "route": "model",
        "reason": "confident",
        "answer": "1",
        "answered_by": "m",
        "output": prediction["output"],
        "confidence": 0.5,
        "threshold": 0.25,
        "set": ["1"],
        "guarantee": "tracking",
        "breaker": "closed",
        "epoch": 0,
        "audit": False,
        "propensity": 1.0,
        "profile": "0" * 64,
        "ledger_offset": 100,
        "source": {"topic": "m.predictions", "partition": 0, "offset": 1},
    }


def _timed(loop: Replica | Bare, segment: Sequence[tuple[list[bytes], list[bytes]]]) -> float:
    """CPU seconds that a loop takes for a segment."""
    spent = 0.0
    for predictions, outcomes in segment:
        loop.feed(predictions, outcomes)
        spent += cpu_time(loop.work)
        loop.trim()
    return spent


def _segments(made: Sequence[Block]) -> Iterator[list[tuple[list[bytes], list[bytes]]]]:
    """Blocks with the outcomes of the block before, a segment at a time."""
    fed = ((block.predictions, before.outcomes) for before, block in pairwise(made))
    while segment := list(islice(fed, SEGMENT)):
        yield segment


def main() -> None:
    """Measure, print, publish; fail if the pipeline is far slower than claimed beside the bare loop."""
    config = configured()
    profile = fitted(config)
    n = SEGMENTS * SEGMENT
    made = blocks(n + 1, seed=1)
    gc.collect()
    gc.freeze()  # the stream is not the pipeline's, which must not pay for its size
    replica, bare = Replica(config, profile), Bare()
    times, judging = [], []
    for segment in _segments(made):
        replica.judging = 0.0
        times.append((_timed(replica, segment), _timed(bare, segment)))
        judging.append(replica.judging)
    decided = replica.broker.end(replica.topics.decisions, 0)
    if decided != n * BLOCK:
        raise SystemExit(f"{decided} decisions of {n * BLOCK} predictions")
    ours, theirs = (best(column) / (SEGMENT * BLOCK) * 1e6 for column in zip(*times, strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in times)
    lines = [("the pipeline", ours, 1e6 / ours, 2e6 / ours), ("the bare loop", theirs, 1e6 / theirs, 2e6 / theirs)]
    spent = stages(config, profile, made, replica) | {"judge": best(judging) / (SEGMENT * BLOCK) * 1e6}
    spent["rest: intake, transactions, telling"] = ours - sum(spent.values())
    aims = [
        aim("50,000 records a second, predictions and outcomes, on one core", 2e6 / ours, 5e4, most=False),
        aim("as many predictions, each with its outcome", 1e6 / ours, 5e4, most=False),
    ]
    publish(
        "pipeline",
        machine("msgspec"),
        table((f"at {FEATURES} features", "µs a prediction and its outcome", "predictions/s", "records/s"), lines),
        f"Measured in turn, the pipeline takes {ratio:.1f} times as long as the bare loop.",
        "\n".join(aims),
        table(
            ("of the pipeline's", "µs", "share"), [(name, each, f"{each / ours:.0%}") for name, each in spent.items()]
        ),
    )
    finish([(ratio < MOST_TIMES, f"a prediction costs {rounded(ratio)} bare loops, not {MOST_TIMES:.0f}")])


if __name__ == "__main__":
    main()
