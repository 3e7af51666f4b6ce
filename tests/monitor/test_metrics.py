"""The metrics: complete, bounded, and listed in docs/metrics.md."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fallback.types import BreakerState, Verdict
from monitor import __version__
from monitor.judging.trip_words import first
from monitor.metrics.metrics import Metrics
from monitor.observing import (
    Alarm,
    Broker,
    Compared,
    Counted,
    Decided,
    Evidence,
    Frames,
    KillState,
    Labelled,
    Lag,
    LedgerState,
    Paged,
    Queue,
    Role,
    Routed,
    Ruled,
    Segments,
    SegmentStanding,
    Standing,
    Transition,
    Trip,
)
from tests.tools import require

T = 1000.0
TRIP = Trip(
    version="1",
    epoch=3,
    step=4,
    since=T,
    state="degraded",
    cause="harm",
    why="error: 31 errors in the last 80 labels (38.8 %), at most 5.6 % were to be expected; odds 10^6 to 1. harm",
    moved="f3 above 1.2: 11 % of the reference, 62 % of the last 240 events; odds 10^9 to 1",
    harm=True,
    paged=True,
)
DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


class Watched:
    """Metrics over a registry of their own, read back through the text that Prometheus would read."""

    def __init__(self) -> None:
        self.now = T
        self.registry = CollectorRegistry()
        self.metrics = Metrics(
            self.registry,
            model="m",
            max_error=0.05,
            clock=lambda: self.now,
            page_url="https://page",
            runbook_url="https://runbooks/",
        )

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Read every sample by name and labels."""
        families = text_string_to_metric_families(generate_latest(self.registry).decode())
        return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}

    def value(self, name: str, **labels: str) -> float:
        """Read one sample of this model."""
        labels = {key.rstrip("_"): label for key, label in labels.items()}
        return self.samples()["holdback_" + name, frozenset({"model": "m", **labels}.items())]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def group(label: str, error: float) -> SegmentStanding:
    """A group of 1,000 requests with as many labels, of which the share `error` is wrong."""
    return SegmentStanding(
        segment=label,
        state="degraded",
        offset=0.25,
        epoch=1,
        followed=True,
        n=1000,
        answered=900,
        accepted=(1000, round(1000 * error)),
        covered=(1000.0, 880.0),
        guarantee="tracking",
    )


def tell_all(watched: Watched) -> None:
    decisions = {("model", "confident"): 90, ("human", "suspicion"): 10}
    last = [Decided(id="a", time=T, route="model", reason="confident")]
    tell = watched.metrics
    tell(Routed(time=T, decisions=decisions, version="1", last=last, seconds=0.02))
    tell(Labelled(time=T, accepted=(80, 3), answered=(90, 4), alone=(95, 9), version="1"))
    tell(Counted(dead_letters={"unreadable": 2}, joined=5, unmatched=1, expired=1, duplicates=2, skipped=3, backwards=4,
                 features_missing=5, features_new=6, ledger_records=7, segments_other=8))  # fmt: skip
    tell(Evidence(time=T, event=99, warning=1.5, harm=-0.5, level=4.0))
    verdict = Verdict(BreakerState.DEGRADED, 3, 0.3, 0.6, 0.1, 0.05, 0.9, 20.0, T, 12, 0.5)
    tell(Ruled(version="1", verdict=verdict, guarantee="tracking"))
    tell(Alarm(time=T, event=99, level="page", view="v", log10_evidence=5.0, why="w"))
    tell(Transition(time=T, event=99, version="1", before="closed", after="degraded", reason="r"))
    tell(Paged(time=T, summary="s"))
    tell(Paged(time=T, summary="s", sent=False))
    means = {"error": {"baseline": 0.01, "candidate": 0.1}}
    tell(Compared(time=T, event=99, baseline="1", candidate="2", verdict="worse", why="w", compared=50, means=means))
    tell(Segments(time=T, version="1", segments=(group("region=north", 0.2), group("region=south", 0.05))))
    tell(KillState(on=False))
    tell(Frames(frames=[]))
    tell(Standing(version="1", trip=TRIP))
    tell(Lag(records=7, seconds=1.5))
    tell(Queue(depth=30, limit=40))
    tell(Broker(connected=True))
    tell(Role(judge=True))
    tell(LedgerState(broken=False))


