"""Every kind of output and every score, from a recorded reference to decisions and back."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.method import CONFIDENCES, Method
from detectors.profile_bytes import dump, load
from fallback.types import Reason, reason_code
from monitor.backtest import Outputs, backtest, rows_of
from monitor.config import Config
from monitor.errors import UsageError
from monitor.events import DeadLetterReason, Output, Prediction, decode_predictions, format_time
from monitor.fit.fitting import Learnt, fit_profile
from monitor.fit.result import fit_result, told
from monitor.fit.uncertainty import differences
from monitor.report import Recorder, Run, report
from monitor.rows import Schema, arrange
from monitor.tables import RawBatch
from tests.monitor.streams import FIRST, configured

INVALID, NOTHING = reason_code(Reason.INVALID_OUTPUT), reason_code(Reason.NO_OUTPUT)


def classes(n: int, seed: int, kind: str) -> tuple[list[dict[str, Any]], list[Any]]:
    """Outputs of a model of three classes that is too sure of itself, and the truth."""
    rng = np.random.default_rng(seed)
    honest = np.log(rng.dirichlet(np.full(3, 0.6), n) + 1e-6)
    p = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, 2)
    logits = 2 * honest + rng.normal(size=(n, 1))
    members = logits[:, None, :] + rng.normal(scale=0.7, size=(n, 4, 3))
    soft = np.exp(members - members.max(axis=2, keepdims=True))
    soft /= soft.sum(axis=2, keepdims=True)
    outputs: list[dict[str, Any]] = []
    for i in range(n):
        if kind == "samples":
            outputs.append({"samples": soft[i].tolist()})
        else:
            outputs.append({"logits": dict(zip("abc", logits[i].tolist(), strict=True))})
    names = "012" if kind == "samples" else "abc"
    return outputs, [names[t] for t in truth]


def numbers(n: int, seed: int, kind: str) -> tuple[list[dict[str, Any]], list[Any]]:
    """Outputs of a regression whose error grows with its spread, and the truth."""
    rng = np.random.default_rng(seed)
    middle, doubt = rng.normal(size=n) * 5, rng.uniform(0.2, 3, n)
    truth = middle + doubt * rng.normal(size=n)
    value, spread = middle.tolist(), doubt.tolist()
    ends = (middle - doubt).tolist(), (middle + 2 * doubt).tolist()

    def said(i: int) -> dict[str, Any]:
        if kind == "quantiles":
            return {"quantiles": {"0.1": ends[0][i], "0.5": value[i], "0.9": ends[1][i]}}
        if kind == "draws":
            return {"samples": (value[i] + spread[i] * rng.normal(size=20)).tolist()}
        more = {"normalised": {"spread": spread[i]}, "cqr": {"lower": ends[0][i], "upper": ends[1][i]}}
        return {"value": value[i]} | more.get(kind, {})

    return [said(i) for i in range(n)], truth.tolist()


def answers(n: int, seed: int, kind: str) -> tuple[list[dict[str, Any]], list[Any]]:
    """Generated answers whose log-probability says how likely they are right, and the truth."""
    rng = np.random.default_rng(seed)
    mean, length = -rng.exponential(0.5, n), rng.integers(1, 30, n)
    right = rng.random(n) < 1 / (1 + np.exp(-(2 + 4 * (mean + 0.5))))
    outputs: list[dict[str, Any]] = []
    for i in range(n):
        said: dict[str, Any] = {"label": f"answer {i % 7}"}
        if kind == "tokens":
            said["token_logprobs"] = np.minimum(mean[i] + rng.normal(scale=0.1, size=length[i]), 0).tolist()
        else:
            said |= {"logprob": float(mean[i] * length[i]), "length": int(length[i]), "margin": float(-mean[i])}
        outputs.append(said)
    return outputs, [f"answer {i % 7}" if right[i] else "another" for i in range(n)]


def batch(outputs: list[dict[str, Any]], truth: list[Any], start: int = 0) -> RawBatch:
    """As `fit` and a backtest read it."""
    n = len(outputs)
    rng = np.random.default_rng(start)
    predictions = [
        msgspec.json.encode(
            {"id": str(start + i), "time": format_time(FIRST + i), "features": {"x": rng.normal()}, "output": output}
        )
        for i, output in enumerate(outputs)
    ]
    kind = "label" if isinstance(truth[0], str) else "value"
    return RawBatch(
        first=0,
        predictions=predictions,
        ids=[str(start + i) for i in range(n)],
        times=FIRST + np.arange(n, dtype=float),
        outcomes=[msgspec.json.encode({"id": str(start + i), kind: each}) for i, each in enumerate(truth)],
        truth=truth,
        progress=1.0,
    )


def ran(config: Config, learnt: Learnt, outputs: list[dict[str, Any]], truth: list[Any]) -> tuple[Any, list[Any]]:
    """Result and decisions of a backtest."""
    lines = io.BytesIO()
    result = backtest(config, {"1": learnt.profile}, rows_of([batch(outputs, truth, 10_000)]), Outputs(decisions=lines))
    return result, [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize("randomised", [False, True])
@pytest.mark.parametrize("score", ["lac", "aps", "raps"])
def test_sets_of_every_score_cover_the_truth(score: str, randomised: bool) -> None:
    """Fitted on 2,000 events, sets of 3,000 others cover .90: three sigma are .016, and one more for the threshold."""
    config = configured(uncertainty={"score": score, "randomised": randomised}, outcomes={"delay": 0})
    learnt = fit_profile([batch(*classes(2000, 1, "logits"))], config)
    assert learnt.profile.method.classes.name == score
    result, decisions = ran(config, learnt, *classes(3000, 2, "logits"))
    assert result["dead_letters"]["n"] == 0
    assert abs(result["coverage"]["overall"] - 0.9) < 0.025 + (0.02 if score != "lac" and not randomised else 0)
    inside = [set(each["set"] or "abc") for each in decisions]
    assert min(map(len, inside)) >= (0 if score == "lac" or randomised else 1)


@pytest.mark.parametrize("kind", ["residual", "normalised", "cqr", "quantiles", "draws"])
def test_intervals_of_every_score_cover_the_truth(kind: str) -> None:
    """The score follows what the model says; intervals cover .90 within .03, and adaptive ones differ in width."""
    config = configured(outcomes={"delay": 0})
    learnt = fit_profile([batch(*numbers(2000, 3, kind))], config)
    expected = {"quantiles": "cqr", "draws": "normalised"}.get(kind, kind)
    assert learnt.profile.method.values.name == expected
    result, decisions = ran(config, learnt, *numbers(3000, 4, kind))
    assert abs(result["coverage"]["overall"] - 0.9) < 0.03
    late = [each["interval"] for each in decisions[2000:] if each["interval"][0] is not None]
    widths = {round(upper - lower, 3) for lower, upper in late[-100:]}
    assert (len(widths) > 50) == (expected != "residual")
    if kind in ("quantiles", "draws"):
        assert all(isinstance(each["answer"], float) for each in decisions if each["route"] == "model")


@pytest.mark.parametrize("name", [each for each in CONFIDENCES if each != "language"])
def test_every_confidence_ranks_right_above_wrong(name: str) -> None:
    """Right answers have a mean rank above wrong ones, on events that nothing was fitted on, whatever is chosen."""
    kind = "samples" if name == "mutual-information" else "logits"
    config = configured(uncertainty={"confidence": name})
    learnt = fit_profile([batch(*classes(1500, 5, kind))], config)
    assert learnt.profile.method.confidence == name
    outputs, truth = classes(1000, 6, kind)
    _, decisions = ran(config, learnt, outputs, truth)
    rank = np.array([each["confidence"] for each in decisions], dtype=float)
    arranged = arrange(
        [Prediction(str(i), output=msgspec.convert(o, Output)) for i, o in enumerate(outputs)],
        Schema.of(learnt.profile),
    )
    right = np.array([a == b for a, b in zip(arranged.rows.label, truth, strict=True)])
    assert np.isfinite(rank).all()
    assert rank[right].mean() > rank[~right].mean() + (0.1 if name in ("probability", "margin", "entropy") else 0)


@pytest.mark.parametrize("kind", ["tokens", "sums"])
def test_generated_answers_are_held_to_the_promise_by_their_log_probabilities(kind: str) -> None:
    """Without any classes, log-probabilities alone make a confidence, and the surest are right more often."""
    config = configured(outcomes={"delay": 0})
    learnt = fit_profile([batch(*answers(2000, 7, kind))], config)
    assert learnt.profile.method.confidence == "language"
    result, decisions = ran(config, learnt, *answers(3000, 8, kind))
    accepted, alone = result["accepted"], result["always_answering"]
    assert accepted["n"] > 500
    assert accepted["error_rate"] <= 0.2
    assert accepted["error_rate"] < alone["error_rate"] - 0.03
    assert {each["route"] for each in decisions} > {"model"}


@pytest.mark.parametrize("kind", ["logits", "tokens"])
def test_decisions_state_how_likely_the_answer_is_right(kind: str) -> None:
    """An overconfident classifier's and generated answers are stated within .05, in both halves of the ranks."""
    make = classes if kind == "logits" else answers
    learnt = fit_profile([batch(*make(2000, 15, kind))], configured())
    outputs, truth = make(3000, 16, kind)
    _, decisions = ran(configured(outcomes={"delay": 20}), learnt, outputs, truth)
    rank, stated = (np.array([each[name] for each in decisions], dtype=float) for name in ("confidence", "probability"))
    arranged = arrange(
        [Prediction(str(i), output=msgspec.convert(each, Output)) for i, each in enumerate(outputs)],
        Schema.of(learnt.profile),
    )
    right = np.array([label == true for label, true in zip(arranged.rows.label, truth, strict=True)])
    for half in (rank < 0.5, rank >= 0.5):
        assert abs(stated[half].mean() - right[half].mean()) < 0.05
    order = np.argsort(rank[-50:], kind="stable")
    assert (np.diff(stated[-50:][order]) >= -0.02).all()  # under one verdict it rises with the rank


