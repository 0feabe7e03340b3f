"""What a report of an event is, and what several say of it together. Pure functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from service.labels import NEGATIVE_LABEL, POSITIVE_LABEL, force_rank, tags


@dataclass(frozen=True, slots=True)
class EventPlace:
    """Where an event was; what is unknown is None."""

    city: str | None = None
    county: str | None = None
    state: str | None = None
    country: str | None = None
    lat: float | None = None
    long: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A story and the current answer about it, as far as incidents need them.

    `report` is the probability of being one; `names` are `names.name_marks`.
    """

    story_id: str
    label: str
    report: float
    confidence: float
    needs_review: bool
    force: tuple[str, ...]
    fatal: bool
    title: str | None
    description: str
    day: date | None
    place: EventPlace
    names: frozenset[int]
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What reviewers have set right so far; None where nothing was."""

    relation: str | None = None
    force: tuple[str, ...] | None = None
    fatal: bool | None = None
    place: EventPlace | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What an incident's stories say together; the columns of its row."""

    label: str
    confidence: float
    needs_review: bool
    force_rank: str | None
    force: tuple[str, ...]
    fatal: bool
    tags: tuple[str, ...]
    title: str | None
    description: str
    day: date | None
    place: EventPlace
    corrected: bool


def summarise(reports: Sequence[Report], correction: Correction = Correction()) -> Summary:
    """One row for one event. `reports` are its originals, at least one.

    The surest report gives title, words and confidence; the day is the earliest; place,
    kinds of force and death are what the reports say most, the surest one breaking ties.
    """
    lead = max(reports, key=lambda r: (r.report, r.story_id))
    told = [r for r in reports if r.label == POSITIVE_LABEL] or [lead]
    force = tuple(correction.force) if correction.force is not None else _kinds(told, lead)
    fatal = correction.fatal if correction.fatal is not None else _agreed_fatal(told, lead)
    positive = lead.label == POSITIVE_LABEL
    if correction.relation is not None:
        positive = correction.relation == "report"
    days = [r.day for r in told if r.day is not None]
    return Summary(
        label=POSITIVE_LABEL if positive else NEGATIVE_LABEL,
        confidence=lead.confidence,
        needs_review=lead.needs_review,
        force_rank=force_rank(force, fatal) if positive else None,
        force=force if positive else (),
        fatal=fatal and positive,
        tags=tags(force, fatal) if positive else (),
        title=lead.title,
        description=lead.description,
        day=min(days, default=None),
        place=correction.place or _place(told, lead),
        corrected=correction != Correction(),
    )


def _kinds(told: Sequence[Report], lead: Report) -> tuple[str, ...]:
    counts = Counter(code for report in told for code in set(report.force))
    kept = [code for code, n in counts.items() if 2 * n > len(told) or code in lead.force]
    return tuple(sorted(kept, key=lambda code: (-counts[code], code)))


def _agreed_fatal(told: Sequence[Report], lead: Report) -> bool:
    deadly = sum(report.fatal for report in told)
    return 2 * deadly > len(told) or (2 * deadly == len(told) and lead.fatal)


def _place(told: Sequence[Report], lead: Report) -> EventPlace:
    """The place that most sureness speaks for, cities before states."""
    weights: Counter[tuple[str | None, str | None, str | None]] = Counter()
    best: dict[tuple[str | None, str | None, str | None], EventPlace] = {}
    for report in told:
        place = report.place
        if place.state is None and place.city is None and place.country is None:
            continue
        key = (place.city, place.county, place.state)
        sure = place.confidence or 0.01
        weights[key] += sure  # type: ignore[assignment]
        if key not in best or sure > (best[key].confidence or 0.01):
            best[key] = place
    if not weights:
        return lead.place
    exact = [key for key in weights if key[0] or key[1]] or list(weights)
    return best[max(exact, key=lambda key: (weights[key], str(key)))]
