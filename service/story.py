"""The plain data that travels between the modules. Everything here is immutable."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Story:
    """One news story as read from a request or a page.

    `text` is the body without the title. `date` is ISO `YYYY-MM-DD`. All
    character offsets that the service answers refer to `text`.
    """

    text: str
    title: str | None = None
    date: str | None = None
    url: str | None = None
    canonical_url: str | None = None
    site: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None
    wire: str | None = None
    page_type: str = "article"
    partial_text: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` up to, not including, `end` of a story's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that states force, with its probability of doing so (0 to 1)."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Place:
    """A resolved place. What is unknown is None; coordinates are WGS 84 degrees."""

    city: str | None = None
    county: str | None = None
    state: str | None = None
    country: str | None = None
    lat: float | None = None
    long: float | None = None
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Mention:
    """A place name found at `start:end` of the text, and the place it was taken for."""

    text: str
    start: int
    end: int
    place: Place


@dataclass(frozen=True, slots=True)
class Located:
    """All place names of a story, in order, and the one place of its main event."""

    mentions: tuple[Mention, ...]
    event: Place | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The service's answer about one story.

    `report`, `mention` and `none` are calibrated probabilities that add up to 1;
    `confidence` is that of `label`. `force` and `force_rank` are empty for a
    story that is no report.
    """

    story: Story
    label: str
    confidence: float
    report: float
    mention: float
    none: float
    needs_review: bool
    force: tuple[str, ...]
    force_rank: str | None
    fatal: bool
    tags: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    located: Located
    windows: int
    warnings: tuple[str, ...]