def test_fit_and_backtest_report_calibration_before_and_after() -> None:
    """An overconfident model is off by more before than after; curves end at all answers and the whole error."""
    config = configured(uncertainty={"calibration": "temperature"})
    learnt = fit_profile([batch(*classes(2000, 17, "logits"))], config)
    found = fit_result(learnt)["calibration"]
    assert (found["map"], found["judged_on"], found["spent"]) == ("temperature", 1000, 1000)
    assert found["after"]["ece"] < 0.5 * found["before"]["ece"]
    assert found["risk_coverage"]["after"]["coverage"][-1] == 1
    assert any("after temperature calibration" in line for line in told(learnt, "x"))
    recorder = Recorder()
    outputs, truth = classes(3000, 18, "logits")
    rows = rows_of([batch(outputs, truth, 10_000)])
    result = backtest(config, {"1": learnt.profile}, rows, observe=recorder, tell=recorder.take)
    honest = result["calibration"]
    assert honest["after"]["ece"] < 0.5 * honest["before"]["ece"]
    assert honest["risk_coverage"]["risk"][-1] == pytest.approx(result["always_answering"]["error_rate"], abs=1e-6)
    assert sum(each["n"] for each in honest["before"]["bins"]) == 3000
    page = report([Run(config, result, recorder)], {"1": learnt.profile.digest})
    assert "How honest stated probabilities were" in page
    assert "(AURC)" in page


