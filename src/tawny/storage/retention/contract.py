"""The contract of retention as values: what is promised, what goes, what is thinned; for all, a camera, a stream."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tawny.model.ids import CameraId, StreamName


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Promised: min_s for all, events_s for time with events, kinds_s instead of it for some kinds of events.

    max_s: nothing older stays. size_bytes, count: nor more bytes or files than this. thin_s: of what is older, only the
    keyframes stay. free_share: 0..1 of the disk is left free. None: no such limit. sub: for small video instead of all
    this, but for `free_share`; its size and count are of small video alone. None: the same as for large.
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
        """How long time with an event of this kind is promised, `min_s` left aside."""
        return self.kinds_s.get(kind, self.events_s)

    @property
    def longest_s(self) -> float:
        """The longest promise that is in it."""
        return max(self.min_s, self.events_s, *self.kinds_s.values())


@dataclass(frozen=True, slots=True)
class RetentionContract:
    """everyone: for cameras without their own. cameras: size and count there are of that camera alone."""

    everyone: RetentionRule = field(default_factory=RetentionRule)
    cameras: Mapping[CameraId, RetentionRule] = field(default_factory=dict)

    def of(self, camera: CameraId, stream: StreamName) -> RetentionRule:
        return self.cameras.get(camera, self.everyone).of(stream)

    def each(self) -> Iterator[RetentionRule]:
        """All that is said anywhere."""
        for keep in (self.everyone, *self.cameras.values()):
            yield keep
            if keep.sub is not None:
                yield keep.sub

    def limits(self) -> Iterator[tuple[CameraId | None, StreamName | None, RetentionRule]]:
        """Whose size and count it is: None is everybody's, and both streams'."""
        for camera, keep in ((None, self.everyone), *self.cameras.items()):
            yield camera, None, keep
            if keep.sub is not None:
                yield camera, StreamName.SUB, keep.sub


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
