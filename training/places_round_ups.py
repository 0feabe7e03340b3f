"""Round-ups of several cities, and stories with other cases in their tail, made of stories.

What is at hand of real ones is too little to learn from. They are made of stories of one
fold, so that none is learnt from in one guise and measured on in another.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.places.candidates import StateNames
from service.places.spelling import key
from service.story import Span, Story
from training.places_data import Document

TITLES = (
    "Here is where the cases stand", "Police shootings in {n} states over the weekend",
    "{n} police encounters that led to protests", "A list of people hurt by police this summer",
    "Timeline: A year of deaths in police custody", "What cities paid for what their police did",
    "Review finds hundreds of injuries at the hands of police", "Officers awaiting trial: a look",
    "Protests over police force spread to dozens of cities", "They died in custody. What changed?",
    "How police used tear gas across the country", "Recent cases of police force at a glance",
    "A look at recent settlements with police departments", "Thousands march for an 8th night",
    "Five videos that drew protests", "Officers charged in deaths of Black people since 2014",
)  # fmt: skip
OPENINGS = (
    "A look at some of the cases:", "Here are some of them.", "Among the cases:", "",
    "The cases differ, but each was filmed and each was followed by marches.",
    "A review of court papers and news reports found {n} cases in as many states.",
    "Police departments in {n} states are under scrutiny after encounters caught on video.",
    "Crowds gathered in cities across the United States over the weekend.",
    "Demonstrators filled streets from coast to coast on Saturday. In several cities police used"
    " force.",
    "Three men were shot by police officers in separate incidents over the weekend.",
)  # fmt: skip
CLOSINGS = (
    "There is no national count of such cases.", "None of the officers would comment.", "",
    "The protests began after the death of George Floyd in Minneapolis.",
    "Nearly 1,000 people a year are shot and killed by police in the United States.",
    "Bills named for some of them died in Washington.",
)  # fmt: skip
TAILS = (
    "The case is one of several this year.", "Other cases have drawn protests as well.",
    "It is the latest in a series of such cases across the country.",
    "Elsewhere, departments have faced similar questions.", "",
)  # fmt: skip
STATES = StateNames()


@dataclass(frozen=True, slots=True)
class Made:
    """A made-up story with its evidence, and the story whose event it is about, if any."""

    story: Story
    evidence: list[Span]
    about: Document | None


def _short(state: str, picker: random.Random) -> str:
    """A state as a story may write it after a city."""
    code = STATES.names.get(key(state), "")
    stopped = [f"{s.title()}." for s, c in STATES.stopped.items() if c == code and " " not in s]
    return picker.choice([state, stopped[0] if stopped else state])


def _item(document: Document, picker: random.Random) -> str:
    """One case of a list: place and a sentence or two of what was done."""
    sentences = list(document.evidence) or [document.text.split("\n")[0]]
    told = " ".join(sentences[: picker.randint(1, 2)])
    where = f"{document.city}, {_short(document.state or '', picker)}"
    style = picker.randrange(6)
    if style == 0:
        return f"{where}. {told}"
    if style == 1:
        return f"{where.upper() if ',' not in where else where}: {told}"
    if style == 2:
        return f"In {where}, {told[0].lower()}{told[1:]}"
    if style == 3:
        return f"{picker.choice(['May', 'June', 'Aug.'])} {picker.randint(1, 30)}, {where}. {told}"
    if style == 4:
        return f"{told} That was in {where}."
    return told


def _join(parts: Sequence[str], items: Sequence[str]) -> tuple[str, list[Span]]:
    """The parts as paragraphs, and where the items lie."""
    text = "\n".join(part for part in parts if part)
    return text, [Span(at, at + len(i)) for i in items if (at := text.find(i)) >= 0]


def _several(documents: Sequence[Document], count: int, picker: random.Random) -> list[Document]:
    """Stories of different states."""
    chosen: dict[str | None, Document] = {}
    for document in picker.sample(documents, min(4 * count, len(documents))):
        chosen.setdefault(document.state, document)
    return list(chosen.values())[:count]


def round_up(documents: Sequence[Document], picker: random.Random) -> Made:
    """A list of cases, or the openings of several stories one after the other."""
    chosen = _several(documents, picker.randint(3, 7), picker)
    count = str(len(chosen))
    if picker.random() < 0.25:
        items = [d.text[: d.text.find("\n", 400) + 1 or 600].strip() for d in chosen[:4]]
    else:
        items = [_item(d, picker) for d in chosen]
    opening = picker.choice(OPENINGS).format(n=count)
    text, spans = _join([opening, *items, picker.choice(CLOSINGS)], items)
    title = picker.choice(TITLES).format(n=count) if picker.random() < 0.8 else None
    return Made(Story(text, title), spans if picker.random() < 0.7 else [], None)


def with_tail(documents: Sequence[Document], picker: random.Random) -> Made:
    """A story of one place that ends with other cases."""
    first, *others = _several(documents, picker.randint(2, 4), picker)
    items = [_item(d, picker) for d in others]
    own = [s for s in first.evidence if s in first.text]
    text, spans = _join([first.text, picker.choice(TAILS), *items], own)
    return Made(Story(text, first.title), spans if picker.random() < 0.7 else [], first)


def made(documents: Sequence[Document], count: int, seed: int) -> Iterator[Made]:
    """`count` of either kind."""
    picker = random.Random(seed)
    cities = [d for d in documents if d.city and d.state and d.relation != "none"]
    for _ in range(count):
        yield round_up(cities, picker)
        yield with_tail(cities, picker)