def test_each_observation_arrives(watched: Watched) -> None:
    """What a batch was told to have brought is what Prometheus reads."""
    tell_all(watched)
    v = watched.value
    assert v("events_total") == 100
    assert v("decisions_total", version="1", route="human", reason="suspicion") == 10
    assert v("batch_duration_seconds_count") == 1
    assert v("last_event_timestamp_seconds") == T
    assert (
        v("labelled_answers_total", version="1", kind="alone"),
        v("wrong_answers_total", version="1", kind="alone"),
    ) == (95, 9)
    assert v("dead_letters_total", reason="unreadable") == 2
    assert [v("outcomes_total", result=r) for r in ("joined", "unmatched", "expired")] == [5, 1, 1]
    assert [v(f"{n}_total") for n in ("duplicate_events", "skipped_events", "backwards_events")] == [2, 3, 4]
    assert [v(f"{n}_total") for n in ("missing_features", "new_features", "ledger_records")] == [5, 6, 7]
    assert [v("evidence_log10", level=level) for level in ("warning", "harm")] == [1.5, -0.5]
    assert v("alarm_level_log10") == 4
    assert v("alarms_total", level="page") == 1
    assert v("pages_total", result="sent") == v("pages_total", result="failed") == 1
    assert v("breaker_transitions_total", version="1", from_="closed", to="degraded") == 1
    gauges = ("threshold", "suspicion", "certified_from", "audit_ratio", "ramp_ratio", "epoch")
    assert [v(g, version="1") for g in gauges] == [0.3, 0.1, 0.6, 0.05, 0.5, 3]
    assert v("promised_error_ratio") == 0.05


def test_segments_have_rates_with_bands_and_gaps_between_them(watched: Watched) -> None:
    """Errors of .2 and .05, their bands around them, and the gap of .15 with a band that leaves nought out."""
    tell_all(watched)
    v, at = watched.value, {"version": "1", "segment": "region=north"}
    assert [v("segment_requests_total", **at), v("segment_offset", **at)] == [1000, 0.25]
    assert v("segment_breaker_state", **at, holdback_segment_breaker_state="degraded") == 1
    assert v("segment_guarantee", **at, holdback_segment_guarantee="tracking") == 1
    lower, rate, upper = (v("segment_error_ratio", **at, bound=bound) for bound in ("lower", "estimate", "upper"))
    assert lower < rate == 0.2 < upper
    assert v("segment_coverage_ratio", **at, bound="estimate") == 0.88
    assert v("segment_acceptance_ratio", **at, bound="estimate") == 0.9
    gap = {"version": "1", "segment_name": "region", "of": "error"}
    assert round(v("segment_gap_ratio", **gap, bound="estimate"), 6) == 0.15
    assert 0 < v("segment_gap_ratio", **gap, bound="lower") < 0.15 < v("segment_gap_ratio", **gap, bound="upper")
    assert v("segment_values_other_total") == 8
    watched.metrics(Role(judge=False))
    assert not any("segment_error" in name for name, _ in watched.samples())


def test_the_replica_says_how_it_is(watched: Watched) -> None:
    """Lag, queue, broker, role and ledger are what was told last; a commit is dated; build and links are labels."""
    v = watched.value
    assert v("last_commit_timestamp_seconds") == v("broker_connected") == v("judge") == v("versions_judged") == 0
    tell_all(watched)
    assert [v("lag_records"), v("lag_seconds")] == [7, 1.5]
    assert [v("review_queue_depth"), v("review_queue_limit")] == [30, 40]
    assert [v("broker_connected"), v("judge"), v("ledger_broken"), v("versions_judged")] == [1, 1, 0, 1]
    assert v("last_commit_timestamp_seconds") == v("started_timestamp_seconds") == T
    assert v("build_info", version_=__version__) == 1
    assert v("links_info", page="https://page", runbooks="https://runbooks") == 1
    watched.metrics(LedgerState(broken=True))
    assert v("ledger_broken") == 1


