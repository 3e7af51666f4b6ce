"""Why a request went where it went, in a sentence for people."""

from __future__ import annotations

from fallback.routing import GUARANTEES, Requests, Routed
from fallback.types import REASONS, Reason, Verdict

__all__ = ["WORDS", "explain"]

WORDS: dict[Reason, str] = {
    Reason.CONFIDENT: "its confidence rank {rank} reaches the bar {bar}",
    Reason.FORCED: "an operator has ordered that the model answers all",
    Reason.PROBE: "it is one of the probes by which an open breaker finds out whether it may close",
    Reason.OBSERVED: "the rule would have held it back ({would}), but it only observes",
    Reason.BLIND_CLOSED: "no verdict has come for too long, and `when_blind: closed` lets the model answer",
    Reason.UNKNOWN: "the model gave no confidence, and `without_confidence: answer` lets it answer without a guarantee",
    Reason.LOW_CONFIDENCE: "its confidence rank {rank} is below the threshold {threshold}",
    Reason.SUSPICION: "its confidence rank {rank} is below the bar {bar}, which suspicion has raised by {suspicion}",
    Reason.UNCERTIFIED: "its confidence rank {rank} is below {certified}, from which answers are certified",
    Reason.BREAKER_OPEN: "the breaker is open",
    Reason.BREAKER_HALF_OPEN: "the breaker is half-open, and scores the model in shadow",
    Reason.FORCED_OPEN: "an operator has ordered that the model answers nothing",
    Reason.RAMP: "the breaker has just closed, and lets {ramp} of the requests through",
    Reason.BLIND: "no verdict has come for too long",
    Reason.KILL_SWITCH: "the kill switch is on",
    Reason.NO_CONFIDENCE: "the model gave no confidence",
    Reason.INFINITE_SET: "its set or interval is infinite: nothing can be excluded",
    Reason.NO_PROFILE: "there is no profile for this version",
    Reason.NO_OUTPUT: "the model gave no output",
    Reason.INVALID_OUTPUT: "the model's output is not valid",
    Reason.INVALID_FEATURES: "its features are not valid",
    Reason.MISSING_FEATURE: "a feature is missing",
    Reason.UNKNOWN_FEATURE: "it has a feature that the profile does not know",
    Reason.NOVEL: "nothing like it was among the reference data",
    Reason.QUEUE_FULL: "the queue of reviews is full",
    Reason.DEADLINE: "nobody answered before the deadline",
    Reason.ANSWERER_FAILED: "the answerer failed",
    Reason.CHAIN_EXHAUSTED: "everybody in the chain failed",
}
"""Each reason in words."""


def explain(requests: Requests, routed: Routed, index: int, verdict: Verdict) -> str:
    """Say who answers a request of a routed batch, and why."""
    numbers = {
        "rank": f"{requests.rank[index]:.3f}",
        "bar": f"{routed.bar:.3f}",
        "threshold": f"{verdict.threshold:.3f}",
        "suspicion": f"{verdict.suspicion:.3f}",
        "certified": f"{verdict.certified_from:.3f}",
        "ramp": f"{verdict.ramp:.0%}",
    }
    would = WORDS[REASONS[routed.would_reason[index]]].format(**numbers, would="")
    because = WORDS[REASONS[routed.reason[index]]].format(**numbers, would=would)
    if not routed.passes[index]:
        return f"Held back: {because}."
    audited = " It is checked as well." if routed.audit[index] else ""
    return f"The model answers: {because}. Guarantee: {GUARANTEES[routed.guarantee[index]]}.{audited}"
