"""The words of HTML that a feed carries, and whether they are the whole story."""

import re

import lxml.html
from lxml import etree

_UNREAD = ("script", "style", "template", "figure", "iframe", "noscript")
_BLOCKS = ("p", "br", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "tr", "pre")
# A shorter one may be a first paragraph.
_WHOLE_CHARS = 600
_FOOTER = re.compile(
    r"^(the post .{1,300} appeared first on .{1,200}|tags?:.*|share this.*)$", re.I
)
_CUT = re.compile(
    r"(\[?(\.\.\.|\u2026)\]?|(continue|keep) reading\W*|(read|see) (more|the full|the rest).{0,60}"
    r"|(full|entire) (story|article).{0,60}|subscribe .{0,80})$",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?][\"'\u201d\u2019)\]]*$")


def text_of(markup: str) -> str:
    """The words of some HTML, a line per paragraph."""
    try:
        root = lxml.html.document_fromstring(f"<div>{markup}</div>")
    except (etree.ParserError, ValueError):
        return ""
    for unread in list(root.iter(*_UNREAD)):
        unread.drop_tree()
    for block in root.iter(*_BLOCKS):
        block.text = "\n" + (block.text or "")
        block.tail = "\n" + (block.tail or "")
    lines = (" ".join(line.split()) for line in root.text_content().splitlines())
    return "\n".join(line for line in lines if line)


def whole_story(markup: str) -> str | None:
    """The words of a feed's story, or None where they may be its beginning only."""
    lines = text_of(markup).splitlines()
    while lines and _FOOTER.match(lines[-1]):
        lines.pop()
    text = "\n".join(lines)
    if len(text) < _WHOLE_CHARS or len(lines) < 2:
        return None
    last = lines[-1]
    return text if _SENTENCE_END.search(last) and not _CUT.search(last) else None