def test_the_process_is_measured_as_everywhere(watched: Watched) -> None:
    """Memory, time and files of the process have the names that every Prometheus client gives them."""
    names = {name for name, _ in watched.samples()}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"} <= names


def episodes(watched: Watched) -> list[dict[str, str]]:
    """Labels of the open trips."""
    return [dict(labels) for name, labels in watched.samples() if name == "holdback_episode_info"]


def test_a_trip_is_told_as_long_as_it_is_open(watched: Watched) -> None:
    """One series a version says what is wrong, since when, what moved most and what was done; resolved, it is gone."""
    tell_all(watched)
    assert episodes(watched) == [
        {
            "model": "m",
            "version": "1",
            "since": "1970-01-01 00:16:40 UTC",
            "why": TRIP.why,
            "moved": TRIP.moved,
            "did": "raised the bar: the model answers only what it is surest of, the rest goes down route.chain",
            "first": first(TRIP),
        }
    ]
    assert watched.value("page_open", version="1") == 1
    for k in range(100):
        watched.metrics(Standing(version="1", trip=replace(TRIP, state="open", why=f"worse {k}")))
        assert len(episodes(watched)) == 1
    watched.metrics(Standing(version="1", trip=replace(TRIP, state="closed", ended=T + 9)))
    assert episodes(watched) == []
    assert watched.value("page_open", version="1") == 0


def test_a_trip_by_a_warning_opens_no_page(watched: Watched) -> None:
    """A change in the inputs alone is told, and wakes nobody; a version that has never tripped has no page either."""
    watched.metrics(Standing(version="1", trip=replace(TRIP, paged=False, harm=False)))
    watched.metrics(Standing(version="2", trip=None))
    assert [each["version"] for each in episodes(watched)] == ["1"]
    assert [watched.value("page_open", version=version) for version in ("1", "2")] == [0, 0]


def test_texts_of_a_trip_are_bounded_lines(watched: Watched) -> None:
    """A feature with a hostile name can neither break out of its label nor fill the memory of who scrapes."""
    hostile = 'f"} 1\nholdback_fake 1\x1b[31m' + "x" * 10_000
    watched.metrics(Standing(version="1", trip=replace(TRIP, why=hostile, moved=hostile)))
    (told,) = episodes(watched)
    assert told["why"].startswith('f"} 1 holdback_fake 1 [31mxxx')
    assert max(len(text) for text in told.values()) <= 300
    assert "holdback_fake" not in {name for name, _ in watched.samples()}


def test_a_judge_that_loses_its_office_forgets_what_it_knew_as_the_judge(watched: Watched) -> None:
    """Its last states would stand for ever, and page for ever; what it then reads in the ledger it shows."""
    tell_all(watched)
    watched.metrics(Role(judge=False))
    names = {name for name, _ in watched.samples()}
    gone = {"breaker_state", "guarantee", "health", "threshold", "page_open", "episode_info", "evidence_log10"}
    assert names.isdisjoint(f"holdback_{name}" for name in gone)
    assert watched.value("judge") == watched.value("versions_judged") == 0
    verdict = Verdict(BreakerState.CLOSED, 3, 0.3, 0.6, 0.1, 0.05, 0.9, 20.0, T, 12)
    for _ in range(2):
        watched.metrics(Ruled(version="1", verdict=verdict, guarantee="tracking"))
        watched.metrics(Role(judge=False))
    assert watched.value("breaker_state", version="1", holdback_breaker_state="closed") == 1


