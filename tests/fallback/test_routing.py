"""One decision, with its reason: what the model may answer, and what each label will be worth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fallback.errors import RoutingError
from fallback.explain import explain
from fallback.routing import (
    ACCEPTED,
    HELD,
    SUREST,
    SUSPECTED,
    Requests,
    RoutePolicy,
    route,
    uniform,
)
from fallback.types import (
    REASONS,
    BarGuarantee,
    BreakerState,
    Health,
    Known,
    Mode,
    Reason,
    Verdict,
    WhenBlind,
    reason_code,
)
from tests.fallback.batches import POLICY, RANKS, VERDICT, guarantees, many, reasons, requests


def test_the_rule_of_a_closed_breaker() -> None:
    """Below the threshold, held by suspicion, tracking, certified, and no confidence at all."""
    routed = route(requests(*RANKS), VERDICT, POLICY)
    low, suspicion, sure, none = Reason.LOW_CONFIDENCE, Reason.SUSPICION, Reason.CONFIDENT, Reason.NO_CONFIDENCE
    assert reasons(routed) == [low, suspicion, sure, sure, none]
    assert routed.passes.tolist() == [False, False, True, True, False]
    assert routed.stake.tolist() == [HELD, SUSPECTED, ACCEPTED, ACCEPTED, HELD]
    assert guarantees(routed) == ["none", "none", "tracking", "certified", "none"]
    assert routed.bar == 0.6


def test_the_bar_itself_passes() -> None:
    """At least the bar is enough."""
    assert route(requests(0.6), VERDICT, POLICY).passes.tolist() == [True]


def test_a_certified_bar_serves_the_larger_threshold() -> None:
    """With `guarantee: certified` nothing passes below the certificate; its label still counts."""
    routed = route(requests(*RANKS), replace(VERDICT, suspicion=0.0), replace(POLICY, bar=BarGuarantee.CERTIFIED))
    assert reasons(routed)[1:4] == [Reason.UNCERTIFIED, Reason.UNCERTIFIED, Reason.CONFIDENT]
    assert routed.stake.tolist() == [HELD, SUSPECTED, SUSPECTED, ACCEPTED, HELD]
    assert guarantees(routed)[3] == "certified"


def test_without_any_certificate_a_certified_bar_lets_nothing_pass() -> None:
    """An infinite `certified_from` is no number to be lucky with."""
    routed = route(
        requests(1.0), replace(VERDICT, certified_from=math.inf), replace(POLICY, bar=BarGuarantee.CERTIFIED)
    )
    assert (routed.passes.tolist(), reasons(routed)) == ([False], [Reason.UNCERTIFIED])


def test_when_nothing_can_pass_the_surest_tenth_moves_the_threshold() -> None:
    """Above 1 no rank passes, and the surest tenth has a stake of its own; it is HELD as soon as others can pass."""
    routed = route(requests(*RANKS), replace(VERDICT, threshold=1.05, suspicion=0.0), POLICY)
    assert routed.stake.tolist() == [HELD, HELD, HELD, SUREST, HELD]
    routed = route(requests(0.95), replace(VERDICT, threshold=0.97, suspicion=0.0), POLICY)
    assert routed.stake.tolist() == [HELD]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (BreakerState.OPEN, Reason.BREAKER_OPEN),
        (BreakerState.HALF_OPEN, Reason.BREAKER_HALF_OPEN),
        (BreakerState.FORCED_OPEN, Reason.FORCED_OPEN),
    ],
)
def test_an_open_breaker_lets_nothing_pass_but_labels_still_count(state: BreakerState, reason: Reason) -> None:
    """What the threshold alone would have let pass is SUSPECTED: held back by the breaker."""
    routed = route(requests(*RANKS), replace(VERDICT, state=state), POLICY)
    assert set(reasons(routed)) == {reason}
    assert routed.stake.tolist() == [HELD, SUSPECTED, SUSPECTED, SUSPECTED, HELD]
    assert not routed.passes.any()
    assert set(guarantees(routed)) == {"none"}


def test_degraded_still_answers_the_sure_ones() -> None:
    """DEGRADED is no stop: its bar is raised by suspicion, which comes with the verdict."""
    degraded = route(requests(*RANKS), replace(VERDICT, state=BreakerState.DEGRADED), POLICY)
    assert degraded.passes.tolist() == route(requests(*RANKS), VERDICT, POLICY).passes.tolist()


def test_probes_are_served_to_a_share_if_the_user_wants_it() -> None:
    """With `serve_probes` the model answers the confident ones of about a tenth of the requests, without a promise."""
    batch = many()
    routed = route(batch, replace(VERDICT, state=BreakerState.HALF_OPEN), replace(POLICY, serve_probes=True))
    drawn = routed.reason != reason_code(Reason.BREAKER_HALF_OPEN)
    assert abs(drawn.mean() - 0.1) < 0.01
    assert (routed.passes == (drawn & (batch.rank >= 0.6))).all()
    assert set(np.array(reasons(routed))[routed.passes]) == {Reason.PROBE}
    assert not routed.guarantee.any()


def test_the_ramp_lets_a_share_pass() -> None:
    """Half of the traffic while closing, and the same half each time it is asked."""
    batch = many()
    routed = route(batch, replace(VERDICT, ramp=0.5), POLICY)
    ramp = routed.reason == reason_code(Reason.RAMP)
    assert abs(ramp.mean() - 0.5) < 0.02
    assert (routed.reason == route(batch, replace(VERDICT, ramp=0.5), POLICY).reason).all()


def test_forced_closed_answers_all_without_a_promise_but_for_guards() -> None:
    """An operator's order beats confidence; what is no valid output still cannot be given out."""
    forced = replace(VERDICT, state=BreakerState.FORCED_CLOSED)
    routed = route(requests(*RANKS), forced, POLICY)
    assert routed.passes.all()
    assert set(guarantees(routed)) == {"none"}
    assert routed.stake.tolist() == [HELD, ACCEPTED, ACCEPTED, ACCEPTED, HELD]
    assert reasons(route(requests(0.9, guard=Reason.INVALID_OUTPUT), forced, POLICY)) == [Reason.INVALID_OUTPUT]


