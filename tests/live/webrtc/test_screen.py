import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from tawny.live.webrtc.live_sender import LiveSender, MediaSink, cut_picture, recorded_sounds
from tawny.live.webrtc.viewer_session import CHANNEL, PlaybackArchive, PlaybackCommands, ViewerSession
from tawny.model.packets import Packet, VideoFormat
from tawny.model.segments import GapReason, NotCarried, ReelPiece, SkippedTime
from tawny.model.times import Span, SystemClock
from tawny.protocols.rtp import RtpTrack
from tawny.stream.hub import Hub
from tests.live.cameras import FPS, GOP, START_MS, numbered, sound, video

SECONDS = 6


def marked(packet: Packet) -> Packet:
    """With its number in it, as filler, so that no picture is like another."""
    mark = b"\x0c" + f"{packet.number:06}".encode()
    return replace(packet, data=packet.data + len(mark).to_bytes(4, "big") + mark) if packet.is_video else packet


FILM = [marked(packet) for packet in numbered(video(count=SECONDS * FPS), sound(seconds=SECONDS))]
PICTURES = [packet for packet in FILM if packet.is_video]
FAR_MS = 3_600_000
CLOCK = SystemClock()


def payloads(packet: Packet) -> list[bytes]:
    assert isinstance(packet.format, VideoFormat)
    return cut_picture(packet.data, packet.format)


BY_PAYLOADS = {tuple(payloads(packet)): packet for packet in PICTURES}


class FakeReel:
    """The film, an hour of nothing, and the film again."""

    def __init__(self, at_ms: int, sparse_ms: int) -> None:
        again = [replace(packet, at_ms=packet.at_ms + FAR_MS) for packet in FILM]
        self._packets = [p for p in [*FILM, *again] if not sparse_ms or p.is_keyframe]
        before = [n for n, p in enumerate(self._packets) if p.is_keyframe and p.at_ms <= at_ms]
        self._at = before[-1] if before else 0
        self.skipped = SkippedTime(Span(PICTURES[-1].at_ms + 66, START_MS + FAR_MS), GapReason.WIFI)

    def next(self) -> ReelPiece | None:
        if self._at >= len(self._packets):
            return None
        packet = self._packets[self._at]
        self._at += 1
        is_behind = packet.at_ms == START_MS + FAR_MS and packet.is_video
        return ReelPiece([packet], self.skipped if is_behind else None)


class FakeViewer:
    def __init__(self) -> None:
        self.video = RtpTrack(102, 90_000)
        self.sound: RtpTrack | None = RtpTrack(0, 8_000)
        self.opened, self.ended = asyncio.Event(), asyncio.Event()
        self.keyframe: Callable[[], None] = lambda: None
        self.sent: list[Packet] = []
        self.heard: list[bytes] = []
        self.times: list[int] = []
        self.told: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        self.has_room = asyncio.Event()
        self.has_room.set()

    def send(self, track: RtpTrack, payloads: Sequence[bytes], time: int, at_ms: int) -> None:
        if track is self.video:
            self.sent.append(BY_PAYLOADS[tuple(payloads)])
            self.times.append(time)
        else:
            self.heard += payloads
        self.changed.set()

    async def drain(self) -> bool:
        is_full = not self.has_room.is_set()
        await self.has_room.wait()
        return is_full

    def end(self, why: str) -> None:
        self.ended.set()

    def tell(self, label: str, text: str) -> bool:
        assert label == CHANNEL
        self.told.append(json.loads(text))
        self.changed.set()
        return True


class Bench:
    def __init__(self, hub: Hub, viewer: FakeViewer, orders: PlaybackCommands) -> None:
        self.hub, self.viewer, self._orders = hub, viewer, orders

    def say(self, **order: object) -> None:
        self.viewer.sent.clear()
        self.viewer.told.clear()
        self._orders.on_text(CHANNEL, json.dumps(order))

    async def until(self, done: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not done():
                self.viewer.changed.clear()
                await self.viewer.changed.wait()

    @property
    def states(self) -> list[str]:
        return [message["state"] for message in self.viewer.told]


@asynccontextmanager
async def screen(
    *, why_not: str = "", reel: Callable[[int, int], Any] = FakeReel, live: bool = True
) -> AsyncIterator[Bench]:
    hub, viewer, orders = Hub(), FakeViewer(), PlaybackCommands()
    begin_ms = CLOCK.now_ms()
    for packet in PICTURES[: GOP + 3] if live else []:
        hub.append(replace(packet, at_ms=begin_ms + packet.at_ms - START_MS))
    video_format = PICTURES[0].format
    assert isinstance(video_format, VideoFormat)

    def show(goal: MediaSink) -> LiveSender:
        return LiveSender(goal, hub, CLOCK, video_format)

    archive = PlaybackArchive(
        lambda *at: reel(*at).next, lambda: recorded_sounds("pcmu"), asyncio.Semaphore(1), why_not
    )
    task = asyncio.create_task(ViewerSession(viewer, CLOCK, show, archive, orders, viewer.tell).run())
    viewer.opened.set()
    bench = Bench(hub, viewer, orders)
    if live:
        await bench.until(lambda: len(viewer.sent) == 3)
    yield bench
    viewer.ended.set()
    task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)


