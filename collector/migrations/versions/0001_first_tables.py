"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, ForeignKey

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

_ID = sa.String(32)
_NAME = sa.String(100)
_WHEN = sa.DateTime(timezone=True)
_LIST = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """What this version of the code needs, in the order in which tables refer to others."""
    _create_source()
    _create_incident()
    _create_story()
    _create_item()
    _create_prediction()
    _create_review()


def downgrade() -> None:
    """Nothing."""
    for table in ("review", "prediction", "item", "shingle", "story", "incident", "source"):
        op.drop_table(table)


def _place() -> list[Column[object]]:
    return [
        Column("city", sa.Text),
        Column("county", sa.Text),
        Column("state", sa.Text),
        Column("country", sa.Text),
        Column("lat", sa.Double),
        Column("long", sa.Double),
    ]


def _answer() -> list[Column[object]]:
    """What predictions and incidents share, but the place."""
    return [
        Column("confidence", sa.Double, nullable=False),
        Column("needs_review", sa.Boolean, nullable=False),
        Column("force_rank", sa.String(8)),
        Column("force", _LIST, nullable=False),
        Column("fatal", sa.Boolean, nullable=False),
        Column("tags", _LIST, nullable=False),
        Column("title", sa.Text),
        Column("description", sa.Text, nullable=False),
        Column("place_confidence", sa.Double),
    ]


def _create_source() -> None:
    op.create_table(
        "source",
        Column("id", sa.Integer, primary_key=True),
        Column("name", sa.String(200), nullable=False, unique=True),
        Column("kind", sa.String(32), nullable=False),
        Column("cursor", sa.Text),
        Column("etag", sa.Text),
        Column("last_modified", sa.Text),
        Column("failures", sa.Integer, nullable=False),
        Column("last_error", sa.Text),
        Column("next_due", _WHEN, nullable=False),
    )


def _create_incident() -> None:
    op.create_table(
        "incident",
        Column("id", sa.Integer, primary_key=True),
        Column("key", _ID, nullable=False, unique=True),
        Column("status", sa.String(16), nullable=False, index=True),
        Column("label", sa.String(16), nullable=False),
        *_answer(),
        Column("incident_date", sa.Date, index=True),
        *_place(),
        Column("stories", sa.Integer, nullable=False),
        Column("sites", sa.Integer, nullable=False),
        Column("corrected", sa.Boolean, nullable=False, server_default=sa.false()),
        Column("created", _WHEN, nullable=False),
        Column("updated", _WHEN, nullable=False),
        Column("revision", sa.BigInteger, nullable=False, unique=True),
    )
    op.create_index("ix_incident_state", "incident", ["state"])


def _create_story() -> None:
    op.create_table(
        "story",
        Column("id", _ID, primary_key=True),
        Column("canonical_url", sa.Text, unique=True),
        Column("text_hash", sa.String(64), nullable=False, index=True),
        Column("fingerprint", sa.Text, nullable=False),
        Column("names", _LIST, nullable=False),
        Column("title", sa.Text),
        Column("date", sa.Date, index=True),
        Column("site", sa.Text),
        Column("language", sa.String(16)),
        Column("wire", sa.Text),
        Column("partial_text", sa.Boolean, nullable=False),
        Column("text", sa.Text),
        Column("copy_of", _ID, ForeignKey("story.id"), index=True),
        Column("incident_id", sa.Integer, ForeignKey("incident.id"), index=True),
        Column("first_seen", _WHEN, nullable=False, index=True),
    )
    story = ForeignKey("story.id", ondelete="CASCADE")
    op.create_table(
        "shingle",
        Column("hash", sa.BigInteger, primary_key=True, autoincrement=False),
        Column("story_id", _ID, story, primary_key=True, index=True),
    )


def _create_item() -> None:
    op.create_table(
        "item",
        Column("id", sa.Integer, primary_key=True),
        Column("source_id", sa.Integer, ForeignKey("source.id"), nullable=False),
        Column("key", sa.Text, nullable=False),
        Column("url", sa.Text),
        Column("title", sa.Text),
        Column("text", sa.Text),
        Column("date", sa.String(40)),
        Column("reference", sa.Text),
        Column("state", sa.String(16), nullable=False),
        Column("attempts", sa.Integer, nullable=False),
        Column("due", _WHEN, nullable=False),
        Column("error_type", sa.String(40)),
        Column("error", sa.Text),
        Column("story_id", _ID, ForeignKey("story.id"), index=True),
        Column("first_seen", _WHEN, nullable=False),
        Column("settled", _WHEN),
        sa.UniqueConstraint("source_id", "key"),
    )
    op.create_index("ix_item_state_due", "item", ["state", "due"])


def _create_prediction() -> None:
    op.create_table(
        "prediction",
        Column("id", sa.Integer, primary_key=True),
        Column("story_id", _ID, ForeignKey("story.id"), nullable=False),
        Column("model_name", _NAME, nullable=False),
        Column("model_version", _NAME, nullable=False),
        Column("current", sa.Boolean, nullable=False),
        Column("label", sa.String(16), nullable=False, index=True),
        Column("report", sa.Double, nullable=False),
        Column("mention", sa.Double, nullable=False),
        Column("none", sa.Double, nullable=False),
        *_answer(),
        Column("incident_date", sa.Date),
        *_place(),
        Column("answer", _LIST, nullable=False),
        Column("created", _WHEN, nullable=False),
        sa.UniqueConstraint("story_id", "model_name", "model_version"),
    )
    current = sa.text("current")
    op.create_index(
        "uq_prediction_current",
        "prediction",
        ["story_id"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )


def _create_review() -> None:
    op.create_table(
        "review",
        Column("id", sa.Integer, primary_key=True),
        Column("key", _NAME, unique=True),
        Column("story_id", _ID, ForeignKey("story.id"), nullable=False, index=True),
        Column("prediction_id", sa.Integer, ForeignKey("prediction.id")),
        Column("incident_id", sa.Integer, ForeignKey("incident.id"), index=True),
        Column("reviewer", sa.String(200), nullable=False),
        Column("verdict", sa.String(16), nullable=False),
        Column("relation", sa.String(16)),
        Column("force", _LIST),
        Column("fatal", sa.Boolean),
        Column("place", sa.Boolean, nullable=False),
        *_place(),
        Column("note", sa.Text),
        Column("created", _WHEN, nullable=False),
    )
