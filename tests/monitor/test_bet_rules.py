"""Tolerances as they are written, and what they come to."""

from __future__ import annotations

import math

import pytest

from monitor.config.tolerances import tolerated_share
from monitor.errors import ConfigError, UsageError
from monitor.judging.bet_rules import bet_rules
from tests.monitor.streams import configured, fitted


def test_a_tolerance_reaches_the_bets() -> None:
    """Standard deviations and shares become shares; the default stays that of `evidence`."""
    config = configured(views={"tolerance": {"f0": 0.25, "confidence": "2%"}}, evidence={"tolerance": 0.2})
    rules = bet_rules(config, fitted(config, 400))
    assert rules.tolerance == 0.2
    assert rules.shares == {"f0": tolerated_share(0.25), "confidence": 0.02}


@pytest.mark.parametrize("wrong", ["much", "50%", "-2%", 3.0, 0, "0%", math.nan])
def test_what_is_no_tolerance_is_refused_with_its_path(wrong: object) -> None:
    """Nothing that would leave a view without a bet."""
    with pytest.raises(ConfigError, match=r"views\.tolerance\.f0"):
        configured(views={"tolerance": {"f0": wrong}})


def test_a_view_that_is_not_there_is_named() -> None:
    """A misspelt view would be watched with the usual bets, and nobody would know."""
    config = configured(views={"tolerance": {"f9": 0.25}})
    with pytest.raises(UsageError, match="'f9', which is no view of this profile; there are f0"):
        bet_rules(config, fitted(config, 400))
