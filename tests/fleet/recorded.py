"""A box's folder with real recordings."""

from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.segments.detection_files import EventFiles
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed

PORCH, MAIN = CameraId("porch"), StreamName.MAIN
EVER = Span(0, 1 << 45)
OWNER = Identity.new()
JPEG = b"\xff\xd8\xff\xe0" + bytes(200)


class Recorded:
    """A box's folder with real recordings, a signed history and events."""

    def __init__(self, folder: Path, clock: FakeClock, *, sealed: bool = False) -> None:
        self.folder, self.clock, self.volume, self.index = folder, clock, Volume.at(folder), MemoryIndex()
        self.signed = SignedHistory.opened(self.volume.disk, clock.now_ms())
        self.ledger = HistoryLedger(HistoryJournal(self.volume.disk), self.index, clock)
        seal = CameraSealing((OWNER.recipient,)) if sealed else None
        self.seals = EpochKeys(self.signed, clock, lambda _: seal)

    def record(self, seconds: int) -> None:
        engine = InlineEngine(self.clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
        recorder, hub = SegmentRecorder(self.volume, self.index, self.clock, Bus(), seals=self.seals), Hub()
        recorder.start(engine)
        recorder.add(PORCH, MAIN, hub)
        feed = PacketFeed(hub, self.clock, fps=1, gop=2, size_bytes=400)
        for _ in range(seconds):
            feed.picture()
            engine.run_for(1)
        recorder.end_all()
        engine.run_for(5)

    def state(self) -> None:
        assert self.signed.state(self.clock.now_ms())

    def rows(self) -> list[Segment]:
        return self.index.segments(PORCH, None, EVER)

    def event(self, start_ms: int) -> Event:
        made = Event(EventId("e-1"), PORCH, "person", start_ms, start_ms + 5000, 80.0, picture_ms=start_ms)
        EventFiles(self.volume).write_picture(made, JPEG)
        self.ledger.put_event(made)
        return made
