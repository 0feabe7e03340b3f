"""Reads a file of pages: one row of text and metadata, or one error, per page."""

from collections.abc import Callable
from pathlib import Path

from service.errors import ErrorType, ServiceError
from service.page_cache import Page
from service.reader import PageReader
from service.row_run import Answer, Answers, Tally, answer_rows
from service.rows import Row
from service.story import Story


class Reading:
    """Rows to stories to rows of their text and metadata."""

    def __init__(self, reader: PageReader) -> None:
        self._reader = reader

    async def read(self, row: Row) -> Story:
        """The story on a row's page."""
        return await self._reader.read(_page(row))

    async def answer(self, number: int, story: Story) -> Answer:
        """The fields of a story that a page tells."""
        return {
            "title": story.title,
            "text": story.text,
            "date": story.date,
            "authors": list(story.authors),
            "site": story.site,
            "canonical_url": story.canonical_url,
            "language": story.language,
        }


async def extract_rows(
    source: Path, out: Path, reader: PageReader, progress: Callable[[int], object]
) -> Tally:
    """Read every page of `source` into `out`."""
    return await answer_rows(source, Answers(out), Reading(reader), progress)


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
