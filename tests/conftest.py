from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.real.kafka import ApacheKafka

# Examples come from the test's own name, so that a run repeats; CI looks at more of them.
# No deadline: no test waits for the clock.
settings.register_profile("local", derandomize=True, deadline=None, max_examples=100)
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def apache_kafka() -> Iterator[ApacheKafka]:
    """One broker for all tests that need a real one and do it no harm."""
    with ApacheKafka() as broker:
        yield broker
