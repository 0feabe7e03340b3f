"""From a story, given or to be fetched, to its prediction: where all the parts meet."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import ParamSpec, TypeVar

from service.allocator import keep_memory_low
from service.batching import Batcher
from service.errors import ErrorType, ServiceError
from service.fetch import Fetcher
from service.labels import FORCE_CODES, NEGATIVE_LABEL, POSITIVE_LABEL, force_rank, tags
from service.language import is_english
from service.metrics import Metrics
from service.model import Judgement, Model, WindowOutput
from service.places import Locator
from service.reader import PageReader
from service.schemas import ModelOut, StoryIn
from service.settings import Settings
from service.story import Evidence, Prediction, Span, Story
from service.text import Cut

P = ParamSpec("P")
T = TypeVar("T")
WARM_UP = "Police said an officer shot a man in Springfield, Ill., on Monday. He survived."
MAX_EVIDENCE = 5
TEXT_THREADS = 2  # what cuts stories and finds their places
# Characters of English in a window: to know roughly what a story will ask of the model.
_WINDOW_CHARS = 400
# Shorter texts are answered, but the model has seen little of the kind.
_SHORT_WORDS = 12


class Predictor:
    """Answers stories. Use it as an async context manager inside one event loop."""

    def __init__(
        self,
        model: Model,
        locator: Locator,
        settings: Settings,
        fetcher: Fetcher | None = None,
        reader: PageReader | None = None,
    ) -> None:
        self.model = model
        self.locator = locator
        self.settings = settings
        self._fetcher = fetcher or Fetcher()
        self._reader = reader or PageReader()
        self.metrics = Metrics()
        self._batcher: Batcher | None = None
        self._stop_at: float | None = None
        self._timeouts: set[asyncio.Timeout] = set()

    @classmethod
    def load(cls, settings: Settings, fetcher: Fetcher | None = None) -> "Predictor":
        """With the model and gazetteer that the settings name. Raises ArtefactError."""
        keep_memory_low()
        model = Model.load(settings.model_dir, settings.model_threads)
        locator = Locator.load(outlets=settings.outlets_file)
        return cls(model, locator, settings, fetcher)

    async def __aenter__(self) -> "Predictor":
        self._text_threads = ThreadPoolExecutor(TEXT_THREADS, thread_name_prefix="text")
        self._batcher = Batcher(self.model, self.settings.queue_windows, self.metrics)
        await self.judge(Story(text=WARM_UP))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._batcher is not None:
            await self._batcher.aclose()
            self._text_threads.shutdown(wait=True)
        await self._reader.aclose()
        await self._fetcher.aclose()

    @property
    def model_out(self) -> ModelOut:
        """Name and version of the model, as answers carry them."""
        return ModelOut(name=self.model.config.name, version=self.model.config.version)

    @property
    def queued_windows(self) -> int:
        """Model windows that wait or are being run."""
        return 0 if self._batcher is None else self._batcher.queued_windows

    def check_room(self) -> None:
        """Raises ServiceError `overloaded` while no further story could be taken."""
        if self._batcher is not None:
            self._batcher.check_room(1)

    def hurry(self, seconds: float) -> None:
        """Gives all that is in work, and all that comes, at most so long: the service stops."""
        self._stop_at = asyncio.get_running_loop().time() + seconds
        for timeout in self._timeouts:
            if timeout.expired():
                continue
            timeout.reschedule(min(timeout.when() or self._stop_at, self._stop_at))

    async def predict(self, request: StoryIn, deadline: float | None = None) -> Prediction:
        """The prediction for one request. Raises ServiceError.

        `deadline` is in seconds of the event loop's clock; None counts from now.
        """
        now = asyncio.get_running_loop().time()
        deadline = now + self.settings.request_deadline_s if deadline is None else deadline
        if deadline <= now:
            raise self._too_late()
        return await self.in_time(self._predict(request, deadline), deadline)

    async def _predict(self, request: StoryIn, deadline: float) -> Prediction:
        self.check_room()  # rather now than after a page was fetched
        return await self.judge(await self.read(request), deadline)

    async def in_time(self, work: Awaitable[T], deadline: float | None = None) -> T:
        """What `work` gives before the deadline, `None` counting from now. Raises ServiceError."""
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + self.settings.request_deadline_s
        timeout = asyncio.timeout_at(min(deadline, self._stop_at or deadline))
        self._timeouts.add(timeout)
        try:
            async with timeout:
                return await work
        except TimeoutError as error:
            raise self._too_late() from error
        finally:
            self._timeouts.discard(timeout)

    def _too_late(self) -> ServiceError:
        if self._stop_at is not None:
            return ServiceError(ErrorType.NOT_READY, "The service is stopping; try again.")
        return ServiceError(
            ErrorType.DEADLINE_EXCEEDED,
            f"No answer within {self.settings.request_deadline_s:g} seconds.",
        )

    async def read(self, request: StoryIn) -> Story:
        """The story of a request: its own text, or what stands at its URL."""
        if request.text is None:
            with self.metrics.stage("fetch"):
                page = await self._fetcher.fetch(request.url or "")
            with self.metrics.stage("extract"):
                return await self._reader.read(page)
        if not request.text.strip():
            raise ServiceError(ErrorType.TOO_SHORT, "The text is empty.")
        return request.story()

    async def judge(self, story: Story, deadline: float | None = None) -> Prediction:
        """The prediction for a story that has been read. Raises ServiceError.

        With a deadline it is refused as `overloaded` where it would wait too long.
        """
        limit = self.settings.max_text_chars
        if len(story.text) > limit:
            raise ServiceError(
                ErrorType.TEXT_TOO_LARGE,
                f"The text has {len(story.text):,} characters; at most {limit:,} are read.",
                {"limit": limit},
            )
        if self._batcher is None:
            raise ServiceError(ErrorType.NOT_READY, "The service is starting.")
        about = 1 + len(story.text) // _WINDOW_CHARS
        with self._batcher.expecting(about, deadline), self.metrics.stage("tokenise"):
            cutting = await self._on_text_thread(self.model.cut, story.title, story.text)
        outputs = await self._batcher.run(cutting.windows, deadline)
        return await self._on_text_thread(self._conclude, story, cutting, outputs)

    async def _on_text_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`asyncio.to_thread` on few threads: they take turns in Python anyway, and more of them
        only get in each other's way."""
        loop = asyncio.get_running_loop()
        context = copy_context()
        return await loop.run_in_executor(
            self._text_threads, partial(context.run, work, *args, **kwargs)
        )

    def _conclude(self, story: Story, cutting: Cut, outputs: Sequence[WindowOutput]) -> Prediction:
        judgement = self.model.judge(cutting, outputs)
        thresholds = self.model.config.thresholds
        report, mention, none = judgement.relation
        positive = report >= thresholds.report
        evidence = self._evidence(story.text, cutting.spans, judgement, positive)
        with self.metrics.stage("places"):
            located = self.locator.locate(story, [Span(e.start, e.end) for e in evidence])
        force = self._force(judgement) if positive else ()
        fatal = positive and judgement.fatal >= thresholds.fatal
        english = is_english(story.text)
        return Prediction(
            story=replace(story, language=story.language or ("en" if english else None)),
            label=POSITIVE_LABEL if positive else NEGATIVE_LABEL,
            confidence=report if positive else 1.0 - report,
            report=report,
            mention=mention,
            none=none,
            needs_review=thresholds.review_low <= report <= thresholds.review_high,
            force=force,
            force_rank=force_rank(force, fatal) if positive else None,
            fatal=fatal,
            tags=tags(force, fatal),
            evidence=evidence,
            located=located,
            windows=len(cutting.windows),
            warnings=_warnings(story, english),
        )

    def _evidence(
        self, text: str, spans: Sequence[Span], judgement: Judgement, positive: bool
    ) -> tuple[Evidence, ...]:
        """The sentences most sure to state force, best first; a report has at least one."""
        order = sorted(range(len(spans)), key=lambda i: -judgement.sentences[i])[:MAX_EVIDENCE]
        least = self.model.config.thresholds.evidence
        kept = [i for i in order if judgement.sentences[i] >= least] or order[:positive]
        return tuple(
            Evidence(
                text=text[spans[i].start : spans[i].end],
                start=spans[i].start,
                end=spans[i].end,
                score=judgement.sentences[i],
            )
            for i in kept
        )

    def _force(self, judgement: Judgement) -> tuple[str, ...]:
        """The kinds of force above the threshold, or else the likeliest one."""
        least = self.model.config.thresholds.force
        ranked = list(zip(FORCE_CODES, judgement.force, strict=True))
        kept = tuple(code for code, p in ranked if p >= least)
        return kept or (max(ranked, key=lambda pair: pair[1])[0],)


def _warnings(story: Story, english: bool | None) -> tuple[str, ...]:
    found = list(story.warnings)
    if english is False:
        found.append("not_english")
    if len(story.text.split()) < _SHORT_WORDS:
        found.append("short_text")
    if story.partial_text:
        found.append("partial_text")
    return tuple(dict.fromkeys(found))
