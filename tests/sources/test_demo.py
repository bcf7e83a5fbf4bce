"""The demo cameras through the door that all sources come by."""

import gc
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np
import pytest

from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.model.errors import SourceNotFound
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.sources.demo import SCENES, Demo, renderer
from tawny.sources.demo.assets import Atlas, FigurePath, Plane, atlas, plate, ways
from tawny.sources.demo.renderer import SceneRenderer
from tawny.sources.demo.source import FORMAT, LATE_S, DemoConnection
from tawny.sources.demo.world import DAY_S, DemoWorld, light
from tawny.sources.source import IdleUntil, SourceContext
from tawny.testing.clock import FakeClock

PORCH = CameraId("porch")
MAIN, SUB = StreamName.MAIN, StreamName.SUB


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def opened(
    demo: Demo, clock: FakeClock, stream: StreamName = SUB, address: str = "demo:", **table: object
) -> DemoConnection:
    return demo.open(SourceContext(PORCH, stream, address, demo.settings(table), clock))


def packets(connection: DemoConnection, clock: FakeClock, seconds: float) -> Iterator[SourcePacket]:
    """What is read in so much of the clock's time."""
    until_s = clock.mono_s() + seconds
    while clock.mono_s() < until_s:
        got = connection.read()
        if isinstance(got, IdleUntil):
            clock.advance(max(got.for_s, 0.001))
        else:
            yield got


def pictures(found: list[SourcePacket]) -> list[DecodedFrame]:
    assert isinstance(found[0].format, VideoFormat)
    decoder = Decoder(found[0].format)
    frames = [frame for packet in found for frame in decoder.decode(packet)] + decoder.drain()
    assert decoder.errors == 0
    return frames


@pytest.mark.parametrize(("stream", "size"), [(MAIN, (1280, 720)), (SUB, (640, 360))])
def test_streams_have_their_sizes(clock: FakeClock, stream: StreamName, size: tuple[int, int]) -> None:
    (packet,) = packets(opened(Demo(), clock, stream), clock, 0.1)
    assert isinstance(packet.format, VideoFormat)
    assert packet.format.codec == "h264"
    assert (packet.format.width, packet.format.height) == size


@pytest.mark.parametrize("stream", [MAIN, SUB])
def test_a_small_camera_has_the_size_of_its_sub_stream(clock: FakeClock, stream: StreamName) -> None:
    (packet,) = packets(opened(Demo(), clock, stream, small=True), clock, 0.1)
    assert isinstance(packet.format, VideoFormat)
    assert (packet.format.width, packet.format.height) == (640, 360)


def test_the_first_packet_is_there_at_once_and_a_keyframe(clock: FakeClock) -> None:
    first = opened(Demo(), clock).read()
    assert isinstance(first, SourcePacket)
    assert first.is_keyframe
    assert first.pts == 0


def test_pictures_come_at_an_even_pace(clock: FakeClock) -> None:
    found = list(packets(opened(Demo(), clock), clock, 4.0))
    assert [packet.pts for packet in found] == [n * 18_000 for n in range(len(found))]
    assert len(found) == 20


def test_it_is_idle_until_a_picture_is_due(clock: FakeClock) -> None:
    connection = opened(Demo(), clock)
    connection.read()
    idle = connection.read()
    assert isinstance(idle, IdleUntil)
    assert idle.for_s == pytest.approx(0.2)


def test_a_keyframe_begins_every_two_seconds(clock: FakeClock) -> None:
    keys = [n for n, packet in enumerate(packets(opened(Demo(), clock), clock, 6.1)) if packet.is_keyframe]
    assert keys == [0, 10, 20, 30]


def test_everything_decodes(clock: FakeClock) -> None:
    found = list(packets(opened(Demo(), clock), clock, 4.0))
    assert len(pictures(found)) == len(found)


def test_a_computer_too_busy_leaves_pictures_out(clock: FakeClock) -> None:
    connection = opened(Demo(), clock)
    list(packets(connection, clock, 1.0))
    clock.advance(LATE_S + 10)
    late = next(packets(connection, clock, 1.0))
    assert late.pts == pytest.approx((1.0 + LATE_S + 10) * 90_000, abs=18_000)


