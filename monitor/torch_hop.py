"""Torch programs that answer instead of the model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from detectors.errors import ProgramError
from detectors.programs import Program
from detectors.programs.members import Members
from detectors.types import FloatArray
from fallback.answerers.in_process import InProcess, Told
from monitor.config import TorchHop
from monitor.errors import UsageError
from monitor.program_files import program_bytes

__all__ = ["torch_answerer"]


def torch_answerer(hop: TorchHop, place: int) -> InProcess:
    """The answerer of a hop; raises UsageError that names its place in the chain if its programs can't be run."""
    key = f"route.chain[{place}].torch"
    paths = [hop.torch] if isinstance(hop.torch, str) else hop.torch
    files = [program_bytes(path, key) for path in paths]
    run: Callable[[FloatArray], Told]
    try:
        if hop.classes is not None:
            members = Members.load(files, len(hop.classes), samples=hop.samples)
            width, run = members.width, partial(_said, members)
        else:
            programs = [Program.load(each) for each in files]
            width, run = programs[0].width, partial(_values, programs)
        if width != len(hop.features):
            raise UsageError(f"{key}: features names {len(hop.features)} features; the program takes {width}")
        run(np.zeros((1, width)))
    except ProgramError as error:
        raise UsageError(f"{key} {paths!r}: {error}") from error
    name = hop.name or "torch"
    return InProcess(run, hop.features, hop.classes or (), most_doubt=hop.max_disagreement, name=name)


def _said(members: Members, rows: FloatArray) -> Told:
    told = members.of(rows)
    return Told(told.probabilities, told.disagreement)


def _values(programs: list[Program], rows: FloatArray) -> Told:
    """(rows, 1) mean of the programs' first output, and how far they lie apart."""
    each = []
    for program in programs:
        found = next(iter(program.run(rows).values()))
        if found.size != len(rows):
            raise ProgramError(f"it gives {found.shape[1:]} numbers a row; without `classes` it should give one value")
        each.append(found.reshape(len(rows), 1))
    together = np.concatenate(each, axis=1)
    return Told(together.mean(axis=1, keepdims=True), together.std(axis=1))
