"""What has been pushed to which back end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, ForeignKey

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """The outbox."""
    op.create_table(
        "delivery",
        Column("id", sa.Integer, primary_key=True),
        Column("backend", sa.String(200), nullable=False),
        Column("incident_id", sa.Integer, ForeignKey("incident.id"), nullable=False, index=True),
        Column("sent", sa.BigInteger, nullable=False),
        Column("tried", sa.BigInteger, nullable=False),
        Column("attempts", sa.Integer, nullable=False),
        Column("due", sa.DateTime(timezone=True)),
        Column("error", sa.Text),
        sa.UniqueConstraint("backend", "incident_id"),
    )


def downgrade() -> None:
    """What was pushed is forgotten."""
    op.drop_table("delivery")
