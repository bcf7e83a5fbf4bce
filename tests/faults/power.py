"""A recording on a disk that can be cut off from its power at any of its operations, and what must hold afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tawny.engine import Bus, InlineEngine
from tawny.model.events import Event, event_id
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Message, SegmentClosed
from tawny.model.observations import MOTION
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Clock, Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import Finding
from tawny.storage.repair.recovery import recover
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.segments.detection_files import EventFiles
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.support.disk import MemoryDisk, State, write_out

CAMERAS = (CameraId("porch"), CameraId("yard"))
FPS = 5
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    segment: Segment


@dataclass(frozen=True)
class Durable:
    """The recorder believes that all of this camera's time up to here is on the disk."""

    camera: CameraId
    until_ms: int


@dataclass(frozen=True)
class Came:
    """A picture came."""

    at_ms: int


@dataclass(frozen=True)
class GapSaid:
    gap: Gap


@dataclass(frozen=True)
class PictureStored:
    path: str


class NotingIndex(MemoryIndex):
    """Its rows are durable when `add_segment` returns, as SQLite's are."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__()
        self._disk = disk

    def add_segment(self, segment: Segment) -> None:
        super().add_segment(segment)
        self._disk.note(Row(segment))


OWNER = Identity.new()
NOT_KNOWN_MS = 1000
"""When a sealed file ends that was not closed is only known to whoever can open it."""


def seals_on(disk: DiskAccess, clock: Clock, *, sealed: bool) -> EpochKeys:
    """What is recorded is signed, as everywhere, and sealed perhaps."""
    policy = CameraSealing((OWNER.recipient,), splits=True) if sealed else None
    return EpochKeys(SignedHistory.opened(disk, clock.now_ms()), clock, lambda _camera: policy)


def recorded(*, syncs: bool = True, seconds: int = 75, sealed: bool = False) -> MemoryDisk:
    """Two cameras, with what the recorder acknowledged noted among the writes: an hour and a minute change in it.

    Sealed cameras have events whose pictures get better each second, also after the hour in which they began.
    """
    disk, clock = MemoryDisk(syncs=syncs), FakeClock("2026-11-20T05:59:10Z")
    seals = seals_on(disk, clock, sealed=sealed)
    volume, bus = Volume(disk, seals.history), Bus()
    files = EventFiles(volume, seals)
    index = NotingIndex(disk)
    ledger = HistoryLedger(HistoryJournal(disk), index, clock)
    engine = InlineEngine(clock, _nothing_may_fail)
    bus.subscribe_all(lambda message: _note_closed(disk, message))
    recorder = SegmentRecorder(volume, index, clock, bus, seals=seals)
    recorder.start(engine)
    feeds = []
    for camera in CAMERAS:
        hub = Hub()
        recorder.add(camera, StreamName.MAIN, hub)
        feeds.append(PacketFeed(hub, clock, fps=FPS, gop=FPS * 2, size_bytes=900, sound=True))
    for number in range(seconds * FPS):
        for feed in feeds:
            feed.picture()
        disk.note(Came(clock.now_ms()))
        engine.run_for(1 / FPS)
        for camera in CAMERAS:
            for segment in recorder.open_segments(camera):
                disk.note(Durable(camera, segment.end_ms))
        if sealed and number % FPS == 0:
            _store_pictures(files, disk, clock.now_ms())
        if number % (20 * FPS) == 0:
            seals.history.state(clock.now_ms())
        if number % (10 * FPS) == 0:
            gap = Gap(CAMERAS[0], clock.now_ms() - 7, clock.now_ms(), GapReason.STALLED, f"number {number}")
            if ledger.put_gap(gap):
                disk.note(GapSaid(gap))
    return disk


def _store_pictures(files: EventFiles, disk: MemoryDisk, now_ms: int) -> None:
    """A better picture of each camera's event; every 15 s another event begins, and the preview of the last is kept."""
    for camera, offset_ms in zip(CAMERAS, (0, 7000), strict=True):
        start_ms = (now_ms - offset_ms) // 15_000 * 15_000 + offset_ms
        event = Event(event_id(start_ms, b"door"), camera, MOTION, start_ms, None, 1.0)
        disk.note(PictureStored(files.write_picture(event, b"picture at %d" % now_ms)))
        if now_ms - start_ms < 1000:
            event = Event(event_id(start_ms - 15_000, b"door"), camera, MOTION, start_ms - 15_000, now_ms, 1.0)
            disk.note(PictureStored(files.write_loop(event, b"preview at %d" % now_ms)))


def _nothing_may_fail(name: str, error: BaseException) -> None:
    raise AssertionError(f"{name} failed") from error


def _note_closed(disk: MemoryDisk, message: Message) -> None:
    if isinstance(message, SegmentClosed):
        disk.note(message)


@dataclass
class Broken:
    """What does not hold after a cut."""

    findings: list[Finding] = field(default_factory=list)
    acknowledged: list[object] = field(default_factory=list)
    lost_s: float = 0.0


def after_cut(disk: MemoryDisk, point: int, seed: int, folder: Path, *, sealed: bool = False) -> Broken:
    """Cut, put what is left into a folder, recover, and look."""
    return look(disk, disk.after_cut(point, seed), point, folder, sealed=sealed)


def look(disk: MemoryDisk, left: State, point: int, folder: Path, *, sealed: bool = False) -> Broken:
    """left: what is there of what was done before a point."""
    write_out(left, folder)
    result = disk.notes(point)
    clock = FakeClock("2026-11-20T06:30:00Z")
    real = Volume.at(folder).disk
    volume, index = Volume(real, SignedHistory.opened(real, clock.now_ms())), MemoryIndex()
    for row in _of(Row, result):
        index.add_segment(row.segment)
    history = HistoryJournal(volume.disk)
    ledger = HistoryLedger(history, index, clock)
    recover(volume, index, ledger, clock, before=None, boot="now", cameras=CAMERAS)
    report = check_volume(volume, index, clock, CheckScope(deep=True, with_wall=True, beside_recorder=False))
    broken = Broken(report.findings)
    for closed in _of(SegmentClosed, result):
        there = volume.disk.entry(closed.segment.path)
        if there is None or there.size_bytes != closed.segment.size_bytes or index.segment(closed.segment.id) is None:
            broken.acknowledged.append(closed)
    for durable in _of(Durable, result):
        spans = index.spans(durable.camera, None, Span(0, clock.now_ms()))
        if not _covers(spans, durable.until_ms, NOT_KNOWN_MS if sealed else 0):
            broken.acknowledged.append(durable)
    for text in _of(GapSaid, result):
        if text.gap not in index.gaps(text.gap.camera, Span(0, clock.now_ms())):
            broken.acknowledged.append(text)
    for stored in _of(PictureStored, result):
        if volume.disk.entry(stored.path) is None:
            broken.acknowledged.append(stored)
    cut_ms = max((came.at_ms for came in _of(Came, result)), default=0)
    for camera in CAMERAS:
        bounds = index.bounds(camera)
        if bounds is not None:
            broken.lost_s = max(broken.lost_s, (cut_ms - bounds.end_ms) / 1000)
    return broken


def _covers(spans: Iterable[Span], until_ms: int, about_ms: int = 0) -> bool:
    return any(span.begin_ms < until_ms <= span.end_ms + about_ms for span in spans)


def _of(kind: type[T], data: Iterable[object]) -> list[T]:
    return [one for one in data if isinstance(one, kind)]
