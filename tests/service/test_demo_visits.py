"""Demo cameras, looked at as fast as possible: everyone who comes by is one visit, and nothing else is an alert."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

import tawny.detection
from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.kind_model import FallbackClassifier, FallbackLabeller, KindClassifier
from tawny.detection.motion import MotionDetector
from tawny.detection.watcher import Watcher, WatchOptions
from tawny.events.event_builder import EventBuilder
from tawny.media.codec.encoder import Encoder
from tawny.model.events import AlertRules, Level
from tawny.model.ids import CameraId
from tawny.model.messages import Message
from tawny.model.packets import SourcePacket
from tawny.model.times import Span, utc_text
from tawny.service.detection.event_marks import EventMarks
from tawny.service.visits import NewVisitCounter, VisitQuery, find_visits, learn_neighbors
from tawny.sources.demo.renderer import SceneRenderer
from tawny.sources.demo.world import DAY_S, SCENES, DemoWorld, Passage
from tawny.storage.disk.memory_disk import RamDisk
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.detection.camera import Camera

FPS: Final = 5
SEED: Final = 1
AFTER_S: Final = 12
"""Time in s that goes on after the last one left, so that the events end."""


def packets(world: DemoWorld, seconds: int, begun_ms: int) -> list[SourcePacket]:
    painter = SceneRenderer(world, 2)
    encoder = Encoder(painter.width, painter.height, FPS, gop_s=2.0)
    found: list[SourcePacket] = []
    for number in range(seconds * FPS):
        found += encoder.encode(painter.paint(number / FPS, begun_ms + number * 1000 // FPS), number * 90_000 // FPS)
    return found + encoder.close()


def watch(scene: str, seconds: int, index: MemoryIndex, clock: FakeClock) -> list[Passage]:
    """Fill the index with the camera's events, and return who came by."""
    camera, begun_ms = CameraId(scene), clock.now_ms()
    world = DemoWorld(SCENES[scene], 0.0, SEED)
    film = Camera(clock, packets(world, seconds + AFTER_S, begun_ms))
    marks = EventMarks(
        HistoryLedger(HistoryJournal(RamDisk(50_000_000, clock)), index, clock),
        lambda _: AlertRules(is_named=False),
    )
    messages: list[Message] = []
    events = EventBuilder(camera, marks, messages.append, lambda _event, _jpeg: None)
    kinds = KindClassifier(Path(tawny.detection.__file__).with_name("kinds.onnx"))
    labeller = FallbackLabeller(FallbackClassifier(clock, kinds), {"person": 0.7, "vehicle": 0.7}, lambda: True)
    watcher = Watcher(
        camera,
        [film.hub],
        MotionDetector({}),
        events,
        clock,
        messages.append,
        WatchOptions((labeller,), DecodeGate(GateMode.BALANCED)),
    )
    until_s = clock.mono_s() + seconds + AFTER_S
    while clock.mono_s() < until_s:
        film.come()
        clock.advance(watcher.step() or 0.001)
    watcher.close()
    return [one for one in world.truth(0, seconds, begun_ms) if one.end_ms <= begun_ms + seconds * 1000]


def assert_one_visit_each(scenes: Sequence[str], seconds: int) -> None:
    index, came = MemoryIndex(), list[Passage]()
    for scene in scenes:
        came += watch(scene, seconds, index, FakeClock())
    now_ms = FakeClock().now_ms() + seconds * 1000
    neighbors = learn_neighbors(index, now_ms)
    ever = Span(0, 1 << 50)
    visits, _ = find_visits(index, VisitQuery(ever, limit=10_000), neighbors)
    assert 0.95 <= len(visits) / len(came) <= 1.05
    badge = NewVisitCounter(FakeClock(utc_text(now_ms))).count(index, None, neighbors)
    assert badge[Level.ALERT] <= 1.05 * len(came), "the badge"
    alerts = index.events(ever, levels=[Level.ALERT], only="new", limit=10_000).events
    seen = [Span(one.start_ms - 2000, one.end_ms + 2000) for one in came]
    assert all(any(span.begin_ms <= one.start_ms <= span.end_ms for span in seen) for one in alerts)


def test_ten_minutes_at_the_side_of_the_house() -> None:
    assert_one_visit_each(["side"], 600)


@pytest.mark.long
@pytest.mark.parametrize("scene", SCENES)
def test_a_day_of_every_camera(scene: str) -> None:
    assert_one_visit_each([scene], DAY_S)


@pytest.mark.long
def test_ten_minutes_of_all_cameras_together() -> None:
    """They are worlds of their own: none is another's neighbor, by chance either."""
    assert_one_visit_each(list(SCENES), 600)
