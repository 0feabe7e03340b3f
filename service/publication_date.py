"""The day a story was published: what the page claims, checked against what readers are shown.

Claims (JSON-LD, meta tags) are in whatever time zone the publishing software keeps,
and some are rewritten with every edit. The date beside the headline is the one that
readers and people who cite the story see, so it decides where the two differ.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from service.blocks import Block
from service.page_head import PageHead, split_url

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)\S*)?")
_NUMBERS = re.compile(r"(?<![\d./])(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?!\d)")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_MONTH_FIRST = re.compile(_MONTH + r"\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)", re.I)
_DAY_FIRST = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?\s+" + _MONTH + r",?\s+(\d{4})(?!\d)", re.I
)
_COMPACT = re.compile(r"(20\d\d)(\d\d)(\d\d)(?:\D.*|\d{6})?")
_ANY_DATE = re.compile(
    "|".join(
        # Groups are only needed to take a date apart.
        re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern.pattern)
        for pattern in (_MONTH_FIRST, _DAY_FIRST, _ISO, _NUMBERS)
    ),
    re.IGNORECASE,
)
_URL_DATE = re.compile(r"/(20\d\d|19\d\d)[/-]?(\d\d)[/-]?(\d\d)(?=[/_.-]|$)")
_URL_MONTH_NAME = re.compile(r"/(20\d\d)/" + _MONTH + r"/(\d{1,2})/", re.I)
_DATE_META = (
    "article:published_time",
    "datepublished",
    "og:published_time",
    "og:article:published_time",
    "article:published",
    "article:publicationdate",
    "parsely-pub-date",
    "sailthru.date",
    "dc.date.issued",
    "dcterms.created",
    "dc.date",
    "dcterms.date",
    "publishdate",
    "publish-date",
    "published-date",
    "pubdate",
    "publish_date",
    "published_time",
    "publication_date",
    "published",
    "date",
    "originalpublicationdate",
    "article.published",
    "cxenseparse:recs:publishtime",
    "datecreated",
    "rnews:datepublished",
)
_MODIFIED_META = ("article:modified_time", "og:updated_time", "datemodified", "lastmod")
_CHANGED = re.compile(
    r"\b(?:updated?|modified|changed|edited|reviewed|revised|corrected|aktualisiert"
    r"|mis à jour|actualizado|güncelleme|g[uü]ncellen\w*)\W*(?:\w+\W+){0,2}$",
    re.IGNORECASE,
)
_PUBLISHED = re.compile(
    r"\b(?:published|posted|originally|first)\W*(?:\w+\W+){0,2}$", re.IGNORECASE
)
_BYLINE_WORDS = 30
_PROSE_WORDS = 25
_PARTS = 30  # texts and elements of a line that are looked at
# The byline stands a few lines above or below the headline.
_ABOVE, _BELOW = 4, 25
_LISTS = frozenset({"nav", "ul", "ol"})
_PICTURES = frozenset({"figure", "figcaption"})
_DIGIT = re.compile(r"\d")
_DAY = timedelta(days=1)
# A time in UTC is a day ahead of the newsroom's calendar in the American evening.
_EASTERN = timedelta(hours=5)
_NATIONAL = re.compile(r"\.(?:[a-z]{2})$")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A date that readers see; `changed` and `published` where the words before it say so."""

    day: date
    changed: bool
    published: bool


def find_date(
    page: list[Block], head: PageHead, url: str | None, language: str | None
) -> str | None:
    """The day of publication as YYYY-MM-DD; None where nothing tells."""
    address = url or head.canonical or head.first("og:url")
    american = _is_american(head, address, language)
    shown = list(_shown_dates(_byline(page, head), american))
    anywhere = list(_shown_dates(page, american))
    in_url = url_date(address)
    claims = [head.schema.published, *(head.meta.get(name, "") for name in _DATE_META)]
    claim = next((text for text in claims if parse_date(text)), None)
    if claim is None:
        found = _without_claim(shown, in_url) or _published(anywhere)
    else:
        # Where the page tells the day in UTC only, somewhere, then that is its day.
        days = [item.day for item in anywhere]
        local = american and (parse_date(claim, True) in days or parse_date(claim) not in days)
        found = _checked(claim, head, shown, in_url, local)
    return found.isoformat() if found else None


def _without_claim(shown: list[_Shown], in_url: date | None) -> date | None:
    if in_url:
        return _close(shown, in_url) or in_url
    return _published(shown) or next((item.day for item in shown), None)


