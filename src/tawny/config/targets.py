"""Settings of upload destinations, their queue, and notification channels."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from tawny.config.quantities import Duration, Size
from tawny.config.retention import DAY_S, Table

UploadKind = Literal["events", "kept_events", "recordings"]
EventLevel = Literal["alert", "detection", "motion"]
EventForm = Literal["mp4", "fmp4", "ts", "jpg", "gif", "sheet"]
_SHEET = re.compile(r"([1-9]\d?)x([1-9]\d?)")
MOST_COLUMNS, MOST_ROWS = 20, 50
TargetName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def hours(text: str) -> tuple[int, int]:
    """Parse `22:00-06:00` into minutes of the day. Raises ValueError: with the allowed form."""
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("hours, for example 22:00-06:00")
    return int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])


def _hours_or_none(text: str) -> str:
    if text:
        hours(text)
    return text


Hours = Annotated[str, AfterValidator(_hours_or_none)]
"""Validated; empty for none."""


def sheet_size(text: str) -> tuple[int, int]:
    """Parse `10x12` into columns and rows. Raises ValueError: with the allowed form."""
    found = _SHEET.fullmatch(text)
    if found is None or int(found[1]) > MOST_COLUMNS or int(found[2]) > MOST_ROWS:
        raise ValueError(f"columns and rows, for example 10x12 ({MOST_COLUMNS}x{MOST_ROWS} at most)")
    return int(found[1]), int(found[2])


def _checked_sheet(text: str) -> str:
    sheet_size(text)
    return text


Sheet = Annotated[str, AfterValidator(_checked_sheet)]


class DestinationSettings(Table):
    """An upload destination. Settings specific to its type go in the same table."""

    model_config = ConfigDict(extra="allow", frozen=True)

    url: str = Field(
        min_length=1,
        description="Address of the destination, for example folder:/mnt/nas/tawny. "
        "See docs/how-to/uploads.md for all of them.",
    )
    upload: tuple[UploadKind, ...] = Field(
        ("events",),
        description="What to upload. `events`: clips and snapshots of all events; `kept_events`: of kept events only; "
        "`recordings`: all recordings.",
    )
    cameras: tuple[str, ...] = Field((), description="Only these cameras. Empty: all.")
    max_duration: Duration = Field(
        600.0,
        description="Upload at most this much video of one event, from its beginning; the recordings stay complete. "
        "Bounds events that do not end, such as of a covered camera. 0: no limit.",
    )
    kinds: tuple[str, ...] = Field((), description="Only these event types, for example person. Empty: all.")
    names: str = Field(
        "tawny",
        description="Folder and file names: `tawny`, `rom-cam`, `diycam`, `pancake`, or a pattern with {fields}.",
    )
    formats: Annotated[tuple[EventForm, ...], Field(min_length=1)] = Field(
        ("mp4", "jpg"),
        description="What to upload of each event. `mp4`: its clip, or `fmp4`: the same as fragmented MP4, which plays "
        "even if cut off; `ts`: its clip as MPEG-TS; `jpg`: its snapshot; `gif`: an animated preview; `sheet`: a "
        "contact sheet.",
    )
    during_events: bool = Field(
        default=True,
        description="Upload while an event is still running: its snapshot, again when there is a better one, and its "
        "video in parts, which the clip replaces. false: everything once, after the event.",
    )
    sheet: Sheet = Field("10x12", description="Columns and rows of the contact sheet.")
    time_zone: Literal["local", "utc"] = Field(
        "local", description="Dates and times in `names`: in the time zone of this computer, or in UTC."
    )
    sealed_names: Literal["opaque", "readable"] = Field(
        "opaque",
        description="File names of encrypted recordings. `opaque`: names that "
        "reveal nothing; `readable`: as in `names`.",
    )
    retention: Duration | None = Field(
        None, description="Delete files from the destination after this time. Empty: never."
    )
    limit: Size = Field(0, description="Bandwidth limit per second, for example 500 kB. 0: none.")
    hours: Hours = Field(
        "",
        description="Upload clips and recordings only in these hours, for example 22:00-06:00; all day if both times "
        "are the same. Snapshots are always sent at once.",
    )
    batch: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None,
        description="Upload clips and recordings in batches of this many. If neither this nor `minutes` is set, "
        "they are sent at once.",
    )
    minutes: tuple[Annotated[int, Field(ge=0, le=59)], ...] = Field(
        (),
        description="Upload clips and recordings at these minutes past the hour, for example [5, 20, 35, 50]. "
        "Alternative to `batch`.",
    )
    write_only: bool = Field(
        default=False,
        description="The login may only write. tawny then lists, reads and deletes nothing there: parts of running "
        "events stay, in the folder `parts`. The connection test sets it. Not together with `retention`.",
    )
    parallel: Annotated[int, Field(ge=1, le=8)] = Field(1, description="Number of parallel uploads.")

    @field_validator("formats")
    @classmethod
    def _check_formats(cls, formats: tuple[EventForm, ...]) -> tuple[EventForm, ...]:
        if {"mp4", "fmp4"} <= set(formats):
            raise ValueError("`mp4` or `fmp4`, not both: they have the same file name")
        return tuple(dict.fromkeys(formats))

    @property
    def sheet_size(self) -> tuple[int, int]:
        return sheet_size(self.sheet)

    @property
    def options(self) -> dict[str, Any]:
        """Return the settings specific to the destination's type."""
        return dict(self.model_extra or {})


