"""One key for all the spellings of a place name."""

import re
import unicodedata
from functools import lru_cache

SHORT_FORMS = {"saint": "st", "sainte": "ste", "fort": "ft", "mount": "mt", "mountain": "mtn"}
_NOT_WORD = re.compile(r"[^\w]+")
_SILENT = str.maketrans("", "", ".'’‘`ʻ")


def fold(text: str) -> str:
    """Lower case without accents."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in parts if not unicodedata.combining(c))
    return text.casefold()


@lru_cache(maxsize=20_000)
def key(name: str) -> str:
    """The look-up key of a name: "Saint Paul", "St. Paul" and "ST PAUL" share one."""
    words = _NOT_WORD.sub(" ", fold(name).translate(_SILENT)).split()
    return " ".join(SHORT_FORMS.get(word, word) for word in words)
