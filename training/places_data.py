"""The development texts that the place models are fitted on and measured with.

The stories are the project's own; the other sets lie outside the repository, in the
folder named by BRUTALITY_WATCH_DATA (default `../shared` beside it).
"""

import gzip
import json
import os
import random
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

DATA = Path(os.environ.get("BRUTALITY_WATCH_DATA", Path(__file__).resolve().parents[2] / "shared"))
STORIES = Path(__file__).parent / "stories"
# Names that look like ones for people and are places in these sets.
NO_DEMONYMS = frozenset(
    {"oman", "sudan", "afghanistan", "iran", "japan", "pakistan", "jordan", "lebanon"}
)
TOPONYMS = ("trnews", "gwn", "geovirus")
# Endings of words for people and languages, which are no place names here.
_DEMONYM = re.compile(
    r"(ian|ean|[^dlm]an|ican|gan|ish|ese|ench|utch|eek|wiss|aqi|ani|eni|ali|eli|ari|uti|ers)s?$",
    re.I,
)
_PLACE_KINDS = {
    "Literal", "Mixed", "Literal_Modifier", "Embedded_Literal", "Metonymic",
    "Non_Literal_Modifier", "Embedded_Non_Lit",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gold:
    """A place name of a text; coordinates or names are None where the set gives none."""

    start: int
    end: int
    lat: float | None = None
    long: float | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    level: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its place names; `unsure` spans count neither way.

    Documents of one `group` (versions of a story) must not be parted into what is learnt
    from and what is measured on. `relation` is that of an own story.
    """

    id: str
    source: str
    text: str
    gold: tuple[Gold, ...]
    unsure: tuple[tuple[int, int], ...] = ()
    title: str | None = None
    url: str | None = None
    city: str | None = None
    state: str | None = None
    evidence: tuple[str, ...] = ()
    group: str = ""
    relation: str = ""

    def fold(self, folds: int) -> int:
        """Which of `folds` parts the document falls into, the same on every machine."""
        return zlib.crc32((self.group or self.id).encode()) % folds


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file, gzipped or not."""
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    for line in text.decode().split("\n"):
        if line:
            yield json.loads(line)


def is_demonym(phrase: str) -> bool:
    """Whether a name looks like one for people: "Turkish", "Iowans"."""
    return bool(_DEMONYM.search(phrase)) and " " not in phrase


def _level(code: str | None) -> str:
    if not code:
        return ""
    if code.startswith("PCL"):
        return "country"
    return {"ADM1": "state", "ADM2": "county"}.get(code, "city" if code[0] == "P" else "other")


def toponyms(name: str, known: Set[str] = NO_DEMONYMS) -> Iterator[Document]:
    """One of the sets TOPONYMS. `known` names are never demonyms."""
    for row in rows(DATA / "places/toponyms" / f"{name}.jsonl.gz"):
        gold, unsure = [], []
        for t in row["toponyms"]:
            phrase, kind = t["phrase"], t.get("kind")
            demonym = phrase.lower() not in known and is_demonym(phrase)
            if demonym or kind == "Coercion":
                unsure.append((t["start"], t["end"]))
            elif (kind is None or kind in _PLACE_KINDS) and phrase[:1].isupper():
                gold.append(
                    Gold(
                        t["start"], t["end"], t["lat"], t["lon"],
                        country=t.get("country"), level=_level(t.get("fcode")),
                    )
                )  # fmt: skip
        yield Document(
            f"{name}-{row['id']}", name, row["text"], tuple(sorted(gold, key=lambda g: g.start)),
            tuple(unsure), row["title"], row["url"],
        )  # fmt: skip


def stories() -> Iterator[Document]:
    """The original stories, every occurrence of a listed name being gold."""
    for path in sorted(STORIES.glob("*.jsonl")):
        for row in rows(path):
            county = (row["city"] or "").endswith((" County", " Parish"))
            yield Document(
                row["id"], "stories", row["text"], _story_gold(row), (), row["headline"], None,
                None if county else row["city"], row["state"], tuple(row["evidence"]),
                f"{path.stem}-{row.get('pair') or row['id']}", row["relation"],
            )  # fmt: skip


def _story_gold(row: dict[str, Any]) -> tuple[Gold, ...]:
    """Every occurrence of a story's listed names, the longer before the shorter."""
    gold: dict[tuple[int, int], Gold] = {}
    for place in sorted(row["places"], key=lambda p: -len(p["text"])):
        for match in re.finditer(rf"(?<!\w){re.escape(place['text'])}(?!\w)", row["text"]):
            start, end = match.span()
            if not any(start < e and end > s for s, e in gold):
                gold[start, end] = Gold(
                    start, end, city=place["city"], state=place["state"],
                    level="city" if place["city"] else "",
                )  # fmt: skip
    return tuple(v for _, v in sorted(gold.items()))


def _sentences(lines: Iterator[str], column: int, label: int) -> Iterator[list[tuple[str, str]]]:
    sentence: list[tuple[str, str]] = []
    for line in lines:
        parts = line.rstrip("\n").split("\t") if "\t" in line else line.split()
        if not parts:
            if sentence:
                yield sentence
            sentence = []
        elif not line.startswith("# ") and len(parts) > max(column, label):
            sentence.append((parts[column], parts[label]))
    if sentence:
        yield sentence


def _join(words: list[str]) -> tuple[str, list[int]]:
    """Words as running text, with the offset of each."""
    text, starts = "", []
    for word in words:
        if (
            text
            and not re.match(r"^(?:[.,;:!?)\]%]|['’]s?$|n't)", word)
            and text[-1] not in "([$#@"
        ):
            text += " "
        starts.append(len(text))
        text += word
    return text, starts


_NER_FILES = [
    ("btc/btc.train.gz", 0, 1), ("btc/btc.dev.gz", 0, 1), ("btc/g_mainstream_news.conll.gz", 0, 1),
    ("wnut17/wnut17train.conll.gz", 0, 1), ("wnut17/emerging.test.annotated.gz", 0, 1),
    ("wikigold/en.conllu.gz", 1, 2), ("uner_ewt/en_ewt-ud-dev.iob2.gz", 1, 2),
    ("uner_ewt/en_ewt-ud-test.iob2.gz", 1, 2), ("gmb/GMB_dataset.txt.gz", 2, 4),
    ("crossner/politics_dev.txt.gz", 0, 1), ("crossner/politics_test.txt.gz", 0, 1),
]  # fmt: skip
_LOC = {"loc", "location", "geo", "country"}
_ORG = {"org", "organisation", "group", "corporation", "politicalparty", "gpe", "election",
        "fac", "facility", "company", "geo-loc", "misc", "event", "eve"}  # fmt: skip


def ner() -> Iterator[Document]:
    """Sentences of the NER sets: locations are gold, names within organisations unsure."""
    for name, column, label in _NER_FILES:
        with gzip.open(DATA / "places/ner" / name, "rt", encoding="utf-8", errors="replace") as f:
            lines = _split_gmb(f) if name.startswith("gmb") else iter(f)
            for number, sentence in enumerate(_sentences(lines, column, label)):
                yield _ner_document(f"{name}-{number}", sentence)


def _split_gmb(lines: Iterable[str]) -> Iterator[str]:
    """GMB tells its sentences apart by a number, not by blank lines."""
    current = ""
    for line in lines:
        number = line.split("\t")[1]
        if number != current:
            yield "\n"
        current = number
        yield line


def _ner_document(id_: str, sentence: list[tuple[str, str]]) -> Document:
    text, starts = _join([word for word, _ in sentence])
    gold, unsure = [], []
    at = 0
    while at < len(sentence):
        tag = sentence[at][1]
        stop = at + 1
        if tag[:2] in ("B-", "I-"):
            kind = tag[2:].lower()
            while stop < len(sentence) and sentence[stop][1] == f"I-{tag[2:]}":
                stop += 1
            span = starts[at], starts[stop - 1] + len(sentence[stop - 1][0])
            if kind in _LOC:
                gold.append(Gold(*span))
            elif kind in _ORG:
                unsure.append(span)
        at = stop
    return Document(id_, "ner", text, tuple(gold), tuple(unsure))


# Names of people that are also names of towns are rare in the sets, but not in news.
# {c} and {d} are towns; the marked ones are places.
_SENTENCES = (
    ("Mr. {c} told the jury that he had seen it.", ""),
    ("Mrs. {c} said on Monday that Mr. {c} was not there.", ""),
    ("{f} {c} said he would not testify. {c} has served two years.", ""),
    ("Officer {f} {c} fired twice, and Officer {c} was not hurt.", ""),
    ("Sgt. {f} {c} and Deputy {c} were put on leave.", ""),
    ("Police Chief {f} {c} said. {c} declined to comment.", ""),
    ("{c} {d} was seen with {f} {d} on Friday.", ""),
    ("{c} {d} said she had called for help.", ""),
    ("The victim, {f} {c}, 34, was taken to a hospital. {c}'s mother wept.", ""),
    ("Attorney {f} {c}, who represents {c} {d}, said so.", ""),
    ("A man was shot in {c} on Friday, {d} police said.", "cd"),
    ("{c} Police Department officers went to a house near {d}.", "cd"),
    ("He lives in {c}, a suburb of {d}.", "cd"),
    ("{c} Mayor {f} {d} said so.", "c"),
    ("{c} resident {f} {d}, 41, saw it.", "c"),
    ("The {c} City Council met in {d}.", "cd"),
)


def invented(towns: Sequence[str], given: Sequence[str], count: int) -> Iterator[Document]:
    """Short texts in which towns' names are people's, and some in which they are not."""
    picker = random.Random(13)
    for number in range(count):
        pattern, marked = picker.choice(_SENTENCES)
        values = {
            "c": picker.choice(towns),
            "d": picker.choice(towns),
            "f": picker.choice(given).title(),
        }
        text, gold = "", []
        for literal, name, _, _ in Formatter().parse(pattern):
            text += literal
            if name:
                if name in marked:
                    gold.append(Gold(len(text), len(text) + len(values[name])))
                text += values[name]
        yield Document(f"invented-{number}", "invented", text, tuple(gold))
