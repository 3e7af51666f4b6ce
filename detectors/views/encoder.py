"""Views by an encoder: what a torch program makes of an event's embedding, and how well it gives it back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.errors import ProgramError
from detectors.layout import Group
from detectors.programs.autoencoder import train
from detectors.programs.program import Program
from detectors.types import FloatArray, IntArray, Rows, State

from .embedding import Embedding
from .kinds import Half, Kept

__all__ = ["TRAINED", "Encoder"]

TRAINED = b"autoencoder"
"""Stands for a program in `ViewSettings.encoder`: train one on the reference."""
_GRAIN = 2.0**-20
_VECTOR = "vector"
_RECONSTRUCTION = "reconstruction"
_MOST_TRAINED = 5000
_ERROR = "reconstruction error"


@dataclass(slots=True)
class Encoder:
    """The views of `Embedding` on the vector that a program gives, and the error of its reconstruction.

    A program whose one output is as long as the embedding is an autoencoder, any other one an encoder; a program that
    returns a dictionary gives `vector`, `reconstruction` or both. The error is the root mean square of what is not
    given back. All is computed in double precision and rounded to multiples of 2^-20.

    The program's bytes are in the profile. It is looked at when the first event comes, or when `ready` is called.

    Attributes
    ----------
    data
        The program's file.
    dimensions
        Length of the embeddings that it takes.
    vectors
        Views of what it gives; None for an autoencoder that gives no vector.
    reconstructs
        Whether it has a reconstruction error.
    fitted_on
        Places of the rows that it was fitted on; empty when read back.
    """

    key: ClassVar[str] = "encoder"
    group: ClassVar[str] = Group.JOINT

    data: bytes
    dimensions: int
    vectors: Embedding | None
    reconstructs: bool
    digest: str = ""
    fitted_on: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    _program: Program | None = field(default=None, repr=False, compare=False)

    @classmethod
    def fit(cls, given: Half, /) -> Encoder | None:
        """Fit on the embeddings of half a reference; None if no encoder is asked for, or too few events have one."""
        wanted, rows = given.settings.encoder, given.rows.embedding
        if wanted is None or rows is None:
            return None
        places = np.flatnonzero(_sound(rows))
        if len(places) < _FEWEST:
            return None
        chosen = np.empty(0, np.int64)
        if wanted == TRAINED:
            chosen = np.sort(given.rng.permutation(places)[: min(_MOST_TRAINED, len(places) // 2)])
            wanted = train(rows[chosen], given.rng)
        program = Program.load(wanted, double=True)
        made = cls(wanted, rows.shape[1], None, False, program.digest, chosen, program)
        made.ready()
        vectors, error = made._encoded(rows)
        made.reconstructs = error is not None
        if vectors is not None:
            # what the network was trained on lies where no other rows do: the axes are found on the others
            if len(chosen):
                vectors[chosen] = np.nan
            half = replace(given, rows=replace(given.rows, embedding=vectors))
            made.vectors = Embedding.fit(half)
        if made.vectors is not None:
            made.fitted_on = np.union1d(chosen, made.vectors.fitted_on)
        return made if made.names else None

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each of its views."""
        names = () if self.vectors is None else self.vectors.names
        vectors = tuple(name.replace("embedding", "encoded") for name in names)
        return (*vectors, *((_ERROR,) if self.reconstructs else ()))

    def scalars(self, rows: Rows) -> FloatArray:
        """(views, events), NaN where there is no embedding of the length that the program takes."""
        nothing = np.full((len(self.names), len(rows)), np.nan)
        if rows.embedding is None or rows.embedding.shape[1] != self.dimensions:
            return nothing
        vectors, error = self._encoded(rows.embedding)
        found = [] if error is None else [error[None]]
        if self.vectors is not None and vectors is not None:
            found.insert(0, self.vectors.scalars(replace(rows, embedding=vectors)))
        return np.concatenate(found)

    def ready(self) -> Program:
        """The program, loaded; ProgramError if it can't be, because torch is missing for one."""
        if self._program is None:
            self._program = Program.load(self.data, double=True)
        if self._program.width != self.dimensions:
            raise ProgramError(
                f"the encoder takes rows of {self._program.width} numbers, embeddings have {self.dimensions}"
            )
        return self._program

    def told(self) -> dict[str, Any]:
        """What it gives, and the program's digest."""
        return {"dimensions": self.dimensions, "reconstructs": self.reconstructs, "digest": self.digest}

    def state(self) -> State:
        """The program's bytes, and the arrays of its views."""
        vectors = {} if self.vectors is None else self.vectors.state()
        return {"program": np.frombuffer(self.data, dtype=np.uint8), **vectors}

    @classmethod
    def from_profile(cls, kept: Kept, /) -> Encoder:
        """Read it back."""
        arrays = dict(kept.state)
        data = arrays.pop("program").tobytes()
        vectors = Embedding.from_profile(Kept({}, arrays)) if arrays else None
        return cls(data, int(kept.told["dimensions"]), vectors, bool(kept.told["reconstructs"]), kept.told["digest"])

    def _encoded(self, rows: NDArray[np.floating]) -> tuple[FloatArray | None, FloatArray | None]:
        """Vectors (events, ...) and reconstruction errors (events,), NaN where there is no embedding."""
        known = _sound(rows)
        given = self._run(rows[known].astype(np.float64))
        vector, back = given.get(_VECTOR), given.get(_RECONSTRUCTION)
        if vector is None and back is None:
            only = next(iter(given.values()))
            only = _flat(only)
            vector, back = (None, only) if only.shape[1] == self.dimensions else (only, None)
        error = None
        if back is not None:
            apart = _flat(back) - rows[known]
            error = _placed(np.sqrt(_rounded(np.einsum("ed,ed->e", apart, apart) / self.dimensions)), known)
        if vector is not None:
            vector = _placed(_rounded(_flat(vector)), known)
        return vector, error

    def _run(self, rows: FloatArray) -> dict[str, FloatArray]:
        """What the program gives; one that fails on a row fails on it alone, which then is missing."""
        program = self.ready()
        if not len(rows):
            return program.nothing(0)
        try:
            return program.run(rows)
        except ProgramError:
            if len(rows) == 1:
                return program.nothing(1)
        each = [self._run(row[None]) for row in rows]
        return {name: np.concatenate([one[name] for one in each]) for name in program.outputs}


_FEWEST = 4
_LARGEST = 1e9


def _sound(vectors: NDArray[np.floating]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(vectors) < _LARGEST).all(axis=1))


def _flat(values: FloatArray) -> FloatArray:
    """(events, numbers); reshaping to -1 fails where there are no events."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def _placed(values: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    found = np.full((len(known), *values.shape[1:]), np.nan)
    found[known] = values
    return found


def _rounded(values: FloatArray) -> FloatArray:
    return np.asarray(np.rint(values / _GRAIN) * _GRAIN)
