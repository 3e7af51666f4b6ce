"""Real streams, each with a model that was fitted on its beginning and then served, frozen, to the rest.

What the reference says of errors is held out: the prefix is cut into parts that follow each other, and each is
predicted by a model of the others. The model that serves is fitted on all of the prefix.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB

from detectors.types import FloatArray

__all__ = ["MODELS", "Columns", "Served", "car_loan", "elec2", "turbine_nox", "usenet1"]

Columns = dict[str, list[str]]
_TEMPERED = {"temper": "auto"}
"""What `fit` says of references whose rows remember those before them."""


@dataclass(frozen=True)
class Served:
    """A stream with the predictions of a frozen model.

    Attributes
    ----------
    name
        Of the stream, and of the model.
    reference, events
        What the profile is fitted on, and what is served: columns of texts.
    numeric
        Features that peers can watch.
    drift
        Places in the events where something is known to change.
    config
        Of the backtest.
    """

    name: str
    reference: Columns
    events: Columns
    numeric: tuple[str, ...]
    drift: tuple[int, ...]
    config: dict[str, Any]


MODELS: dict[str, Any] = {
    "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    "random forest": RandomForestClassifier(100, min_samples_leaf=20, random_state=0),
    "logistic regression": LogisticRegression(max_iter=500),
    "naive Bayes": GaussianNB(),
}
"""Of elec2; the first is that of the other tables."""


def elec2(folder: Path, model: str = "gradient boosting", known: str = "all") -> Served:
    """Does the price go up? Half-hourly, two and a half years."""
    promise = {"max_error": "15%", "false_pages": "1 per 100000 events"}
    outcomes = {"delay": 48, "known": known}
    return _served(folder, "elec2", MODELS[model], 5, promise, outcomes=outcomes, every="30m", evidence=_TEMPERED)


def turbine_nox(folder: Path) -> Served:
    """How much nitrogen oxide comes out of a gas turbine? Hourly, five years; wrong lies outside its interval."""
    model = HistGradientBoostingRegressor(random_state=0)
    promise = {"max_error": "12%", "false_pages": "1 per 100000 events"}
    return _served(folder, "turbine_nox", model, 5, promise, outcomes={"delay": 24}, every="1h", evidence=_TEMPERED)


def usenet1(folder: Path, concept: int, batch: int) -> Served:
    """Is a post liked? The model and the profile are of one concept, 300 posts, and the next is served."""
    columns, about = _read(folder, "usenet1")
    begin = 300 * concept
    part = {name: each[begin : begin + 600] for name, each in columns.items()}
    model = LogisticRegression(C=0.3, max_iter=500)
    promise = {"max_error": "30%", "false_pages": "1 per 10000 events"}
    made = _predicted(part, {**about, "train_rows": 300}, model, 10)
    return _told("usenet1", made, 300, (0,), promise, outcomes={"delay": 0}, evidence={"batch": batch})


def car_loan(folder: Path, known: str = "all") -> Served:
    """Will a loan be repaid? The stream has its model's own answers."""
    columns, about = _read(folder, "car_loan")
    made = {name: each for name, each in columns.items() if name not in about["drop"]}
    made["p"], made["label"] = made.pop("y_pred_proba"), made.pop("y_pred")
    promise = {"max_error": "4%", "false_pages": "1 per 100000 events"}
    n = about["train_rows"]
    return _told("car_loan", made, n, _after(about), promise, outcomes={"delay": 500, "known": known}, every="9m")


def _served(folder: Path, name: str, model: Any, parts: int, promise: dict[str, str], **more: Any) -> Served:
    columns, about = _read(folder, name)
    made = _predicted(columns, about, model, parts)
    return _told(name, made, about["train_rows"], _after(about), promise, **more)


def _after(about: dict[str, Any]) -> tuple[int, ...]:
    return tuple(each["row"] - about["train_rows"] for each in about["drift"] if each["row"] >= about["train_rows"])


def _read(folder: Path, name: str) -> tuple[Columns, dict[str, Any]]:
    about = json.loads((folder / "streams.json").read_text(encoding="utf-8"))[name]
    with gzip.open(folder / about["file"], "rt", newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    return {column: [row[at] for row in rows] for at, column in enumerate(head)}, about


def _predicted(columns: Columns, about: dict[str, Any], model: Any, parts: int) -> Columns:
    """The columns with what the model says of each row."""
    features = [name for name in columns if name not in {*about["drop"], about["target"]}]
    x = np.array([columns[name] for name in features], dtype=np.float64).T
    y, n = np.array(columns[about["target"]], dtype=np.float64), about["train_rows"]
    said: Callable[[Any, FloatArray], FloatArray] = _probability if about["task"] == "binary" else _value
    found = np.empty(len(y))
    for known, held_out in KFold(parts).split(x[:n]):
        found[held_out] = said(clone(model).fit(x[known], y[known]), x[held_out])
    found[n:] = said(model.fit(x[:n], y[:n]), x[n:])
    made = {name: columns[name] for name in features}
    if about["task"] != "binary":
        return made | {"y_hat": [f"{each:.6g}" for each in found], "target": columns[about["target"]]}
    label = (found > 0.5).astype(int).tolist()
    return made | {
        "p": [f"{each:.6g}" for each in found],
        "label": [str(each) for each in label],
        "target": [str(int(each)) for each in y],
    }


def _probability(model: Any, x: FloatArray) -> FloatArray:
    return np.asarray(model.predict_proba(x)[:, 1], dtype=np.float64)


def _value(model: Any, x: FloatArray) -> FloatArray:
    return np.asarray(model.predict(x), dtype=np.float64)


def _told(
    name: str, made: Columns, n: int, drift: tuple[int, ...], promise: dict[str, str], every: str = "1s", **more: Any
) -> Served:
    output = {"label": "label", "probability": "p"} if "p" in made else {"value": "y_hat"}
    features = [each for each in made if each not in {*output.values(), "target"}]
    config = {
        "model": name,
        "version": "1",
        "promise": {"coverage": "90%", "audit": "10%", **promise},
        "columns": {"features": features, "outcome": "target", "every": every, **output},
        **more,
    }
    parts = ({key: each[:n] for key, each in made.items()}, {key: each[n:] for key, each in made.items()})
    numeric = tuple(each for each in features if _is_number(made[each][0]))
    return Served(name, *parts, numeric, drift, config)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
