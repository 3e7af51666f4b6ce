from __future__ import annotations

from dataclasses import replace

import numpy as np

from fallback.routing import ACCEPTED, HELD, SUSPECTED, Requests, RoutePolicy, route
from fallback.segments import in_force
from fallback.types import REASONS, BreakerState, GroupRuling, Reason, Verdict

VERDICT = Verdict(
    state=BreakerState.CLOSED,
    epoch=0,
    threshold=0.5,
    certified_from=2.0,
    suspicion=0.0,
    propensity=1.0,
    set_threshold=0.7,
    usual_delay=0.0,
    time=0.0,
    ledger_offset=1,
)
LABELS = ("region=north", "region=south", "age=old")
NORTH, SOUTH, OLD, NOBODY = [True, False, False], [False, True, False], [False, False, True], [False, False, False]
NORTH_OLD = [True, False, True]


def ruled(*groups: GroupRuling) -> Verdict:
    """A verdict with rulings of groups."""
    return replace(VERDICT, groups=groups)


def routed(verdict: Verdict, *rows: tuple[float, list[bool]]) -> tuple[list[Reason], list[int]]:
    """Reasons and stakes of requests of some rank and groups."""
    ranks, inside = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    n = len(rows)
    force = in_force(verdict, inside, LABELS)
    requests = Requests(ranks, np.arange(n, dtype=np.uint64), np.zeros(n, np.uint8), np.zeros(n, bool), force)
    done = route(requests, verdict, RoutePolicy())
    return [REASONS[code] for code in done.reason.tolist()], done.stake.tolist()


def test_bars_add_up_over_the_groups_of_a_request() -> None:
    """Nobody's .5, the north's .6, the old's .7, and .8 where they meet."""
    verdict = ruled(GroupRuling("region=north", offset=0.1), GroupRuling("age=old", offset=0.2))
    rows = [(0.55, NOBODY), (0.55, NORTH), (0.65, NORTH), (0.65, OLD), (0.75, NORTH_OLD), (0.85, NORTH_OLD)]
    reasons, stakes = routed(verdict, *rows)
    passes = [reason is Reason.CONFIDENT for reason in reasons]
    assert passes == [True, False, True, False, False, True]
    # held back by its group's bar is held back: no label of it moves λ
    assert stakes == [ACCEPTED if each else HELD for each in passes]


def test_the_strictest_breaker_of_the_chain_holds() -> None:
    """Version, region and age: the worst of the three, whoever it is."""
    verdict = ruled(
        GroupRuling("region=north", state=BreakerState.OPEN),
        GroupRuling("region=south", state=BreakerState.FORCED_CLOSED),
        GroupRuling("age=old", state=BreakerState.DEGRADED),
    )
    inside = np.array([NORTH, SOUTH, OLD, NORTH_OLD, NOBODY])
    force = in_force(verdict, inside, LABELS)
    reasons, stakes = routed(verdict, *((0.1 if row == SOUTH else 0.9, row) for row in inside.tolist()))
    assert reasons == [
        Reason.BREAKER_OPEN,
        Reason.FORCED,
        Reason.CONFIDENT,
        Reason.BREAKER_OPEN,
        Reason.CONFIDENT,
    ]
    assert stakes[0] == SUSPECTED
    assert force.ruled_by.tolist() == [0, 1, 2, 0, -1]
    above = replace(verdict, state=BreakerState.OPEN)
    assert set(routed(above, *((0.9, row) for row in inside.tolist()))[0]) == {Reason.BREAKER_OPEN}
    assert in_force(above, inside, LABELS).ruled_by.tolist() == [-1] * 5


def test_a_request_in_two_groups_has_the_more_cautious_set() -> None:
    """The larger of their thresholds; a group without one has the version's."""
    verdict = ruled(GroupRuling("region=north", set_threshold=0.4), GroupRuling("region=south", set_threshold=0.9))
    force = in_force(verdict, np.array([NORTH, SOUTH, OLD, NORTH_OLD, NOBODY]), LABELS)
    assert force.set_threshold.tolist() == [0.4, 0.9, 0.7, 0.7, 0.7]


def test_groups_without_rulings_change_nothing() -> None:
    """Whoever is in a group is routed as if there were none."""
    rng = np.random.default_rng(0)
    n = 200
    rank, hashes = rng.random(n), rng.integers(0, 2**63, n).astype(np.uint64)
    guard, endless = np.zeros(n, np.uint8), rng.random(n) < 0.1
    for state in BreakerState:
        verdict = replace(VERDICT, state=state, suspicion=0.2, ramp=0.5)
        force = in_force(verdict, rng.random((n, 3)) < 0.5, LABELS)
        one = route(Requests(rank, hashes, guard, endless), verdict, RoutePolicy())
        other = route(Requests(rank, hashes, guard, endless, force), verdict, RoutePolicy())
        for name in ("passes", "reason", "stake", "guarantee", "audit", "asked"):
            assert (getattr(one, name) == getattr(other, name)).all()
        assert (np.asarray(other.bar) == one.bar).all()


def test_a_verdict_on_groups_of_another_profile_is_not_obeyed() -> None:
    """Unknown names are passed over, and an empty batch is no trouble."""
    force = in_force(ruled(GroupRuling("region=west", offset=0.5)), np.array([NORTH]), LABELS)
    assert force.offset.tolist() == [0.0]
    assert in_force(VERDICT, np.zeros((0, 3), bool), LABELS).state.shape == (0,)
