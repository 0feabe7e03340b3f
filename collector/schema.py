"""The tables. Times are UTC and aware, days are dates, unknown is NULL, lists are JSON."""

import datetime as dt
import re
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

# The hash of a story's canonical URL or text, as the service answers it in `incident_id`.
ID_CHARS = 32
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class ItemState(StrEnum):
    """Where an item is on its way. `dead` is a dead letter."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


class Status(StrEnum):
    """Whether the public may see an incident. `withdrawn` is never undone by new stories."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Verdict(StrEnum):
    """What a reviewer said of an answer."""

    APPROVE = "approve"
    REJECT = "reject"
    CORRECT = "correct"


class Utc(TypeDecorator[dt.datetime]):
    """Aware UTC datetimes on databases that keep a zone and on SQLite, which does not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Refuses naive times: they would mean something else on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(dt.UTC)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """The stored time, with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Words(TypeDecorator[str]):
    """Text from outside. PostgreSQL takes no NUL and no half surrogate pair; they go here."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text with as many characters as it had, so that offsets into it hold."""
        return None if value is None else _UNSTORABLE.sub("\ufffd", value)


def _stored(kind: type[StrEnum]) -> Enum:
    """An enumeration stored as its value, in a plain string column."""
    return Enum(
        kind,
        native_enum=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    """Names constraints alike on both databases, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        dt.datetime: Utc,
        ItemState: _stored(ItemState),
        Status: _stored(Status),
        Verdict: _stored(Verdict),
        list[str]: JSON(none_as_null=True),
        list[int]: JSON(none_as_null=True),
        dict[str, Any]: JSON(none_as_null=True),
    }


class SourceRow(Base):
    """A source of stories and how far it has been read. `cursor` is the adapter's own."""

    __tablename__ = "source"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    cursor: Mapped[str | None] = mapped_column(Words)
    etag: Mapped[str | None] = mapped_column(Words)
    last_modified: Mapped[str | None] = mapped_column(Words)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None] = mapped_column(Words)
    next_due: Mapped[dt.datetime]


