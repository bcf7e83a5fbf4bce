"""Cameras of other recorders: the plan that a recorder sends its standby, and how the standby records them.

Only what recording needs crosses: no detection, no orders to the camera, no microphone. A plan from a recorder in wrong
hands can therefore make the standby read network cameras, and nothing else of its computer (`standby_addresses`).
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from tawny.config.settings import CameraSettings, Settings, display_name, in_mode, is_camera_id
from tawny.fleet.doubles import DOUBLE, DOUBLE_DO
from tawny.fleet.fleet_index import Box
from tawny.fleet.member_line import with_reason
from tawny.fleet.standby_member import NO_STANDBY_KEY, StandbyMember
from tawny.fleet.standby_plan import MOST_CHANGES, StandbyCamera, StandbyPlan, look_up
from tawny.fleet.standby_store import ProtectedState
from tawny.model.errors import SettingsError
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import ProblemKind
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Clock, Span
from tawny.service.cameras.duty import CameraDuty, duty_of
from tawny.service.cameras.standby_addresses import AddressRefused, CameraPlaces, LookUp, names_of, why_unreachable
from tawny.service.cameras.standby_condition import UNRECORDED, StandbyCondition
from tawny.service.health.alarms import HealthProblem
from tawny.service.modes.mode_controller import ModeController
from tawny.service.sealing.policy import OthersCameraSettings
from tawny.storage.disk.layout import is_open
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index

CROSSING: Final = frozenset(
    {"source", "sub", "rotate", "mirror", "lens", "warm_up", "encrypt", "recipients", "privacy_masks", "burn_in_masks"}
)
"""Settings that cross."""
_TABLES: Final = frozenset({"rtsp", "http"})
"""Tables of sources that cross."""
_AHEAD_MS: Final = 7 * 86_400_000
PAUSED: Final = "it is paused there"
NOT_RECORDED: Final = "it is not recorded there"
SLEEPS: Final = "it sleeps to save its battery, and the standby would hold it awake"
INVALID: Final = "its settings are invalid, or of another version of tawny"


# The recorder's side.


class StandbyPlanner:
    """Makes the plan for the standby. addresses: of this recorder's web interface. Thread-safe."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        arming: ModeController,
        addresses: Callable[[], Sequence[str]],
        clock: Clock,
    ) -> None:
        self._settings, self._arming, self._addresses, self._clock = settings, arming, addresses, clock

    def __call__(self) -> StandbyPlan:
        settings = self._settings()
        own = {
            CameraId(name): one for name, one in settings.cameras.items() if not isinstance(one, OthersCameraSettings)
        }
        times = self._times()
        is_weekly = self._is_weekly(settings, times)
        cameras = tuple(self._camera(settings, name, one, times, is_weekly=is_weekly) for name, one in own.items())
        return StandbyPlan(tuple(self._addresses()), cameras)

    def _camera(
        self, settings: Settings, name: CameraId, camera: CameraSettings, times: Sequence[int], *, is_weekly: bool
    ) -> StandbyCamera:
        duty = self._arming.duty(name, camera)
        why_not = why_unreachable(camera.source) or (SLEEPS if camera.sleeps else "")
        values: dict[str, Any] = {}
        if not why_not:
            values = camera.model_dump(mode="json", include=set(CROSSING), exclude_unset=True)
            values |= {table: dict(options) for table, options in camera.tables.items() if table in _TABLES}
            if camera.warm_up is not None:
                values["warm_up"] = f"{camera.warm_up:g} s"  # as settings have it
            if why_unreachable(camera.sub):
                values.pop("sub", None)
            values["encrypt"] = settings.is_sealed(name)
            values["recipients"] = [*settings.encryption.all, *camera.recipients] if values["encrypt"] else []
        changes = self._changes(settings, name, duty, times)
        firsts = [next((at_ms for at_ms, is_due in changes if is_due is kind), None) for kind in (True, False)]
        from_ms = None if duty.is_recorded else firsts[0]
        ends_alike = not changes or changes[-1][1] is duty.is_recorded  # what doesn't would not come again like this
        comes_again = is_weekly and ends_alike and self._arming.modes.hold(name) is None
        return StandbyCamera(
            name, display_name(name, camera), values, why_not, duty.is_recorded, _why_off(duty), from_ms, firsts[1],
            tuple(changes), comes_again,
        )  # fmt: skip

    def _is_weekly(self, settings: Settings, times: Sequence[int]) -> bool:
        """Return whether the coming week is like those after it, as far as is known. times: all of its changes."""
        is_like_others = not settings.modes.exceptions and not self._arming.modes.now().is_by_hand
        return is_like_others and self._arming.stopped is None and len(times) < MOST_CHANGES

    def _times(self) -> list[int]:
        """Return when modes by schedule, and rules by time, change in the coming week, ms UTC."""
        times = {change.at_ms for change in self._arming.modes.week_ahead()}
        at_ms, rules = self._clock.now_ms(), self._arming.deciding.rules
        end_ms = at_ms + _AHEAD_MS
        while len(times) < MOST_CHANGES and (change_ms := rules.next_change_ms(at_ms)) is not None:
            if change_ms > end_ms:
                break
            times.add(at_ms := change_ms)
        return sorted(times)

    def _changes(
        self, settings: Settings, name: CameraId, duty: CameraDuty, times: Sequence[int]
    ) -> list[tuple[int, bool]]:
        """Return when this camera begins and ceases to be recorded, by `times` and ends of pauses; none if it is
        paused without an end.
        """
        hold, stopped = self._arming.modes.hold(name), self._arming.stopped
        ends_ms = [stopped.until_ms] if stopped is not None else []
        if hold is not None and hold.what == "pause":
            if hold.until_ms is None:
                return []
            ends_ms.append(hold.until_ms)
        found, was_due, paused_ms = list[tuple[int, bool]](), duty.is_recorded, max(ends_ms, default=0)
        for at_ms in sorted({*times, *ends_ms}):
            is_due = at_ms >= paused_ms and self._is_due_at(settings, name, at_ms)
            if is_due is not was_due:
                found.append((at_ms, is_due))
                was_due = is_due
        return found

    def _is_due_at(self, settings: Settings, name: CameraId, at_ms: int) -> bool:
        """Return whether modes and rules have this camera recorded at a later instant."""
        mode = self._arming.modes.ahead(at_ms).mode
        then = replace(self._arming.deciding.standing(name), at_ms=at_ms, mode=mode)
        unrecorded = self._arming.deciding.rules.unrecorded(then)
        return duty_of(settings.cameras[name], None, unrecorded, mode, in_mode(settings, mode, name)).is_recorded


