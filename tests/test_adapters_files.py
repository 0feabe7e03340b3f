"""The drop folder and lists of URLs."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from collector.adapters import jsonl, open_source
from collector.config import SourceConfig
from collector.source import BrokenItem, Item, Listing, SourceError, SourceState
from tests.source_listing import list_round
from tests.source_site import Asked, Reply


def listings(kind: str, options: dict[str, Any], state: SourceState) -> list[Listing]:
    """One round, with the source opened anew for every listing."""

    async def run() -> list[Listing]:
        found = [Listing((), state, more=True)]
        while found[-1].more:
            source = open_source(SourceConfig(name="s", kind=kind, options=options))
            found.append(await source.list(found[-1].state))
            await source.aclose()
        return found[1:]

    return asyncio.run(run())


class Drop:
    """A drop folder and how far it has been read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = SourceState()
        self.rounds = 0

    def write(self, name: str, content: str | bytes, mode: str = "ab") -> None:
        with (self.folder / name).open(mode) as opened:
            opened.write(content if isinstance(content, bytes) else content.encode())

    def list(self) -> list[Item | BrokenItem]:
        found = listings("drop", {"folder": str(self.folder)}, self.state)
        self.state, self.rounds = found[-1].state, len(found)
        return [item for listing in found for item in listing.items]


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def row(number: int) -> str:
    return json.dumps({"id": number, "text": f"Story {number}.", "url": None}) + "\n"


def test_rows_are_listed_once_in_order(drop: Drop) -> None:
    drop.write("b.jsonl", row(3))
    drop.write("a.jsonl", row(1) + "\n" + row(2))
    drop.write("notes.txt", "no rows")
    assert [item.reference for item in drop.list()] == ["a.jsonl:1", "a.jsonl:3", "b.jsonl:1"]
    assert drop.list() == []
    drop.write("a.jsonl", row(4))
    (item,) = drop.list()
    assert isinstance(item, Item)
    assert (item.text, item.reference) == ("Story 4.", "a.jsonl:4")


def test_many_rows_come_in_several_listings(drop: Drop) -> None:
    drop.write("a.jsonl", "".join(map(row, range(450))))
    items = drop.list()
    assert [item.reference for item in items] == [f"a.jsonl:{n}" for n in range(1, 451)]
    assert drop.rounds == 3
    drop.state = SourceState()
    assert [item.key for item in drop.list()] == [item.key for item in items]


def test_large_rows_come_in_several_listings(drop: Drop) -> None:
    drop.write("a.jsonl", (json.dumps({"text": "a" * 3_000_000}) + "\n") * 5)
    assert len(drop.list()) == 5
    assert drop.rounds == 2


@pytest.mark.parametrize("cut", [1, 10, -3])
def test_a_half_written_row_waits(drop: Drop, cut: int) -> None:
    drop.write("a.jsonl", row(1) + row(2)[:cut])
    assert len(drop.list()) == 1
    assert drop.list() == []
    drop.write("a.jsonl", row(2)[cut:] + row(3))
    items = drop.list()
    assert [item.reference for item in items] == ["a.jsonl:2", "a.jsonl:3"]
    assert all(isinstance(item, Item) for item in items)


def test_a_last_row_without_an_end_is_a_row(drop: Drop) -> None:
    drop.write("a.jsonl", row(1) + row(2).rstrip())
    assert len(drop.list()) == 2
    drop.write("a.jsonl", "\n" + row(3))
    assert [item.reference for item in drop.list()] == ["a.jsonl:3"]


def test_a_broken_last_row_is_told_once_nobody_writes_any_more(drop: Drop) -> None:
    drop.write("a.jsonl", '{"text": "never')
    assert drop.list() == []
    os.utime(drop.folder / "a.jsonl", (1, 1))
    (broken,) = drop.list()
    assert isinstance(broken, BrokenItem)
    assert drop.list() == []


