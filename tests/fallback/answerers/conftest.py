"""A real HTTP server on a free port that behaves as the path says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fallback.answerers.types import AskedRequest
from tests.real.inference import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def request_() -> AskedRequest:
    return AskedRequest("r1", "d-r1", "m", "1", {"age": 31.0, "region": "north", "income": None})
