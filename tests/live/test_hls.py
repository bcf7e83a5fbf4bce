import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace

import av
import pytest

from tawny.live import hls
from tawny.live.hls import PART_S, HlsFeed, HlsFeedKey, HlsFeeds
from tawny.live.stream_choice import StreamChoice
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import Packet
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tests.live.cameras import GOP, RUN, START_MS, numbered, pictures, sound, video

PACKETS = list(numbered(video(count=150), sound(seconds=10)))
"""Ten seconds, a keyframe a second."""


@asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[HlsFeed]:
    feed = HlsFeed(hub, FakeClock())
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def filled(count: int, after_s: int = 0) -> Hub:
    hub = Hub()
    for packet in later(count, after_s):
        hub.append(packet)
    return hub


def later(count: int, after_s: int) -> list[Packet]:
    """The camera's packets, and after their numbers those of some seconds later."""
    return [
        replace(
            one, number=one.number + (after_s and len(PACKETS)), at_ms=one.at_ms + after_s * 1000,
            pts=one.pts + after_s * one.format.rate,
        )
        for one in PACKETS[:count]
    ]  # fmt: skip


def rarely(gop_s: int, seconds: int = 100) -> list[Packet]:
    """Ten frames a second of 1000 bytes, a keyframe every `gop_s`; no player is to decode them."""
    made, data = pictures()[0].format, bytes(1000)
    return [
        Packet(RUN, at, made, data, at * 9000, START_MS + at * 100, at % (gop_s * 10) == 0)
        for at in range(seconds * 10)
    ]


@asynccontextmanager
async def taken(packets: list[Packet], segment: int) -> AsyncIterator[HlsFeed]:
    """The feed of a stream once it has this segment."""
    hub = Hub(keep_s=1000)
    async with running(hub) as feed:
        await asyncio.sleep(0)  # it begins with the first packet
        for packet in packets:
            hub.append(packet)
        assert await has(feed, segment)
        yield feed


async def has(feed: HlsFeed, segment: int, part: int | None = None) -> bool:
    return await feed.has(segment, part, 30)


async def test_the_list_begins_with_what_the_ring_has() -> None:
    async with running(filled(len(PACKETS))) as feed:
        assert await has(feed, 1)
        text = feed.playlist()
    assert text.startswith("#EXTM3U\n")
    assert '#EXT-X-MAP:URI="header-0.mp4"' in text
    lengths = [float(found) for found in re.findall(r"#EXTINF:([\d.]+)", text)]
    assert lengths
    assert all(abs(length - 2.0) < 0.01 for length in lengths)


@pytest.mark.shows("RC4")
async def test_parts_are_short_and_together_they_are_the_segment() -> None:
    async with running(filled(len(PACKETS))) as feed:
        assert await has(feed, 0)
        segment = feed.segment(0)
    assert segment
    assert segment.is_whole
    assert all(part.seconds <= PART_S + 0.1 for part in segment.parts)
    assert segment.parts[0].begins
    assert b"".join(part.data for part in segment.parts) == segment.data