def _checked(
    claim: str, head: PageHead, shown: list[_Shown], in_url: date | None, american: bool
) -> date | None:
    """The claimed day, or the one that readers see instead of it."""
    claimed = parse_date(claim, american)
    days = [item.day for item in shown]
    if claimed is None or claimed in days:
        return claimed
    # Times in UTC, or in no zone at all, may be a day off; others are meant as they are.
    if _is_utc(claim) or ":" not in claim:
        near = _close(shown, claimed)
        if near:
            return near
    if in_url and abs(in_url - claimed) <= _DAY:
        return in_url
    changed = parse_date(head.schema.modified or head.first(*_MODIFIED_META), american)
    if changed in days:
        return changed
    other = _published(shown)
    return other if other and abs(other - claimed) > _DAY else claimed


def _close(shown: list[_Shown], day: date) -> date | None:
    return next((item.day for item in shown if abs(item.day - day) <= _DAY), None)


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
    if match := _NUMBERS.search(text):
        first, second, year = match.groups()
        month_first, day_first = _day(year, first, second), _day(year, second, first)
        return month_first or day_first if american else day_first or month_first
    if match := _COMPACT.fullmatch(text):
        return _day(match[1], match[2], match[3])
    return None


def url_date(url: str) -> date | None:
    """The date in the path of an article's URL."""
    path = split_url(url).path
    if match := _URL_DATE.search(path):
        return _day(match[1], match[2], match[3])
    if match := _URL_MONTH_NAME.search(path):
        return _day(match[1], _month(match[2]), match[3])
    return None


def _byline(page: list[Block], head: PageHead) -> list[Block]:
    """The blocks below the headline up to the second paragraph, then those just above it."""
    at = _headline_at(page, head)
    if at is None:
        return []
    zone = [page[at]]
    paragraphs = 0
    for block in page[at + 1 : at + _BELOW]:
        paragraphs += block.words >= _PROSE_WORDS
        if paragraphs == 2:
            break
        if not _within(block, _PICTURES):
            zone.append(block)
    above = page[max(0, at - _ABOVE) : at]
    return zone + [block for block in above if not _within(block, _LISTS)]


def _within(block: Block, tags: frozenset[str]) -> bool:
    return any(element.tag in tags for element in block.path)


def _headline_at(page: list[Block], head: PageHead) -> int | None:
    """Where the headline stands: as the head of the page has it, or the only `<h1>`."""
    titles = [head.schema.headline, head.first("og:title", "twitter:title"), head.title]
    named = [
        number
        for number, block in enumerate(page)
        if block.words >= 3 and any(block.text in title for title in titles)
    ]
    top = [number for number, block in enumerate(page) if _in_h1(block)]
    if both := [number for number in top if number in named]:
        return both[0]
    if len(top) == 1 and page[top[0]].words >= 3:
        return top[0]
    return named[0] if named else None


def _in_h1(block: Block) -> bool:
    return _within(block, frozenset({"h1"}))


def _shown_dates(blocks: list[Block], american: bool) -> Iterator[_Shown]:
    """Dates in bylines and other short lines, in reading order."""
    label = ""
    for block in blocks:
        if block.words > _BYLINE_WORDS or not _DIGIT.search(block.text):
            label = block.text if block.words <= 3 else ""
            continue
        said, label = f"{label} {_spaced(block)}", ""
        for match in _ANY_DATE.finditer(said):
            if day := parse_date(match[0], american):
                before = said[: match.start()]
                yield _Shown(day, bool(_CHANGED.search(before)), bool(_PUBLISHED.search(before)))


def _spaced(block: Block) -> str:
    """A block's text with spaces between its elements, where a date needs them to be read."""
    if _ANY_DATE.search(block.text):
        return block.text
    # Only its first parts: the element around a line may be the whole page.
    parts = [part for part in islice(block.path[-1].itertext(), _PARTS) if part.strip()]
    stamps = (tag.get("datetime") for tag in islice(block.path[-1].iter(), _PARTS))
    return " ".join([*parts, next((stamp for stamp in stamps if stamp), "")])


def _published(shown: list[_Shown]) -> date | None:
    """The first date said to be of publication, else the first not said to be of a change."""
    for item in shown:
        if item.published and not item.changed:
            return item.day
    return next((item.day for item in shown if not item.changed), None)


def _is_american(head: PageHead, address: str, language: str | None) -> bool:
    host = split_url(address).hostname or ""
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
