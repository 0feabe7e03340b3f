"""The stories that speed and memory are measured with. Standard library only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OWN = Path(__file__).resolve().parent.parent / "training" / "stories"


@dataclass(frozen=True)
class Text:
    """A headline and what stands under it."""

    title: str
    text: str

    @property
    def request(self) -> dict[str, str]:
        """As POST /predict takes it."""
        return {"title": self.title, "text": self.text}


def own_stories() -> list[Text]:
    """The project's own stories, in order."""
    return [text for path in sorted(OWN.glob("*.jsonl")) for text in read_stories(path)]


def read_stories(path: Path) -> list[Text]:
    """Stories of a JSONL file with rows `{text, title or headline}`. Raises OSError, KeyError."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [Text(row.get("title") or row.get("headline") or "", row["text"]) for row in rows]


def of_length(stories: Sequence[Text], words: int, count: int) -> list[Text]:
    """`count` stories of about `words` words, each of whole paragraphs of one or more `stories`.

    Each headline is that of the first story in it. Raises ValueError if there is too little.
    """
    made: list[Text] = []
    paragraphs: list[str] = []
    title, length = "", 0
    for story in stories:
        title = title if paragraphs else story.title
        for paragraph in story.text.splitlines():
            paragraphs.append(paragraph)
            length += len(paragraph.split())
            if length >= words:
                made.append(Text(title, "\n".join(paragraphs)))
                paragraphs, length = [], 0
                break
        if len(made) == count:
            return made
    raise ValueError(f"{len(stories)} stories do not make {count} of {words} words")
