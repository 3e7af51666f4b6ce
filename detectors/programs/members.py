"""An ensemble of programs, or one with dropout that is on: mean probabilities, and how far its members disagree."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.errors import ProgramError
from detectors.scores import mutual_information, softmax
from detectors.types import FloatArray

from .program import Program

__all__ = ["Members", "Opinion"]

_GRAIN = 2.0**-20
_LOGITS = "logits"
_PROBABILITIES = "probabilities"
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an ensemble says of some rows.

    Attributes
    ----------
    probabilities
        (rows, classes): the mean of its members'; NaN for a row with something missing.
    disagreement
        (rows,): mutual information in nats, 0 where there is one member; NaN likewise.
    """

    probabilities: FloatArray
    disagreement: FloatArray


@dataclass(frozen=True, slots=True)
class Members:
    """Classifiers that are asked together.

    The members are the programs; of a program with dropout that was exported in training mode, `samples` draws of its
    masks; of one that gives (rows, members, classes), its second axis. What they say is rounded to multiples of 2^-20,
    so that it does not depend on the rows beside it.

    Attributes
    ----------
    programs
        All of them give `probabilities`, `logits` or one output with probabilities, over the same classes.
    classes
        How many.
    samples
        Draws of a program with dropout; draw i has the seed i.

    References
    ----------
    Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017;
    Gal & Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
    """

    programs: tuple[Program, ...]
    classes: int
    samples: int = 20

    @classmethod
    def load(
        cls, files: Sequence[bytes], classes: int, *, samples: int = 20, device: str = "auto", threads: int = 1
    ) -> Members:
        """Read the programs, and try them.

        Raises
        ------
        ProgramError
            One of them is no program, takes other rows than the first, or gives no probabilities over the classes.
        """
        if not files or samples < 1:
            raise ProgramError(f"{len(files)} programs and {samples} samples: at least one of each is needed")
        programs = tuple(Program.load(each, double=True, device=device, threads=threads) for each in files)
        if len({each.width for each in programs}) != 1:
            raise ProgramError(
                f"the programs take rows of {[each.width for each in programs]!r} numbers; they must agree"
            )
        made = cls(programs, classes, samples)
        made.of(np.zeros((1, programs[0].width)))
        return made

    @property
    def width(self) -> int:
        """Numbers in one row."""
        return self.programs[0].width

    @property
    def digest(self) -> str:
        """Of all programs and the number of samples, in hexadecimal."""
        told = " ".join([*(each.digest for each in self.programs), str(self.samples)])
        return hashlib.sha256(told.encode()).hexdigest()

    def of(self, rows: NDArray[np.floating]) -> Opinion:
        """What they say of rows, (rows, width); one with a value that is not finite has no opinion."""
        known = np.isfinite(rows).all(axis=1)
        probabilities = np.full((len(rows), self.classes), np.nan)
        disagreement = np.full(len(rows), np.nan)
        if known.any():
            given = np.ascontiguousarray(rows[known])
            each = np.concatenate([self._members(program, given) for program in self.programs], axis=1)
            probabilities[known] = np.rint(each.mean(axis=1) / _GRAIN) * _GRAIN
            disagreement[known] = np.rint(mutual_information(each) / _GRAIN) * _GRAIN
        return Opinion(probabilities, disagreement)

    def _members(self, program: Program, rows: NDArray[np.floating]) -> FloatArray:
        """(rows, members, classes) of one program."""
        draws = range(self.samples if program.random else 1)
        return np.concatenate([self._read(program.run(rows, seed)) for seed in draws], axis=1)

    def _read(self, given: dict[str, FloatArray]) -> FloatArray:
        if _LOGITS in given and _PROBABILITIES not in given:
            found = given[_LOGITS]
            found = softmax(found.reshape(-1, found.shape[-1])).reshape(found.shape)
        elif _PROBABILITIES in given or len(given) == 1:
            found = given.get(_PROBABILITIES, next(iter(given.values())))
        else:
            raise ProgramError(f"it gives {sorted(given)!r}; it should give {_PROBABILITIES!r} or {_LOGITS!r}")
        if found.ndim == 2:
            found = found[:, None]
        if found.ndim != 3 or found.shape[2] != self.classes:
            raise ProgramError(f"it gives {found.shape[1:]} numbers a row; there are {self.classes} classes")
        # a row of NaN is no sum, and is refused with the others
        if not (np.abs(found.sum(axis=2) - 1) <= _SUM_TOLERANCE).all() or (found < -_SUM_TOLERANCE).any():
            raise ProgramError(
                f"its numbers are no probabilities; give them as {_PROBABILITIES!r}, or name them {_LOGITS!r}: "
                "the program returns a dictionary"
            )
        return np.clip(found, 0.0, 1.0)
