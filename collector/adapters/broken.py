"""Why an item is broken from the start: the closed set of `error_type`s of all adapters."""

from datetime import datetime
from enum import StrEnum

from collector.source import BrokenItem


class Broken(StrEnum):
    """A dead letter's reason."""

    INVALID_ROW = "invalid_row"  # a line or entry that is not what it should be
    ROW_TOO_LONG = "row_too_long"
    NO_URL = "no_url"
    INVALID_URL = "invalid_url"
    REMOVED = "removed"  # the source lists it and has taken it back
    EMPTY = "empty"  # a post without words or link
    NO_STORY = "no_story"  # a picture, a video, a gallery
    TOO_MANY = "too_many"  # more items than the source lets anybody see


def too_many(search: str, moment: datetime) -> BrokenItem:
    """A search found more at one moment than its source lets anybody see."""
    error = f"more articles of {moment:%Y-%m-%d %H:%M:%S} than can be listed; narrow the search"
    key = f"{Broken.TOO_MANY}:{moment:%Y%m%dT%H%M%S}:{search}"
    return BrokenItem(key, Broken.TOO_MANY, error, search)