class OutboxSettings(Table):
    """The queue of uploads and notifications."""

    budget: Size = Field(
        5_000_000_000,
        description="Maximum share of the disk for recordings waiting to be uploaded. Beyond it, the least "
        "important ones are discarded.",
    )


class FileSetSettings(Table):
    """Finished files for other programs and people: they appear in a folder, whole, under names of your choice."""

    folder: str = Field("", description="Folder for the files, for example /srv/cameras. Created if it is missing.")
    destination: str = Field("", description="Instead of a folder: an upload destination, by its name.")
    split: Literal["clock", "events", "transitions"] = Field(
        "clock",
        description="`clock`: all recordings, split at times of the clock; `events`: one file for each event, for as "
        "long as it lasts; `transitions`: one around each start and end of events.",
    )
    every: Annotated[Duration, Field(ge=10, le=6 * 3600)] = Field(
        900.0,
        description="With `clock`: split at these times, counted from midnight, for example `15 min`. With `events`: "
        "split an event that lasts longer. 10 s to 6 h.",
    )
    first: Annotated[Duration, Field(ge=0, le=60)] = Field(
        0.0,
        description="With `events`: end the first file this long after the start of the event, and go on in a second "
        "one. 0: don't.",
    )
    around: Annotated[Duration, Field(ge=1, le=60)] = Field(
        3.0, description="With `transitions`: time before and after each start and end. 1 s to 60 s."
    )
    cameras: tuple[str, ...] = Field((), description="Only these cameras. Empty: all that are not encrypted.")
    kinds: tuple[str, ...] = Field(
        (), description="With `events` and `transitions`: only these event types, for example person. Empty: all."
    )
    names: str = Field(
        "tawny",
        description="File names: `tawny`, `rom-cam`, `diycam`, `ropey-cam`, `sudocam`, `pancake`, `pancake-clock`, or "
        "a pattern with {fields}.",
    )
    snapshots: bool = Field(
        default=True, description="With `events`: also write the snapshot, under the name of the first file, as .jpg."
    )
    readable_by: Literal["tawny", "group", "everyone"] = Field(
        "tawny", description="Who may read the files: tawny's user, its group too, or every user of this computer."
    )
    max_size: Size = Field(
        50_000_000_000,
        description="Space limit of the folder. Beyond it, and if its disk is full, the oldest files are deleted, "
        "those of kept events last.",
    )
    retention: Duration | None = Field(None, description="Delete files from the folder after this time. Empty: never.")

    @field_validator("folder")
    @classmethod
    def _check_folder(cls, text: str) -> str:
        if text and not text.startswith("/"):
            raise ValueError("a whole path, for example /srv/cameras")
        return text

    @model_validator(mode="after")
    def _fits(self) -> "FileSetSettings":
        if bool(self.folder) == bool(self.destination):
            raise ValueError("exactly one of folder and destination")
        if self.split == "clock" and DAY_S % self.every:
            raise ValueError("every: a time that divides a day, for example 15 min")
        if self.destination and {"max_size", "retention", "readable_by"} & self.model_fields_set:
            raise ValueError("max_size, retention and readable_by only with folder; a destination has its own")
        if self.split == "clock" and self.kinds:
            raise ValueError('kinds only with split = "events" or "transitions"')
        return self


