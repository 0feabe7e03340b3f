"""What must be true of a store in which all rows of a drop folder have been settled."""

from sqlalchemy import func, select

from collector.schema import (
    IncidentRow,
    ItemRow,
    ItemState,
    PredictionRow,
    ShingleRow,
    StoryRow,
)
from collector.store import Store
from tests.collector.rows import Rows


def check_whole(store: Store, rows: Rows) -> None:
    """Nothing lost, nothing doubled, nothing half done."""
    with store.read() as session:

        def count(table: type[object], *chosen: object) -> int:
            found = select(func.count()).select_from(table).where(*chosen)  # type: ignore[arg-type]
            return session.scalar(found) or 0

        assert count(ItemRow) == rows.all
        assert count(ItemRow, ItemRow.state == ItemState.DONE) == rows.originals + rows.copies
        dead = session.scalars(select(ItemRow).where(ItemRow.state == ItemState.DEAD)).all()
        assert len(dead) == rows.broken
        assert all(item.error_type and item.error and item.reference for item in dead)

        assert count(StoryRow) == rows.originals + rows.copies
        assert count(StoryRow, StoryRow.copy_of.is_not(None)) == rows.copies
        linked = select(func.count(ItemRow.story_id.distinct()))
        assert session.scalar(linked) == rows.originals + rows.copies
        indexed = select(func.count(ShingleRow.story_id.distinct()))
        assert session.scalar(indexed) == rows.originals

        assert count(PredictionRow) == rows.originals
        assert count(PredictionRow, PredictionRow.current) == rows.originals
        copies = select(StoryRow.id).where(StoryRow.copy_of.is_not(None))
        assert count(PredictionRow, PredictionRow.story_id.in_(copies)) == 0

        forceful = select(PredictionRow.story_id).where(PredictionRow.label == "brutality")
        assert count(StoryRow, StoryRow.id.in_(forceful)) > 0
        assert count(StoryRow, StoryRow.id.in_(forceful), StoryRow.incident_id.is_(None)) == 0
        for incident in session.scalars(select(IncidentRow)):
            members = count(StoryRow, StoryRow.incident_id == incident.id)
            assert incident.stories == members > 0
