"""What people look at first: risk times value, whatever a hostile caller writes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.profile import Profile
from monitor.errors import UsageError
from monitor.fit.fitting import fit_profile
from monitor.urgency import Urgency
from tests.monitor.running import Run, broker
from tests.monitor.streams import configured, raw, stream

VALUED = configured(reviews={"value": "amount"}, route={"chain": ["human"]})


def with_amounts(n: int, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The stream, and an amount beside each request; every tenth is missing."""
    predictions, truth = stream(n, seed)
    amounts = np.random.default_rng(seed).lognormal(5, 1, n)
    for i, (each, amount) in enumerate(zip(predictions, amounts.tolist(), strict=True)):
        each["features"]["amount"] = None if i % 10 == 0 else amount
        each["features"]["below"] = -amount
        each["features"]["city"] = "a" if i % 2 else "b"
    return predictions, truth


@pytest.fixture(scope="module")
def profile() -> Profile:
    return fit_profile([raw(*with_amounts(2000, 0))], VALUED).profile


def reviewed(profile: Profile, predictions: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Priority of the review, and the confidence in the decision, by id; of a replica that holds all back."""
    run = Run(VALUED, profile, broker(VALUED))
    run.feed([msgspec.json.encode(each) for each in predictions], [])
    reviews = [msgspec.json.decode(each) for each in run.broker.read(run.topics.reviews, 0, 0, 10_000).values]
    confidence = {each["decision_id"]: each["confidence"] for each in run.decisions()}
    return {each["id"]: (each["priority"], confidence[each["decision_id"]] or 0.0) for each in reviews}


def test_the_priority_is_doubt_times_the_amount_in_medians(profile: Profile) -> None:
    """As recomputed from the reference; missing counts as the median, and what is less than nothing as nothing."""
    predictions, _ = with_amounts(100, 7)
    predictions[1]["features"]["amount"] = -5.0
    amounts = [each["features"]["amount"] for each in with_amounts(2000, 0)[0]]
    median = float(np.median([each for each in amounts if each is not None]))
    found = reviewed(profile, predictions)
    assert len(found) > 20
    for each in predictions:
        if each["id"] in found:
            priority, confidence = found[each["id"]]
            amount = each["features"]["amount"]
            value = 1.0 if amount is None else max(amount, 0.0) / median
            # fit counts on one half of the rows, whose median is a little another
            assert priority == pytest.approx((1 - confidence) * value, rel=0.15, abs=1e-9)


@pytest.mark.parametrize("amount", [1e300, 1e9])
def test_nobody_buys_the_first_place(profile: Profile, amount: float) -> None:
    """An absurd amount counts as the most that the reference has."""
    predictions, _ = with_amounts(100, 7)
    predictions[0]["features"]["amount"] = amount
    most = max(each["features"]["amount"] or 0 for each in with_amounts(2000, 0)[0])
    predictions[1]["features"]["amount"] = most
    urgency = Urgency({"1": profile}, "amount")._scales["1"]
    assert urgency[2] * urgency[1] <= most
    for priority, confidence in reviewed(profile, predictions).values():
        assert priority <= (1 - confidence) * urgency[2] + 1e-9


def test_without_a_feature_the_doubt_alone_counts(profile: Profile) -> None:
    """Also for a version without a profile, whose requests have no confidence."""
    rank = np.array([0.2, np.nan, 0.9])
    for urgency in (Urgency({"1": profile}, None), Urgency({"1": profile}, "amount")):
        assert urgency.of("2", rank, None).tolist() == pytest.approx([0.8, 1.0, 0.1])


@pytest.mark.parametrize(
    ("feature", "why"), [("city", "no numeric feature"), ("x", "no numeric feature"), ("below", "never above 0")]
)
def test_a_feature_that_cannot_say_it_is_refused_at_the_start(profile: Profile, feature: str, why: str) -> None:
    """The message names the key, the feature and what there is."""
    with pytest.raises(UsageError, match=why):
        Urgency({"1": profile}, feature)
