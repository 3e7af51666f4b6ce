from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.page.html import Element, element, style

TEXTS = st.text(st.characters(codec=None) | st.sampled_from(list("<>&\"'/=`\x00\ud800\u202e")))


class Reader(HTMLParser):
    """What a browser would find: tags with their attributes, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Take note of a text."""
        self.text += data


def read(markup: Element | str) -> Reader:
    reader = Reader()
    reader.feed(str(markup))
    reader.close()
    return reader


def printable(text: str) -> bool:
    return not any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in text)


@given(TEXTS)
def test_no_text_becomes_markup(text: str) -> None:
    """Whatever the text, one element comes of it, and it can be written as UTF-8."""
    markup = element("p", text, title=text)
    found = read(markup)
    assert found.tags == ["p"]
    assert [name for name, _ in found.attributes] == ["title"]
    str(markup).encode()


@given(TEXTS.filter(printable))
def test_text_is_read_as_it_was_written(text: str) -> None:
    """What can be printed is shown as it is, but for what turns the direction of writing."""
    shown = "".join(
        "\ufffd" if c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff" else c for c in text
    )
    found = read(element("p", text, title=text))
    assert found.text == shown
    assert found.attributes == [("title", shown)]


@given(st.lists(TEXTS, max_size=4))
def test_nested_texts_stay_texts(texts: list[str]) -> None:
    """In lists and within other elements, too: as many elements as were asked for."""
    found = read(element("ul", [element("li", each) for each in texts]))
    assert found.tags == ["ul", *["li"] * len(texts)]


@pytest.mark.parametrize("tag", ["script", "iframe", "object", "embed", "SCRIPT", "p onclick", "", "p>"])
def test_elements_that_run_or_fetch_are_refused(tag: str) -> None:
    """No script, no frame, and nothing that is no name."""
    with pytest.raises(ValueError, match="no element"):
        element(tag)


@pytest.mark.parametrize("name", ["onclick", "onload", "src", "srcdoc", "x y", 'a"b'])
def test_attributes_that_run_or_fetch_are_refused(name: str) -> None:
    """No handler, no source, and nothing that is no name."""
    with pytest.raises(ValueError, match="no attribute"):
        element("p", **{name: "x"})


def test_attributes_as_they_are_written() -> None:
    """Underscores are dashes, None and False are nothing, True stands alone."""
    markup = element("td", 3, class_="n", data_head="a & b", hidden=True, title=None, lang=False)
    assert str(markup) == '<td class="n" data-head="a &amp; b" hidden>3</td>'
    assert str(element("br")) == "<br>"


def test_a_style_sheet_cannot_end_itself() -> None:
    """A sheet that would close its element is refused."""
    with pytest.raises(ValueError, match="style"):
        style("</style><p>")