class ItemRow(Base):
    """One thing a source listed, which is also a story's provenance.

    `reference` says where it came from (URL, or file and line); `error_type` and `error`
    say why it was last put off or is dead. `text` is emptied when the item is done.
    """

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        Index("ix_item_state_due", "state", "due"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    key: Mapped[str] = mapped_column(Words)
    url: Mapped[str | None] = mapped_column(Words)
    title: Mapped[str | None] = mapped_column(Words)
    text: Mapped[str | None] = mapped_column(Words)
    date: Mapped[str | None] = mapped_column(String(40))
    reference: Mapped[str | None] = mapped_column(Words)
    state: Mapped[ItemState]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due: Mapped[dt.datetime]
    error_type: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(Words)
    story_id: Mapped[str | None] = mapped_column(ForeignKey("story.id"), index=True)
    first_seen: Mapped[dt.datetime]
    settled: Mapped[dt.datetime | None]


class StoryRow(Base):
    """One text. `copy_of` is the original of a near-copy, which has no prediction itself.

    `names` are 16-bit marks of the capitalised words, for grouping alone: no
    person's name is extracted or can be looked up.
    """

    __tablename__ = "story"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    canonical_url: Mapped[str | None] = mapped_column(Words, unique=True)
    text_hash: Mapped[str] = mapped_column(String(64), index=True)
    fingerprint: Mapped[str] = mapped_column(Words)
    names: Mapped[list[int]]
    title: Mapped[str | None] = mapped_column(Words)
    date: Mapped[dt.date | None] = mapped_column(index=True)
    site: Mapped[str | None] = mapped_column(Words)
    language: Mapped[str | None] = mapped_column(String(16))
    wire: Mapped[str | None] = mapped_column(Words)
    partial_text: Mapped[bool] = mapped_column(Boolean, default=False)
    text: Mapped[str | None] = mapped_column(Words)
    copy_of: Mapped[str | None] = mapped_column(ForeignKey("story.id"), index=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    first_seen: Mapped[dt.datetime] = mapped_column(index=True)


class ShingleRow(Base):
    """The smallest hashes of an original's fingerprint: how near-copies find it."""

    __tablename__ = "shingle"

    hash: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    story_id: Mapped[str] = mapped_column(
        ForeignKey("story.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class PredictionRow(Base):
    """One model's answer about one story: the flat fields, and the whole as JSON."""

    __tablename__ = "prediction"
    __table_args__ = (
        UniqueConstraint("story_id", "model_name", "model_version"),
        # At most one current answer per story, whatever happens.
        Index(
            "uq_prediction_current",
            "story_id",
            unique=True,
            sqlite_where=text("current"),
            postgresql_where=text("current"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id"))
    model_name: Mapped[str] = mapped_column(String(100))
    model_version: Mapped[str] = mapped_column(String(100))
    current: Mapped[bool] = mapped_column(Boolean)
    label: Mapped[str] = mapped_column(String(16), index=True)
    confidence: Mapped[float]
    report: Mapped[float]
    mention: Mapped[float]
    none: Mapped[float]
    needs_review: Mapped[bool]
    force_rank: Mapped[str | None] = mapped_column(String(8))
    force: Mapped[list[str]]
    fatal: Mapped[bool]
    tags: Mapped[list[str]]
    title: Mapped[str | None] = mapped_column(Words)
    description: Mapped[str] = mapped_column(Words)
    incident_date: Mapped[dt.date | None]
    city: Mapped[str | None] = mapped_column(Words)
    county: Mapped[str | None] = mapped_column(Words)
    state: Mapped[str | None] = mapped_column(Words)
    country: Mapped[str | None] = mapped_column(Words)
    lat: Mapped[float | None]
    long: Mapped[float | None]
    place_confidence: Mapped[float | None]
    answer: Mapped[dict[str, Any]]
    created: Mapped[dt.datetime]


class IncidentRow(Base):
    """One event and all that is told of it, as its stories and last correction say.

    `key` is the id of the story that opened it: what the outside calls it by.
    `revision` is above every other in the store whenever this one changed last.
    """

    __tablename__ = "incident"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str] = mapped_column(String(ID_CHARS), unique=True)
    status: Mapped[Status] = mapped_column(index=True)
    label: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[float]
    needs_review: Mapped[bool]
    force_rank: Mapped[str | None] = mapped_column(String(8))
    force: Mapped[list[str]]
    fatal: Mapped[bool]
    tags: Mapped[list[str]]
    title: Mapped[str | None] = mapped_column(Words)
    description: Mapped[str] = mapped_column(Words)
    incident_date: Mapped[dt.date | None] = mapped_column(index=True)
    city: Mapped[str | None] = mapped_column(Words)
    county: Mapped[str | None] = mapped_column(Words)
    state: Mapped[str | None] = mapped_column(Words, index=True)
    country: Mapped[str | None] = mapped_column(Words)
    lat: Mapped[float | None]
    long: Mapped[float | None]
    place_confidence: Mapped[float | None]
    stories: Mapped[int] = mapped_column(Integer)
    sites: Mapped[int] = mapped_column(Integer)
    corrected: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created: Mapped[dt.datetime]
    updated: Mapped[dt.datetime]
    revision: Mapped[int] = mapped_column(BigInteger, unique=True)


class ReviewRow(Base):
    """What a person said of a story's answer; NULL where nothing was corrected.

    `key` is a caller's own, for requests that are sent twice. `place` tells whether the
    place columns correct anything: all NULL can be the correction.
    """

    __tablename__ = "review"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str | None] = mapped_column(String(100), unique=True)
    story_id: Mapped[str] = mapped_column(ForeignKey("story.id"), index=True)
    prediction_id: Mapped[int | None] = mapped_column(ForeignKey("prediction.id"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    reviewer: Mapped[str] = mapped_column(String(200))
    verdict: Mapped[Verdict]
    relation: Mapped[str | None] = mapped_column(String(16))
    force: Mapped[list[str] | None]
    fatal: Mapped[bool | None]
    place: Mapped[bool] = mapped_column(Boolean, default=False)
    city: Mapped[str | None] = mapped_column(Words)
    county: Mapped[str | None] = mapped_column(Words)
    state: Mapped[str | None] = mapped_column(Words)
    country: Mapped[str | None] = mapped_column(Words)
    lat: Mapped[float | None]
    long: Mapped[float | None]
    note: Mapped[str | None] = mapped_column(Words)
    created: Mapped[dt.datetime]


class DeliveryRow(Base):
    """How one incident stands with one back end. `sent` is the revision it has, 0 for none."""

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("backend", "incident_id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    backend: Mapped[str] = mapped_column(String(200))
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    sent: Mapped[int] = mapped_column(BigInteger, default=0)
    tried: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due: Mapped[dt.datetime | None]
    error: Mapped[str | None] = mapped_column(Words)
