"""Settings of who is told what: notifiers."""

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from tawny.config.keeping import Table
from tawny.config.outward import Hours
from tawny.config.quantities import Duration

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def minute(text: str) -> int:
    """`20:00` as minutes of the day. ValueError tells what is allowed."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("a time of day such as 20:00")
    return int(found[1]) * 60 + int(found[2])


class Notifier(Table):
    """Somebody who is told. Its kind's own settings stand in the same table."""

    model_config = ConfigDict(extra="allow", frozen=True)

    url: str = Field(min_length=1, description="Where, such as ntfy://ntfy.sh/topic; docs/messages.md lists them.")
    cameras: tuple[str, ...] = Field((), description="Only of these cameras. Empty: of all.")
    kinds: tuple[str, ...] = Field((), description="Only events of these kinds, such as person. Empty: of all.")
    person: str = Field(
        "", description="Whose messages these are: told of no camera that this person may not see. Empty: the owner's."
    )
    events: bool = Field(default=True, description="Whether events are told.")
    alarms: bool = Field(default=True, description="Whether trouble with the recorder is told, and its end.")
    recap: str = Field("", description="A summary of the last day at this time, such as 20:00. Empty: none.")
    quiet: Hours = Field("", description="In these hours events wait: 22:00-06:30. Then they are told in one message.")
    cool_down: Annotated[Duration, Field(ge=0, le=86_400)] = Field(
        60.0, description="At most one message a camera in so long; what comes meanwhile is told in one."
    )
    picture: bool = Field(default=True, description="Whether the picture goes along.")
    sealed_pictures: bool = Field(
        default=False,
        description="Whether pictures of sealed cameras go along, not sealed: whoever runs the service can see them.",
    )
    clip: Literal["auto", "gif", "video", "link", "none"] = Field(
        "auto", description="What follows when the event is over; `auto`: what the service shows best."
    )
    buttons: bool = Field(default=True, description="Mute, false alarm and keep, where the service can.")

    @field_validator("recap")
    @classmethod
    def _is_a_time(cls, text: str) -> str:
        if text:
            minute(text)
        return text

    @property
    def options(self) -> dict[str, Any]:
        """What its kind understands."""
        return dict(self.model_extra or {})
