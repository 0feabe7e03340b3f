"""Hostile inputs for the three parts that strangers reach: URLs, HTTP answers and pages.

All are hypothesis strategies. Some inputs are made from the pieces that the code
has rules for, others are real pages and sound answers with damage done to them.
"""

import gzip
import json
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

MAX_PAGE = 2 << 20  # bytes of a damaged page; larger ones only cost time

# --- URLs ------------------------------------------------------------------------------------

# Names and addresses that may be fetched, so that what follows them is looked at, too.
_FINE = st.sampled_from(["example.org", "www.bücher.example", "8.8.8.8", "[2606:4700::1111]"])
LABELS = st.text(alphabet=string.ascii_letters + "0123456789-._~%é中​", max_size=70)
ADDRESSES = st.one_of(
    _FINE,
    _FINE,
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map("[{}]".format),
    st.integers(min_value=0, max_value=1 << 34).map(str),
    st.integers(min_value=0, max_value=1 << 32).map(hex),
    _FINE,
    st.lists(LABELS, max_size=5).map(".".join),
)
URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://", "http:/", "ftp://", "//", "http:\\\\", ""]),
    st.sampled_from(["", "", "", "", "", "", "user@", "a:b@", "@"]),
    ADDRESSES,
    st.sampled_from(["", "", "", ":80", ":443", ":22", ":", ":0", ":99999", ":８０"]),
    st.sampled_from(["", "/", "/news/a%20b?c=d#e", "?@127.0.0.1", "/;a=b|c", "/é/中"])
    | st.text(max_size=20).map("/{}".format),
)

# --- pages -----------------------------------------------------------------------------------

SENTENCE = (
    "<p>Deputies in the café said the man’s “résumé” was found after the arrest on Tuesday.</p>"
)
TAGS = st.sampled_from(
    "p div span a br h1 h2 li ul table tr td article main script style title meta time svg".split()
)
_META = st.sampled_from(["og:title", "og:url", "date"])
FRAGMENTS = st.one_of(
    st.text(max_size=40),
    st.builds("<{}>".format, TAGS),
    st.builds("</{}>".format, TAGS),
    st.builds('<{} class="{}" id=x>'.format, TAGS, st.text(max_size=10)),
    st.builds('<meta property="{}" content="{}">'.format, _META, st.text(max_size=30)),
    st.builds('<script type="application/ld+json">{}</script>'.format, st.text(max_size=60)),
    st.just(SENTENCE),
)
_DATES = st.one_of(
    st.dates().map(str),
    st.datetimes().map("{:%B %d, %Y %H:%M}".format),
    st.text(alphabet="0123456789-/.:TZ+ ", max_size=25),
)
_BYLINES = st.builds("<h1>{}</h1><div>{} {}</div>".format, st.text(max_size=20), LABELS, _DATES)
_HEADS = st.builds(
    '<meta property="{}" content="{}">'.format,
    st.sampled_from(["article:published_time", "article:modified_time", "date", "og:type"]),
    _DATES | st.sampled_from(["article", "website"]),
)
_SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _DATES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "@type @graph headline datePublished dateModified author name articleBody "
                "liveBlogUpdate publisher isAccessibleForFree url".split()
            ),
            inner | st.sampled_from(["NewsArticle", "LiveBlogPosting", "ItemList"]),
            max_size=6,
        )
    ),
    max_leaves=12,
)
_CODECS = st.sampled_from(["utf-8", "utf-16", "cp1252"])


@st.composite
def made_pages(draw: st.DrawFn) -> bytes:
    """Pages put together from fragments that the reader has rules for."""
    parts = draw(st.lists(FRAGMENTS | _BYLINES | _HEADS, max_size=60))
    script = f'<script type="application/ld+json">{json.dumps(draw(_SCHEMAS))}</script>'
    parts.insert(draw(st.integers(0, len(parts))), script)
    return "".join(parts).encode(draw(_CODECS), "replace")


_PLACE = st.floats(0, 1)
_INSERTED = st.one_of(
    FRAGMENTS.map(lambda text: text.encode("utf-8", "replace")),
    _BYLINES.map(lambda text: text.encode("utf-8", "replace")),
    st.binary(max_size=30),
    st.sampled_from([b"<!--", b"<![CDATA[", b"</body></html>", b"<base href=//[>", b"\xff\xfe"]),
)


@st.composite
def damaged(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """One of the pages with up to eight pieces cut, doubled, moved, inserted or scrambled."""
    page = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 8))):
        page = _damage(draw, page)[:MAX_PAGE]
    return page


