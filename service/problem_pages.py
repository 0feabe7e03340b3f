"""Pages that answer 200 but hold no story: walls, shells, lists, and pages that are gone.

A page that could not be read must never look like a story without police force.
The checks only refuse a page whose readable text is short or dominated by the
wall's own words, so that a real article with a banner passes.
"""

import re
from dataclasses import dataclass

from lxml import etree

from service.blocks import Block
from service.errors import ErrorType, ServiceError
from service.metadata import Metadata
from service.page_head import PageHead, split_url

TOO_SHORT = 50  # words below which there is nothing to judge
BRIEF = 30  # the same for pages that declare themselves articles
PAYWALL_SHORT = 120  # a paywalled page with fewer words shows only its teaser
TEASER = 120
SHELL = 80
CONSENT_SHORT = 150
WALL_SHORT = 150

_BOT_TITLE = re.compile(
    r"^(?:just a moment|access denied|access to this page has been denied|attention required"
    r"|are you a robot|security check|pardon our interruption|ddos.guard|robot check"
    r"|please verify you are (?:a )?human|verify(?:ing)? you are human|human verification"
    r"|request (?:blocked|rejected|unsuccessful)|403 forbidden|you have been blocked"
    r"|bot (?:detection|verification)|checking your browser|(?:blocked|captcha|one more step)\W*$"
    r"|(?:error )?429\b\W*(?:$|too many|error)|too many requests|error 10(?:06|09|10|15|20)\b"
    r"|(?:error )?451\b\W*(?:$|unavailable)|unavailable (?:due to|for) legal reasons)",
    re.IGNORECASE,
)
_BOT_TEXT = re.compile(
    r"verify(?:ing)? (?:that )?you(?: are|'re|’re) (?:a )?human|checking (?:if the site connection"
    r"|your browser)|unusual (?:traffic|activity) from|you don't have permission to access"
    r"|enable javascript and cookies to continue|please complete the security check"
    r"|confirm you are (?:a )?human|press (?:&|and) hold|are you a robot|incapsula incident"
    r"|not a robot|automated (?:access|requests|traffic)|sorry, you have been blocked"
    r"|powered and protected by|(?:are being|been) rate.limited"
    r"|too many requests (?:from (?:your|this)|in a (?:short|given))"
    r"|banned you temporarily|disable any ad.?blocker"
    # Readers from some countries are turned away, too.
    r"|(?:not|un)(?: currently)? ?available (?:to (?:visitors|readers|users)|(?:with)?in your "
    r"(?:country|region|location|area))|visitors from the european|part of the european economic",
    re.IGNORECASE,
)
_BOT_MARKUP = re.compile(
    r"_Incapsula_Resource|captcha-delivery\.com|px-captcha|/cdn-cgi/challenge-platform"
    r"|cf-browser-verification|cf_chl_opt|geo\.captcha-delivery|perimeterx|ddos-guard"
    r"|awswaf|AwsWafIntegration|distil_r_captcha|datadome|KPSDK|challenges\.cloudflare\.com"
    r"|hcaptcha\.com",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"(?:page|article|story|content|site|url)[^.]{0,30}(?:not found|(?:can(?:no|')t|could ?n.t)"
    r" be found|no longer (?:exists?|available)|unavailable|does ?n.t exist|has been removed"
    r"|not available)|^\W*404\b|\b404 (?:error|not found|page)|error 404|^\W*not found\W*$"
    r"|(?:can.t|couldn.t|could not|cannot|unable to) find (?:that|the|this|what)"
    r"|^oops|nothing (?:was )?found|this page (?:isn.t|is not) available|page (?:is )?gone",
    re.IGNORECASE,
)
_CONSENT_HOST = re.compile(r"(?:^|\.)(?:consent|guce|privacy-mgmt|cmp)\.", re.IGNORECASE)
_CONSENT = re.compile(
    r"\b(?:cookies?|consent|privacy|partners?|vendors?|personal data|preferences|accept all"
    r"|reject all|legitimate interest|gdpr|tracking|agree|advertising|data processing)\b",
    re.IGNORECASE,
)
_PAYWALL_TEXT = re.compile(
    r"subscribe (?:now |today )?to (?:continue|keep|read|unlock|get)|subscribers? only"
    r"|(?:already a|for) subscribers?|to continue reading|to keep reading|continue reading with"
    r"|subscription (?:is )?required|log in or subscribe|sign in to (?:continue|read)"
    r"|exclusive(?:ly)? (?:for|to) (?:our )?(?:subscribers|members)|unlock this (?:article|story)"
    r"|start your (?:free )?(?:trial|subscription)|reached your (?:limit|free)"
    r"|free articles? (?:left|remaining|this month)|create (?:a free|an) account to",
    re.IGNORECASE,
)
_LOGIN_TITLE = re.compile(
    r"^\W*(?:please )?(?:log|sign) ?in\b|\b(?:log|sign) ?in (?:required|to (?:your|view|continue))"
    r"|^(?:members?|subscribers?|registered users) only|^(?:register|create an account)\b",
    re.IGNORECASE,
)
_LOGIN_TEXT = re.compile(
    r"(?:must|need to|have to|please) (?:be (?:logged|signed) in|(?:log|sign) ?in)\b"
    r"|only (?:visible|available) to (?:registered|logged)",
    re.IGNORECASE,
)
_TEASER = re.compile(
    r"(?:continue reading|read more|read the full (?:story|article)|read full (?:story|article)"
    r"|keep reading|\[…\]|\[\.\.\.\])\W*$|continue reading",
    re.IGNORECASE,
)
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# A list of stories has this many linked headlines, of so many words each, and no more
# running text between two of them than a teaser: in words, or as a share of the body.
# On the development pages that are no declared articles, stories have 80 words or more.
_HEADLINES, _HEADLINE_WORDS = 6, 4
_TEASER_PROSE, _TEASER_SHARE = 65, 0.25
_HOME_PROSE = 150  # a front page may open with a longer piece
_LISTING = re.compile(
    r"(?:tags?|categor(?:y|ies)|sections?|topics?|authors?|staff|search|archives?|latest|hub)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"/page/\d+/?$", re.IGNORECASE)  # a list goes on
_APP_ROOTS = frozenset({"root", "__next", "app", "__nuxt", "react-root", "main-app", "svelte"})
_EMPTY = 15  # words on a whole page that leaves everything to its scripts
_NO_SCRIPT = re.compile(
    r"(?:enable|requires?|turn on|need|activate)\b.{0,20}javascript|javascript (?:is )?"
    r"(?:disabled|required|needs to be enabled)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read off one page; `words` counts the body's."""

    url: str | None
    status: int
    root: etree._Element
    head: PageHead
    metadata: Metadata
    page: list[Block]
    text: str

    @property
    def words(self) -> int:
        return count_words(self.text)

    @property
    def is_article(self) -> bool:
        """Whether the page itself says that it is an article."""
        return self.head.schema.is_article or self.head.first("og:type").lower() == "article"

    @property
    def has_story(self) -> bool:
        """Whether a page that names a story in its head shows some of it.

        What its headline says is then about the story, not about the page.
        """
        named = self.head.schema.is_article or self.head.first("article:published_time")
        return bool(named) and self.words >= TOO_SHORT

    @property
    def shown(self) -> str:
        """All text of the page, furniture included, up to a length walls never reach."""
        return "\n".join(block.text for block in self.page)[:20_000]


def count_words(text: str) -> int:
    """Words between spaces; in scripts without spaces two characters count as a word."""
    return len(text.split()) + len(_UNSPACED.findall(text)) // 2


def refuse_problem_page(reading: Reading) -> None:
    """Raises the ServiceError that says why there is no story on this page, if there is none."""
    for check in (
        _refused_status,
        _bot_wall,
        _consent_wall,
        _gone,
        _paywall,
        _login_wall,
        _index_page,
        _script_shell,
        _short,
    ):
        check(reading)


def warnings(reading: Reading) -> tuple[str, ...]:
    """What a reader of the answer should know about a page that could be read."""
    return ("paywall_flag",) if not reading.head.is_free else ()


def is_partial(reading: Reading) -> bool:
    """Whether the page shows only a part: a teaser, or the first of several pages."""
    if reading.head.next_page and not reading.head.schema.is_live_blog:
        return True
    if reading.words >= TEASER:
        return False
    described = _letters(reading.head.description)
    body = _letters(reading.text)
    echoes = len(described) > 40 and (described[:80] in body) and len(body) < 2 * len(described)
    return echoes or bool(_TEASER.search(reading.shown))


def _refused_status(reading: Reading) -> None:
    if reading.status not in (402, 403):
        return
    if reading.status == 402 or not reading.head.is_free:
        raise _paywalled(reading)
    if _PAYWALL_TEXT.search(reading.shown) and not _BOT_TEXT.search(reading.shown):
        raise _paywalled(reading)
    raise _bot_blocked(reading.status)


def _bot_wall(reading: Reading) -> None:
    if reading.words >= WALL_SHORT:
        return
    title = reading.head.title or next(iter(reading.head.h1), "")
    named = _BOT_TITLE.match(title) or any(_BOT_TITLE.match(h1) for h1 in reading.head.h1)
    said = _BOT_TEXT.search(reading.shown)
    if ((named and not reading.has_story) or said) and count_words(reading.shown) < 2 * WALL_SHORT:
        raise _bot_blocked(None)
    if count_words(reading.shown) < TOO_SHORT and _BOT_MARKUP.search(_markup(reading.root)):
        raise _bot_blocked(None)


def _consent_wall(reading: Reading) -> None:
    host = split_url(reading.url).hostname
    hits = len(_CONSENT.findall(reading.shown))
    words = count_words(reading.shown)
    moved = bool(host and _CONSENT_HOST.search(host))
    if reading.words < CONSENT_SHORT and (
        moved or (hits >= 5 and hits > words / 20 and not reading.is_article)
    ):
        raise ServiceError(
            ErrorType.CONSENT_WALL, "The site shows a cookie or consent dialogue, not the story."
        )


def _gone(reading: Reading) -> None:
    names = [reading.head.title, *reading.head.h1]
    named = reading.words < WALL_SHORT and not reading.has_story
    named = named and any(_GONE.search(name) for name in names)
    if named or (reading.words < BRIEF and _GONE.search(reading.text)):
        raise ServiceError(ErrorType.NOT_FOUND, "The site says that the page does not exist.")


def _paywall(reading: Reading) -> None:
    flagged = not reading.head.is_free
    asks = reading.words < TOO_SHORT and _PAYWALL_TEXT.search(reading.shown)
    if reading.words < PAYWALL_SHORT and (flagged or asks):
        raise _paywalled(reading)


def _login_wall(reading: Reading) -> None:
    if reading.words >= TOO_SHORT:
        return
    asked = any(element.get("type") == "password" for element in reading.root.iter("input"))
    named = any(_LOGIN_TITLE.search(name) for name in (reading.head.title, *reading.head.h1))
    if (asked and named) or _LOGIN_TEXT.search(reading.shown):
        raise _paywalled(reading)


def _index_page(reading: Reading) -> None:
    """A home, section, tag or author page: teasers that extractors merge into one false story."""
    address = split_url(reading.url)
    path = [part for part in _NUMBERED.sub("", address.path).split("/") if part]
    home = address.hostname is not None and not path and not address.query
    listing = any(_LISTING.fullmatch(part) for part in path) or _is_period(path)
    if reading.is_article and not (home or listing):
        return
    if reading.head.first("article:published_time") and reading.metadata.date and not home:
        return
    if path and not listing and not _names_section(path):
        return
    links, stretch = _headlines_and_prose(reading)
    most = _HOME_PROSE if home else max(_TEASER_PROSE, _TEASER_SHARE * reading.words)
    if (links >= _HEADLINES and stretch < most) or (home and _mostly_links(reading)):
        raise ServiceError(
            ErrorType.NOT_AN_ARTICLE, "The page is a list of stories, not a story.", None
        )


def _is_period(path: list[str]) -> bool:
    """Whether a path is only a year, a month or a day."""
    return 0 < len(path) <= 3 and all(part.isdigit() and len(part) in (2, 4) for part in path)


def _names_section(path: list[str]) -> bool:
    """Whether a path is as short as a section's; stories have numbers or a headline in theirs."""
    last = path[-1]
    if len(path) > 3 or re.search(r"\d|\.\w+$", last):
        return False
    return last.count("-") <= (1 if len(path) > 1 else 2) and len(last) <= 30


def _headlines_and_prose(reading: Reading) -> tuple[int, int]:
    """How many linked headlines the page has, and the most words of the body without one between.

    A story's paragraphs follow on each other; a list has a headline before each teaser.
    """
    body = set(reading.text.split("\n"))
    links = stretch = longest = 0
    for block in reading.page:
        if block.words >= _HEADLINE_WORDS and block.link_chars > 0.6 * len(block.text):
            links, stretch = links + 1, 0
        elif block.text in body:
            stretch += count_words(block.text)
            longest = max(longest, stretch)
    return links, longest


def _mostly_links(reading: Reading) -> bool:
    linked = sum(1 for block in reading.page if block.link_chars > 0.6 * len(block.text))
    prose = sum(1 for block in reading.page if block.words > 25 and block.link_chars < 40)
    return linked >= 20 and linked > 4 * prose


def _script_shell(reading: Reading) -> None:
    if reading.words >= SHELL or count_words(reading.shown) >= 2 * SHELL:
        return
    shell = any(element.get("id") in _APP_ROOTS for element in reading.root.iter("div", "main"))
    empty = count_words(reading.shown) < _EMPTY and any(
        element.get("src") for element in reading.root.iter("script")
    )
    if reading.words < TOO_SHORT and (shell or empty or _NO_SCRIPT.search(_no_script(reading))):
        raise ServiceError(
            ErrorType.NEEDS_JAVASCRIPT, "The page shows its text only to browsers with JavaScript."
        )


def _short(reading: Reading) -> None:
    enough = BRIEF if reading.is_article else TOO_SHORT
    if reading.words < enough:
        raise ServiceError(
            ErrorType.TOO_SHORT,
            "The page holds too little text to judge.",
            {"words": reading.words, "minimum": enough},
        )


def _paywalled(reading: Reading) -> ServiceError:
    """Says what the page says about the story it does not show."""
    known = reading.metadata
    detail: dict[str, object] = {
        "title": known.title,
        "date": known.date,
        "authors": list(known.authors),
        "site": known.site,
        "canonical_url": known.canonical_url,
    }
    return ServiceError(ErrorType.PAYWALLED, "The story is behind a paywall or a login.", detail)


def _bot_blocked(status: int | None) -> ServiceError:
    return ServiceError(
        ErrorType.BOT_BLOCKED,
        "The site turns this reader away.",
        {"upstream_status": status} if status else None,
    )


def _markup(root: etree._Element) -> str:
    """Scripts and their addresses, where bot walls leave their names."""
    parts = []
    for element in root.iter("script", "iframe", "div"):
        parts += [element.get("src") or "", element.get("id") or "", (element.text or "")[:2000]]
    return " ".join(parts)[:200_000]


def _no_script(reading: Reading) -> str:
    notices = ["".join(element.itertext()) for element in reading.root.iter("noscript")]
    return " ".join([reading.shown, *notices])[:20_000]


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())
