"""One stream that shows where something happens: what comes out when it goes from camera to camera."""

import asyncio
import io
from collections.abc import Callable
from itertools import pairwise

import av
import pytest

from tawny.live import stream_choice
from tawny.live.hls import HlsFeed
from tawny.model.errors import SourceUnusable
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.packets import Packet
from tawny.stream.hub import Hub
from tests.live.cameras import GOP, START_MS, numbered, sound, video
from tests.live.following import Cameras

DOOR, YARD = CameraId("door"), CameraId("yard")
MASKS = (Polygon.of([(0.0, 0.0), (0.5, 0.0), (0.5, 0.5)]),)


def two() -> Cameras:
    cameras = Cameras({DOOR: Hub(), YARD: Hub()}, DOOR)
    cameras.send(DOOR, list(numbered(video(count=40), sound(seconds=2.5))))
    return cameras


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():
            await asyncio.sleep(0.01)


def in_it(hub: Hub) -> list[Packet]:
    return hub.recent(1000)


def sizes(hub: Hub) -> list[int]:
    return [packet.format.width for packet in in_it(hub) if packet.is_keyframe and packet.is_video]  # type: ignore[union-attr]


async def test_it_begins_with_what_the_ring_has_and_has_no_sound() -> None:
    cameras = two()
    with cameras.followed().opened() as hub:
        await until(lambda: hub.newest is not None)
        got = in_it(hub)
    assert [packet.at_ms for packet in got] == [START_MS + 1000 * at // 15 for at in range(40)]
    assert got[0].is_keyframe
    assert all(packet.is_video for packet in got)


async def test_it_goes_over_at_a_keyframe_at_once_and_time_goes_on() -> None:
    cameras = two()
    cameras.send(YARD, video(width=128, count=40, start_ms=START_MS - 700))
    with cameras.followed().opened() as hub:
        await until(lambda: hub.newest is not None)
        cameras.go(YARD)
        await until(lambda: 128 in sizes(hub))
        before = len(in_it(hub))
        cameras.send(YARD, video(width=128, count=60, start_ms=START_MS - 700)[40:])
        await until(lambda: len(in_it(hub)) == before + 20)
        got = in_it(hub)
        assert cameras.seen == [YARD]
    runs = [packet.run for packet in got]
    begins = [packet for packet, run in zip(got, [None, *runs], strict=False) if packet.run != run]
    assert [packet.is_keyframe for packet in begins] == [True, True]
    assert all(one.at_ms < two.at_ms for one, two in pairwise(got))
    assert all(one.pts < two.pts for one, two in pairwise(got) if one.run == two.run)
    assert min(packet.pts for packet in got) == 0
    assert [packet.number for packet in got] == list(range(len(got)))
    late = [one for one in got if one.run == begins[1].run][-10:]
    assert {round((two.at_ms - one.at_ms) / 67) for one, two in pairwise(late)} == {1}


async def test_it_stays_until_the_other_camera_has_a_picture() -> None:
    cameras = two()
    with cameras.followed().opened() as hub:
        await until(lambda: hub.newest is not None)
        cameras.go(YARD)
        cameras.send(DOOR, video(count=60)[40:])
        await until(lambda: len(in_it(hub)) == 60)
        cameras.send(YARD, video(width=128, count=GOP))
        await until(lambda: 128 in sizes(hub))
        assert cameras.seen == [YARD]


async def test_a_camera_is_not_shown_bare_once_it_has_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise SourceUnusable("the encoder", "it can't be opened")

    cameras = two()
    packets = video(count=60)
    with monkeypatch.context() as broken, cameras.followed().opened() as hub:
        broken.setattr(stream_choice, "Reencoder", fails)
        await until(lambda: hub.newest is not None)
        before = len(in_it(hub))
        cameras.hubs[DOOR].private = MASKS
        cameras.send(DOOR, packets[40:])
        await until(lambda: cameras.seen == [])
        cameras.clock.advance(1.0)
        await until(lambda: cameras.seen == [DOOR])
        assert len(in_it(hub)) == before


async def test_a_camera_that_got_a_mask_is_shown_with_it() -> None:
    cameras = two()
    with cameras.followed().opened() as hub:
        await until(lambda: hub.newest is not None)
        before = len(in_it(hub))
        cameras.hubs[DOOR].private = MASKS
        cameras.send(DOOR, video(count=60)[40:])
        cameras.clock.advance(1.0)
        await until(lambda: len(in_it(hub)) > before)
        bare = {packet.data for packet in video(count=60)}
        assert not bare & {packet.data for packet in in_it(hub)[before:]}


async def test_nothing_is_looked_at_when_nobody_looks() -> None:
    cameras = two()
    followed = cameras.followed()
    with followed.opened() as hub, followed.opened():
        await until(lambda: hub.newest is not None)
        assert cameras.seen == [DOOR]
    await until(lambda: cameras.seen == [])
    with followed.opened():
        await until(lambda: cameras.seen == [DOOR])


async def test_an_hls_list_tells_the_change_and_both_halves_play() -> None:
    cameras = two()
    cameras.send(YARD, video(width=128, count=2 * GOP, start_ms=START_MS + 1000))
    with cameras.followed().opened() as hub:
        feed = HlsFeed(hub, cameras.clock)
        task = asyncio.create_task(feed.run())
        await until(lambda: feed.header(0) is not None)
        cameras.go(YARD)
        cameras.send(YARD, video(width=128, count=4 * GOP, start_ms=START_MS + 1000)[2 * GOP :])
        await until(lambda: feed.header(1) is not None)
        assert await feed.has(2, 0, 30)
        text = feed.playlist()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert text.index("header-0.mp4") < text.index("#EXT-X-DISCONTINUITY\n") < text.index("header-1.mp4")
    for number, width in ((0, 64), (1, 128)):
        header, segment = feed.header(number), feed.segment(2 * number)
        assert header and segment
        assert (header.width, segment.begin) == (width, number)
        with av.open(io.BytesIO(header.init + segment.data), "r") as playing:
            assert {frame.width for frame in playing.decode(video=0)} == {width}
