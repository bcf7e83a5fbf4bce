"""Commands to the recorder from users, other software and rules, the same for all transports.

As JSON: `{"command": "event.open", "camera": "front-door", "kind": "person", "key": "bell"}`. Times as text with a unit
(`"5 min"`) or as seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tawny.config.integrations import RIGHTS, Right
from tawny.config.quantities import CHECKED
from tawny.config.units import seconds
from tawny.delivery.command_limits import LASTS_S, SCORE, SPEED, Limits
from tawny.model.errors import TawnyError
from tawny.model.validation import path_parts, problem_text

MOST_RELAY = 40
"""Longest name of a relay."""
MOST_BYTES = 4096
"""Maximum size of a command as JSON."""


def _lasts(value: object) -> object:
    return seconds(value) if isinstance(value, str) else value


def _within(limits: Limits) -> Any:
    return Field(ge=limits.least, le=limits.most)


Lasts = Annotated[float, BeforeValidator(_lasts, json_schema_input_type=float | str)]
"""Seconds."""
CameraName = Annotated[str, Field(min_length=1, max_length=40, description="Camera ID.")]
Kind = Annotated[str, Field(pattern=r"^[a-z]+([_-][a-z]+)*$", max_length=20)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]+$", max_length=64)]
Label = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=60), CHECKED]
Score = Annotated[float, _within(SCORE)]
Speed = Annotated[float, _within(SPEED)]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, strict=True)


class SetModeCommand(_Order):
    """Another mode: home, away, night, or one of the settings; `schedule`: follow the schedule."""

    command: Literal["set_mode"]
    mode: Annotated[str, Field(min_length=1, max_length=40)]
    lasts_s: Annotated[Lasts, _within(LASTS_S["set_mode"])] | None = Field(None, alias="for")
    """None: until the next change."""


class PresenceCommand(_Order):
    """A person came home, or left."""

    command: Literal["presence"]
    person: Annotated[str, Field(min_length=1, max_length=40)]
    home: bool


class PauseCommand(_Order):
    """Make a camera private: nothing of it is recorded or shown."""

    command: Literal["pause"]
    camera: CameraName
    lasts_s: Annotated[Lasts, _within(LASTS_S["pause"])] | None = Field(None, alias="for")
    """None: until resumed."""


class ResumeCommand(_Order):
    command: Literal["resume"]
    camera: CameraName


class RecordNowCommand(_Order):
    """Record now, whatever the mode; and an event of the kind `manual` for as long."""

    command: Literal["record"]
    camera: CameraName
    lasts_s: Annotated[Lasts, _within(LASTS_S["record"])] = Field(300.0, alias="for")
    on: bool = True
    """False: end the current manual recording."""


class EventOpenCommand(_Order):
    """Something happens. key: names it in later messages; while one lasts, the same key means the same one."""

    command: Literal["event.open"]
    camera: CameraName
    kind: Kind = "manual"
    key: Key = ""
    label: Label = ""
    score: Score = 100.0
    lasts_s: Annotated[Lasts, _within(LASTS_S["event.open"])] = Field(300.0, alias="for")
    """The event ends after this time unless ended earlier."""


class EventUpdateCommand(_Order):
    """event: its id or its key."""

    command: Literal["event.update"]
    event: Key
    camera: CameraName | None = None
    """Where several cameras' events have this key."""
    label: Label = ""
    score: Score | None = None
    lasts_s: Annotated[Lasts, _within(LASTS_S["event.update"])] | None = Field(None, alias="for")


class EventCloseCommand(_Order):
    command: Literal["event.close"]
    event: Key
    camera: CameraName | None = None
    """As of `event.update`."""


class PtzCommand(_Order):
    """Turn a camera for a while, have it go to a stored place, or stop."""

    command: Literal["ptz"]
    camera: CameraName
    pan: Speed = 0.0
    tilt: Speed = 0.0
    zoom: Speed = 0.0
    lasts_s: Annotated[Lasts, _within(LASTS_S["ptz"])] = Field(0.5, alias="for")
    preset: Label = ""
    stop: bool = False
    home: bool = False
    """Go to the camera's own home position."""
    save: Label = ""
    """Store the present position as a preset of this name; `home`: as the home position."""
    remove: Label = ""
    """Remove this preset."""

    @model_validator(mode="after")
    def _check_ptz(self) -> "PtzCommand":
        moves = bool(self.pan or self.tilt or self.zoom)
        if moves + bool(self.preset) + self.stop + self.home + bool(self.save) + bool(self.remove) != 1:
            raise ValueError("one of: pan, tilt and zoom; preset; stop; home; save; remove")
        return self


class TrackCommand(_Order):
    """Follow objects with a PTZ camera, or no longer, until the next such command."""

    command: Literal["track"]
    camera: CameraName
    on: bool = True


class RelayCommand(_Order):
    """Switch something; for: then back again."""

    command: Literal["relay"]
    relay: Annotated[str, Field(min_length=1, max_length=MOST_RELAY)]
    """Its name in the settings, or `CAMERA/OUTPUT` for one that a camera itself reports."""
    on: bool = True
    lasts_s: Annotated[Lasts, _within(LASTS_S["relay"])] | None = Field(None, alias="for")


