"""Reviews out of the collector's database, as the labels that training reads.

`.jsonl` gets rows of `training.examples`; `.json` gets tasks for Label Studio, with the
reviewer's answer as annotation and the model's as prediction, which its export gives back
(`training.label_studio`). Both hold the same stories.

The collector's packages (requirements-collector.txt) are needed for this alone, so they are
imported when it is called.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import DataError

if TYPE_CHECKING:
    from collector.review_export import ModelAnswer, ReviewedStory

SOURCE = "reviews"


def export_reviews(database: str, out: Path) -> tuple[int, int]:
    """Write all reviewed stories; how many, and how many had no text any more.

    `database` is as DATABASE_URL. Raises DataError, OSError.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from collector.migrate import SchemaError, check_schema
    from collector.review_export import reviewed_stories
    from collector.settings import CollectorSettings
    from collector.store import Store
    from service.errors import SettingsError

    try:
        settings = CollectorSettings.from_environment({"DATABASE_URL": database})
        store = Store.open(settings.database_url)
        try:
            check_schema(store)
            with store.read() as session:
                stories = list(reviewed_stories(session))
        finally:
            store.close()
    except (SettingsError, SchemaError) as error:
        raise DataError(str(error)) from error
    except SQLAlchemyError as error:  # its own words may hold the URL's password
        raise DataError(f"the database cannot be read: {type(error).__name__}") from error
    kept = [story for story in stories if story.text and story.text.strip()]
    write_reviews(kept, out)
    return len(kept), len(stories) - len(kept)


def write_reviews(stories: Iterable["ReviewedStory"], out: Path) -> None:
    """The stories, which have texts, in the format of the file's name. Raises DataError."""
    if out.suffix == ".jsonl":
        lines = [json.dumps(label_row(story), ensure_ascii=False) for story in stories]
        text = "".join(f"{line}\n" for line in lines)
    elif out.suffix == ".json":
        text = json.dumps([task(story) for story in stories], ensure_ascii=False, indent=1)
    else:
        raise DataError(f"{out}: neither .jsonl nor .json (Label Studio)")
    # Whole or not at all: a run that trains on half a file would not notice.
    part = out.with_name(f"{out.name}.part")
    part.write_text(text, encoding="utf-8", errors="replace")
    part.replace(out)


def label_row(story: "ReviewedStory") -> dict[str, object]:
    """A row of `training.examples`; `label` in place of `relation` where only that is known."""
    settled = story.settled
    known = {"relation": settled.relation} if settled.relation else {"label": settled.label}
    return {
        "id": story.id,
        "title": story.title,
        "text": story.text,
        **known,
        "force": None if settled.force is None else list(settled.force),
        "fatal": settled.fatal,
        "evidence": None,
        "incident": story.group,
        "source": SOURCE,
        "outlet": story.outlet,
        "date": story.date,
        "reviewer": story.reviewer,
        "reviewed_at": story.reviewed.isoformat(),
        "note": story.note,
    }


def task(story: "ReviewedStory") -> dict[str, object]:
    """A task of the Label Studio project that `training/label_studio.xml` sets up.

    Where reviewers left open whether a story is `mention` or `none`, it has no annotation:
    that is for the labeller to say.
    """
    settled = story.settled
    data = {
        "id": story.id,
        "title": story.title or "",
        "text": story.text,
        "incident": story.group,
        "source": SOURCE,
        "outlet": story.outlet,
        "date": story.date,
        "reviewer": story.reviewer,
        "note": story.note,
    }
    made: dict[str, object] = {"data": {k: v for k, v in data.items() if v is not None}}
    if settled.relation is not None:
        result = _result(settled.relation, settled.force, settled.fatal)
        made["annotations"] = [
            {
                "result": result,
                "was_cancelled": False,
                "created_at": story.reviewed.isoformat(),
            }
        ]
    if story.answer is not None:
        made["predictions"] = [_prediction(story.answer, str(story.text))]
    return made


def _prediction(answer: "ModelAnswer", text: str) -> dict[str, object]:
    positive = answer.relation == "report"
    result = _result(answer.relation, answer.force if positive else None, answer.fatal or None)
    for start, end in answer.evidence:
        span = {"start": start, "end": end, "text": text[start:end], "labels": ["states force"]}
        result.append(_region("evidence", "labels", span))
    return {"model_version": answer.version, "score": answer.report, "result": result}


def _result(
    relation: str, force: Iterable[str] | None, fatal: bool | None
) -> list[dict[str, object]]:
    found = [_region("relation", "choices", {"choices": [relation]})]
    if force:
        found.append(_region("force", "choices", {"choices": list(force)}))
    if fatal is not None:
        found.append(_region("fatal", "choices", {"choices": ["true" if fatal else "false"]}))
    return found


def _region(name: str, kind: str, value: dict[str, object]) -> dict[str, object]:
    return {"from_name": name, "to_name": "text", "type": kind, "value": value}
