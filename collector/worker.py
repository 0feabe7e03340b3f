"""Takes one item through reading, judging and grouping, a short transaction each."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from collector import grouping, queue, stories
from collector.addresses import addressed
from collector.queue import Pending
from collector.retries import delay_s, may_pass
from collector.source import Manners, NotAllowed
from collector.store import Store, now
from collector.stories import Admission
from service.errors import ErrorType, ServiceError
from service.labels import POSITIVE_LABEL
from service.pipeline import Predictor
from service.schemas import PredictionOut, StoryIn, iso_date, prediction_out
from service.story import Story

T = TypeVar("T")
log = logging.getLogger("collector")


def note(event: str, **facts: object) -> None:
    """One JSON line of progress. Never a text, a title or a key."""
    log.info(json.dumps({"event": event, **facts}))


def host_of(item: Pending) -> str | None:
    """The host an item's page is fetched from, or None where nothing is fetched."""
    if item.url is None or item.text is not None or item.story_id is not None:
        return None
    try:
        return urlsplit(item.url).hostname
    except ValueError:  # such as "http://["
        return None


@dataclass(frozen=True, slots=True)
class Rules:
    """How the worker goes about it. `attempts` is how often an item is tried."""

    retry_base_s: float = 20.0
    attempts: int = 4
    keep_text: bool = True


class Worker:
    """Works on items of one store with one predictor. `aclose` it at the end."""

    def __init__(
        self,
        store: Store,
        predictor: Predictor,
        rules: Rules = Rules(),
        manners: Manners | None = None,
        chance: Random | None = None,
    ) -> None:
        self._store = store
        self._predictor = predictor
        self._rules = rules
        self._manners = manners
        self.chance = chance or Random()
        # One thread: the database is written in turn, and the event loop never waits for it.
        self._database = ThreadPoolExecutor(1, "database")

    async def aclose(self) -> None:
        """Waits for what is being written."""
        await asyncio.to_thread(self._database.shutdown)

    async def write(self, step: Callable[[Session], T]) -> T:
        """What `step` gives in a transaction of its own."""

        def run() -> T:
            with self._store.write() as session:
                return step(session)

        return await asyncio.get_running_loop().run_in_executor(self._database, run)

    async def look(self, step: Callable[[Session], T]) -> T:
        """What `step` finds."""

        def run() -> T:
            with self._store.read() as session:
                return step(session)

        return await asyncio.get_running_loop().run_in_executor(self._database, run)

    async def process(self, item: Pending) -> None:
        """Bring an item to its end, or put it off. Raises SQLAlchemyError alone."""
        started = time.monotonic()
        try:
            outcome = await self._take(item)
        except NotAllowed as error:
            outcome = await self._bury(item, "robots_disallowed", str(error))
        except ServiceError as error:
            outcome = await self._failed(item, error)
        except SQLAlchemyError:
            raise  # the store itself is ill: the process ends, and loses nothing
        except Exception as error:
            # A fault of the code in one story must not keep all others waiting.
            log.exception("item %d", item.id)
            unexpected = ServiceError(ErrorType.INTERNAL, f"unexpected {type(error).__name__}")
            outcome = await self._failed(item, unexpected)
        took = round((time.monotonic() - started) * 1000)
        facts = {"source": item.source, "item": item.id, "host": host_of(item)}
        note("item", **facts, outcome=outcome, ms=took)

    async def rescore(self, story_id: str) -> bool:
        """Judge a stored story with this model; False where that cannot be done now."""
        story = await self.look(lambda session: stories.text_of(session, story_id))
        if story is None:
            return False
        try:
            out = await self._judge(story)
        except ServiceError as error:
            note("rescore", story=story_id, outcome=error.error_type.value)
            return False
        await self.write(lambda session: stories.record(session, story_id, out, now()))
        await self.group(story_id, out)
        return True

    async def group(self, story_id: str, out: PredictionOut | None = None) -> None:
        """Put a story into its incident, if it reports force."""
        if out is None or out.label == POSITIVE_LABEL:
            await self.write(lambda session: grouping.group(session, story_id, now()))

    async def _take(self, item: Pending) -> str:
        if item.story_id is None:
            story = addressed(await self._read(item))
            admission = await self.write(lambda s: _admit(s, item, story))
            if admission.judged:
                return admission.kind.value
            story_id = admission.story_id
        else:
            story_id = item.story_id
            known = await self.look(lambda session: stories.text_of(session, story_id))
            if known is None:
                raise ServiceError(ErrorType.EXTRACTION_FAILED, "The text was dropped unjudged.")
            story = known
        out = await self._judge(story)
        await self.write(lambda session: self._settle(session, item, story_id, out))
        await self.group(story_id, out)
        return out.label

    async def _read(self, item: Pending) -> Story:
        try:
            if item.text is None:
                request = StoryIn(url=item.url)
            else:
                request = StoryIn(url=item.url, text=item.text, title=item.title, date=item.date)
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            raise ServiceError(ErrorType.INVALID_REQUEST, f"Not a story: {message}.") from error
        if item.text is None and item.url is not None and self._manners is not None:
            await self._manners.before_fetch(item.url)
        story = await self._predictor.in_time(self._predictor.read(request))
        limit = self._predictor.settings.max_text_chars
        if len(story.text) > limit:  # said here already, so that no unjudged story is kept
            raise ServiceError(ErrorType.TEXT_TOO_LARGE, f"The text has over {limit:,} characters.")
        return replace(
            story, title=story.title or item.title, date=story.date or iso_date(item.date)
        )

    async def _judge(self, story: Story) -> PredictionOut:
        prediction = await self._predictor.in_time(self._predictor.judge(story))
        return prediction_out(prediction, self._predictor.model_out)

    def _settle(self, session: Session, item: Pending, story_id: str, out: PredictionOut) -> None:
        stories.record(session, story_id, out, now())
        queue.finish(session, item.id, story_id, now())
        if not self._rules.keep_text:
            stories.drop_text(session, story_id)

    async def _failed(self, item: Pending, error: ServiceError) -> str:
        reason = error.error_type.value
        failures = item.attempts + 1
        if not may_pass(error) or failures >= self._rules.attempts:
            return await self._bury(item, reason, error.message)
        wait = delay_s(self._rules.retry_base_s, failures, self.chance)
        due = now() + timedelta(seconds=wait)
        await self.write(lambda session: queue.retry(session, item.id, due, reason, error.message))
        return f"retry:{reason}"

    async def _bury(self, item: Pending, reason: str, message: str) -> str:
        await self.write(lambda session: queue.bury(session, item.id, reason, message, now()))
        return f"dead:{reason}"


def _admit(session: Session, item: Pending, story: Story) -> Admission:
    return stories.admit(session, item.id, story, now())
