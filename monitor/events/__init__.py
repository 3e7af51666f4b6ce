"""What is on the wire: records, their ids and times, and how bytes become records.

predictions, faults = decode_predictions(values)
values = encode_many(decisions)
"""

from __future__ import annotations

from monitor.events.codec import (
    CLOUDEVENTS_JSON,
    JSON,
    MAX_BYTES,
    MSGPACK,
    Fault,
    decode_answers,
    decode_outcomes,
    decode_predictions,
    encode_many,
)
from monitor.events.dead_letters import DeadLetter, DeadLetterReason
from monitor.events.identity import decision_id, id_hash, id_hashes, id_shares, label_text
from monitor.events.records import (
    MAX_ID,
    Answer,
    Decision,
    Guarantee,
    Hop,
    JoinRecord,
    Label,
    Moment,
    Outcome,
    Output,
    Prediction,
    RequestId,
    Review,
    Route,
    Source,
    Stake,
)
from monitor.events.schemas import record_schema
from monitor.events.times import epoch_seconds, epoch_seconds_many, format_time, parse_time, utc

__all__ = [
    "CLOUDEVENTS_JSON",
    "JSON",
    "MAX_BYTES",
    "MAX_ID",
    "MSGPACK",
    "Answer",
    "DeadLetter",
    "DeadLetterReason",
    "Decision",
    "Fault",
    "Guarantee",
    "Hop",
    "JoinRecord",
    "Label",
    "Moment",
    "Outcome",
    "Output",
    "Prediction",
    "RequestId",
    "Review",
    "Route",
    "Source",
    "Stake",
    "decision_id",
    "decode_answers",
    "decode_outcomes",
    "decode_predictions",
    "encode_many",
    "epoch_seconds",
    "epoch_seconds_many",
    "format_time",
    "id_hash",
    "id_hashes",
    "id_shares",
    "label_text",
    "parse_time",
    "record_schema",
    "utc",
]
