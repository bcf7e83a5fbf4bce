"""Recording state of one camera: receives facts, reports state and gaps with their reasons.

Invariant: from the time the camera is enabled, every instant is either recorded or within a gap written here. A gap
begins at the end of the last recorded frame and ends at the begin of the next one, regardless of when that was
detected. Thread-safe.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from tawny.model.errors import (
    MaskingFailed,
    NoSuchDevice,
    SourceAsleep,
    SourceClosed,
    SourceError,
    SourceFinished,
    SourceLoginWeaker,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
)
from tawny.model.segments import STARTING, Gap, GapEvidence, GapReason, off_words
from tawny.model.states import ON_WATCH, CameraState, CameraStatus
from tawny.model.times import Clock

SILENT_S = 5.5
"""Time without a frame, in s, that counts as a stall regardless of the connection state."""

STOOD_STILL = GapReason.RECORDER_OFF, off_words("suspend")
"""Why nothing came while `looked` wasn't called for SILENT_S: the camera isn't to blame."""

STARTING_S = 40.0
"""After this time, in s, a camera whose source has neither delivered nor failed is offline. Most sources fail
earlier: they wait at most 10 s for a connection, then 30 s for a keyframe. A slow DNS server may take 30 s more."""

RESTART_S = 60.0
"""After this time, in s, a camera that closed the connection counts as unreachable instead of restarting."""

_ALL_CHANGES = 8
"""Changes of one gap's reason that are all written; later ones only at powers of two."""

WAKES_S = 30.0
"""Time, in s, in which a camera that sleeps must deliver after it was called; else it is offline."""

_WAITED = 8
"""Number of past gaps that the pre-roll of an event may shorten."""

_REASONS: list[tuple[type[SourceError], GapReason, CameraState]] = [
    (SourceFinished, GapReason.ENDED, CameraState.ENDED),
    (SourceAsleep, GapReason.ASLEEP, CameraState.ASLEEP),
    (SourceLoginWeaker, GapReason.WEAKER_LOGIN, CameraState.WEAKER_LOGIN),
    (SourceRefused, GapReason.AUTH, CameraState.REFUSED),
    (SourceStalled, GapReason.STALLED, CameraState.OFFLINE),
    (SourceClosed, GapReason.CAMERA_RESTART, CameraState.OFFLINE),
    (NoSuchDevice, GapReason.UNREACHABLE, CameraState.OFFLINE),
    (MaskingFailed, GapReason.MASKING, CameraState.OFFLINE),
    (SourceError, GapReason.UNREACHABLE, CameraState.OFFLINE),
]


