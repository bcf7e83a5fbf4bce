"""The truth about one camera: is it recorded, and if not, since when and why. Facts in; its state and its gaps out.

Always true: from the moment the camera was wanted, every instant is either recorded or inside a gap that this wrote.
A gap begins where the last recorded picture ended and ends where the next one begins, whenever that was noticed.
Any thread may tell facts.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from tawny.model.clock import Clock
from tawny.model.errors import (
    NoSuchDevice,
    SourceClosed,
    SourceError,
    SourceFinished,
    SourceRefused,
    SourceStalled,
)
from tawny.model.gaps import Gap, GapEvidence, GapReason
from tawny.model.ids import CameraId
from tawny.model.states import CameraState, CameraStatus

SILENT_S = 5.5
"""No picture for so long, whatever the connection says, is a stall."""

RESTART_S = 60.0
"""A camera that hung up and has not come back after so long is not restarting: it is not answering."""

_REASONS: list[tuple[type[SourceError], GapReason, CameraState]] = [
    (SourceFinished, GapReason.OFF, CameraState.OFF),
    (SourceRefused, GapReason.AUTH, CameraState.REFUSED),
    (SourceStalled, GapReason.STALLED, CameraState.OFFLINE),
    (SourceClosed, GapReason.CAMERA_RESTART, CameraState.OFFLINE),
    (NoSuchDevice, GapReason.UNREACHABLE, CameraState.OFFLINE),
    (SourceError, GapReason.UNREACHABLE, CameraState.OFFLINE),
]


class CoverageMonitor:
    """since_ms: when the camera became wanted; the gap up to its first picture begins there.

    put_gap: makes a gap durable and tells of it. tell: hears every change of the status.
    """

    def __init__(
        self,
        camera: CameraId,
        name: str,
        clock: Clock,
        put_gap: Callable[[Gap], None],
        tell: Callable[[CameraStatus], None],
        *,
        since_ms: int,
        first: GapReason = GapReason.RECORDER_OFF,
        state: CameraState = CameraState.STARTING,
        detail: str = "starting",
    ) -> None:
        self._clock, self._put, self._tell = clock, put_gap, tell
        self._lock = threading.Lock()
        self._status = CameraStatus(camera, name, state, since_ms)
        self._gap: Gap | None = Gap(camera, since_ms, None, first, detail)
        self._disk: tuple[GapReason, str] | None = None
        self._is_wanted = True
        self._put(self._gap)

    @property
    def status(self) -> CameraStatus:
        return self._status

    def begun(self, at_ms: int) -> None:
        """Packets come, the first of them at `at_ms`."""
        with self._lock:
            if self._disk is None:
                self._recorded(at_ms)

    def over(self, at_ms: int, reason: GapReason = GapReason.CAMERA_RESTART, detail: str = "") -> None:
        """The last packet was at `at_ms`. reason, detail: as far as they are known; `failed` may tell better."""
        with self._lock:
            if self._gap is None:
                self._missing(at_ms, reason, detail)

    def hole(self, begin_ms: int, end_ms: int, packets_missing: int) -> None:
        """The camera sent all the time, and for a while nothing whole: a gap in the middle of what is recorded."""
        with self._lock:
            if self._gap is None and self._is_wanted:
                seen = GapEvidence(last_unit_ms=begin_ms, last_byte_ms=end_ms, packets_missing=packets_missing)
                detail = "data arrived, but no complete frame"
                self._put(Gap(self._status.id, begin_ms, end_ms, GapReason.STALLED, detail, seen))

    def failed(self, error: SourceError) -> None:
        """The connection could not be opened, or ended so."""
        reason, state = next((why, to) for kind, why, to in _REASONS if isinstance(error, kind))
        with self._lock:
            detail = error.detail or error.code
            if self._gap is None:
                self._missing(self._clock.now_ms(), reason, detail)
            before = self._gap
            if self._gap is not None and self._may_rename(reason):
                self._gap = replace(self._gap, reason=reason, detail=detail)
            if self._gap is not None and self._disk is None:
                self._gap = replace(self._gap, evidence=_with(self._gap.evidence, error))
            if self._gap is not None and _is_news(before, self._gap):
                self._put(self._gap)
            if self._disk is None:
                self._become(state, error.for_viewers)

    def silent(self, last_ms: int) -> None:
        """Nothing has come since `last_ms` although the connection stands."""
        with self._lock:
            if self._gap is None:
                self._missing(last_ms, GapReason.STALLED, "no video for more than 5 s")
            if self._status.state is CameraState.RECORDING:
                self._become(CameraState.OFFLINE, "The video stopped. If it doesn't recover, restart the camera.")

    def disk_failed(self, at_ms: int, reason: GapReason, detail: str) -> None:
        """Nothing could be written since `at_ms`."""
        with self._lock:
            if self._disk is None and self._gap is None:
                self._missing(at_ms, reason, detail)
            self._disk = (reason, detail)
            self._become(CameraState.BLOCKED, detail)

    def disk_recovered(self, at_ms: int) -> None:
        """Writing goes on with what came at `at_ms`."""
        with self._lock:
            if self._disk is not None:
                self._disk = None
                self._recorded(at_ms)

    def stop(self, at_ms: int) -> None:
        """Not wanted any more: what is open ends, and nothing begins."""
        with self._lock:
            self._is_wanted = False
            if self._gap is not None:
                self._close(at_ms)

    def _recorded(self, at_ms: int) -> None:
        if self._gap is not None:
            self._close(at_ms)
        self._become(CameraState.RECORDING, "")

    def _missing(self, at_ms: int, reason: GapReason, detail: str) -> None:
        if not self._is_wanted:
            return
        self._gap = Gap(self._status.id, at_ms, None, reason, detail)
        self._put(self._gap)

    def _close(self, at_ms: int) -> None:
        if self._gap is not None:
            self._put(replace(self._gap, end_ms=max(at_ms, self._gap.begin_ms)))
            self._gap = None

    def _may_rename(self, reason: GapReason) -> bool:
        """A gap keeps its first reason, but for what time tells: the first try's, and a restart that is none."""
        assert self._gap is not None
        if self._gap.detail in {"starting", ""}:
            return True
        if reason is self._gap.reason or self._gap.reason is GapReason.AUTH:
            return False
        if reason is GapReason.AUTH:
            return True
        lasting = self._clock.now_ms() - self._gap.begin_ms >= RESTART_S * 1000
        return lasting and self._gap.reason in {GapReason.CAMERA_RESTART, GapReason.STALLED}

    def _become(self, state: CameraState, detail: str) -> None:
        if (state, detail) == (self._status.state, self._status.detail):
            return
        since_ms = self._clock.now_ms() if state is not self._status.state else self._status.since_ms
        self._status = replace(self._status, state=state, since_ms=since_ms, detail=detail)
        self._tell(self._status)


def _with(known: GapEvidence | None, error: SourceError) -> GapEvidence:
    """What a gap stands on, with what this end or this attempt adds. The connection that had pictures tells most."""
    seen = error.evidence or GapEvidence(error.code)
    if known is None and seen.last_unit_ms is not None:
        return seen
    known = known or GapEvidence()
    return replace(
        known,
        word=seen.word or known.word,
        last_byte_ms=known.last_byte_ms or seen.last_byte_ms,
        attempts=known.attempts + 1,
        peer_status=seen.peer_status or known.peer_status,
    )


def _is_news(before: Gap | None, after: Gap) -> bool:
    """Whether it is worth a line in the history: a camera that is away for days is tried every few seconds."""
    if before is None or before.evidence is None or after.evidence is None:
        return True
    attempts = after.evidence.attempts
    if replace(after, evidence=before.evidence) != before or after.evidence.peer_status != before.evidence.peer_status:
        return True
    return attempts & (attempts - 1) == 0
