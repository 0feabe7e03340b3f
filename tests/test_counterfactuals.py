"""The swaps: what changes, what stays, and evidence that stays where it was."""

import random
import time
from dataclasses import replace

import pytest

from service.story import Span
from tests.conftest import ROOT
from training.counterfactuals import (
    counterfactual,
    in_city,
    in_neighborhood,
    with_gender,
    with_outlets,
    with_race_added,
)
from training.edits import Edit, applied, article
from training.examples import Example, read_labels
from training.outlet_names import resourced
from training.person_names import name_table, people, renamed
from training.stated_race import restated, states_race
from training.story_places import Setting, cities, setting_of

OWN = [e for path in sorted((ROOT / "training/stories").glob("*.jsonl")) for e in read_labels(path)]
CITIES = {f"{city.name}, {city.state}": city for city in cities()}


def story(text: str, title: str | None = None) -> Example:
    """An example of no corpus."""
    return Example("x", "test", "x", title, text, "report")


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        ("a Chicago officer", [Edit(2, 9, "Omaha")], "an Omaha officer"),
        ("An Omaha officer", [Edit(3, 8, "Tulsa")], "A Tulsa officer"),
        ("a man", [Edit(2, 2, "Asian ")], "an Asian man"),
        ("a Utica man", [Edit(2, 7, "Utah")], "a Utah man"),
        ("a WGN crew", [Edit(2, 5, "NBC")], "an NBC crew"),
        ("Nothing", [], "Nothing"),
    ],
)
def test_articles_follow_what_they_stand_before(
    text: str, edits: list[Edit], expected: str
) -> None:
    assert applied(story(text), lambda _: edits).text == expected


def test_articles() -> None:
    assert [article(w) for w in ("Omaha", "Utah", "AP", "KTLA", "Euclid")] == [
        "an", "a", "an", "a", "a",
    ]  # fmt: skip


def test_spans_move_with_the_text_and_take_in_what_is_cut() -> None:
    example = replace(story("aa bb cc dd"), evidence=(Span(3, 8), Span(4, 5), Span(9, 11)))
    edits = [Edit(0, 2, "xxxx"), Edit(3, 5, "y"), Edit(9, 11, "zzz")]
    moved = applied(example, lambda _: edits)
    assert moved.text == "xxxx y cc zzz"
    assert [moved.text[s.start : s.end] for s in moved.evidence or ()] == ["y cc", "y", "zzz"]


STORY = (
    "Officer Dan Kowalski shot Darnell Whitlow, 31, near Whitlow Street. Whitlow's mother, "
    "Ms. Denise Whitlow, said Darnell was unarmed. The death recalls George Floyd's. "
    "Attorney Odette Quimby-Ross spoke for them. WHITLOW DIES"
)


def test_people_are_found_and_the_well_known_are_not() -> None:
    found = {(p.first, p.last): p for p in people(STORY)}
    assert set(found) == {
        ("Dan", "Kowalski"),
        ("Darnell", "Whitlow"),
        ("Denise", "Whitlow"),
        ("Odette", "Quimby-Ross"),
    }
    assert found["Dan", "Kowalski"].officer and not found["Darnell", "Whitlow"].officer
    assert found["Denise", "Whitlow"].female and found["Darnell", "Whitlow"].female is False


@pytest.mark.parametrize(
    "text",
    [
        "The Justice Department sued. Oak Park police said Lincoln Park was closed.",
        "Three Marines who saw it spoke. Jackson County jail and Madison Avenue.",
        "Clearly Americans care. Black Americans and Americans of all kinds do.",
        "SIX OFFICERS CLEARED IN DEATH",
        "Police Chief Says Officers Were Right",
    ],
)
def test_no_people(text: str) -> None:
    assert people(text) == []


def test_one_person_has_one_new_name_throughout() -> None:
    who = [p for p in people(STORY) if not p.officer]
    changed = applied(story(STORY, "Whitlow family sues"), renamed(STORY, who, "Hispanic", _rng()))
    names = name_table().names
    last = (changed.title or "").split()[0]
    assert last in names["Hispanic", "last"]
    assert changed.text.count(last) == 3 and last.upper() in changed.text
    assert "Officer Dan Kowalski" in changed.text and "George Floyd" in changed.text
    assert "Whitlow Street" in changed.text and "Darnell" not in changed.text
    first = changed.text.split(" shot ")[1].split()[0]
    assert first in names["Hispanic", "male"] and f"said {first} was" in changed.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("police shot a Black man", "police shot a white man"),
        ("an unarmed African American teenager", "an unarmed white teenager"),
        ("Black and Latino residents", "White and Latino residents"),
        ("He was black, she said.", "He was white, she said."),
        ("The driver, who is Black, sued", "The driver, who is white, sued"),
        ("African Americans marched", "White people marched"),
        ("a Black Lives Matter march", None),
        ("the Black Caucus said black lives matter", None),
        ("the National Association of Black Journalists", None),
        ("a black American", "a white American"),
        ("a black SUV and a black eye", None),
        ("in a black jacket. The car was black.", None),
        ("Black Friday, Black Hawk", None),
    ],
)
def test_stated_race(text: str, expected: str | None) -> None:
    assert applied(story(text), restated("Black", "white")).text == (expected or text)
    assert states_race(text) == (expected is not None)


@pytest.mark.parametrize(
    "text", ["the White House", "White Plains police", "a white Dodge", "white supremacist groups"]
)
def test_white_that_is_no_race_said_of_people(text: str) -> None:
    assert applied(story(text), restated("white", "Black")).text == text


