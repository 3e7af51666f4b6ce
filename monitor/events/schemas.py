"""JSON Schema of the records."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["record_schema"]


def record_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """JSON Schema of a record, with each field's meaning.

    Fields that are not named may be there and are ignored: a producer may be newer than its reader.
    """
    schema = msgspec.json.schema(kind)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
