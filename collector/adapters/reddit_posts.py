"""Reddit's posts as items: words of their own, a page they link to, or nothing to be read."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from collector.adapters.answers import is_web_url, words
from collector.adapters.broken import Broken
from collector.source import BrokenItem, Item

SITE = "https://www.reddit.com"
_MEDIA_HOSTS = frozenset({"i.redd.it", "v.redd.it", "i.imgur.com"})
_REMOVED = frozenset({"[removed]", "[deleted]"})


def item_of(post: dict[str, Any]) -> Item | BrokenItem:
    """A post: its own words are the story, or the page that it links to is."""
    title, name, text = (words(post, field) for field in ("title", "name", "selftext"))
    page = urljoin(SITE, words(post, "permalink") or "/")
    key = name or page
    when = written(post)
    date = when.isoformat() if when else None
    if words(post, "removed_by_category") or text in _REMOVED:
        return BrokenItem(key, Broken.REMOVED, "the post was taken back", page)
    if post.get("is_self") is True:
        if text is None:
            return BrokenItem(key, Broken.EMPTY, "a post without words or link", page)
        return Item(key, page, title, text, date, page)
    link = words(post, "url_overridden_by_dest") or words(post, "url")
    if link is None:
        return BrokenItem(key, Broken.NO_URL, "a post without words or link", page)
    link = urljoin(SITE, link)  # another post is linked to by its path
    if not is_web_url(link):
        return BrokenItem(key, Broken.INVALID_URL, "the link is no web page's", page)
    if _is_media(link) or post.get("is_gallery") is True or post.get("is_video") is True:
        return BrokenItem(key, Broken.NO_STORY, "a picture or video", page)
    return Item(key, link, title, None, date, page)


def _is_media(link: str) -> bool:
    parts = urlsplit(link)
    return parts.hostname in _MEDIA_HOSTS or parts.path.startswith("/gallery/")


def written(post: dict[str, Any]) -> datetime | None:
    """When a post was made, or None where it does not say."""
    seconds = post.get("created_utc")
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return None
