from __future__ import annotations

import numpy as np

from detectors.groups.fitted import members
from detectors.groups.gaps import Gaps
from detectors.harm import HarmReading
from detectors.rates import Rates

NONE = HarmReading(-np.inf, (), None, open=False)
EVENTS = 20_000.0
BATCHES, RUNS = 40, 60


def test_all_groups_together_raise_no_more_false_alarms_than_is_promised() -> None:
    """Ten regions and two ages that overlap, each exactly as bad as is tolerated, and two of them as far apart.

    Errors against the reference and against the promise have half of the weight, gaps the other half. In a run of a
    fifth of A the chance of any alarm is at most .2: of 60 runs 12 may have one, and 21 with probability .005.
    """
    regions, labels = 10, [f"region={i}" for i in range(10)] + ["age=old", "age=young"]
    groups = len(labels)
    name_of = np.array([0] * regions + [1] * 2)
    apart = np.zeros(groups)
    apart[3] = 0.05
    alarmed = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        # an age has its part of the region that is worse
        tolerated = 0.1 + np.where(name_of == 0, apart, 0.05 / regions)
        rates = Rates([*labels, *labels], np.tile(tolerated, 2), np.log(EVENTS), share=0.5)
        gaps = Gaps("error", labels, name_of, np.full(groups, 0.05), np.log(EVENTS), share=0.5)
        found = False
        for batch in range(BATCHES):
            region, age = rng.integers(regions, size=100), rng.integers(2, size=100)
            wrong = rng.random(100) < 0.1 + apart[region]
            inside = members((1 << region) | (1 << (regions + age)), groups).astype(np.int64)
            seen = np.stack([(~wrong) @ inside, wrong @ inside], axis=1).astype(np.float64)
            said = rates.count(np.tile(seen, (2, 1)), 100.0, 60.0 * batch, NONE)
            found |= bool(gaps.count(seen, 100.0, 60.0 * batch, said).alarms)
        alarmed += found
    assert alarmed < 21


def test_the_same_detectors_find_a_group_that_is_worse() -> None:
    """They can fail: three times as many errors in one region are seen in each of ten runs."""
    labels = [f"region={i}" for i in range(10)]
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rates = Rates(labels, np.full(10, 0.1), np.log(EVENTS), share=0.5)
        alarms: list[str] = []
        for batch in range(BATCHES):
            n = rng.multinomial(100, np.full(10, 0.1))
            wrong = rng.binomial(n, np.where(np.arange(10) == 3, 0.3, 0.1))
            said = rates.count(np.stack([n - wrong, wrong], axis=1).astype(float), 100.0, 60.0 * batch, NONE)
            alarms += [alarm.view for alarm in said.alarms]
        assert alarms[0] == "region=3"
