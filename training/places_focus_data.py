"""The stories that the choice of the event's place is learnt from and measured on."""

import gzip
import json
import random
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from service.places.gazetteer import Gazetteer, Kind
from service.places.locator import Locator
from service.places.spots import Focus
from service.story import Span, Story
from training import places_data
from training.places_data import Document, rows, stories
from training.places_round_ups import made

LABELS = Path(__file__).parent / "labels"
NOTES = {"pb2020": 250, "killings_mpv2016": 250, "gva": 250}
PER_OFFICE = 40
# Of either made-up kind, for each fold.
MADE = 60
OFFICES = {
    "harris_tx": ("Harris County", "Texas"), "san_diego_ca": ("San Diego County", "California"),
    "orange_ca": ("Orange County", "California"), "kings_ny": ("Kings County", "New York"),
    "dallas_tx": ("Dallas County", "Texas"), "cook_il": ("Cook County", "Illinois"),
    "riverside_ca": ("Riverside County", "California"),
    "miami_dade_fl": ("Miami-Dade County", "Florida"),
}  # fmt: skip
# The local articles of louisville2020 are all that city's daily's.
LOUISVILLE_URL = "https://www.courier-journal.com/"


@dataclass(frozen=True, slots=True)
class Gold:
    """Where the event was; all None for a story about no one place."""

    city: str | None
    county: str | None
    state: str | None
    country: str = "United States"


NOWHERE = Gold(None, None, None)


@dataclass(frozen=True, slots=True)
class Input:
    """A story with the event's place; versions of one share a `group`."""

    source: str
    group: str
    story: Story
    spans: list[Span]
    gold: Gold
    weight: float

    def fold(self, folds: int) -> int:
        """Which of `folds` parts the story falls into, the same on every machine."""
        return zlib.crc32(self.group.encode()) % folds


def spans_of(text: str, sentences: Sequence[str]) -> list[Span]:
    """Where the evidence sentences lie in the text."""
    return [Span(at, at + len(s)) for s in sentences if (at := text.find(s)) >= 0]


def is_abroad(document: Document) -> bool:
    """Whether a story without a US place names no US place at all."""
    return document.state is None and not any(g.state for g in document.gold)


def story_inputs() -> Iterator[Input]:
    """The own stories, with their title and evidence and without."""
    for d in stories():
        if is_abroad(d):
            continue
        nowhere = d.state is None
        gold = Gold(d.city, None, d.state)
        name = "stories"
        if nowhere:
            name = "round-up" if d.relation == "report" else "no place"
        weight = {"stories": 1.0, "round-up": 3.0, "no place": 0.4}[name]
        story = Story(d.text, d.title)
        yield Input(name, d.group, story, spans_of(d.text, d.evidence), gold, weight)
        yield Input(f"{name}-plain", d.group, Story(d.text), [], gold, 0.5 * weight)


def made_inputs(folds: int) -> Iterator[Input]:
    """Round-ups and stories with a tail, each made of stories of one fold."""
    own = list(stories())
    for fold in range(folds):
        documents = [d for d in own if d.fold(folds) == fold]
        for m in made(documents, MADE, 3 + fold):
            # A group that falls into this very fold: that of any of its stories.
            group = documents[0].group
            if m.about is None:
                yield Input("made round-up", group, m.story, m.evidence, NOWHERE, 0.5)
            else:
                gold = Gold(m.about.city, None, m.about.state)
                yield Input("with tail", group, m.story, m.evidence, gold, 0.4)