async def test_it_goes_to_a_place_from_the_keyframe_on_and_holds_it() -> None:
    async with screen() as bench:
        wanted = PICTURES[2 * GOP + 4]
        bench.say(at_ms=wanted.at_ms + 10, pause=True)
        await bench.until(lambda: bench.states.count("paused") > 2)
        assert bench.viewer.sent == PICTURES[2 * GOP : 2 * GOP + 5]
        assert bench.viewer.told[-1]["at_ms"] == wanted.at_ms
        assert bench.viewer.told[-1]["rtp"] == bench.viewer.times[-1] & 0xFFFFFFFF


async def test_what_is_held_is_the_picture_of_its_instant_however_fast_it_goes() -> None:
    async with screen() as bench:
        wanted = PICTURES[2 * GOP + 4]
        bench.say(at_ms=wanted.at_ms, pause=True, rate=8)
        await bench.until(lambda: "paused" in bench.states)
        assert bench.viewer.sent == PICTURES[2 * GOP : 2 * GOP + 5]
        bench.say(pause=False)
        await bench.until(lambda: len(bench.viewer.sent) > 2)
        assert all(picture.is_keyframe for picture in bench.viewer.sent)


async def test_it_goes_on_from_the_held_picture_with_the_next_one() -> None:
    async with screen() as bench:
        bench.say(at_ms=PICTURES[20].at_ms, pause=True)
        await bench.until(lambda: "paused" in bench.states)
        bench.say(pause=False)
        await bench.until(lambda: len(bench.viewer.sent) > 3)
        assert bench.viewer.sent[:4] == PICTURES[21:25]


async def test_recordings_wait_for_a_line_that_is_full() -> None:
    async with screen() as bench:
        bench.viewer.has_room.clear()
        bench.say(at_ms=START_MS, rate=8)
        await bench.until(lambda: len(bench.viewer.told) > 2)
        assert bench.viewer.sent == []
        bench.viewer.has_room.set()
        await bench.until(lambda: len(bench.viewer.sent) > 2)
        assert bench.viewer.sent[0] == PICTURES[0]


async def test_times_only_grow_wherever_it_goes() -> None:
    async with screen() as bench:
        for order in ({"at_ms": PICTURES[50].at_ms}, {"at_ms": PICTURES[5].at_ms}, {"live": True}, {"at_ms": START_MS}):
            bench.say(**order)
            await bench.until(lambda: len(bench.viewer.sent) > 2)
        assert bench.viewer.times == sorted(set(bench.viewer.times))
        assert bench.viewer.times[-1] - bench.viewer.times[0] < 60 * 90_000


async def test_live_returns_at_the_newest_keyframe() -> None:
    async with screen() as bench:
        bench.say(at_ms=START_MS, pause=True)
        await bench.until(lambda: "paused" in bench.states)
        bench.say(live=True)
        await bench.until(lambda: "live" in bench.states and len(bench.viewer.sent) == 3)
        assert bench.viewer.sent == PICTURES[GOP : GOP + 3]


async def test_a_gap_is_told_and_passed_over() -> None:
    async with screen() as bench:
        bench.say(at_ms=PICTURES[-8].at_ms, rate=4)
        await bench.until(lambda: any("gap" in message for message in bench.viewer.told))
        gap = next(message["gap"] for message in bench.viewer.told if "gap" in message)
        assert gap["end_ms"] == START_MS + FAR_MS
        assert (gap["reason"], gap["words"]) == ("wifi", "Wi-Fi lost")
        await bench.until(lambda: bench.viewer.told[-1]["at_ms"] >= START_MS + FAR_MS)


