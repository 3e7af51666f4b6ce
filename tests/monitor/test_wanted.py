"""Time, segment, client, latency and embedding reach the views, from a record to the judge's evidence."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.profile import Profile
from monitor.config import Config
from monitor.errors import ConfigError
from monitor.fit.fitting import fit_profile
from monitor.packing import unpack
from monitor.summaries import Summary, decode_summaries
from tests.monitor.running import Run, broker
from tests.monitor.streams import configured, raw, stream

N = 1200


def dressed(n: int, seed: int, unusual: bool = False) -> tuple[list[dict[str, Any]], list[str]]:
    """The usual stream with clients, latencies, regions and embeddings; the last two move if `unusual`."""
    rng = np.random.default_rng(seed)
    predictions, truth = stream(n, seed)
    for i, each in enumerate(predictions):
        each["client"] = str(rng.integers(0, 40))
        each["latency"] = float(rng.exponential() * (3 if unusual else 1))
        each["segment"] = {"region": "north" if i % 2 else "south"}
        each["embedding"] = (rng.normal(size=30) + (0.8 if unusual else 0.0)).tolist()
    return predictions, truth


def profiled(context: str | None) -> tuple[Config, Profile]:
    config = configured(views={"context": context} if context else {})
    return config, fit_profile([raw(*dressed(N, 0))], config).profile


def run(config: Config, profile: Profile, predictions: list[dict[str, Any]]) -> Run:
    made = Run(config, profile, broker(config))
    made.drain()
    records = [msgspec.json.encode(each) for each in predictions]
    for start in range(0, len(records), 100):
        made.feed(records[start : start + 100], [])
    return made


def test_a_change_of_latency_and_embedding_is_an_alarm_of_these() -> None:
    """From the record to the ledger; seed 1, and nothing of the kind without a change, seed 2."""
    config, profile = profiled(None)
    names = profile.fitted.views.layout().names
    assert {"latency", "client", "embedding norm"} <= set(names)
    views = [each["view"] for each in alarms(run(config, profile, dressed(600, 1, unusual=True)[0]))]
    assert "latency" in views
    assert any(view.startswith("embedding") for view in views)
    assert alarms(run(config, profile, dressed(600, 2)[0])) == []


def alarms(made: Run) -> list[dict[str, Any]]:
    lines = [msgspec.json.decode(line) for line in made.ledger()]
    return [line for line in lines if line["kind"] == "alarm"]


def test_counts_of_two_regions_travel_apart_and_add_up() -> None:
    """With `segment:region` a summary says which cells its counts are of; their sum is that of the batch."""
    config, profile = profiled("segment:region")
    assert profile.fitted.views.context.values == ("north", "south")
    made = run(config, profile, dressed(300, 3)[0])
    read = decode_summaries(made.broker.read(made.topics.summaries, 0, 0, 1000).values)
    counted = [c for each in read if isinstance(each, Summary) for c in each.versions if c.n]
    assert [each.cells for each in counted] == [[1, 2]] * 3
    width = profile.fitted.views.layout().width
    for each in counted:
        counts = unpack(each.counts).reshape(2, width)
        bins = profile.fitted.views.layout().bins
        assert counts[:, :bins].sum(axis=1).tolist() == [50, 50]
    judge = made.judge.versions["1"]
    assert judge.state()["evidence.pooled"].shape == (3, width)


def test_hours_come_from_the_events_times() -> None:
    """The stream begins at midnight and lasts 20 minutes: one hour of it has a cell, and all events fall into it."""
    config, profile = profiled("hour_of_day")
    assert profile.fitted.views.context.values == ("0",)
    made = run(config, profile, dressed(200, 4)[0])
    read = decode_summaries(made.broker.read(made.topics.summaries, 0, 0, 1000).values)
    cells = [c.cells for each in read if isinstance(each, Summary) for c in each.versions if c.n]
    assert cells == [[1], [1]]


@pytest.mark.parametrize("context", ["minute", "segment:", "hour_of_day "])
def test_what_is_no_context_is_refused(context: str) -> None:
    """With its path."""
    with pytest.raises(ConfigError, match=r"views\.context"):
        configured(views={"context": context})
