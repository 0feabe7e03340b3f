"""Title, date, authors, site, canonical URL, language and wire agency of a page.

Each comes from the first source that has it, best source first. The order was
measured: a heading that agrees with the head of the page beats JSON-LD, which
beats Open Graph and other meta tags, which beat what stands in the text.
"""

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from lxml import etree

from service.blocks import Block
from service.errors import ServiceError
from service.guard import check_url
from service.page_head import PageHead, line, split_url
from service.publication_date import find_date


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page says about its story; None or empty where it says nothing."""

    title: str | None = None
    date: str | None = None
    authors: tuple[str, ...] = ()
    site: str | None = None
    canonical_url: str | None = None
    language: str | None = None


def read_metadata(
    root: etree._Element, page: list[Block], head: PageHead, url: str | None
) -> Metadata:
    """All fields from one parsed page and its blocks. `url` is where the page came from."""
    language = find_language(head)
    site = find_site(head, url)
    return Metadata(
        title=find_title(head, site),
        date=find_date(page, head, url, language),
        authors=find_authors(root, head, site),
        site=site,
        canonical_url=find_canonical_url(head, url),
        language=language,
    )


# --- title ---------------------------------------------------------------------------------

_BESIDE_SITE = 15  # letters, as in "Harlow Ledger News Online"; headlines may name the site, too
_SEPARATOR = re.compile(r"\s+[|»·•–—-]\s+|\s*\|\s*|\s+::\s+")


def find_title(head: PageHead, site: str | None = None) -> str | None:
    """The headline as readers see it, without the name of the site."""
    claims = [head.schema.headline, head.first("og:title", "twitter:title"), head.title]
    claims = [claim for claim in claims if claim]
    for claim in claims:
        for heading in head.h1:
            if len(heading) > 8 and _agree(heading, claim):
                return _without_kicker(heading, claims)
    for claim in claims:
        if title := without_site(claim, site):
            return title
    return next(iter(head.h1), None)


def _without_kicker(heading: str, claims: list[str]) -> str:
    """A heading without a section name in front, where the head has it without."""
    for claim in claims:
        if len(claim) < len(heading) and heading.endswith(claim) and len(_key(claim)) > 15:
            return claim
    return heading


def without_site(title: str, site: str | None) -> str:
    """A title without " | Site" at its end or "Site: " at its start."""
    parts = _SEPARATOR.split(title)
    if len(parts) > 1 and site:
        keep = [part for part in parts if not _names_site(_key(part), _key(site))]
        if keep and len(keep) < len(parts):
            end = title.find(keep[-1]) + len(keep[-1])
            return title[title.find(keep[0]) : end].strip()
    if len(parts) > 1 and "|" in title:
        return title.rsplit("|", 1)[0].strip()
    return title


def _names_site(part: str, site: str) -> bool:
    """Whether a part of a title is the site's name, or has it and little else."""
    return part in site or (site in part and len(part) <= len(site) + _BESIDE_SITE)


def _agree(heading: str, claim: str) -> bool:
    """Whether a heading says what a title in the head says, give or take some words."""
    a, b = _key(heading), _key(claim)
    if a in b or b in a:
        return True
    mine, theirs = set(heading.lower().split()), set(claim.lower().split())
    return len(mine & theirs) >= 0.6 * min(len(mine), len(theirs))


def _key(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())


# --- authors -------------------------------------------------------------------------------

_AUTHOR_META = (
    "author",
    "article:author",
    "byl",
    "parsely-author",
    "sailthru.author",
    "dc.creator",
    "dcterms.creator",
    "article:author_name",
    "cxenseparse:author",
    "twitter:data1",
)
_BYLINE_CLASS = re.compile(r"(?:^|[\s_-])(?:byline|author(?:s|-?name)?|writer)(?:$|[\s_-])", re.I)
_BY = re.compile(
    r"^(?:story |written |reported |posted )?by:?\s+|^(?:von|par|por)\s+", re.IGNORECASE
)
_SPLIT = re.compile(r"\s*(?:,|;|\||/|\band\b|\bund\b|\bet\b|&|\bby\b)\s*")
_NOT_A_NAME = re.compile(
    r"https?:|www\.|@|\d|\b(?:staff|editor|editors|reporter|correspondent|writer|newsroom|desk"
    r"|updated|published|min read|minutes?|contributor|admin|team|news service)\b",
    re.IGNORECASE,
)


