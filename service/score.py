"""Judges a file of stories: one answer row per input row, in order, resumable."""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from service.copies import CopyIndex
from service.errors import ErrorType, ServiceError
from service.fingerprint import fingerprint
from service.pipeline import Predictor
from service.row_run import Answer, Answers, Tally, answer_rows
from service.rows import Row
from service.schemas import StoryIn, prediction_out
from service.story import Story

_FIELDS = ("url", "text", "title", "date")


class Judging:
    """Rows to stories to answers."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    async def read(self, row: Row) -> Story:
        """The story of a row, fetched where it has only a URL."""
        return await self._predictor.in_time(self._predictor.read(_request(row)))

    async def answer(self, number: int, story: Story) -> Answer:
        """What the service answers about a story."""
        prediction = await self._predictor.in_time(self._predictor.judge(story))
        return prediction_out(prediction, self._predictor.model_out).model_dump(mode="json")


class JudgingOnce(Judging):
    """Gives near-copies of earlier rows the answer of the earlier row, with `duplicate_of`."""

    def __init__(self, predictor: Predictor, answers: Answers) -> None:
        super().__init__(predictor)
        self._answers = answers
        self._index = CopyIndex()
        self._rows: list[int] = []  # of the originals in the index
        for number, row in enumerate(answers.written()):
            if "duplicate_of" not in row and "article" in row:
                self._add(number, row["article"]["fingerprint"])

    async def answer(self, number: int, story: Story) -> Answer:
        """The answer about a story, or about the one it is a copy of."""
        mark = fingerprint(story.text)
        original = self._index.find(mark)
        if original is None:
            self._add(number, mark)
            return await super().answer(number, story)
        earlier = await self._answers.of(self._rows[original])
        if "error_type" in earlier:  # the original could not be judged; perhaps the copy can
            return await super().answer(number, story)
        same = {name: value for name, value in earlier.items() if name != "id"}
        return {**same, "duplicate_of": earlier["id"]}

    def _add(self, number: int, mark: str) -> None:
        self._index.add(mark)
        self._rows.append(number)


async def score(
    source: Path, out: Path, predictor: Predictor, progress: Callable[[int], object]
) -> Tally:
    """Answer every row of `source` into `out`."""
    return await answer_rows(source, Answers(out), Judging(predictor), progress)


async def score_once(
    source: Path, out: Path, predictor: Predictor, progress: Callable[[int], object]
) -> Tally:
    """As `score`, but a row that repeats an earlier one gets that one's answer."""
    answers = Answers(out)
    return await answer_rows(source, answers, JudgingOnce(predictor, answers), progress)


def _request(row: Row) -> StoryIn:
    """The row's story fields as a request. Raises ServiceError for a broken row."""
    fields = {name: row[name] for name in _FIELDS if row.get(name) is not None}
    if "text" not in fields:
        fields = {name: value for name, value in fields.items() if name == "url"}
    try:
        return StoryIn.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "row"
        raise ServiceError(ErrorType.INVALID_REQUEST, f"{where}: {first['msg']}.") from error