def test_race_is_added_once_and_only_where_none_is_said() -> None:
    added = with_race_added(story("Police shot a 26-year-old man. Then a woman fell."), "Asian")
    assert added.text == "Police shot a 26-year-old Asian man. Then a woman fell."
    said = story("Police shot a Black man and a woman.")
    assert with_race_added(said, "white") is said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He said his dog bit him himself.", "She said her dog bit her herself."),
        ("Officers hit her twice on her arm.", "Officers hit him twice on his arm."),
        ("They told her that her son died.", "They told him that his daughter died."),
        ("arrested her Monday at her home", "arrested him Monday at his home"),
        (
            "punched her repeatedly; her elderly mother",
            "punched him repeatedly; his elderly father",
        ),
        ("A friend of his. The gun was his.", "A friend of hers. The gun was hers."),
        ("Mr. Hale and Mrs. Hale", "Ms. Hale and Mr. Hale"),
        ("MAN SHOT BY HIS SON", "WOMAN SHOT BY HER DAUGHTER"),
        ("the policewoman's husband", "the policeman's wife"),
        ("Manhattan, Miss. — Father Mike of the Boys & Girls Club", None),
        ("a pregnant woman", None),
        ("He marched for George Floyd.", None),
    ],
)
def test_gender(text: str, expected: str | None) -> None:
    assert with_gender(story(text), _rng()).text == (expected or text)


def test_gender_takes_first_names_along() -> None:
    text = with_gender(story("Keisha Banks said she ran. Keisha fell."), _rng()).text
    first = text.split()[0]
    assert first in name_table().names["Black", "male"]
    assert text == f"{first} Banks said he ran. {first} fell."


def test_another_city_has_its_own_state_county_and_places() -> None:
    example = next(e for e in OWN if e.id == "A-122")
    setting = setting_of(example)
    assert setting is not None and (setting.city, setting.state) == ("Kalamazoo", "MI")
    moved = in_city(example, setting, CITIES["Tulsa, OK"], _rng())
    assert moved.title is not None and moved.title.startswith("Tulsa man may lose eye")
    assert moved.text.startswith("TULSA, OK — ") and "Oklahoma State Police" in moved.text
    for gone in ("Kalamazoo", "KALAMAZOO", "Michigan", "Portage", "Grand Rapids"):
        assert gone not in moved.text
    assert len(moved.evidence or ()) == 2 and moved.relation == example.relation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GULFPORT, Miss. — Miss. it", "BOISE, Idaho — Miss. it"),
        ("a Gulfport man in Harrison County", "a Boise man in Ada County"),
        ("Marcus Gulfport of Gulfport", "Marcus Gulfport of Boise"),
    ],
)
def test_city_words(text: str, expected: str) -> None:
    example = story(text)
    setting = setting_of(example)
    assert setting is not None
    assert in_city(example, setting, CITIES["Boise, ID"], _rng()).text == expected


def test_a_street_is_no_neighborhood() -> None:
    example = next(e for e in OWN if e.id == "R-144")
    setting = setting_of(example)
    assert setting is not None and "Halsted" in example.text
    moved = in_neighborhood(example, setting, _rng()).text
    assert "of South Halsted" in moved and "Gresham" not in moved


def test_no_city_no_setting() -> None:
    assert setting_of(story("Somewhere a man was shot.")) is None


def test_another_part_of_the_same_city() -> None:
    text = "CHICAGO — He was shot in Roseland, on the South Side, near Austin, Texas, items."
    setting = Setting("Chicago", "IL", ())
    moved = in_neighborhood(story(text), setting, _rng()).text
    assert "Roseland" not in moved and "South Side" not in moved
    assert "Austin, Texas" in moved and " Side, near" in moved


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("He told the Tribune that", "Tribune"),
        ("according to WGN and the Chicago Sun-Times", "Sun-Times"),
        ("GARY, Ind. (AP) —", "(AP)"),
        ("she told KQTZ-TV", "KQTZ"),
    ],
)
def test_outlets(text: str, kept: str) -> None:
    assert kept not in with_outlets(story(text), _rng()).text


@pytest.mark.parametrize(
    "text", ["Times Square", "MAN KILLED BY COPS WITH GUNS", "the KBI and the WNBA", "an AP class"]
)
def test_no_outlets(text: str) -> None:
    assert applied(story(text), resourced(text, _rng())).text == text


def test_counterfactuals_of_all_own_stories() -> None:
    """Each keeps its label and evidence; the same seed gives the same text; and it is fast."""
    counterfactual(OWN[0], setting_of(OWN[0]), _rng())
    begun = time.process_time()
    copies = [counterfactual(e, setting_of(e), random.Random(e.id)) for e in OWN]
    assert len(OWN) / (time.process_time() - begun) > 200
    changed = 0
    for example, copy in zip(OWN, copies, strict=True):
        changed += copy is not example
        assert (copy.id, copy.relation, copy.force) == (example.id, example.relation, example.force)
        if example.evidence is None:
            assert copy.evidence is None
            continue
        for old, new in zip(example.evidence, copy.evidence or (), strict=True):
            before, after = example.text[old.start : old.end], copy.text[new.start : new.end]
            assert len(_shared(before, after)) >= len(before.split()) // 2
            assert after[-1] == before[-1] and copy.text[new.start - 1 : new.start] in (
                "",
                " ",
                "\n",
            )
    assert changed > len(OWN) / 2
    again = [counterfactual(e, setting_of(e), random.Random(e.id)) for e in OWN[:200]]
    assert again == copies[:200]


def _shared(before: str, after: str) -> list[str]:
    words = set(after.split())
    return [word for word in before.split() if word in words]


def _rng() -> random.Random:
    return random.Random(7)
