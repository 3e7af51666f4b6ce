"""What a backtest's result says of each group."""

from __future__ import annotations

import msgspec
import pytest

from monitor.backtest import backtest, rows_of
from monitor.segment_results import SegmentResults
from tests.monitor.segmented import fitted, modest, stream
from tests.monitor.streams import raw


def test_groups_are_counted_by_what_became_of_their_decisions() -> None:
    """Accepted alone count as errors; unknown values and unlabelled decisions do not, but for the share answered."""
    results = SegmentResults({"1": ("r=a", "r=b")})
    results.add("1", {"r": "a", "x": "y"}, passed=True, wrong=True, covered=False)
    results.add("1", {"r": "a"}, passed=False, wrong=True, covered=True)
    results.add("1", {"r": "a"}, passed=True, wrong=None, covered=None)
    results.add("1", {"r": "z"}, passed=True, wrong=True, covered=True)
    results.add("2", {"r": "a"}, passed=True, wrong=True, covered=True)
    results.stepped("1", "r=b", "open")
    told = results.result()
    assert told is not None
    groups = told["versions"]["1"]["groups"]
    assert [groups["r=a"][kind]["n"] for kind in ("error", "coverage", "acceptance")] == [1, 2, 3]
    assert [groups["r=a"][kind]["happened"] for kind in ("error", "coverage", "acceptance")] == [1, 1, 2]
    assert groups["r=b"]["error"]["rate"] is None
    assert groups["r=b"]["breaker"] == "open"
    assert msgspec.json.encode(told)
    assert SegmentResults({}).result() is None


def test_a_backtest_says_what_became_of_each_group_and_of_the_gaps() -> None:
    """Per group rates that add up to those of the whole; the gap of errors shows the bad region."""
    config = modest()
    profile = fitted(config, stream(3000, 0))
    events, truth = stream(4000, 1, bad=("r3",), bad_from=0, error=0.2)
    result = backtest(config, {"1": profile}, rows_of([raw(events, truth)]))
    told = result["segments"]["versions"]["1"]
    regions = {label: each for label, each in told["groups"].items() if label.startswith("region=")}
    assert len(regions) == 10
    assert sum(each["acceptance"]["happened"] for each in regions.values()) == result["accepted"]["n"]
    assert sum(each["error"]["happened"] for each in regions.values()) == result["accepted"]["errors"]
    covered = sum(each["coverage"]["happened"] for each in regions.values())
    assert covered / 4000 == pytest.approx(result["coverage"]["overall"])
    worst = max(regions, key=lambda label: regions[label]["error"]["rate"])
    assert worst == "region=r3"
    assert told["gaps"]["error"]["region"]["lower"] > 0
    assert regions["region=r3"]["breaker"] != "closed"
    assert {each["breaker"] for label, each in regions.items() if label != "region=r3"} == {"closed"}
