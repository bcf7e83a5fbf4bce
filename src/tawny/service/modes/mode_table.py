"""The table of modes: what each mode records of each camera and what it notifies about. Pure.

A cell says what really holds: the camera's own table in that mode, then those of its places, then its own settings.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tawny.config.changes import modes_to_table, put_in_mode
from tawny.config.modes import AS_SET, NOTIFIABLE, PLACES, ModeCameraSettings, merged, places_of
from tawny.config.settings import Settings, display_name, in_mode
from tawny.model.ids import CameraId
from tawny.model.segments import Recording
from tawny.model.states import CameraState
from tawny.service.cameras.duty import duty_of
from tawny.service.modes.rule_actions import type_words
from tawny.service.recorder import RecorderWarning

CellRecord = Literal["continuous", "events", "transitions", "off", "private"]
_FEW = 2
_RECORDS: Mapping[str, str] = {
    "private": "private",
    "off": "not recorded",
    "events": "recorded around events",
    "transitions": "recorded at start and end of events",
}


@dataclass(frozen=True, slots=True)
class ModeCell:
    """What one mode does with one camera.

    notify: event types; `motion`: any motion. channels: None: all. notify_by: what says so: this table (`mode`), the
    camera's alert settings (`camera`), or rules alone (`rules`). own: the camera differs from the others of its place.
    """

    record: CellRecord
    detection: bool
    notify: tuple[str, ...]
    channels: tuple[str, ...] | None
    notify_by: Literal["mode", "camera", "rules"]
    own: bool
    may_detect: bool
    """Whether detection may run: not where the camera is private, or off by the mode. It may where the camera is off by
    its own setting."""

    @property
    def is_recorded(self) -> bool:
        return self.record not in ("off", "private")


@dataclass(frozen=True, slots=True)
class ModeRow:
    """A camera of the table. is_named: a model names objects there. is_detecting: detection is on."""

    id: CameraId
    name: str
    group: str
    is_named: bool
    is_detecting: bool
    cells: Mapping[str, ModeCell]


@dataclass(frozen=True, slots=True)
class CellChoice:
    """A choice for cells. notify, channels: None: as before."""

    record: CellRecord
    detection: bool = True
    notify: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None


def mode_rows(settings: Settings, names: Callable[[CameraId], bool]) -> list[ModeRow]:
    """Return the table. names: whether a model names objects at a camera."""
    return [
        ModeRow(
            CameraId(camera),
            display_name(camera, one),
            one.group,
            names(CameraId(camera)),
            one.detection.detector != "off",
            {mode: mode_cell(settings, mode, camera) for mode in settings.modes.names},
        )
        for camera, one in settings.cameras.items()
    ]


def mode_cell(settings: Settings, mode: str, camera: str) -> ModeCell:
    chosen, own = in_mode(settings, mode, camera), settings.cameras[camera]
    duty = duty_of(own, None, "by a rule" if _is_ruled_off(settings, mode, camera) else "", mode, chosen)
    types = tuple(one for one in own.detection.alert_rules(is_named=True).types if one in NOTIFIABLE)
    has_rules = any(action.verb == "notify" for rule in settings.rules for action in rule.do)
    by: Literal["mode", "camera", "rules"] = "rules" if has_rules else "camera"
    table = settings.modes.tables.get(mode)
    return ModeCell(
        record="private" if chosen.privacy else duty.record,
        detection=chosen.detection is not False,
        notify=() if not duty.is_watched else types if chosen.notify is None else chosen.notify,
        channels=chosen.channels,
        notify_by=by if chosen.notify is None and duty.is_watched else "mode",
        own=table is not None and table.cameras.get(camera, AS_SET) != AS_SET,
        may_detect=duty.state not in (CameraState.MODE_OFF, CameraState.PAUSED),
    )


def _is_ruled_off(settings: Settings, mode: str, camera: str) -> bool:
    """Return whether a rule stops recording during the whole of this mode."""
    return any(
        rule.do[0].verb == "don't record"
        and mode in (rule.when.mode or (mode,))
        and camera in (rule.when.camera or (camera,))
        and not (rule.when.between or rule.when.home or rule.when.away)
        for rule in settings.rules
    )


def _record(chosen: ModeCameraSettings, usual: Recording) -> CellRecord:
    return "private" if chosen.privacy else chosen.record or usual


def with_cells(settings: Settings, cameras: Sequence[str], modes: Sequence[str], choice: CellChoice) -> dict[str, Any]:
    """Return the table `modes`, in the notation of the file, in which these cells hold what was chosen.

    Only what differs from the cameras of the same place is written.
    """
    table = modes_to_table(settings.modes)
    for camera in cameras:
        for mode in modes:
            put_in_mode(table, mode, camera, _own(settings, mode, camera, choice))
    return table


def _own(settings: Settings, mode: str, camera: str, choice: CellChoice) -> dict[str, Any]:
    one, table = settings.cameras[camera], settings.modes.tables.get(mode)
    places = places_of(one.group, f"{camera} {one.name}")
    usual = merged([getattr(table, place) for place in places] if table is not None else [])
    before = table.cameras.get(camera, AS_SET) if table is not None else AS_SET
    found: dict[str, Any] = {}
    if choice.record != _record(usual, one.record):
        found |= {"privacy": True} if choice.record == "private" else {"record": choice.record}
    if choice.detection != (usual.detection is not False):
        found["detection"] = choice.detection
    notify = before.notify if choice.notify is None else choice.notify
    if notify is not None and (usual.notify is None or set(notify) != set(usual.notify)):
        found["notify"] = list(notify)
    channels = before.channels if choice.channels is None else choice.channels
    is_all = choice.channels is not None and settings.notifiers.keys() <= set(choice.channels)
    if is_all and usual.channels is None:
        channels = None  # as if none was chosen, so that a channel added later notifies, too
    if channels is not None and (usual.channels is None or set(channels) != set(usual.channels)):
        found["channels"] = list(channels)
    return found


def lost_channels(settings: Settings) -> Iterator[RecorderWarning]:
    """Yield the modes in which cameras notify only by channels that don't exist."""
    for mode, table in settings.modes.tables.items():
        places = (getattr(table, place) for place in PLACES)
        if not any(_is_lost(settings, one) for one in (*table.cameras.values(), *places)):
            continue  # most modes, at once
        cells = {display_name(name, one): in_mode(settings, mode, name) for name, one in settings.cameras.items()}
        names = [name for name, cell in cells.items() if _is_lost(settings, cell)]
        if names:
            message = f"In {mode}, {_names(names, len(cells))} can't notify: the chosen channel no longer exists."
            yield RecorderWarning(message, "Choose another one under Modes and schedule.")


