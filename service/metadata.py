"""Title, date, authors, site, canonical URL, language and wire agency of a page.

Each comes from the first source that has it, best source first. The order was
measured: a heading that agrees with the head of the page beats JSON-LD, which
beats Open Graph and other meta tags, which beat what stands in the text.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urljoin, urlsplit

from lxml import etree

from service.blocks import Block
from service.errors import ServiceError
from service.guard import check_url
from service.page_head import PageHead, line


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
        name = _key(site)
        keep = [part for part in parts if not (_key(part) in name or name in _key(part))]
        if keep and len(keep) < len(parts):
            end = title.find(keep[-1]) + len(keep[-1])
            return title[title.find(keep[0]) : end].strip()
    if len(parts) > 1 and "|" in title:
        return title.rsplit("|", 1)[0].strip()
    return title


def _agree(heading: str, claim: str) -> bool:
    """Whether a heading says what a title in the head says, give or take some words."""
    a, b = _key(heading), _key(claim)
    if a in b or b in a:
        return True
    mine, theirs = set(heading.lower().split()), set(claim.lower().split())
    return len(mine & theirs) >= 0.6 * min(len(mine), len(theirs))


def _key(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())


# --- date ----------------------------------------------------------------------------------

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)\S*)?")
_US_NUMBERS = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_MONTH_FIRST = re.compile(_MONTH + r"\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b", re.IGNORECASE)
_DAY_FIRST = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\s+" + _MONTH + r",?\s+(\d{4})\b", re.I)
_URL_DATE = re.compile(r"/(20\d\d|19\d\d)[/-]?(\d\d)[/-]?(\d\d)(?=[/_.-]|$)")
_URL_MONTH_NAME = re.compile(r"/(20\d\d)/" + _MONTH + r"/(\d{1,2})/", re.I)
_DATE_META = (
    "article:published_time",
    "datepublished",
    "og:published_time",
    "article:published",
    "parsely-pub-date",
    "sailthru.date",
    "dc.date.issued",
    "dcterms.created",
    "dc.date",
    "dcterms.date",
    "publishdate",
    "publish-date",
    "pubdate",
    "publish_date",
    "published_time",
    "publication_date",
    "date",
    "originalpublicationdate",
    "article.published",
    "cxenseparse:recs:publishtime",
    "datecreated",
    "rnews:datepublished",
)
_MODIFIED_META = ("article:modified_time", "og:updated_time", "datemodified", "lastmod")
_BYLINE_WORDS = 30
_DIGIT = re.compile(r"\d")
# A time in UTC is a day ahead of the newsroom's calendar in the American evening.
_EASTERN = timedelta(hours=5)
_NATIONAL = re.compile(r"\.(?:[a-z]{2})$")


def find_date(
    page: list[Block], head: PageHead, url: str | None, language: str | None
) -> str | None:
    """The day of publication as YYYY-MM-DD.

    Where the page's claims differ (time zones, a later update), the one that
    readers are shown counts.
    """
    address = url or head.canonical or head.first("og:url")
    american = _is_american(head, address, language)
    in_url = url_date(address)
    claims = [head.schema.published, *(head.meta.get(name, "") for name in _DATE_META)]
    claimed = next((claim for claim in claims if parse_date(claim)), "")
    shown = _shown_dates(page)
    if not claimed:
        found = in_url or next(iter(shown), None)
        return found.isoformat() if found else None
    local, stated = parse_date(claimed, american), parse_date(claimed)
    changed = parse_date(head.schema.modified or head.first(*_MODIFIED_META), american)
    candidates = [day for day in (local, stated, changed) if day]
    if in_url and abs(in_url - candidates[0]) <= timedelta(days=1):
        return in_url.isoformat()
    return next((day for day in candidates if day in shown), candidates[0]).isoformat()


def parse_date(text: str, american: bool = False) -> date | None:
    """The day a date string names; UTC times of American pages count in Eastern time."""
    if match := _ISO.search(text):
        day = _day(match[1], match[2], match[3])
        if day and american and match[4] and _is_utc(match[0]) and match[0][11:16] != "00:00":
            moment = datetime(day.year, day.month, day.day, int(match[4]) % 24)
            return (moment - _EASTERN).date()
        return day
    if match := _MONTH_FIRST.search(text):
        return _day(match[3], _month(match[1]), match[2])
    if match := _DAY_FIRST.search(text):
        return _day(match[3], _month(match[2]), match[1])
    if match := _US_NUMBERS.search(text):
        return _day(match[3], match[1], match[2]) or _day(match[3], match[2], match[1])
    if match := re.fullmatch(r"(20\d\d)(\d\d)(\d\d)(?:\D.*|\d{6})?", text):
        return _day(match[1], match[2], match[3])
    return None


def url_date(url: str) -> date | None:
    """The date in the path of an article's URL."""
    path = urlsplit(url).path if url else ""
    if match := _URL_DATE.search(path):
        return _day(match[1], match[2], match[3])
    if match := _URL_MONTH_NAME.search(path):
        return _day(match[1], _month(match[2]), match[3])
    return None


def _shown_dates(page: list[Block]) -> list[date]:
    """Dates in bylines and other short lines, in reading order."""
    shown: dict[date, None] = {}
    for block in page:
        if block.words <= _BYLINE_WORDS and _DIGIT.search(block.text):
            stamp = next(block.path[-1].iter("time"), None)
            said = block.text + " " + (stamp.get("datetime", "") if stamp is not None else "")
            for pattern in (_MONTH_FIRST, _DAY_FIRST, _ISO, _US_NUMBERS):
                for match in pattern.finditer(said):
                    if found := parse_date(match[0]):
                        shown.setdefault(found)
    return list(shown)


def _is_american(head: PageHead, address: str, language: str | None) -> bool:
    host = urlsplit(address).hostname or "" if address else ""
    region = f"{head.lang} {head.first('og:locale')}".lower().replace("_", "-")
    if "en-us" in region:
        return True
    other = re.search(r"en-[a-z]{2}", region)
    return language == "en" and other is None and not _NATIONAL.search(host)


def _is_utc(stamp: str) -> bool:
    return stamp.endswith(("Z", "+00:00", "+0000", "UTC", "GMT"))


def _month(name: str) -> str:
    return str(_MONTHS.index(name[:3].lower()) + 1)


def _day(year: str, month: str, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    # Zero dates and typing errors: no news page is older than the web's archives.
    return found if found.year >= 1980 else None


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
    host = urlsplit(url).hostname if url else None
    return head.schema.publisher or named or (host.removeprefix("www.") if host else None)


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
        if checked.target != "/" or url is None or urlsplit(url).path in ("", "/"):
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
