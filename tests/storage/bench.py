"""A volume with real files in it, made in an instant: a recorder on the fake clock, or files without any pictures."""

import os
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import Segment
from tawny.recorder.recorder import SegmentRecorder
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.protocol import Index
from tawny.storage.repair.recovery import Recovered, recover
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import FORMAT, PacketFeed

PORCH, YARD = CameraId("porch"), CameraId("yard")
MAIN, SUB = StreamName.MAIN, StreamName.SUB


class Site:
    """One folder, its index and history, on a clock that stands."""

    def __init__(self, folder: Path, start: str = "2026-11-20T05:00:00Z") -> None:
        self.folder, self.clock = folder, FakeClock(start)
        self.volume = Volume.at(folder)
        self.index: Index = MemoryIndex()
        self.history = HistoryJournal(self.volume.disk)
        self.ledger = HistoryLedger(self.history, self.index, self.clock)

    def forget_index(self) -> None:
        self.index = MemoryIndex()
        self.ledger = HistoryLedger(self.history, self.index, self.clock)

    def record(self, seconds: float, *, stop: bool = True, cameras: tuple[CameraId, ...] = (PORCH,)) -> None:
        """Small pictures, five a second. stop: False leaves the files open, as a kill does."""
        engine = InlineEngine(self.clock, _nothing_may_fail)
        recorder = SegmentRecorder(self.volume, self.index, self.clock, Bus())
        recorder.start(engine)
        hubs = {camera: Hub() for camera in cameras}
        feeds = [PacketFeed(hub, self.clock, fps=5, gop=10, size_bytes=40) for hub in hubs.values()]
        for camera, hub in hubs.items():
            recorder.add(camera, MAIN, hub)
        for _ in range(round(seconds * 5)):
            for feed in feeds:
                feed.picture()
            engine.run_for(0.2)
        if stop:
            recorder.end_all()
            engine.run_for(0)
            self.clock.advance(0)
            while not recorder.is_idle:
                engine.run_for(0.2)

    def recover(self, cameras: tuple[CameraId, ...] = (PORCH,), boot: str = "boot-1") -> Recovered:
        return recover(self.volume, self.index, self.ledger, self.clock, before=None, boot=boot, cameras=cameras)

    def put(
        self,
        minutes_ago: float,
        *,
        minutes: float = 1,
        camera: CameraId = PORCH,
        stream: StreamName = MAIN,
        size_bytes: int = 2000,
        run: str = "run-1",
        listed: bool = True,
    ) -> Segment:
        """A closed segment with one picture in it, as large as wanted."""
        start_ms = self.clock.now_ms() - round(minutes_ago * 60_000)
        result = SegmentMetadata(camera, stream, RunId(run), start_ms, "avc1.640028", FORMAT.width, FORMAT.height)
        name = result.name.closed(start_ms + round(minutes * 60_000))
        picture = Sample(b"\0\0\0\x02\x65\x01", 0, round(minutes * 60) * 90_000, True)
        parts = [init_segment(FORMAT, None, result.record()), *map(bytes, fragment(1, [picture]))]
        end = end_box(SegmentTrailer(start_ms + round(minutes * 60_000), "length").record())
        filler = max(8, size_bytes - sum(map(len, parts)) - len(end))
        parts += [filler.to_bytes(4, "big") + b"free" + bytes(filler - 8), end]
        path = self.folder / name.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(parts))
        segment = result.segment(name, path.stat().st_size)
        if listed:
            self.index.add_segment(segment)
        return segment


def keep_all() -> RetentionContract:
    """Return rules that delete nothing, however little space is free."""
    return RetentionContract(RetentionRule(free_share=0.0))


def put_file(volume: Volume, segment: Segment) -> None:
    """A file that says that it is this segment, as large as it, and holds nothing else."""
    result = SegmentMetadata(
        segment.camera,
        segment.stream,
        segment.run,
        segment.start_ms,
        segment.video,
        segment.width,
        segment.height,
        segment.audio,
    )
    path = volume.root / segment.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(init_segment(FORMAT, None, result.record()))
    os.truncate(path, segment.size_bytes)


def break_reads(patched: pytest.MonkeyPatch, disk: DiskAccess, broken: str, *, first: int = 0) -> None:
    """From read number `first` on, a bad sector is in this one file."""
    read, left = disk.read, iter(range(first))

    def failing(path: str, offset: int = 0, size: int | None = None) -> bytes:
        if path == broken and next(left, None) is None:
            raise StorageError(str(disk.root / path), "Input/output error")
        return read(path, offset, size)

    patched.setattr(disk, "read", failing)


def _nothing_may_fail(name: str, error: BaseException) -> None:
    raise AssertionError(f"{name} failed") from error
