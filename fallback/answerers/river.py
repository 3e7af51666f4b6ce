"""A small model of river that learns, one by one, from what reviewers answer, and says no more than it has shown."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from fallback.answerers.examples import Example, Examples
from fallback.answerers.types import Answer, AskedRequest, Feature
from fallback.errors import AnswererRefused

__all__ = ["Kind", "River"]

Kind = Literal["logistic", "tree", "forest", "linear"]
_TRIED: Final = 300
"""Tests that its record looks back over: what it was like before is no measure of it."""
_FIRST: Final = 60
"""Two wrong of sixty still bound a tenth: one that was sure and wrong must not silence it."""
_STEP: Final = 30
_EVERY: Final = 20
_MOST_KEYS: Final = 10_000
"""Names that it has weights for; a feature with endless values must not fill the memory."""
_Z: Final = 1.645
"""One-sided 95 %."""


class River:
    r"""Learns from reviewers, and answers where its own record says that it may.

    Every example is first a test: the model is asked, and its answer and confidence are noted; then it learns. It
    answers from that confidence on to which its last 300 tests bear it out: walked from the 60 surest down in steps of
    30, it is the last one before the upper 95 % bound of the share of wrong ones above it (Wilson's) is greater than
    `max_error`. In a fixed order nothing is lost by looking more than once. The tests are of answers that people gave
    to requests which the model was not trusted with, and so are those that it is asked. That people are right is taken
    for granted, and that what comes is like what came.

    Parameters
    ----------
    kind
        For labels `logistic`, `tree` (Hoeffding tree) or `forest` (adaptive random forest); for values
        `linear`.
    examples
        Answers that it must have seen first.
    max_error
        Of its own answers.
    within
        Of a value: how far off is still right.
    kept
        Where examples outlive a restart; None, they don't.

    References
    ----------
    Dawid, "Present position and potential developments: the prequential approach", JRSS A 1984; Domingos & Hulten,
    "Mining high-speed data streams", KDD 2000; Gomes et al., "Adaptive random forests for evolving data
    stream classification", Machine Learning 2017; Bauer, "Multiple testing in clinical trials", Statistics in Medicine
    1991 (fixed sequences).

    Examples
    --------
    >>> import asyncio
    >>> river = River("tree", examples=50, max_error=0.2)
    >>> for k in range(400):
    ...     river.heard({"x": float(k % 10)}, "high" if k % 10 > 4 else "low")
    >>> asyncio.run(river.answer(AskedRequest("1", "d", "m", "1", {"x": 9.0}))).value
    'high'
    """

    def __init__(
        self,
        kind: Kind,
        *,
        examples: int = 200,
        max_error: float = 0.1,
        within: float | None = None,
        kept: Examples | None = None,
        name: str = "river",
    ) -> None:
        self.name, self.from_model = name, False
        self._kind, self._least, self._max_error, self._within = kind, examples, max_error, within
        self._model, self._keys = _model(kind), set[str]()
        self._tests: deque[tuple[float, bool]] = deque(maxlen=_TRIED)
        self._seen = 0
        self._bar = math.inf
        self._kept = kept
        for example in kept.read() if kept is not None else ():
            self._learn(example.features, example.answer)

    @property
    def seen(self) -> int:
        """Answers that it has learnt from."""
        return self._seen

    @property
    def bar(self) -> float:
        """The least confidence with which it answers; infinite: it does not."""
        return self._bar

    def heard(self, features: Mapping[str, Feature] | Sequence[Feature], answer: str | float) -> None:
        """Be tested on what a person answered, and learn it."""
        named = _named(features)
        if self._kept is not None:
            self._kept.add(Example(named, answer))
        self._learn(named, answer)

    async def answer(self, request: AskedRequest, /) -> Answer:
        """Answer where its record allows it."""
        if self._seen < self._least:
            raise AnswererRefused(f"it has learnt from {self._seen} of {self._least} answers", about_request=True)
        said, confidence, probabilities = self._say(self._encoded(_named(request.features)))
        if said is None or confidence < self._bar:
            raise AnswererRefused("its record does not bear out an answer this sure", about_request=True)
        return Answer(said, probabilities)

    async def aclose(self) -> None:
        """Close its file."""
        if self._kept is not None:
            self._kept.close()

    def _learn(self, features: Mapping[str, Feature], answer: str | float) -> None:
        x = self._encoded(features, new=True)
        target = _target(self._kind, answer)
        if target is None:
            return
        said, confidence, _ = self._say(x)
        if said is not None:
            self._tests.append((confidence, self._is_right(said, target)))
        self._model.learn_one(x, target)
        self._seen += 1
        if self._seen % _EVERY == 0:
            self._bar = _least_confidence(self._tests, self._max_error)

    def _say(self, x: dict[str, float | str]) -> tuple[str | float | None, float, Mapping[str, float] | None]:
        """What it would answer, how sure it is, and the labels' probabilities."""
        if self._kind == "linear":
            value = float(self._model.predict_one(x))
            return (value if math.isfinite(value) else None), 1.0, None
        probabilities: dict[str, float] = self._model.predict_proba_one(x)
        if not probabilities:
            return None, 0.0, None
        label = max(probabilities, key=lambda each: probabilities[each])
        return label, probabilities[label], probabilities

    def _is_right(self, said: str | float, target: str | float) -> bool:
        if isinstance(said, str) or isinstance(target, str):
            return said == target
        return abs(said - target) <= (self._within or 0.0)

    def _encoded(self, features: Mapping[str, Feature], *, new: bool = False) -> dict[str, float | str]:
        """Numbers and texts that it has room for; what is missing is left out."""
        encoded: dict[str, float | str] = {}
        for name, value in features.items():
            known = value if isinstance(value, str) else _finite(value)
            if known is None:
                continue
            key = f"{name}={value}" if isinstance(value, str) else name
            if key not in self._keys:
                if not new or len(self._keys) >= _MOST_KEYS:
                    continue
                self._keys.add(key)
            encoded[name] = known
        return encoded


def _named(features: Mapping[str, Feature] | Sequence[Feature]) -> Mapping[str, Feature]:
    return features if isinstance(features, Mapping) else {str(i): value for i, value in enumerate(features)}


def _finite(value: Feature) -> float | None:
    """The number that a feature is; None for texts and for what no number is known of."""
    if value is None or isinstance(value, str):
        return None
    return float(value) if math.isfinite(value) else None


def _target(kind: Kind, answer: str | float) -> str | float | None:
    if kind != "linear":
        return str(answer)
    try:
        value = float(answer)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _least_confidence(tests: Sequence[tuple[float, bool]], max_error: float) -> float:
    """The least confidence from which on the upper bound of the error is low enough; infinite if there is none."""
    best = math.inf
    ranked = sorted(tests, key=lambda test: -test[0])
    for n in range(_FIRST, len(ranked) + 1, _STEP):
        confidence = ranked[n - 1][0]
        # whoever is just as sure belongs to it
        above = [right for sure, right in ranked if sure >= confidence]
        if _upper(above.count(False), len(above)) > max_error:
            break
        best = confidence
    return best


def _upper(wrong: int, n: int) -> float:
    """Wilson's upper bound of a rate (JASA 1927)."""
    p, z2 = wrong / n, _Z * _Z
    return (p + z2 / (2 * n) + _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)


def _model(kind: Kind) -> Any:
    from river import compose, forest, linear_model, multiclass, optim, preprocessing, tree

    if kind == "tree":
        return tree.HoeffdingTreeClassifier(grace_period=50)
    if kind == "forest":
        return forest.ARFClassifier(seed=0)
    numbers = compose.SelectType(float) | preprocessing.StandardScaler()
    texts = compose.SelectType(str) | preprocessing.OneHotEncoder()
    last: Any = linear_model.LinearRegression(optimizer=optim.AdaGrad(1.0), intercept_lr=0.1)
    if kind == "logistic":
        last = multiclass.OneVsRestClassifier(linear_model.LogisticRegression(optimizer=optim.AdaGrad(0.3)))
    return (numbers + texts) | last