# Settings of notification channels.

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def minute(text: str) -> int:
    """Parse `20:00` into minutes of the day. Raises ValueError: with the allowed form."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("a time of day such as 20:00")
    return int(found[1]) * 60 + int(found[2])


class NotifierSettings(Table):
    """A notification channel. Settings specific to its type go in the same table."""

    model_config = ConfigDict(extra="allow", frozen=True)

    url: str = Field(
        min_length=1,
        description="Address of the service, for example ntfy://ntfy.sh/topic. See docs/how-to/notifications.md for "
        "all of them.",
    )
    cameras: tuple[str, ...] = Field((), description="Only these cameras. Empty: all.")
    kinds: tuple[str, ...] = Field((), description="Only these event types, for example person. Empty: all.")
    levels: tuple[EventLevel, ...] | None = Field(
        None,
        description="Only events of these levels: `alert`, `detection`, `motion`. A rule that names the channel "
        "overrides this. Not set: alerts; with `kinds` or Raspberry Pancake's format, all of them.",
    )
    user: str = Field(
        "",
        description="Whose channel this is. Notifications cover only cameras this person can see. Empty: the owner's.",
    )
    language: Annotated[str, StringConstraints(pattern=r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")] = Field(
        "en", description="Language of the notifications, for example de. What it lacks is in English."
    )
    events: bool = Field(default=True, description="Notify about events.")
    rings: bool = Field(
        default=True,
        description="Notify at once when someone rings at a door, whatever `kinds`, `levels`, `min_interval`, "
        "`quiet_hours`, `send_at` and modes say. A rule without notifications, or a snooze, holds it back.",
    )
    problems: bool = Field(default=True, description="Notify about recorder problems, and when they are resolved.")
    daily_summary: str = Field("", description="Send a daily summary at this time, for example 20:00. Empty: none.")
    quiet_hours: Hours = Field(
        "",
        description="Quiet hours, for example 22:00-06:30; none if both times are the same. Events wait and are sent "
        "in one notification afterward.",
    )
    format: Literal["tawny", "pancake"] = Field(
        "tawny",
        description="`pancake`: Raspberry Pancake's messages, one when detection begins and one when it ends, each at "
        "once and with 6 s of video around it unless `clip` is `none`. `min_interval` and `snapshot` don't apply.",
    )
    min_interval: Annotated[Duration, Field(ge=0, le=86_400)] = Field(
        60.0,
        description="Send at most one notification per camera in this time. Anything in between is combined into one.",
    )
    snapshot: bool = Field(default=True, description="Include a snapshot.")
    snapshot_shows: Literal["auto", "closeup", "box", "full"] = Field(
        "auto",
        description="What the snapshot shows. `closeup`: the object with its surroundings, large enough for a phone; "
        "`box`: the whole image with a box around the object; `full`: the whole image. `auto`: `closeup`, and `full` "
        "where programs receive it (webhook, MQTT).",
    )
    unencrypted_snapshots: bool = Field(
        default=False,
        description="Include snapshots of encrypted cameras. They are sent unencrypted, so the operator of the service "
        "can see them.",
    )
    clip: Literal["auto", "gif", "sheet", "video", "link", "none"] = Field(
        "auto", description="What to send when the event ends. `auto`: whatever the service displays best."
    )
    sheet: Sheet = Field("10x12", description="Columns and rows of the contact sheet.")
    send_at: Literal["start", "end"] = Field(
        "start",
        description="When to notify about an event. `start`: at once, and again with the clip when it ends; `end`: "
        "once, when it has ended.",
    )
    buttons: bool = Field(
        default=True, description="Include buttons for mute, false alarm and keep, if the service supports them."
    )

    @property
    def sheet_size(self) -> tuple[int, int]:
        return sheet_size(self.sheet)

    @property
    def only_levels(self) -> frozenset[str] | None:
        """The levels it receives; None: those of all events that its other settings ask for."""
        if self.levels is not None:
            return frozenset(self.levels)
        return None if self.kinds or self.format == "pancake" else frozenset({"alert"})

    @field_validator("daily_summary")
    @classmethod
    def _check_daily_summary(cls, text: str) -> str:
        if text:
            minute(text)
        return text

    @property
    def options(self) -> dict[str, Any]:
        """Return the settings specific to the channel's type."""
        return dict(self.model_extra or {})
