"""Between namer and events: who is shown to recognisers, what is told of them, and that nothing waits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tawny.detection.recognition import (
    RecogniserInput,
    RecogniserResult,
    RecognitionQueue,
    RecognitionSettings,
    TrackRecogniser,
)
from tawny.engine.plugins import PluginFailed
from tawny.media.codec.encoder import Encoder
from tawny.model.ids import CameraId, RunId
from tawny.model.observations import Look, Observation, RecognisedText
from tawny.model.packets import Packet
from tawny.stream.hub import Hub
from tests.detection.sink import Sink
from tests.support.scenes import PictureFrame

PORCH = CameraId("porch")
BEGUN_MS = 1_795_000_000_000
PICTURE = np.full((180, 320), 100, np.uint8)


class Recogniser:
    def __init__(self, *readings: RecogniserResult, kinds: tuple[str, ...] = ("vehicle",)) -> None:
        self.readings, self.kinds, self.trouble, self.is_ready = list(readings), kinds, "", True
        self.shown: list[RecogniserInput] = []

    def read(self, shown: RecogniserInput) -> Sequence[RecogniserResult]:
        self.shown.append(shown)
        return self.readings

    def close(self) -> None: ...


class Bench:
    def __init__(
        self, recogniser: Any, *, names: bool = True, zones: tuple[str, ...] = (), large: Hub | None = None,
        at_once: bool = True,
    ) -> None:  # fmt: skip
        self.desk = RecognitionQueue(is_inline=at_once)
        self.desk.use({"plates": recogniser}, lambda _by, reading: "anna" if reading.text == "BAB123" else "")
        wanted = RecognitionSettings(("plates",), 0.6, zones, lambda: names)
        self.sink = Sink(TrackRecogniser(PORCH, self.desk, wanted, large))

    def look(self, at_s: float, *seen: Observation) -> tuple[tuple[int, RecognisedText], ...]:
        self.sink.look(PictureFrame(PICTURE, BEGUN_MS + round(at_s * 1000), PORCH), Look(70, seen))
        return self.sink.looks[-1].reads


def car(track: int = 1, label: str = "vehicle", sure: float = 0.8, **more: Any) -> Observation:
    return Observation(label, 0.8, (0.2, 0.2, 0.7, 0.8), track, sure=sure, **more)


PLATE = RecogniserResult("BAB123", 0.8)


class Failing(Recogniser):
    def read(self, shown: RecogniserInput) -> Sequence[RecogniserResult]:
        raise RuntimeError("hunter2")


def test_what_a_plug_in_raises_names_it() -> None:
    with pytest.raises(PluginFailed, match=r"the plug-in plates failed: RuntimeError$"):
        Bench(Failing(PLATE)).look(0, car())


def test_what_was_read_is_told_with_its_track_and_who_is_known() -> None:
    bench = Bench(Recogniser(PLATE))
    assert bench.look(0, car()) == ()
    assert bench.look(0.2, car()) == ((1, RecognisedText("plates", "BAB123", 0.8, "anna")),)
    assert bench.look(5, *()) == ((1, RecognisedText("plates", "BAB123", 0.8, "anna")),)
    assert bench.look(30, *()) == ()


def test_a_recogniser_is_shown_only_its_kinds_cut_out_with_a_little_around() -> None:
    one = Recogniser(PLATE)
    bench = Bench(one)
    bench.look(0, car(2, "person"), car(1))
    assert [(shown.kind, shown.rgb.shape) for shown in one.shown] == [("vehicle", (120, 180, 3))]


def test_where_things_get_names_only_what_has_one_is_read_and_elsewhere_all_that_moves() -> None:
    one, other = Recogniser(PLATE), Recogniser(PLATE)
    Bench(one, names=True).look(0, car(1, "motion", 0.0))
    Bench(other, names=False).look(0, car(1, "motion", 0.0))
    assert (len(one.shown), len(other.shown)) == (0, 1)


def test_only_in_the_wanted_zones() -> None:
    one = Recogniser(PLATE)
    bench = Bench(one, zones=("drive",))
    bench.look(0, car(1), car(2, zones=("drive",)))
    assert len(one.shown) == 1


def test_what_is_read_less_surely_counts_for_nothing() -> None:
    bench = Bench(Recogniser(RecogniserResult("BAB123", 0.5)))
    bench.look(0, car())
    assert bench.look(1, car()) == ()


def test_it_asks_a_few_times_a_second_and_less_once_it_knows() -> None:
    one = Recogniser(PLATE)
    bench = Bench(one)
    for n in range(50):
        bench.look(n / 5, car())
    assert 5 <= len(one.shown) <= 9


def test_nothing_waits_for_a_slow_one_and_the_newest_picture_is_read() -> None:
    one = Recogniser(PLATE)
    bench = Bench(one, at_once=False)
    for n in range(10):
        assert bench.look(n / 2, car()) == ()
    assert (len(one.shown), bench.desk.replaced) == (0, 9)
    bench.desk.step()
    assert one.shown[0].at_ms == BEGUN_MS + 4500


def test_of_a_camera_with_two_streams_the_large_ones_keyframe_is_read() -> None:
    hub, encoder = Hub(), Encoder(640, 360, fps=5, gop_s=1.0)
    for n in range(10):
        for made in encoder.encode(np.full((360, 640, 3), 90, np.uint8), n * 18_000):
            at_ms = BEGUN_MS + n * 200
            hub.append(Packet(RunId("r"), n, made.format, made.data, made.pts, at_ms, made.is_keyframe))
    one = Recogniser(PLATE)
    bench = Bench(one, large=hub)
    bench.look(0.0, car())
    bench.look(1.0, car())
    bench.look(1.2, car())
    assert [shown.at_ms for shown in one.shown] == [BEGUN_MS, BEGUN_MS + 1000]
    assert {shown.rgb.shape for shown in one.shown} == {(242, 358, 3)}


def test_keyframes_are_read_after_the_clock_was_set_back() -> None:
    hub, encoder = Hub(), Encoder(640, 360, fps=5, gop_s=1.0)
    one = Recogniser(PLATE)
    bench = Bench(one, large=hub)
    at_s = [0.2 * n - (3600 if n >= 10 else 0) for n in range(20)]
    for n in range(20):
        for made in encoder.encode(np.full((360, 640, 3), 90, np.uint8), n * 18_000):
            at_ms = BEGUN_MS + round(at_s[made.pts // 18_000] * 1000)
            hub.append(
                Packet(RunId("r"), made.pts // 18_000, made.format, made.data, made.pts, at_ms, made.is_keyframe)
            )
        bench.look(at_s[n], car())
    shown_s = [(shown.at_ms - BEGUN_MS) / 1000 for shown in one.shown]
    assert shown_s == [0, 1, -3598, -3597]
