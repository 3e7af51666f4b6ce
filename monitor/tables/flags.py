"""A column of users' reports of harm: who flagged the answer of a row, if anybody did."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = ["flag_of", "flag_records"]

_NOBODY = frozenset({"", "0", "0.0", "false", "no", "none", "null", "nan"})
_SOMEBODY = frozenset({"1", "1.0", "true", "yes"})
_encode = msgspec.json.Encoder().encode


def flag_of(name: str, cell: str | None) -> bytes | None:
    """The record of a flag; None where the cell says that there is none.

    Examples
    --------
    >>> flag_of("7", "ada")
    b'{"id":"7","source":"flag","harmful":true,"by":"ada"}'
    >>> flag_of("7", "yes"), flag_of("7", "0")
    (b'{"id":"7","source":"flag","harmful":true}', None)
    """
    said = (cell or "").strip()
    if said.lower() in _NOBODY:
        return None
    named = {} if said.lower() in _SOMEBODY else {"by": said}
    return _encode({"id": name, "source": "flag", "harmful": True, **named})


def flag_records(ids: Sequence[str | None], cells: Sequence[str | None]) -> list[bytes | None]:
    """Those of some rows."""
    return [
        None if name is None or cell is None else flag_of(name, cell) for name, cell in zip(ids, cells, strict=True)
    ]