def _is_lost(settings: Settings, cell: ModeCameraSettings) -> bool:
    notifiers = settings.notifiers.keys()  # without any, nothing notifies, and no other can be chosen
    return bool(notifiers) and bool(cell.channels) and cell.may_notify and notifiers.isdisjoint(cell.channels or ())


def mode_summary(settings: Settings, mode: str) -> str:
    """Return what a mode does, in sentences that catalogues of languages have one by one."""
    cells = {display_name(camera, one): mode_cell(settings, mode, camera) for camera, one in settings.cameras.items()}
    parts = _recorded_words(cells)
    watched = {name: cell for name, cell in cells.items() if cell.may_detect}
    if watched:
        parts += _notified_words(watched, has_channel=bool(settings.notifiers))
    return " ".join(f"{one}." for one in parts)


def _recorded_words(cells: Mapping[str, ModeCell]) -> list[str]:
    if not any(cell.is_recorded for cell in cells.values()) and cells:
        return ["Nothing is recorded"]
    by_record = {record: [name for name, cell in cells.items() if cell.record == record] for record in _RECORDS}
    found = [f"{_names(names, len(cells))} {_RECORDS[record]}" for record, names in by_record.items() if names]
    return found or ["Everything is recorded"]


def _notified_words(cells: Mapping[str, ModeCell], *, has_channel: bool) -> list[str]:
    """Return what the table says, also without a channel: otherwise modes that differ in it alone look the same."""
    lacking = [] if has_channel else ["No notification channel yet"]
    if any(cell.notify_by == "rules" for cell in cells.values()):
        return ["Notifications by rules", *lacking]
    about: dict[str, list[str]] = {}
    for name, cell in cells.items():
        about.setdefault(type_words(cell.notify), []).append(name)
    if list(about) == [""]:
        return ["No notifications"]
    if len(about) == 1:
        return [f"{'Notifies' if has_channel else 'Would notify'} about {next(iter(about))}", *lacking]
    one, more = ("notifies", "notify") if has_channel else ("would notify", "would notify")
    return [
        f"{_names(names, len(cells))} {one if len(names) == 1 else more} about {types}"
        for types, names in about.items()
        if types
    ] + lacking


def _names(names: Sequence[str], of: int) -> str:
    if len(names) == of and of > 1:
        return "All cameras"
    if len(names) > _FEW:
        return f"{len(names)} cameras"
    return " and ".join(names)
