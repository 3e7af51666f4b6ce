"""The metrics: complete, bounded, and listed in docs/metrics.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fallback.types import BreakerState, Verdict
from monitor.metrics import Metrics
from monitor.observing import Alarm, Counted, Decided, Evidence, Frames, Labelled, Paged, Routed, Ruled, Transition

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
T = 1000.0


class Watched:
    """Metrics over a registry of their own, read back through the text that Prometheus would read."""

    def __init__(self) -> None:
        self.now = T
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, model="m", max_error=0.05, clock=lambda: self.now)

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


def tell_all(watched: Watched) -> None:
    decisions = {("model", "confident"): 90, ("human", "suspicion"): 10}
    last = [Decided(id="a", time=T, route="model", reason="confident")]
    tell = watched.metrics
    tell(Routed(time=T, decisions=decisions, version="1", last=last, seconds=0.02))
    tell(Labelled(time=T, accepted=(80, 3), answered=(90, 4), alone=(95, 9), version="1"))
    tell(Counted(dead_letters={"unreadable": 2}, joined=5, unmatched=1, expired=1, duplicates=2, skipped=3, backwards=4,
                 features_missing=5, features_new=6, ledger_records=7))  # fmt: skip
    tell(Evidence(time=T, event=99, warning=1.5, harm=-0.5, level=4.0))
    verdict = Verdict(BreakerState.DEGRADED, 3, 0.3, 0.6, 0.1, 0.05, 0.9, 20.0, T, 12, 0.5)
    tell(Ruled(version="1", verdict=verdict, guarantee="tracking"))
    tell(Alarm(time=T, event=99, level="page", view="v", log10_evidence=5.0, why="w"))
    tell(Transition(time=T, event=99, version="1", before="closed", after="degraded", reason="r"))
    tell(Paged(time=T, summary="s"))
    tell(Paged(time=T, summary="s", sent=False))
    tell(Frames(frames=[]))


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
    """(name as scraped, type, labels, help) of every metric that is registered."""
    tell_all(watched)
    rows = []
    for family in watched.registry.collect():
        name = family.name + "_total" if family.type == "counter" else family.name
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
