"""The visible text of a page as blocks: the runs of text between block-level tags."""

import re
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement, HTMLParser

_SKIPPED = frozenset(
    "audio canvas head iframe input math noscript object option script select style svg template "
    "textarea video".split()
)
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr "
    "picture q s samp small source span strike strong sub sup time tt u var wbr".split()
)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of text with single spaces. `path` is the chain of block elements around it,
    outermost first; `link_chars` and `bold_chars` count its characters inside links and bold."""

    text: str
    words: int
    link_chars: int
    bold_chars: int
    path: tuple[etree._Element, ...]


def parse(html: str) -> HtmlElement | None:
    """The root element of a page; None where there is nothing to parse.

    libxml2 cuts off nesting deeper than 256, which bounds every walk over the tree.
    """
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    data = html.replace("\0", "").encode("utf-8", errors="replace")
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def blocks(root: etree._Element) -> list[Block]:
    """All blocks with a letter or digit, in reading order."""
    walk = _Walk()
    walk.enter(root, (), False, False)
    return walk.found


class _Walk:
    """Collects runs of inline text; a block element's start and end break a run."""

    def __init__(self) -> None:
        self.found: list[Block] = []
        self._parts: list[str] = []
        self._link_chars = 0
        self._bold_chars = 0
        self._after_break = False

    def enter(
        self, element: etree._Element, path: tuple[etree._Element, ...], link: bool, bold: bool
    ) -> None:
        tag = element.tag
        if tag == "br":
            self._break(path)
            return
        if tag in _SKIPPED or not isinstance(tag, str):
            return
        inline = tag in _INLINE
        if not inline:
            self._end(path)
            path = (*path, element)
        link = link or tag == "a"
        bold = bold or tag in ("b", "strong")
        self._add(element.text, link, bold)
        for child in element:
            self.enter(child, path, link, bold)
            self._add(child.tail, link, bold)
        if not inline:
            self._end(path)

    def _add(self, text: str | None, link: bool, bold: bool) -> None:
        if not text:
            return
        self._parts.append(text)
        length = len(text.strip())
        if length:
            self._after_break = False
        if link:
            self._link_chars += length
        if bold:
            self._bold_chars += length

    def _break(self, path: tuple[etree._Element, ...]) -> None:
        """Two line breaks in a row separate paragraphs."""
        if self._after_break:
            self._end(path)
        else:
            self._parts.append("\n")
            self._after_break = True

    def _end(self, path: tuple[etree._Element, ...]) -> None:
        if self._parts:
            words = "".join(self._parts).split()
            text = " ".join(words)
            if path and _WORD.search(text):
                self.found.append(Block(text, len(words), self._link_chars, self._bold_chars, path))
            self._parts = []
            self._link_chars = self._bold_chars = 0
        self._after_break = False


_WORD = re.compile(r"[^\W_]")
