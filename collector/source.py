"""What an adapter is: something that lists items and says how far it has got.

An adapter lists; it never fetches an article, judges or writes. It gets the state that
its last stored listing left behind and answers with items and the next state, which the
store writes together. Called twice with one state, it lists the same items again: their
`key`s make that harmless.
"""

from dataclasses import dataclass
from typing import Protocol


class SourceError(Exception):
    """A source that could not be listed; `retry_after_s` is what it asked for, if anything.

    The message is logged and stored: never a key or a token.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotAllowed(Exception):  # noqa: N818 - it is an answer, not a fault
    """A page that robots.txt keeps readers from; the item becomes a dead letter."""


@dataclass(frozen=True, slots=True)
class Item:
    """A story to be read. With `text` it is judged as given; else the page at `url` is.

    `key` is the source's own name for it (GUID, post id, URL), the same at every listing.
    `date` is as the source has it; ISO dates and times are understood. `reference` says
    where a person finds it, where `url` does not: a file and line.
    """

    key: str
    url: str | None = None
    title: str | None = None
    text: str | None = None
    date: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class BrokenItem:
    """An item that can never be read: a dead letter from the start.

    `error_type` is short and of a closed set per adapter, `error` a sentence for a person.
    """

    key: str
    error_type: str
    error: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far a source has been read; all None before its first listing.

    `cursor` is any string of the adapter's, JSON for instance. The other two are the
    validators for a conditional GET.
    """

    cursor: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source listed and the state that is stored with it.

    `more` asks to be listed again at once, for the next page: keep one listing to some
    hundred items. `wait_s` is how long the source asks to be left alone, if it does.
    """

    items: tuple[Item | BrokenItem, ...]
    state: SourceState
    more: bool = False
    wait_s: float | None = None


class Source(Protocol):
    """One configured source. `every_s` is how often it is listed."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def every_s(self) -> float: ...

    async def list(self, state: SourceState) -> Listing:
        """What is new since `state`. Raises SourceError."""
        ...

    async def aclose(self) -> None:
        """Closes connections."""
        ...


class Manners(Protocol):
    """How article pages are asked for: robots.txt and a delay per host."""

    async def before_fetch(self, url: str) -> None:
        """Returns when the page may be fetched. Raises NotAllowed where it may not be."""
        ...

    async def aclose(self) -> None:
        """Closes connections."""
        ...