def test_a_clock_put_back_changes_nothing_but_the_time_written(clock: FakeClock) -> None:
    connection = opened(Demo(), clock)
    list(packets(connection, clock, 1.0))
    clock.jump_utc(-3600)
    assert [packet.pts for packet in packets(connection, clock, 1.0)] == [n * 18_000 for n in range(5, 10)]


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (
        [packet.data for packet in packets(opened(Demo(), clock, seed=5), clock, 3.0)]
        for clock in (FakeClock(), FakeClock())
    )
    assert first == second


def test_both_streams_show_the_same_world(clock: FakeClock) -> None:
    demo = Demo()
    main = opened(demo, clock, MAIN, seed=1)
    clock.advance(16.4)
    sub = opened(demo, clock, SUB, seed=1)
    large, small = main.read(), sub.read()
    assert isinstance(large, SourcePacket)
    assert isinstance(small, SourcePacket)
    a, b = pictures([large])[0].luma, pictures([small])[0].luma
    coarse_a = a[:704].reshape(44, 16, 80, 16).mean((1, 3))
    coarse_b = b[:352].reshape(44, 8, 80, 8).mean((1, 3))
    assert abs(coarse_a[:40] - coarse_b[:40]).max() < 12


def test_a_stream_opened_again_goes_on_in_the_same_world(clock: FakeClock) -> None:
    demo = Demo()
    opened(demo, clock, seed=1).close()
    start_ms, now_ms = clock.now_ms(), 0
    clock.advance(30)
    before = demo.truth(PORCH, start_ms, start_ms + 300_000)
    opened(demo, clock, seed=1).close()
    now_ms = clock.now_ms()
    assert demo.truth(PORCH, start_ms, start_ms + 300_000) == before
    assert now_ms == start_ms + 30_000


@pytest.mark.parametrize("scene", SCENES)
def test_somebody_comes_by_within_twenty_seconds(clock: FakeClock, scene: str) -> None:
    demo = Demo()
    opened(demo, clock, address=f"demo:{scene}").close()
    start_ms = clock.now_ms()
    first = demo.truth(PORCH, start_ms, start_ms + 40_000)[0]
    assert 10_000 < first.start_ms - start_ms < 20_000


def test_somebody_comes_by_every_minute_or_so(clock: FakeClock) -> None:
    demo = Demo()
    opened(demo, clock).close()
    result = demo.truth(PORCH, clock.now_ms(), clock.now_ms() + 3_600_000)
    pauses_s = [(b.start_ms - a.start_ms) / 1000 for a, b in pairwise(result)]
    assert 55 <= len(result) <= 65
    assert min(pauses_s) > 20
    assert max(pauses_s) < 100
    assert {passage.kind for passage in result} == {"person", "vehicle", "animal"}


def test_truth_speaks_in_shares_of_the_picture_and_json(clock: FakeClock) -> None:
    demo = Demo()
    opened(demo, clock).close()
    for passage in demo.truth(PORCH, clock.now_ms(), clock.now_ms() + 600_000):
        assert passage.start_ms <= passage.boxes[0][0] < passage.boxes[-1][0] <= passage.end_ms
        for _, (x0, y0, x1, y1) in passage.boxes:
            assert 0 <= x0 < x1 <= 1
            assert 0 <= y0 < y1 <= 1
        json.dumps(passage.boxes)


def test_nobody_is_known_of_a_camera_never_opened(clock: FakeClock) -> None:
    assert Demo().truth(PORCH, 0, clock.now_ms()) == []


def test_quiet_means_nobody(clock: FakeClock) -> None:
    demo = Demo()
    opened(demo, clock, quiet=True).close()
    assert demo.truth(PORCH, clock.now_ms(), clock.now_ms() + 3_600_000) == []


@pytest.mark.parametrize("address", ["demo:", *(f"demo:{scene}" for scene in SCENES)])
def test_every_place_opens(clock: FakeClock, address: str) -> None:
    demo = Demo()
    assert demo.claims(address)
    assert demo.public(address) == address
    connection = opened(demo, clock, address=address)
    assert isinstance(connection.read(), SourcePacket)
    assert connection.notes["scene"] == (address.removeprefix("demo:") or "front")
    connection.close()


def test_a_place_that_does_not_exist_is_named(clock: FakeClock) -> None:
    with pytest.raises(SourceNotFound, match="front, drive"):
        opened(Demo(), clock, address="demo:moon")