async def test_a_held_picture_before_a_gap_stays() -> None:
    async with screen() as bench:
        bench.say(at_ms=PICTURES[-1].at_ms, pause=True)
        await bench.until(lambda: bench.states.count("paused") > 2)
        assert bench.viewer.told[-1]["at_ms"] == PICTURES[-1].at_ms
        assert not any("gap" in text for text in bench.viewer.told)


async def test_the_end_of_what_is_recorded_is_what_is_live() -> None:
    async with screen() as bench:
        bench.say(at_ms=PICTURES[-5].at_ms + FAR_MS)
        await bench.until(lambda: "playing" in bench.states)
        await bench.until(lambda: bench.states[-1] == "live")


async def test_the_last_picture_of_all_can_be_held_too() -> None:
    async with screen() as bench:
        bench.say(at_ms=PICTURES[-1].at_ms + FAR_MS + 1, pause=True)
        await bench.until(lambda: bench.states.count("paused") > 2)
        assert bench.viewer.sent[-1] == PICTURES[-1]
        bench.say(pause=False)
        await bench.until(lambda: bench.states[-1:] == ["live"])


async def test_who_asks_for_what_is_live_while_it_is_gets_nothing_again() -> None:
    async with screen() as bench:
        bench.say(live=True)
        await bench.until(lambda: bench.states.count("live") > 2)
        assert bench.viewer.sent == []


async def test_fast_it_sends_keyframes_alone() -> None:
    async with screen() as bench:
        bench.say(at_ms=START_MS, rate=16)
        await bench.until(lambda: "playing" in bench.states)
        await bench.until(lambda: bench.states[-1] == "live")
        assert bench.viewer.sent[: 2 * SECONDS] == 2 * [packet for packet in PICTURES if packet.is_keyframe]


async def test_sound_is_heard_at_its_own_speed_only() -> None:
    async with screen() as bench:
        bench.say(at_ms=START_MS, rate=4)
        await bench.until(lambda: len(bench.viewer.sent) > 10)
        assert bench.viewer.heard == []
        bench.say(rate=1)
        await bench.until(lambda: bench.viewer.heard)


async def test_a_picture_that_is_live_can_be_held_and_gone_on_from() -> None:
    async with screen() as bench:
        bench.say(pause=True)
        await bench.until(lambda: bench.states.count("paused") > 1)
        assert bench.viewer.sent == []
        bench.say(pause=False)
        await bench.until(lambda: bench.states[-1:] == ["live"])  # nothing of it is recorded here


async def test_who_may_not_see_the_past_is_told_and_goes_on_seeing_what_is_live() -> None:
    async with screen(why_not="This access token only shows live video.") as bench:
        bench.say(at_ms=START_MS)
        await bench.until(lambda: any("error" in text for text in bench.viewer.told))
        assert set(bench.states) == {"live"}


async def test_what_cannot_be_carried_is_said_and_another_place_can_be_gone_to() -> None:
    class Refusing(FakeReel):
        def next(self) -> ReelPiece | None:
            raise NotCarried("What is recorded there is H265.")

    def some(at_ms: int, sparse_ms: int) -> FakeReel:
        return (FakeReel if at_ms < PICTURES[30].at_ms else Refusing)(at_ms, sparse_ms)

    async with screen(reel=some) as bench:
        bench.say(at_ms=PICTURES[40].at_ms)
        await bench.until(lambda: any("H265" in message.get("error", "") for message in bench.viewer.told))
        assert bench.states[-1] == "paused"
        bench.say(at_ms=PICTURES[3].at_ms)
        await bench.until(lambda: "playing" in bench.states)


async def test_what_is_not_understood_is_said() -> None:
    async with screen() as bench:
        bench.say(rate=99)
        await bench.until(lambda: any("rate" in message.get("error", "") for message in bench.viewer.told))
        assert set(bench.states) == {"live"}


async def test_a_viewer_that_lost_the_picture_gets_it_again_and_one_that_holds_it_is_left_in_peace() -> None:
    async with screen() as bench:
        bench.say(at_ms=PICTURES[4].at_ms, pause=True)
        await bench.until(lambda: bench.states.count("paused") > 2)
        bench.viewer.sent.clear()
        bench.viewer.keyframe()
        await bench.until(lambda: bench.states.count("paused") > 4)
        assert bench.viewer.sent == []
        bench.viewer.keyframe()
        bench.viewer.keyframe()
        await bench.until(lambda: bench.viewer.sent == PICTURES[:5])