def _why_off(duty: CameraDuty) -> str:
    if duty.is_recorded:
        return ""
    return PAUSED if not duty.is_read else NOT_RECORDED


# Health of both sides.

STANDBY_DO: Final = "Check both recorders and the network between them. Settings, Standby shows more."
CLOCKS_DO: Final = "Set the clocks of both recorders to the right time, best by NTP."


def protected_problems(
    states: Sequence[ProtectedState], problem: str, doubles: Sequence[str] = ()
) -> Iterator[HealthProblem]:
    """Yield the problems of the standby's side.

    problem: why it takes over no camera now; empty: it does. doubles: recorders that are there twice.
    """
    for name in doubles:
        detail = f"Another recorder with the key of {name} wants to connect to this standby, and is refused."
        yield HealthProblem(ProblemKind.STANDBY, None, detail, DOUBLE_DO, f"double {name}")
    if problem:
        detail = with_reason("This recorder can't be a standby", problem)
        yield HealthProblem(ProblemKind.STANDBY, None, detail, STANDBY_DO)
    for one in states:
        name, found = one.box.name, []
        if one.taken:
            found.append(f"This standby records {len(one.taken)} of the cameras of {name}.")
        elif not one.is_connected:
            found.append(f"{name} isn't connected to this standby.")
        if found and one.problems:
            which = ", ".join(f"{camera}: {why}" for camera, why in one.problems.items())
            found.append(f"The standby doesn't take over these cameras of {name} now ({which}).")
        if one.wrong:
            found.append(f"What this standby does for {name} fails: {one.wrong}")
        if found:
            yield HealthProblem(ProblemKind.STANDBY, None, " ".join(found), STANDBY_DO, one.box.id)


