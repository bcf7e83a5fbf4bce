"""Settings of notification channels."""

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from tawny.config.destinations import Hours
from tawny.config.quantities import Duration
from tawny.config.retention import Table

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
    user: str = Field(
        "",
        description="Whose channel this is. Notifications cover only cameras this person can see. Empty: the owner's.",
    )
    events: bool = Field(default=True, description="Notify about events.")
    problems: bool = Field(default=True, description="Notify about recorder problems, and when they are resolved.")
    daily_summary: str = Field("", description="Send a daily summary at this time, for example 20:00. Empty: none.")
    quiet_hours: Hours = Field(
        "", description="Quiet hours, for example 22:00-06:30. Events wait and are sent in one notification afterward."
    )
    min_interval: Annotated[Duration, Field(ge=0, le=86_400)] = Field(
        60.0,
        description="Send at most one notification per camera in this time. Anything in between is combined into one.",
    )
    snapshot: bool = Field(default=True, description="Include a snapshot.")
    unencrypted_snapshots: bool = Field(
        default=False,
        description="Include snapshots of encrypted cameras. They are sent unencrypted, so the operator of the service "
        "can see them.",
    )
    clip: Literal["auto", "gif", "video", "link", "none"] = Field(
        "auto", description="What to send when the event ends. `auto`: whatever the service displays best."
    )
    buttons: bool = Field(
        default=True, description="Include buttons for mute, false alarm and keep, if the service supports them."
    )

    @field_validator("daily_summary")
    @classmethod
    def _is_a_time(cls, text: str) -> str:
        if text:
            minute(text)
        return text

    @property
    def options(self) -> dict[str, Any]:
        """Return the settings specific to the channel's type."""
        return dict(self.model_extra or {})
