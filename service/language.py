"""Tells whether a text is English, the only language the model was trained on."""

import re

# A third to a half of running English words are these; of other languages, few.
_FUNCTION_WORDS = frozenset(
    (
        "the of and to a in that is was he for it with as his on be at by i this had not are but "
        "from or have an they which one you were her all she there would their we him been has "
        "when who will no more if out so said what up its about into than them can only other "
        "after over said police man officer officers"
    ).split()
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
# Headlines drop articles: below this many words nothing can be told.
_ENOUGH_WORDS = 12
_ENGLISH_SHARE = 0.12
_SAMPLE_WORDS = 600


def is_english(text: str) -> bool | None:
    """True or False, or None where the text is too short to tell."""
    words = _WORD.findall(text[: _SAMPLE_WORDS * 8])[:_SAMPLE_WORDS]
    if len(words) < _ENOUGH_WORDS:
        return None
    known = sum(word.lower() in _FUNCTION_WORDS for word in words)
    return known / len(words) >= _ENGLISH_SHARE
