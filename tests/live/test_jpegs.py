import asyncio
import threading
from functools import partial
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from tawny.live import jpeg_stream
from tawny.live.jpeg_stream import JpegLook, JpegOptions, JpegStream
from tawny.live.wakeup import share_once
from tawny.media.image.stamp import Stamp
from tawny.model.errors import StorageError
from tawny.model.ids import RunId
from tawny.stream.hub import Hub
from tawny.testing.waiting import until
from tests.live.cameras import GOP, START_MS, numbered, video

PACKETS = list(numbered(video(width=128)))
ALL = JpegOptions(128, 30, 75)


def filled(count: int) -> Hub:
    hub = Hub()
    for packet in PACKETS[:count]:
        hub.append(packet)
    return hub


def more_than(jpegs: JpegStream, count: int) -> bool:
    return jpegs.encoded > count


def nobody() -> None:
    """Is told, and does nothing."""


def test_the_first_picture_is_the_newest_there_is() -> None:
    jpegs = JpegStream(filled(GOP + 5))
    look = jpegs.look(ALL, nobody)
    until(look.newest, 60, "a picture")
    still = look.newest()
    assert still
    assert still.at_ms == START_MS + (GOP + 4) * 1000 // 15
    assert jpegs.encoded == 1
    look.close()


def test_every_picture_is_made_once_for_all_who_want_the_same() -> None:
    hub = filled(1)
    jpegs = JpegStream(hub)
    looks = [jpegs.look(ALL, nobody) for _ in range(5)]
    for packet in PACKETS[1:6]:
        before = jpegs.encoded
        hub.append(packet)
        until(partial(more_than, jpegs, before), 60, "the next picture")
    assert len({id(look.newest()) for look in looks}) == 1
    assert jpegs.encoded <= 6
    for look in looks:
        look.close()


