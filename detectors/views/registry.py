"""The kinds of views that there are: to add one, write its class and add it to one of these lists.

The order is that of the bins, so new kinds go to the end.
"""

from __future__ import annotations

from .embedding import Embedding
from .encoder import Encoder
from .kinds import Categories, Features, OrderedKind, Outputs, PredictedLabel, RowScalars, StepKind
from .traffic import Clients, Latency

__all__ = ["ORDERED", "STEPPED"]

ORDERED: tuple[type[OrderedKind], ...] = (Features, Outputs, RowScalars, Embedding, Latency, Encoder)
"""Kinds whose rows become numbers."""
STEPPED: tuple[type[StepKind], ...] = (Categories, PredictedLabel, Clients)
"""Kinds whose rows become texts."""
