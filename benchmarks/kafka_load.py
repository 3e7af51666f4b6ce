"""A model's server, as a process: writes predictions on 20 features at a pace, each with the time of its writing.

    python -m benchmarks.kafka_load BOOTSTRAP TOPIC FIRST N RATE

Prints the times in milliseconds as one line of JSON; with rate 0 it writes as fast as it can, and prints nothing.
"""

from __future__ import annotations

import json
import sys
import time

import msgspec
from kafka import KafkaProducer

from benchmarks.pipeline_stream import BLOCK, blocks

__all__ = ["PARTITIONS", "main"]

PARTITIONS = 4
_DISTINCT = 5
_TICK = 0.002


def main(bootstrap: str, topic: str, first: int, n: int, rate: float) -> None:
    """Write `n` predictions, the first of which has the number `first`."""
    bodies = [_body(each) for block in blocks(_DISTINCT, seed=first + 1) for each in block.predictions]
    backlog = {"linger_ms": 20, "batch_size": 1 << 18, "compression_type": "lz4"}
    producer = KafkaProducer(bootstrap_servers=bootstrap, metrics_enabled=False, **({} if rate else backlog))
    producer.partitions_for(topic)
    stamps: list[int] = []
    began = time.monotonic()
    for i in range(n):
        while rate and i >= (time.monotonic() - began) * rate:
            time.sleep(_TICK)
        stamps.append(int(time.time() * 1000))
        value = b'{"id":"%d",%b' % (first + i, bodies[i % (_DISTINCT * BLOCK)])
        producer.send(topic, value, partition=i % PARTITIONS, timestamp_ms=stamps[-1])
    producer.flush()
    producer.close()
    if rate:
        print(json.dumps(stamps))


def _body(prediction: bytes) -> bytes:
    """All but the id, and without what a record or a configuration tells: time, model and version."""
    record = msgspec.json.decode(prediction)
    return msgspec.json.encode({name: record[name] for name in ("features", "output")})[1:]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
