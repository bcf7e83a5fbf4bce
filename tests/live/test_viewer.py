import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from tawny.live.fragmenter import NewInitSegment
from tawny.live.viewer import LiveViewer, NothingYet, ViewerCounts
from tawny.live.wakeup import Wakeup
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import Packet
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tests.live.cameras import GOP, START_MS, numbered, video

PACKETS = list(numbered(video(count=150)))
Messages = AsyncIterator[NewInitSegment | bytes | NothingYet]


def filled(packets: list[Packet]) -> Hub:
    hub = Hub()
    for packet in packets:
        hub.append(packet)
    return hub


async def take(messages: Messages, count: int) -> list[NewInitSegment | bytes | NothingYet]:
    async with asyncio.timeout(10):
        return [await anext(messages) for _ in range(count)]


async def test_a_viewer_begins_at_once_with_the_newest_keyframe() -> None:
    hub = filled(PACKETS[: 2 * GOP + 3])
    viewer = LiveViewer(hub, FakeClock())
    first, *rest = await take(viewer.messages(), 3)
    assert isinstance(first, NewInitSegment)
    assert first.start_ms == START_MS + 2000
    assert all(isinstance(message, bytes) for message in rest)
    viewer.close()


async def test_a_viewer_goes_on_with_what_comes() -> None:
    hub = filled(PACKETS[:2])
    viewer = LiveViewer(hub, FakeClock())
    messages = viewer.messages()
    await take(messages, 3)
    threading.Thread(target=hub.append, args=(PACKETS[2],)).start()
    assert isinstance((await take(messages, 1))[0], bytes)
    viewer.close()


async def test_who_gathers_gets_what_came_in_one_piece() -> None:
    hub = filled(PACKETS[:1])
    alone, gathering = LiveViewer(hub, FakeClock()), LiveViewer(hub, FakeClock(), gather_s=0.05)
    each, together = alone.messages(), gathering.messages()
    begins = await take(each, 2), await take(together, 2)
    assert begins[0] == begins[1]
    for packet in PACKETS[1:4]:
        hub.append(packet)
    pieces = await take(each, 3)
    assert all(isinstance(piece, bytes) for piece in pieces)
    assert await take(together, 1) == [b"".join(piece for piece in pieces if isinstance(piece, bytes))]
    alone.close()
    gathering.close()


async def test_nothing_to_see_is_told() -> None:
    viewer = LiveViewer(Hub(), FakeClock())
    assert isinstance((await take(viewer.messages(), 1))[0], NothingYet)
    viewer.close()


async def test_what_came_long_ago_is_not_shown_as_if_it_were_now() -> None:
    hub, clock = filled(PACKETS[:3]), FakeClock()
    clock.advance(60)
    viewer = LiveViewer(hub, clock)
    messages = viewer.messages()
    assert isinstance((await take(messages, 1))[0], NothingYet)
    following = asyncio.ensure_future(anext(messages))
    clock.jump_utc(-60)
    hub.append(PACKETS[3])
    async with asyncio.timeout(10):
        assert isinstance(await following, NewInitSegment)
    viewer.close()


async def test_after_a_silence_another_file_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.live.viewer.SILENT_S", 0.05)
    hub, clock = filled(PACKETS[:3]), FakeClock()
    viewer = LiveViewer(hub, clock)
    messages = viewer.messages()
    kinds = [type(message) for message in await take(messages, 4)]
    clock.advance(1)
    kinds += [type(message) for message in await take(messages, 2)]
    clock.jump_utc(-1)
    hub.append(PACKETS[3])
    kinds += [type(message) for message in await take(messages, 5)]
    assert kinds == [
        NewInitSegment,
        bytes,
        bytes,
        bytes,
        NothingYet,
        NothingYet,
        NewInitSegment,
        bytes,
        bytes,
        bytes,
        bytes,
    ]
    viewer.close()


async def test_who_is_slow_goes_on_with_the_newest_keyframe() -> None:
    hub = filled(PACKETS[:2])
    viewer = LiveViewer(hub, FakeClock())
    messages = viewer.messages()
    await take(messages, 2)
    for packet in PACKETS[2:]:  # ten seconds pass while one message is sent
        hub.append(packet)
    sent = await take(messages, GOP - 1)
    assert len(sent) == GOP - 1  # what the newest GOP completes, and nothing before it
    hub.append(PACKETS[-1])
    viewer.close()


async def test_who_is_slow_within_one_batch_skips_as_well() -> None:
    hub = filled(PACKETS[:31])
    viewer = LiveViewer(hub, FakeClock())
    messages = viewer.messages()
    begin, first = await take(messages, 1), 31
    assert isinstance(begin[0], NewInitSegment)
    for packet in PACKETS[first:75]:
        hub.append(packet)
    sizes = [len(m) for m in await take(messages, GOP - 1) if isinstance(m, bytes)]
    assert len(sizes) == GOP - 1
    viewer.close()


async def test_while_paused_nothing_is_sent_and_then_the_newest() -> None:
    hub = filled(PACKETS[:GOP])
    viewer = LiveViewer(hub, FakeClock())
    messages = viewer.messages()
    await take(messages, GOP)
    viewer.pause(paused=True)
    following = asyncio.ensure_future(anext(messages))
    for packet in PACKETS[GOP : 3 * GOP + 2]:
        hub.append(packet)
        await asyncio.sleep(0)
    assert not following.done()
    viewer.pause(paused=False)
    for packet in PACKETS[3 * GOP + 2 : 4 * GOP + 3]:
        hub.append(packet)
    async with asyncio.timeout(10):
        assert isinstance(await following, bytes)
    viewer.close()


async def test_a_closed_viewer_is_not_woken() -> None:
    hub = filled(PACKETS[:1])
    viewer = LiveViewer(hub, FakeClock())
    viewer.close()
    hub.append(PACKETS[1])
    await asyncio.sleep(0)


async def test_calls_before_the_wait_are_not_missed_and_count_once() -> None:
    wakeup = Wakeup()
    wakeup()
    wakeup()
    assert await wakeup.wait(5.0)
    assert not await wakeup.wait(0.0)


def test_viewers_are_counted() -> None:
    received: list[int] = []
    viewers = ViewerCounts(lambda camera, stream, count: received.append(count))
    camera = CameraId("porch")
    with viewers.one_more(camera, StreamName.SUB), viewers.one_more(camera, StreamName.SUB):
        assert viewers.count(camera, StreamName.SUB) == 2
        assert viewers.count(camera, StreamName.MAIN) == 0
    assert received == [1, 2, 1, 0]