async def test_with_b_frames_segments_and_parts_are_listed_as_long_as_they_play() -> None:
    clip, hub = made_clip(ClipSpec(width=64, height=48, fps=30, seconds=5.0, gop_s=2.0, b_frames=2)), Hub()
    for at, one in enumerate(clip.packets):
        hub.append(Packet(RUN, at, one.format, one.data, one.pts, START_MS + one.pts // 90, one.is_keyframe))
    async with running(hub) as feed:
        assert await has(feed, 1)
        text = feed.playlist()
    lengths = [
        [float(found) for found in re.findall(rf"#{tag}([\d.]+)", text)] for tag in ("EXTINF:", "EXT-X-PART:DURATION=")
    ]
    assert lengths[0] == pytest.approx([2.0, 2.0])
    assert lengths[1][:12] == pytest.approx([1 / 3] * 12, abs=0.001)
    assert "TARGETDURATION:2\n" in text


async def test_the_target_duration_of_a_stream_with_rare_keyframes_stays() -> None:
    packets, hub = rarely(gop_s=30), Hub()
    for packet in packets[:380]:
        hub.append(packet)
    async with running(hub) as feed:
        assert await has(feed, 0, 10)
        texts = [feed.playlist()]
        for packet in packets[380:]:
            hub.append(packet)
        assert await has(feed, 1)
        texts.append(feed.playlist())
    assert [re.findall(r"EXTINF:(\d+)", text) for text in texts] == [[], ["30", "30"]]
    assert [re.findall(r"TARGETDURATION:(\d+)", text) for text in texts] == [["30"], ["30"]]


async def test_segments_end_without_keyframes() -> None:
    async with taken(rarely(gop_s=1000, seconds=140), 1) as feed:
        text = feed.playlist()
    assert [float(found) for found in re.findall(r"#EXTINF:([\d.]+)", text)] == [65, 65]
    assert "TARGETDURATION:65\n" in text


async def test_a_long_segment_raises_the_target_duration_for_good() -> None:
    late = [replace(one, pts=one.pts + (at > 5) * 4 * 90_000) for at, one in enumerate(numbered(video(count=450)))]
    async with taken(late, 12) as feed:
        text = feed.playlist()
    assert max(float(found) for found in re.findall(r"#EXTINF:([\d.]+)", text)) < 2.1
    assert "TARGETDURATION:5\n" in text


@pytest.mark.parametrize(("gap_s", "listed"), [(20, "21"), (600, "64")])
async def test_a_gap_raises_the_target_duration_only_while_it_is_listed(gap_s: int, listed: str) -> None:
    late = [
        replace(one, pts=one.pts + (at > 40) * gap_s * 90_000, at_ms=one.at_ms + (at > 40) * gap_s * 1000)
        for at, one in enumerate(numbered(video(count=600)))
    ]
    hub, texts = Hub(keep_s=1000), list[str]()
    for packet in late[:20]:
        hub.append(packet)
    async with running(hub) as feed:
        for packets, segment in ((late[20:120], 3), (late[120:], 15)):
            for packet in packets:
                hub.append(packet)
            assert await has(feed, segment, 1)
            texts.append(feed.playlist())
    assert max(float(found) for found in re.findall(r"(?:EXTINF|DURATION)[:=]([\d.]+)", texts[0])) <= 65
    assert [re.findall(r"TARGETDURATION:(\d+)", text) for text in texts] == [[listed], ["2"]]


async def test_a_gap_before_the_first_request_does_not_raise_the_target_duration() -> None:
    hub = Hub(keep_s=1000)
    for at, one in enumerate(numbered(video(count=450))):
        hub.append(replace(one, pts=one.pts + (at > 40) * 20 * 90_000, at_ms=one.at_ms + (at > 40) * 20_000))
    async with running(hub) as feed:
        assert await has(feed, 1)
        text = feed.playlist()
    assert "TARGETDURATION:2\n" in text


async def test_a_keyframe_begins_a_segment_also_after_one_that_began_without() -> None:
    async with taken(rarely(gop_s=70, seconds=160), 3) as feed:
        kept = [segment for number in range(5) if (segment := feed.segment(number))]
    assert any(segment.parts[0].begins for segment in kept)
    assert not any(part.begins for segment in kept for part in segment.parts[1:])


async def test_parts_are_listed_back_to_a_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Players of parts begin with it."""
    monkeypatch.setattr(hls, "LONGEST_S", 10.0)
    async with taken(rarely(gop_s=60, seconds=52), 4) as feed:
        text = feed.playlist()
    assert re.findall(r'URI="(part-\d+-\d+)\.m4s",INDEPENDENT=YES', text) == ["part-0-0"]


async def test_a_stream_without_keyframes_is_kept_up_to_a_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hls, "LARGEST_BYTES", 16_000)
    monkeypatch.setattr(hls, "MOST_BYTES", 48_000)
    async with taken(rarely(gop_s=1000), 60) as feed:
        kept = [segment for number in range(100) if (segment := feed.segment(number))]
    assert max(len(segment.data) for segment in kept) <= 16_000
    assert 32_000 < sum(len(segment.data) for segment in kept) <= 48_000


async def test_no_part_is_longer_than_the_list_declares() -> None:
    """A frame of a slow camera is a part."""
    slow = [replace(one, number=at, pts=at * 90_000, at_ms=PACKETS[0].at_ms + at * 1000) for at, one in
            enumerate(numbered(video(count=150)))]  # fmt: skip
    hub = Hub(keep_s=200)
    for packet in slow[:20]:
        hub.append(packet)
    async with running(hub) as feed:
        assert await has(feed, 0)
        text = feed.playlist()
    declared = re.search(r"PART-HOLD-BACK=([\d.]+)\n#EXT-X-PART-INF:PART-TARGET=([\d.]+)", text)
    parts = [float(found) for found in re.findall(r"#EXT-X-PART:DURATION=([\d.]+)", text)]
    assert declared
    assert parts
    assert max(parts) <= float(declared[2]) <= float(declared[1]) / 2


async def test_a_long_part_that_is_not_listed_any_more_delays_nobody() -> None:
    """Players stay three parts behind."""
    late = [replace(one, pts=one.pts + (at > 5) * 2 * 90_000) for at, one in enumerate(numbered(video(count=150)))]
    hub, target_s = Hub(), []
    async with running(hub) as feed:
        for segment, packets in ((0, late[:30]), (3, late[30:])):
            for packet in packets:
                hub.append(packet)
            assert await has(feed, segment, 1)
            target_s += [float(found) for found in re.findall(r"PART-TARGET=([\d.]+)", feed.playlist())]
        assert feed.segment(0)
    assert target_s[0] > 2
    assert target_s[1] == pytest.approx(PART_S + 0.1)


@pytest.mark.shows("RC4")
async def test_header_and_segment_play() -> None:
    async with running(filled(len(PACKETS))) as feed:
        assert await has(feed, 0)
        header, segment = feed.header(0), feed.segment(0)
    assert header
    assert segment
    with av.open(io.BytesIO(header.init + segment.data), "r") as playing:
        frames = list(playing.decode(video=0))
    assert len(frames) == 2 * GOP


async def test_the_next_part_is_waited_for() -> None:
    hub = filled(2 * GOP)
    async with running(hub) as feed:
        assert await has(feed, 0, 0)
        segment = feed.segment(0)
        assert segment
        number = len(segment.parts)
        waiting = asyncio.ensure_future(has(feed, 0, number))
        await asyncio.sleep(0)
        assert not waiting.done()
        for packet in PACKETS[2 * GOP :]:
            hub.append(packet)
        assert await waiting


async def test_nothing_comes_and_nobody_waits_for_ever() -> None:
    async with running(Hub()) as feed:
        assert not await feed.has(0, 0, 0.01)
        assert feed.mime == ""


async def test_what_is_far_ahead_is_not_waited_for() -> None:
    async with running(filled(len(PACKETS))) as feed:
        assert await has(feed, 0)
        assert not feed.is_near(1000)


async def test_another_format_is_told_with_a_header_of_its_own() -> None:
    count = sum(1 for packet in PACKETS if packet.at_ms < PACKETS[0].at_ms + 4000)
    hub = filled(count)
    async with running(hub) as feed:
        assert await has(feed, 0)
        after = PACKETS[count - 1].at_ms + 100
        other = list(numbered(video(width=128, start_ms=after), first=count))
        for packet in other:
            hub.append(packet)
        last = 0
        while 'header-1.mp4"' not in feed.playlist():
            last += 1
            assert await has(feed, last, 0)
        text = feed.playlist()
    assert text.index("#EXT-X-DISCONTINUITY\n") < text.index('#EXT-X-MAP:URI="header-1.mp4"')


async def test_it_ends_when_nobody_asks_any_more() -> None:
    clock, hub = FakeClock(), filled(60)
    feed = HlsFeed(hub, clock)
    task = asyncio.create_task(feed.run())
    assert await has(feed, 0, 0)
    clock.advance(60)
    hub.append(PACKETS[60])
    async with asyncio.timeout(30):
        await task
    assert feed.over


KEY = HlsFeedKey(CameraId("front"), "main")


def opened(feeds: HlsFeeds, hub: Hub, key: HlsFeedKey = KEY) -> HlsFeed:
    return feeds.feed(key, StreamChoice(StreamName.MAIN, hub), nullcontext())


def number(text: str, tag: str) -> int:
    return int(re.findall(rf"#EXT-X-{tag}-SEQUENCE:(\d+)", text)[0])


def newest(text: str, what: str) -> int:
    return max(int(found) for found in re.findall(rf"{what}-(\d+)[-.]", text))


async def assert_goes_on(before: str, feed: HlsFeed) -> None:
    """Check that a feed's list continues the one that a player has."""
    asked_for = newest(before, "part")
    assert feed.is_near(asked_for)
    assert number(feed.playlist(), "MEDIA") >= newest(before, "segment")
    assert await has(feed, asked_for + 1)
    after = feed.playlist()
    assert number(after, "MEDIA") > newest(before, "segment")
    header = newest(after, "header")
    assert header > newest(before, "header")
    assert f'#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="header-{header}.mp4"' in after
    assert number(after, "DISCONTINUITY") + after.count("#EXT-X-DISCONTINUITY\n") == header
    assert (feed.header(header - 1), feed.header(header) is None) == (None, False)


async def test_numbers_go_on_when_the_camera_gets_another_connection() -> None:
    feeds = HlsFeeds(FakeClock())
    for _ in range(3):
        old = opened(feeds, filled(len(PACKETS)))
        assert await has(old, old.first + 1)
        await assert_goes_on(old.playlist(), opened(feeds, filled(len(PACKETS))))
    await feeds.close()


async def test_numbers_go_on_after_a_pause_also_with_other_viewers_meanwhile() -> None:
    clock = FakeClock()
    feeds, hub = HlsFeeds(clock), filled(len(PACKETS))
    old = opened(feeds, hub)
    assert await has(old, old.first + 1)
    clock.advance(60)
    for packet in later(len(PACKETS), 60):
        hub.append(packet)
    assert not await has(old, old.first + 1000)
    other = opened(feeds, filled(60, 60), KEY._replace(stream="sub"))
    assert await has(other, other.first, 0)
    await assert_goes_on(old.playlist(), opened(feeds, hub))
    await feeds.close()


async def test_numbers_go_on_after_a_restart() -> None:
    clock = FakeClock()
    before = HlsFeeds(clock)
    old = opened(before, filled(len(PACKETS)))
    assert await has(old, old.first + 1)
    await before.close()
    clock.advance(10)
    feeds = HlsFeeds(clock)
    await assert_goes_on(old.playlist(), opened(feeds, filled(len(PACKETS))))
    await feeds.close()


async def test_numbers_go_on_when_the_clock_is_set_back() -> None:
    feeds = HlsFeeds(clock := FakeClock())
    old = opened(feeds, filled(len(PACKETS)))
    assert await has(old, old.first + 1)
    await feeds.close()
    clock.jump_utc(-86_400)
    assert opened(feeds, filled(len(PACKETS))).first == old.coming.segment
    await feeds.close()


@pytest.mark.parametrize("now", ["1970-01-01T00:00:10Z", "2026-11-20T05:00:00Z", "2099-01-01T00:00:00Z"])
async def test_numbers_are_small_enough_for_players(now: str) -> None:
    feeds = HlsFeeds(FakeClock(now))
    assert 0 <= opened(feeds, filled(len(PACKETS))).first < 10**9
    await feeds.close()


async def test_numbers_leave_none_out_while_a_player_may_go_on_in_another_list() -> None:
    feeds = HlsFeeds(clock := FakeClock())
    old = opened(feeds, filled(len(PACKETS)))
    assert await has(old, old.first + 1)
    clock.advance(10)
    other = opened(feeds, filled(len(PACKETS)), KEY._replace(stream="sub"))
    assert other.first == old.coming.segment
    await feeds.close()


async def test_what_came_before_an_outage_is_not_in_a_new_list() -> None:
    clock, hub = FakeClock(), filled(150)
    clock.advance(60)
    task = asyncio.create_task((feed := HlsFeed(hub, clock)).run())
    assert not await feed.has(0, 0, 0.05)
    for packet in later(150, 60):
        hub.append(packet)
    assert await has(feed, 0, 0)
    begins = feed.segment(0)
    task.cancel()
    assert begins
    assert begins.at_ms == PACKETS[0].at_ms + 60_000


async def test_what_came_before_an_outage_is_not_in_a_list_opened_just_after_it() -> None:
    clock, hub = FakeClock(), filled(150)
    clock.advance(64)
    back = later(60, 60)
    for packet in back:
        hub.append(replace(packet, run=RunId("second")))
    task = asyncio.create_task((feed := HlsFeed(hub, clock)).run())
    assert await has(feed, 0, 0)
    begins = feed.segment(0)
    task.cancel()
    assert begins
    assert begins.at_ms == back[0].at_ms


async def test_numbers_go_on_when_another_stream_is_chosen() -> None:
    feeds, hub = HlsFeeds(FakeClock()), filled(len(PACKETS))
    old = opened(feeds, hub)
    assert await has(old, old.first + 1)
    before = old.playlist()
    await assert_goes_on(before, opened(feeds, filled(len(PACKETS)), KEY._replace(stream="sub")))
    assert not old.over, "others may watch it"
    await feeds.close()


async def test_every_address_can_carry_a_pass() -> None:
    async with running(filled(len(PACKETS))) as feed:
        assert await has(feed, 0)
        text = feed.playlist("?pass=abc")
    addresses = re.findall(r'URI="([^"]+)"', text) + [line for line in text.splitlines() if line.endswith("abc")]
    assert addresses
    assert all(address.endswith("?pass=abc") for address in addresses)