class CoverageMonitor:
    """Tracks state and gaps of one camera.

    status, gap: those before its first frame, both since the camera was enabled. put_gap: stores a gap durably and
    publishes it. report: receives every status change. waits: frames are not written until `writes` is called.
    called_ms: of a camera that is meant to sleep: returns since when it is called, ms UTC, None if it may sleep.
    """

    def __init__(
        self,
        status: CameraStatus,
        gap: Gap,
        clock: Clock,
        put_gap: Callable[[Gap], None],
        report: Callable[[CameraStatus], None],
        *,
        waits: bool = False,
        called_ms: Callable[[], int | None] | None = None,
    ) -> None:
        self._called_ms, self._came_ms = called_ms, 0
        """When frames came last, ms UTC."""
        self._is_waiting = waits
        self._waited: deque[Gap] = deque(maxlen=_WAITED)
        """The last gaps in which nothing happened."""
        self._clock, self._put, self._report = clock, put_gap, report
        self._lock = threading.RLock()
        self._status = status
        self._gap: Gap | None = gap
        self._changes = 0  # of the gap's reason
        self._disk: tuple[GapReason, str] | None = None
        self._is_wanted = True
        self._silent_ms: int | None = None
        self._state_s = clock.mono_s()
        """Since when it is in this state, s monotonic: the clock may be set while a camera starts."""
        self._looked_s: float | None = None
        self.left: Gap | None = None
        """The gap that goes on after `stop`."""

    def start(self, before: "CoverageMonitor | None" = None) -> None:
        """Put the first gap, unless it goes on. before: the stopped monitor of the same camera."""
        with self._lock:
            if self._gap is not None and (before is None or before.left != self._gap):
                self._put(self._gap)
            elif before is not None and replace(before.status, since_ms=self._status.since_ms) != self._status:
                self._report(self._status)  # the gap goes on, in another state

    @property
    def status(self) -> CameraStatus:
        return self._status

    def rename(self, name: str) -> None:
        with self._lock:
            self._status = replace(self._status, name=name)
            self._report(self._status)

    def begun(self, at_ms: int) -> None:
        """Report that packets arrive, the first one at `at_ms`."""
        with self._lock:
            if self._disk is None:
                self._arrives(at_ms)

    def writes(self, at_ms: int) -> None:
        """Report that what arrived since `at_ms` is written, because something happens."""
        with self._lock:
            self._is_waiting = False
            for gap in [one for one in self._waited if one.end_ms is not None and one.end_ms > at_ms]:
                self._waited.remove(gap)  # the pre-roll reaches back to before an interruption
                self._put(replace(gap, end_ms=max(gap.begin_ms, at_ms)))
            gap_now = self._gap
            if self._disk is None and gap_now is not None and (self._waits or gap_now.begin_ms <= at_ms):
                self._recorded(at_ms)

    def waits(self, at_ms: int) -> None:
        """Report that what arrives from `at_ms` on is not written, because nothing happens."""
        with self._lock:
            self._is_waiting = True
            if self._gap is None:
                self._wait(at_ms)

    def switch_off(self, at_ms: int, state: CameraState, reason: GapReason, detail: str) -> None:
        """Report that nothing is recorded from `at_ms` on, by choice."""
        with self._lock:
            self._disk = None
            if self._gap is None or (self._gap.reason, self._gap.detail) != (reason, detail):
                self._close(at_ms)
                self._missing(at_ms, reason, detail)
            self._become(state, "")

    def switch_on(self, at_ms: int, *, waits: bool, arrives: bool, failure: SourceError | None = None) -> None:
        """Report that the camera is recorded from `at_ms` on.

        waits: only when something happens. arrives: frames arrive now; else the camera is not connected, because of
        `failure` if it is known.
        """
        with self._lock:
            self._is_waiting = waits
            if not arrives and self._called_ms is not None:
                self._close(at_ms)
                self._missing(at_ms, GapReason.ASLEEP, "")
                self._become(CameraState.ASLEEP, SourceAsleep("").for_viewers)
            elif not arrives:
                self._close(at_ms)
                self._missing(at_ms, GapReason.UNREACHABLE, "")
                self._become(CameraState.STARTING, "")
            elif waits:
                self._wait(at_ms)
            if failure is not None:
                self.failed(failure)

    def over(self, at_ms: int, reason: GapReason = GapReason.CAMERA_RESTART, detail: str = "") -> None:
        """Report that the last packet arrived at `at_ms`.

        reason, detail: the cause, as far as known; `failed` may replace it.
        """
        with self._lock:
            self._came_ms = at_ms
            if self._is_fine:
                is_stop = reason is GapReason.CAMERA_RESTART and self._stood_still
                self._missing(at_ms, *(STOOD_STILL if is_stop else (reason, detail)))

    def hole(self, begin_ms: int, end_ms: int, packets_missing: int, dropped: str = "") -> None:
        """Report a gap within a connection: data arrived, but no complete frame. dropped: as in `HoleFound`."""
        with self._lock:
            if self._gap is None and self._is_wanted:
                seen = GapEvidence(last_unit_ms=begin_ms, last_byte_ms=end_ms, packets_missing=packets_missing)
                reason = GapReason.MASKING if dropped else GapReason.STALLED
                detail = dropped or "data arrived, but no complete frame"
                self._put(Gap(self._status.id, begin_ms, end_ms, reason, detail, seen))

    def failed(self, error: SourceError) -> None:
        """Report that the connection failed or ended with `error`."""
        with self._lock:
            if isinstance(error, _SILENCE) and self._may_sleep:
                error = SourceAsleep(error.where)
            reason, state = next((why, to) for kind, why, to in _REASONS if isinstance(error, kind))
            detail = "" if state is CameraState.ASLEEP else error.detail or error.code
            if self._gap is not None and self._disk is None:
                self._wake_or_sleep(self._gap, reason, detail)
            if self._is_fine:
                self._missing(self._clock.now_ms(), reason, detail)
            if self._gap is not None and self._disk is None:
                before = self._gap
                if self._follows(error, reason, detail):
                    self._gap = replace(self._gap, reason=reason, detail=detail)
                if state is not CameraState.ASLEEP:
                    self._gap = replace(self._gap, evidence=_with(self._gap.evidence, error))
                if before != self._gap and self._is_news(before, self._gap):
                    self._put(self._gap)
            if self._disk is None:
                self._become(state, error.for_viewers)

    @property
    def silent_ms(self) -> int | None:
        """Return the time of the last packet while an open connection delivers none, else None."""
        return self._silent_ms

    def arrives_again(self, at_ms: int) -> None:
        """Report that a connection that was silent delivers packets, the first one at `at_ms`.

        No run begins then: the computer was asleep, or the camera paused without ending the connection.
        """
        with self._lock:
            if self._silent_ms is not None and self._disk is None:
                self._arrives(at_ms)

    def silent(self, last_ms: int) -> None:
        """Report an open connection without data since `last_ms`."""
        with self._lock:
            self._came_ms = max(self._came_ms, last_ms)
            is_asleep = self._may_sleep
            if self._is_fine and is_asleep:
                self._missing(last_ms, GapReason.ASLEEP, "")
            elif self._is_fine:
                stalled = GapReason.STALLED, "no video for more than 5 s"
                self._missing(last_ms, *(STOOD_STILL if self._stood_still else stalled))
            if self._status.state in ON_WATCH and is_asleep:
                self._become(CameraState.ASLEEP, SourceAsleep("").for_viewers)
                self._silent_ms = last_ms
            elif self._status.state in ON_WATCH:
                self._become(CameraState.OFFLINE, "The video stopped. If it doesn't recover, restart the camera.")
                self._silent_ms = last_ms

    def looked(self) -> None:
        """Report that the camera was checked. Call it about once a second, so that a pause of this process is known."""
        self._looked_s = self._clock.mono_s()

    def starts(self) -> None:
        """Report that nothing has come of the connection yet. A source that hangs reports no error itself."""
        with self._lock:
            if self._status.state is CameraState.STARTING and self._clock.mono_s() - self._state_s >= STARTING_S:
                self.failed(SourceUnreachable("", f"no video within {STARTING_S:.0f} s"))

    def disk_failed(self, at_ms: int, reason: GapReason, detail: str) -> None:
        """Report that writing has failed since `at_ms`."""
        with self._lock:
            if self._disk is None and self._is_fine:
                self._missing(at_ms, reason, detail)
            self._disk = (reason, detail)
            self._become(CameraState.BLOCKED, detail)

    def disk_recovered(self, at_ms: int) -> None:
        """Report that writing continues with data that arrived at `at_ms`."""
        with self._lock:
            if self._disk is not None:
                self._disk = None
                self._arrives(at_ms)

    def stop(self, at_ms: int, reason: GapReason | None = None, detail: str = "") -> int | None:
        """Disable the camera: close the open gap and start no new one.

        reason, detail: what follows. Return the begin of the open gap if it has the same cause: it stays open, and
        the monitor that follows continues it. Else None.
        """
        with self._lock:
            self._is_wanted = False
            gap = self._gap
            if gap is not None and (gap.reason, gap.detail) == (reason, detail):
                self.left, self._gap = gap, None
                return gap.begin_ms
            if gap is not None:
                self._close(at_ms)
            return None

    @property
    def _waits(self) -> bool:
        return self._gap is not None and self._gap.reason is GapReason.WAITING

    @property
    def _is_fine(self) -> bool:
        """Whether frames arrive and are treated as they should."""
        return self._gap is None or self._waits

    @property
    def unseen_s(self) -> float:
        """Return for how long `looked` wasn't called, s; 0 before the first time."""
        return 0.0 if self._looked_s is None else self._clock.mono_s() - self._looked_s

    @property
    def _stood_still(self) -> bool:
        return self.unseen_s > SILENT_S

    @property
    def _may_sleep(self) -> bool:
        """Whether silence is sleep: it is meant to, and has not been called, or has come since, or was just called."""
        if self._called_ms is None:
            return False
        since_ms = self._called_ms()
        return since_ms is None or self._came_ms >= since_ms or self._clock.now_ms() - since_ms < WAKES_S * 1000

    def _wake_or_sleep(self, gap: Gap, reason: GapReason, detail: str) -> None:
        """Begin another gap where a camera fell asleep that had not answered, or doesn't answer although called.

        Also where it can't be reached after this process stood still.
        """
        was, now_ms = gap.reason is GapReason.ASLEEP, self._clock.now_ms()
        has_stood = (gap.reason, gap.detail) == STOOD_STILL
        if (was == (reason is GapReason.ASLEEP) or gap.detail == STARTING) and not has_stood:
            return
        called_ms = self._called_ms() if self._called_ms is not None and was else None
        at_ms = min(now_ms, max(gap.begin_ms, now_ms if called_ms is None else called_ms))
        self._close(at_ms)
        self._missing(at_ms, reason, detail)

    def _arrives(self, at_ms: int) -> None:
        self._came_ms = max(self._came_ms, at_ms)
        if self._is_waiting:
            self._wait(at_ms)
        else:
            self._recorded(at_ms)

    def _wait(self, at_ms: int) -> None:
        if not self._waits:
            self._close(at_ms)
            self._missing(at_ms, GapReason.WAITING, "")
        self._become(CameraState.WAITING, "")

    def _recorded(self, at_ms: int) -> None:
        if self._gap is not None:
            self._close(at_ms)
        self._become(CameraState.RECORDING, "")

    def _missing(self, at_ms: int, reason: GapReason, detail: str) -> None:
        if not self._is_wanted:
            return
        if self._waits:
            self._close(at_ms)
        self._gap, self._changes = Gap(self._status.id, at_ms, None, reason, detail), 0
        self._put(self._gap)

    def _close(self, at_ms: int) -> None:
        if self._gap is not None:
            closed = replace(self._gap, end_ms=max(at_ms, self._gap.begin_ms))
            self._put(closed)
            if closed.reason is GapReason.WAITING:
                self._waited.append(closed)
            self._gap = None

    def _follows(self, error: SourceError, reason: GapReason, detail: str) -> bool:
        """Return whether the gap takes the error's reason and detail.

        It takes every answer of the camera. A camera that only stopped responding counts as restarting for RESTART_S.
        """
        assert self._gap is not None
        if self._gap.detail in {STARTING, ""}:
            return True
        if _is_answer(error):
            return (reason, detail) != (self._gap.reason, self._gap.detail)
        if self._gap.reason in {GapReason.CAMERA_RESTART, GapReason.STALLED}:
            lasting = self._clock.now_ms() - self._gap.begin_ms >= RESTART_S * 1000
            return lasting and reason is not self._gap.reason
        known = self._gap.evidence
        return reason is not self._gap.reason or known is None or known.word != _evidence_of(error).word

    def _is_news(self, before: Gap, after: Gap) -> bool:
        """Return whether the change is worth a history line: an offline camera is retried for days."""
        if before.evidence is None or after.evidence is None:
            return True
        known, seen = before.evidence.peer_status, after.evidence.peer_status
        if (after.reason, after.detail, seen) != (before.reason, before.detail, known):
            self._changes += 1
            return self._changes <= _ALL_CHANGES or _is_power_of_two(self._changes)
        return _is_power_of_two(after.evidence.attempts)

    def _become(self, state: CameraState, detail: str) -> None:
        if (state, detail) == (self._status.state, self._status.detail):
            return
        self._silent_ms = None
        since_ms = self._status.since_ms
        if state is not self._status.state:
            since_ms, self._state_s = self._clock.now_ms(), self._clock.mono_s()
        self._status = replace(self._status, state=state, since_ms=since_ms, detail=detail)
        self._report(self._status)


_SILENCE = (SourceUnreachable, SourceClosed, SourceStalled)


def _is_answer(error: SourceError) -> bool:
    """Return whether the camera answered. It does not respond while it restarts."""
    is_silent = isinstance(error, SourceUnreachable | SourceClosed | SourceStalled)
    return not is_silent or _evidence_of(error).word == "session"


def _evidence_of(error: SourceError) -> GapEvidence:
    return error.evidence or GapEvidence(error.code)


def _with(known: GapEvidence | None, error: SourceError) -> GapEvidence:
    """Merge the gap's evidence with that of this attempt. Evidence of a connection that had frames wins."""
    seen = _evidence_of(error)
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


def _is_power_of_two(count: int) -> bool:
    return count & (count - 1) == 0