def test_guards_beat_confidence_and_their_labels_say_nothing_about_it() -> None:
    """A guard names itself as the reason; so does an infinite set."""
    for batch, reason in (
        (requests(0.99, guard=Reason.NO_PROFILE), Reason.NO_PROFILE),
        (requests(0.99, infinite=True), Reason.INFINITE_SET),
        (requests(0.99, guard=Reason.NO_OUTPUT, infinite=True), Reason.NO_OUTPUT),
    ):
        routed = route(batch, VERDICT, POLICY)
        assert (reasons(routed), routed.stake.tolist()) == ([reason], [HELD])


def test_the_kill_switch_beats_everything() -> None:
    """Even leave to answer all, and even one who only observes."""
    forced = replace(VERDICT, state=BreakerState.FORCED_CLOSED)
    for policy in (POLICY, replace(POLICY, mode=Mode.OBSERVE)):
        routed = route(requests(*RANKS), forced, policy, kill_switch=True)
        assert set(reasons(routed)) == {Reason.KILL_SWITCH}
        assert not routed.passes.any()


def test_observing_diverts_nobody_and_records_what_it_would_have_done() -> None:
    """Every request passes; the rule's own decision stands beside it, and only its own carry a guarantee."""
    policy = replace(POLICY, mode=Mode.OBSERVE)
    enforced, observed = route(requests(*RANKS), VERDICT, POLICY), route(requests(*RANKS), VERDICT, policy)
    assert observed.passes.all()
    assert (observed.would_pass == enforced.passes).all()
    assert (observed.would_reason == enforced.reason).all()
    assert reasons(observed) == [Reason.OBSERVED, Reason.OBSERVED, Reason.CONFIDENT, Reason.CONFIDENT, Reason.OBSERVED]
    assert (observed.guarantee == enforced.guarantee).all()
    assert observed.stake.tolist() == [HELD, ACCEPTED, ACCEPTED, ACCEPTED, HELD]


def test_audits_are_drawn_among_the_accepted_with_the_propensity_of_the_verdict() -> None:
    """A quarter of the accepted, none of the others; asked for: the held back and the audited."""
    routed = route(many(), VERDICT, replace(POLICY, known=Known.ASKED))
    assert not (routed.audit & ~routed.passes).any()
    assert abs(routed.audit[routed.passes].mean() - 0.25) < 0.02
    assert (routed.asked == (~routed.passes | routed.audit)).all()
    assert routed.propensity == 0.25


def test_where_all_is_known_nobody_has_to_be_audited() -> None:
    """Every label comes anyway, so each accepted answer counts in full."""
    routed = route(many(), VERDICT, POLICY)
    assert not routed.audit.any()
    assert routed.asked.all()
    assert routed.propensity == 1.0


