"""Police agencies of a text, the strongest cue to where its event happened."""

import csv
from collections import defaultdict

from service.places.candidates import FACTS, Candidate
from service.places.gazetteer import Gazetteer, Kind
from service.places.tokens import Tokens

# What may stand between a place and these words: "Paris Independent School District Police".
NEAR_WORDS = 4
POLICE = frozenset({"police", "sheriff", "sheriffs", "constable", "troopers", "trooper", "pd"})
OFFICERS = frozenset({"officer", "officers", "deputy", "deputies"})
PATROL = frozenset({"patrol", "rangers"})


def acronym_rows(gazetteer: Gazetteer) -> dict[str, list[int]]:
    """Well-known police acronyms, each with the gazetteer rows it may stand for."""
    found: dict[str, list[int]] = defaultdict(list)
    with (FACTS / "agencies.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            kind = Kind[line["level"].upper()]
            name = line[line["level"]]
            if kind == Kind.STATE:
                name = gazetteer.state_names[line["state"]]
            rows = [
                row
                for row in gazetteer.find(name)
                if gazetteer.kind[row] == kind
                and gazetteer.states[gazetteer.state[row]] == line["state"]
            ]
            found[line["acronym"]] += sorted(rows, key=lambda r: -gazetteer.prominence[r])[:1]
    return dict(found)


def names_agency(tokens: Tokens, candidate: Candidate) -> bool:
    """Whether a police agency's name, or its officers', follows the place name."""
    after = candidate.last + 1
    if candidate.end > tokens.ends[candidate.last]:
        after += 1
    for at in range(after, min(after + NEAR_WORDS, len(tokens))):
        lower = tokens.lower[at]
        if lower in POLICE or lower in PATROL:
            return True
        if lower in OFFICERS and at == after:
            return True
        if not tokens.capital[at] or tokens.gap(at - 1) not in (" ", "\u00a0"):
            return False
    return False
