"""Place names end to end, on the real gazetteer built once for the whole run."""

import time
import tracemalloc
from pathlib import Path

import pytest

from service.errors import ArtefactError, SettingsError
from service.places import Locator, PlaceTags
from service.story import Located, Story


@pytest.fixture(scope="module")
def locator(gazetteer_path: Path) -> Locator:
    return Locator.load(gazetteer_path)


def names(located: Located) -> list[str]:
    return [mention.text for mention in located.mentions]


def placed(located: Located) -> dict[str, str | None]:
    return {m.text: m.place.state or m.place.country for m in located.mentions}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A Paris Police Department officer shot a man in Texas.", ["Paris", "Texas"]),
        ("Cook County Sheriff's Office deputies fired at the car.", ["Cook County"]),
        (
            "The man, from Bangor, Maine, died in Chicago's hospital.",
            ["Bangor", "Maine", "Chicago"],
        ),
        ("Police in Lexington, Ky., said he ran.", ["Lexington", "Ky."]),
        ("He was shot in MORGANTOWN, W.Va., on Friday.", ["MORGANTOWN", "W.Va."]),
        ("Officers in St. Paul and Fort Worth were fired.", ["St. Paul", "Fort Worth"]),
        ("Protesters marched in New York City on Monday.", ["New York City"]),
        ("Two Turkish and three American reporters were hurt in Ankara.", ["Ankara"]),
    ],
)
def test_names_are_found_exactly(locator: Locator, text: str, expected: list[str]) -> None:
    located = locator.locate(Story(text))
    assert names(located) == expected
    assert all(text[m.start : m.end] == m.text for m in located.mentions)


@pytest.mark.parametrize(
    "text",
    [
        "Michael Jackson said on Tuesday that he would not testify.",
        "Paris Hilton was seen with Officer Austin Houston.",
        "Mr. Washington told the jury what he had seen.",
        "The officer turned the corner and was never seen again.",
        "",
        "\n \n",
    ],
)
def test_people_and_plain_words_are_no_places(locator: Locator, text: str) -> None:
    assert locator.locate(Story(text)).mentions == ()


@pytest.mark.parametrize(
    ("text", "name", "region"),
    [
        ("A crash in Long Beach, Calif., killed two people.", "Long Beach", "California"),
        ("A crash in Long Beach, N.Y., killed two people.", "Long Beach", "New York"),
        ("Police in Bangor, Maine, arrested him.", "Bangor", "Maine"),
        ("Police in Paris, France, arrested him.", "Paris", "France"),
        ("Police in Paris, Texas, arrested him.", "Paris", "Texas"),
        ("Soldiers in Baghdad closed the road.", "Baghdad", "Iraq"),
        ("Lamar County deputies drove from Clarksville to Paris and Reno.", "Paris", "Texas"),
        ("Lewiston and Auburn police met in Portland, said Maine officials.", "Portland", "Maine"),
    ],
)
def test_names_mean_the_right_place(locator: Locator, text: str, name: str, region: str) -> None:
    assert placed(locator.locate(Story(text)))[name] == region


def test_outlet_home_decides_between_namesakes(locator: Locator) -> None:
    text = "Police in Springfield arrested a man who had fled to Auburn on Tuesday night."
    states = {
        url: placed(locator.locate(Story(text, url=url)))["Springfield"]
        for url in ("https://www.masslive.com/a", "https://www.sj-r.com/b")
    }
    assert states == {
        "https://www.masslive.com/a": "Massachusetts",
        "https://www.sj-r.com/b": "Illinois",
    }


def test_outlets_file_adds_homes(gazetteer_path: Path, tmp_path: Path) -> None:
    table = tmp_path / "outlets.csv"
    table.write_text("domain,city,state\nhilltop.example,Springfield,OR\n")
    locator = Locator.load(gazetteer_path, table)
    story = Story("Police in Springfield said so.", url="https://news.hilltop.example/1")
    assert placed(locator.locate(story))["Springfield"] == "Oregon"


def test_bad_outlets_file_is_named(gazetteer_path: Path, tmp_path: Path) -> None:
    table = tmp_path / "outlets.csv"
    table.write_text("host;town\nx;y\n")
    with pytest.raises(SettingsError, match="OUTLETS_FILE"):
        Locator.load(gazetteer_path, table)


def test_one_unknown_name_drops_no_other(locator: Locator) -> None:
    text = "He drove from Zzyxqua Township to Boise, Idaho, and on to Spokane, Washington."
    found = placed(locator.locate(Story(text)))
    assert found["Boise"] == "Idaho"
    assert found["Spokane"] == "Washington"


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_text_without_case_degrades_but_works(locator: Locator, change: type[str]) -> None:
    text = "Police in Chicago, Illinois, shot a man near Milwaukee, officers in Wisconsin said."
    found = {name.lower() for name in names(locator.locate(Story(change(text))))}
    assert {"chicago", "milwaukee"} <= found


@pytest.mark.parametrize("text", ["", "No place is named here, and nothing happened anywhere."])
def test_no_place_gives_null(locator: Locator, text: str) -> None:
    assert locator.locate(Story(text)) == Located((), None)


def test_confidence_is_higher_where_the_state_is_given(locator: Locator) -> None:
    sure = locator.locate(Story("He lives in Springfield, Missouri.")).mentions[0]
    unsure = locator.locate(Story("He lives in Springfield, he said.")).mentions[0]
    assert sure.place.confidence > unsure.place.confidence + 0.2


def test_title_counts_but_is_no_mention(locator: Locator) -> None:
    text = "A man was shot by police outside a bar on Friday, officials said."
    located = locator.locate(Story(text, "Man shot by Tulsa, Oklahoma, police"))
    assert located.mentions == ()
    assert located.event is not None and located.event.city == "Tulsa"


def test_tags_can_speak_against_a_name(locator: Locator) -> None:
    text = "Police in Chicago said so."
    start = text.index("Chicago")
    tags = PlaceTags([start], [start + 7], [0.00001])
    assert tags.logit(0, 3) == 0.0
    assert len(locator.locate(Story(text)).mentions) == 1
    assert locator.locate(Story(text), tags=tags).mentions == ()


def test_candidates_show_all_namesakes(locator: Locator) -> None:
    found = locator.candidates("long beach")
    assert found[0].place.state == "California"
    assert {"New York", "Mississippi"} <= {c.place.state for c in found}
    assert [c.probability for c in found] == sorted((c.probability for c in found), reverse=True)
    assert locator.candidates("Nowhereville Xyz") == []


def test_answers_are_the_same_twice(locator: Locator) -> None:
    story = Story("Police in Salem and Portland, Ore., met Marion County deputies in Salem.")
    assert locator.locate(story) == locator.locate(story)


def test_missing_gazetteer_says_how_to_build(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"python -m service\.places\.build"):
        Locator.load(tmp_path / "none.npz")


def test_damaged_gazetteer_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(b"not a gazetteer")
    with pytest.raises(ArtefactError, match="damaged"):
        Locator.load(path)


def test_a_long_text_stays_fast(locator: Locator) -> None:
    text = "Police in Salem met Marion County deputies near Portland. Jane Roe ran away. " * 2000
    start = time.process_time()
    located = locator.locate(Story(text))
    assert len(located.mentions) >= 5000
    assert time.process_time() - start < 10


def test_a_list_of_places_keeps_memory_bounded(locator: Locator) -> None:
    g = locator.gazetteer
    text = ", ".join(f"{g.names[row]} in Ohio" for row in range(10_000, 14_000))
    tracemalloc.start()
    located = locator.locate(Story(text))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(located.mentions) > 2000
    assert peak < 200e6
