"""A torch program that is run on rows: checked, on the device that there is, and each row for itself alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.errors import ProgramError, TorchMissing
from detectors.types import FloatArray

from .archive import LARGEST, Archive
from .graph import DTYPES, Graph, Weight
from .steps import Step, steps, take

__all__ = ["Program"]

_ROWS = 1024
"""Rows that are run at once at most: what a program needs in between is bounded by it."""
_PROBED = 5
_NEAR = 1e-3
_WHY = "its answer for a row changes with the rows beside it; export it with batch norm in evaluation mode"


@dataclass(frozen=True, slots=True)
class Program:
    """A program of `torch.export`, run operation by operation.

    The graph and the weights are read from the file as JSON and raw numbers (`Archive`, `Graph`), and every operation
    is looked up among torch's own on tensors. So the file brings no code: no pickle, no guards to be compiled, no
    expressions to be evaluated, no libraries.

    Dropout that was exported in training mode has the same masks for all rows, drawn from a seed: an answer is then a
    function of its row and the seed, and one of `samples` of them is a member of an ensemble (`Members`).

    Attributes
    ----------
    digest
        SHA-256 of the file.
    shape
        Of one row.
    outputs
        Names of what it gives: the keys of the dictionary that it returns, else "0", "1", ...
    device
        `cpu`, or `cuda` where torch has one.

    References
    ----------
    Gal & Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
    """

    digest: str
    shape: tuple[int, ...]
    outputs: tuple[str, ...]
    device: str
    _given: str = field(repr=False)
    _weights: Mapping[str, Any] = field(repr=False)
    _steps: tuple[Step, ...] = field(repr=False)
    _results: Mapping[str, str] = field(repr=False)
    _double: bool = field(repr=False)
    _shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls,
        data: bytes,
        *,
        double: bool = False,
        device: str = "auto",
        threads: int = 1,
        largest: int = LARGEST,
    ) -> Program:
        """Read a `.pt2` file, and try it on a few rows.

        Parameters
        ----------
        data
            The file's bytes.
        double
            Whether it is run in double precision, so that what it gives for a row can be rounded to the same number
            whatever rows are beside it.
        device
            `cpu`, `cuda`, or `auto` for what there is.
        threads
            Threads of torch in this process. 1: small programs only wait for each other in more, and this process sits
            beside a model that needs the machine.
        largest
            Bytes of the file at most.

        Raises
        ------
        TorchMissing
            Torch is not installed.
        ProgramError
            It is no program, holds what must not be run, or fails on rows.
        """
        archive = Archive.read(data, largest)
        graph = Graph.of(archive)
        torch = _torch()
        torch.set_num_threads(threads)
        place = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        try:
            weights = {name: _tensor(each, archive, place, double=double) for name, each in graph.weights.items()}
        except (RuntimeError, ValueError, KeyError) as error:
            raise ProgramError(f"its weights can't be read ({error})") from error
        made = cls(
            archive.digest,
            graph.shape,
            tuple(graph.results),
            place,
            graph.given,
            weights,
            steps(graph, place, double=double),
            graph.results,
            double,
        )
        return replace(made, _shapes=made._try())

    @property
    def width(self) -> int:
        """Numbers in one row."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def random(self) -> bool:
        """Whether it has dropout that is on, and so gives another answer for each seed."""
        return any(step.dropout for step in self._steps)

    def nothing(self, rows: int) -> dict[str, FloatArray]:
        """As `run`, with NaN for what it gives: for rows that it was not run on."""
        return {name: np.full((rows, *shape), np.nan) for name, shape in self._shapes.items()}

    def run(self, rows: NDArray[np.floating], seed: int = 0) -> dict[str, FloatArray]:
        """What it gives for each row.

        Parameters
        ----------
        rows
            (rows, width); they are put into the program's shape.
        seed
            Of the masks of dropout.

        Returns
        -------
        dict[str, FloatArray]
            (rows, ...) by name of the output.

        Raises
        ------
        ProgramError
            Rows of another width, or the program failed.
        """
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise ProgramError(f"rows of shape {rows.shape[1:]} were given to a program that takes {self.shape}")
        parts = [self._run(rows[at : at + _ROWS], seed) for at in range(0, max(len(rows), 1), _ROWS)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.outputs}

    def _run(self, rows: NDArray[np.floating], seed: int) -> dict[str, FloatArray]:
        torch = _torch()
        number = torch.float64 if self._double else torch.float32
        masks = torch.Generator().manual_seed(seed)
        try:
            with torch.inference_mode():
                given = torch.tensor(np.ascontiguousarray(rows), dtype=number, device=self.device)
                values = {**self._weights, self._given: given.reshape(len(rows), *self.shape)}
                for step in self._steps:
                    take(step, values, masks)
                return {name: _rows(values[each], len(rows)) for name, each in self._results.items()}
        except (RuntimeError, ValueError, TypeError, IndexError, KeyError, MemoryError, ZeroDivisionError) as error:
            raise ProgramError(f"it failed on {len(rows)} rows: {str(error).splitlines()[:1]}") from error

    def _try(self) -> dict[str, tuple[int, ...]]:
        """Run it on rows together, again, and one by one: the answers must be the same. Gives their shapes."""
        rows = np.sin(np.arange(_PROBED * self.width, dtype=np.float64)).reshape(_PROBED, self.width)
        together, again = self.run(rows), self.run(rows)
        alone = [self.run(row[None]) for row in rows]
        for name, found in together.items():
            each = np.concatenate([one[name] for one in alone])
            if not (_alike(found, again[name]) and _alike(found, each)):
                raise ProgramError(_WHY)
        return {name: found.shape[1:] for name, found in together.items()}


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise TorchMissing("torch is needed to run it: pip install 'holdback[torch]'") from error
    return torch


def _tensor(weight: Weight, archive: Archive, device: str, *, double: bool) -> Any:
    torch = _torch()
    number = getattr(torch, DTYPES[weight.dtype])
    if 0 in weight.sizes:
        found = torch.empty(weight.sizes, dtype=number)
    else:
        flat = torch.frombuffer(bytearray(archive.records[weight.record]), dtype=number)
        found = torch.as_strided(flat, weight.sizes, weight.strides, weight.offset).clone()
    return found.to(device, torch.float64 if double and number.is_floating_point else None)


def _rows(tensor: Any, rows: int) -> FloatArray:
    """(rows, ...) in double precision; an output with the rows on its second axis has them put first."""
    found = np.asarray(tensor.detach().to("cpu").double().numpy())
    if found.ndim and len(found) == rows:
        return found
    raise ProgramError(f"it gives an output of shape {found.shape} for {rows} rows; rows must come first")


def _alike(a: FloatArray, b: FloatArray) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=_NEAR, atol=_NEAR, equal_nan=True))