def _damage(draw: st.DrawFn, page: bytes) -> bytes:
    start, length = int(draw(_PLACE) * len(page)), int(draw(_PLACE) ** 3 * len(page))
    before, piece, after = page[:start], page[start : start + length], page[start + length :]
    match draw(st.sampled_from(["cut", "end", "double", "many", "move", "insert", "scramble"])):
        case "cut":
            return before + after
        case "end":
            return before
        case "double":
            return before + piece + piece + after
        case "many":  # a short piece over and over: depth, breadth, repeated attributes
            return before + piece[:50] * draw(st.integers(2, 5000)) + after
        case "move":
            return before + after + piece
        case "insert":
            return before + draw(_INSERTED) + piece + after
        case _:
            return before + bytes(byte ^ 0x15 for byte in piece[:200]) + piece[200:] + after


# --- HTTP answers ----------------------------------------------------------------------------

Ending = Literal["close", "reset", "hang"]


@dataclass(frozen=True)
class Answer:
    """What a web server sends for one request, in how many pieces, and what it does then."""

    data: bytes
    pieces: int
    ending: Ending


_PLAIN = st.characters(min_codepoint=32, max_codepoint=0x2FFF)
_SOUND_LINES = (
    st.sampled_from([200, 200, 200, 204, 206, 301, 302, 303, 304, 307, 308, 402, 403, 404, 429])
    .map("HTTP/1.1 {} Fine".format)
    .map(str.encode)
)
_STATUS_LINES = st.one_of(
    _SOUND_LINES,
    _SOUND_LINES,
    _SOUND_LINES,
    _SOUND_LINES,
    st.integers(-1, 1000).map("HTTP/1.1 {} X".format).map(str.encode),
    st.sampled_from([b"HTTP/0.9 200", b"HTTP/2 200 OK", b"HTTP/1.1 200", b"ICY 200 OK", b"", b"<"]),
    st.binary(max_size=30),
)
_LOCATIONS = st.one_of(
    URLS, st.sampled_from(["/next", "//127.0.0.1/", "?", "..", "http://[", "data:text/html,a"])
)
_HEADERS = st.one_of(
    st.builds("Location: {}".format, _LOCATIONS),
    st.builds(
        "Content-Type: {}".format,
        st.sampled_from(["text/html", "text/html; charset=", "text/html;charset*=x''y", "a/b"])
        | st.text(_PLAIN, max_size=30),
    ),
    st.builds(
        "Content-Encoding: {}".format,
        st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, gzip", "identity", "x-gzip", ","])
        | st.text(_PLAIN, max_size=10),
    ),
    st.builds(
        "Content-Length: {}".format,
        st.integers(-2, 1 << 70) | st.sampled_from(["5, 5", "5, 6", "٥", "0x10", "+5", ""]),
    ),
    st.builds(
        "Transfer-Encoding: {}".format,
        st.sampled_from(["chunked", "chunked, chunked", "gzip, chunked", "identity", " chunked"]),
    ),
    st.builds(
        "{}: {}".format,
        st.sampled_from("Cache-Control ETag Last-Modified Set-Cookie Alt-Svc Refresh Link".split()),
        st.text(_PLAIN, max_size=40),
    ),
    st.builds("{}: {}".format, st.text(string.ascii_letters + "-", min_size=1), st.text(_PLAIN)),
    st.text(max_size=40),
).map(lambda line: line.encode("utf-8", "replace"))


def _chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


Packing = tuple[bytes, Callable[[bytes], bytes]]  # a header and what it promises, or not
_PACKINGS: st.SearchStrategy[Packing | None] = st.sampled_from(
    [
        None,
        (b"Content-Encoding: gzip", gzip.compress),
        (b"Content-Encoding: deflate", zlib.compress),
        (b"Content-Encoding: gzip", zlib.compress),
        (b"Transfer-Encoding: chunked", _chunked),
    ]
)
_BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [SENTENCE.encode() * 20, b"%PDF-1.7", b"\0" * 300_000, b"5\r\nhello\r\nzz\r\n"]
    ),
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Answers between sound and senseless: interim ones, false lengths, wrong codings, damage."""
    headers, body = draw(st.lists(_HEADERS, max_size=3)), draw(_BODIES)
    for packing in draw(st.lists(_PACKINGS, max_size=2)):
        if packing is not None:
            header, pack = packing
            headers.append(header)
            body = pack(body)
    head = b"\r\n".join([draw(_STATUS_LINES), *headers]) + b"\r\n\r\n"
    early = draw(st.sampled_from([b"", b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]))
    data = early * draw(st.integers(1, 20)) + head + body
    if draw(st.integers(0, 3)) == 0:
        data = _damage(draw, data)[: MAX_PAGE // 4]
    ending: Ending = draw(st.sampled_from(["close", "close", "close", "reset", "hang"]))
    return Answer(data, draw(st.integers(1, 4)), ending)