def article_inputs() -> Iterator[Input]:
    """The labelled articles that report an event, grouped by event."""
    labels: dict[str, dict[str, Any]] = {}
    for path in (places_data.DATA / "labels/articles.jsonl", *sorted(LABELS.glob("*.jsonl"))):
        labels |= {r["id"]: r for r in rows(path) if r["relation"] == "report"}
    evidence = {r["id"]: r["evidence"] for r in rows(places_data.DATA / "labels/evidence.jsonl")}
    cases: dict[str, int] = defaultdict(int)
    for row in rows(places_data.DATA / "corpora/articles.jsonl.gz"):
        if row["id"] not in labels:
            continue
        label = labels[row["id"]]
        if label.get("country") != "United States":
            continue
        group = label.get("incident") or row["id"]
        cases[group] += 1
        spans = [Span(a, b) for a, b in evidence.get(row["id"], ())]
        # Two famous cases must not drown the others.
        weight = min(1.0, 8.0 / cases[group])
        local = LOUISVILLE_URL if row["outlet"] == "local" else None
        story = Story(row["text"], row["title"], url=row.get("url") or local)
        if label.get("state"):
            gold = Gold(label["city"], None, label["state"])
            name = "articles"
        else:
            gold, name, weight = NOWHERE, "round-up", 3.0
        yield Input(name, group, story, spans, gold, weight)
        yield Input(f"{name}-plain", group, replace(story, url=None), [], gold, 0.5 * weight)


def office_inputs() -> Iterator[Input]:
    """Prosecutors' releases, whose county is known."""
    offices: dict[str, int] = defaultdict(int)
    for row in rows(places_data.DATA / "corpora/articles.jsonl.gz"):
        if row["corpus"] == "prosecutor" and row["outlet"] in OFFICES:
            offices[row["outlet"]] += 1
            if offices[row["outlet"]] <= PER_OFFICE:
                gold = Gold(None, *OFFICES[row["outlet"]])
                story = Story(row["text"], row["title"])
                yield Input("prosecutors", row["id"], story, [], gold, 0.3)


def note_inputs(gazetteer: Gazetteer) -> Iterator[Input]:
    """Short incident notes that name their city."""
    taken: dict[str, int] = defaultdict(int)
    with gzip.open(places_data.DATA / "corpora/snippets.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            corpus, city = row["corpus"], row.get("city")
            state = gazetteer.state_names.get(row.get("state") or "", row.get("state"))
            if taken[corpus] >= NOTES.get(corpus, 0) or not city or city not in row["text"]:
                continue
            taken[corpus] += 1
            gold = Gold(city, None, state)
            yield Input(f"notes {corpus}", row["id"], Story(row["text"]), [], gold, 0.2)


def abroad_inputs() -> Iterator[Input]:
    """Stories of another country."""
    for number, row in enumerate(rows(places_data.DATA / "corpora/india_police_events.jsonl.gz")):
        if number % 10 == 0:
            gold = Gold(None, None, None, "India")
            story = Story(row["text"], row.get("title"))
            yield Input("india", str(row["id"]), story, [], gold, 0.3)


def all_inputs(gazetteer: Gazetteer, folds: int) -> list[Input]:
    """Every development story with a known place, or known to have none."""
    return [
        *story_inputs(), *made_inputs(folds), *article_inputs(), *office_inputs(),
        *note_inputs(gazetteer), *abroad_inputs(),
    ]  # fmt: skip


def with_home(locator: Locator, focus: Focus, gold: Gold, picker: random.Random) -> Focus:
    """The same story as told by a local outlet: at home in its city or another nearby."""
    g = locator.gazetteer
    rows_ = [
        r for r in g.find(gold.city or "") if g.state_names.get(g.states[g.state[r]]) == gold.state
    ]
    if not rows_:
        return focus
    home = rows_[0]
    if picker.random() < 0.4:
        near = [
            r
            for r in range(len(g))
            if g.county[r] == g.county[home]
            and g.state[r] == g.state[home]
            and g.kind[r] == Kind.CITY
        ]
        home = max(near, key=lambda r: g.prominence[r], default=home)
    elif picker.random() < 0.2:
        home = picker.randrange(len(g) // 8)
        if g.kind[home] != Kind.CITY:
            return focus
    a = focus.analysis
    return Focus(locator.weigh(a.tokens, a.found, a.groups, home), focus.story, focus.evidence)
