"""The stand-in that learns: how often it is wrong where it answers, and what outlives a restart."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fallback.answerers.examples import Example, Examples
from fallback.answerers.river import Kind, River
from fallback.answerers.types import AskedRequest
from fallback.errors import AnswererRefused


def ask(river: River, features: Any) -> Any:
    return asyncio.run(river.answer(AskedRequest("1", "d", "m", "1", features)))


def rows(n: int, seed: int, hard: float = 0.3) -> list[tuple[dict[str, Any], str]]:
    """Two classes that a line parts, but for a share of rows near it, whose label is a coin's."""
    rng = np.random.default_rng(seed)
    x, kind = rng.normal(size=(n, 3)), rng.integers(0, 2, n)
    margin = x[:, 0] + np.where(kind == 1, 1.5, 0.0)
    coin = np.abs(margin - 0.75) < hard
    label = np.where(coin, rng.integers(0, 2, n), margin > 0.75)
    names = np.array(["shop", "web"])[kind]
    return [
        ({"a": float(r[0]), "b": float(r[1]), "c": None, "kind": str(k)}, "yes" if y else "no")
        for r, k, y in zip(x, names, label, strict=True)
    ]


@pytest.mark.parametrize("kind", ["logistic", "tree", "forest"])
def test_where_it_answers_it_keeps_its_word(kind: Kind) -> None:
    """On rows like those that it learnt from, at most `max_error` of its answers are wrong; and it answers many."""
    river = River(kind, max_error=0.1)
    for features, answer in rows(1500, 1):
        river.heard(features, answer)
    right = []
    for features, answer in rows(1000, 2):
        try:
            right.append(ask(river, features).value == answer)
        except AnswererRefused:
            continue
    assert len(right) >= 800
    # three standard errors beside what it promises
    assert 1 - np.mean(right) <= 0.1 + 3 * math.sqrt(0.09 / len(right))


def test_what_cannot_be_learnt_is_not_answered() -> None:
    """Labels that are coins leave no confidence whose record is good enough."""
    river, rng = River("logistic", max_error=0.1), np.random.default_rng(3)
    for _ in range(600):
        river.heard({"x": float(rng.normal())}, str(rng.integers(0, 2)))
    assert math.isinf(river.bar)
    with pytest.raises(AnswererRefused, match="record"):
        ask(river, {"x": 0.0})


def test_it_says_when_the_world_has_turned() -> None:
    """Once people answer the other way round, its record falls, and it is silent until it has learnt anew."""
    river = River("logistic", max_error=0.1)
    for features, answer in rows(1200, 4, hard=0.0):
        river.heard(features, answer)
    assert math.isfinite(river.bar)
    for features, answer in rows(300, 5, hard=0.0):
        river.heard(features, "no" if answer == "yes" else "yes")
    assert math.isinf(river.bar)


def test_with_too_few_answers_it_is_silent() -> None:
    """It says how many it has."""
    river = River("tree", examples=10)
    river.heard({"x": 1.0}, "yes")
    with pytest.raises(AnswererRefused, match="1 of 10"):
        ask(river, {"x": 1.0})


def test_values_are_learnt_too() -> None:
    """A regression answers while enough of its tests were within what is right."""
    river, rng = River("linear", within=1.0), np.random.default_rng(6)
    for _ in range(1500):
        x = float(rng.normal())
        river.heard({"x": x}, 3 * x + float(rng.normal(0, 0.2)))
    assert ask(river, {"x": 1.0}).value == pytest.approx(3.0, abs=0.5)
    river.heard({"x": 1.0}, "not a number")
    assert river.seen == 1500


def test_hostile_features_do_not_fill_the_memory() -> None:
    """Endless names and values, NaN, infinity and long lists leave it bounded and working."""
    river = River("logistic", examples=1)
    for k in range(12_000):
        river.heard({f"name{k}": float(k), "nan": math.nan, "inf": math.inf, "id": f"v{k}"}, "yes")
        if k > 300:
            break
    river._keys |= {f"k{k}" for k in range(10_000)}
    before = len(river._keys)
    river.heard({"one more": 1.0}, "no")
    river.heard([1.0, "x", None], "no")
    assert len(river._keys) == before


def test_it_learns_again_after_a_restart(tmp_path: Path) -> None:
    """From its file the same answers come back, to the number."""
    first = River("tree", kept=Examples(tmp_path / "learnt.jsonl", 5000))
    for features, answer in rows(600, 7):
        first.heard(features, answer)
    asyncio.run(first.aclose())
    again = River("tree", kept=Examples(tmp_path / "learnt.jsonl", 5000))
    assert (again.seen, again.bar) == (first.seen, first.bar)
    sure = {"a": 4.0, "b": 0.0, "kind": "web"}
    assert ask(again, sure).probabilities == ask(first, sure).probabilities


def test_the_file_is_bounded_and_bears_a_crash(tmp_path: Path) -> None:
    """It never holds more than twice what is remembered; half a line is left out, counted, and spoils no other."""
    path = tmp_path / "learnt.jsonl"
    kept = Examples(path, 10)
    for k in range(95):
        kept.add(Example({"x": k}, str(k)))
        assert path.read_bytes().count(b"\n") <= 20
    kept.close()
    with path.open("ab") as file:
        file.write(b'{"features": {"x"')
    again = Examples(path, 10)
    assert [each.answer for each in again.read()] == [str(k) for k in range(86, 95)]
    assert again.damaged == 1
    again.add(Example({"x": 0}, "new"))
    again.close()
    last = Examples(path, 10)
    assert [each.answer for each in last.read()][-1] == "new"
    assert last.damaged == 1