class SnoozeCommand(_Order):
    """Stop everyone's notifications about the events of a camera, or of all, or what a rule does; recording goes on."""

    command: Literal["snooze"]
    camera: CameraName | None = None
    """None: all cameras, or the rule."""
    rule: Label = ""
    """Its name, or `Rule 2` for one without a name."""
    lasts_s: Annotated[Lasts, _within(LASTS_S["snooze"])] | None = Field(3600.0, alias="for")
    """None: until it is ended; only of a rule."""
    on: bool = True
    """False: end the snooze."""

    @model_validator(mode="after")
    def _check_snooze(self) -> "SnoozeCommand":
        if self.camera and self.rule:
            raise ValueError("one of: camera, rule")
        if self.lasts_s is None and not self.rule:
            raise ValueError("for: only a rule can be snoozed until it is resumed")
        return self


EVERY = (
    SetModeCommand,
    PresenceCommand,
    PauseCommand,
    ResumeCommand,
    RecordNowCommand,
    EventOpenCommand,
    EventUpdateCommand,
    EventCloseCommand,
    PtzCommand,
    TrackCommand,
    RelayCommand,
    SnoozeCommand,
)
Order = (
    SetModeCommand
    | PresenceCommand
    | PauseCommand
    | ResumeCommand
    | RecordNowCommand
    | EventOpenCommand
    | EventUpdateCommand
    | EventCloseCommand
    | PtzCommand
    | TrackCommand
    | RelayCommand
    | SnoozeCommand
)
_FORMER = {
    "arm": '`"command": "set_mode"`',
    "disarm": '`"command": "set_mode"` with the `"mode"` for when someone is home',
}
"""Former values of the former field `do`, and what to send now."""


def refuse_former(message: object) -> None:
    """Raise CommandRefused for a command in its former form: the error states the present one."""
    if not isinstance(message, Mapping) or "command" in message or "do" not in message:
        return
    name = message["do"]
    known = isinstance(name, str) and name in (*_FORMER, *RIGHT_FOR)
    former = f'`"do": "{name}"`' if known else "`do`"
    present = _FORMER.get(name, f'`"command": "{name}"`') if known else "`command`"
    raise CommandRefused("bad_input", f"{former} is now {present}.", _EXAMPLE)


AnyOrder = Annotated[Order, Field(discriminator="command")]
"""As the API takes it."""
_ORDER: TypeAdapter[Order] = TypeAdapter(AnyOrder)
RIGHT_FOR: dict[str, Right] = {
    "set_mode": "modes",
    "presence": "presence",
    "pause": "pause",
    "resume": "pause",
    "record": "record",
    "event.open": "event",
    "event.update": "event",
    "event.close": "event",
    "ptz": "ptz",
    "track": "ptz",
    "relay": "relay",
    "snooze": "snooze",
}


@dataclass(frozen=True, slots=True)
class CommandIssuer:
    """Who sent a command. way: transport, for the log: `http`, `webhook`, `mqtt`, `datagram`, `command`, `rule`."""

    name: str
    way: str
    may: frozenset[Right] = frozenset(RIGHTS)
    cameras: frozenset[str] | None = None
    """None: all cameras."""
    address: str = ""
    is_owner: bool = False
    """May change what cameras keep, such as presets: an owner, or who uses the command line."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Result as text, and the ID of the event it started or ended; empty for none."""

    words: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class RelayOutput:
    """A relay. camera: its camera; empty: none. pulse_s: duration of a pulse; None: it stays as switched.

    output: what the camera itself calls it, if the settings don't name it. kind: what it seems to be.
    """

    name: str
    camera: str
    pulse_s: float | None
    output: str = ""
    kind: Literal["", "siren", "light"] = ""


@dataclass(frozen=True, slots=True)
class CameraControls:
    """Controls of a camera. turns: PTZ. relays: the camera's own and those of no camera."""

    turns: bool
    presets: tuple[str, ...] = ()
    steered_by: str = ""
    """Who steers it now; empty: no person."""
    tracking: str = ""
    """What tracking does (`service.integrations.tracking.Phase`); empty: it isn't set up."""
    relays: tuple[RelayOutput, ...] = ()


@dataclass(eq=False)
class CommandRefused(TawnyError):
    """A refused or failed command. kind: `bad_input`, `not_allowed`, `not_found` or `not_done`."""

    kind: str
    what: str
    todo: str = ""
    exit_code = 3
    code = "order_refused"
    says = "{what}"
    advice = "{todo}"


def order_of(message: object) -> Order:
    """Parse a command. Raises CommandRefused with all problems, without repeating the input."""
    if not isinstance(message, Mapping):
        raise CommandRefused("bad_input", "A command must be a JSON object.", _EXAMPLE)
    refuse_former(message)
    if message.get("command") not in list(RIGHT_FOR):  # what comes may be no text at all
        raise CommandRefused("bad_input", f"`command` must be one of {', '.join(RIGHT_FOR)}.", _EXAMPLE)
    try:
        return _ORDER.validate_python(dict(message))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[:5]
        problems = "; ".join(problem_text(one, path_parts(one)[1:]) for one in wrong)
        raise CommandRefused("bad_input", f"Invalid command: {problems}.", "Correct it and send it again.") from None


def order_in(body: bytes) -> Order:
    """Parse a command from JSON bytes. Raises CommandRefused."""
    if len(body) > MOST_BYTES:
        raise CommandRefused("bad_input", f"Commands can have at most {MOST_BYTES} bytes.", _EXAMPLE)
    try:
        return order_of(json.loads(body))
    except (ValueError, RecursionError):
        raise CommandRefused("bad_input", "Invalid JSON.", _EXAMPLE) from None


_EXAMPLE = 'For example {"command": "event.open", "camera": "front-door", "kind": "person"}. See docs/reference/api.md.'
