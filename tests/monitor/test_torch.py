"""Torch programs in the whole: from a key in the configuration to what is in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.types import FloatArray
from monitor.errors import UsageError
from monitor.fit.fitting import fit_profile
from monitor.wanted import Wanted
from tests.monitor.streams import configured, raw, stream
from tests.monitor.test_wanted import alarms, run
from tests.programs import digits, exported, hand_made, rotated
from tests.tools import require_torch


@pytest.fixture
def torch() -> Any:
    torch = require_torch()
    torch.manual_seed(0)
    return torch


def photographed(images: FloatArray, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The usual stream, each event with an image: pixels in rows."""
    predictions, truth = stream(len(images), seed)
    for each, image in zip(predictions, images, strict=True):
        each["embedding"] = image.reshape(8, 8).tolist()
    return predictions, truth


@pytest.mark.torch
def test_an_encoder_sees_images_from_the_record_to_the_ledger(torch: Any) -> None:
    """`views.encoder: autoencoder`, digits as nested lists: turned, its view alarms; as they were, none of it does."""
    x = digits()[0][np.random.default_rng(0).permutation(1797)]
    config = configured(views={"encoder": "autoencoder"})
    profile = fit_profile([raw(*photographed(x[:1000], 0))], config).profile
    seen = [each["view"] for each in alarms(run(config, profile, photographed(rotated(x[1000:1400]), 1)[0]))]
    assert "reconstruction error" in seen
    assert alarms(run(config, profile, photographed(x[1400:], 2)[0])) == []


def test_an_encoder_that_is_no_program_is_a_usage_error(tmp_path: Path) -> None:
    """No such file, and a file of something else: the message names the key, with torch or without."""
    x = np.random.default_rng(0).random((200, 64))
    for data, words in ((None, "views.encoder.*cannot be read"), (b"nonsense", "views.encoder.*no zip file")):
        path = tmp_path / "encoder.pt2"
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(UsageError, match=words):
            fit_profile([raw(*photographed(x, 0))], configured(views={"encoder": str(path)}))


def test_without_torch_an_encoder_is_a_usage_error(tmp_path: Path) -> None:
    """The message names the extra."""
    from importlib.util import find_spec

    if find_spec("torch") is not None:
        pytest.skip("torch is installed")
    (tmp_path / "encoder.pt2").write_bytes(hand_made())
    for encoder in ("autoencoder", str(tmp_path / "encoder.pt2")):
        config = configured(views={"encoder": encoder})
        with pytest.raises(UsageError, match=r"holdback\[torch\]"):
            fit_profile([raw(*photographed(np.random.default_rng(0).random((200, 64)), 0))], config)


def test_a_replica_without_torch_says_so_before_the_first_event() -> None:
    """A profile with an encoder is not run where its events could not be counted; a judge may still read it."""
    from dataclasses import replace
    from importlib.util import find_spec

    from detectors.views.encoder import Encoder

    if find_spec("torch") is not None:
        pytest.skip("torch is installed")
    config = configured()
    profile = fit_profile([raw(*stream(400, 0))], config).profile
    views = profile.fitted.views
    kinds = (*views.ordered_kinds, Encoder(hand_made(), 3, None, reconstructs=False))
    carrying = replace(profile, fitted=replace(profile.fitted, views=replace(views, ordered_kinds=kinds)))
    with pytest.raises(UsageError, match=r"encoder that can't be run: .*holdback\[torch\]"):
        run(config, carrying, [])


@pytest.mark.torch
def test_a_given_encoder_is_in_the_profile(torch: Any, tmp_path: Path) -> None:
    """`views.encoder` names a file; its vector has views, and the file may go once the profile is fitted."""
    path = tmp_path / "encoder.pt2"
    path.write_bytes(exported(torch.nn.Linear(64, 6), 64))
    config = configured(views={"encoder": str(path)})
    learnt = fit_profile([raw(*photographed(digits()[0][:400], 0))], config)
    path.unlink()
    assert "encoded norm" in learnt.profile.fitted.views.layout().names
    run(config, learnt.profile, photographed(digits()[0][400:500], 1)[0])


