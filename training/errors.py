"""What goes wrong with training data, said so that the person who made it can mend it."""

from pathlib import Path


class DataError(Exception):
    """Data that cannot be trained on, in one sentence."""


class LabelError(DataError):
    """A label file, or a row of one, that cannot be used; names file, row and field.

    `row` is None where the whole file is at fault.
    """

    def __init__(self, path: Path, row: int | None, field: str, problem: str) -> None:
        place = f"{path}" if row is None else f"{path}, row {row}, field {field!r}"
        super().__init__(f"{place}: {problem}")
        self.path = path
        self.row = row
        self.field = field
