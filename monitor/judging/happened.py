"""What a batch brought, as fields for the ledger and observations for those who watch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detectors.explain import explain
from monitor.judging import records, tells
from monitor.judging.version_judge import VersionJudge
from monitor.judging.version_types import Judged
from monitor.observing import Alarm

__all__ = ["groups", "harms", "views"]

_Fields = dict[str, Any]


def views(
    version: str, judge: VersionJudge, judged: Judged, event: int, time: float
) -> Iterator[tuple[_Fields, Alarm, str]]:
    """Views that moved, each with the group that it belongs to."""
    fitted = judge.profile.fitted.views
    layout = fitted.layout()
    for moved in judged.alarms:
        told = explain(fitted, moved.view, moved.before, moved.now, moved.log_evidence)
        fields = records.warning(version, event, layout.names, layout.kind_of(moved.view), moved, told)
        yield fields, tells.moved(time, event, version, layout.names, moved, told), layout.groups[moved.view]


def harms(version: str, judged: Judged, event: int, time: float) -> Iterator[tuple[_Fields, Alarm]]:
    """Rates of the whole that are above what is tolerated; a broken promise comes last."""
    for harm in (*judged.harm.alarms, *([judged.harm.promise] if judged.harm.promise else [])):
        fields = records.harm(version, event, harm)
        yield fields, tells.harmed(time, fields)


def groups(
    version: str, judge: VersionJudge, judged: Judged, event: int, time: float
) -> Iterator[tuple[int, _Fields, Alarm]]:
    """Rates of single groups, each with the group's place."""
    labels = () if judge.groups is None else judge.groups.groups.labels
    for place, alarm in judged.groups.alarms:
        fields = records.harm(version, event, alarm, labels[place])
        yield place, fields, tells.harmed(time, fields)
