"""A script in a feature's name and text, from the event to wherever people read of it, stays text."""

from __future__ import annotations

import http.client
import json
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from monitor.cli import main
from monitor.config import Config
from monitor.events.codec import encode_many
from monitor.fit.fitting import fit_profile
from monitor.metrics.metrics import Metrics
from monitor.observing import Alarm
from monitor.page.status import Board
from monitor.web.app import build_app
from monitor.web.reviews import REVIEWS
from monitor.web.server import WebServer
from tests.monitor.running import Run, broker
from tests.monitor.streams import FIRST, configured, prediction, raw
from tests.monitor.test_reviewing import TOPICS, World, review
from tests.monitor.test_web_reviews import Site

NAME, TEXT = "<script>alert('name')</script>", "<img src=x onerror=alert(1)>\u202e</script>"
CONFIG = {"promise": {"max_error": "20%", "false_pages": "1 per 1000 events"}, "outcomes": {"delay": 50}}


def events(n: int, seed: int, share: float) -> tuple[list[dict[str, Any]], list[str]]:
    """Predictions of which a share has the text in the feature, and the truth."""
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    told = rng.random(n) < share
    predictions = [
        prediction(str(i), {"x": float(p[i]), NAME: TEXT if told[i] else "plain"}, float(p[i]), FIRST + i)
        for i in range(n)
    ]
    return predictions, [str(int(each)) for each in rng.random(n) < p]


def replayed() -> tuple[Config, Run]:
    """A replica that has seen the text become frequent."""
    config = configured(**CONFIG)
    profile = fit_profile([raw(*events(2_000, 0, 0.1))], config).profile
    run = Run(config, profile, broker(config))
    run.drain()
    for share, seed in ((0.1, 1), (0.9, 2), (0.9, 3)):
        predictions, _ = events(200, seed, share)
        lines = [msgspec.json.encode(each | {"id": f"{seed}-{each['id']}"}) for each in predictions]
        run.feed(lines[:100], [])
        run.feed(lines[100:], [])
    return config, run


class Elements(HTMLParser):
    """The elements of a page, and its scripts' texts and handlers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of it."""
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def assert_text(page: str) -> None:
    """It is there, and no element came of it."""
    seen = Elements(page)
    assert escape("<script>alert(") in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert seen.handlers == []
    assert "img" not in seen.tags


def test_on_the_page_its_data_and_the_metrics() -> None:
    """An alarm names the feature and the text: on the page they are escaped, in JSON and metrics data."""
    config, run = replayed()
    alarms = [each for each in run.seen if isinstance(each, Alarm)]
    assert any(NAME in each.view for each in alarms)
    board, registry = Board(model="m", max_error=0.2, ages=False, clock=lambda: FIRST), CollectorRegistry()
    metrics = Metrics(registry, model="m", max_error=config.promise.max_error)
    for each in run.seen:
        board(each)
        metrics(each)
    with WebServer(build_app(board, registry, lambda: (True, "ready")), port=0) as server:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port or 0, timeout=20)
        pages = {}
        for path in ("/", "/api/v1/status", "/metrics"):
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.getheader("x-content-type-options") == "nosniff"
            pages[path] = answer.getheader("content-type", "").partition(";")[0], answer.read().decode()
        connection.close()
    assert pages["/"][0] == "text/html"
    assert_text(pages["/"][1])
    kind, told = pages["/api/v1/status"]
    assert (kind, NAME in json.loads(told)["alarms"][0]["view"]) == ("application/json", True)
    assert pages["/metrics"][0] == "text/plain"
    assert list(text_string_to_metric_families(pages["/metrics"][1]))
    run.parts.close()


def test_in_the_report_and_the_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A backtest of the same: no element in its report, and nothing at the terminal that moves it."""
    path, lines = tmp_path / "c.json", []
    path.write_text(json.dumps({"model": "m", "version": "1"} | CONFIG))
    for seed, share in ((1, 0.1), (2, 0.9)):
        predictions, truth = events(300, seed, share)
        lines += [
            json.dumps(each | {"id": f"{seed}-{each['id']}", "outcome": {"label": label}})
            for each, label in zip(predictions, truth, strict=True)
        ]
    (tmp_path / "e.jsonl").write_text("\n".join(lines))
    reference, truth = events(2_000, 0, 0.1)
    (tmp_path / "r.jsonl").write_text(
        "\n".join(
            json.dumps(each | {"outcome": {"label": label}}) for each, label in zip(reference, truth, strict=True)
        )
    )
    files = {name: str(tmp_path / name) for name in ("r.jsonl", "e.jsonl", "m.profile", "r.html", "m.ledger")}
    commands = (
        ("fit", "-c", path, "--reference", files["r.jsonl"], "--out", files["m.profile"]),
        ("backtest", "-c", path, "--profile", files["m.profile"], "--events", files["e.jsonl"],
         "--html", files["r.html"], "--ledger", files["m.ledger"]),
        ("ledger", "show", files["m.ledger"]),
    )  # fmt: skip
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in command])
        out, err = capsys.readouterr()
        assert not ended.value.code, err
        assert "\u202e" not in out + err
    assert_text(Path(files["r.html"]).read_text())


def test_in_the_reviewers_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP it is JSON and nothing else, to be shown as what it is; it comes back as it was sent."""
    world = World(tmp_path)
    site = Site(world, monkeypatch)
    asked = msgspec.structs.replace(review("a", world.now, "low_confidence"), features={NAME: TEXT})
    world.broker.append(TOPICS.reviews, encode_many([asked]), partition=0, time=world.now)
    with site.server:
        status, told = site.ask(REVIEWS)
    assert status == 200
    assert [each["review"]["features"] for each in told["reviews"]] == [{NAME: TEXT}]
    site.close()
    world.close()
