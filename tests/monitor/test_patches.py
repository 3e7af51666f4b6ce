"""How long an episode lasted, and what ended it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from monitor.judging.patches import Patches, unpatched
from monitor.observing import Trip
from monitor.summaries import Flagger, VersionCounts

TRIP = Trip(version="1", epoch=1, step=4, since=100.0, state="degraded", cause="harm", why="harm", paged=True)
WINDOW = 3600.0


def counts(version: str = "1", n: int = 10, *, flagged: bool = False) -> VersionCounts:
    return VersionCounts(version=version, profile="p", n=n, flaggers=[Flagger("", "u")] if flagged else [])


def look(patches: Patches, time: float, trip: Trip | None, *seen: VersionCounts) -> list[tuple[str, Any, Any]]:
    told = patches.look(seen or [counts()], time, {} if trip is None else {"1": trip})
    return [(kind, fields["since"], fields.get("how")) for kind, fields in told]


@pytest.fixture
def patches() -> Patches:
    return Patches(WINDOW)


def test_it_begins_with_the_first_flag_of_the_window_before_the_page(patches: Patches) -> None:
    """Flags from long before are no part of it."""
    for time in (0.0, 5000.0, 6000.0):
        assert look(patches, time, None, counts(flagged=True)) == []
    assert look(patches, 8000.0, TRIP) == [("episode", 5000.0, None)]
    assert look(patches, 8001.0, TRIP) == []
    ended = replace(TRIP, ended=9000.0, ended_by="recovered")
    assert look(patches, 9000.0, ended) == [("patched", 5000.0, "resolved")]
    assert look(patches, 9001.0, ended) == []


def test_without_flags_it_begins_with_the_page(patches: Patches) -> None:
    """A trip that paged nobody is none; one that begins and ends with one summary has both records."""
    assert look(patches, 200.0, replace(TRIP, paged=False)) == []
    ended = replace(TRIP, ended=300.0, ended_by="accepted")
    assert look(patches, 300.0, ended) == [("episode", 300.0, None), ("patched", 300.0, "accepted")]
    later = replace(TRIP, step=9)
    assert look(patches, 400.0, later) == [("episode", 400.0, None)]


def test_a_version_that_takes_over_ends_it_with_the_last_request_of_the_old_one(patches: Patches) -> None:
    """Ten minutes later; not while both have requests, and not by one that was there before the page."""
    patches.look([counts(), counts("0")], 0.0, {})
    assert look(patches, 100.0, TRIP) == [("episode", 100.0, None)]
    assert look(patches, 200.0, TRIP, counts(), counts("2")) == []
    assert look(patches, 700.0, TRIP, counts("0"), counts("2")) == []
    told = patches.look([counts("0"), counts("2")], 800.0, {"1": TRIP})
    assert told == [
        ("patched", {"version": "1", "segment": "", "since": 100.0, "first": "page", "ended": 200.0, "seconds": 100.0,
                     "how": "version 2"}),
    ]  # fmt: skip
    old = Patches(WINDOW)
    old.look([counts(), counts("0")], 0.0, {})
    old.look([counts()], 100.0, {"1": TRIP})
    assert old.look([counts("0")], 9000.0, {"1": TRIP}) == []


def test_a_restored_one_goes_on_the_same(patches: Patches) -> None:
    """Plain values, through JSON."""
    look(patches, 50.0, None, counts(flagged=True))
    look(patches, 100.0, TRIP)
    other = Patches(WINDOW)
    other.restore(msgspec.json.decode(msgspec.json.encode(patches.state())))
    ended = replace(TRIP, ended=200.0, ended_by="accepted")
    assert look(other, 200.0, ended) == look(patches, 200.0, ended) == [("patched", 50.0, "accepted")]
    assert other.state() == patches.state()


def test_flags_are_remembered_in_bounded_memory(patches: Patches) -> None:
    """The first of each sixtieth of the window."""
    for second in range(20_000):
        patches.look([counts(flagged=True)], float(second), {})
    assert len(patches.state()["flags"]["1"]) <= 61


def test_a_new_profile_or_configuration_ends_what_was_open(patches: Patches) -> None:
    """From the last snapshot and the records after it; what was over by then is not told again."""
    look(patches, 100.0, TRIP)
    base = {"profiles": {"1": "old"}, "trips": {"patches": patches.state()}}
    (found,) = unpatched(base, [], {"1": "new"}, 700.0)
    assert (found["how"], found["seconds"], found["since"]) == ("new profile", 600.0, 100.0)
    assert unpatched(base, [], {"1": "old"}, 700.0)[0]["how"] == "configuration"
    assert unpatched(base, [], {"2": "new"}, 700.0)[0]["how"] == "version 2"
    over = msgspec.json.encode({"kind": "patched", "version": "1", "segment": ""})
    assert unpatched(base, [over], {"1": "new"}, 700.0) == []
    begun = {"kind": "episode", "version": "1", "segment": "", "since": 300.0, "first": "flag"}
    (found,) = unpatched({"profiles": {"1": "old"}}, [msgspec.json.encode(begun)], {"1": "new"}, 700.0)
    assert (found["first"], found["seconds"]) == ("flag", 400.0)
    assert unpatched(None, [], {"1": "new"}, 700.0) == []