@pytest.mark.parametrize("held", [True, False])
def test_an_answer_without_confidence_is_held_or_unknown(held: bool) -> None:
    """By configuration it is held back, or passes as `unknown`, without a guarantee."""
    config = configured(uncertainty={"without_confidence": "hold" if held else "answer"})
    learnt = fit_profile([batch(*answers(1000, 9, "tokens"))], config)
    outputs, truth = answers(200, 10, "tokens")
    outputs[50] = {"label": "answer 1"}
    _, decisions = ran(config, learnt, outputs, truth)
    bare = decisions[50]
    assert bare["confidence"] is None
    assert (bare["route"] == "model") != held
    assert bare["reason"] == ("no_confidence" if held else "unknown")
    assert bare["guarantee"] == "none"


@pytest.mark.parametrize("name", ["temperature", "vector", "venn-abers"])
def test_a_calibrated_profile_states_honest_probabilities(name: str) -> None:
    """The overconfident model's probabilities are pulled to what is right, its bytes keep the map, its labels stay."""
    config = configured(uncertainty={"calibration": name})
    learnt = fit_profile([batch(*classes(2000, 11, "logits"))], config)
    again = load(dump(learnt.profile)[0])
    outputs, truth = classes(3000, 12, "logits")
    events = [Prediction(str(i), output=msgspec.convert(each, Output)) for i, each in enumerate(outputs)]
    after = arrange(events, Schema.of(again))
    before = arrange(events, replace(Schema.of(again), method=Method()))
    right = np.array([a == b for a, b in zip(after.rows.label, truth, strict=True)])
    assert after.rows.label == before.rows.label
    assert abs(after.rows.confidence.mean() - right.mean()) < 0.03
    assert before.rows.confidence.mean() - right.mean() > 0.05
    assert learnt.profile.fitted.labelled == 1000
    assert np.array_equal(arrange(events, Schema.of(learnt.profile)).rows.confidence, after.rows.confidence)


