"""Over Kafka in lock-step, a replica decides what a backtest of the same events decides."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import msgspec

from monitor.answering import Recorded
from monitor.backtest import Outputs, backtest, rows_of
from monitor.building import Parts, build
from monitor.logs import Chunk
from monitor.logs.kafka import KafkaLog
from monitor.logs.kafka_topics import create_missing
from monitor.topics import Topics
from tests.monitor.streams import FIRST, configured, fitted, outcome, raw, stream
from tests.real.kafka import ApacheKafka

EVENTS, DRIFT_AT, DELAY = 3_000, 1_500, 50


def comparable(line: bytes) -> dict[str, Any]:
    """A decision without where its prediction was read: a broker's offsets and a file's rows are other things."""
    return {name: value for name, value in msgspec.json.decode(line).items() if name != "source"}


def without_ranges(line: bytes) -> dict[str, Any]:
    """A ledger record without its place in the topics, and so without hashes."""
    record: dict[str, Any] = msgspec.json.decode(line)
    left_out = ("prev", "hash", "judged", "offset", "ranges", "rules")
    return {name: value for name, value in record.items() if name not in left_out}


class Gathered:
    """A log that hands over at once what belongs together, as the log in memory does: a broker brings it bit by bit."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log
        self.expected = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def poll(self, max_records: int, timeout: float = 0.0) -> list[Chunk]:
        """All that was sent, or what has come if nothing was."""
        found: list[Chunk] = []
        while self.expected > 0 or not found:
            chunks = self._log.poll(max_records, timeout)
            if not chunks and self.expected <= 0:
                break
            found += chunks
            self.expected -= sum(len(each.values) for each in chunks)
        return [
            self._whole([each for each in found if each.topic == topic]) for topic in sorted({c.topic for c in found})
        ]

    def _whole(self, chunks: list[Chunk]) -> Chunk:
        first = chunks[0]
        offsets = [offset for each in chunks for offset in each.offsets]
        values = [value for each in chunks for value in each.values]
        return Chunk(first.topic, first.partition, offsets, values, [time for each in chunks for time in each.times])


def test_a_run_over_kafka_in_lock_step_decides_what_a_backtest_does(apache_kafka: ApacheKafka) -> None:
    """3,000 events with a change in the middle, 100 at a time: the same decisions and ledger, but for offsets."""
    config = configured(model="lockstep", kafka={"partitions": 1, "bootstrap": apache_kafka.bootstrap})
    profile = fitted(config)
    predictions, truth = stream(EVENTS, 1, DRIFT_AT)
    for each in predictions:
        each["model"] = "lockstep"
    expected, ledger = BytesIO(), BytesIO()
    backtest(config, {"1": profile}, rows_of([raw(predictions, truth)]), Outputs(decisions=expected, ledger=ledger))

    topics = Topics.of(config)
    create_missing(config, apache_kafka.bootstrap)
    group = (topics.consumed, topics.written)
    log = Gathered(KafkaLog(config.kafka, apache_kafka.bootstrap, "g", *group, guarded=[topics.summaries]))
    parts = build(config, {"1": profile}, log, Recorded(config), lambda _seen: None, start=FIRST, poll=1_000_000)
    try:
        settle(parts, 0)
        for start in range(0, EVENTS, 100):
            batch = predictions[start : start + 100]
            apache_kafka.append(topics.predictions, [msgspec.json.encode(each) for each in batch])
            known = range(max(start - DELAY, 0), start + 100 - DELAY)
            log.expected = len(batch) + len(known)
            learnt = [outcome(str(i), truth[i]) for i in known]
            apache_kafka.append(topics.outcomes, learnt, time=FIRST + start + len(batch) - 1)
            settle(parts, start + len(batch))
    finally:
        parts.close()
        log.close()
    decided = [record.value for record in apache_kafka.all(topics.decisions)]
    assert [comparable(line) for line in decided] == [comparable(line) for line in expected.getvalue().splitlines()]
    written = [record.value for record in apache_kafka.all(topics.ledger)]
    assert [without_ranges(line) for line in written] == [without_ranges(x) for x in ledger.getvalue().splitlines()]


def settle(parts: Parts, events: int) -> None:
    """Take turns until so many predictions are judged, and the verdicts on them have been read."""
    judging = parts.judging
    while True:
        parts.loop.step(0.05)
        judge = judging.judge_now
        if judge is not None and judge.events >= events and judging.records == judge._chain.seq:
            return
