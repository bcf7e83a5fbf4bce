"""Retention contract: minimum and maximum retention, limits and reduction to keyframes.

Rules exist for all cameras, one camera and one stream.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tawny.model.ids import CameraId, StreamName


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """One retention rule. None means no limit.

    min_s: minimum retention. events_s: minimum retention of time with events. kinds_s: the same by event type,
    replacing `events_s`. max_s: maximum age. size_bytes, count: maximum size and number of files. thin_s: age from
    which only keyframes remain. free_share: share 0..1 of the disk kept free.

    sub: rule for the sub stream, except `free_share`; its size and count apply to the sub stream alone. None: same rule
    as the main stream.
    """

    min_s: float = 0.0
    max_s: float | None = None
    size_bytes: int | None = None
    free_share: float = 0.1
    events_s: float = 0.0
    kinds_s: Mapping[str, float] = field(default_factory=dict)
    count: int | None = None
    thin_s: float | None = None
    sub: "RetentionRule | None" = None

    def of(self, stream: StreamName) -> "RetentionRule":
        return self.sub if stream is StreamName.SUB and self.sub is not None else self

    def event_s(self, kind: str) -> float:
        """Return the minimum retention of time with such an event, without `min_s`."""
        return self.kinds_s.get(kind, self.events_s)

    @property
    def longest_s(self) -> float:
        """The longest minimum retention of this rule."""
        return max(self.min_s, self.events_s, *self.kinds_s.values())


@dataclass(frozen=True, slots=True)
class RetentionContract:
    """Rules of a recorder.

    everyone: for cameras without an own rule. cameras: own rules; their size and count apply to that camera alone.
    """

    everyone: RetentionRule = field(default_factory=RetentionRule)
    cameras: Mapping[CameraId, RetentionRule] = field(default_factory=dict)

    def of(self, camera: CameraId, stream: StreamName) -> RetentionRule:
        return self.cameras.get(camera, self.everyone).of(stream)

    def each(self) -> Iterator[RetentionRule]:
        """Yield all rules."""
        for keep in (self.everyone, *self.cameras.values()):
            yield keep
            if keep.sub is not None:
                yield keep.sub

    def limits(self) -> Iterator[tuple[CameraId | None, StreamName | None, RetentionRule]]:
        """Yield the owner of each size and count limit. None means all cameras, or both streams."""
        for camera, keep in ((None, self.everyone), *self.cameras.items()):
            yield camera, None, keep
            if keep.sub is not None:
                yield camera, StreamName.SUB, keep.sub


def duration_words(seconds: float) -> str:
    """Return a duration as text: `90 days`, `36 hours`, `5 minutes`."""
    for unit, unit_s in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * unit_s or (seconds >= unit_s and seconds % unit_s == 0):
            count = f"{seconds / unit_s:.1f}".removesuffix(".0")
            return f"{count} {unit}" if count == "1" else f"{count} {unit}s"
    return "1 second" if seconds == 1 else f"{seconds:g} seconds"


def size_words(size_bytes: int) -> str:
    """Return a size as text: `200 GB`, `1.5 TB`."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} TB"