def member_problems(member: StandbyMember) -> Iterator[HealthProblem]:
    """Yield a problem while this recorder's standby isn't ready, or its clock is another."""
    who = member.standby or "The standby"
    if why := member.why_not_ready:
        detail = with_reason(f"{who} isn't ready", why) + " Meanwhile, no other recorder takes over its cameras."
        if member.detail == NO_STANDBY_KEY:  # it can't say that it is here
            detail = f"{who} isn't ready: {member.detail}. Meanwhile, it may be recording the cameras, too."
        do = DOUBLE_DO if why == DOUBLE else STANDBY_DO
        yield HealthProblem(ProblemKind.STANDBY, None, detail, do, "own standby")
    if differ_ms := member.clocks_differ_ms():
        detail = f"The clocks of {who} and of this recorder differ by {differ_ms // 60_000} min. "
        detail += "Until both are right, nothing of what the standby has recorded is fetched."
        yield HealthProblem(ProblemKind.STANDBY, None, detail, CLOCKS_DO, "clocks")


# The standby's side.


class BorrowingRecorder(Protocol):
    """The recorder that records others' cameras."""

    @property
    def settings(self) -> Settings: ...
    def record_for_others(self, cameras: Mapping[str, OthersCameraSettings]) -> None:
        """Record exactly these. Raises SettingsError."""

    def open_segments(self, camera: CameraId) -> Sequence[Segment]: ...
    def is_ending(self, camera: CameraId) -> bool: ...
    def segment_path(self, segment: Segment) -> Path: ...


@dataclass(frozen=True, slots=True)
class _Borrowed:
    camera: str
    settings: OthersCameraSettings


