"""What a page says about itself: meta tags, title, headings and JSON-LD, read once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from lxml import etree

_JSON_LD_BYTES = 1 << 20  # longer scripts are galleries or attacks
_JSON_LD_NODES = 5000
_ARTICLE_TYPES = ("Article", "Posting", "Report", "Review")
_MEDIA_TYPES = frozenset({"VideoObject", "AudioObject", "ImageGallery", "Clip", "MediaGallery"})


@dataclass(frozen=True, slots=True)
class Update:
    """One entry of a live blog."""

    published: str
    headline: str
    text: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema.org description of the article; empty where the page has none."""

    types: frozenset[str] = frozenset()
    headline: str = ""
    published: str = ""
    modified: str = ""
    authors: tuple[str, ...] = ()
    publisher: str = ""
    url: str = ""
    language: str = ""
    body: str = ""
    is_free: bool = True
    updates: tuple[Update, ...] = ()

    @property
    def is_article(self) -> bool:
        return any(kind.endswith(_ARTICLE_TYPES) for kind in self.types)

    @property
    def is_live_blog(self) -> bool:
        return "LiveBlogPosting" in self.types

    @property
    def is_media(self) -> bool:
        return bool(self.types & _MEDIA_TYPES) and not self.is_article


@dataclass(frozen=True, slots=True)
class PageHead:
    """`meta` has the first content per lower-case name or property; texts have single spaces."""

    meta: dict[str, str] = field(default_factory=dict)
    title: str = ""
    h1: tuple[str, ...] = ()
    canonical: str = ""
    next_page: str = ""
    lang: str = ""
    schema: Schema = Schema()

    @property
    def description(self) -> str:
        return self.first("og:description", "description", "twitter:description")

    @property
    def is_free(self) -> bool:
        """Whether nothing in the head says that the story is for subscribers."""
        return self.schema.is_free and self.first("article:content_tier").lower() != "locked"

    def first(self, *names: str) -> str:
        """The first of these meta values that is not empty."""
        return next((self.meta[name] for name in names if self.meta.get(name)), "")


def read_head(root: etree._Element) -> PageHead:
    """Reads the whole tree, since some sites put meta tags and JSON-LD into the body."""
    meta: dict[str, str] = {}
    for tag in root.iter("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("itemprop") or ""
        content = line(tag.get("content") or "")
        if name and content:
            meta.setdefault(name.strip().lower(), content)
    links: dict[str, str] = {}
    for tag in root.iter("link"):
        for rel in (tag.get("rel") or "").lower().split():
            links.setdefault(rel, (tag.get("href") or "").strip())
    title = next((line("".join(tag.itertext())) for tag in root.iter("title")), "")
    return PageHead(
        meta=meta,
        title=title,
        h1=tuple(text for tag in root.iter("h1") if (text := line("".join(tag.itertext())))),
        canonical=links.get("canonical", ""),
        next_page=links.get("next", ""),
        lang=root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "",
        schema=_schema(root),
    )


def line(text: str) -> str:
    """Text on one line with single spaces and without soft hyphens."""
    return " ".join(text.replace("\xad", "").split())


def split_url(url: str | None) -> SplitResult:
    """The parts of an address; all empty where it has none, as "http://[" on a broken page."""
    try:
        return urlsplit(url or "")
    except ValueError:
        return urlsplit("")


def _schema(root: etree._Element) -> Schema:
    nodes = [node for script in _scripts(root) for node in _objects(script)]
    articles = [node for node in nodes if _schema_types(node) and _is_article(node)]
    if not articles:
        kinds = frozenset(kind for node in nodes for kind in _schema_types(node))
        return Schema(types=kinds)
    node = max(articles, key=lambda node: sum(1 for key in _TELLING if node.get(key)))
    return Schema(
        types=_schema_types(node),
        headline=_text(node.get("headline")),
        published=_text(node.get("datePublished")) or _text(node.get("dateCreated")),
        modified=_text(node.get("dateModified")),
        authors=tuple(_names(node.get("author"))),
        publisher=next(iter(_names(node.get("publisher"))), ""),
        url=_text(node.get("url")) or _text(node.get("mainEntityOfPage")),
        language=_text(node.get("inLanguage")),
        body=_paragraphs(node.get("articleBody")),
        is_free=not any(
            _is_false(part.get("isAccessibleForFree"))
            for article in articles
            for part in (article, *_parts(article))
        ),
        updates=tuple(_updates(node.get("liveBlogUpdate"))),
    )


_TELLING = ("headline", "datePublished", "author", "articleBody", "liveBlogUpdate", "publisher")


def _scripts(root: etree._Element) -> Iterator[Any]:
    for tag in root.iter("script"):
        if "ld+json" not in (tag.get("type") or "").lower():
            continue
        text = (tag.text or "").strip()
        if not text or len(text) > _JSON_LD_BYTES:
            continue
        text = text.removeprefix("<!--").removesuffix("-->").strip().rstrip(";")
        try:
            yield json.loads(text, strict=False)
        except (ValueError, RecursionError):
            continue


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All JSON objects in a value, without recursion and only so many."""
    stack, seen = [value], 0
    while stack and seen < _JSON_LD_NODES:
        seen += 1
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(child for child in item.values() if isinstance(child, dict | list))
        elif isinstance(item, list):
            stack.extend(item)


def _schema_types(node: dict[str, Any]) -> frozenset[str]:
    kinds = node.get("@type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return frozenset(kind.rpartition("/")[2] for kind in kinds if isinstance(kind, str))


def _is_article(node: dict[str, Any]) -> bool:
    return any(kind.endswith(_ARTICLE_TYPES) for kind in _schema_types(node))


def _parts(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts that an article says it has, among them those behind its paywall."""
    parts = node.get("hasPart")
    listed = parts if isinstance(parts, list) else [parts]
    return [part for part in listed if isinstance(part, dict)]


def _is_false(value: Any) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def _text(value: Any) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("@id") or value.get("name") or value.get("url")
    return unescape(value) if isinstance(value, str) else ""


def unescape(text: str) -> str:
    """One line of text out of a string that may hold tags or character references."""
    if "<" in text or "&" in text:
        root = etree.fromstring(f"<p>{text}</p>".replace("\0", ""), etree.HTMLParser())
        text = "".join(root.itertext()) if root is not None else ""
    return line(text)


def _paragraphs(value: Any) -> str:
    """Text with its line breaks, each line cleaned."""
    if not isinstance(value, str):
        return ""
    return "\n".join(text for part in value.splitlines() if (text := unescape(part)))


def _names(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        name = item.get("name") if isinstance(item, dict) else item
        for text in name if isinstance(name, list) else [name]:
            if isinstance(text, str) and text.strip():
                yield unescape(text)


def _updates(value: Any) -> Iterator[Update]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and (text := _paragraphs(item.get("articleBody"))):
            yield Update(_text(item.get("datePublished")), _text(item.get("headline")), text)
