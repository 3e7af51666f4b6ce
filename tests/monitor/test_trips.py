from __future__ import annotations

import msgspec

from detectors.layout import Group
from fallback.records import Cause, Page, Transition
from fallback.types import BreakerState
from monitor.judging.trips import Trips
from monitor.observing import Alarm, Trip

S = BreakerState


def alarm(why: str, moved: float, time: float = 0.0, bins: int = 4) -> Alarm:
    """A view of which a share of `moved` went to the first bin."""
    rest = (0.0,) * (bins - 2)
    before, now = (0.5, 0.5, *rest), (0.5 + moved, 0.5 - moved, *rest)
    return Alarm(
        time=time, event=0, level="warning", view="v", log10_evidence=6.0, why=why, version="1", before=before, now=now
    )


def step(source: BreakerState, to: BreakerState, page: Page | None = None, **changes: object) -> Transition:
    """A step of the breaker; by harm, if a page goes with it."""
    fields: dict[str, object] = {
        "time": 100.0,
        "key": "m/1",
        "source": source,
        "to": to,
        "live_to": to,
        "cause": Cause.HARM if page is Page.PAGE else Cause.WARNING,
        "reason": "because",
        "page": page,
        "epoch": 2,
        "seq": 7,
        "harm": page is Page.PAGE,
    }
    return msgspec.convert(fields | changes, Transition)


def tripped() -> Trips:
    """A breaker that a harm alarm has degraded, after two views had moved."""
    trips = Trips()
    trips.moved(alarm("little", 0.1, time=50.0))
    trips.moved(alarm("much", 0.3, time=60.0))
    trips.moved(alarm("less", 0.2, time=70.0))
    trips.stepped("1", step(S.CLOSED, S.DEGRADED, Page.PAGE), ["error: 9 of 10", "coverage: 8 of 10"])
    return trips


def test_a_trip_says_since_when_why_and_what_moved_most() -> None:
    """The harm that alarmed first with its numbers, the step's reason, and the view whose histogram changed most."""
    assert tripped().of("1") == Trip(
        version="1",
        epoch=2,
        step=7,
        since=100.0,
        state="degraded",
        cause="harm",
        why="error: 9 of 10. because",
        moved="much",
        harm=True,
        paged=True,
    )
    assert Trips().of("1") is None


def test_a_trip_that_gets_worse_is_the_same_trip() -> None:
    """OPEN after DEGRADED keeps name and beginning, and does not forget the harm that it began with."""
    trips = tripped()
    first = trips.of("1")
    worse = step(S.DEGRADED, S.OPEN, Page.WORSE, time=200.0, cause=Cause.TOO_FEW, reason="few pass", epoch=3, seq=9)
    second = trips.stepped("1", worse, [])
    assert first is not None
    assert second is not None
    assert (second.epoch, second.step, second.since) == (first.epoch, first.step, first.since)
    assert (second.state, second.cause, second.why) == (
        "open",
        "too_few",
        "few pass. Before that: error: 9 of 10. because",
    )


def test_probing_keeps_why_it_tripped() -> None:
    """HALF_OPEN and OPEN again in turn change the state alone: nobody is told the same twice."""
    trips = tripped()
    trips.stepped("1", step(S.DEGRADED, S.OPEN, Page.WORSE), ["x"])
    before = trips.of("1")
    for source, to in ((S.OPEN, S.HALF_OPEN), (S.HALF_OPEN, S.OPEN)) * 3:
        trips.stepped("1", step(source, to, cause=Cause.BACKOFF, reason="probing"), [])
    assert trips.of("1") == before


def test_closed_ends_it_and_the_next_trip_is_another() -> None:
    """CLOSED ends it and says when; what moved before is no part of the next trip."""
    trips = tripped()
    over = trips.stepped("1", step(S.DEGRADED, S.CLOSED, Page.RESOLVE, time=300.0, cause=Cause.RECOVERED), [])
    assert over is not None
    assert (over.state, over.ended, over.paged) == ("closed", 300.0, True)
    again = trips.stepped("1", step(S.CLOSED, S.DEGRADED, time=400.0, seq=11), [])
    assert again is not None
    assert (again.step, again.since, again.ended, again.moved, again.paged) == (11, 400.0, None, "", False)


def test_what_moved_long_before_is_no_part_of_a_trip() -> None:
    """A view that moved more than an hour before the breaker left CLOSED is not named; one that moves later is."""
    trips = Trips()
    trips.moved(alarm("long ago", 0.4))
    begun = trips.stepped("1", step(S.CLOSED, S.DEGRADED, time=3601.0), [])
    assert begun is not None
    assert begun.moved == ""
    trips.moved(alarm("just now", 0.1, time=3700.0))
    now = trips.of("1")
    assert now is not None
    assert now.moved == "just now"


def test_a_feature_is_named_before_what_is_made_of_it() -> None:
    """A thousand pairs and all projections may move with the one feature that changed; they are named without it."""
    trips = Trips()
    for what, group, moved in (("pair", "pair", 0.5), ("row", "joint", 0.4), ("feature", "single", 0.05)):
        trips.moved(alarm(what, moved), group)
        trips.moved(alarm("pair again", 0.5), Group.PAIR)
        begun = trips.stepped("1", step(S.CLOSED, S.DEGRADED), [])
        assert begun is not None
        assert begun.moved == what


def test_an_operator_who_opens_a_healthy_breaker_makes_no_trip() -> None:
    """FORCED_OPEN over CLOSED is the operator's doing; under an override the trip goes on, in the state that holds."""
    trips = Trips()
    assert trips.stepped("1", step(S.CLOSED, S.FORCED_OPEN, live_to=S.CLOSED, cause=Cause.OVERRIDE), []) is None
    trips = tripped()
    held = trips.stepped("1", step(S.DEGRADED, S.FORCED_CLOSED, live_to=S.DEGRADED, cause=Cause.OVERRIDE), [])
    assert held is not None
    assert (held.state, held.paged, held.ended) == ("forced_closed", True, None)


def test_texts_are_bounded() -> None:
    """Names of features come from outside; no text is longer than 300 characters."""
    trips = Trips()
    trips.moved(alarm("x" * 9999, 0.1))
    trip = trips.stepped("1", step(S.CLOSED, S.OPEN, Page.PAGE, reason="y" * 9999), ["z" * 9999])
    assert trip is not None
    assert max(len(trip.why), len(trip.moved)) == 300


def test_it_goes_on_from_a_snapshot() -> None:
    """Restored from plain values that JSON holds, it says the same from then on; an empty state knows nothing."""
    trips = tripped()
    other = Trips()
    other.restore(msgspec.json.decode(msgspec.json.encode(trips.state())))
    assert other.state() == trips.state()
    worse = step(S.DEGRADED, S.OPEN, Page.WORSE)
    assert other.stepped("1", worse, ["x"]) == trips.stepped("1", worse, ["x"])
    other.restore({})
    assert other.of("1") is None
