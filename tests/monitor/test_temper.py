"""Rows that remember: what `fit` measures of it, and what tempered bets make of the promise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from detectors.evidence import Evidence
from detectors.profile import Reference, fit
from detectors.stakes import BetRules
from detectors.types import FloatArray, Rows
from detectors.views.kinds import ViewSettings
from monitor.errors import ConfigError
from monitor.fit.fitting import fit_profile
from monitor.fit.long_run import BLOCK, LongRunVariance, long_runs
from monitor.judging.bet_rules import bet_rules
from tests.monitor.streams import configured, fitted, raw, stream

LEVEL = 1000.0
BATCH = 10
EVENTS = 60_000


def remembering(rng: np.random.Generator, n: int, phi: float) -> Rows:
    """x <- phi x + noise, of unit variance."""
    from scipy.signal import lfilter

    noise = rng.normal(size=n + 100) * np.sqrt(1 - phi**2)
    x = np.asarray(lfilter([1.0], [1.0, -phi], noise))[100:]
    nothing = np.full(n, np.nan)
    return Rows(x[None], (), [None] * n, nothing, nothing, nothing, nothing)


@cache
def run_length(phi: float, tempered: bool) -> tuple[float, float]:
    """Mean events between alarms, begun anew after each, over A; and the long-run variance measured on the reference.

    References of 10,000 rows in time order, 5,000 counted; A = 1,000 events, batches of 10, 60,000 events; seed 11.
    """
    rng = np.random.default_rng(11)
    made = remembering(rng, 10_000, phi)
    profile = fit(Reference(made, ("x",), (), np.full(10_000, np.nan), np.empty(0), 86400.0), ViewSettings(joint=False))
    memory = LongRunVariance(profile.views.layout(), profile.counts)
    memory.add(profile.views.count(made, np.arange(0, 10_001, BLOCK)))
    factor = long_runs([memory])[0].temper
    rules = BetRules(temper=np.array([factor]) if tempered else None)
    counts = profile.views.count(remembering(rng, EVENTS, phi), np.arange(0, EVENTS + 1, BATCH))
    evidence, at, alarms = None, 0, 0
    while at < len(counts):
        evidence = evidence or Evidence(profile.views.layout(), profile.counts, np.log(LEVEL), rules=rules)
        part = counts[at : at + 20]
        reading = evidence.update(part, np.full(len(part), float(BATCH)), np.full(len(part), float(at)))
        at += len(part)
        if reading.alarms:
            alarms, evidence = alarms + 1, None
            at += reading.alarms[0].batch + 1 - len(part)
    return EVENTS / max(alarms, 1) / LEVEL, factor


@pytest.mark.parametrize("phi", [0.3, 0.6])
def test_tempered_bets_keep_at_least_half_of_the_promise(phi: float) -> None:
    """Mean distance of false alarms at least A / 2; with bets as they are it is below A, and 2 times shorter; seed 11.

    60 alarms are allowed in 60,000 events; 120 or more would be seven standard deviations of a Poisson count.
    """
    tempered, plain = (run_length(phi, tempered=each)[0] for each in (True, False))
    assert tempered >= 0.5
    assert plain < 1
    assert plain < tempered / 2


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6])
def test_the_measured_factor_is_the_long_run_variance(phi: float) -> None:
    """(1 + phi) / (1 - phi) within a third, three standard errors of it; exactly 1 for independent rows; seed 11."""
    factor = run_length(phi, tempered=True)[1]
    expected = (1 + phi) / (1 - phi)
    assert abs(factor / expected - 1) < (1 / 3 if phi else 1e-12)


def test_fit_measures_and_the_configuration_decides() -> None:
    """A feature that remembers is tempered under `auto` and the others hardly; `off` and a factor are as they say."""
    predictions, truth = stream(3000, 5)
    x = remembering(np.random.default_rng(6), 3000, 0.7).numeric[0]
    for each, value in zip(predictions, x.tolist(), strict=True):
        each["features"]["f3"] = value
    config = configured(evidence={"temper": "auto"})
    profile = fit_profile([raw(predictions, truth)], config).profile
    names = profile.fitted.views.layout().names
    temper: FloatArray | None = bet_rules(config, profile).temper
    assert temper is not None
    assert temper[names.index("f3")] > 2
    assert temper[names.index("f0")] == 1.0
    assert bet_rules(configured(), profile).temper is None
    fixed = bet_rules(configured(evidence={"temper": 3}), profile).temper
    assert fixed is not None
    assert (fixed == 3.0).all()


def test_independent_rows_are_not_tempered() -> None:
    """Under `auto`, all views of the usual stream: 1, or less than 2 in the rare one that chance calls significant."""
    config = configured(evidence={"temper": "auto"})
    temper = bet_rules(config, fitted(config)).temper
    assert temper is not None
    assert (temper > 1).sum() <= 1
    assert temper.max() < 2


@pytest.mark.parametrize("wrong", [0.5, 0, "much", -1])
def test_what_is_no_temper_is_refused(wrong: object) -> None:
    """Bets are never made larger than they are."""
    with pytest.raises(ConfigError, match=r"evidence\.temper"):
        configured(evidence={"temper": wrong})
