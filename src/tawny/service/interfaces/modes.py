"""What the web layer needs of modes, of who is at home, and of the rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from tawny.model.ids import CameraId, EventId


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is to be imagined. mode, home: None: as it would be by then."""

    camera: str
    kind: str
    at_ms: int
    zones: tuple[str, ...] = ()
    mode: str | None = None
    home: tuple[str, ...] | None = None
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """deed: for example `notify phone`. wait_ms: not before then."""

    deed: str
    does: bool
    why: str
    wait_ms: int | None = None
    went: str = ""
    """How it went, of what did happen: `delivered`, `waits` …; empty where there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """by: who or what would have set the mode. is_noticed: somebody watches the camera then."""

    at_ms: int
    mode: str
    by: str
    home: tuple[str, ...]
    is_recorded: bool
    unrecorded: str
    outcomes: Sequence[Outcome]
    is_noticed: bool = True


@dataclass(frozen=True, slots=True)
class PersonHome:
    name: str
    is_home: bool
    seen_ms: int | None
    source: str
    leaves_ms: int | None


@dataclass(frozen=True, slots=True)
class CameraHold:
    camera: CameraId
    what: str
    by: str
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class ModeChange:
    at_ms: int
    mode: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class ModeStatus:
    """The mode that is on, and what else holds. next: if people stay where they are."""

    modes: tuple[str, ...]
    mode: str
    by: str
    is_by_hand: bool
    since_ms: int
    until_ms: int | None
    ahead: Sequence[ModeChange]
    people: Sequence[PersonHome]
    looks_by: str
    """How people are looked for, where not all ways work here; empty when they do."""
    holds: Sequence[CameraHold]
    lately: Sequence[ModeChange]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ModePlan:
    """As `tawny.toml` says it: the tables `modes` and `rules`. does: what is done in each mode, in a line."""

    modes: Mapping[str, Any]
    rules: Sequence[Mapping[str, Any]]
    is_in_file: bool
    notifiers: Sequence[str] = ()
    destinations: Sequence[str] = ()
    does: Mapping[str, str] = field(default_factory=dict)


class ModeServiceApi(Protocol):
    """Any thread may call; may wait for the disk. Raises NotDone; SettingsError from `change`."""

    def now(self) -> ModeStatus: ...
    def set_mode(self, mode: str, by: str, for_s: float | None) -> None:
        """None: until the next change."""
        ...

    def back_to_week(self) -> None: ...
    def hold(self, camera: CameraId, what: str, by: str, for_s: float | None) -> None:
        """what: `pause`, `record`, or empty: it does again what it would."""
        ...

    def check_in(self, person: str, source: str, *, home: bool) -> None: ...
    def plan(self) -> ModePlan: ...
    def change(self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> None: ...
    def preview(
        self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]
    ) -> Sequence[tuple[date, Sequence[tuple[int, int, str]]]]:
        """The next seven days by this plan: from minute, to minute, mode. Raises SettingsError."""
        ...

    def instant_ms(self, wall: str) -> int:
        """`2026-11-22T23:00` on the recorder's wall. NotDone when there is no such day."""
        ...

    def rehearse(self, asked: Rehearsal) -> RehearsalResult: ...
    def why(self, event: EventId) -> Sequence[Outcome]:
        """What came of an event, and why; empty where nothing was noted."""
        ...
