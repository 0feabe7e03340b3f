"""From a story to its place names, what each means, and where its event happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.places.agencies import acronym_rows
from service.places.candidates import Finder, StateNames
from service.places.focus import FocusModel
from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import Group, Grouper
from service.places.namesakes import Floats, Table
from service.places.outlets import Outlets, domain_of
from service.places.recogniser import Found, PlaceTags, Recogniser
from service.places.resolver import Resolver
from service.places.spots import Focus
from service.places.tokens import Tokens, tokenise
from service.story import Located, Mention, Place, Span, Story

# Below this calibrated confidence a name is kept but not put on the map.
MIN_CONFIDENCE = 0.2
NOWHERE = Place()
# Where the fitted numbers lie: recogniser.npz, weights.json, cues.npz.
MODELS = Path(__file__).parent
# All namesakes are compared with each other, so memory grows with their square. Of a
# text that is a list of places, the first names are weighed and the others only found.
MAX_NAMESAKES = 900
MAX_GROUPS = 300
MIN_ROWS = 3


@dataclass(frozen=True, slots=True)
class PlaceCandidate:
    """One place a name may mean: `GET /places?q=` shows these to a person."""

    name: str
    kind: str
    place: Place
    prominence: float
    probability: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that is known of a story's names before the focus is chosen.

    `group_of` gives each found name's number in `groups`, -1 where the gazetteer
    lacks it. `table` and `chances` are None where no name is known at all.
    """

    tokens: Tokens
    found: list[Found]
    groups: list[Group]
    group_of: list[int]
    table: Table | None
    chances: Floats | None
    home: int | None


class Locator:
    """The whole of `service.places` behind one call. Load once, use from any thread."""

    def __init__(
        self, gazetteer: Gazetteer, outlets: Path | None = None, models: Path = MODELS
    ) -> None:
        self.gazetteer = gazetteer
        self.states = StateNames()
        self.finder = Finder(gazetteer, self.states)
        self.recogniser = Recogniser(gazetteer, models / "recogniser.npz")
        self.resolver = Resolver(gazetteer, models / "weights.json")
        self.focus_model = FocusModel(gazetteer, models / "weights.json", models / "cues.npz")
        self.outlets = Outlets(gazetteer, outlets)
        self.acronyms = acronym_rows(gazetteer)

    @classmethod
    def load(cls, path: Path | None = None, outlets: Path | None = None) -> "Locator":
        """A locator with the gazetteer at `path` and the outlets of a CSV beside the table's.

        Raises ArtefactError where the gazetteer is missing or damaged, and
        SettingsError where `outlets` cannot be read.
        """
        return cls(Gazetteer(path), outlets)

    def locate(
        self, story: Story, evidence: Sequence[Span] = (), tags: PlaceTags | None = None
    ) -> Located:
        """The place names of `story.text` and the place of its main event.

        `evidence` are the spans of the text that state the event; `tags` the place
        probabilities of a token head, if there is one.
        """
        analysis = self.analyse(story, tags)
        mentions = tuple(
            Mention(
                story.text[name.candidate.start : name.candidate.end],
                name.candidate.start,
                name.candidate.end,
                self._place_of(analysis, group),
            )
            for name, group in zip(analysis.found, analysis.group_of, strict=True)
        )
        return Located(mentions, self.focus_model.place(Focus(analysis, story, evidence)))

    def analyse(self, story: Story, tags: PlaceTags | None = None) -> Analysis:
        """Recognise and resolve, without choosing the event's place."""
        tokens, found = self._recognise(story.text, tags)
        domain = domain_of(story.url)
        grouper = Grouper(self.gazetteer)
        grouper.add(tokens, found, False, domain)
        if story.title:
            grouper.add(*self._recognise(story.title, None), True, domain)
        grouper.add_acronyms(tokens, self.acronyms)
        return self.weigh(
            tokens, found, list(grouper.groups.values()), self.outlets.home(story.url)
        )

    def weigh(
        self, tokens: Tokens, found: list[Found], groups: list[Group], home: int | None
    ) -> Analysis:
        """Resolve the groups that have any namesakes."""
        groups = [group for group in groups if group.rows][:MAX_GROUPS]
        most = max(MIN_ROWS, MAX_NAMESAKES // max(len(groups), 1))
        for group in groups:
            if len(group.rows) > most:
                size = self.gazetteer.prominence_list
                group.rows = sorted(group.rows, key=lambda row: -size[row])[:most]
        group_of = [-1] * len(found)
        for number, group in enumerate(groups):
            for at in group.mentions:
                group_of[at] = number
        if not groups:
            return Analysis(tokens, found, [], group_of, None, None, home)
        table, chances = self.resolver.resolve(groups, home)
        return Analysis(tokens, found, groups, group_of, table, chances, home)

    def candidates(self, name: str) -> list[PlaceCandidate]:
        """All places that `name` may mean, likeliest first, as if no story were known."""
        rows = list(self.gazetteer.find(name))
        if not rows:
            return []
        group = Group(name, rows)
        table, chances = self.resolver.resolve([group], None)
        order = sorted(range(len(rows)), key=lambda i: -chances[i])
        return [self._describe(table.rows[i], float(chances[i])) for i in order]

    def _recognise(self, text: str, tags: PlaceTags | None) -> tuple[Tokens, list[Found]]:
        tokens = tokenise(text)
        return tokens, self.recogniser.recognise(tokens, self.finder.candidates(tokens), tags)

    def _place_of(self, analysis: Analysis, group: int) -> Place:
        if group < 0 or analysis.table is None or analysis.chances is None:
            return NOWHERE
        t = analysis.table
        start = int(t.first[group])
        stop = start + len(analysis.groups[group].rows)
        best = start + int(np.argmax(analysis.chances[start:stop]))
        confidence = self.resolver.confidence(float(analysis.chances[best]))
        if confidence < MIN_CONFIDENCE:
            return Place(confidence=confidence)
        return self.gazetteer.place(t.rows[best], round(confidence, 4))

    def _describe(self, row: int, probability: float) -> PlaceCandidate:
        g = self.gazetteer
        return PlaceCandidate(
            g.names[row], Kind(g.kind[row]).name.lower(), g.place(row, round(probability, 4)),
            float(g.prominence[row]), probability,
        )  # fmt: skip
