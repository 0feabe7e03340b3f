"""Where a story's main event happened, on the real gazetteer built once for the whole run."""

from pathlib import Path

import pytest

from bench.place_scores import Atlas, Count, event_counts, name_counts, totals
from service.places import Locator
from service.places.candidates import Finder, StateNames
from service.places.lent_names import bears_name
from service.places.tokens import tokenise
from service.story import Place, Span, Story
from training.places_data import stories
from training.places_focus_data import story_inputs


@pytest.fixture(scope="module")
def locator(gazetteer_path: Path) -> Locator:
    return Locator.load(gazetteer_path)


def event(locator: Locator, title: str, text: str, *stated: str) -> Place | None:
    """The event's place, told which sentences state the event."""
    spans = [Span(text.index(s), text.index(s) + len(s)) for s in stated]
    return locator.locate(Story(text, title), spans).event


def test_event_is_told_from_other_places(locator: Locator) -> None:
    text = (
        "TOLEDO, Ohio (AP) — A Toledo police officer shot a man who ran from a traffic stop on "
        "Monday, the Lucas County coroner said.\nThe man's brother, who lives in Detroit, said he "
        "had moved from Cleveland last year."
    )
    shot = text.index("A Toledo")
    event = locator.locate(Story(text, "Man shot by Toledo officer"), [Span(shot, shot + 80)]).event
    assert event is not None
    assert (event.city, event.county, event.state) == ("Toledo", "Lucas County", "Ohio")
    assert event.country == "United States"
    assert event.lat is not None and abs(event.lat - 41.65) < 0.2
    assert event.confidence > 0.6


def test_agency_alone_gives_the_event(locator: Locator) -> None:
    event = locator.locate(Story("An LAPD officer struck a man with a baton on Friday.")).event
    assert event is not None
    assert (event.city, event.state) == ("Los Angeles", "California")


def test_county_and_state_are_levels(locator: Locator) -> None:
    county = locator.locate(
        Story("Kern County deputies shot a man. The Kern County sheriff spoke in California.")
    ).event
    assert county is not None
    assert (county.city, county.county, county.state) == (None, "Kern County", "California")


ROUND_UP = """A look at some of the cases in which police officers await trial:
DAYTON, Ohio. Officer Neil Kantor shot a handcuffed man in a cruiser. His trial is in January.
Wichita, Kan. Dale Ames knelt on a man for almost six minutes. No trial date has been set.
Norfolk, Va. Officer Blaine Hart shot a 19-year-old through the window of a parked car.
Merced, Calif. Two jail deputies are accused of beating an inmate to death over a blanket.
Convictions in such cases are rare. The protests began after a death in Minneapolis."""


def test_round_up_has_no_place(locator: Locator) -> None:
    stated = [line.split(". ", 1)[1] for line in ROUND_UP.split("\n")[1:5]]
    title = "The officers awaiting trial: Where four police prosecutions stand"
    assert event(locator, title, ROUND_UP, *stated) is None
    assert event(locator, title, ROUND_UP) is None


def test_other_cases_in_the_tail_leave_the_event_where_it_was(locator: Locator) -> None:
    shot = "A Tulsa police officer shot and wounded a 24-year-old man on Friday night"
    text = (
        f"TULSA, Okla. — {shot}, officials said.\nTulsa police said the man had run from a car. "
        "The officer was put on leave.\nSimilar shootings have led to protests in Akron, Ohio, "
        "and in Wichita, Kan., this year."
    )
    found = event(locator, "Tulsa officer wounds man", text, shot)
    assert found is not None and found.city == "Tulsa"


def test_trial_in_the_county_seat_is_not_the_event(locator: Locator) -> None:
    shot = "Gary police Officer Ray Todd shot him twice outside a store in Gary in 2021"
    text = (
        "CROWN POINT, Ind. — A jury in Lake County Superior Court found for the family of a man "
        f"on Thursday.\n{shot}, and Gary detectives never spoke to two witnesses, the suit said. "
        "Gary has 30 days to appeal."
    )
    found = event(locator, "Jury finds Gary officer liable in shooting", text, shot)
    assert found is not None and found.city == "Gary"


@pytest.mark.parametrize(
    ("text", "lent"),
    [
        ("The Washington Post reported it.", True),
        ("The New York Daily News reported it.", True),
        ("He told the St. Louis Post-Dispatch.", True),
        ("Boston Red Sox players knelt.", True),
        ("A Malaysia Airlines jet landed.", True),
        ("Chicago police said so.", False),
        ("Texas Rangers investigate the shooting.", False),
        ("New York Times Square was closed.", False),
        ("The Oklahoma City bombing was recalled.", False),
        ("Boston", False),
    ],
)
def test_names_that_papers_and_teams_bear(locator: Locator, text: str, lent: bool) -> None:
    tokens = tokenise(text)
    finder = Finder(locator.gazetteer, StateNames())
    towns = [c for c in finder.candidates(tokens) if c.rows and c.sort != "short"]
    longest = max(towns, key=lambda c: c.end - c.start)
    assert bears_name(tokens, longest) is lent


def test_a_papers_town_is_no_event(locator: Locator) -> None:
    text = "A deputy shot a man on Friday, the Sacramento Bee reported. The Sacramento Bee saw it."
    located = locator.locate(Story(text))
    assert {m.text for m in located.mentions} <= {"Sacramento"}
    assert located.event is None


def test_development_floors(locator: Locator) -> None:
    """The shipped weights reach their floors on every tenth own story."""
    atlas = Atlas(locator.gazetteer)
    counts: list[Count] = []
    for d in list(stories())[::10]:
        counts += name_counts("own", d, locator.locate(Story(d.text, d.title)), atlas, "")
    for i in list(story_inputs())[::20]:
        answer = locator.locate(i.story, i.spans).event
        counts += event_counts("own", i, answer, locator.gazetteer)
    found = {name: value for name, (value, _) in totals(counts).items()}
    assert found["own: recognition F1"] > 0.88
    assert found["own: US names found placed within 161 km"] > 0.88
    assert found["own: state"] > 0.93
    assert found["own: city"] > 0.83
