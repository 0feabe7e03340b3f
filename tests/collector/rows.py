"""Rows for a drop folder: short stories that differ, wire copies of them, and broken rows."""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

from collector.config import CollectorConfig, SourceConfig

_PLACES = (
    "Peoria, Illinois", "Abilene, Texas", "Dayton, Ohio", "Tacoma, Washington", "Macon, Georgia",
    "Salem, Oregon", "Topeka, Kansas", "Fresno, California", "Mobile, Alabama", "Provo, Utah",
)  # fmt: skip
_PEOPLE = ("Alden", "Brisco", "Calloway", "Dunmore", "Esparza", "Fontaine", "Grissom")
_EVENTS = (
    "An officer shot {} in the leg behind a laundromat after a chase on foot, police said.",
    "A deputy used a Taser on {} during a dispute about parking, a recording shows.",
    "The library moved its chess club, led by {}, to a larger room upstairs on Thursday.",
    "Officers pushed {} to the ground at a march against the pipeline and sprayed others.",
    "Bakers from four counties met {} and judged pies at the fair before the rain came.",
)
# For the details in which stories differ.
DETAILS = (
    "amber bicycle lantern orchard gravel kettle mitten saddle walnut compass ribbon thistle anvil "
    "barrel candle dormouse engine feather gutter hammock inkwell jacket kayak ladder marble "
    "nickel oyster paddle quarry raisin shovel tunnel urn violin wagon yarn zipper cobalt denim "
    "ember"
).split()


@dataclass(frozen=True)
class Rows:
    """What was written: how many rows of each kind."""

    originals: int
    copies: int
    broken: int

    @property
    def all(self) -> int:
        return self.originals + self.copies + self.broken


def write_rows(folder: Path, number: int) -> Rows:
    """`number` rows in files of 50: each fifth a wire copy of an earlier one, each 20th broken."""
    folder.mkdir()
    copies = broken = originals = 0
    lines: list[str] = []
    texts: list[str] = []
    for i in range(number):
        if i % 20 == 19:
            broken += 1
            lines.append('{"text": ' if i % 40 == 19 else '{"title": "no text"}')
        elif i % 5 == 4:
            copies += 1
            text = texts[(i * 7) % len(texts)] + " The wire service contributed to this story."
            lines.append(_row(f"https://copy.example/{i}", text))
        else:
            originals += 1
            texts.append(_text(i))
            lines.append(_row(f"https://first.example/{i}", texts[-1]))
    for start in range(0, number, 50):
        path = folder / f"{start:05}.jsonl"
        path.write_text("\n".join(lines[start : start + 50]) + "\n", encoding="utf-8")
    return Rows(originals, copies, broken)


def config_of(folder: Path) -> CollectorConfig:
    """The collector's configuration with the one folder."""
    options = {"folder": str(folder)}
    return CollectorConfig(source=(SourceConfig(name="drop", kind="drop", options=options),))


def config_file(path: Path, folder: Path) -> Path:
    """The same as a file."""
    path.write_text(
        f'[[source]]\nname = "drop"\nkind = "drop"\nfolder = {json.dumps(str(folder))}\n'
    )
    return path


def _row(url: str, text: str) -> str:
    return json.dumps({"url": url, "title": text[:40], "text": text, "date": "2026-05-01"})


def event_of(i: int) -> str:
    """The first sentences of a story that no other tells."""
    person = f"{_PEOPLE[i % 7]}{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}"
    place = _PLACES[i % len(_PLACES)]
    event = _EVENTS[i % len(_EVENTS)].format(f"Robin {person}")
    return f"{place.upper()} — {event} {person} lived in {place}."


def _text(i: int) -> str:
    details = " ".join(Random(i).choices(DETAILS, k=30))
    return f"{event_of(i)} Also in the report: {details}."
