"""A whole recorder of two cameras on a clock that the test moves and a disk that fails as it is told to.

Sources, sessions, keepers, the ledger, the recorder, retention, SQLite: all as in a running tawny, but for the threads,
which are stepped one after another, and the cameras, which send pictures that nobody had to encode.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tawny.app.housekeeping import Heartbeat, Housekeeping
from tawny.config.settings import CameraSettings, DetectionSettings, HeartbeatSettings
from tawny.engine import Bus, InlineEngine
from tawny.model.errors import SourceClosed
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, EventChanged, Message
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.model.segments import Gap, GapReason
from tawny.model.states import CameraStatus
from tawny.model.times import Span
from tawny.recorder.recorder import DiskCallbacks, SegmentRecorder, WriteLoss
from tawny.service.cameras.camera import CameraServices, RunningCamera
from tawny.service.cameras.gap_writer import GapWriter
from tawny.service.detection.event_marks import EventMarks
from tawny.service.detection.event_writer import EventWriter
from tawny.service.health.monitor import HealthMonitor, MonitoredRecorder
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.source import IdleUntil, SourceContext
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import CheckReport
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.runner import Retention, RetentionRule
from tawny.storage.segments.detection_files import EventFiles, MotionGrids, MotionScoreFile
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import FORMAT
from tests.support.faulty_disk import FaultyDisk

PORCH, YARD = CameraId("porch"), CameraId("yard")
EVER = Span(0, 1 << 45)
FPS, GOP = 5, 10
START = "2026-11-20T05:00:00Z"


class Pictures:
    """A source whose cameras send a picture every fifth of a second. `away`: cameras that hang up."""

    scheme: ClassVar[str] = "pictures"

    def __init__(self) -> None:
        self.away: set[CameraId] = set()
        self.opened: Counter[CameraId] = Counter()
        self.frame_bytes = 300

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        return table

    def claims(self, address: str) -> bool:
        return address == "pictures:"

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> "_Connection":
        if opening.camera in self.away:
            raise SourceClosed("pictures:", "it is away")
        self.opened[opening.camera] += 1
        return _Connection(self, opening)


class _Connection:
    def __init__(self, source: Pictures, opening: SourceContext) -> None:
        self._source, self._camera, self._clock = source, opening.camera, opening.clock
        self._begun_s, self._number = opening.clock.mono_s(), 0

    @property
    def notes(self) -> Mapping[str, Any]:
        return {}

    def read(self) -> SourcePacket | IdleUntil:
        if self._camera in self._source.away:
            raise SourceClosed("pictures:", "it went away")
        due_s = self._begun_s + self._number / FPS - self._clock.mono_s()
        if due_s > 1e-6:
            return IdleUntil(due_s)
        is_keyframe = self._number % GOP == 0
        nal = bytes([0x65 if is_keyframe else 0x41, self._number % 250 + 1]) + bytes(self._source.frame_bytes)
        pts = self._number * VIDEO_RATE // FPS
        self._number += 1
        return SourcePacket(FORMAT, len(nal).to_bytes(4, "big") + nal, pts, is_keyframe)

    def close(self) -> None:
        """Nothing is held."""


class World:
    def __init__(self, folder: Path, start: str = START, check_in: str = "", **camera: Any) -> None:
        self.folder, self.clock = folder, FakeClock(start)
        self.disk, self.cameras_of = FaultyDisk(folder), Pictures()
        self.failed: list[str] = []
        self.heard: list[tuple[int, Message]] = []
        """With the time at which it was told."""
        self.losses: list[WriteLoss] = []
        self.engine = InlineEngine(self.clock, lambda name, error: self.failed.append(f"{name}: {error!r}"))
        self.volume, self.bus = Volume(self.disk), Bus()
        self.lock = self.volume.lock(self.clock)
        self.index = SqliteIndex(folder / "tawny.db", Catalogue(self.volume))
        self.history = HistoryJournal(self.disk)
        self.ledger = HistoryLedger(self.history, self.index, self.clock)
        self.ledger.started("boot")
        self.retention = Retention(
            self.volume, self.index, self.ledger, self.clock, RetentionContract(RetentionRule(free_share=0.0))
        )
        self.recorder = SegmentRecorder(
            self.volume, self.index, self.clock, self.bus, DiskCallbacks(self._lost, self.retention.make_room)
        )
        self.recorder.start(self.engine)
        self.gap_writer = GapWriter(self.ledger, self.clock)
        self.gap_writer.start(self.engine)
        self.retention.start(self.engine)
        self.bus.subscribe_all(lambda message: self.heard.append((self.clock.now_ms(), message)))
        self.begin_ms = self.clock.now_ms()
        marks = EventMarks(self.ledger)
        events = EventWriter(marks, EventFiles(self.volume))
        events.start(self.engine)
        parts = CameraServices(
            clock=self.clock,
            engine=self.engine,
            bus=self.bus,
            plugins=PluginRegistry({"pictures": self.cameras_of}, {}),
            gaps=self.gap_writer,
            marks=marks,
            events=events,
            recorder=self.recorder,
            scores=MotionScoreFile(self.volume, self.clock),
            grids=MotionGrids(self.volume, self.clock),
        )
        chosen = CameraSettings(source="pictures:", detection=DetectionSettings(detector="off"), **camera)
        self.cameras = {name: RunningCamera(name, chosen, parts, self.begin_ms) for name in (PORCH, YARD)}
        self.shown: Callable[[CameraStatus], CameraStatus] = lambda status: status
        self.care = HealthMonitor(
            MonitoredRecorder(
                self.volume,
                self.index,
                self.recorder,
                self.ledger,
                cameras=lambda: [self.shown(camera.coverage.status) for camera in self.cameras.values()],
                others=list,
            ),
            HeartbeatSettings.model_validate({"url": check_in, "interval": "1 min"}),
            self.clock,
            self.bus,
            "UTC",
            lambda: True,
        )
        self.care.start(self.engine)
        self.engine.start("housekeeping", lambda: Housekeeping(self.cameras.values, self.clock))
        self.engine.start(Heartbeat.name, lambda: Heartbeat(self.ledger, self.lock.pulse, self.clock))

    def run(self, seconds: float) -> None:
        self.engine.run_for(seconds)

    def _lost(self, loss: WriteLoss) -> None:
        self.losses.append(loss)
        self.cameras[loss.camera].lost(loss)

    def event(self, lasts_s: float, kind: str = "person", camera: CameraId = PORCH) -> Event:
        """Let something happen for so long, from now on. Return the event, which is over."""
        event = Event(new_event_id(self.clock.now_ms()), camera, kind, self.clock.now_ms(), None, 50.0)
        self.tell_event(event)
        self.run(lasts_s)
        event = event.ended(self.clock.now_ms())
        self.tell_event(event)
        return event

    def tell_event(self, event: Event) -> None:
        """Store an event and tell of it, as detection does."""
        self.ledger.put_event(event)
        self.cameras[event.camera].on_event(EventChanged("updated", event))

    def stall(self, seconds: float) -> None:
        """From now on, for so long, no write of video comes back."""
        until_s = self.clock.mono_s() + seconds

        def before(operation: str, path: str) -> None:
            left_s = until_s - self.clock.mono_s()
            if left_s > 0 and operation in ("append", "sync") and path.endswith(".mp4"):
                self.engine.run_for(left_s)  # all others go on meanwhile

        self.disk.before = before

    def stop(self) -> int:
        """End as a recorder does that is told to; when that was."""
        end_ms = self.clock.now_ms()
        for camera in self.cameras.values():
            camera.stop_reading(for_good=True)
        for camera in self.cameras.values():
            camera.close()
        self.run(10)
        self.gap_writer.step()
        assert self.ledger.flush()
        assert self.recorder.is_idle
        self.ledger.stopped("person")
        self.history.close()
        self.index.close()
        self.lock.release()
        return end_ms

    def alarmed_s(self, since_ms: int) -> float:
        """How long after an instant the first alarm was raised."""
        raised = [at_ms for at_ms, one in self.heard if isinstance(one, Alarm) and one.until_ms is None]
        return (min(at_ms for at_ms in raised if at_ms >= since_ms) - since_ms) / 1000

    # --- what was recorded

    def spans(self, camera: CameraId = PORCH) -> list[Span]:
        return self.index.spans(camera, None, EVER)

    @property
    def gaps(self) -> list[Gap]:
        return self.index.gaps(PORCH, EVER)

    def gaps_of(self, camera: CameraId = PORCH) -> list[Gap]:
        """All but the one before the first picture."""
        return [gap for gap in self.index.gaps(camera, EVER) if gap.reason is not GapReason.RECORDER_OFF]


@contextmanager
def world(folder: Path, start: str = START, check_in: str = "", **camera: Any) -> Iterator[World]:
    """Nothing may fail in it but removing the oldest, which begins again a minute later, while the disk refuses.

    camera: more of its settings.
    """
    made = World(folder, start, check_in, **camera)
    yield made
    assert [name for name in made.failed if not name.startswith("retention: ")] == []


def proved(folder: Path, clock: FakeClock) -> CheckReport:
    """What `tawny check --deep --wall` finds; nothing must be wrong, and nothing unexplained."""
    volume = Volume.at(folder)
    index = SqliteIndex(folder / "tawny.db", Catalogue(volume), read_only=True)
    try:
        report = check_volume(volume, index, clock, CheckScope(deep=True, with_wall=True, beside_recorder=False))
    finally:
        index.close()
    assert report.findings == []
    assert report.wall is not None
    assert report.wall.unexplained == []
    return report
