"""Peers, each in a process of its own and, where they don't get along with ours, an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.tables import SHORT

from .changes import Stream
from .ours import Found

__all__ = ["GRIDS", "Peers", "Told", "tell"]

_ROOT = Path(__file__).resolve().parents[2]
_SHARED = ("river", "mapie")
_APART = ("alibi-detect", "frouros", "nannyml")
_PATIENCE = 5.0
"""CPU seconds for a job; the streams that are left out then are not counted."""
_QUIET = {
    "NML_DISABLE_USAGE_LOGGING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    **dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"),
}

_ADWIN = ("river", "ADWIN")
_PAGE = ("river", "Page-Hinkley")
_CHUNKS = ("nannyml", "chunks")
GRIDS: Mapping[str, Mapping[tuple[str, str], Sequence[Any]]] = {
    "one": {
        _ADWIN: (0.03, 0.01, 0.003),
        _PAGE: ((0.005, 300), (0.005, 450), (0.25, 40), (0.25, 60), (0.25, 80)),
        ("river", "KSWIN"): (1e-5,),
        ("frouros", "ADWIN"): (0.01,),
        ("frouros", "Page-Hinkley"): (100.0, 300.0),
        ("alibi-detect", "CVM"): (1000,),
        ("mapie", "martingale"): (1e-3,),
        _CHUNKS: (4, 6),
    },
    "category": {_ADWIN: (0.03, 0.01, 0.003), _CHUNKS: (4, 6)},
    "20": {
        _ADWIN: (2e-3, 5e-4, 1e-4),
        _PAGE: ((0.25, 60), (0.25, 80)),
        ("river", "KSWIN"): (1e-6,),
        ("frouros", "ADWIN"): (5e-4,),
        ("alibi-detect", "CVM"): (100,),
        ("alibi-detect", "MMD"): (100,),
        _CHUNKS: (6, 8),
    },
    "50": {
        _ADWIN: (5e-4, 1e-4),
        _PAGE: ((0.25, 80),),
        ("river", "KSWIN"): (1e-6,),
        ("frouros", "ADWIN"): (1e-4,),
        ("alibi-detect", "CVM"): (50,),
        _CHUNKS: (8,),
    },
    "200": {_ADWIN: (1e-4,), _PAGE: ((0.25, 80),), ("frouros", "ADWIN"): (1e-4,), _CHUNKS: (8,)},
    "labels": {
        _ADWIN: (0.03, 0.01),
        ("river", "DDM"): (2.5, 3.0),
        ("river", "HDDM-A"): (1e-3, 3e-3),
        ("frouros", "DDM"): (3.0,),
        ("alibi-detect", "FET"): (1000,),
    },
    "unlabelled": {
        ("nannyml", "CBPE, chunks of 100"): (1, 1.25, 1.5),
        ("nannyml", "CBPE, chunks of 500"): (1, 1.25, 1.5),
    },
}
"""By the kind of streams, the detectors and the settings that are tried: of those the one whose measured rate of false
alarms is nearest to ours is shown. A detector that alarms far too often at every setting has only one."""


@dataclass
class Peer:
    """A process that answers jobs."""

    process: subprocess.Popen[str]
    version: str

    def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """An answer; raises EOFError with the peer's last words."""
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise EOFError("it ended in the midst of a job")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass
class Told:
    """A peer on one kind of streams: its setting, what it did on healthy ones, and on each change.

    `missing` is why there is nothing, if there is nothing.
    """

    peer: str
    detector: str
    setting: Any = None
    healthy: Found = field(default_factory=Found)
    changes: list[Found] = field(default_factory=list)
    setup: float = 0.0
    missing: str = ""


