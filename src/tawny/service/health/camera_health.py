"""Health of all cameras, from their states and the index."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

from tawny.config.lens_and_ptz import NO_LENS, LensSettings
from tawny.engine.actor import start_thread
from tawny.media.audio import can_become_aac
from tawny.media.codec.parameter_sets import codec_string
from tawny.model.damage import DamageSum
from tawny.model.errors import StorageError
from tawny.model.geometry import UPRIGHT, Orientation, Polygon
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import BESIDE_RECORDING, OF_STATE, ProblemKind
from tawny.model.packets import AudioFormat, VideoFormat
from tawny.model.states import (
    CHOSEN,
    EXPECTED,
    ON_WATCH,
    RECORDED,
    TROUBLE,
    CameraCount,
    CameraState,
    CameraStatus,
    counted_as,
    summary,
)
from tawny.playback.timeline import damage_today, day_of, share_recorded
from tawny.recorder.coverage_monitor import STARTING_S
from tawny.service.recorder import CameraView, DiskInfo, RecorderService, RecorderWarning
from tawny.stream.hub import Hub, live_hubs

log = logging.getLogger(__name__)

SHARE_AGE_S = 10.0
"""Maximum age of today's figures; they are read from the index."""
ANSWER_S = 2.0
AAC = "mp4a.40.2"
STARTING_MS = round(1000 * STARTING_S)
"""Starting for longer than this counts as a problem."""


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a stream sends. codec, audio: names for browsers, `avc1.64001f`; audio is empty without sound.

    width, height: as shown.
    """

    codec: str
    width: int
    height: int
    audio: str


@dataclass(frozen=True, slots=True)
class TodayFigures:
    """Today's figures of a camera. share: of the time that should be recorded, 0..1; None before there is any."""

    share: float | None = None
    gaps: int = 0
    damage: DamageSum = field(default_factory=DamageSum)


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """A camera, its state and what it sends, or sent last. main, sub: None while only the other stream is received.

    masks: privacy masks, in the image as shown.
    """

    status: CameraStatus
    today: TodayFigures
    main: StreamFormat | None
    sub: StreamFormat | None
    masks: tuple[Polygon, ...]
    where: Literal["", "outside", "inside"]
    orientation: Orientation = UPRIGHT
    lens: LensSettings = NO_LENS
    burns_in: bool = False
    """The masks are burned into what is recorded."""
    is_phone: bool = False


@dataclass(frozen=True, slots=True)
class RecorderHealth:
    """Whether all cameras record. expected: count of cameras that should be recorded now. trouble: count of problems.

    summary: counts all cameras in a sentence: `1 of 2 cameras working: 1 paused.` counts: each camera once.
    """

    ok: bool
    working: int
    expected: int
    chosen_off: int
    summary: str
    trouble: int
    counts: Mapping[CameraCount, int]
    cameras: Sequence[CameraHealth]
    disk: DiskInfo | None
    warnings: Sequence[RecorderWarning]
    started_ms: int
    now_ms: int