def test_another_size_is_another_picture() -> None:
    hub = filled(2)
    jpegs = JpegStream(hub)
    large, small = jpegs.look(ALL, nobody), jpegs.look(JpegOptions(64, 30, 75), nobody)
    hub.append(PACKETS[2])  # who looks a moment later is given the next
    until(lambda: large.newest() and small.newest(), 60, "both sizes")
    widths = []
    for look in (large, small):
        still = look.newest()
        assert still
        seen = cv2.imdecode(np.frombuffer(still.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert seen is not None
        widths.append(seen.shape[1])
        look.close()
    assert widths == [128, 64]


def test_few_pictures_a_second_are_given_where_few_are_wanted() -> None:
    hub = filled(1)
    jpegs = JpegStream(hub)
    look = jpegs.look(JpegOptions(128, 5, 75), nobody)
    until(look.newest, 60, "a picture")
    for packet in PACKETS[1 : 2 * GOP]:
        hub.append(packet)
    until(lambda: (still := look.newest()) and still.number >= 2 * GOP - 4, 60, "the last ones")
    assert jpegs.encoded <= 11
    look.close()


def test_pictures_go_on_after_the_clock_was_set_back() -> None:
    hub = filled(1)
    jpegs = JpegStream(hub)
    look = jpegs.look(JpegOptions(128, 5, 75), nobody)
    until(look.newest, 60, "a picture")
    hour_back = video(run=RunId("second"), start_ms=START_MS - 3_600_000, width=128)
    for packet in numbered(hour_back, first=1):
        hub.append(packet)
    until(lambda: (still := look.newest()) and still.at_ms >= hour_back[-4].at_ms and still.number, 30, "the last ones")
    assert jpegs.encoded <= 2 + 5 * len(hour_back) // 15
    look.close()


def unreadable(at_ms: int) -> Stamp:
    raise StorageError("/disk", "it does not answer")


def test_a_stamp_that_cannot_be_read_stops_no_pictures() -> None:
    hub = filled(1)
    jpegs = JpegStream(hub)
    stamped = ALL._replace(stamps=unreadable)
    looks = [jpegs.look(options, nobody) for options in (stamped, ALL)]
    for packet in PACKETS[1:3]:
        hub.append(packet)
        for look in looks:
            until(partial(_shows, look, packet.number), 60, "the next picture")
    for look in looks:
        look.close()


def test_pictures_go_on_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[object] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)
    hub = filled(1)
    jpegs = JpegStream(hub)
    look = jpegs.look(ALL, nobody)
    until(look.newest, 60, "a picture")
    with monkeypatch.context() as broken:
        broken.setattr(jpeg_stream, "mask_picture", Mock(side_effect=ZeroDivisionError))
        hub.append(PACKETS[1])
        until(lambda: errors, 60, "the error")
    hub.append(PACKETS[2])
    until(lambda: (still := look.newest()) and still.number == 2, 60, "the next picture")
    look.close()


@pytest.mark.asyncio
async def test_who_sees_no_stamps_waits_for_none() -> None:
    hub, answers = filled(1), threading.Event()

    def slow(at_ms: int) -> Stamp:
        answers.wait(60)
        return Stamp(())

    stamped = jpeg_stream.jpeg_pictures(hub, ALL._replace(stamps=slow), again_s=30)
    plain = jpeg_stream.jpeg_pictures(hub, ALL, again_s=30)
    waiting = asyncio.ensure_future(anext(stamped))
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(30):
            assert (await anext(plain)).number == 0
            assert not waiting.done()
    finally:
        answers.set()
    await waiting
    for each in (stamped, plain):
        await each.aclose()


def test_the_work_ends_with_the_last_viewer() -> None:
    others = set(threading.enumerate())
    jpegs = JpegStream(filled(2))
    looks = [jpegs.look(ALL, nobody) for _ in range(2)]
    (thread,) = {one for one in threading.enumerate() if one.name == "jpegs"} - others
    looks[0].close()
    assert thread.is_alive()
    looks[1].close()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.shows("RP2")
@pytest.mark.asyncio
async def test_a_moving_jpeg_has_a_part_a_picture_and_ends_each_with_the_boundary() -> None:
    hub = filled(1)
    parts = jpeg_stream.multipart_stream(hub, ALL)
    async with asyncio.timeout(30):
        assert await anext(parts) == b"--picture\r\n"
        first = await anext(parts)
        following = asyncio.ensure_future(anext(parts))
        hub.append(PACKETS[1])
        second = await following
    assert first.startswith(b"Content-Type: image/jpeg\r\n")
    assert first.endswith(b"\r\n--picture\r\n")
    assert f"X-At-Ms: {PACKETS[1].at_ms}".encode() in second
    await parts.aclose()


@pytest.mark.shows("RP2")
async def test_who_is_slow_gets_the_newest_picture_and_not_all_between() -> None:
    hub = filled(1)
    pictures = jpeg_stream.jpeg_pictures(hub, ALL, again_s=30)
    async with asyncio.timeout(60):
        await anext(pictures)
        jpegs = share_once(JpegStream, hub, lambda: JpegStream(hub))
        for packet in PACKETS[1:8]:
            hub.append(packet)
        await asyncio.to_thread(lambda: until(lambda: _newest(jpegs) == 7, 30, "the last one"))
        assert (await anext(pictures)).number == 7
    await pictures.aclose()


def _shows(look: JpegLook, number: int) -> bool:
    still = look.newest()
    return still is not None and still.number == number


def _newest(jpegs: JpegStream) -> int:
    still = jpegs.newest(ALL)
    return still.number if still else -1


def refused(*_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_viewer_without_a_thread_keeps_none_running_later() -> None:
    jpegs = JpegStream(filled(1))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(jpeg_stream, "start_thread", refused)
        jpegs.look(ALL, nobody)
    others = set(threading.enumerate())
    look = jpegs.look(ALL, nobody)
    (thread,) = {one for one in threading.enumerate() if one.name == "jpegs"} - others
    look.close()
    thread.join(10)
    assert not thread.is_alive()
