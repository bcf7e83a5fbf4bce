"""Settings of what leaves this machine: where files are brought, and how much may wait."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from tawny.config.keeping import Table
from tawny.config.quantities import Duration, Size

TargetName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def hours(text: str) -> tuple[int, int]:
    """`22:00-06:00` as minutes of the day. ValueError tells what is allowed."""
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("hours such as 22:00-06:00")
    return int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])


def _hours_or_none(text: str) -> str:
    if text:
        hours(text)
    return text


Hours = Annotated[str, AfterValidator(_hours_or_none)]
"""Checked; empty for none."""


class Destination(Table):
    """A place that files are brought to. Its kind's own settings stand in the same table."""

    model_config = ConfigDict(extra="allow", frozen=True)

    url: str = Field(min_length=1, description="Where, such as folder:/mnt/nas/tawny; docs/offsite.md lists them.")
    what: tuple[Literal["events", "kept", "footage"], ...] = Field(
        ("events",),
        description="`events`: pictures and clips of all; `kept`: of those you keep; `footage`: all.",
    )
    cameras: tuple[str, ...] = Field((), description="Only of these cameras. Empty: of all.")
    kinds: tuple[str, ...] = Field((), description="Only events of these kinds, such as person. Empty: of all.")
    names: str = Field(
        "tawny", description="What files are called there: tawny, rom-cam, diycam, pancake, or a pattern of {fields}."
    )
    sealed_names: Literal["opaque", "readable"] = Field(
        "opaque", description="Names of what sealed cameras recorded: `opaque` ones tell nothing, else as `names` says."
    )
    keep: Duration | None = Field(None, description="What is older is removed there. Nothing is unless this is set.")
    limit: Size = Field(0, description="At most so much a second, such as 500 kB. 0: as fast as it goes.")
    hours: Hours = Field("", description="Clips and footage only in these hours: 22:00-06:00. Pictures go at once.")
    after: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Clips and footage go once so many wait. Not set, nor `minutes`: at once."
    )
    minutes: tuple[Annotated[int, Field(ge=0, le=59)], ...] = Field(
        (), description="Clips and footage go at these minutes of each hour, such as [5, 20, 35, 50]; or `after`."
    )
    parallel: Annotated[int, Field(ge=1, le=8)] = Field(1, description="So many files at a time.")

    @property
    def options(self) -> dict[str, Any]:
        """What its kind understands."""
        return dict(self.model_extra or {})


class Waiting(Table):
    """What waits to be brought elsewhere."""

    budget: Size = Field(
        5_000_000_000,
        description="Recordings that wait keep at most so much of the disk; beyond it the least important is dropped.",
    )
