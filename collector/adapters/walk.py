"""Reading searches that list the newest first: down page by page to where the last walk began."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from collector.source import SourceError


@dataclass(frozen=True, slots=True)
class Walk:
    """How far one search has been read. Times are ISO, UTC, to the second.

    `since` is the newest time that earlier walks have met, `newest` that of the walk under
    way, `resume` the adapter's own word for its next page; None where a walk begins.
    """

    since: str | None = None
    newest: str | None = None
    resume: str | None = None

    def floor(self, now: datetime, first: timedelta, overlap: timedelta) -> datetime:
        """The time down to which to walk: a little below `since`, for what is listed late."""
        return now - first if self.since is None else datetime.fromisoformat(self.since) - overlap

    def stepped(self, times: Iterable[datetime], resume: str | None, now: datetime) -> "Walk":
        """The walk after a page with these times; it ends where there is no next page."""
        met = [min(time, now).isoformat(timespec="seconds") for time in times]
        newest = max([*met, self.newest or ""]) or None
        if resume is not None:
            return replace(self, newest=newest, resume=resume)
        return Walk(since=max(newest or "", self.since or "") or None)


@dataclass(frozen=True, slots=True)
class Walks:
    """The walks of one source, one per search, taken in turn; `at` is whose turn it is."""

    names: tuple[str, ...]
    walks: tuple[Walk, ...]
    at: int = 0

    @classmethod
    def read(cls, cursor: str | None, names: tuple[str, ...]) -> "Walks":
        """The walks a cursor holds. Searches it does not know, or says nonsense of, are new."""
        try:
            found = json.loads(cursor or "{}")
            known = {name: Walk(**walk) for name, walk in found.get("walks", {}).items()}
            at = found.get("at")
        except (ValueError, TypeError, AttributeError):
            known, at = {}, None
        walks = tuple(known.get(name, Walk()) for name in names)
        return cls(names, walks, names.index(at) if at in names else 0)

    def write(self) -> str:
        """The cursor."""
        walks = dict(zip(self.names, map(asdict, self.walks), strict=True))
        return json.dumps({"at": self.names[self.at], "walks": walks})

    @property
    def name(self) -> str:
        """The search whose turn it is."""
        return self.names[self.at]

    @property
    def walk(self) -> Walk:
        """Its walk."""
        return self.walks[self.at]

    @property
    def more(self) -> bool:
        """Whether this round through all searches is not over."""
        return self.at > 0 or self.walk.resume is not None

    def stepped(self, walk: Walk) -> "Walks":
        """With this walk in the place of the one whose turn it was."""
        walks = (*self.walks[: self.at], walk, *self.walks[self.at + 1 :])
        at = self.at if walk.resume is not None else (self.at + 1) % len(self.names)
        return Walks(self.names, walks, at)


def earlier(
    times: list[datetime], before: datetime | None, step: timedelta
) -> tuple[datetime, bool]:
    """Up to when to ask after a full page, and whether its one moment hides others behind it.

    `before` is up to when that page was asked for. The next page then begins `step` earlier.
    Raises SourceError where the source does not keep to that, which would never end.
    """
    if before is not None and max(times) > before:
        raise SourceError("the answer does not keep to the times it was asked for")
    oldest = min(times)
    if before is None or oldest < before:
        return oldest, False
    return oldest - step, True


def utc_time(stamp: str | None, form: str) -> datetime | None:
    """A source's time of a given `strptime` form, or None where it is not one."""
    try:
        return datetime.strptime(stamp or "", form).replace(tzinfo=UTC)
    except ValueError:
        return None
