"""What is kept how long, and what goes first. A plan is a value: a dry run shows it, and applying it removes just that.

Which rule wins: free space, then `max`, then `size`, then `min` and `events`, which are promises that only free space
and size may break. Kept events' time never goes. For space, what is past its promise goes first, large video before
small, quiet time before events, and the oldest before all; so small video outlives large.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tawny.engine import Engine, Handle
from tawny.model.clock import Clock
from tawny.model.events import Event
from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.index import Index
from tawny.storage.ledger import Ledger
from tawny.storage.removal import Removal, remove
from tawny.storage.reserve import Reserve
from tawny.storage.volume import Volume

_EVERY_S: Final = 60.0
_AROUND_MS: Final = 15_000
"""An event's time with what is shown before and after it."""
_LEAST_S: Final = 3600.0
"""Free space takes nothing younger, unless the disk is full: who fills it may be somebody else."""
_URGENT_BYTES: Final = 256_000_000
_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Keep:
    """min_s, events_s: promised, for all and for time with events. max_s: nothing older stays. size_bytes: nor more
    than this. free_share: 0..1 of the disk is left free. None: no such limit."""

    min_s: float = 0.0
    max_s: float | None = None
    size_bytes: int | None = None
    free_share: float = 0.1
    events_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes, in this order. missing_bytes: what could not be found although it is needed."""

    removals: list[Removal] = field(default_factory=list)
    missing_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(one.segment.size_bytes for one in self.removals)

    @property
    def breaks_promise(self) -> bool:
        return any(one.breaks_promise for one in self.removals)


class Retention:
    """keep: for all; cameras: instead of it, for those that have their own (its `free_share` does not count).

    `plan` and `apply` from any thread, one at a time; as an actor it does both once a minute (`start`).
    """

    name = "retention"

    def __init__(
        self,
        volume: Volume,
        index: Index,
        ledger: Ledger,
        clock: Clock,
        keep: Keep,
        cameras: Mapping[CameraId, Keep] | None = None,
    ) -> None:
        self._volume, self._index, self._ledger, self._clock = volume, index, ledger, clock
        self.keep, self.cameras = keep, dict(cameras or {})
        self._reserve = Reserve(volume.disk)
        self._lock = threading.Lock()
        self._is_urgent = False
        self._handle: Handle | None = None
        self.last: Plan | None = None
        """What was done last."""

    def start(self, engine: Engine) -> None:
        self._handle = engine.start(self.name, lambda: self)

    def make_room(self) -> None:
        """The disk is full: remove something now. Returns at once."""
        self._is_urgent = True
        if self._handle is not None:
            self._handle.wake()

    def step(self) -> float:
        self.run(urgent=self._is_urgent)
        self._is_urgent = False  # only now: what failed is as urgent next time
        return _EVERY_S

    def close(self) -> None:
        """Nothing is held."""

    def run(self, *, urgent: bool = False) -> Plan:
        """Plan and apply. Raises StorageError."""
        with self._lock:
            if urgent:
                self._reserve.give_up()
            plan = self.plan(urgent=urgent)
            self.apply(plan)
            self.last = plan
            self._reserve.fill()
        return plan

    def plan(self, *, urgent: bool = False) -> Plan:
        """What would go now. urgent: something must go, whatever the settings."""
        total_bytes = self._volume.space().total_bytes
        urgent_bytes = min(_URGENT_BYTES, total_bytes // 20) + 2 * self._reserve.size_bytes if urgent else 0
        return _Planning(self, self._volume, self._index, self._clock.now_ms(), urgent_bytes).plan()

    def apply(self, plan: Plan) -> None:
        """Remove what the plan says, and the events of which nothing is left. Raises StorageError."""
        remove(self._volume, self._index, self._ledger, self._clock, plan.removals)
        for event in self._without_video(plan):
            self._volume.remove_picture(event)
            self._ledger.drop_event(event.id)

    def _without_video(self, plan: Plan) -> list[Event]:
        gone: dict[str, Event] = {}
        for removal in plan.removals:
            segment = removal.segment
            for event in _events(self._index, segment.camera, segment.span):
                span = Span(event.start_ms, max(event.start_ms + 1, event.end_ms or self._clock.now_ms()))
                if not event.kept and not self._index.spans(segment.camera, None, span):
                    gone[event.id] = event
        return list(gone.values())


class _Planning:
    """One plan being made."""

    def __init__(self, retention: Retention, volume: Volume, index: Index, now_ms: int, urgent_bytes: int) -> None:
        self._keep, self._cameras = retention.keep, retention.cameras
        self._volume, self._index, self._now_ms, self._urgent_bytes = volume, index, now_ms, urgent_bytes
        self._removals: dict[SegmentId, Removal] = {}

    def plan(self) -> Plan:
        self._by_age()
        missing_bytes = self._for_free_space()
        missing_bytes = max(missing_bytes, self._for_size(None, self._keep))
        for camera, keep in self._cameras.items():
            missing_bytes = max(missing_bytes, self._for_size(camera, keep))
        return Plan(list(self._removals.values()), missing_bytes)

    def _keep_of(self, camera: CameraId) -> Keep:
        return self._cameras.get(camera, self._keep)

    def _by_age(self) -> None:
        limits = [keep.max_s for keep in (self._keep, *self._cameras.values()) if keep.max_s is not None]
        if not limits:
            return
        for segment in self._oldest(None, None, self._now_ms - round(min(limits) * 1000)):
            max_s = self._keep_of(segment.camera).max_s
            if max_s is not None and segment.end_ms <= self._now_ms - max_s * 1000 and not self._is_kept(segment):
                self._removals[segment.id] = Removal(segment, f"older than {duration_words(max_s)}")

    def _for_free_space(self) -> int:
        space = self._volume.space()
        need_bytes = max(round(space.total_bytes * self._keep.free_share) - space.free_bytes, self._urgent_bytes)
        need_bytes -= sum(one.segment.size_bytes for one in self._removals.values())
        why = f"to leave {self._keep.free_share:.0%} of the disk free".replace("%", " %")
        if self._urgent_bytes:
            why = "the disk was full"
        youngest_ms = self._now_ms if self._urgent_bytes else self._now_ms - round(_LEAST_S * 1000)
        return self._for_space(None, need_bytes, why, youngest_ms)

    def _for_size(self, camera: CameraId | None, keep: Keep) -> int:
        if keep.size_bytes is None:
            return 0
        gone_bytes = sum(
            one.segment.size_bytes for one in self._removals.values() if camera in (None, one.segment.camera)
        )
        need_bytes = self._index.size_bytes(camera) - gone_bytes - keep.size_bytes
        return self._for_space(camera, need_bytes, f"to use at most {size_words(keep.size_bytes)}", self._now_ms)

    def _for_space(self, camera: CameraId | None, need_bytes: int, why: str, youngest_ms: int) -> int:
        """Take what goes first until it is enough. Returns how much is still needed."""
        if need_bytes > 0:
            for segment, breaks_promise in self._first_to_go(camera, youngest_ms):
                self._removals[segment.id] = Removal(segment, why, breaks_promise)
                need_bytes -= segment.size_bytes
                if need_bytes <= 0:
                    break
        return max(0, need_bytes)

    def _first_to_go(self, camera: CameraId | None, youngest_ms: int) -> Iterator[tuple[Segment, bool]]:
        for breaks_promise in (False, True):
            for stream in (StreamName.MAIN, StreamName.SUB):
                for with_events in (False, True):
                    until_ms = youngest_ms if breaks_promise else min(youngest_ms, self._unpromised_ms())
                    for segment in self._oldest(camera, stream, until_ms):
                        if self._is_promised(segment, with_events=with_events) != breaks_promise:
                            continue
                        if self._has_events(segment) == with_events and not self._is_kept(segment):
                            yield segment, breaks_promise

    def _oldest(self, camera: CameraId | None, stream: StreamName | None, youngest_ms: int) -> Iterator[Segment]:
        """Those that ended first, up to an instant, without what goes anyway."""
        last: Segment | None = None
        while page := self._index.oldest_segments(_ROWS_AT_ONCE, camera, stream=stream, after=last):
            for segment in page:
                if segment.end_ms > youngest_ms:
                    return
                if segment.id not in self._removals:
                    yield segment
            last = page[-1]

    def _is_promised(self, segment: Segment, *, with_events: bool) -> bool:
        keep = self._keep_of(segment.camera)
        promised_s = max(keep.min_s, keep.events_s) if with_events else keep.min_s
        return segment.end_ms > self._now_ms - promised_s * 1000

    def _unpromised_ms(self) -> int:
        """Nothing that ended later is past its promise."""
        return self._now_ms - round(min(keep.min_s for keep in (self._keep, *self._cameras.values())) * 1000)

    def _has_events(self, segment: Segment) -> bool:
        return bool(_events(self._index, segment.camera, segment.span, limit=1))

    def _is_kept(self, segment: Segment) -> bool:
        return bool(_events(self._index, segment.camera, segment.span, only="kept", limit=1))


def _events(index: Index, camera: CameraId, span: Span, *, only: str = "all", limit: int = 100) -> list[Event]:
    around = Span(span.begin_ms - _AROUND_MS, span.end_ms + _AROUND_MS)
    return index.events(around, cameras=[camera], only=only, limit=limit).events


def duration_words(seconds: float) -> str:
    """`90 days`, `36 hours`, `5 minutes`."""
    for unit, unit_s in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * unit_s or (seconds >= unit_s and seconds % unit_s == 0):
            count = f"{seconds / unit_s:g}" if seconds % unit_s == 0 else f"{seconds / unit_s:.1f}"
            return f"{count} {unit}" if count == "1" else f"{count} {unit}s"
    return f"{seconds:g} seconds"


def size_words(size_bytes: int) -> str:
    """`200 GB`, `1.5 TB`."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} TB"
