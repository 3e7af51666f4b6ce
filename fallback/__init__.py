"""May the model answer, and who answers instead?"""

from __future__ import annotations

__all__: list[str] = []