@pytest.mark.parametrize("address", ["rtsp://demo", "clip.mp4", "/dev/video0", "demo"])
def test_other_addresses_are_not_its_own(address: str) -> None:
    assert not Demo().claims(address)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"quiet": 1}, "quiet"),
        ({"small": "yes"}, "small"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"speed": 0}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"color": "red"}, "color"),
    ],
)
def test_settings_that_cannot_be_used_say_which_and_what_is_allowed(table: dict[str, object], key: str) -> None:
    with pytest.raises(ValueError, match=rf"{key}: found .*; allowed: "):
        Demo().settings(table)


def test_settings_are_completed() -> None:
    assert Demo().settings({"seed": 3}) == {"quiet": False, "seed": 3, "speed": 1.0, "small": False}


def test_the_garden_is_heard_on_its_main_stream_without_holes(clock: FakeClock) -> None:
    found = list(packets(opened(Demo(), clock, MAIN, "demo:garden"), clock, 1.0))
    sounds = [packet for packet in found if not packet.is_video]
    assert sounds[0].format == FORMAT
    assert [packet.pts for packet in sounds] == [n * 1600 for n in range(10)]
    assert {len(packet.data) for packet in sounds} == {1600}


def test_other_streams_are_silent(clock: FakeClock) -> None:
    demo = Demo()
    for stream, address in ((SUB, "demo:garden"), (MAIN, "demo:front")):
        assert all(packet.is_video for packet in packets(opened(demo, clock, stream, address), clock, 0.5))


def test_streams_that_show_a_passage_at_once_share_its_pictures() -> None:
    way = ways("front")[0]
    first = atlas(way)
    assert atlas(way) is first
    assert atlas(ways("front")[1]) is not first


@pytest.mark.parametrize(
    "way", [way for scene in SCENES for way in ways(scene)], ids=lambda way: f"{way.scene}-{way.name}"
)
def test_the_pictures_of_a_passage_are_kept_compressed(way: FigurePath) -> None:
    pictures = Atlas(way)
    assert pictures.held_bytes < 3_500_000
    frame = next(frame for frame in way.frames if frame is not None)
    colours, opacity = pictures.figure(frame)
    assert colours.shape == (*opacity.shape, 3) == (frame.height, frame.width, 3)
    assert opacity.max() > 0
    assert pictures.shade(frame).shape == (frame.shade_height, frame.shade_width)


class Held(np.ndarray[Any, np.dtype[np.uint8]]):
    """An array that can be counted, with its copies."""

    alive: ClassVar[WeakValueDictionary[int, "Held"]] = WeakValueDictionary()

    def __array_finalize__(self, _made_of: Any) -> None:
        self.alive[id(self)] = self


@pytest.mark.parametrize("scene", SCENES)
def test_a_background_that_needs_no_mixing_is_held_once(scene: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "plate", lambda *which: plate(*which).view(Held))
    world = DemoWorld(SCENES[scene], 0.0, 1, quiet=True)
    plain = next(
        s for s in range(0, DAY_S, 60) if light(SCENES[scene], s).mix == 0 and light(SCENES[scene], s).gain == 1
    )
    painter = SceneRenderer(world, 2)
    whole = painter.paint(plain, 0).shape
    gc.collect()
    assert sum(one.shape == whole for one in Held.alive.values()) == 1


def test_only_backgrounds_of_the_current_light_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    held: WeakValueDictionary[int, Held] = WeakValueDictionary()

    loaded: list[str] = []

    def counted(scene: str, kind: str, divisor: int) -> Plane:
        found = plate(scene, kind, divisor).view(Held)
        held[len(loaded)] = found
        loaded.append(kind)
        return found

    monkeypatch.setattr(renderer, "plate", counted)
    scene = SCENES["front"]
    painter = SceneRenderer(DemoWorld(scene, 0.0, 1, quiet=True), 2)
    kinds: set[str] = set()
    for at_s in range(0, DAY_S, 60):
        painter.paint(at_s, 0)
        now = light(scene, at_s)
        used = {now.first} if now.mix == 0 else {now.first, now.second}
        kinds |= used
        gc.collect()
        assert len(held) <= len(used)
    assert kinds == {"day", "dusk", "infrared"}
