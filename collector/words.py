"""The words that tell a story's event from others, to find reports of one event."""

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]{4,}")
_STEM = 6  # letters that are left of a word: "handcuffs" and "handcuffed" are one
# In most stories of the kind, so that they tell nothing; the rest is told by counting.
_COMMON = frozenset(
    """
    about above after again against allegedly almost along also although among another around
    asked away back because been before began behind being between both call called came come
    could days does doing done down during each early even every first five following four from
    further gave given goes going have having here hers herself himself into itself just last
    late later left like made make many might minute minutes month months more morning most much
    must near never next night once only other others over part people person place said same
    says second seen seven several should show showed shown shows since some still such take
    taken taking than that their theirs them themselves then there these they thing third this
    those three through time times told took toward towards under until upon used using very
    want wanted week weeks well went were what when where whether which while whom whose will
    with within without would year years your today yesterday
    monday tuesday wednesday thursday friday saturday sunday january february march april june
    july august september october november december
    police policeman officer officers cops deputy deputies sheriff sheriffs trooper troopers
    agent agents department authorities enforcement arrest arrested arrests arresting incident
    force suspect victim shot shoot shooting shots fire fired firing guns kill killed killing
    died dead death dies responded respond response report reported reports reporting according
    video footage case charge charged charges charging protest protester protesters protests
    crowd city county state street scene investigation investigators attorney found tried family
    news alleged reportedly claimed claims
    """.split()
)


@lru_cache(maxsize=20_000)
def telling_words(text: str) -> frozenset[str]:
    """The stems of a text's words of four letters or more, without those of every such story."""
    words = {word.lower() for word in _WORD.findall(text)}
    return frozenset(word[:_STEM] for word in words - _COMMON)