def test_auto_calibration_and_the_usual_profile() -> None:
    """`none` leaves the profile's manifest as it was; `auto` finds a map for a model that is too sure of itself."""
    plain = fit_profile([batch(*classes(600, 13, "logits"))], configured()).profile
    assert plain.method == Method()
    assert plain.method.told() == {}
    auto = fit_profile([batch(*classes(2000, 13, "logits"))], configured(uncertainty={"calibration": "auto"})).profile
    assert auto.method.calibration is not None
    assert differences(auto, configured(uncertainty={"calibration": "auto"})) == []
    assert "calibration" in differences(auto, configured())[0]


def test_a_large_reference_is_calibrated_on_its_sample_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the sample is spent; every other row is read through the map, scored and ranked in the second pass."""
    monkeypatch.setattr("monitor.fit.fitting.MOST_ROWS", 600)
    monkeypatch.setattr("monitor.fit.gathering._LEAST_ROWS", 600)
    config = configured(uncertainty={"calibration": "temperature", "score": "aps"})
    whole = batch(*classes(3000, 19, "logits"))
    learnt = fit_profile([whole], config, again=lambda: [whole])
    fitted = learnt.profile.fitted
    assert (learnt.sampled, fitted.n) == (600, 3000)
    assert fitted.labelled == 3000 - 300
    assert len(fitted.scores) == 3000 - 300
    assert fitted.rank_counts.sum() == 3000 - 300


@pytest.mark.parametrize(
    ("uncertainty", "words"),
    [
        ({"score": "cqr"}, "is of numbers"),
        ({"confidence": "mutual-information"}, "gives samples"),
        ({"calibration": "temperature", "optimiser": "torch"}, "torch"),
    ],
)
def test_what_the_reference_cannot_bear_is_said(uncertainty: dict[str, Any], words: str) -> None:
    """The message names the key, its value, and what is missing."""
    from importlib.util import find_spec

    if "torch" in words and find_spec("torch") is not None:
        pytest.skip("torch is installed")
    with pytest.raises(UsageError, match=words):
        fit_profile([batch(*classes(300, 14, "logits"))], configured(uncertainty=uncertainty))


def test_a_label_with_one_probability_is_enough() -> None:
    """Of two classes it says the other's, too; of more it is the confidence, and there are no sets."""
    two = [Prediction("i", output=Output(label="yes", probability=0.9))]
    found = arrange(two, Schema((), (), "classification", ("no", "yes")))
    assert np.allclose(found.probabilities, [[0.1, 0.9]])
    assert found.rows.confidence.tolist() == [0.9]
    more = arrange(two, Schema((), (), "classification", ("no", "yes", "perhaps")))
    assert more.rows.confidence.tolist() == [0.9]
    assert np.isnan(more.probabilities).all()
    assert more.guard.tolist() == [0]


