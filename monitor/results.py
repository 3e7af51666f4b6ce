"""The result of a backtest, counted from its decisions and the recorded outcomes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from monitor.events import label_text
from monitor.honesty import Honesty, own_probability
from monitor.observing import Alarm, Compared, Counted, Evidence, Explained, Observation, Patched, Transition
from monitor.segment_results import SegmentResults

__all__ = ["Block", "Results", "Shown"]

_WINDOW = 1000


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What a result needs of a decision."""

    id: str
    version: str
    route: str
    answer: str | float | bool | None
    guarantee: str
    threshold: float | None
    segment: dict[str, str]
    output: dict[str, Any] | None
    label_set: list[str] | msgspec.UnsetType | None = msgspec.field(default=msgspec.UNSET, name="set")
    interval: tuple[float | None, float | None] | msgspec.UnsetType | None = msgspec.UNSET
    confidence: float | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """What became of some rows that follow each other; pairs are (labelled, wrong), of coverage (known, covered)."""

    rows: int
    routes: Mapping[str, int]
    accepted: tuple[int, int]
    answered: tuple[int, int]
    alone: tuple[int, int]
    covered: tuple[int, int]


_decode = msgspec.json.Decoder(Shown).decode


class Results:
    """Adds up what became of a stream. It is an observer, too: alarms and transitions come as they are told."""

    def __init__(
        self,
        max_error: float,
        coverage: float,
        within: float | None,
        classes: Mapping[str, Sequence[str]] = MappingProxyType({}),
        tell: Callable[[Block], None] | None = None,
        groups: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self._tell = tell
        self._max_error, self._target, self._within, self._classes = max_error, coverage, within, classes
        self.routes = Counter({"model": 0, "fallback": 0, "human": 0, "refuse": 0})
        self._tallies = {name: [0, 0] for name in ("accepted", "answered", "alone")}
        self._guarantees = Counter({"certified": 0, "tracking": 0, "none": 0})
        self._covered: list[bool] = []
        self.alarms: list[dict[str, Any]] = []
        self._explained: dict[tuple[str, str, int], dict[str, Any]] = {}
        self.steps: list[dict[str, Any]] = []
        self._letters: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._opinions: list[dict[str, Any]] = []
        self._patched: list[dict[str, Any]] = []
        self._canary: list[dict[str, Any]] = []
        self._honesty = Honesty()
        self._segments = SegmentResults(groups)

    def __call__(self, seen: Observation, /) -> None:
        """Note alarms, transitions, dead letters, outcomes and second opinions."""
        if isinstance(seen, Alarm):
            names = ("event", "level", "view", "log10_evidence", "why")
            told = {"time": seen.time} | {name: getattr(seen, name) for name in names} | {"examples": []}
            self._explained[seen.version, seen.view, seen.event] = told
            self.alarms.append(told)
        elif isinstance(seen, Explained):
            self._explained.get((seen.version, seen.view, seen.event), {})["examples"] = list(seen.ids)
        elif isinstance(seen, Transition):
            told = {"event": seen.event, "time": seen.time, "from": seen.before, "to": seen.after}
            where = {"segment": seen.segment} if seen.segment else {}
            self.steps.append(told | {"reason": seen.reason} | where)
            if seen.segment:
                self._segments.stepped(seen.version, seen.segment, seen.after)
        elif isinstance(seen, Compared):
            self._canary.append(asdict(seen))
        elif isinstance(seen, Patched):
            self._patched.append(asdict(seen))
        elif isinstance(seen, Evidence):
            self._opinions += [{"event": seen.event, "by": by, "view": view} for by, view in seen.opinions]
        elif isinstance(seen, Counted):
            self._letters.update(seen.dead_letters)
            self._outcomes.update(joined=seen.joined, unmatched=seen.unmatched, expired=seen.expired)

    def add(self, decisions: Sequence[bytes], truth: Mapping[str, str | float | None]) -> None:
        """Take in the decisions of some rows; `truth` is the recorded outcome by id, whether or not it was shown."""
        before = (dict(self.routes), {name: tuple(pair) for name, pair in self._tallies.items()}, len(self._covered))
        self._add(decisions, truth)
        if self._tell is not None:
            routes, tallies, known = before
            pairs = {
                name: (pair[0] - tallies[name][0], pair[1] - tallies[name][1]) for name, pair in self._tallies.items()
            }
            covered = self._covered[known:]
            taken = {name: n - routes[name] for name, n in self.routes.items()}
            self._tell(Block(len(decisions), taken, **pairs, covered=(len(covered), sum(covered))))

    def _add(self, decisions: Sequence[bytes], truth: Mapping[str, str | float | None]) -> None:
        said: list[tuple[float, float, float, bool]] = []
        for line in decisions:
            decision = _decode(line)
            self.routes[decision.route] += 1
            if decision.route == "model":
                self._guarantees[decision.guarantee] += 1
            known = truth.get(decision.id)
            passed = decision.route == "model"
            if known is None:
                self._segments.add(decision.version, decision.segment, passed=passed, wrong=None, covered=None)
                continue
            classes = self._classes.get(decision.version, ())
            answer = _own(decision.output, classes)
            alone = self._wrong(answer, known, decision)
            if alone is not None:
                self._count("alone", wrong=alone)
                own = own_probability(decision.output, None if answer is None else label_text(answer), classes)
                said.append((own, _number(decision.probability), _number(decision.confidence), alone))
            if decision.route == "model":
                self._count("accepted", wrong=bool(alone))
                self._count("answered", wrong=bool(alone))
            elif decision.route != "refuse":
                # a person is taken to give the recorded outcome
                wrong = decision.answer is not None and self._wrong(decision.answer, known, decision)
                self._count("answered", wrong=bool(wrong))
            covered = self._cover(decision, known)
            self._segments.add(decision.version, decision.segment, passed=passed, wrong=alone, covered=covered)
        self._honesty.add(said)

    def result(self, events: int, seconds: float, profile: str, head: str) -> dict[str, Any]:
        """The JSON of a backtest."""
        accepted = self._share("accepted")
        passed = max(self.routes["model"], 1)
        worst = None
        if len(self._covered) >= _WINDOW:
            sums = np.cumsum(np.concatenate([[0], np.array(self._covered, dtype=int)]))
            worst = float((sums[_WINDOW:] - sums[:-_WINDOW]).min() / _WINDOW)
        return {
            "events": events,
            "seconds": round(seconds, 3),
            "events_per_second": round(events / seconds, 1) if seconds > 0 else None,
            "routes": dict(self.routes),
            "dead_letters": {"n": self._letters.total(), "reasons": dict(self._letters)},
            "accepted": {"n": self.routes["model"], **accepted, "promise": self._max_error},
            "answered": {"n": _events_answered(self.routes), **self._share("answered")},
            "always_answering": self._share("alone"),
            "coverage": {
                "target": self._target,
                "overall": float(np.mean(self._covered)) if self._covered else None,
                "worst_1000": worst,
            },
            "alarms": self.alarms,
            "breaker": self.steps,
            "patched": self._patched,
            "guarantee": {name: (n / passed if self.routes["model"] else None) for name, n in self._guarantees.items()},
            "outcomes": {name: self._outcomes[name] for name in ("joined", "unmatched", "expired")},
            "profile": profile,
            "ledger_head": head,
            **({"canary": self._canary} if self._canary else {}),
            **({"second_opinions": self._opinions} if self._opinions else {}),
            "calibration": self._honesty.result(),
            **({} if (segments := self._segments.result()) is None else {"segments": segments}),
        }

    def _count(self, name: str, *, wrong: bool) -> None:
        self._tallies[name][0] += 1
        self._tallies[name][1] += wrong

    def _share(self, name: str) -> dict[str, Any]:
        labelled, errors = self._tallies[name]
        return {"labelled": labelled, "errors": errors, "error_rate": errors / labelled if labelled else None}

    def _wrong(self, answer: Any, known: str | float, decision: Shown) -> bool | None:
        if answer is None:
            return None
        if isinstance(known, str):
            return label_text(answer) != known
        if not isinstance(answer, int | float):
            return True
        if self._within is not None:
            return not abs(answer - known) <= self._within
        inside = _inside(decision.interval, known)
        return None if inside is None else not inside

    def _cover(self, decision: Shown, known: str | float) -> bool | None:
        if decision.interval is not msgspec.UNSET:
            inside = _inside(decision.interval, float(known)) if not isinstance(known, str) else None
        elif decision.label_set is not msgspec.UNSET:
            labels = decision.label_set
            inside = labels is None or str(known) in labels
        else:
            inside = None
        if inside is not None:
            self._covered.append(inside)
        return inside


def _events_answered(routes: Mapping[str, int]) -> int:
    """Requests that somebody answered; refusals left out."""
    return sum(routes.values()) - routes["refuse"]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _own(output: dict[str, Any] | None, classes: Sequence[str]) -> Any:
    """What the model itself said: the label given, else the likeliest one."""
    if output is None:
        return None
    if output.get("value") is not None:
        return output["value"]
    label = output.get("label")
    stated = output.get("probabilities") or output.get("logits")
    if label is None and not stated:
        return _of_draws(output, classes)
    if label is not None or not stated:
        return label
    if not isinstance(stated, dict):
        stated = dict(zip(classes, stated, strict=False)) if len(stated) == len(classes) else {}
    return max(stated, key=lambda name: stated[name], default=None)


def _of_draws(output: dict[str, Any], classes: Sequence[str]) -> Any:
    """What an ensemble says together: the mean of its numbers, or its likeliest class; else the median quantile."""
    samples = output.get("samples")
    if not samples:
        return (output.get("quantiles") or {}).get("0.5")
    if not isinstance(samples[0], list):
        return float(np.mean(samples)) if all(isinstance(each, int | float) for each in samples) else None
    fine = all(isinstance(each, list) and len(each) == len(classes) for each in samples)
    return classes[int(np.mean(samples, axis=0).argmax())] if fine and classes else None


def _inside(interval: Any, known: float) -> bool | None:
    if interval is None or interval is msgspec.UNSET:
        return None
    lower, upper = interval
    return (lower is None or lower <= known) and (upper is None or known <= upper)