class StandbyCameras:
    """Records others' cameras on this recorder, and returns the files of them. Blocks. Thread-safe."""

    def __init__(
        self,
        recorder: BorrowingRecorder,
        index: Index,
        ledger: HistoryLedger,
        get_name: Callable[[], str],
        clock: Clock,
        condition: StandbyCondition,
        look_up: LookUp = look_up,
    ) -> None:
        self._condition = condition
        self._recorder, self._index, self._ledger = recorder, index, ledger
        self._get_name, self._clock, self._look_up = get_name, clock, look_up
        self._borrowed: dict[str, dict[CameraId, _Borrowed]] = {}
        self._places: dict[str, CameraPlaces] = {}
        self._recorded: dict[str, OthersCameraSettings] = {}
        self._recording = threading.Lock()  # each call sets the cameras of all recorders

    def record(self, box: Box, cameras: Sequence[StandbyCamera], silent_ms: int) -> Mapping[str, str]:
        """See `StandbyWork.record`. Raises SettingsError.

        Cameras whose names must be looked up wait for that, and no others do.
        """
        places = self._places.setdefault(box.id, CameraPlaces(self._look_up))
        with self._recording:
            refused = self._record(box, [one for one in cameras if places.has(one)], silent_ms)
        if any(names_of(one) for one in cameras):
            places.learn(cameras)
            with self._recording:
                refused = self._record(box, cameras, silent_ms)
        return refused

    def check(self, cameras: Sequence[StandbyCamera]) -> Mapping[str, str]:
        """See `StandbyWork.check`."""
        places, refused = CameraPlaces(self._look_up), dict[str, str]()
        places.learn(cameras)
        for camera in cameras:
            try:
                others_camera(camera, "", places)
            except ValueError as error:
                refused[camera.id] = _why_refused(error)
        return refused

    def hindrance(self) -> str:
        """See `StandbyWork.hindrance`. Raises StorageError."""
        return self._condition.hindrance()

    def unrecorded(self, box: Box) -> Mapping[str, str]:
        """See `StandbyWork.unrecorded`."""
        lacking = self._condition.unrecorded()
        return {one.camera: UNRECORDED for name, one in self._borrowed.get(box.id, {}).items() if name in lacking}

    def footage(self, box: Box, camera: str, span: Span) -> Sequence[Path] | None:
        """See `StandbyWork.footage`."""
        name = self.id_of(box, camera)
        if self._recorder.is_ending(name):
            return None
        if any(one.span.overlaps(span) for one in self._recorder.open_segments(name) if one.stream is StreamName.MAIN):
            return None
        found = self._index.segments(name, StreamName.MAIN, span)
        return [self._recorder.segment_path(one) for one in found if not is_open(one)]

    def id_of(self, box: Box, camera: str) -> CameraId:
        """Return the ID here of a recorder's camera, which is none of this recorder's own."""
        found = id_at_standby(box.id, box.key, camera)
        own = self._recorder.settings.cameras.get(found)
        is_taken = own is not None and not isinstance(own, OthersCameraSettings)
        return CameraId(f"standby-{_mark(box.key, camera, 16)}") if is_taken else found

    def _record(self, box: Box, cameras: Sequence[StandbyCamera], silent_ms: int) -> Mapping[str, str]:
        refused: dict[str, str] = {}
        before = self._borrowed.get(box.id, {})
        wanted: dict[CameraId, _Borrowed] = {}
        for camera in cameras:
            try:
                settings = others_camera(camera, box.name, self._places[box.id])
                wanted[self.id_of(box, camera.id)] = _Borrowed(camera.id, settings)
            except ValueError as error:
                refused[camera.id] = _why_refused(error)
        others = {name: one for of, each in self._borrowed.items() if of != box.id for name, one in each.items()}
        for name in [name for name in wanted if name not in before]:
            try:
                kept = {**others, **{one: wanted[one] for one in wanted if one in before}, name: wanted[name]}
                self._record_for_others(kept)
            except SettingsError as error:
                refused[wanted[name].camera] = error.message
                del wanted[name]
                continue
            self._note_lost(name, box, silent_ms)
            before = {**before, name: wanted[name]}
        self._borrowed[box.id] = wanted
        self._record_for_others({**others, **wanted})
        return refused

    def _record_for_others(self, cameras: Mapping[CameraId, _Borrowed]) -> None:
        """Raises SettingsError."""
        wanted: dict[str, OthersCameraSettings] = {name: each.settings for name, each in cameras.items()}
        if wanted != self._recorded:
            self._recorder.record_for_others(wanted)
            self._recorded = wanted

    def _note_lost(self, name: CameraId, box: Box, silent_ms: int) -> None:
        """Write down the time that neither recorder has."""
        now_ms = self._clock.now_ms()
        bounds = self._index.bounds(name)
        begin_ms = max(silent_ms, bounds.end_ms if bounds is not None else 0)
        if 0 < begin_ms < now_ms:
            detail = f"{box.name} didn't answer until the standby {self._get_name()} took over"
            self._ledger.put_gap(Gap(name, begin_ms, now_ms, GapReason.RECORDER_OFF, detail))


def id_at_standby(box: str, key: bytes, camera: str) -> CameraId:
    """Return the ID at the standby of a recorder's camera: `barn-front-1f0c9a5b7e`. key: the recorder's public key.

    No other recorder's camera has it: `barn` with `a-front` is not `barn-a` with `front`.
    """
    found = f"{box}-{camera}-{_mark(key, camera, 10)}"
    return CameraId(found if is_camera_id(found) else f"standby-{_mark(key, camera, 16)}")


def _mark(key: bytes, camera: str, digits: int) -> str:
    return hashlib.sha256(key + b"/" + camera.encode()).hexdigest()[:digits]


def others_camera(camera: StandbyCamera, recorder: str, places: CameraPlaces) -> OthersCameraSettings:
    """Return a camera as the standby records it: all the time, without detection.

    Raises ValueError: it is invalid; AddressRefused: the standby doesn't use its address.
    """
    values = places.settled({key: value for key, value in camera.settings.items() if key in CROSSING | _TABLES})
    name = f"{camera.name} ({recorder})"
    off: dict[str, Any] = {"detector": "off"}
    return OthersCameraSettings.model_validate(
        values | {"name": name, "record": "continuous", "detection": off, "camera_events": "off"}
    )


def _why_refused(error: ValueError) -> str:
    return str(error) if isinstance(error, AddressRefused) else INVALID
