from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import yaml

from fallback.answerers.http import Http
from fallback.answerers.types import AskedRequest
from monitor.config import config_from
from monitor.events import Hop, Review, decode_outcomes, decode_predictions, utc
from monitor.narrator import epilogue
from monitor.story import FallbackServer, Network, Reviewer, Story
from monitor.story.acts import acts_of
from monitor.story.counted import Counted, Told
from monitor.story.images import turned


@pytest.fixture(scope="module")
def story() -> Story:
    return Story(0)


@pytest.fixture(scope="module")
def server(story: Story) -> Iterator[FallbackServer]:
    with FallbackServer(story.turned_network) as running:
        yield running


def _wrong(story: Story, start: int, stop: int, network: Network) -> float:
    scene = story.events(start, stop - start)
    said = network.probabilities(scene.pictures).argmax(axis=1)
    return float((said != np.array(scene.batch.truth, dtype=int)).mean())


def test_the_drift_hurts_the_model_and_not_the_fallback(story: Story) -> None:
    """The model is wrong at most 9 % before and over half at 40 degrees; the fallback at most 10 % at either."""
    before, after = (0, story.drift_at), (story.drift_at + story.turning, story.mended_at)
    assert _wrong(story, *before, story.network) <= 0.09
    assert _wrong(story, *after, story.network) >= 0.5
    assert _wrong(story, *before, story.turned_network) <= 0.10
    assert _wrong(story, *after, story.turned_network) <= 0.10


def test_the_promise_can_be_kept_before_the_drift(story: Story) -> None:
    """The surest nine tenths of the model's answers are wrong in at most 3 %: room below the promised 6 %."""
    scene = story.events(0, story.drift_at)
    confidence = story.network.probabilities(scene.pictures).max(axis=1)
    surest = np.argsort(-confidence)[: int(0.9 * len(scene))]
    wrong = np.array(scene.answers)[surest] != np.array(scene.batch.truth)[surest]
    assert wrong.mean() <= 0.03


def test_what_is_normal_is_drawn_alike(story: Story) -> None:
    """Reference and events before the drift agree in accuracy and brightness, within four standard errors."""
    reference, _ = decode_predictions(story.reference().predictions)
    live = story.events(0, story.drift_at)
    said = [str(p.output.label) for p in reference if p is not None and p.output is not None]
    right = np.array(said) == np.array(story.reference().truth)
    before = np.array(live.answers) == np.array(live.batch.truth)
    pooled = np.concatenate([right, before]).mean()
    assert abs(right.mean() - before.mean()) <= 4 * np.sqrt(pooled * (1 - pooled) * (1 / len(right) + 1 / len(before)))


def test_a_story_is_decided_by_its_seed(story: Story) -> None:
    """The same seed gives the same bytes, and asking for parts gives the parts of the whole."""
    again = Story(0)
    assert again.reference().predictions == story.reference().predictions
    whole = story.events().batch
    parts = [story.events(start, 5000).batch for start in range(0, story.length, 5000)]
    assert [p for part in parts for p in part.predictions] == whole.predictions
    assert [len(part) for part in parts] == [5000, 5000, 5000, 5000, 5000, 1000]
    assert parts[-1].progress == 1.0


def test_events_are_sound_records(story: Story) -> None:
    """Every event and outcome is read by the wire's decoder; ids are unique; times pass at the story's rate."""
    batch = story.events().batch
    predictions, faults = decode_predictions(batch.predictions)
    outcomes, outcome_faults = decode_outcomes(batch.outcomes)
    assert faults == outcome_faults == []
    assert len({p.id for p in predictions if p is not None}) == story.length
    assert [o.label for o in outcomes if o is not None] == batch.truth
    np.testing.assert_allclose(np.diff(batch.times), 1 / story.rate, atol=1e-6)
    first = predictions[0]
    assert first is not None
    assert len(first.features) == 64
    assert isinstance(first.output and first.output.probabilities, dict)


def test_the_camera_turns_once_and_stays_until_it_is_put_straight(story: Story) -> None:
    """No angle before the drift, then gradually to 40 degrees, where it stays, and none again from the mending on."""
    angles = story.angles()
    assert (angles[: story.drift_at + 1] == 0).all()
    assert (np.diff(angles[: story.mended_at]) >= 0).all()
    assert (angles[story.drift_at + story.turning : story.mended_at] == 40).all()
    assert (angles[story.mended_at :] == 0).all()


def test_a_quarter_turn_is_numpys() -> None:
    """Turning by 90 degrees is what numpy's own rotation gives, moving by a pixel is a shift, none is none."""
    image = np.random.default_rng(0).random((1, 8, 8))
    still = np.zeros((1, 2))
    np.testing.assert_allclose(turned(image, np.array([0.0]), still), image)
    np.testing.assert_allclose(turned(image, np.array([90.0]), still)[0], np.rot90(image[0]), atol=1e-9)
    moved = turned(image, np.array([0.0]), np.array([[1.0, 0.0]]))[0]
    np.testing.assert_allclose(moved[:, 1:], image[0][:, :-1])
    assert (moved[:, 0] == 0).all()


def test_the_configuration_is_sound(story: Story) -> None:
    """The demo's configuration has no fault, and names the fallback that it is given."""
    config = config_from(yaml.safe_load(story.config("http://127.0.0.1:1/v2/models/small/infer")), {})
    assert config.outcomes.delay.rows == story.delay
    assert config.promise.max_error == 0.06


