"""Health of all cameras, from their states and the index."""

import logging
import threading
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tawny.api import schemas, serializers
from tawny.model.damage import DamageSum, damage_sum
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId
from tawny.model.messages import BESIDE_RECORDING, OF_STATE, ProblemKind
from tawny.model.states import CHOSEN, EXPECTED, ON_WATCH, RECORDED, TROUBLE, CameraState, CameraStatus, summary
from tawny.playback.timeline import damage_today, day_of, share_recorded
from tawny.service.recorder import CameraView, RecorderService

log = logging.getLogger(__name__)

SHARE_AGE_S = 10.0
"""Maximum age of today's figures; they are read from the index."""
ANSWER_S = 2.0
STARTING_MS = 30_000
"""Starting for longer than this counts as a problem."""


@dataclass(frozen=True, slots=True)
class _Day:
    """Today's figures of a camera. asked_s: time of the query, s monotonic."""

    asked_s: float
    share: float | None
    gaps: int
    damage: DamageSum


class HealthAnswer:
    """Answers health queries. Thread-safe.

    Index queries run in own threads and are awaited for ANSWER_S at most, so that camera states are available even
    while
    the disk with the index is stalled.
    """

    def __init__(self, recorder: RecorderService) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()
        self._days: dict[CameraId, _Day] = {}
        self._asking: dict[CameraId, threading.Event] = {}
        self._is_slow = False

    def cameras(self) -> list[schemas.CameraInfo]:
        return [self._camera(camera) for camera in self._recorder.cameras()]

    def now(self) -> schemas.Health:
        cameras = self._recorder.cameras()
        now_ms = self._recorder.clock.now_ms()
        states = [camera.status for camera in cameras]
        names = self._recorder.camera_names()
        told = [(warning.message, warning.do) for warning in self._recorder.warnings()]
        told += [
            (alarm.sentence(names.get(alarm.camera, "") if alarm.camera else ""), alarm.do)
            for alarm in self._recorder.alarms()
            if alarm.what not in OF_STATE
        ]
        needs_care = bool(self._recorder.warnings()) or any(
            alarm.what not in OF_STATE | BESIDE_RECORDING for alarm in self._recorder.alarms()
        )
        warnings = [schemas.WarningInfo(message=message, hint=do) for message, do in dict.fromkeys(told)]
        trouble = sum(is_trouble(status, now_ms) for status in states)
        return schemas.Health(
            ok=trouble == 0 and not needs_care,
            working=sum(status.state in ON_WATCH for status in states),
            expected=sum(status.state in EXPECTED for status in states),
            chosen_off=sum(status.state in CHOSEN for status in states),
            summary=summary([status.state for status in states]),
            trouble=trouble,
            cameras=[self._camera(camera) for camera in cameras],
            disk=self._recorder.disk(),
            warnings=warnings,
            started_ms=self._recorder.started_ms,
            now_ms=now_ms,
        )

    def is_well(self) -> bool:
        """Return whether every camera that should record does, and there is no disk problem."""
        states = [camera.status.state for camera in self._recorder.cameras()]
        is_recorded = all(state in RECORDED or state not in EXPECTED for state in states)
        return is_recorded and not any(alarm.what is ProblemKind.DISK for alarm in self._recorder.alarms())

    def _camera(self, camera: CameraView) -> schemas.CameraInfo:
        status = camera.status
        day = self._day(camera)
        made = serializers.streams(self._recorder, status.id)
        return schemas.CameraInfo(
            id=status.id,
            name=status.name,
            state=status.state.value,
            since_ms=status.since_ms,
            detail=status.detail,
            last_packet_ms=status.last_packet_ms,
            fps=status.fps,
            bit_rate=status.bit_rate,
            clock_offset_s=status.clock_offset_s,
            latency_s=status.latency_s,
            recorded_today=day.share,
            gaps_today=day.gaps,
            damage_today=schemas.DamageToday(
                spans=day.damage.spans,
                seconds=round(day.damage.seconds, 3),
                pictures=day.damage.units,
                packets_missing=day.damage.packets,
            ),
            streams=made,
            audio=any(stream.audio for stream in (made.main, made.sub) if stream),
            where=camera.where,
            mask=schemas.MaskInfo(
                effect="hidden", parts=[list(part.points) for part in self._recorder.private(status.id)]
            ),
        )

    def _day(self, camera: CameraView) -> "_Day":
        name, now_s = camera.status.id, self._recorder.clock.mono_s()
        with self._lock:
            known = self._days.get(name)
            if known is not None and 0 <= now_s - known.asked_s < SHARE_AGE_S:
                return known
            answered = self._asking.get(name)
            if answered is None:
                answered = self._asking[name] = threading.Event()
                threading.Thread(target=self._ask, args=(camera, answered), name="health", daemon=True).start()
        if not answered.wait(0.0 if self._is_slow else ANSWER_S):
            self._is_slow = True
        with self._lock:
            return self._days.get(name, _Day(now_s, None, 0, damage_sum([])))

    def _ask(self, camera: CameraView, answered: threading.Event) -> None:
        clock, name = self._recorder.clock, camera.status.id
        now_ms = clock.now_ms()
        today = day_of(ZoneInfo(self._recorder.zone), now_ms)
        try:
            share, gaps = share_recorded(self._recorder, name, today, now_ms=now_ms)
            day = _Day(clock.mono_s(), share, gaps, damage_today(self._recorder, name, today))
            with self._lock:
                self._days[name] = day
        except StorageError as error:
            log.warning("cannot read today's figures of %s: %s", name, error)
        finally:
            with self._lock:
                del self._asking[name]
            self._is_slow = False
            answered.set()


def is_trouble(status: CameraStatus, now_ms: int) -> bool:
    is_slow = status.state is CameraState.STARTING and now_ms - status.since_ms > STARTING_MS
    return status.state in TROUBLE or is_slow
