"""What has changed is accepted: what came since is the reference, and the next change is seen against it."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.evidence import Evidence
from detectors.layout import Layout
from detectors.types import IntArray

LAYOUT = Layout(("x", "y"), 6, (), (), (), ("single", "single"))
OLD = np.array([250, 250, 250, 250, 0, 0])
LOW, FLAT, HIGH = (np.array(each) for each in ([70, 20, 10, 0], [25, 25, 25, 25], [0, 10, 20, 70]))


def batch(x: IntArray, y: IntArray = FLAT) -> IntArray:
    return np.concatenate([[*x, 0, 0], [*y, 0, 0]])


class Feed:
    """A detector and its clock: a hundred events a second."""

    def __init__(self) -> None:
        self.evidence = Evidence(LAYOUT, np.tile(OLD, 2), np.log(1e4))
        self.time = 0.0

    def __call__(self, n: int, x: IntArray) -> list[str]:
        """Batches of the view `x`, while `y` stays; the views that alarm."""
        times = self.time + np.arange(float(n))
        self.time += n
        counts = np.tile(batch(x), (n, 1))
        return [LAYOUT.names[a.view] for a in self.evidence.update(counts, np.full(n, 100.0), times).alarms]


def test_the_reference_is_what_came_since_the_change() -> None:
    """Of the view that moved; the other one's stays, and grows on."""
    feed = Feed()
    assert feed(5, FLAT) == []
    assert feed(30, HIGH) == ["x"]
    assert feed.evidence.accept() == {0: 3000}
    assert not feed.evidence.held.any()
    assert feed(50, HIGH) == []
    # what was normal once is a change now
    assert feed(10, FLAT) == ["x"]


def test_it_is_accepted_a_second_and_a_third_time() -> None:
    """Each time on what came since the last change."""
    feed = Feed()
    for x, moved in ((HIGH, ["x"]), (LOW, ["x"]), (FLAT, ["x"])):
        assert feed(20, x) == moved
        ((view, events),) = feed.evidence.accept().items()
        assert view == 0
        assert 1900 <= events <= 2000
        assert feed(20, x) == []


def test_a_view_on_its_way_to_an_alarm_is_accepted_with_the_others() -> None:
    """Or it would page for the same change a little later; alone, without any episode, it is not touched."""
    evidence = Evidence(LAYOUT, np.tile(OLD, 2), np.log(1e9))
    rows = np.tile(batch(HIGH, np.array([19, 22, 28, 31])), (12, 1))
    assert [a.view for a in evidence.update(rows, np.full(12, 100.0), np.arange(12.0)).alarms] == [0]
    assert evidence.accept().keys() == {0, 1}
    later = evidence.update(np.tile(rows, (10, 1)), np.full(120, 100.0), np.arange(12.0, 132.0))
    assert later.alarms == ()
    alone = Evidence(LAYOUT, np.tile(OLD, 2), np.log(1e9))
    alone.update(np.tile(batch(np.array([19, 22, 28, 31])), (12, 1)), np.full(12, 100.0), np.arange(12.0))
    assert alone.accept() == {}


def test_without_an_episode_there_is_nothing_to_accept() -> None:
    """And nothing changes."""
    feed = Feed()
    feed(5, FLAT)
    before = {name: array.tobytes() for name, array in feed.evidence.state().items()}
    assert feed.evidence.accept() == {}
    assert {name: array.tobytes() for name, array in feed.evidence.state().items()} == before


@pytest.mark.parametrize("frozen_after", [0, 5])
def test_what_came_while_the_reference_was_frozen_is_accepted_too(frozen_after: int) -> None:
    """An episode that opened before or within a freeze keeps all that came since its change."""
    feed = Feed()
    feed(5, FLAT)
    feed(frozen_after, HIGH)
    feed.evidence.frozen = True
    feed(20 - frozen_after, HIGH)
    assert feed.evidence.accept() == {0: 2000}
    feed.evidence.frozen = False
    assert feed(20, HIGH) == []
    assert feed(10, FLAT) == ["x"]


def test_a_restored_detector_accepts_the_same() -> None:
    """What came since the change is part of the state."""
    feed, other = Feed(), Feed()
    feed(20, HIGH)
    other.evidence.restore(feed.evidence.state())
    assert other.evidence.accept() == feed.evidence.accept() == {0: 2000}
    one, two = feed.evidence.state(), other.evidence.state()
    assert {name: array.tobytes() for name, array in one.items()} == {n: array.tobytes() for n, array in two.items()}


def test_what_came_in_an_episode_that_is_over_is_forgotten() -> None:
    """The next one begins with its own counts."""
    feed = Feed()
    feed(10, HIGH)
    feed(1200, FLAT)
    assert not feed.evidence.held.any()
    assert not feed.evidence.state()["new"].any()


def test_an_unchanged_stream_after_an_acceptance_raises_no_alarm() -> None:
    """50 seeds, 200 batches on a reference of about 2,000 new rows: none at A = 10^8, where t / A is 2e-4."""
    alarms = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        evidence = Evidence(Layout(("x",), 6, (), (), (), ("single",)), OLD, np.log(1e8))
        draws = np.concatenate([rng.multinomial(100, HIGH / 100, size=220), np.zeros((220, 2), np.int64)], axis=1)
        evidence.update(draws[:20], np.full(20, 100.0), np.arange(20.0))
        assert evidence.accept()
        alarms += len(evidence.update(draws[20:], np.full(200, 100.0), np.arange(20.0, 220.0)).alarms)
    assert alarms == 0
