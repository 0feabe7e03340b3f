"""Stories and predictions: known, copied, judged again, forgotten; on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from collector import queue, stories
from collector.schema import ItemRow, ItemState, PredictionRow, ShingleRow, StoryRow
from collector.source import Item
from collector.store import Store
from collector.stories import Kind
from service.schemas import ModelOut
from service.story import Story
from tests.collector.given import BOISE, NOON, TOLEDO, admit, answer, list_items, no_force


def test_a_new_story_waits_for_its_answer(store: Store) -> None:
    with store.write() as session:
        admission = admit(
            session, TOLEDO, "https://a.org/1?utm_source=x", title="T", date="2026-05-01"
        )
        assert (admission.kind, admission.judged) == (Kind.NEW, False)
        (item,) = queue.pending(session, NOON, 10)
        assert item.story_id == admission.story_id
        story = stories.text_of(session, admission.story_id)
    assert story is not None
    assert (story.text, story.title, story.date) == (TOLEDO, "T", "2026-05-01")
    assert story.canonical_url == "https://a.org/1"


def test_one_page_linked_twice_is_one_story_with_two_sources(store: Store) -> None:
    with store.write() as session:
        first = admit(session, TOLEDO, "https://a.org/1")
        again = admit(session, "Other words.", "HTTPS://A.org:443/1#top", source="other")
        assert again.kind is Kind.KNOWN
        assert again.story_id == first.story_id
        assert session.scalar(select(func.count()).select_from(StoryRow)) == 1
        sources = session.scalars(
            select(ItemRow.source_id).where(ItemRow.story_id == first.story_id)
        )
        assert len(set(sources)) == 2


def test_the_same_text_without_a_url_is_one_story(store: Store) -> None:
    with store.write() as session:
        first = admit(session, TOLEDO)
        (item,) = list_items(session, Item("again", text=TOLEDO), source="other")
        again = stories.admit(session, item, Story(text=TOLEDO), NOON)
        assert (again.kind, again.story_id) == (Kind.KNOWN, first.story_id)


@pytest.mark.parametrize("change", ["Wire copy. {}", "{} The Blade contributed.", "{}"])
def test_a_near_copy_elsewhere_is_not_judged(store: Store, change: str) -> None:
    with store.write() as session:
        first = admit(session, TOLEDO, "https://a.org/1")
        copy = admit(session, change.format(TOLEDO), "https://b.org/2")
        other = admit(session, BOISE, "https://b.org/3")
        assert (copy.kind, other.kind) == (Kind.COPY, Kind.NEW)
        row = session.get_one(StoryRow, copy.story_id)
        assert row.copy_of == first.story_id
        done = session.scalars(select(ItemRow).where(ItemRow.story_id == copy.story_id)).one()
        assert done.state is ItemState.DONE


def test_a_phrase_that_many_stories_share_finds_no_original(store: Store) -> None:
    with store.write() as session:
        for number in range(60):
            words = " ".join(f"word{number}x{i}" for i in range(40))
            assert admit(session, f"Police said in a statement on. {words}").kind is Kind.NEW
        most = select(func.count()).select_from(ShingleRow).group_by(ShingleRow.hash)
        assert max(session.scalars(most)) <= 50


def test_an_answer_is_written_once_and_another_model_keeps_the_history(store: Store) -> None:
    newer = ModelOut(name="m", version="2")
    with store.write() as session:
        story = admit(session, TOLEDO, "https://a.org/1").story_id
        stories.record(session, story, answer(), NOON)
        stories.record(session, story, answer(), NOON)
        assert stories.to_rescore(session, newer, "", 10) == [story]
        stories.record(session, story, no_force(model=newer), NOON)
        assert stories.to_rescore(session, newer, "", 10) == []
        rows = session.execute(
            select(PredictionRow.model_version, PredictionRow.label, PredictionRow.current)
            .where(PredictionRow.story_id == story)
            .order_by(PredictionRow.id)
        )
        assert [tuple(row) for row in rows] == [("1", "brutality", False), ("2", "none", True)]
        stories.record(session, story, answer(), NOON)  # back to the older model
        current = select(PredictionRow.model_version).where(PredictionRow.current)
        assert session.scalars(current).all() == ["1"]


def test_a_prediction_holds_the_whole_answer_and_its_columns(store: Store) -> None:
    out = answer(title="a title", incident_date="2026-04-30")
    with store.write() as session:
        story = admit(session, TOLEDO, "https://a.org/1").story_id
        stories.record(session, story, out, NOON)
    with store.read() as session:
        row = session.scalars(select(PredictionRow)).one()
        assert row.answer == out.model_dump(mode="json")
        assert (row.city, row.lat, row.force, row.report) == ("Toledo", 41.66, ["hard_hands"], 0.9)
        assert str(row.incident_date) == "2026-04-30"


def test_texts_are_forgotten_once_judged_and_old(store: Store) -> None:
    with store.write() as session:
        judged = admit(session, TOLEDO, "https://a.org/1").story_id
        waiting = admit(session, BOISE, "https://a.org/2").story_id
        stories.record(session, judged, answer(), NOON)
        assert stories.drop_texts(session, 30, NOON + timedelta(days=29)) == 0
        assert stories.drop_texts(session, 30, NOON + timedelta(days=31)) == 1
        assert stories.text_of(session, judged) is None
        assert stories.text_of(session, waiting) is not None
        assert admit(session, TOLEDO, "https://b.org/9").kind is Kind.COPY
