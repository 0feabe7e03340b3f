"""Marks of the names in a story, to tell reports of one event. Hashes, never the names.

A mark has 16 bits, so that several surnames of the country share each: two stories with
many marks in common are about the same people, but no mark says who that is, and nobody
can be looked up by one.
"""

import re
from hashlib import blake2b

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LEAST_CHARS = 3
_MAX_MARKS = 150
# Capitalised in most stories of the kind, so that they tell nothing.
_COMMON = frozenset(
    """
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sept oct nov dec monday tuesday wednesday thursday friday
    saturday sunday the this that these those there they their his her its she who when
    where what which while after before because but and for not with from one two three
    four five six seven eight nine ten another other some many most both also then now
    police officer officers deputy deputies sheriff sheriffs chief sgt lt capt sergeant lieutenant
    captain detective trooper troopers department dept county city state states united
    court judge attorney attorneys district mayor council governor president prosecutor
    prosecutors commissioner commission bureau federal fbi swat superior supreme circuit
    associated press news reuters cnn fox photo video story images getty file authorities
    investigators investigation according witnesses family lawyer lawyers black white
    lives matter protesters protest protests demonstrators crowd man woman men women people
    street avenue road boulevard drive highway interstate north south east west new san
    los las fort saint american african hispanic latino asian native mr mrs miss ms rev
    national guard justice internal affairs hospital medical center university school
    park house home church jail prison center office division unit team union association
    """.split()
)


def name_marks(text: str) -> list[int]:
    """At most 150 marks, sorted, of the words that a text always writes with a capital."""
    words = {_bare(word) for word in _WORD.findall(text)}
    small = {word for word in words if word[:1].islower()}
    names = {
        word.lower()
        for word in words
        if word[:1].isupper() and len(word) >= _LEAST_CHARS and word.lower() not in small
    }
    return sorted({_mark(name) for name in names - _COMMON})[:_MAX_MARKS]


def _bare(word: str) -> str:
    return re.sub(r"['’]s?$", "", word)


def _mark(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=2).digest(), "big")
