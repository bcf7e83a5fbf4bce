"""Settings of modes (names, schedule and presence) and of rules, with the parser of their actions (`do`)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tawny.config.quantities import CHECKED, Duration
from tawny.config.renamed import plain_action, rename_action
from tawny.config.retention import Table
from tawny.config.units import duration_text, seconds
from tawny.config.week import WEEKDAYS, Stretches, parsed_texts
from tawny.model.segments import Recording
from tawny.model.validation import CONFLICT

MOST_MODES = 8
MOST_DAYS = 366
SOMEBODY = "somebody"
"""Name of the presence entry for addresses that are not assigned to a person."""
_CHECK_S = 30.0
"""Longest time, s, that a check of who is home takes."""
ModeName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=20)]
PersonName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def _address(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9:.%_-]{1,253}", text):
        raise ValueError("an address or host name, for example 192.168.1.50 or phone.local")
    return text


def _mac(text: str) -> str:
    lower = text.lower().replace("-", ":")
    if not _MAC.fullmatch(lower):
        raise ValueError("a MAC address, for example aa:bb:cc:dd:ee:ff")
    return lower


def _dates(value: object) -> Any:
    """Expand `2026-12-24 to 2027-01-02` to its days."""
    if not isinstance(value, dict):
        raise ValueError('a table, for example { "2026-12-24 to 2027-01-02" = "away" }')
    found: dict[str, str] = {}
    for key, meant in value.items():
        first, _, last = (part.strip() for part in str(key).partition(" to "))
        try:
            begin = date.fromisoformat(first)
            end = date.fromisoformat(last) if last else begin
        except ValueError:
            raise ValueError(
                f"a date such as 2026-12-24, or a range such as 2026-12-24 to 2027-01-02, not {key}"
            ) from None
        days = (end - begin).days
        if days < 0:
            raise ValueError(f"a range that doesn't end before it begins, not {key}")
        if days >= MOST_DAYS:
            raise ValueError(f"a range of at most {MOST_DAYS} days, not {key}")
        for step in range(days + 1):
            found[str(begin + timedelta(days=step))] = meant
    return found


Address = Annotated[str, AfterValidator(_address)]
Mac = Annotated[str, AfterValidator(_mac)]
Dates = Annotated[dict[str, str], BeforeValidator(_dates, json_schema_input_type=dict[str, str])]
"""Values by day, ISO 8601 dates."""


class PersonPresenceSettings(Table):
    """How tawny detects that this person is home."""

    ping: tuple[Address, ...] = Field(
        (), description="IP addresses or host names that answer ping while this person is home."
    )
    mac: tuple[Mac, ...] = Field(
        (), description="MAC addresses to look for on the network, for example aa:bb:cc:dd:ee:ff."
    )
    mdns: tuple[Address, ...] = Field(
        (), description="mDNS names to look for on the local network, for example annas-phone.local."
    )

    @property
    def is_checked(self) -> bool:
        """Whether tawny looks for anything of theirs; if not, they check in and out."""
        return bool(self.ping or self.mac or self.mdns)


class PresenceSettings(PersonPresenceSettings):
    """Presence: who counts as home. Settings for everyone together go here."""

    people: dict[PersonName, PersonPresenceSettings] = Field(
        default_factory=dict, description='People by name: `{ anna = { ping = ["192.168.1.50"] } }`.'
    )
    automatic: bool = Field(
        default=True, description="`false`: presence is shown and can be a rule's condition, but never sets the mode."
    )
    every: Annotated[Duration, Field(ge=5, le=3600)] = Field(60.0, description="How often tawny checks who is home.")
    away_after: Annotated[Duration, Field(ge=0, le=86_400)] = Field(
        600.0,
        description="Someone not seen for this long counts as away. Never less than `every` plus 30 s if tawny checks.",
    )
    grace: Annotated[Duration, Field(ge=0, le=3600)] = Field(
        0.0, description="Wait this long after everyone left before the mode changes."
    )
    nobody: ModeName = Field("away", description="The mode while everyone is away.")
    back: ModeName = Field("home", description="The mode when someone is home but the schedule says `nobody`.")

    @property
    def gone_after_s(self) -> float:
        """Time, s, after which someone not seen counts as away: who is home must be found again before it ends."""
        is_checked = any(one.is_checked for one in self.everybody.values())
        return max(self.away_after, self.every + _CHECK_S) if is_checked else self.away_after

    @property
    def everybody(self) -> dict[str, PersonPresenceSettings]:
        """Presence settings of all people by name, including unassigned addresses under SOMEBODY."""
        if not self.is_checked:
            return self.people
        return {SOMEBODY: PersonPresenceSettings(ping=self.ping, mac=self.mac, mdns=self.mdns), **self.people}


def _check_location(value: object) -> object:
    """Refuse with one message: pydantic has one for each alternative."""
    has_two_numbers = isinstance(value, list | tuple) and [type(n) in (int, float) for n in value] == [True, True]
    if not (has_two_numbers or value in ((), [])):
        raise ValueError("latitude and longitude, such as [52.52, 13.40]")
    return value


NotifyType = Literal["person", "vehicle", "animal", "motion"]
NOTIFIABLE: Final[tuple[NotifyType, ...]] = ("person", "vehicle", "animal", "motion")
"""What a mode may notify about; `motion` is everything."""
Place = Literal["doors", "outside", "inside", "others"]
PLACES: Final[tuple[Place, ...]] = ("doors", "outside", "inside", "others")
_DOOR = re.compile(r"(?i)(?<!out)(?<!in)door|entrance|\bentry|porch|\bgate\b")


class ModeCameraSettings(Table):
    """What a camera does differently in this mode."""

    record: Recording | None = Field(
        None,
        description="`continuous`, `events`, `transitions`, or `off`, without detection. Not set: same as "
        "`cameras.ID.record`.",
    )
    privacy: bool | None = Field(
        None, description="`true`: privacy in this mode. The camera is neither recorded nor shown. Overrides `record`."
    )
    detection: bool | None = Field(
        None, description="`false`: detection is off in this mode. Not set: as in `cameras.ID.detection`."
    )
    notify: tuple[NotifyType, ...] | None = Field(
        None,
        description="What to notify about: `person`, `vehicle`, `animal`; `motion`: any motion. `[]`: nothing. Sounds, "
        "lines crossed and camera tampering count too, unless it is empty. Not set: as the channels' own settings say.",
    )
    channels: tuple[str, ...] | None = Field(
        None, description="Notify only by these notification channels. Not set: by all."
    )

    @property
    def may_notify(self) -> bool:
        """Whether it leaves anything to notify about."""
        return not self.privacy and self.record != "off" and self.detection is not False and self.notify != ()


AS_SET: Final = ModeCameraSettings()
"""The mode changes nothing: the camera does what its own settings say."""


class ModeSettings(Table):
    """One mode: `modes.NAME`. It needs no table if nothing is set in it.

    A camera's own table comes first, then `doors`, then `outside`, `inside` or `others`.
    """

    doors: ModeCameraSettings = Field(
        AS_SET,
        description="Cameras at a door, by their name: door, entrance, porch, gate. Not those in the group `inside`.",
    )
    outside: ModeCameraSettings = Field(AS_SET, description="Cameras in the group `outside`.")
    inside: ModeCameraSettings = Field(AS_SET, description="Cameras in the group `inside`.")
    others: ModeCameraSettings = Field(AS_SET, description="Cameras without a group.")
    cameras: dict[str, ModeCameraSettings] = Field(
        default_factory=dict, description='Differences by camera ID: `[modes.night.cameras.front] record = "events"`.'
    )


def places_of(group: str, name: str) -> tuple[Place, ...]:
    """Return which tables of a mode apply to a camera of this group and name, the first that says something wins."""
    if group == "inside":
        return ("inside",)
    rest: Place = "outside" if group == "outside" else "others"
    return ("doors", rest) if _DOOR.search(name) else (rest,)


def merged(tables: Iterable[ModeCameraSettings]) -> ModeCameraSettings:
    """Return what these tables say together: the first that says something wins. Privacy and `record` go together."""
    record, privacy = None, None
    found: dict[str, Any] = {}
    for one in tables:
        if record is None and privacy is None:
            record, privacy = one.record, one.privacy
        for key in ("detection", "notify", "channels"):
            if found.get(key) is None:
                found[key] = getattr(one, key)
    return ModeCameraSettings(record=record, privacy=privacy, **found)


class ModesSettings(Table):
    """Modes (home, away, night …) change what is recorded and who is notified.

    A manual choice, presence or the schedule sets the mode.
    """

    names: Annotated[tuple[ModeName, ...], Field(min_length=1, max_length=MOST_MODES)] = Field(
        ("home", "away", "night"),
        description="All modes. The first is active when nothing else applies; if two overlap, the later one in "
        "this list wins.",
    )
    schedule: dict[ModeName, Stretches] = Field(
        default_factory=dict,
        description='The weekly schedule: `{ night = ["22:00-06:30"], away = ["mon-fri 08:00-17:00"] }`. Sunrise and '
        "sunset work too: `sunset+20m-sunrise`.",
    )
    exceptions: Dates = Field(
        default_factory=dict,
        description="Exceptions to the weekly schedule: a mode for the whole day, or a weekday to treat it as. `{ "
        '"2026-12-24 to 2027-01-02" = "away", 2026-05-01 = "sun" }`.',
    )
    location: Annotated[tuple[()] | tuple[float, float], BeforeValidator(_check_location)] = Field(
        (), description="Latitude and longitude for sunrise and sunset: `[52.52, 13.40]`."
    )
    presence: PresenceSettings = PresenceSettings()

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, ModeSettings]
    """The tables of single modes, by their names."""

    @property
    def tables(self) -> Mapping[str, ModeSettings]:
        """The tables of single modes, by their names."""
        return self.model_extra or {}

    def record_in(self, mode: str, camera: str) -> Recording | None:
        """Return what this mode records of a camera; None: as its own setting says."""
        table = self.tables.get(mode)
        own = table.cameras.get(camera) if table is not None else None
        return own.record if own is not None else None

    def chosen(self, mode: str, camera: str, places: Sequence[Place]) -> ModeCameraSettings:
        """Return what a mode does with a camera: its own table, then those of its places."""
        table = self.tables.get(mode)
        if table is None:
            return AS_SET
        own = table.cameras.get(camera, AS_SET)
        return merged([own, *(getattr(table, place) for place in places)])

    @model_validator(mode="before")
    @classmethod
    def _tables_of_modes(cls, value: Any) -> Any:
        """Refuse other keys than settings and modes."""
        if isinstance(value, dict):
            names = value.get("names", cls.model_fields["names"].default)
            modes = [one for one in names if isinstance(one, str)] if isinstance(names, list | tuple) else []
            for key in value.keys() - cls.model_fields.keys():
                if key not in modes:
                    settings = ", ".join(sorted(cls.model_fields))
                    raise ValueError(f"one of {settings}, or the table of a mode ({', '.join(modes)}), not {key}")
        return value

    @model_validator(mode="after")
    def _known(self) -> "ModesSettings":
        if len(set(self.names)) != len(self.names):
            raise ValueError("each mode only once")
        for mode in self.schedule:
            self._check_mode(mode, "schedule")
        for day, meant in self.exceptions.items():
            if meant not in WEEKDAYS:
                self._check_mode(meant, f"exceptions, {day}")
        if self.presence.everybody:
            self._check_mode(self.presence.nobody, "presence.nobody")
            self._check_mode(self.presence.back, "presence.back")
        if self.location and not (-90 <= self.location[0] <= 90 and -180 <= self.location[1] <= 180):
            raise ValueError("location: latitude from -90 to 90 and longitude from -180 to 180")
        if not self.location and any(each.needs_sun for several in self.schedule.values() for each in several):
            what = "The schedule uses sunrise or sunset, so `location = [latitude, longitude]` is required."
            raise PydanticCustomError(CONFLICT, what)
        return self

    def _check_mode(self, name: str, where: str) -> None:
        if name not in self.names:
            raise ValueError(f"{where}: one of {', '.join(self.names)}, not {name}")


# Settings of rules, and the parser of their actions (`do`).

Verb = Literal["notify", "upload", "don't record", "record", "relay", "ptz", "run", "say"]
ALL, NONE = "*", ""
"""The name in `notify` and `upload`: every target, or none."""
RECORD_S, SIREN_S = 300.0, 30.0
SNOOZED: Final = ("notify", "relay", "run", "say")
"""The actions that a snooze of their rule stops: those that people notice. Recording and uploads go on."""
WANTED = (
    "notify NAME, notify everyone, notify no one, upload to NAME, upload everywhere, don't upload, don't record, "
    "record CAMERA 2 min, relay NAME 2 s, siren 30 s, ptz CAMERA PRESET, run SCRIPT, say WORDS"
)
_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_LASTS = r"(?P<lasts>\d+(?:\.\d+)?\s*[a-z]+)"
_FORMS: tuple[tuple[Verb, str], ...] = (
    ("notify", rf"notify (?P<name>{_NAME}|no one)"),
    ("upload", rf"upload (?:to (?P<name>{_NAME})|(?P<more>everywhere))"),
    ("upload", r"don't (?P<more>upload)"),
    ("don't record", r"don't record"),
    ("record", rf"record(?: (?P<name>{_NAME}))??(?: {_LASTS})?"),
    ("relay", rf"relay (?P<name>{_NAME})(?: (?P<more>on|off))?(?: {_LASTS})?"),
    ("relay", rf"(?P<name>siren)(?: (?P<more>on|off))?(?: {_LASTS})?"),
    ("ptz", rf"ptz (?P<name>{_NAME}) (?P<more>\S[^\x00-\x1f]{{0,59}})"),
    ("run", r"run (?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,59})"),
    ("say", r"say (?P<more>\S[^\x00-\x1f]{0,199})"),
)
_PATTERNS = tuple((verb, re.compile(form)) for verb, form in _FORMS)


@dataclass(frozen=True, slots=True)
class RuleAction:
    """One action of a rule. name: the target.

    for_s: duration in s, as given or the verb's default; None without one.
    """

    verb: Verb
    name: str = ""
    more: str = ""
    for_s: float | None = None

    def __str__(self) -> str:
        lasts = "" if self.for_s is None else f" {duration_text(self.for_s)}"
        match self.verb:
            case "notify":
                return f"notify {({ALL: 'everyone', NONE: 'no one'}).get(self.name, self.name)}"
            case "upload":
                return {ALL: "upload everywhere", NONE: "don't upload"}.get(self.name, f"upload to {self.name}")
            case "say":
                return f"say {self.more}"
            case _:
                return " ".join(part for part in (self.verb, self.name, self.more) if part) + lasts


def parse_action(text: str) -> RuleAction:
    """Parse an action, for example `relay gate 2 s`.

    Raises ValueError: when the action is unknown; the message lists the allowed forms, or the new form of a former one.
    """
    words = plain_action(text)
    read = next(((verb, found) for verb, form in _PATTERNS if (found := form.fullmatch(words))), None)
    if read is None:
        new = rename_action(words)
        raise ValueError(f"`{words}` is now `{new}`" if new else WANTED)
    verb, found = read
    parts = found.groupdict()
    name, more, lasts = (parts.get(key) or "" for key in ("name", "more", "lasts"))
    for_s = seconds(lasts) if lasts else None
    if for_s is not None and not 0.1 <= for_s <= 86_400:
        raise ValueError("a time between 0.1 s and 24 h")
    match verb:
        case "notify" if name in ("everyone", "no one"):
            name = ALL if name == "everyone" else NONE
        case "upload" if more:
            name, more = ALL if more == "everywhere" else NONE, ""
        case "record":
            for_s = RECORD_S if for_s is None else for_s
        case "relay" if name == "siren" and for_s is None and more != "off":
            for_s = SIREN_S
    return RuleAction(verb, name, more, for_s)


def _several(value: object) -> Any:
    return (value,) if isinstance(value, str) else value


ActionTexts = Annotated[tuple[RuleAction, ...], *parsed_texts(RuleAction, parse_action, WANTED)]
Word = Annotated[str, Field(min_length=1, max_length=60)]
Words = Annotated[tuple[Word, ...], BeforeValidator(_several, json_schema_input_type=str | list[str])]
"""One value, or a list of which one must match."""


class RuleCondition(Table):
    """Conditions. Anything not listed matches everything; in a list, one match is enough."""

    camera: Words = Field((), description="Camera.")
    kind: Words = Field((), description="Event type: person, vehicle, animal, object, sound, motion …")
    include_possible: bool = Field(
        default=False,
        description=(
            "Without effect, kept so that rules of earlier versions stay valid: the built-in model sets an event's "
            "type where it is certain enough, and `kind` matches that."
        ),
    )
    zone: Words = Field((), description="Zone.")
    recognized: Words = Field(
        (),
        description="What was recognized: a license plate, a person's name, `known`, "
        "`unknown`, `plates` for any plate, or the class of a sound, for example `glass`.",
    )
    mode: Words = Field((), description="Mode.")
    between: Stretches = Field((), description="Time: `22:00-06:00`, `sat sun sunset+20m-sunrise`.")
    home: Words = Field((), description="At least one of these people is home. `anybody`: anyone.")
    away: Words = Field((), description="At least one of these people is away. `everybody`: all are away.")
    min_duration: Annotated[Duration, Field(ge=0, le=3600)] = Field(
        0.0, description="The event has lasted at least this long."
    )

    def __str__(self) -> str:
        """Return the condition as text: `person at front-door, away, 22:00-06:00`."""
        what = " or ".join(f"{one}" for one in self.kind)
        where = f"at {' or '.join(self.camera)}" if self.camera else ""
        zone = f"in {' or '.join(self.zone)}" if self.zone else ""
        lasts = f"for {duration_text(self.min_duration)}" if self.min_duration else ""
        read = f"with {' or '.join(self.recognized)}" if self.recognized else ""
        seen = " ".join(part for part in (what, read, where, zone, lasts) if part)
        home = f"{' or '.join(self.home)} at home" if self.home else ""
        gone = f"{' or '.join(self.away)} not at home" if self.away else ""
        times = " or ".join(str(one) for one in self.between)
        return ", ".join(part for part in (seen, " or ".join(self.mode), times, home, gone) if part) or "always"


class RuleSettings(Table):
    """A rule: when these conditions are met, do these actions."""

    name: Annotated[str, Field(max_length=60), CHECKED] = Field("", description="Name of the rule.")
    when: RuleCondition = Field(
        RuleCondition(), description="Conditions: a table. Anything not listed matches everything."
    )
    do: Annotated[ActionTexts, Field(min_length=1)] = Field(description=f"Actions: {WANTED}.")

    @property
    def key(self) -> str:
        """By what a snooze knows the rule: its name, or a digest of what it says if it has none."""
        text = f"{self.when}: {'; '.join(map(str, self.do))}"
        return self.name or f"#{sha256(text.encode()).hexdigest()[:12]}"

    @property
    def can_be_snoozed(self) -> bool:
        """Whether a snooze would stop any of its actions."""
        return any(one.verb in SNOOZED and (one.verb, one.name) != ("notify", NONE) for one in self.do)

    @model_validator(mode="after")
    def _fits(self) -> "RuleSettings":
        if any(one.verb == "don't record" for one in self.do):
            if len(self.do) > 1:
                raise ValueError("don't record: must be the only action of its rule")
            if self.when.kind or self.when.zone or self.when.recognized or self.when.min_duration:
                raise ValueError(
                    "don't record: only with camera, mode, between, home and away, because it doesn't "
                    "depend on an event"
                )
        return self
