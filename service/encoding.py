"""Bytes of a page to text: byte-order mark, then header, then meta tag, then detection."""

import codecs
import re

# The WHATWG labels that occur on the web. Everything else is guessed: utf-7 and the
# transforming codecs (rot13, hex, zlib) must never be reachable from a header.
_ALLOWED = frozenset(
    {
        "utf-8",
        "cp1250",
        "cp1251",
        "cp1252",
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
        "cp1258",
        "cp866",
        "cp874",
        "cp949",
        "iso8859-2",
        "iso8859-3",
        "iso8859-4",
        "iso8859-5",
        "iso8859-6",
        "iso8859-7",
        "iso8859-8",
        "iso8859-10",
        "iso8859-13",
        "iso8859-14",
        "iso8859-15",
        "iso8859-16",
        "koi8-r",
        "koi8-u",
        "mac-roman",
        "shift_jis",
        "cp932",
        "euc_jp",
        "iso2022_jp",
        "euc_kr",
        "gb18030",
        "big5",
        "utf-16-le",
        "utf-16-be",
    }
)
# Browsers read the old names as the wider code pages that pages really use.
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5hkscs": "big5",
    "utf-16": "utf-16-le",
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(
    rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE
)
_META_BYTES = 4096  # browsers look at the first 1024; some news pages put scripts before it
_DETECT_BYTES = 1 << 15
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def decode(html: bytes, charset: str | None = None) -> str:
    """The page as text. Never fails: bytes that make no sense become U+FFFD.

    `charset` is the one of the Content-Type header. A declared encoding that
    the bytes contradict is not believed.
    """
    for mark, name in _BOMS:
        if html.startswith(mark):
            return html[len(mark) :].decode(name, errors="replace")
    declared = [_codec(charset), _meta_codec(html)]
    for codec in (*declared, "utf-8"):
        if codec is not None:
            try:
                return html.decode(codec)
            except UnicodeDecodeError:
                continue
    return _guess(html, next(filter(None, declared), None))


def _codec(label: str | None) -> str | None:
    """Python's name of an allowed encoding, or None."""
    if not label or len(label) > 40 or "\0" in label:
        return None
    try:
        name = codecs.lookup(label.strip(" \"'")).name
    except (LookupError, UnicodeError):
        return None
    name = _WIDER.get(name, name)
    return name if name in _ALLOWED else None


def _meta_codec(html: bytes) -> str | None:
    match = _META.search(html[:_META_BYTES])
    codec = _codec(match[1].decode("ascii")) if match else None
    # A meta tag that can be read as ASCII cannot stand in a UTF-16 page.
    return "utf-8" if codec is not None and codec.startswith("utf-16") else codec


def _guess(html: bytes, declared: str | None) -> str:
    """For bytes that fit neither their declaration nor UTF-8 from end to end."""
    text = html.decode("utf-8", errors="replace")
    if len(_MULTIBYTE.findall(html)) > 4 * text.count("\ufffd"):
        return text  # UTF-8 with a few broken characters, such as a cut-off last one
    if declared is not None and declared != "utf-8":
        return html.decode(declared, errors="replace")
    from charset_normalizer import from_bytes  # 20 ms to import, and rarely needed

    best = from_bytes(html[:_DETECT_BYTES]).best()
    found = _codec(best.encoding) if best is not None else None
    return html.decode(found or "cp1252", errors="replace")
