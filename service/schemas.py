"""The wire contract: what a request may hold and every field of an answer."""

import datetime
import hashlib
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from service.errors import ErrorType
from service.fingerprint import fingerprint
from service.places import PlaceCandidate
from service.story import Evidence, Mention, Place, Prediction, Story
from service.text import each_sentence

DATE_WARNING = "date_not_understood"
MAX_BATCH = 32
DESCRIPTION_CHARS = 500
_DECIMALS = 4


class StoryIn(BaseModel):
    """One story: either a `url` to fetch, or its `text`. With text, `url` is only provenance."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)

    url: Annotated[str | None, Field(description="page to fetch, or where the text is from")] = None
    text: Annotated[str | None, Field(description="the story's body")] = None
    title: Annotated[str | None, Field(description="its headline; only with text")] = None
    date: Annotated[str | None, Field(description="publication date, ISO; only with text")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "StoryIn":
        if self.text is None and self.url is None:
            raise ValueError("give either url or text")
        if self.text is None and (self.title is not None or self.date is not None):
            raise ValueError("title and date belong to text; a url is read for its own")
        return self

    @field_validator("url", "text", "title", "date")
    @classmethod
    def _is_unicode(cls, value: str | None) -> str | None:
        """JSON can spell half a surrogate pair, which is no character."""
        if value is not None:
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ValueError("holds half a surrogate pair") from error
        return value

    def story(self) -> Story:
        """The story as given, with a warning where its date is not ISO."""
        day = iso_date(self.date)
        lost = self.date is not None and self.date.strip() != "" and day is None
        return Story(
            text=self.text or "",
            title=" ".join(self.title.split()) or None if self.title else None,
            date=day,
            url=self.url or None,
            warnings=(DATE_WARNING,) if lost else (),
        )


class BatchIn(BaseModel):
    """Up to 32 stories."""

    model_config = ConfigDict(extra="forbid")

    stories: Annotated[list[StoryIn], Field(min_length=1, max_length=MAX_BATCH)]


class LocationOut(BaseModel):
    """A place name at characters `start` to `end` of the text, and where it is.

    What is unknown is null, never 0 or empty.
    """

    text: str
    start: int
    end: int
    city: str | None
    county: str | None
    state: str | None
    country: str | None
    lat: float | None
    long: float | None
    confidence: float


class EvidenceOut(BaseModel):
    """A sentence at characters `start` to `end` of the text that states force."""

    text: str
    start: int
    end: int
    score: float


class ScoresOut(BaseModel):
    """Calibrated probabilities, adding up to 1."""

    report: float
    mention: float
    none: float


class ArticleOut(BaseModel):
    """What was read."""

    url: str | None
    canonical_url: str | None
    site: str | None
    authors: list[str]
    language: str | None
    wire: str | None
    page_type: str
    partial_text: bool
    fingerprint: str
    words: int
    windows: int


class ModelOut(BaseModel):
    """Which model answered."""

    name: str
    version: str


class PredictionOut(BaseModel):
    """The answer about one story; flat `force_ranks` names, so a row can be stored as it is."""

    label: Literal["brutality", "none"]
    confidence: float
    scores: ScoresOut
    needs_review: bool
    force_rank: str | None
    force: list[str]
    fatal: bool
    title: str | None
    description: str
    incident_date: str | None
    city: str | None
    county: str | None
    state: str | None
    country: str | None
    lat: float | None
    long: float | None
    place_confidence: float | None
    locations: list[LocationOut]
    evidence: list[EvidenceOut]
    tags: list[str]
    src: list[str]
    status: Literal["pending"]
    incident_id: str
    article: ArticleOut
    warnings: list[str]
    model: ModelOut


class CandidateOut(BaseModel):
    """A place that a name may mean, and what speaks for it."""

    name: str
    kind: str
    city: str | None
    county: str | None
    state: str | None
    country: str | None
    lat: float | None
    long: float | None
    prominence: float
    probability: float


class ErrorOut(BaseModel):
    """Why there is no answer."""

    error: Annotated[str, Field(description="a sentence for a person")]
    error_type: ErrorType
    detail: dict[str, Any] | None = None


def iso_date(given: str | None) -> str | None:
    """The `YYYY-MM-DD` at the head of an ISO date or time, or None where there is none."""
    match = re.match(r"\s*(\d{4})-?(\d{2})-?(\d{2})(?!\d)", given or "")
    if match is None:
        return None
    try:
        return datetime.date(*map(int, match.groups())).isoformat()
    except ValueError:
        return None


def prediction_out(prediction: Prediction, model: ModelOut) -> PredictionOut:
    """The answer as it goes over the wire."""
    story = prediction.story
    event = prediction.located.event
    source = story.canonical_url or story.url
    return PredictionOut(
        **_place(event),
        label="brutality" if prediction.label == "brutality" else "none",
        confidence=_rounded(prediction.confidence),
        scores=ScoresOut(
            report=_rounded(prediction.report),
            mention=_rounded(prediction.mention),
            none=_rounded(prediction.none),
        ),
        needs_review=prediction.needs_review,
        force_rank=prediction.force_rank,
        force=list(prediction.force),
        fatal=prediction.fatal,
        title=story.title,
        description=describe(story.text),
        incident_date=story.date,
        place_confidence=None if event is None else _rounded(event.confidence),
        locations=[_location(mention) for mention in prediction.located.mentions],
        evidence=[_evidence(item) for item in prediction.evidence],
        tags=list(prediction.tags),
        src=[source] if source else [],
        status="pending",
        incident_id=hashlib.sha256((source or story.text).encode()).hexdigest()[:32],
        article=_article(prediction),
        warnings=list(prediction.warnings),
        model=model,
    )


def candidate_out(candidate: PlaceCandidate) -> CandidateOut:
    """A candidate as it goes over the wire."""
    return CandidateOut(
        **_place(candidate.place),
        name=candidate.name,
        kind=candidate.kind,
        prominence=_rounded(candidate.prominence),
        probability=_rounded(candidate.probability),
    )


def describe(text: str) -> str:
    """The first sentences of a text, at most 500 characters, cut between words if need be."""
    taken = ""
    for span in each_sentence(text):
        longer = f"{taken} {text[span.start : span.end]}".strip()
        if len(longer) > DESCRIPTION_CHARS:
            break
        taken = longer
    if taken or not text.strip():
        return taken
    head = text.strip()[: DESCRIPTION_CHARS - 1]
    return (head.rsplit(None, 1)[0] if " " in head else head) + "…"


def _place(place: Place | None) -> dict[str, Any]:
    place = place or Place()
    return {
        "city": place.city,
        "county": place.county,
        "state": place.state,
        "country": place.country,
        "lat": place.lat,
        "long": place.long,
    }


def _location(mention: Mention) -> LocationOut:
    return LocationOut(
        **_place(mention.place),
        text=mention.text,
        start=mention.start,
        end=mention.end,
        confidence=_rounded(mention.place.confidence),
    )


def _evidence(item: Evidence) -> EvidenceOut:
    return EvidenceOut(text=item.text, start=item.start, end=item.end, score=_rounded(item.score))


def _article(prediction: Prediction) -> ArticleOut:
    story = prediction.story
    return ArticleOut(
        url=story.url,
        canonical_url=story.canonical_url,
        site=story.site,
        authors=list(story.authors),
        language=story.language,
        wire=story.wire,
        page_type=story.page_type,
        partial_text=story.partial_text,
        fingerprint=fingerprint(story.text),
        words=len(story.text.split()),
        windows=prediction.windows,
    )


def _rounded(probability: float) -> float:
    return round(probability, _DECIMALS)