class HealthReader:
    """Answers health queries. Thread-safe.

    Index queries run in own threads and are awaited for ANSWER_S at most, so that camera states are available even
    while the disk with the index is stalled.
    """

    def __init__(self, recorder: RecorderService) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()
        self._days: dict[CameraId, tuple[float, TodayFigures]] = {}
        """With the time of the query, s monotonic."""
        self._asking: dict[CameraId, threading.Event] = {}
        self._is_slow = False

    def cameras(self) -> list[CameraHealth]:
        return [self._camera(camera) for camera in self._recorder.cameras()]

    def now(self, shows: Callable[[CameraId], bool] = lambda _: True) -> RecorderHealth:
        """Return the recorder's health. shows: which cameras count; all by default."""
        cameras = [camera for camera in self._recorder.cameras() if shows(camera.status.id)]
        alarms = [one for one in self._recorder.alarms() if one.camera is None or shows(one.camera)]
        now_ms = self._recorder.clock.now_ms()
        states = [camera.status for camera in cameras]
        names = self._recorder.camera_names()
        warnings = list(self._recorder.warnings())
        needs_care = bool(warnings) or any(alarm.what not in OF_STATE | BESIDE_RECORDING for alarm in alarms)
        warnings += [
            RecorderWarning(alarm.sentence(names.get(alarm.camera, "") if alarm.camera else ""), alarm.do)
            for alarm in alarms
            if alarm.what not in OF_STATE
        ]
        trouble = sum(is_trouble(status, now_ms) for status in states)
        return RecorderHealth(
            ok=trouble == 0 and not needs_care,
            working=sum(status.state in ON_WATCH for status in states),
            expected=sum(status.state in EXPECTED for status in states),
            chosen_off=sum(status.state in CHOSEN for status in states),
            summary=summary([status.state for status in states]),
            trouble=trouble,
            counts=Counter(count_of(status, now_ms) for status in states),
            cameras=[self._camera(camera) for camera in cameras],
            disk=self._recorder.disk(),
            warnings=list(dict.fromkeys(warnings)),
            started_ms=self._recorder.started_ms,
            now_ms=now_ms,
        )

    def is_well(self) -> bool:
        """Return whether every camera that should record does, and there is no disk problem."""
        states = [camera.status.state for camera in self._recorder.cameras()]
        is_recorded = all(state in RECORDED or state not in EXPECTED for state in states)
        return is_recorded and not any(alarm.what is ProblemKind.DISK for alarm in self._recorder.alarms())

    def _camera(self, camera: CameraView) -> CameraHealth:
        name = camera.status.id
        hubs = {stream: hub for stream in StreamName if (hub := self._recorder.hub(name, stream)) is not None}
        live = live_hubs(hubs, self._recorder.clock.now_ms())
        main, sub = (stream_format(live[one]) if one in live else None for one in (StreamName.MAIN, StreamName.SUB))
        masks = tuple(camera.orientation.polygon_shown(mask) for mask in self._recorder.private(name))
        shown = camera.where, camera.orientation, camera.lens, camera.burns_in, camera.is_phone
        return CameraHealth(camera.status, self._today(camera), main, sub, masks, *shown)

    def _today(self, camera: CameraView) -> TodayFigures:
        name, now_s = camera.status.id, self._recorder.clock.mono_s()
        with self._lock:
            known = self._days.get(name)
            if known is not None and 0 <= now_s - known[0] < SHARE_AGE_S:
                return known[1]
            answered = self._asking.get(name)
            if answered is None:
                answered = threading.Event()
                try:
                    start_thread("health", partial(self._ask, camera, answered))
                except RuntimeError:  # no more threads: the states come without new figures
                    return known[1] if known is not None else TodayFigures()
                self._asking[name] = answered
        if not answered.wait(0.0 if self._is_slow else ANSWER_S):
            self._is_slow = True
        with self._lock:
            return self._days.get(name, (now_s, TodayFigures()))[1]

    def _ask(self, camera: CameraView, answered: threading.Event) -> None:
        clock, name = self._recorder.clock, camera.status.id
        now_ms = clock.now_ms()
        today = day_of(ZoneInfo(self._recorder.zone), now_ms)
        try:
            share, gaps = share_recorded(self._recorder, name, today, now_ms=now_ms)
            damage = damage_today(self._recorder, name, today)
            figures = TodayFigures(share, gaps, replace(damage, seconds=round(damage.seconds, 3)))
            with self._lock:
                self._days[name] = clock.mono_s(), figures
        except StorageError as error:
            log.warning("cannot read today's figures of %s: %s", name, error)
        finally:
            with self._lock:
                del self._asking[name]
            self._is_slow = False
            answered.set()


def count_of(status: CameraStatus, now_ms: int) -> CameraCount:
    return counted_as(status.state, starts_slowly=is_trouble(status, now_ms))


def is_trouble(status: CameraStatus, now_ms: int) -> bool:
    is_slow = status.state is CameraState.STARTING and now_ms - status.since_ms > STARTING_MS
    return status.state in TROUBLE or is_slow


def stream_format(hub: Hub) -> StreamFormat | None:
    """Return the newest formats; None before anything is received."""
    video: VideoFormat | None = None
    sound = ""
    for packet in hub.recent(2.0):
        if isinstance(packet.format, AudioFormat):
            sound = sound or (AAC if can_become_aac(packet.format) else _codec_name(packet.format))
        else:
            video = packet.format
    return StreamFormat(_codec_name(video), *video.shown_size, sound) if video else None


def _codec_name(stored: VideoFormat | AudioFormat) -> str:
    try:
        return codec_string(stored)
    except ValueError:
        return ""
