"""One spelling per page: the URL a story is known by, whoever linked to it."""

from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from service.story import Story

# PostgreSQL indexes no value beyond 2,700 bytes; longer URLs are session junk anyway.
_MAX_CHARS = 2000
_PORTS = {"http": 80, "https": 443}
# Parameters that say where a reader came from, not what is read.
_TRACKING = frozenset(
    {
        "fbclid", "gclid", "dclid", "msclkid", "twclid", "yclid", "igshid", "mc_cid", "mc_eid",
        "cmpid", "ncid", "smid", "ocid", "guccounter", "guce_referrer", "guce_referrer_sig",
    }
)  # fmt: skip


def canonical_url(url: str | None) -> str | None:
    """The URL without fragment, default port and tracking; None where it is no web page's."""
    try:
        parts = urlsplit((url or "").strip())
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _PORTS or not host:
        return None
    netloc = f"[{host}]" if ":" in host else host
    if port not in (None, _PORTS[scheme]):
        netloc += f":{port}"
    query = "&".join(field for field in parts.query.split("&") if not _is_tracking(field))
    found = urlunsplit((scheme, netloc, parts.path or "/", query, ""))
    return found if len(found.encode(errors="replace")) <= _MAX_CHARS else None


def addressed(story: Story) -> Story:
    """The story with its canonical URL set, as answers and ids are made from it."""
    return replace(story, canonical_url=canonical_url(story.canonical_url or story.url))


def _is_tracking(field: str) -> bool:
    name = field.split("=", 1)[0].lower()
    return name.startswith("utm_") or name in _TRACKING
