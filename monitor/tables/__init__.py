"""Recorded streams: CSV, Parquet and JSON lines as the records that Kafka would have held, in bounded memory.

for batch in read_stream("events.csv", config):
    batch.predictions, batch.outcomes, batch.truth
"""

from __future__ import annotations

from monitor.tables.batches import FIRST_TIME, RawBatch
from monitor.tables.stream import SUFFIXES, read_stream

__all__ = ["FIRST_TIME", "SUFFIXES", "RawBatch", "read_stream"]
