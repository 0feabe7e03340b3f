"""What is read off a page, how bytes become text, and that no page can hang or kill the service."""

import asyncio
import json
import os
import statistics
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import psutil
import pytest
import trafilatura
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fuzz_inputs import FRAGMENTS, SENTENCE
from bench.pages import body_f1, page_bytes, read_pages
from service.encoding import decode
from service.errors import ErrorType, ServiceError
from service.extract import extract
from service.page_cache import Page
from service.reader import PageReader, ReaderLimits

PAGES = Path(__file__).parent / "pages"
DATA = Path(os.environ.get("BRUTALITY_WATCH_DATA", Path(__file__).parents[2] / "shared"))
URL = "https://www.harlowledger.example/2024/03/14/deputy-taser"
PROSE = SENTENCE * 8


def fetched(body: bytes) -> Page:
    return Page(URL, URL, 200, "text/html", "utf-8", body)


def test_reads_the_story_and_leaves_the_furniture() -> None:
    text = extract((PAGES / "article.html").read_bytes(), URL).text
    assert text.startswith("HARLOW, Ohio (AP) — A sheriff's deputy shocked")
    assert text.endswith("will be shown on the county's channel.")
    for furniture in ("newsletter", "Bridge repairs", "Copyright", "Obituaries", "Privacy"):
        assert furniture not in text


@pytest.mark.parametrize(
    ("codec", "charset", "meta"),
    [
        ("utf-8", "utf-8", ""),
        ("utf-8", None, ""),
        ("utf-8", "utf-7", ""),
        ("utf-8", "rot13", ""),
        ("utf-8", "../../etc", ""),
        ("utf-8", "hex", "zlib"),
        ("utf-8-sig", "iso-8859-1", ""),
        ("utf-16", "utf-8", ""),
        ("cp1252", "utf-8", ""),
        ("cp1252", "iso-8859-1", ""),
        ("cp1252", None, "windows-1252"),
        ("cp1252", "us-ascii", ""),
    ],
)
def test_decodes_by_mark_then_header_then_meta_then_bytes(
    codec: str, charset: str | None, meta: str
) -> None:
    html = f'<html><head><meta charset="{meta}"></head><body>{PROSE}</body></html>'
    assert "café said the man’s “résumé”" in decode(html.encode(codec), charset)


def test_decodes_japanese_by_meta() -> None:
    html = '<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">'
    html += "<p>警察官が男性を撃った"
    assert "警察官が男性を撃った" in decode(html.encode("shift_jis"), "utf-8")


def test_one_cut_character_does_not_spoil_a_page() -> None:
    html = PROSE.encode()
    assert "café said" in decode(html[: html.rindex("é".encode()) + 1], "utf-8")


LD, END, TAIL = b'<script type="application/ld+json">', b"</script>", PROSE.encode()
ODD = (
    b'{"@type":"NewsArticle","headline":NaN,"author":[[["x"]]],"author":{"name":{"a":1}},'
    b'"datePublished":7,"publisher":[null],"liveBlogUpdate":3,"articleBody":["</p>"]}'
)
HOSTILE = {
    "deep tags": b"<div>" * 50_000 + TAIL,
    "deep lists": b"<ul><li>" * 20_000 + TAIL,
    "deep inline": b"<b><i>" * 20_000 + TAIL,
    "deep json": LD + b"[" * 100_000 + END + TAIL,
    "deep state": b'<script id="__NEXT_DATA__">' + b'{"a":' * 100_000 + END,
    "wide json": LD + json.dumps([{"@type": "Article"}] * 20_000).encode() + END + TAIL,
    "odd json": LD + ODD + END + TAIL,
    "many attributes": b"<p " + b"".join(b"a%d=1 " % i for i in range(50_000)) + b">" + TAIL,
    "many tables": b"<table><tr><td>" * 3000 + TAIL,
    "unclosed": b"<html><body><p>" * 10_000,
    "entities": b"&#x0;&#xD800;&#x110000;&amp" * 10_000,
    "null bytes": b"\0" * 100_000 + TAIL,
    "frameset": b"<frameset><frame src=a></frameset>",
    "xml": b'<?xml version="1.0" encoding="utf-7"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "long word": b"<p>" + b"a" * 2_000_000,
    "long class": b'<p class="' + b"article-" * 200_000 + b'">' + TAIL,
    "comment": b"<!--" + b"-" * 1_000_000,
    "empty": b"",
    "spaces": b" " * 1000,
}


def test_hostile_pages_end_in_a_story_or_an_error_and_the_worker_survives() -> None:
    async def run() -> None:
        reader = PageReader()
        try:
            for name, body in HOSTILE.items():
                try:
                    story = await reader.read(fetched(body))
                    assert "arrest on Tuesday" in story.text, name
                except ServiceError as error:
                    assert error.status < 500, name
            assert "arrest on Tuesday" in (await reader.read(fetched(PROSE.encode()))).text
        finally:
            await reader.aclose()

    asyncio.run(run())


