"""The tables of the real streams, and what came of the aims."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import SHORT, aim, table

from .courses import Alarms, Course, course, errors_of, features_of, heard, stretches
from .streams import MODELS, Served, car_loan, elec2, turbine_nox, usenet1

__all__ = ["few_labels", "flips", "long_streams"]

_SOON = 60
_KSWIN = 2_000
"""Events that KSWIN is given: it takes half a millisecond for each number."""
_STREAMS: dict[str, Callable[[Path], Served]] = (
    {} if SHORT else {"elec2": elec2, "turbine_nox": turbine_nox, "car_loan": car_loan}
)
_FLIPS = (0,) if SHORT else (0, 1, 2, 3)


def flips(folder: Path) -> list[str]:
    """usenet1: the liking flips, and the inputs hardly move."""
    lines, slowest, moved = [], 0.0, 0
    for concept in _FLIPS:
        fine, coarse = (usenet1(folder, concept, batch) for batch in (10, 100))
        by_ten, by_hundred = course(fine), course(coarse)
        known, errors = errors_of(fine.reference), errors_of(fine.events)
        words_known, words = (features_of(part, fine.numeric) for part in (fine.reference, fine.events))
        first = by_ten.alarms["outcomes"].first(0, 300)
        slowest = max(slowest, float("inf") if first is None else first)
        moved += by_ten.alarms["inputs"].before(_SOON)
        lines.append(
            (
                f"{300 * (concept + 1):,}",
                f"{errors.mean():.0%}",
                _when(first),
                _when(by_hundred.alarms["outcomes"].first(0, 300)),
                _when(by_ten.alarms["outputs"].first(0, 300)),
                f"{by_ten.alarms['inputs'].before(_SOON)}, {len(by_ten.alarms['inputs'].at)}",
                *(_when(heard(name, (known, errors), 300).first(0, 300)) for name in ("adwin", "ddm", "kswin")),
                *(str(len(heard(name, (words_known, words), 300).at)) for name in ("adwin", "kswin")),
            )
        )
    head = (
        "usenet1, flip at row",
        "wrong after it",
        "page, batches of 10",
        "of 100",
        "outputs, of 10",
        f"inputs: alarms in {_SOON}, in 300",
        "ADWIN, errors",
        "DDM, errors",
        "KSWIN, errors",
        "ADWIN, words: alarms",
        "KSWIN, words: alarms",
    )
    aims = [
        aim(f"usenet1: a page within {_SOON} events of every flip, batches of 10", slowest, _SOON),
        aim(f"usenet1: no input view alarms in these {_SOON} events", moved, 0),
    ]
    return [table(head, lines), "\n".join(aims)]


def long_streams(folder: Path) -> list[str]:
    """The others, from the end of the prefix to the end of the file."""
    firsts: list[tuple[str, ...]] = []
    kept: list[tuple[str, ...]] = []
    peers: list[tuple[str, ...]] = []
    for name, read in _STREAMS.items():
        served = read(folder)
        found, beside = course(served), _beside(served)
        ends = stretches(served)
        for begin, end in ends:
            firsts.append((f"{name}, event {begin:,}", *_firsts(found.alarms, begin, end)))
            peers.append((f"{name}, event {begin:,}", *_firsts(beside, begin, end)))
        firsts.append((f"{name}, alarms in all (before event {ends[0][0]:,})", *_totals(found.alarms, ends[0][0])))
        peers.append((f"{name}, alarms in all (before event {ends[0][0]:,})", *_totals(beside, ends[0][0])))
        kept.append((name, *_kept(found)))
    if not kept:
        return []
    pages = (
        "accepted answers",
        "wrong of them",
        "promise",
        "the model alone",
        "sets that hold the truth",
        "worst 1,000",
    )
    return [
        table(("first alarm after a known change", "inputs", "outputs", "outcomes: pages"), firsts),
        table(("stream", "events", *pages, "breaker opened"), kept),
        table(("river's detectors", "ADWIN, features", "KSWIN, features", "ADWIN, errors", "DDM, errors"), peers),
    ]


def few_labels(folder: Path) -> list[str]:
    """The promise on errors with all labels, and with those of audits and held-back requests alone."""
    if SHORT:
        return []
    lines: list[tuple[str, ...]] = []
    for known, words in (("all", "all labels"), ("asked", "labels of asked requests")):
        cases = {f"elec2, {model}, {words}": elec2(folder, model, known) for model in MODELS}
        cases[f"car_loan, {words}"] = car_loan(folder, known)
        for name, served in cases.items():
            result = course(served).result
            accepted, error = result["accepted"], result["accepted"]["error_rate"]
            lines.append(
                (
                    name,
                    _share(result["always_answering"]["error_rate"]),
                    f"{accepted['n']:,}",
                    _share(error),
                    f"{accepted['promise']:.0%}",
                    "yes" if error is None or error <= accepted["promise"] else "no",
                )
            )
    return [table(("stream, frozen model", "the model alone", "accepted", "wrong of them", "promise", "kept"), lines)]


def _beside(served: Served) -> dict[str, Alarms]:
    parts = (served.reference, served.events)
    features = [features_of(each, served.numeric) for each in parts]
    errors = [errors_of(each) for each in parts]
    everything = errors[1].shape[1]
    # DDM counts errors; where answers are numbers, those beyond what 10 % of the reference exceed
    bar = 0.5 if "label" in served.events else float(np.quantile(errors[0], 0.9))
    wrong = [(each > bar).astype(float) for each in errors]
    return {
        "ADWIN, features": heard("adwin", features, everything),
        "KSWIN, features": heard("kswin", features, _KSWIN),
        "ADWIN, errors": heard("adwin", errors, everything),
        "DDM, errors": heard("ddm", wrong, everything),
    }


def _firsts(alarms: dict[str, Alarms], begin: int, end: int) -> list[str]:
    return [
        "not looked at" if begin >= each.seen else _when(each.first(begin, min(end, each.seen)))
        for each in alarms.values()
    ]


def _totals(alarms: dict[str, Alarms], begin: int) -> list[str]:
    return [f"{len(each.at):,} in {each.seen:,} ({each.before(begin):,})" for each in alarms.values()]


def _when(events: int | None) -> str:
    return "none" if events is None else f"{events:,}"


def _kept(found: Course) -> list[str]:
    result: dict[str, Any] = found.result
    accepted, alone, coverage = result["accepted"], result["always_answering"], result["coverage"]
    opened = sum(each["to"].lower() == "open" for each in result["breaker"])
    return [
        f"{result['events']:,}",
        f"{accepted['n'] / result['events']:.0%}",
        _share(accepted["error_rate"]),
        f"{accepted['promise']:.0%}",
        _share(alone["error_rate"]),
        f"{_share(coverage['overall'])} of {coverage['target']:.0%}",
        _share(coverage["worst_1000"]),
        str(opened),
    ]


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"