def test_draws_are_uniform_repeatable_and_unrelated() -> None:
    """Consecutive ids give uniform draws, two salts unrelated ones (each within 4 standard errors of 10⁵)."""
    ids: NDArray[np.uint64] = np.arange(100_000, dtype=np.uint64)
    a, b = uniform(ids, 1), uniform(ids, 2)
    assert (a == uniform(ids, 1)).all()
    assert ((a >= 0) & (a < 1)).all()
    assert abs(a.mean() - 0.5) < 4 * math.sqrt(1 / 12 / 100_000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(100_000)


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    """A batch is of one length."""
    with pytest.raises(RoutingError, match="one length"):
        replace(requests(0.1, 0.2), infinite=np.zeros(3, dtype=np.bool_))


def test_an_empty_batch_is_a_batch() -> None:
    """Nothing in, nothing out."""
    assert route(requests(), VERDICT, POLICY).passes.shape == (0,)


verdicts = st.builds(
    Verdict,
    state=st.sampled_from(list(BreakerState)),
    epoch=st.just(1),
    threshold=st.floats(0, 1.06),
    certified_from=st.one_of(st.floats(0, 1), st.just(math.inf)),
    suspicion=st.floats(0, 0.4),
    propensity=st.floats(0, 1),
    set_threshold=st.just(1.0),
    usual_delay=st.just(1.0),
    time=st.just(1e9),
    ledger_offset=st.just(0),
    ramp=st.sampled_from([0.1, 0.5, 1.0]),
)
policies = st.builds(
    RoutePolicy,
    mode=st.sampled_from(list(Mode)),
    when_blind=st.sampled_from(list(WhenBlind)),
    known=st.sampled_from(list(Known)),
    bar=st.sampled_from(list(BarGuarantee)),
    serve_probes=st.booleans(),
)
ranks = st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), max_size=20)


def test_without_confidence_the_model_answers_as_unknown_while_all_is_calm() -> None:
    """Where it is allowed to: without a guarantee, and not once the bar is raised, or nothing passes, or for probes."""
    lenient = replace(POLICY, unknown_passes=True, serve_probes=True, probe_share=1.0)
    calm = replace(VERDICT, suspicion=0.0)
    routed = route(requests(math.nan, 0.99), calm, lenient)
    assert reasons(routed) == [Reason.UNKNOWN, Reason.CONFIDENT]
    assert routed.passes.all()
    assert str(guarantees(routed)[0]) == "none"
    raised = replace(calm, suspicion=0.1)
    closed = replace(calm, threshold=1.03)
    probing = replace(calm, state=BreakerState.HALF_OPEN)
    for verdict in (raised, closed, probing):
        assert reasons(route(requests(math.nan), verdict, lenient)) == [Reason.NO_CONFIDENCE]
    assert reasons(route(requests(math.nan), calm, POLICY)) == [Reason.NO_CONFIDENCE]


@given(verdicts, policies, st.sampled_from(list(Health)), ranks, st.booleans(), st.sampled_from([0, 0, 17, 18]))
def test_what_always_holds(
    verdict: Verdict, policy: RoutePolicy, health: Health, rank: list[float], kill: bool, guard: int
) -> None:
    """A batch is its requests one by one; stakes, guarantees and reasons agree with who answers."""
    batch = requests(*rank, guard=REASONS[guard])
    whole = route(batch, verdict, policy, health, kill_switch=kill)
    arrays = ("passes", "reason", "would_pass", "would_reason", "stake", "audit", "asked", "guarantee")
    for i in range(len(rank)):
        single = Requests(*(getattr(batch, name)[i : i + 1] for name in ("rank", "id_hash", "guard", "infinite")))
        alone = route(single, verdict, policy, health, kill_switch=kill)
        assert all(getattr(alone, name)[0] == getattr(whole, name)[i] for name in arrays)
        assert explain(batch, whole, i, verdict).startswith("The model" if whole.passes[i] else "Held back")
    assert not (whole.audit & ~whole.passes).any()
    assert not (whole.guarantee.astype(bool) & ~whole.would_pass).any()
    assert ((whole.stake == ACCEPTED) <= whole.passes).all()
    assert ((whole.stake == SUSPECTED) <= ~whole.passes).all()
    assert (whole.asked | whole.passes).all()
    if policy.mode is Mode.ENFORCE:
        assert (whole.passes == whole.would_pass).all()
        assert not (whole.passes & (batch.guard != 0)).any()
