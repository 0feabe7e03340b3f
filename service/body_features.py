"""What the body classifier knows about each block of a page, as numbers.

The features are of four kinds: the block's own words and tag, the names of the
elements around it, where its container's running text lies, and whether
trafilatura's fast mode took it, each also for the blocks next to it.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from service.blocks import Block

# What class names and ids say about an element, one bit per row.
_HINTS = (
    "articl story post entry body content text main",
    "comment disqus respond reply replies discussion",
    "relat recommend more next trend popular also teaser card outbrain taboola recirc latest "
    "carousel list feed similar",
    "shar social follow facebook twitter whatsapp",
    "nav menu breadcrumb header masthead toolbar topbar pagin pager",
    "foot copyright legal disclaim bottom",
    "side rail widget column col-",
    "advert sponsor promo dfp banner partner affiliate -ad ad- _ad ad_ ads",
    "newsletter subscri signup sign-up paywall login regist donat member consent cookie gdpr modal "
    "popup overlay cta",
    "caption credit figure photo image img galler media video player slide",
    "byline author date time meta publish bio writer contrib",
    "tag topic categor keyword label kicker section",
    "title headline heading hed dek standfirst lede lead summary intro descript excerpt subtitle",
    "hidden visually sr-only screen-reader screenreader print skip toggle collapse",
    "quote fact info embed tweet instagram box note correction callout highlight",
    "paragraph prose richtext rte articlebody entrycontent postcontent storybody",
)
_ANCESTORS = tuple(
    "article main aside header footer nav figure figcaption form li table blockquote section dl"
    " button details ul h1 h2 h3".split()
)
_OWN_TAGS = "p h1 h2 h3 h4 li td div figcaption blockquote section dd pre article body".split()

# How furniture begins; one bit per group, the first that matches.
_OPENING = re.compile(
    r"(?P<more>read (?:more|also|next)|also read|related|see also|more (?:from|on|in|stories|news)"
    r"|recommended|you may|most (?:read|popular)|trending|don.t miss|watch|listen|up next|latest)"
    r"|(?P<ad>advertis|sponsored|promoted|continue reading|scroll|skip|(?:story|article) continues"
    r"|loading|close)"
    r"|(?P<by>(?:by|von|par|por|from) |(?:written|posted|published|updated|last|first|modified"
    r"|reviewed) )"
    r"|(?P<comment>comments?|leave a|reply|post a|view \d+|show|\d+ comments)"
    r"|(?P<photo>(?:photo|image|picture|credit|file|video|foto|source)\b)"
    r"|(?P<quote>[\"“‘'])"
)
_INSIDE = re.compile(
    r"(?P<signup>sign up|subscribe|newsletter|log ?in|register|inbox|free account|already a"
    r"|membership|donate|support (?:us|our)|cookies?\b|privacy policy|terms of)"
    r"|(?P<social>follow us|share (?:this|on)|facebook|twitter|instagram|whatsapp|email this"
    r"|print this|copy link|download (?:the|our) app)"
    r"|(?P<legal>copyright|©|\(c\)|all rights reserved|contributed to this|editing by|reporting by"
    r"|trust principles|this (?:article|story) (?:was|is|has|originally)|for more|contact"
    r"|reach (?:him|her|them))"
    r"|(?P<agency>getty|/ap\b|\(ap\b|reuters/|afp|photo(?:graph)?(?: by|:)|courtesy|shutterstock"
    r"|pool)"
    r"|(?P<date>\b(?:\d{1,2}:\d{2}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? "
    r"\d{1,2}\b|20\d\d\b|\d+ (?:min|hours?|days?|ago)\b))"
    r"|(?P<web>@|https?:|www\.)"
    r"|(?P<bar>\|)"
)
_GROUPS = (*_OPENING.groupindex, *_INSIDE.groupindex)
_GROUP_BIT = {group: 1 << bit for bit, group in enumerate(_GROUPS)}
_OWN_BIT = {tag: 1 << bit for bit, tag in enumerate(_OWN_TAGS)}
_HEAD = 300  # characters of a block that are searched for words of furniture
_NOT_WORD = re.compile(r"\W+")
_UPPER = re.compile(r"[A-Z]")
_DIGIT = re.compile(r"\d")
_TOKENS: dict[str, int] = {}
for _bit, _names in enumerate(_HINTS):
    for _name in _names.split():
        _TOKENS[_name] = _TOKENS.get(_name, 0) | 1 << _bit
_TOKEN = re.compile("|".join(sorted(map(re.escape, _TOKENS), key=len, reverse=True)))
_ANCESTOR_BIT = {tag: 1 << bit for bit, tag in enumerate(_ANCESTORS)}
_NAMES = ("class", "id", "itemprop", "role", "data-component", "data-testid")
_NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
_RUNNING_TEXT = 15  # words from which a block with few links counts as running text


@dataclass(frozen=True, slots=True)
class _Around:
    """What the chain of elements down to one element says, as bit sets."""

    tags: int = 0
    hints: int = 0
    own_hints: int = 0
    hidden: bool = False


@dataclass(slots=True)
class _Container:
    """Sums over the blocks inside an element: words, words of running text, and so on."""

    words: int = 0
    running: int = 0
    link_chars: int = 0
    blocks: int = 0
    taken: float = 0.0


def squeeze(text: str) -> str:
    """Letters and digits only, lower case: equal for equal text however it is spaced."""
    return _NOT_WORD.sub("", text.lower())


def features(page: list[Block], draft: str, title: str, description: str) -> NDArray[np.float32]:
    """One row of numbers per block. `draft` is the body as trafilatura's fast mode reads it."""
    return _Page(page, draft, title, description).rows()


