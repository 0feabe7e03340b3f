"""What the back ends accept, as a pydantic model: the rules that CONTRACT-bound rows must pass.

From the last back end's table `force_ranks` and its incident validator, less its
two known faults (titles over 50 characters and latitudes over 50 are real).
"""

import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class IncidentRow(BaseModel):
    """A prediction as a back end stores it; it strips what it does not know."""

    model_config = ConfigDict(extra="ignore", strict=True)

    incident_id: Annotated[str, Field(min_length=1)]
    incident_date: Annotated[datetime.date | None, Field(strict=False)]
    title: Annotated[str, Field(min_length=1, max_length=1000)] | None
    description: Annotated[str, Field(max_length=10_000)]
    city: Annotated[str, Field(min_length=1)] | None
    state: Annotated[str, Field(min_length=3)] | None
    lat: Annotated[float, Field(ge=-90, le=90)] | None
    long: Annotated[float, Field(ge=-180, le=180)] | None
    force_rank: Annotated[str, Field(pattern=r"^Rank [0-5]$")] | None
    confidence: Annotated[float, Field(ge=0, le=1)]
    status: Literal["pending"]
    tags: list[str]
    src: list[str]
    locations: list[dict[str, object]]
    evidence: list[dict[str, object]]
    warnings: list[str]


def check_row(answer: dict[str, object]) -> None:
    """Raises where a back end would refuse or mislead: bad fields, or the null island."""
    row = IncidentRow.model_validate(answer)
    assert (row.lat is None) == (row.long is None)
    assert (row.lat, row.long) != (0, 0)
    if answer["label"] == "brutality":
        assert row.force_rank is not None