def test_promtool_finds_nothing_to_say(watched: Watched) -> None:
    """`promtool check metrics` reads the exposition as it is served, and has no remark on a name, a type or a help."""
    promtool = require("promtool")
    tell_all(watched)
    text = generate_latest(watched.registry)
    said = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_exactly_one_state_is_set(watched: Watched) -> None:
    """Breaker, guarantee and health are state sets: one of their states is 1, the others are 0."""
    tell_all(watched)
    for name, expected in (("breaker_state", "degraded"), ("guarantee", "tracking"), ("health", "fresh")):
        states = {
            dict(labels)[f"holdback_{name}"]: value
            for (n, labels), value in watched.samples().items()
            if n == f"holdback_{name}"
        }
        assert [state for state, value in states.items() if value] == [expected]
        assert len(states) > 2


def test_health_ages_between_verdicts(watched: Watched) -> None:
    """Health is worked out when it is read: without further verdicts it becomes stale, then blind."""
    tell_all(watched)
    for age, health in ((31.0, "stale"), (121.0, "blind")):
        watched.now = T + age
        assert watched.value("health", version="1", holdback_health=health) == 1


def test_in_event_time_health_does_not_age() -> None:
    """A backtest's breaker runs on event time and is always fresh."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, model="m", max_error=0.05, clock=lambda: 1e9, ages=False)
    metrics(Ruled(version="1", verdict=Verdict(BreakerState.CLOSED, 0, 0.3, 2.0, 0, 1, 0.9, 0, T, 1), guarantee="none"))
    labels = {"model": "m", "version": "1", "holdback_health": "fresh"}
    assert registry.get_sample_value("holdback_health", labels) == 1


def test_labels_from_outside_are_bounded(watched: Watched) -> None:
    """A stream of made-up versions and reasons adds at most 50 of each; odd ones are `other`."""
    for k in range(500):
        watched.metrics(Routed(time=T, decisions={("model", f"r{k}"): 1}, version=f"v{k}"))
        watched.metrics(Counted(dead_letters={f"d{k}": 1}))
    watched.metrics(Routed(time=T, decisions={("model", 'x"} 1\nholdback_fake 1'): 1}, version="<script>"))
    names = [name for name, _ in watched.samples()]
    assert names.count("holdback_decisions_total") <= 51
    assert names.count("holdback_dead_letters_total") <= 51
    assert "holdback_fake" not in names
    assert watched.value("events_total") == 501


def test_the_global_registry_is_left_alone() -> None:
    """Two models, or two tests, can have metrics of their own in one process."""
    before = {f.name for f in REGISTRY.collect()}
    first, second = Watched(), Watched()
    first.metrics(Paged(time=T, summary="s"))
    assert second.value("pages_total", result="sent") == 0
    assert {f.name for f in REGISTRY.collect()} == before


def test_the_document_lists_exactly_these_metrics(watched: Watched) -> None:
    """docs/metrics.md names each metric as it is scraped, with its type, its labels and its help text, and no other."""
    documented = re.findall(
        r"^\| `(holdback_\w+)` \| ([\w ]+) \| (.*?) \| (.*?) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(documented) == sorted(described(watched))


def described(watched: Watched) -> list[tuple[str, str, str, str]]:
    """(name as scraped, type, labels, help) of every metric of Holdback's own that is registered."""
    tell_all(watched)
    rows = []
    for family in watched.registry.collect():
        if family.name.startswith("process_"):
            continue
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        sample = next(s for s in family.samples if not s.name.endswith("_created"))
        labels = [f"`{label}`" for label in sample.labels if label not in {"model", "le", family.name}]
        kind = "state set" if family.type == "stateset" else family.type
        rows.append((name, kind, ", ".join(labels), family.documentation))
    return rows


def test_names_follow_the_conventions(watched: Watched) -> None:
    """Names are `holdback_`, in base units; counters end in `_total`, and each has a help text."""
    for name, kind, _, words in described(watched):
        assert re.fullmatch(r"holdback_[a-z0-9_]+", name)
        assert name.endswith("_total") == (kind == "counter")
        assert not re.search(r"_(ms|milliseconds|percent|minutes)$", name)
        assert words.endswith(".")
