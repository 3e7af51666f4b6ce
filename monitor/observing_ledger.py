"""What a replica reads in the ledger, whoever wrote it; import it from `monitor.observing`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fallback.records import BreakerRecord

if TYPE_CHECKING:
    from monitor.observing import Alarm, Compared, Evidence, Transition
    from monitor.observing_trips import Explained, Patched

__all__ = ["Breakers", "Heard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakers:
    """What the breakers of a version remember, as far as the ledger tells it; of groups, those that have ever moved."""

    version: str
    own: BreakerRecord
    groups: Mapping[str, BreakerRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Something that another replica's judge wrote, or the judge before this one."""

    seen: Alarm | Evidence | Transition | Compared | Patched | Explained
