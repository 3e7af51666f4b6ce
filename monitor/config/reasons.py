"""Why a value cannot be used, in words: from msgspec's reasons, which are about types, and YAML's, about tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import yaml

from monitor.config.forms import FORMS

__all__ = ["not_yaml", "plain"]

_EXPECTED = re.compile(
    r"Expected `(?P<kinds>[^`]+)`(?P<form> matching regex .+)?"
    r"(?: (?P<length>of length )?(?P<sign>[<>]=?) (?P<bound>\S+?))?(?:, got `(?P<got>[^`]+)`)?"
)
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "str": "a text",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "array": "a list",
        "object": "a mapping",
    }
)
_SIGNS: Mapping[str, str] = MappingProxyType({">": "above", ">=": "at least", "<": "below", "<=": "at most"})
_SCALARS = {"int", "float", "bool"}


def plain(reason: str, shown: str) -> str:
    """What msgspec says of a value, with what to do about it; `shown` is the value as the message has it.

    Examples
    --------
    >>> plain("Expected `str | null`, got `int`", "1")
    '1 must be a text: write it in quotes'
    >>> plain("Expected `int` >= 1", "0"), plain("Invalid enum value 'x'", "'x'")
    ('0 must be at least 1', "'x' is not allowed")
    """
    if not (found := _EXPECTED.fullmatch(reason)):
        return f"{shown} is not allowed" if reason.startswith("Invalid enum value") else f"{shown}: {reason}"
    kinds = [kind for kind in found["kinds"].split(" | ") if kind != "null"]
    if found["form"]:
        words = next((words for pattern, words in FORMS.items() if repr(pattern) in found["form"]), "of another form")
        return f"{shown} must be {words}"
    if found["length"]:
        what = "characters" if kinds == ["str"] else "items"
        return f"{shown} must have {_SIGNS[found['sign']]} {found['bound']} {what}"
    if found["sign"]:
        return f"{shown} must be {_SIGNS[found['sign']]} {float(found['bound']):g}"
    return (
        f"{shown} must be {' or '.join(_KINDS.get(kind, kind) for kind in kinds)}{_advice(kinds, found['got'], shown)}"
    )


def _advice(kinds: list[str], got: str | None, shown: str) -> str:
    if "str" in kinds and got in _SCALARS:
        return ": write it in quotes"
    return f": write it in square brackets, [{shown}]" if "array" in kinds and got == "str" else ""


def not_yaml(error: yaml.YAMLError | ValueError) -> str:
    """Where the text is no YAML, and what mostly helps."""
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or " ".join(str(error).split())
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    advice = next((words for tells, words in _HELPS if tells(said)), "")
    return f"is not YAML{where}: {said}{advice}"


_HELPS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda said: r"'\t'" in said, ". Indent with spaces, not with tabs"),
    (
        lambda said: said.startswith("mapping values are not allowed"),
        ". Put each key on a line of its own, or several in braces, {a: 1, b: 2}; a text with a colon needs quotes",
    ),
    (
        lambda said: said.startswith(("expected <block end>", "expected ',' or")),
        ". Look for a line that is not indented like its neighbours, and for a bracket or quote that does not close",
    ),
)
