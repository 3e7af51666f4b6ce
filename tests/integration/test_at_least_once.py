"""Without transactions nothing is lost either: what comes twice has the same id, and the ledger does not fork."""

from __future__ import annotations

import time
from pathlib import Path

from monitor.ledger.chain import verify
from tests.integration.replicas import Fleet
from tests.monitor.streams import stream
from tests.real.kafka import ApacheKafka

EVENTS, BATCH = 4_000, 200


def test_a_killed_replica_without_transactions_loses_nothing(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    """4,000 predictions, two replicas, one killed: each has a decision, whose id is the same if there are two."""
    fleet = Fleet(apache_kafka, tmp_path, "least", delivery="at_least_once")
    predictions, truth = stream(EVENTS, 1)
    for each in predictions:
        each.pop("time")
        each["model"] = "least"
    try:
        fleet.start()
        fleet.start()
        for start in range(0, EVENTS, BATCH):
            batch = range(start, start + BATCH)
            fleet.send([predictions[i] for i in batch], [(str(i), truth[i]) for i in batch])
            if start == EVENTS // 2:
                fleet.replicas[0].kill()
            time.sleep(0.05)
        fleet.wait_until_judged(EVENTS, 60)
        decisions = fleet.records.decoded("decisions")
        assert {each["id"] for each in decisions} == {str(i) for i in range(EVENTS)}
        assert len({each["decision_id"] for each in decisions}) == EVENTS
        lines = fleet.records.of("ledger")
        assert verify(lines).records == len(lines)
    finally:
        fleet.close()