@lru_cache(maxsize=4096)
def _hint_bits(names: str) -> int:
    bits = 0
    for token in _TOKEN.findall(names):
        bits |= _TOKENS[token]
    return bits


def _groups(text: str) -> int:
    """Which kinds of furniture the beginning of a block reads like, as bits."""
    head = text[:_HEAD].lower()
    opening = _OPENING.match(head)
    bits = _GROUP_BIT[str(opening.lastgroup)] if opening else 0
    for match in _INSIDE.finditer(head):
        bits |= _GROUP_BIT[str(match.lastgroup)]
    return bits


def _bits(sets: list[int], size: int) -> NDArray[np.float32]:
    """Bit sets as columns of 0 and 1."""
    return (np.array(sets, np.int64)[:, None] >> np.arange(size) & 1).astype(np.float32)


class _Page:
    """The sums over the whole page that every block's row refers to."""

    def __init__(self, page: list[Block], draft: str, title: str, description: str) -> None:
        self.page = page
        self.squeezed = [squeeze(block.text) for block in page]
        self.count = Counter(self.squeezed)
        self.title, self.description = squeeze(title), squeeze(description)
        self.title_words = set(title.lower().split())
        self.running = [
            block.words >= _RUNNING_TEXT and block.link_chars < 0.3 * len(block.text)
            for block in page
        ]
        self.all_words = sum(block.words for block in page) or 1
        self.all_running = (
            sum(block.words for block, yes in zip(page, self.running, strict=True) if yes) or 1
        )
        self.draft = squeeze(draft)
        self.taken = self._taken({squeeze(line) for line in draft.split("\n")})
        self._around: dict[etree._Element, _Around] = {}
        self.containers = self._containers()
        self.best = self._best_container()

    def _taken(self, lines: set[str]) -> list[float]:
        """Per block: 1 where the draft has it, 0.5 where it has only its beginning or end."""
        taken = []
        for text in self.squeezed:
            if text in lines:
                taken.append(1.0)
            elif len(text) >= 25:
                taken.append(0.5 * (text[:40] in self.draft) + 0.5 * (text[-40:] in self.draft))
            else:
                taken.append(0.0)
        return taken

    def _containers(self) -> dict[etree._Element, _Container]:
        sums: dict[etree._Element, _Container] = {}
        for block, running, taken in zip(self.page, self.running, self.taken, strict=True):
            for element in block.path[-4:]:
                container = sums.setdefault(element, _Container())
                container.words += block.words
                container.blocks += 1
                container.link_chars += block.link_chars
                container.taken += taken * block.words
                if running:
                    container.running += block.words
        return sums

    def _best_container(self) -> etree._Element | None:
        """The element nearest to most running text, as readability finds it."""
        scores: dict[etree._Element, float] = {}
        for block, running in zip(self.page, self.running, strict=True):
            if running:
                skip = block.path[-1].tag in ("p", "li")
                for share, element in zip((1, 2, 4), block.path[-1 - skip :: -1], strict=False):
                    scores[element] = scores.get(element, 0.0) + block.words / share
        return max(scores, key=lambda element: scores[element]) if scores else None

    def around(self, path: tuple[etree._Element, ...]) -> _Around:
        if not path:
            return _Around()
        known = self._around.get(path[-1])
        if known is None:
            known = self._around[path[-1]] = self._look(path[-1], self.around(path[:-1]))
        return known

    @staticmethod
    def _look(element: etree._Element, outer: _Around) -> _Around:
        get = element.get
        own = _hint_bits(" ".join([get(name, "") for name in _NAMES]).lower())
        top = element.tag in ("html", "body")
        hidden = (
            get("hidden") is not None
            or get("aria-hidden") == "true"
            or "display:none" in get("style", "").replace(" ", "")
        )
        return _Around(
            outer.tags | _ANCESTOR_BIT.get(str(element.tag), 0),
            0 if top else outer.hints | own,
            own,
            outer.hidden or hidden,
        )

    def rows(self) -> NDArray[np.float32]:
        if not self.page:
            return np.zeros((0, 0), np.float32)
        words = [self._words(*pair) for pair in zip(self.page, self.squeezed, strict=True)]
        groups = [_groups(block.text) for block in self.page]
        places = [self._places(block) for block in self.page]
        return np.hstack(
            [
                np.array(words, np.float32),
                _bits(groups, len(_GROUPS)),
                self._names(),
                np.array(places, np.float32),
                self._sequence(),
                self._next_to(),
            ]
        )

    def _words(self, block: Block, squeezed: str) -> list[float]:
        text = block.text
        size = len(text)
        words = set(text.lower().split()) if block.words <= 40 else set()
        described = len(squeezed) > 30 and bool(self.description)
        return [
            block.words,
            size,
            block.link_chars / size,
            block.bold_chars / size,
            text.count(".") + text.count("!") + text.count("?"),
            text.count(","),
            len(_DIGIT.findall(text)) / size,
            len(_UPPER.findall(text)) / size,
            text.endswith((".", "!", "?", "…", '"', "”", "’", ")")),
            text.endswith(":"),
            text.endswith("?"),
            size <= _HEAD and text == text.lower(),
            self.count[squeezed],
            squeezed == self.title,
            bool(self.title) and squeezed in self.title,
            len(words & self.title_words) / (len(words) or 1),
            described and (squeezed in self.description or self.description in squeezed),
        ]

    def _names(self) -> NDArray[np.float32]:
        """Depth, hidden, tags on the way up, hints near and on the way up, own tag."""
        around = [self.around(block.path) for block in self.page]
        near = [
            here.own_hints | self.around(block.path[:-1]).own_hints
            for here, block in zip(around, self.page, strict=True)
        ]
        own = [_OWN_BIT.get(str(block.path[-1].tag), 0) for block in self.page]
        depth = [[len(block.path), a.hidden] for block, a in zip(self.page, around, strict=True)]
        return np.hstack(
            [
                np.array(depth, np.float32),
                _bits([a.tags for a in around], len(_ANCESTORS)),
                2 * _bits(near, len(_HINTS)) + _bits([a.hints for a in around], len(_HINTS)),
                _bits(own, len(_OWN_TAGS)),
            ]
        )

    def _places(self, block: Block) -> list[float]:
        path = block.path
        row: list[float] = []
        for level in range(1, 5):
            container = self.containers[path[max(0, len(path) - level)]]
            row += [
                container.running / self.all_running,
                container.running,
                container.words - container.running,
                container.blocks,
                container.taken / (container.words or 1),
                container.link_chars / (5 * container.words + 1),
            ]
        inside = self.best in path
        return [*row, inside, len(path) - path.index(self.best) if inside else -1]

    def _sequence(self) -> NDArray[np.float32]:
        """Where each block stands on the page, and relative to the draft's first and last."""
        n = len(self.page)
        words = np.array([block.words for block in self.page], np.float32)
        before = np.cumsum(words) - words
        index = np.arange(n, dtype=np.float32)
        solid = [i for i, x in enumerate(self.taken) if x >= 1 and self.page[i].words >= 8]
        first, last = (solid[0], solid[-1]) if solid else (0, n)
        running = np.cumsum(self.running)
        h1 = next(
            (i for i, block in enumerate(self.page) if any(e.tag == "h1" for e in block.path[-2:])),
            0,
        )
        columns = [
            index / n,
            before / self.all_words,
            np.full(n, n),
            np.full(n, self.all_words),
            np.array(self.taken),
            index - first,
            last - index,
            index - h1,
            running / (running[-1] or 1),
            np.full(n, len(self.draft) / (sum(map(len, self.squeezed)) or 1)),
        ]
        return np.stack(columns, axis=1).astype(np.float32)

    def _next_to(self) -> NDArray[np.float32]:
        """Words, links, running text and draft of three blocks on either side; same parent."""
        page, n = self.page, len(self.page)
        parents = [(block.path[-2:][0], block.path[-1].tag) for block in page]
        base = np.array(
            [
                [block.words, block.link_chars / len(block.text), taken, running]
                for block, taken, running in zip(page, self.taken, self.running, strict=True)
            ],
            np.float32,
        )
        columns = []
        for step in _NEIGHBOURS:
            shifted = np.zeros((n, 5), np.float32)
            here = slice(max(0, -step), min(n, n - step))
            there = slice(max(0, step), min(n, n + step))
            if abs(step) < n:
                shifted[here, :4] = base[there]
                shifted[here, 4] = [
                    a == b for a, b in zip(parents[here], parents[there], strict=True)
                ]
            columns.append(shifted)
        return np.hstack(columns)
