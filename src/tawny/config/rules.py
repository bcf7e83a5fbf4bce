"""Settings of rules, and the parser of their actions (`do`)."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from tawny.config.quantities import CHECKED, Duration
from tawny.config.renamed import rename_action
from tawny.config.retention import Table
from tawny.config.units import duration_text, seconds
from tawny.config.week import Stretches, parsed_texts

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
    words = " ".join(text.replace("’", "'").split())
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