def find_authors(root: etree._Element, head: PageHead, site: str | None) -> tuple[str, ...]:
    """Names of people, or of an agency, as the byline gives them."""
    claims: list[tuple[str, ...]] = [head.schema.authors]
    claims += [(head.meta[name],) for name in _AUTHOR_META if name in head.meta]
    for claim in claims:
        names = _clean_names(claim, site)
        if names:
            return names
    return _clean_names(tuple(_bylines(root)), site)


def _bylines(root: etree._Element) -> list[str]:
    found = []
    for tag in root.iter("a", "span", "div", "p", "address"):
        marked = (
            tag.get("rel") == "author"
            or tag.get("itemprop") == "author"
            or _BYLINE_CLASS.search(tag.get("class", ""))
        )
        text = line("".join(tag.itertext())) if marked else ""
        if 3 < len(text) < 80:
            found.append(text)
            if tag.get("rel") != "author":
                break
    return found


def _clean_names(claims: tuple[str, ...], site: str | None) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for claim in claims:
        for part in _SPLIT.split(_BY.sub("", claim.strip())):
            name = part.strip(" .·•-–—")
            words = name.split()
            if not 1 < len(name) < 60 or len(words) > 5 or _NOT_A_NAME.search(name):
                continue
            if site and _key(name) == _key(site):
                continue
            names.setdefault(name)
    return tuple(names)


# --- site, canonical URL, language ------------------------------------------------------------


def find_site(head: PageHead, url: str | None) -> str | None:
    """The publication's name, else its host."""
    named = head.first("og:site_name", "application-name", "twitter:app:name:iphone")
    host = split_url(url).hostname
    found = (head.schema.publisher or named).lstrip("@")
    return found or (host.removeprefix("www.") if host else None)


def find_canonical_url(head: PageHead, url: str | None) -> str | None:
    """The page's own permanent URL, only if it is one the service would fetch.

    It is never fetched; a page must not be able to plant an internal address.
    """
    for claim in (head.canonical, head.first("og:url"), head.schema.url):
        if not claim:
            continue
        try:
            checked = check_url(urljoin(url or "", claim))
        except (ServiceError, ValueError):
            continue
        # Some templates name the front page as canonical of every story.
        if checked.target != "/" or url is None or split_url(url).path in ("", "/"):
            return checked.url
    return None


def find_language(head: PageHead) -> str | None:
    """Two-letter code of the declared language."""
    claims = (head.lang, head.schema.language, head.first("og:locale", "content-language"))
    for claim in claims:
        match = re.match(r"[a-zA-Z]{2}(?=$|[-_])", claim.strip())
        if match:
            return match[0].lower()
    return None


_AGENCIES = {
    "AP": r"AP|Associated Press|The Associated Press",
    "Reuters": r"Reuters|REUTERS",
    "AFP": r"AFP|Agence France-Presse",
    "UPI": r"UPI|United Press International",
    "CNN": r"CNN Newsource|CNN Wire",
    "TNS": r"TNS|Tribune News Service",
    "Bay City News": r"Bay City News",
    "City News Service": r"CNS|City News Service",
}
_DATELINE = re.compile(
    r"^[A-Z][\w .,'’/-]{0,60}?\s*\((?:"
    + "|".join(f"(?P<a{i}>{names})" for i, names in enumerate(_AGENCIES.values()))
    + r")\)\s*[-–—:]"
)
_CREDIT = re.compile("|".join(f"(?P<a{i}>{names})" for i, names in enumerate(_AGENCIES.values())))


def find_wire(text: str, authors: tuple[str, ...]) -> str | None:
    """The news agency a story was taken from, by its dateline or byline."""
    match = _DATELINE.match(text[:200])
    for author in authors:
        match = match or _CREDIT.fullmatch(author)
    if match is None or match.lastgroup is None:
        return None
    return list(_AGENCIES)[int(match.lastgroup[1:])]