NUMBER = st.one_of(st.floats(), st.sampled_from([1e308, -1e308, math.nan, math.inf, 0.5, -0.1, 1.5]))
WILD = st.one_of(st.none(), NUMBER)
LIST = st.lists(NUMBER, max_size=4)
BY_CLASS = st.one_of(st.none(), LIST, st.dictionaries(st.sampled_from("abcd"), NUMBER, max_size=4))
LEVELS = st.sampled_from(["0.1", "0.5", "x", "nan", "2", ""])
PLAIN = ("value", "lower", "upper", "spread", "probability", "logprob", "margin", "length")
HOSTILE = st.builds(
    Output,
    label=st.sampled_from([None, "a", "z", 1]),
    probabilities=BY_CLASS,
    logits=BY_CLASS,
    samples=st.one_of(st.none(), st.lists(st.one_of(NUMBER, LIST), max_size=4)),
    quantiles=st.one_of(st.none(), st.dictionaries(LEVELS, NUMBER, max_size=3)),
    token_logprobs=st.one_of(st.none(), LIST),
    **dict.fromkeys(PLAIN, WILD),
)


@example(Output(value=1.0, lower=math.inf, upper=math.inf), "probability", "regression")
@example(Output(value=1.0, lower=-1e308, upper=1e308), "probability", "regression")
@example(Output(samples=[0.0, 1e200]), "probability", "regression")
@given(HOSTILE, st.sampled_from(CONFIDENCES), st.sampled_from(["classification", "regression"]))
def test_whatever_is_said_nothing_raises_and_no_nonsense_is_trusted(output: Output, name: Any, task: Any) -> None:
    """Any output becomes finite numbers, NaN, or a guard: never an exception, never an infinite confidence."""
    schema = Schema((), (), task, ("a", "b", "c") if task == "classification" else (), method=Method(confidence=name))
    found = arrange([Prediction("i", output=output)], schema)
    assert found.guard[0] in (0, INVALID, NOTHING)
    if not found.guard[0]:
        if task == "classification":
            assert not np.isinf(found.rows.confidence[0])
        p = found.probabilities[0]
        assert np.isnan(p).all() or abs(p.sum() - 1) < 2e-3
        assert task == "classification" or np.isfinite(found.rows.value[0])


@pytest.mark.parametrize(
    "output",
    [
        {"samples": [0.5] * 1001},
        {"samples": [[[0.5]]]},
        {"samples": "many"},
        {"quantiles": {str(i): 1.0 for i in range(1001)}},
        {"token_logprobs": [-1.0] * 65_537},
        {"token_logprobs": [-1.0, None]},
        {"logprob": "high"},
    ],
)
def test_too_much_and_too_deep_are_dead_letters(output: dict[str, Any]) -> None:
    """Sizes are bounded by the schema; what exceeds it, or is nested deeper, is a dead letter with its reason."""
    found, faults = decode_predictions([json.dumps({"id": "1", "output": output}).encode()])
    assert found == [None]
    assert faults[0].reason is DeadLetterReason.SCHEMA


def test_nan_among_log_probabilities_and_draws_is_held_back_or_dead() -> None:
    """In MessagePack a NaN arrives as one: the event is guarded. In JSON it is a missing number: a dead letter."""
    data = msgspec.msgpack.encode({"id": "1", "output": {"label": "x", "token_logprobs": [-1.0, math.nan]}})
    found, faults = decode_predictions([data], kinds="application/msgpack")
    assert not faults
    assert found[0] is not None
    schema = Schema((), (), "classification", method=Method(confidence="language"))
    assert arrange([found[0]], schema).guard.tolist() == [INVALID]
    assert decode_predictions([b'{"id": "1", "output": {"token_logprobs": [NaN]}}'])[1][0].reason == "schema"
