"""alibi-detect's wine example: trained on white wine, served red; an expected run time of 50 events.

Setting, from `cd_online_wine.ipynb` of alibi-detect: columns divided by their greatest value among the white wines; a
half of these to fit a PCA, a quarter as the reference, a quarter without drift; for LSDD the first two together are the
reference. MMD on two principal components and LSDD on all eleven columns, windows of 10, 2,500 bootstraps. A run takes
the rows in any order until the alarm, and its length is the number of events before the alarming one: 250 runs on red
wine from the first event on. Ours has the reference of LSDD and A = 50 events, one event a batch.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.evidence.side_by_side import fitted
from benchmarks.evidence.streams import numbers
from benchmarks.tables import SHORT, aim, table
from detectors.baselines import opinion
from detectors.types import FloatArray

from .runs import Lengths, lengths
from .watchers import First, always, first_of_evidence, first_of_opinions
from .wine_data import Wines, wines

__all__ = ["wine"]

_ERT = 50.0
_AS_OFTEN = 20.0
"""A at which unchanged wine raises an alarm about every 50 events: theirs is calibrated to that, ours promises more."""
_SPLITS, _RUNS, _PEER_RUNS = (1, 10, 0) if SHORT else (5, 50, 50)
_LONGEST = 20_000
_PEER = Path(__file__).resolve().parents[2] / ".tools" / "peers" / "alibi-detect" / "bin" / "python"
_PUBLISHED = {"MMD": 6.0, "LSDD": 4.3}
_PROTOTYPE = 2.9


def _split(known: Wines, seed: int) -> dict[str, FloatArray]:
    """The parts, (rows, columns), of one shuffle."""
    rng = np.random.default_rng(seed)
    white, red = (each[rng.permutation(len(each))] / known.white.max(axis=0) for each in (known.white, known.red))
    n = len(white)
    return {
        "train": white[: n // 2],
        "reference": white[n // 2 : 3 * n // 4],
        "unchanged": white[3 * n // 4 :],
        "red": red,
    }


def _streams(rows: FloatArray, seed: int, runs: int, longest: int) -> Iterator[FloatArray]:
    """(columns, events) a run: the rows in any order, again and again."""
    rng = np.random.default_rng([seed, len(rows)])
    for _ in range(runs):
        yield rows[np.resize(rng.permutation(len(rows)), longest)].T


def _run(first: First, parts: dict[str, FloatArray], seed: int, runs: int, longest: int) -> tuple[Lengths, Lengths]:
    unchanged = lengths(first, _streams(parts["unchanged"], seed, runs, longest))
    return unchanged, lengths(first, _streams(parts["red"], seed, runs, longest))


def _ours(splits: list[dict[str, FloatArray]], level: float) -> tuple[Lengths, Lengths]:
    found = []
    for seed, parts in enumerate(splits):
        profile = fitted(numbers(np.concatenate([parts["train"], parts["reference"]]).T))
        found.append(_run(first_of_evidence(profile, level), parts, seed, _RUNS, _LONGEST))
    return _joined([each[0] for each in found]), _joined([each[1] for each in found])


def _joined(found: list[Lengths]) -> Lengths:
    return Lengths(np.concatenate([each.events for each in found]), sum(each.alarmed for each in found))


def _alibi_detect(parts: dict[str, FloatArray]) -> dict[str, tuple[Lengths, Lengths]]:
    """Theirs on the same split, if it is installed."""
    if not _PEER_RUNS or not _PEER.exists():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "wine.npz"
        np.savez(file, allow_pickle=False, **{name: each.astype(np.float32) for name, each in parts.items()})
        script = Path(__file__).with_name("wine_peer.py")
        command = [str(_PEER), str(script), str(file), str(_PEER_RUNS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        name: (Lengths(np.array(before, float), len(before)), Lengths(np.array(after, float), len(after)))
        for name, (before, after) in found.items()
    }


def wine() -> tuple[str, list[str]]:
    """The table, and what came of the aims."""
    known = wines()
    if isinstance(known, str):
        return f"Not measured: {known}.", []
    splits = [_split(known, seed) for seed in range(_SPLITS)]
    ours = {level: _ours(splits, level) for level in (_ERT, _AS_OFTEN)}
    lines: list[tuple[str, ...]] = [
        (f"**Holdback**, n = 1, A = {level:.0f}", str(a), f"**{b}**") for level, (a, b) in ours.items()
    ]
    unchanged, red = ours[_ERT]
    for name, (before, after) in _alibi_detect(splits[0]).items():
        lines.append((f"alibi-detect, {name}", str(before), str(after)))
    lines += [(f"alibi-detect, {name}, as published", "50, by calibration", str(e)) for name, e in _PUBLISHED.items()]
    for what, name, runs, longest in (("ADWIN", "adwin", 10, 5000), ("KSWIN", "kswin", 5, 500)):
        found = _run(first_of_opinions(partial(opinion, name)), splits[0], 0, runs, longest)
        lines.append((f"river, {what} on each column", *map(str, found)))
    lines.append(("a dummy that always alarms", *map(str, _run(always(), splits[0], 0, 10, 10))))
    text = table(("white wine, then red", "events before a false alarm", "events before the alarm"), lines)
    aims = [
        aim(f"red wine after at most the {_PUBLISHED['LSDD']} events of LSDD", red.mean, _PUBLISHED["LSDD"]),
        aim(f"after at most the {_PROTOTYPE} of a prototype", red.mean, _PROTOTYPE),
        aim("no false alarm in 50 events on average", unchanged.mean, _ERT, most=False),
    ]
    return f"Measured on {known.words}.\n\n{text}", aims