class Peers:
    """Those of some peers that are here; a context manager, which ends them."""

    def __init__(self, effort: float, names: Sequence[str] = _SHARED[:1] if SHORT else _SHARED + _APART) -> None:
        self._names = names
        self._patience = _PATIENCE * effort
        self._folder = tempfile.TemporaryDirectory()
        self._peers: dict[str, Peer | str] = {}

    def __enter__(self) -> Self:
        """Start what is here."""
        for name in self._names:
            python = Path(sys.executable) if name in _SHARED else _ROOT / ".tools" / "peers" / name / "bin" / "python"
            self._peers[name] = _started(name, python)
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        for peer in self._peers.values():
            if isinstance(peer, Peer):
                peer.process.communicate(timeout=60)
        self._folder.cleanup()

    @property
    def words(self) -> str:
        """Which peers are here, in which versions; and why others are not."""
        here = [f"{name} {peer.version}" for name, peer in self._peers.items() if isinstance(peer, Peer)]
        away = [f"{name}: not here, {peer}" for name, peer in self._peers.items() if isinstance(peer, str)]
        return "; ".join([", ".join(here), *away])

    def run(self, told: Told, setting: Any, reference: str, events: str, streams: Sequence[Stream]) -> Found:
        """A detector on some streams that were written before."""
        peer = self._peers.get(told.peer, "left out of the short form")
        found = Found()
        if isinstance(peer, str):
            told.missing = peer
            return found
        until = [each.begins for each in streams]
        job = {"detector": told.detector, "setting": setting, "reference": reference, "events": events}
        try:
            answer = peer.ask({**job, "until": until, "patience": self._patience})
        except (EOFError, OSError, ValueError) as error:
            self._peers[told.peer] = told.missing = f"failed on {told.detector}: {error}"
            return found
        for alarms, stream in zip(answer["alarms"], streams, strict=False):
            found.note(alarms, stream.begins, stream.events.shape[1])
        if streams[0].begins >= streams[0].events.shape[1]:
            found.healthy = answer["events"]
        found.events, found.seconds, told.setup = answer["events"], answer["seconds"], answer["setup"]
        return found

    def write(self, streams: Sequence[Stream]) -> tuple[str, str]:
        """The references and the events of some streams, (runs, rows or events, features), as .npy."""
        names = []
        longest = max(each.events.shape[1] for each in streams)
        for what in ("reference", "events"):
            arrays = [getattr(each, what).T for each in streams]
            # a change at a random place in a batch: streams differ by some events in length
            padded = [
                np.pad(each, ((0, longest - len(each)), (0, 0)), mode="edge") if what == "events" else each
                for each in arrays
            ]
            names.append(f"{self._folder.name}/{what}.npy")
            np.save(names[-1], np.stack(padded))
        return names[0], names[1]


def _started(name: str, python: Path) -> Peer | str:
    if not python.exists():
        return f"no {python.relative_to(_ROOT)}; `make peers` puts it there"
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.Popen(
        [python, "-m", "benchmarks.peers.run", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=_ROOT,
        env=kept | _QUIET,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    return Peer(process, json.loads(line)["version"]) if line else "it does not start; `make peers` puts it there anew"


def tell(
    peers: Peers, kind: str, level: float, healthy: Sequence[Stream], changes: Sequence[Sequence[Stream]]
) -> list[Told]:
    """Each detector at the setting whose false alarms are nearest to one in `level`, on each change."""
    told = []
    reference, events = peers.write(healthy)
    for (peer, detector), grid in GRIDS[kind].items():
        if SHORT and (peer, detector) not in (_ADWIN, _PAGE):
            continue
        for settings in _variants(detector, grid):
            one, nearest = Told(peer, detector), np.inf
            for setting in settings:
                found = peers.run(one, setting, reference, events, healthy)
                # with no alarm there may be one in as many events again
                apart = abs(np.log(max(found.healthy, 1) / (found.false + 0.5) / level))
                if apart < nearest:
                    nearest, one.setting, one.healthy = apart, setting, found
            told.append(one)
    for streams in changes:
        reference, events = peers.write(streams)
        for one in told:
            one.changes.append(peers.run(one, one.setting, reference, events, streams))
    return told


def _variants(detector: str, grid: Sequence[Any]) -> list[list[Any]]:
    """Page-Hinkley's tolerance is no threshold: what is told the size of the change is a detector of its own."""
    if detector != "Page-Hinkley" or not isinstance(grid[0], tuple):
        return [list(grid)]
    return [[each for each in grid if each[0] == delta] for delta in dict.fromkeys(each[0] for each in grid)]
