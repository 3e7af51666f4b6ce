"""`evidence.path: exact` from the configuration to the ledger."""

from __future__ import annotations

import msgspec
import pytest

from detectors.by_event import EvidenceByEvent
from detectors.profile_bytes import dump, load
from monitor.building import breaker_policy
from monitor.errors import UsageError
from monitor.judging.version_judge import VersionJudge
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, fitted, outcome, stream
from tests.monitor.test_judge import equal


def test_a_change_is_seen_and_a_restored_judge_continues_bit_for_bit() -> None:
    """What is drawn follows from the profile and the count of events, so a new judge draws it again."""
    config = configured(evidence={"path": "exact"})
    profile = fitted(config)
    predictions, truth = stream(1200, 1, 500)
    records = [msgspec.json.encode(each) for each in predictions]
    run = Run(config, profile, broker(config))
    run.drain()
    for start in range(0, len(records), 100):
        outcomes = [outcome(str(i), truth[i]) for i in range(max(start - 200, 0), max(start - 100, 0))]
        run.feed(records[start : start + 100], outcomes)
        if start in (400, 900):
            state, head = run.judge.state(), run.judge.head
            run.parts.judging.forget()
            run.parts.judging.judge([], FIRST)
            assert equal(run.judge.state(), state)
            assert run.judge.head == head
    alarms = [line for line in map(msgspec.json.decode, run.ledger()) if line["kind"] == "alarm"]
    assert alarms
    assert alarms[0]["event"] >= 500


def test_the_profile_holds_what_it_needs_only_if_asked() -> None:
    """Counts of the first half; a batch path's profile is no larger for it, and is refused with the reason."""
    exact, batch = configured(evidence={"path": "exact"}), configured()
    read = load(dump(fitted(exact))[0])
    assert read.fitted.first is not None
    assert read.fitted.first.shape == read.fitted.counts.shape
    assert isinstance(VersionJudge(exact, read, breaker_policy(exact))._evidence, EvidenceByEvent)
    without = fitted(batch)
    assert without.fitted.first is None
    with pytest.raises(UsageError, match="run `holdback fit`"):
        VersionJudge(exact, without, breaker_policy(exact))


def test_tolerated_drift_and_the_exact_path_exclude_each_other() -> None:
    """What is proven event by event holds against no drift at all."""
    config = configured(evidence={"path": "exact"})
    profile = fitted(config)
    name = profile.fitted.views.numeric[0]
    both = configured(evidence={"path": "exact"}, views={"tolerance": {name: 0.25}})
    with pytest.raises(UsageError, match=r"views\.tolerance"):
        VersionJudge(both, profile, breaker_policy(both))
