"""Interface for the web layer: modes, presence and rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from tawny.model.ids import CameraId, EventId


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A hypothetical event. mode, home: None: as predicted for that time."""

    camera: str
    kind: str
    at_ms: int
    zones: tuple[str, ...] = ()
    mode: str | None = None
    home: tuple[str, ...] | None = None
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of an action. deed: for example `notify phone`. wait_ms: earliest time, ms UTC; None: at once."""

    deed: str
    does: bool
    why: str
    wait_ms: int | None = None
    went: str = ""
    """State of its delivery: `delivered`, `waits` …; empty if there is none."""


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """Predicted outcome. by: what set the mode. is_noticed: whether detection runs then."""

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
    """Current mode, presence and overrides. ahead: scheduled changes, if presence does not change."""

    modes: tuple[str, ...]
    mode: str
    by: str
    is_by_hand: bool
    since_ms: int
    until_ms: int | None
    ahead: Sequence[ModeChange]
    people: Sequence[PersonHome]
    looks_by: str
    """Hint about presence probes that do not work here; empty if all do."""
    holds: Sequence[CameraHold]
    lately: Sequence[ModeChange]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ModePlan:
    """The tables `modes` and `rules` as in `tawny.toml`. does: one-line summary of each mode."""

    modes: Mapping[str, Any]
    rules: Sequence[Mapping[str, Any]]
    is_in_file: bool
    notifiers: Sequence[str] = ()
    destinations: Sequence[str] = ()
    does: Mapping[str, str] = field(default_factory=dict)


class ModeServiceApi(Protocol):
    """Manages modes. Thread-safe; may wait for the disk. Raises NotDone; SettingsError from `change`."""

    def now(self) -> ModeStatus: ...
    def set_mode(self, mode: str, by: str, for_s: float | None) -> None:
        """Set the mode. for_s: None: until the next scheduled change."""
        ...

    def back_to_week(self) -> None: ...
    def hold(self, camera: CameraId, what: str, by: str, for_s: float | None) -> None:
        """Override a camera. what: `pause`, `record`, or empty: end the override."""
        ...

    def check_in(self, person: str, source: str, *, home: bool) -> None: ...
    def plan(self) -> ModePlan: ...
    def change(self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> None: ...
    def preview(
        self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]
    ) -> Sequence[tuple[date, Sequence[tuple[int, int, str]]]]:
        """Return the next seven days of this plan: from minute, to minute, mode. Raises SettingsError."""
        ...

    def instant_ms(self, wall: str) -> int:
        """Return the time, ms UTC, of local `2026-11-22T23:00`. Raises NotDone if invalid."""
        ...

    def rehearse(self, asked: Rehearsal) -> RehearsalResult: ...
    def why(self, event: EventId) -> Sequence[Outcome]:
        """Return the outcomes of an event; empty if none were stored."""
        ...