@pytest.mark.slow
def test_three_hundred_pages_leave_the_service_as_small_as_it_was() -> None:
    """All pages of the tests and all hostile ones, over and over; the worker may grow and die."""
    ordinary = [path.read_bytes() for path in sorted(PAGES.glob("*.html"))]
    bodies = ordinary + list(HOSTILE.values())

    async def read_all(reader: PageReader, count: int) -> None:
        for body in islice(cycle(bodies), count):
            with suppress(ServiceError):
                await reader.read(fetched(body))

    async def run() -> None:
        reader = PageReader(ReaderLimits(pages=100))
        try:
            await read_all(reader, len(bodies))  # whatever is loaded once
            before = psutil.Process().memory_info().rss
            await read_all(reader, 300)
            assert psutil.Process().memory_info().rss - before < 20e6
        finally:
            await reader.aclose()

    asyncio.run(run())


def test_page_that_takes_too_long_costs_the_worker_not_the_service() -> None:
    async def run() -> None:
        reader = PageReader(ReaderLimits(page_s=0.0))
        with pytest.raises(ServiceError) as refusal:
            await reader.read(fetched(PROSE.encode()))
        assert refusal.value.error_type == ErrorType.EXTRACTION_FAILED
        assert psutil.Process().children() == []

    asyncio.run(run())


def test_worker_that_was_killed_is_replaced_and_is_gone_in_the_end() -> None:
    async def run() -> None:
        reader = PageReader()
        await reader.read(fetched(PROSE.encode()))
        (worker,) = psutil.Process().children()
        assert worker.memory_info().rss < 120e6
        worker.kill()
        worker.wait()
        with pytest.raises(ServiceError):
            await reader.read(fetched(PROSE.encode()))
        assert (await reader.read(fetched(PROSE.encode()))).text
        await reader.aclose()
        assert psutil.Process().children() == []

    asyncio.run(run())


def test_a_mistake_of_the_program_is_logged_and_the_worker_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        reader = PageReader()
        await reader.read(fetched(PROSE.encode()))
        (worker,) = psutil.Process().children()
        impossible = replace(fetched(PROSE.encode()), url=[URL])  # type: ignore[arg-type]
        with pytest.raises(ServiceError) as refusal:
            await reader.read(impossible)
        assert refusal.value.error_type == ErrorType.EXTRACTION_FAILED
        assert psutil.Process().children() == [worker]
        await reader.aclose()

    asyncio.run(run())
    (record,) = caplog.records
    assert "service/extract.py" in record.getMessage()


def test_caller_that_gives_up_leaves_no_half_read_answer() -> None:
    async def run() -> None:
        reader = PageReader()
        await reader.read(fetched(PROSE.encode()))
        waiting = asyncio.create_task(reader.read(fetched(PROSE.encode())))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        other = PROSE.replace("Tuesday", "Friday")
        assert "Friday" in (await reader.read(fetched(other.encode()))).text
        await reader.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("address", ["http://[", "http://[::1", "//[x]/"])
def test_broken_addresses_on_a_page_or_of_one_do_no_harm(address: str) -> None:
    head = f'<link rel="canonical" href="{address}"><meta property="og:url" content="{address}">'
    for url in (None, URL, address):
        story = extract(f"<html><head>{head}</head><body>{PROSE}</body></html>".encode(), url)
        assert story.canonical_url is None
        assert "arrest on Tuesday" in story.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FRAGMENTS, max_size=40), st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_any_markup_gives_a_story_or_an_error(parts: list[str], codec: str) -> None:
    try:
        story = extract("".join(parts).encode(codec, errors="replace"), URL)
    except ServiceError as error:
        assert error.status < 500
    else:
        assert story.text
        assert story.canonical_url is None or story.canonical_url.startswith("http")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.text(max_size=12))
def test_any_bytes_decode(body: bytes, charset: str) -> None:
    assert isinstance(decode(body, charset), str)


@pytest.mark.skipif(
    not (DATA / "pages").is_dir(), reason="needs the development pages, BRUTALITY_WATCH_DATA"
)
@pytest.mark.parametrize("corpus", ["fundus_other", "newspaper", "scrapinghub", "wcxb_dev"])
def test_reads_bodies_better_than_trafilatura(corpus: str) -> None:
    """A smoke test on few pages; `bench.extract` measures."""
    ours, theirs = [], []
    for row in islice(read_pages(DATA / "pages" / f"{corpus}.jsonl.gz"), 0, 80, 2):
        html = page_bytes(row)
        try:
            ours.append(body_f1(row["text"], extract(html, row["url"]).text))
        except ServiceError as error:
            if error.error_type == ErrorType.PAYWALLED:
                continue  # a teaser is refused on purpose
            ours.append(0.0)
        theirs.append(body_f1(row["text"], trafilatura.extract(html) or ""))
    assert statistics.mean(ours) > statistics.mean(theirs)


@pytest.mark.slow
@pytest.mark.skipif(
    not (DATA / "pages").is_dir(), reason="needs the development pages, BRUTALITY_WATCH_DATA"
)
@pytest.mark.parametrize(
    ("corpus", "dates"), [("fundus_other", 0.96), ("newspaper", 0.92), ("wcxb_dev", 0.88)]
)
def test_development_pages_are_stories_and_have_their_dates(corpus: str, dates: float) -> None:
    refused, right = Counter[ErrorType](), []
    for row in read_pages(DATA / "pages" / f"{corpus}.jsonl.gz"):
        try:
            found = extract(page_bytes(row), row["url"]).date
        except ServiceError as error:
            refused[error.error_type] += 1
            found = None
        if row.get("date"):
            right.append(found == row["date"])
    assert statistics.mean(right) >= dates
    assert refused.keys() <= {ErrorType.TOO_SHORT}
    assert refused.total() <= 1
