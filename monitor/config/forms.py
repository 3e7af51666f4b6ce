"""How texts of a certain form are written: as a pattern for the program, in words for whoever got it wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["ADDRESS", "CONTEXT", "FORMS", "MODEL_NAME", "TOPIC_NAME"]

ADDRESS: Final = r"^https?://[^/\s]+"
CONTEXT: Final = r"^(hour_of_day|quarter_of_day|day_of_week|hour_of_week|segment:.+)$"
MODEL_NAME: Final = r"^[A-Za-z0-9._-]{1,200}$"
TOPIC_NAME: Final = r"^[a-zA-Z0-9._-]{1,249}$"

_LETTERS: Final = "letters of A to Z, digits, dots, underscores and hyphens, without spaces, up to"
FORMS: Mapping[str, str] = MappingProxyType(
    {
        ADDRESS: "an address that begins with http:// or https://",
        CONTEXT: "hour_of_day, quarter_of_day, day_of_week, hour_of_week or segment:NAME",
        MODEL_NAME: f"{_LETTERS} 200",
        TOPIC_NAME: f"{_LETTERS} 249",
    }
)
"""In words, by the pattern."""
