"""A detector that wants no pictures: it is asked in time, and nothing is decoded for it."""

from typing import Any, ClassVar

import pytest

from tawny.detection import decode_pipeline
from tawny.detection.zones import CameraZones, in_places
from tawny.media.codec.decoder import Decoder
from tawny.media.image import jpeg
from tawny.model.ids import RunId
from tawny.model.observations import Frame, Look, Observation
from tawny.testing.clock import FakeClock
from tests.detection.bench import Bench
from tests.detection.camera import Camera, walker


class Sensor:
    """An event from the 5th second on."""

    name: ClassVar[str] = "sensor"
    takes_frame = False

    def __init__(self, *, looks_at_it: bool = False) -> None:
        self.begun_ms, self._looks_at_it = 0, looks_at_it
        self.shapes: list[tuple[Any, Any]] = []

    def look(self, frame: Frame) -> Look:
        self.begun_ms = self.begun_ms or frame.at_ms
        if frame.at_ms - self.begun_ms < 5000:
            return Look(0)
        if self._looks_at_it:
            self.shapes.append((frame.rgb.shape, frame.luma.shape))
        return Look(90, (Observation("motion", 0.9, (0.0, 0.0, 1.0, 1.0), 1),))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was decoded."""
    made: list[object] = []

    class Counted(Decoder):
        def decode(self, packet: Any) -> Any:
            made.append(packet)
            return super().decode(packet)

    monkeypatch.setattr(decode_pipeline, "Decoder", Counted)
    monkeypatch.setattr(jpeg, "Decoder", Counted)
    return made


@pytest.mark.parametrize("has_level", [False, True])
def test_it_is_asked_five_times_a_second_and_nothing_is_decoded(decoded: list[object], has_level: bool) -> None:
    bench = Bench(in_places(Sensor(), CameraZones(level=60) if has_level else CameraZones()))
    bench.run(10)
    assert [at_ms - bench.begun_ms for at_ms, _ in bench.looks][:40] == [200 * n for n in range(40)]
    assert bench.looks[-1][1].seen
    assert decoded == []


def test_it_is_asked_on_after_the_clock_was_set_back() -> None:
    bench = Bench(Sensor())
    (camera,) = bench.cameras
    bench.run(4)
    bench.clock.jump_utc(-3600)
    camera.begun_ms, camera.run = camera.begun_ms - 3_600_000, RunId("second")
    bench.run(4)
    later = [at_ms for at_ms, _ in bench.looks if at_ms < bench.begun_ms + 3_000_000]
    assert len(later) >= 15


def test_who_wants_the_picture_after_all_gets_that_of_the_keyframe_before(decoded: list[object]) -> None:
    sensor = Sensor(looks_at_it=True)
    bench = Bench(sensor)
    bench.run(8)
    assert set(sensor.shapes) == {((216, 384, 3), (216, 384))}
    assert 0 < len(decoded) <= len(sensor.shapes)


def test_a_detector_that_begins_to_want_pictures_gets_whole_ones() -> None:
    class Later(Sensor):
        def look(self, frame: Frame) -> Look:
            found = super().look(frame)
            self.takes_frame = self.takes_frame or bool(found.seen)
            return found

    clock = FakeClock()
    bench = Bench(Later(), Camera(clock, walker(gop_s=4.0)), clock=clock)
    bench.run(20)
    assert bench.watcher.notes["errors"] == 0
    assert bench.looks[-1][0] - bench.begun_ms > 18_000
