"""How likely two reports tell of one event, and which incident a report belongs to.

A logistic regression on a few features of a pair; `python -m bench.incidents --fit` finds
the weights, and without `--fit` measures them. Pure functions.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from types import MappingProxyType

from collector.incidents import EventPlace, Report
from collector.names import name_marks
from collector.words import telling_words

_MANY = 8  # names
_ASKED = 3  # reports of an incident
WINDOW_DAYS = 400  # between publication dates; trials and anniversaries come late
# Incidents that the counts are eked out with: in a small store everything is rare.
_UNSEEN_INCIDENTS = 30
_MOST_NAMES = 3.0  # a few rare names shared are as good as many
_MOST_WORDS = 6.0
# Where a report has no words, such as of a withdrawn story: as many as speak neither for
# one event nor against it.
_UNTOLD_WORDS = 0.7


@dataclass(frozen=True, slots=True)
class Likeness:
    """Features of a pair, each 0 where nothing is known. Weights come in the same form."""

    same_city: float = 0.0
    other_city: float = 0.0
    other_county: float = 0.0
    no_state: float = 0.0  # one of the two has none
    days: float = 0.0  # log of 1 + days between them
    no_day: float = 0.0
    no_death: float = 0.0  # neither tells of one; a city has a death seldom, other force nightly
    other_force: float = 0.0  # both tell the kinds of force, and have none in common
    shared_names: float = 0.0  # share of the shorter list's names, rare ones counting more
    rare_names: float = 0.0  # how many are shared, rare ones counting more, up to a limit
    strangers: float = 0.0  # none is shared: 1 where both name many, less where few
    rare_words: float = 0.0  # of title and description, as with names


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the features, and the probability from which a report joins an incident."""

    features: Likeness
    intercept: float
    threshold: float = 0.5


# By `python -m bench.incidents --fit`.
SHIPPED = Weights(
    Likeness(
        same_city=0.66,
        other_city=-1.71,
        other_county=-1.31,
        no_state=-1.53,
        days=-0.81,
        no_day=-3.66,
        no_death=-2.57,
        other_force=-2.36,
        shared_names=1.17,
        rare_names=0.27,
        strangers=-1.28,
        rare_words=0.99,
    ),
    intercept=0.40,
)


class Rarity:
    """How much a shared name or word tells: the less, the more incidents have it.

    Incidents are counted, not reports, or the names of a long case would tell least of all.
    """

    def __init__(self, members: Mapping[int, Iterable[Report]] = MappingProxyType({})) -> None:
        self._incidents = len(members)
        self._counts: Counter[int | str] = Counter()
        for reports in members.values():
            names = frozenset[int]().union(*(report.names for report in reports))
            self._counts.update(names)
            self._counts.update(frozenset[str]().union(*map(_words, reports)))

    def of(self, shared: int | str) -> float:
        """Of a name's mark or a word: 0 (all have it) to 1 (no more than one has)."""
        total = self._incidents + _UNSEEN_INCIDENTS
        return 1.0 - math.log(max(1, self._counts[shared])) / math.log(total)


def may_match(a: Report, b: Report) -> bool:
    """Whether two reports can be of one event at all: no two states, no two times."""
    if a.place.state and b.place.state and a.place.state != b.place.state:
        return False
    return a.day is None or b.day is None or abs((a.day - b.day).days) <= WINDOW_DAYS


def compare(a: Report, b: Report, rarity: Rarity) -> Likeness:
    """The features of two reports that may match."""
    one, two = a.place, b.place
    shared, share, strangers = _names(a, b, rarity)
    return Likeness(
        same_city=float(one.city is not None and one.city == two.city),
        other_city=float(bool(one.city and two.city) and one.city != two.city),
        other_county=float(bool(one.county and two.county) and one.county != two.county),
        no_state=float(one.state is None or two.state is None),
        days=0.0 if a.day is None or b.day is None else math.log1p(abs((a.day - b.day).days)),
        no_day=float(a.day is None or b.day is None),
        no_death=float(not a.fatal and not b.fatal),
        other_force=float(bool(a.force and b.force) and not {*a.force} & {*b.force}),
        shared_names=share,
        rare_names=min(_MOST_NAMES, shared),
        strangers=strangers,
        rare_words=_rare_words(a, b, rarity),
    )


def probability(likeness: Likeness, weights: Weights = SHIPPED) -> float:
    """That a pair with these features tells of one event."""
    pairs = zip(astuple(weights.features), astuple(likeness), strict=True)
    return 1.0 / (1.0 + math.exp(-(weights.intercept + sum(w * x for w, x in pairs))))


def choose_incident(
    report: Report,
    members: Mapping[int, Sequence[Report]],
    rarity: Rarity,
    weights: Weights = SHIPPED,
) -> int | None:
    """The likeliest of the incidents a report may belong to, or None where none is likely.

    `members` are each incident's reports. An incident is as likely as the three of them
    that are most like the report, on average: by the best one alone, a story that names two
    events would draw both together; by all, a long case would lose its late reports.
    """
    likely: dict[int, float] = {}
    for incident, others in members.items():
        met = sorted(
            probability(compare(report, other, rarity), weights)
            for other in others
            if may_match(report, other)
        )[-_ASKED:]
        if met:
            likely[incident] = sum(met) / min(_ASKED, len(others))
    best = max(likely, key=lambda incident: (likely[incident], -incident), default=None)
    return best if best is not None and likely[best] >= weights.threshold else None


def _names(a: Report, b: Report, rarity: Rarity) -> tuple[float, float, float]:
    """Of the shared names the sum of rarities, their share of the shorter list's, `strangers`.

    The names of the places do not count: they are features of their own.
    """
    places = _place_marks(a.place) | _place_marks(b.place)
    one, two = a.names - places, b.names - places
    shared = sum(rarity.of(mark) for mark in one & two)
    least = min(sum(map(rarity.of, one)), sum(map(rarity.of, two)))
    strangers = 0.0 if one & two else min(1.0, min(len(one), len(two)) / _MANY)
    return shared, shared / least if least > 0 else 0.0, strangers


def _rare_words(a: Report, b: Report, rarity: Rarity) -> float:
    """The sum of squared rarities of the shared words: there are many that are not so rare."""
    one, two = _words(a), _words(b)
    if not one or not two:
        return _UNTOLD_WORDS
    shared = (one & two) - _place_words(a.place) - _place_words(b.place)
    return min(_MOST_WORDS, sum(rarity.of(word) ** 2 for word in shared))


def _words(report: Report) -> frozenset[str]:
    return telling_words(f"{report.title or ''} {report.description}")


@lru_cache(maxsize=10_000)
def _place_marks(place: EventPlace) -> frozenset[int]:
    return frozenset(name_marks(_names_of(place)))


def _place_words(place: EventPlace) -> frozenset[str]:
    return telling_words(_names_of(place))


def _names_of(place: EventPlace) -> str:
    return " ".join(filter(None, (place.city, place.county, place.state)))
