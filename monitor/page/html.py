"""HTML that cannot be broken by what stands in it: elements are built, and every text is escaped on its way in."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

__all__ = ["Element", "Node", "element", "markup", "style"]

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_NAME = re.compile(r"[a-z][a-z0-9-]*", re.IGNORECASE)
_VOID = frozenset({"meta", "link", "br", "hr"})
_RAW = frozenset({"script", "iframe", "object", "embed"})


class Element:
    """A finished piece of HTML; only `element` and `style` make one."""

    __slots__ = ("markup",)

    def __init__(self, markup: str) -> None:
        self.markup = markup

    def __str__(self) -> str:
        return self.markup


Node = Element | str | int | None | Iterable["Node"]
"""What can stand in an element: other elements, texts, and lists of them; None is nothing."""


def element(tag: str, *children: Node, **attributes: str | float | bool | None) -> Element:
    """An element; in names of attributes `_` stands for `-`, and one at the end is dropped (`class_`).

    An attribute that is None or False is left out. Raises ValueError for names that are none, and for elements that
    would run or fetch something.
    """
    if not _NAME.fullmatch(tag) or tag.lower() in _RAW:
        raise ValueError(f"{tag!r} is no element of a page")
    told = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Element(f"<{tag}{told}>")
    return Element(f"<{tag}{told}>{_inner(children)}</{tag}>")


def markup(*children: Node) -> str:
    """What stands in an element, without one around it."""
    return _inner(children)


def style(sheet: str) -> Element:
    """A style sheet of our own."""
    if "</" in sheet:
        raise ValueError("a style sheet cannot hold `</`")
    return Element(f"<style>{sheet}</style>")


def _inner(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Element):
        return node.markup
    if isinstance(node, str | int):
        return _escaped(str(node))
    return "".join(_inner(each) for each in node)


def _attribute(name: str, value: str | float | bool | None) -> str:
    name = name.rstrip("_").replace("_", "-")
    # an attribute that runs a script or fetches something has no place here
    if not _NAME.fullmatch(name) or name.lower().startswith("on") or name.lower() in {"src", "srcdoc"}:
        raise ValueError(f"{name!r} is no attribute of a page")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{_escaped(str(value))}"'


def _escaped(text: str) -> str:
    """Text with its markup taken away, and what no reader sees or what turns the direction of writing made visible."""
    return html.escape(_UNPRINTABLE.sub("\ufffd", text), quote=True)
