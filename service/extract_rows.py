"""Reads a file of pages: one row of text and metadata, or one error, per page."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from service.errors import ErrorType, ServiceError
from service.page_cache import Page
from service.reader import PageReader
from service.rows import Row, RowWriter, read_rows
from service.score import Tally


async def extract_rows(
    source: Path, out: Path, reader: PageReader, progress: Callable[[int], object]
) -> Tally:
    """Read every page of `source` into `out`; resumes as `score` does."""
    writer = RowWriter(out)
    tally = Tally(resumed=writer.done)
    progress(writer.done)
    try:
        for number, row in enumerate(
            islice(read_rows(source), writer.done, None), start=writer.done
        ):
            answer = await _answer(number, row, reader)
            writer.write([answer])
            tally.count(answer)
            progress(1)
        writer.finish()
    finally:
        writer.close()
    return tally


async def _answer(number: int, row: Row | ServiceError, reader: PageReader) -> dict[str, Any]:
    name = number if isinstance(row, ServiceError) else row.get("id", number)
    try:
        if isinstance(row, ServiceError):
            raise row
        story = await reader.read(_page(row))
    except ServiceError as error:
        return {"id": name, "error": error.message, "error_type": error.error_type.value}
    return {
        "id": name,
        "title": story.title,
        "text": story.text,
        "date": story.date,
        "authors": list(story.authors),
        "site": story.site,
        "canonical_url": story.canonical_url,
        "language": story.language,
    }


def _page(row: Row) -> Page:
    """The row's page. `latin-1` html is the original bytes, `utf8` decoded text."""
    html = row.get("html")
    if not isinstance(html, str):
        raise ServiceError(ErrorType.INVALID_REQUEST, "html: missing or not a string.")
    url = row.get("url") or ""
    if not isinstance(url, str):
        raise ServiceError(ErrorType.INVALID_REQUEST, "url: not a string.")
    match row.get("html_encoding", "utf8"):
        case "latin-1":
            charset, body = None, _encoded(html, "latin-1")
        case "utf8":
            charset, body = "utf-8", _encoded(html, "utf-8")
        case other:
            raise ServiceError(
                ErrorType.INVALID_REQUEST, f"html_encoding: {other!r} is neither utf8 nor latin-1."
            )
    return Page(url, url, 200, "text/html", charset, body)


def _encoded(html: str, encoding: str) -> bytes:
    try:
        return html.encode(encoding)
    except UnicodeEncodeError as error:
        raise ServiceError(
            ErrorType.INVALID_REQUEST, f"html: holds characters that are not {encoding}."
        ) from error
