"""The answer to "is it recording?", made from the cameras' states and the index."""

import threading
from zoneinfo import ZoneInfo

from tawny.model.ids import CameraId
from tawny.model.states import BLINDED, CHOSEN, ON_WATCH, TROUBLE, CameraState, CameraStatus
from tawny.playback.local_time import day_of
from tawny.playback.timeline import share_recorded
from tawny.web import shapes, told
from tawny.web.recorder import Camera, Disk, Recorder

SHARE_AGE_S = 10.0
"""How old the share of today may be: it is read from the index."""
STARTING_MS = 30_000
"""Starting for longer than this is trouble."""


class HealthDesk:
    """Blocking (it asks the index); any thread may call."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()
        self._shares: dict[CameraId, tuple[float, float | None, int]] = {}

    def cameras(self) -> list[shapes.CameraInfo]:
        return [self._camera(camera) for camera in self._recorder.cameras()]

    def now(self) -> shapes.Health:
        cameras = self._recorder.cameras()
        now_ms = self._recorder.clock.now_ms()
        states = [camera.status for camera in cameras]
        warnings = [shapes.Warn(message=warn.message, do=warn.do) for warn in self._recorder.warnings()]
        trouble = sum(is_trouble(status, now_ms) for status in states)
        return shapes.Health(
            ok=trouble == 0 and not warnings,
            on_watch=sum(status.state in ON_WATCH for status in states),
            of=sum(status.state not in CHOSEN for status in states),
            chosen_off=sum(status.state in CHOSEN for status in states),
            trouble=trouble,
            cameras=[self._camera(camera) for camera in cameras],
            disk=_disk(self._recorder.disk()),
            warnings=warnings,
            started_ms=self._recorder.started_ms,
            now_ms=now_ms,
        )

    def is_well(self) -> bool:
        """Whether every camera that should record does, and the disk takes it."""
        is_on_watch = all(camera.status.state in ON_WATCH | BLINDED | CHOSEN for camera in self._recorder.cameras())
        return is_on_watch and not any(alarm.what == "disk" for alarm in self._recorder.alarms())

    def _camera(self, camera: Camera) -> shapes.CameraInfo:
        status = camera.status
        share, gaps = self._share(camera)
        made = told.streams(self._recorder, status.id)
        return shapes.CameraInfo(
            id=status.id,
            name=status.name,
            state=status.state.value,
            since_ms=status.since_ms,
            detail=status.detail,
            last_packet_ms=status.last_packet_ms,
            fps=status.fps,
            bit_rate=status.bit_rate,
            recorded_today=share,
            gaps_today=gaps,
            streams=made,
            audio=any(stream.audio for stream in (made.main, made.sub) if stream),
        )

    def _share(self, camera: Camera) -> tuple[float | None, int]:
        clock = self._recorder.clock
        with self._lock:
            known = self._shares.get(camera.status.id)
        if known is None or not 0 <= clock.mono_s() - known[0] < SHARE_AGE_S:
            now_ms = clock.now_ms()
            share, gaps = share_recorded(
                self._recorder,
                camera.status.id,
                day_of(ZoneInfo(self._recorder.zone), now_ms),
                now_ms=now_ms,
                waits_for_motion=camera.waits_for_motion,
            )
            known = clock.mono_s(), share, gaps
            with self._lock:
                self._shares[camera.status.id] = known
        return known[1], known[2]


def is_trouble(status: CameraStatus, now_ms: int) -> bool:
    is_slow = status.state is CameraState.STARTING and now_ms - status.since_ms > STARTING_MS
    return status.state in TROUBLE or is_slow


def _disk(disk: Disk | None) -> shapes.DiskInfo | None:
    if disk is None:
        return None
    return shapes.DiskInfo(
        free_bytes=disk.free_bytes,
        total_bytes=disk.total_bytes,
        used_bytes=disk.used_bytes,
        full_at_ms=disk.full_at_ms,
        keeps_days=disk.keeps_days,
    )