def test_the_fallback_is_asked_as_any_other(story: Story, server: FallbackServer) -> None:
    """The production answerer, over real HTTP, gets the network's own answers with their probabilities."""
    scene = story.events(0, 50)
    predictions, _ = decode_predictions(scene.batch.predictions)
    expected = story.turned_network.probabilities(scene.pictures)

    async def ask() -> None:
        async with Http(server.url) as answerer:
            for prediction, shares in zip(predictions, expected, strict=True):
                assert prediction is not None
                request = AskedRequest(
                    id=prediction.id, decision_id="d", model="digits", version="1", features=prediction.features
                )
                answer = await answerer.answer(request)
                assert answer.value == str(shares.argmax())
                assert list((answer.probabilities or {}).values()) == pytest.approx(shares.tolist())

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", b'{"inputs": [{"name": "features", "data": [0]}]}', 400),
        ("", b"{", 400),
        ("", b'{"inputs": []}', 400),
        ("/more", b"{}", 404),
    ],
)
def test_the_fallback_says_what_it_does_not_understand(
    server: FallbackServer, path: str, body: bytes, status: int
) -> None:
    """A wrong path is 404 and a wrong body 400, with the reason; the server goes on."""
    response = httpx.post(server.url + path, content=body)
    assert response.status_code == status
    assert response.json()["error"]
    whole = httpx.post(server.url, json={"id": "a", "inputs": [{"name": "features", "data": [0] * 64}]})
    assert whole.json()["id"] == "a"


def test_a_server_that_goes_down_hangs_up_and_comes_back(story: Story) -> None:
    """While it is stopped nobody is there, on a connection that was kept either; started again it has its address."""
    image = {"id": "a", "inputs": [{"name": "features", "data": [0] * 64}]}
    with FallbackServer(story.turned_network) as server, httpx.Client() as client:
        assert client.post(server.url, json=image).status_code == 200
        server.stop()
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                client.post(server.url, json=image)
        server.start()
        assert client.post(server.url, json=image).json()["id"] == "a"


def test_the_acts_come_in_order_and_fit_the_page(story: Story) -> None:
    """Each act is within the story and after the one before; its words are whole on the page, which cuts at 300."""
    acts = acts_of(story)
    at = [act.at for act in acts]
    assert at == sorted(at)
    assert at[-1] < story.length
    assert all(len(act.words) <= 300 for act in acts)


def test_what_became_of_events_is_counted(story: Story) -> None:
    """Who answered, right or wrong, alone or not, before and after; a hop that was left alone; steps of the breaker."""
    counted = Counted(story)
    truth = [story.truth[f"digit-{i:05d}"] for i in (0, 4_000, 8_000, 12_000)]

    def told(i: int, route: str, **more: Any) -> Told:
        fields = {"version": "1", "guarantee": "none", "threshold": None, "segment": {}, "output": {"label": "x"}}
        return Told(id=f"digit-{i:05d}", route=route, **{"answer": None, **fields, **more})

    down = Hop("turned-network", "broken", 0.0)
    counted.add(
        [
            told(0, "model", answer=truth[0], answered_by="digits", output={"label": truth[0]}),
            told(4_000, "fallback", answer="x", answered_by="turned-network"),
            told(8_000, "refuse", hops=[down]),
            told(12_000, "human"),
        ]
    )
    steps = [
        {"event": 4_100, "from": "closed", "to": "open"},
        {"event": 11_250, "from": "open", "to": "forced_open"},
        {"event": 13_000, "from": "forced_open", "to": "half_open"},
        {"event": 13_500, "from": "half_open", "to": "closed"},
    ]
    facts = counted.facts({"alarms": [{"event": 3_000}, {"event": 4_050}], "breaker": steps})
    assert counted.decided == 4
    assert facts["answered_by"] == {"digits": 1, "human": 1, "refuse": 1, "turned-network": 1}
    assert (facts["detected_after"], facts["opened_after"], facts["closed_after"]) == (50, 100, 1_500)
    assert (facts["forced_open_after"], facts["order_ran_out_after"]) == (50, 1_800)
    assert facts["fallback_left_alone"] == 1
    assert facts["error_answered_after"] == 1.0
    assert facts["breaker_in_the_end"] == "closed"
    assert "closed 1,500 events after" in epilogue({"demo": facts | {"waits_for": ""}})
    still = facts | {"closed_after": None, "breaker_in_the_end": "degraded", "waits_for": "quiet"}
    assert "In the end the breaker was DEGRADED: quiet" in epilogue({"demo": still})


def asked(key: str) -> Review:
    """A request for a person."""
    return Review(
        id=key, decision_id=f"d-{key}", time=utc(0.0), model="digits", version="1", segment={}, features={},
        output=None, reason="low_confidence", priority=1.0, expires=utc(60.0),
    )  # fmt: skip


def test_the_reviewer_takes_one_after_the_other() -> None:
    """Answers come from the truth, half a second each, once; strangers and more than a person bears are not taken."""
    reviewer = Reviewer({"a": "1", "b": "2", "c": "3"}, seconds=0.5, patience=2)
    assert [reviewer.ask(asked(key), 10.0) for key in ("a", "b", "c", "unknown")] == [True, True, False, False]
    assert reviewer.answers(10.4) == []
    assert [(each.decision_id, each.answer) for each in reviewer.answers(10.5)] == [("d-a", "1")]
    assert [(each.decision_id, each.answer) for each in reviewer.answers(12.0)] == [("d-b", "2")]
    assert len(reviewer) == 0