def test_images_are_read_as_one_row_of_numbers() -> None:
    """Rows of pixels, channels of rows, and a flat list are the same; a ragged image is missing."""
    flat = [float(i) for i in range(8)]
    forms: list[Any] = [
        flat,
        [flat[:4], flat[4:]],
        [[flat[:2], flat[2:4]], [flat[4:6], flat[6:]]],
        [flat[:4], flat[4:7]],
    ]
    from monitor.events import decode_predictions

    records = [msgspec.json.encode({"id": str(i), "embedding": form, "features": {}}) for i, form in enumerate(forms)]
    found = [each for each in decode_predictions(records, 10_000)[0] if each is not None]
    assert len(found) == 4
    from detectors.types import Rows

    wanted, nothing = Wanted.by(found), np.full(4, np.nan)
    assert wanted.dimensions == 8
    rows = wanted.add(Rows(np.empty((0, 4)), (), [None] * 4, nothing, nothing, nothing, nothing), found, None)
    assert rows.embedding is not None
    assert rows.embedding[:3].tolist() == [flat] * 3
    assert np.isnan(rows.embedding[3]).all()


def labels_alone(n: int, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The usual stream, of whose outputs the label alone is told."""
    predictions, truth = stream(n, seed)
    for each in predictions:
        del each["output"]["probabilities"]
    return predictions, truth


def scorer(torch: Any, tmp_path: Path, *, weight: float = 2.0) -> dict[str, Any]:
    """A program that knows what the model knows: how likely is `1`, from the first two features."""
    linear = torch.nn.Linear(2, 2)
    linear.load_state_dict({"weight": torch.tensor([[0.0, 0.0], [weight, weight]]), "bias": torch.zeros(2)})
    path = tmp_path / f"scorer-{weight}.pt2"
    path.write_bytes(exported(torch.nn.Sequential(linear, torch.nn.Softmax(-1)), 2))
    return {"torch": str(path), "classes": ["0", "1"], "features": ["f0", "f1"]}


@pytest.mark.torch
def test_a_scorer_gives_confidence_to_labels_alone(torch: Any, tmp_path: Path) -> None:
    """As sure as with the model's own probabilities: the same ranks, sets and routes; and the output stays bare."""
    strict = {"promise": {"max_error": "5%", "false_pages": "1 per 10000 events", "audit": "10%"}}
    told, bare = configured(**strict), configured(**strict, uncertainty={"scorer": scorer(torch, tmp_path)})
    profiles = [
        fit_profile([raw(*made)], config).profile
        for config, made in ((told, stream(1500, 0)), (bare, labels_alone(1500, 0)))
    ]
    runs = [
        run(config, profile, made)
        for config, profile, made in zip(
            (told, bare), profiles, (stream(300, 1)[0], labels_alone(300, 1)[0]), strict=True
        )
    ]
    own, scored = (made.decisions() for made in runs)
    assert len({each["route"] for each in own}) > 1
    for with_own, with_scorer in zip(own, scored, strict=True):
        assert with_scorer["confidence"] == pytest.approx(with_own["confidence"], abs=0.01)
        assert with_scorer["set"] == with_own["set"]
        assert "probabilities" not in with_scorer["output"]
        assert sum(with_scorer["scored"]) == pytest.approx(1, abs=1e-4)
        assert "scored" not in with_own


@pytest.mark.torch
def test_mutual_information_is_a_confidence_by_a_scorer(torch: Any, tmp_path: Path) -> None:
    """Two programs that agree on the one side of a plane and not on the other: there they are less sure."""
    one, other = scorer(torch, tmp_path), scorer(torch, tmp_path, weight=0.2)
    wanted = one | {"torch": [one["torch"], other["torch"]]}
    config = configured(uncertainty={"scorer": wanted, "confidence": "mutual-information"})
    profile = fit_profile([raw(*labels_alone(800, 0))], config).profile
    ranks = [each["confidence"] for each in run(config, profile, labels_alone(200, 1)[0]).decisions()]
    assert len({round(rank, 2) for rank in ranks}) > 20


@pytest.mark.torch
def test_a_profile_belongs_to_its_scorer(torch: Any, tmp_path: Path) -> None:
    """With another one, or with none, the ranks would be of other numbers: refused before the first event."""
    config = configured(uncertainty={"scorer": scorer(torch, tmp_path)})
    profile = fit_profile([raw(*labels_alone(400, 0))], config).profile
    another = configured(uncertainty={"scorer": scorer(torch, tmp_path, weight=1.0)})
    for wrong in (another, configured()):
        with pytest.raises(UsageError, match="fit it again"):
            run(wrong, profile, [])
    faulty = scorer(torch, tmp_path) | {"features": ["f0", "f1", "f2"]}
    with pytest.raises(UsageError, match="names 3 features; the program takes 2"):
        fit_profile([raw(*labels_alone(400, 0))], configured(uncertainty={"scorer": faulty}))


@pytest.mark.torch
def test_who_takes_over_knows_what_the_scorer_said(torch: Any, tmp_path: Path) -> None:
    """What waits for its label is rebuilt from decisions alone, as the router kept it."""
    from monitor.events import Decision
    from monitor.joins.rebuilding import _outputs_alone, _pending

    config = configured(uncertainty={"scorer": scorer(torch, tmp_path)})
    profile = fit_profile([raw(*labels_alone(600, 0))], config).profile
    made = run(config, profile, labels_alone(100, 1)[0])
    decisions = [
        msgspec.json.decode(value, type=Decision)
        for value in made.broker.read(made.topics.decisions, 0, 0, 1000).values
    ]
    again = _pending(decisions, _outputs_alone(profile), [0] * len(decisions))
    assert all(each.probabilities is not None for each in again)
    kept = np.frombuffer(again[0].probabilities or b"", dtype=np.float64)
    assert kept.tolist() == decisions[0].scored


@pytest.mark.torch
def test_a_torch_program_answers_what_is_held_back(torch: Any, tmp_path: Path) -> None:
    """From the chain in the configuration to the decision: label, name, and what came of the hop; live and recorded."""
    from fallback.answerers.types import AskedRequest
    from monitor.answering import Recorded
    from tests.monitor.test_hops import Standing, held_back

    wanted = scorer(torch, tmp_path) | {"max_disagreement": 0.1, "timeout": "5s"}
    config = configured(
        route={"chain": [wanted, "human"], "deadline": "20s"},
        promise={"max_error": "5%", "false_pages": "1 per 10000 events", "audit": "10%"},
    )
    standing = Standing(config, fit_profile([raw(*stream(600, 0))], config).profile)
    decisions = held_back(standing)
    assert decisions
    likelier = {each["id"]: str(int(each["features"]["f0"] + each["features"]["f1"] > 0)) for each in stream(200, 1)[0]}
    for each in decisions:
        assert (each["route"], each["answered_by"], each["answer"]) == ("fallback", "torch", likelier[each["id"]])
        assert [hop["outcome"] for hop in each["hops"]] == ["answered"]
    standing.parts.close()
    standing.people.close()
    requests = [AskedRequest("1", "d", "m", "1", {"f0": 2.0, "f1": 1.0}), AskedRequest("2", "d", "m", "1", {"f0": 2.0})]
    replies = Recorded(config).ask(requests, [0.0, 0.0], 0.0)
    assert [(each.route, each.answer, each.answered_by) for each in replies] == [
        ("fallback", "1", "torch"),
        ("human", None, None),
    ]


@pytest.mark.torch
def test_a_torch_program_gives_a_value(torch: Any, tmp_path: Path) -> None:
    """Without classes it is the mean of the programs' outputs; too far apart, nobody answers."""
    from fallback.answerers.types import AskedRequest
    from fallback.errors import AnswererRefused
    from monitor.config import TorchHop
    from monitor.torch_hop import torch_answerer

    paths = []
    for weight in (1.0, 3.0):
        linear = torch.nn.Linear(1, 1, bias=False)
        linear.load_state_dict({"weight": torch.tensor([[weight]])})
        paths.append(tmp_path / f"{weight}.pt2")
        paths[-1].write_bytes(exported(linear, 1))
    hop = TorchHop(torch=[str(path) for path in paths], features=["a"], max_disagreement=5.0)
    answerer = torch_answerer(hop, 0)
    assert answerer.said(AskedRequest("1", "d", "m", "1", {"a": 2.0})).value == 4.0
    with pytest.raises(AnswererRefused, match="disagree"):
        answerer.said(AskedRequest("1", "d", "m", "1", {"a": 20.0}))


@pytest.mark.parametrize(
    ("data", "words"), [(None, "cannot be read"), (b"\x80\x04K\x01.", "no zip file"), (b"PK\x03\x04", "no zip file")]
)
def test_a_hop_that_is_no_program_is_told_with_its_place(data: bytes | None, words: str, tmp_path: Path) -> None:
    """Before anything runs, with torch or without: a missing file, a pickle, half a zip."""
    from monitor.config import TorchHop
    from monitor.torch_hop import torch_answerer

    path = tmp_path / "small.pt2"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=rf"route\.chain\[2\]\.torch.*{words}"):
        torch_answerer(TorchHop(torch=str(path), features=["a"], classes=["x", "y"]), 2)
