"""Bytes of a page in, the story on it out: decode, parse once, body, metadata, checks."""

import json
import re
from typing import Any

from lxml.html import HtmlElement

from service import encoding
from service.blocks import Block, blocks, parse
from service.body import Trees, find_body, shingles, shipped_trees
from service.errors import ErrorType, ServiceError
from service.metadata import find_wire, read_metadata
from service.page_head import PageHead, read_head, split_url, unescape
from service.problem_pages import (
    SHELL,
    Reading,
    is_partial,
    refuse_problem_page,
    warnings,
)
from service.story import Story

MAX_CHARS = 8 << 20
_LIVE_PATH = re.compile(r"/live(?:-?blog|-updates|-news)?/|/live-", re.IGNORECASE)
# JSON-LD bodies are worse than what the page shows, unless the page hides most of it.
_MUCH_LONGER = 1.5


def extract(
    html: bytes, url: str | None = None, charset: str | None = None, trees: Trees | None = None
) -> Story:
    """The story on a page; raises ServiceError for pages that hold none.

    `url` is where the page came from, `charset` that of its Content-Type header,
    `trees` tell the body in place of the shipped ones. Pure, but unbounded in time:
    the service calls it through PageReader.
    """
    return read_page(html, url, charset, 200, trees)


def read_page(
    html: bytes,
    url: str | None,
    charset: str | None,
    status: int,
    trees: Trees | None = None,
) -> Story:
    """As `extract`, for a page that came with an HTTP status."""
    root = parse(encoding.decode(html, charset)[:MAX_CHARS])
    if root is None:
        raise ServiceError(ErrorType.TOO_SHORT, "The page is empty.")
    head = read_head(root)
    page = blocks(root)
    metadata = read_metadata(root, page, head, url)
    text = _updates(head) or _body(root, page, head, trees or shipped_trees())
    reading = Reading(url, status, root, head, metadata, page, text)
    refuse_problem_page(reading)
    return Story(
        text=text,
        title=metadata.title,
        date=metadata.date,
        url=url,
        canonical_url=metadata.canonical_url,
        site=metadata.site,
        authors=metadata.authors,
        language=metadata.language,
        wire=find_wire(text, metadata.authors),
        page_type="live_blog" if _is_live(head, url) else "article",
        partial_text=is_partial(reading),
        warnings=warnings(reading),
    )


def _body(root: HtmlElement, page: list[Block], head: PageHead, trees: Trees) -> str:
    """The shown body, or a hidden one where the page shows only a fraction of it."""
    title = head.first("og:title") or head.title
    shown = find_body(root, page, title, head.description, trees)
    hidden = head.schema.body
    if len(hidden) > len(shown) and _length(hidden) > _MUCH_LONGER * _length(shown):
        return hidden
    if len(shown.split()) < SHELL:
        hidden = _from_app_state(root)
        if len(hidden) > max(_MUCH_LONGER * len(shown), 400):
            return hidden
    return shown


def _length(text: str) -> int:
    """How much a text says: words, whatever markup is left, and repeats only once."""
    return len(shingles(text))


def _is_live(head: PageHead, url: str | None) -> bool:
    if head.schema.is_live_blog:
        return True
    return bool(url and _LIVE_PATH.search(split_url(url).path + "/"))


def _updates(head: PageHead) -> str:
    """A live blog's updates, newest first; empty for other pages."""
    newest_first = sorted(head.schema.updates, key=lambda update: update.published, reverse=True)
    parts = []
    for update in newest_first:
        parts += [update.headline] if update.headline else []
        parts.append(update.text)
    return "\n".join(parts)


def _from_app_state(root: HtmlElement) -> str:
    """Paragraphs from the data that a JavaScript page carries for its own use."""
    for script in root.iter("script"):
        if script.get("id") == "__NEXT_DATA__" and script.text and len(script.text) < 2 << 20:
            try:
                return "\n".join(_paragraphs(json.loads(script.text)))
            except (ValueError, RecursionError):
                return ""
    return ""


def _paragraphs(state: Any) -> list[str]:
    """Strings that read like paragraphs, in order, each once."""
    found: dict[str, None] = {}
    stack, seen = [state], 0
    while stack and seen < 50_000:
        seen += 1
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, str) and item.count(" ") >= 8 and not item.startswith(("{", "http")):
            found.setdefault(unescape(item[:20_000]))
    return list(found)
