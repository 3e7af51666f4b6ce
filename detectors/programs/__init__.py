"""Programs of `torch.export` in this process: read without unpickling, run in batches, as an ensemble, trained."""

from __future__ import annotations

from .archive import LARGEST
from .program import Program

__all__ = ["LARGEST", "Program"]