@pytest.mark.parametrize(
    ("line", "error_type"),
    [
        ("{broken", "invalid_row"),
        ("[1]", "invalid_row"),
        ('{"text": 3}', "invalid_row"),
        ('{"text": " ", "url": ""}', "empty"),
        ('{"title": "only"}', "empty"),
        ('{"url": "ftp://x.example/"}', "invalid_url"),
        ('{"text": "\\ud800"}', "empty"),
        ("[" * 200_000, "invalid_row"),
        (b"\xff\xfe\x00", "invalid_row"),
    ],
)
def test_broken_rows_are_told_with_file_and_line(
    drop: Drop, line: str | bytes, error_type: str
) -> None:
    drop.write("a.jsonl", row(1))
    drop.write("a.jsonl", line)
    drop.write("a.jsonl", "\n" + row(2))
    first, broken, last = drop.list()
    assert isinstance(broken, BrokenItem) and isinstance(first, Item) and isinstance(last, Item)
    assert (broken.error_type, broken.reference) == (error_type, "a.jsonl:2")
    assert (last.reference, last.text) == ("a.jsonl:3", "Story 2.")


def test_a_row_beyond_the_limit_is_not_held(drop: Drop) -> None:
    drop.write("a.jsonl", b"x" * (2 * jsonl.MAX_ROW) + b"\n" + row(2).encode())
    broken, last = drop.list()
    assert isinstance(broken, BrokenItem) and isinstance(last, Item)
    assert (broken.error_type, last.reference) == ("row_too_long", "a.jsonl:2")


def test_a_file_put_in_anothers_place_is_read(drop: Drop) -> None:
    drop.write("today.jsonl", row(1) + row(2))
    before = {item.key for item in drop.list()}
    drop.write("today.jsonl", row(7), "wb")
    (item,) = drop.list()
    assert item.key not in before
    (drop.folder / "today.jsonl").unlink()
    assert drop.list() == []
    drop.write("today.jsonl", row(1) + row(2))
    assert {item.key for item in drop.list()} == before  # the same rows are the same items


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="folder"):
        listings("drop", {"folder": str(tmp_path / "none")}, SourceState())


LIST = (
    "\ufeff# pages to read\nhttps://daily.example/1\n\n  https://daily.example/2  # seen by Ann\n"
    "https://daily.example/1\nnot a url\nhttps://daily.example/3#part\n"
)


def test_a_file_of_urls(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text(LIST)
    (listing,) = listings("urls", {"file": str(file)}, SourceState())
    assert [(item.key, item.reference) for item in listing.items] == [
        ("https://daily.example/1", "line 5"),
        ("https://daily.example/2", "line 4"),
        ("not a url", "line 6"),
        ("https://daily.example/3#part", "line 7"),
    ]
    assert isinstance(listing.items[2], BrokenItem)
    (again,) = listings("urls", {"file": str(file)}, listing.state)
    assert again.items == ()
    file.write_text(LIST + "https://daily.example/4\n")
    (changed,) = listings("urls", {"file": str(file)}, listing.state)
    assert len(changed.items) == 5


def test_a_long_list_comes_in_pieces_and_goes_on_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("".join(f"https://daily.example/{n}\n" for n in range(1200)))
    whole = listings("urls", {"file": str(file)}, SourceState())
    assert [len(listing.items) for listing in whole] == [500, 500, 200]
    rest = listings("urls", {"file": str(file)}, whole[0].state)
    assert rest == whole[1:]


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.txt"):
        listings("urls", {"file": str(tmp_path / "none.txt")}, SourceState())


def test_a_published_list_is_sent_again_only_when_changed() -> None:
    body = "".join(f"https://daily.example/{n}\n" for n in range(700)).encode()

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("if-none-match") == '"v1"':
            return Reply(status=304)
        return Reply(body, headers={"ETag": '"v1"', "Content-Type": "text/plain"})

    first = list_round("urls", {"url": "{base}/list.txt"}, answer)
    assert len(first.items) == 700
    assert (first.listings[0].state.etag, first.state.etag) == (None, '"v1"')
    again = list_round("urls", {"url": "{base}/list.txt"}, answer, first.state)
    assert (again.keys, again.state) == ([], first.state)
