"""The past by WebRTC on the connection that shows live, in a real browser: which picture it shows is read off it.

Every picture of the camera has its number drawn into it as black and white fields, and the recording is decoded here to
know when each was. For every picture that it shows, the page keeps the number, and the RTP time that came with it.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tawny.api.live.webrtc import READING_AT_ONCE
from tawny.live.webrtc.live_sender import LiveSender, recorded_sounds
from tawny.live.webrtc.viewer_session import CHANNEL, PlaybackArchive, PlaybackCommands, ViewerSession
from tawny.media.codec.decoder import Decoder
from tawny.media.codec.encoder import Encoder
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.ids import StreamName
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.model.states import CameraState
from tawny.playback.packet_reel import PacketReel
from tawny.playback.recordings import segments
from tawny.protocols.rtp import RtpTrack
from tawny.testing.clips import SampleClip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import DOOR, EVER, looked_at, one_camera
from tests.e2e.live_server import LiveServer, live_server
from tests.e2e.rtc_watcher import Watcher, watching

pytestmark = pytest.mark.browser
WIDTH, HEIGHT, BITS, FPS, SECONDS, GOP_S = 320, 240, 10, 15, 60, 2
PICTURE_MS = 1000 // FPS + 1
LOOK_S = 4.0
MISSING_S = 1.0
"""A camera that is back within half a second was never away."""
READ_NUMBER = f"""(() => {{
  const canvas = document.createElement('canvas');
  canvas.width = {WIDTH}; canvas.height = {HEIGHT};
  const pen = canvas.getContext('2d', {{ willReadFrequently: true }});
  return (video) => {{
    pen.drawImage(video, 0, 0, {WIDTH}, {HEIGHT});
    const row = pen.getImageData(0, {HEIGHT // 2}, {WIDTH}, 1).data;
    let number = 0;
    for (let bit = 0; bit < {BITS}; bit++)
      number = 2 * number + (row[4 * Math.floor((bit + 0.5) * {WIDTH} / {BITS})] > 127);
    return number;
  }};
}})()"""


@cache
def numbered_clip() -> SampleClip:
    encoder = Encoder(WIDTH, HEIGHT, FPS, gop_s=GOP_S)
    made: list[SourcePacket] = []
    for number in range(FPS * SECONDS):
        fields = [235 if number >> bit & 1 else 16 for bit in range(BITS - 1, -1, -1)]
        picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        picture[:HEIGHT] = np.repeat(fields, WIDTH // BITS)
        made += encoder.encode(picture, number * 90_000 // FPS)
    made += encoder.close()
    video = made[0].format
    assert isinstance(video, VideoFormat)
    return SampleClip(video, None, tuple(made), FPS)


@dataclass
class Filmed:
    served: LiveServer
    camera: RtspCamera

    def taken(self) -> dict[int, int]:
        """What the recording holds by now: the number of each picture by its instant."""
        running, found = self.served.bench.running, dict[int, int]()
        for segment in segments(running, DOOR, StreamName.MAIN, EVER):
            file = read_segment(running.segment_path(segment))
            decoder = Decoder(file.video)
            for sample in samples(file, file.fragments):
                packet = SourcePacket(file.video, sample.data, sample.pts, is_keyframe=sample.is_keyframe)
                for frame in decoder.decode(packet):
                    row = frame.luma[HEIGHT // 2]
                    lit = [row[WIDTH // BITS * bit + WIDTH // BITS // 2] > 127 for bit in range(BITS)]
                    found[segment.start_ms + sample.pts // 90] = int("".join(str(int(each)) for each in lit), 2)
        return found

    def gaps(self) -> int:
        return len(self.served.bench.gaps())


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filmed]:
    with filming(tmp_path_factory.mktemp("filmed")) as made:
        yield made


@contextmanager
def filming(folder: Path) -> Iterator[Filmed]:
    """Some seconds, nothing for a moment, some seconds more, and it goes on."""
    with RtspCamera(numbered_clip()) as camera, live_server(one_camera(camera.address), folder) as made:
        made.bench.wait_for(CameraState.RECORDING, 60)
        made.bench.wait_for_seconds(5)
        camera.down()
        until(lambda: made.bench.state() is not CameraState.RECORDING, 60, "the camera to be missed")
        time.sleep(MISSING_S)
        camera.up()
        made.bench.wait_for(CameraState.RECORDING, 60)
        made.bench.wait_for_seconds(3)
        yield Filmed(made, camera)
    report = looked_at(folder)
    assert report.ok, report.findings


@pytest.fixture
def watcher(filmed: Filmed, browser: Browser) -> Iterator[Watcher]:
    with watching(browser, filmed.served, "door", READ_NUMBER) as made:
        yield made


def nearest(taken: dict[int, int], at_ms: int) -> int:
    return taken[min(taken, key=lambda each: abs(each - at_ms))]


def of_its_time(watcher: Watcher, taken: dict[int, int], since: float) -> None:
    """Every picture shown that was told of carries the instant that it was taken at."""
    shown = {at_ms: number for at_ms, number in watcher.pictures(since).items() if at_ms in taken}
    assert shown
    assert shown == {at_ms: taken[at_ms] for at_ms in shown}


@pytest.mark.shows("SC25")
def test_it_goes_to_any_time_and_holds_it(filmed: Filmed, watcher: Watcher) -> None:
    taken = filmed.taken()
    first = min(taken)
    for wanted_ms in (first + 3_210, first + 1_000, first + 4_099):
        holds(watcher, taken, wanted_ms)


def holds(watcher: Watcher, taken: dict[int, int], wanted_ms: int) -> None:
    result = watcher.say(at_ms=wanted_ms, pause=True)
    number = taken[max(each for each in taken if each <= wanted_ms)]
    until(lambda: watcher.shows(number, result), 60, f"picture {number}")
    until(lambda: sum(each["state"] == "paused" for each in watcher.told(result)) > 3, 60, "to be told")
    assert watcher.shows(number, result)
    assert abs(watcher.told(result)[-1]["at_ms"] - wanted_ms) <= PICTURE_MS
    of_its_time(watcher, taken, result)


def test_it_plays_from_there_and_goes_back_to_live(filmed: Filmed, watcher: Watcher) -> None:
    taken = filmed.taken()
    wanted_ms = min(taken) + 1_500
    result = watcher.say(at_ms=wanted_ms, pause=False)
    until(
        lambda: len({each["at_ms"] for each in watcher.told(result) if each["state"] == "playing"}) > 5, 60, "playing"
    )
    of_its_time(watcher, taken, result)
    back = watcher.say(live=True)
    until(lambda: any(each["state"] == "live" for each in watcher.told(back)), 60, "to be told that it is live")
    before = watcher.told(back)[-1]["at_ms"]
    until(lambda: len(watcher.pictures(back)) > 4 and watcher.told(back)[-1]["at_ms"] > before, 60, "live pictures")
    now_ms = filmed.served.bench.clock.now_ms()
    assert abs(watcher.told(back)[-1]["at_ms"] - now_ms) < 5_000
    until(lambda: max(filmed.taken()) > now_ms, 60, "it to be recorded")
    taken = filmed.taken()
    live = {at_ms: number for at_ms, number in watcher.pictures(back).items() if at_ms <= now_ms}
    assert live
    assert all(abs(nearest(taken, at_ms) - number) <= 1 for at_ms, number in live.items())


@pytest.mark.shows("SC25")
def test_where_nothing_is_recorded_it_goes_on_behind_and_says_so(filmed: Filmed, watcher: Watcher) -> None:
    taken = sorted(filmed.taken())
    begin_ms, end_ms = max(pairwise(taken), key=lambda pair: pair[1] - pair[0])
    assert end_ms - begin_ms > 500
    result = watcher.say(at_ms=begin_ms - 1_000)
    until(lambda: any("gap" in each for each in watcher.told(result)), 60, "the gap to be told")
    gap = next(each["gap"] for each in watcher.told(result) if "gap" in each)
    assert abs(gap["end_ms"] - end_ms) <= PICTURE_MS
    assert abs(gap["begin_ms"] - begin_ms) <= 2 * PICTURE_MS
    until(lambda: watcher.told(result)[-1]["at_ms"] > end_ms + 500, 60, "what is behind the gap")
    of_its_time(watcher, filmed.taken(), result)


@pytest.mark.shows("SC25")
def test_fast_it_shows_keyframes_alone_and_comes_to_live_by_itself(filmed: Filmed, watcher: Watcher) -> None:
    taken = filmed.taken()
    result = watcher.say(at_ms=min(taken), rate=8)
    until(lambda: any(each["state"] == "playing" for each in watcher.told(result)), 60, "playing")
    begun = next(each["at"] for each in watcher.told(result) if each["state"] == "playing")
    until(lambda: any(each["state"] == "live" for each in watcher.told(begun)), 60, "what is live")
    ended = next(each["at"] for each in watcher.told(begun) if each["state"] == "live")
    of_its_time(watcher, taken, result)
    fast = {each["number"] for each in watcher.frames(begun) if each["at"] < ended}
    assert {number % (FPS * GOP_S) for number in fast} == {0}


class Quiet:
    """A viewer whose packets go nowhere."""

    def __init__(self) -> None:
        self.video = RtpTrack(102, 90_000)
        self.sound: RtpTrack | None = None
        self.opened, self.ended = asyncio.Event(), asyncio.Event()
        self.keyframe: Callable[[], None] = lambda: None
        self.sent = 0
        self.opened.set()

    def send(self, track: RtpTrack, payloads: Sequence[bytes], time: int, at_ms: int) -> None:
        self.sent += 1

    async def drain(self) -> bool:
        return False

    def end(self, why: str) -> None:
        self.ended.set()

    def tell(self, label: str, text: str) -> bool:
        return True


def test_twenty_who_look_at_the_past_cost_the_recording_nothing(filmed: Filmed) -> None:
    """Each from another place on; what is recorded meanwhile is whole, and is looked through when it is over."""
    running, limit = filmed.served.bench.running, asyncio.Semaphore(READING_AT_ONCE)
    begin_ms, gaps = min(filmed.taken()), filmed.gaps()
    hub = running.hub(DOOR, StreamName.MAIN)
    assert hub
    video = numbered_clip().video

    async def look(number: int) -> int:
        viewer, orders = Quiet(), PlaybackCommands()
        archive = PlaybackArchive(
            lambda at_ms, sparse_ms: (
                PacketReel(running, DOOR, StreamName.MAIN, at_ms, codec=video.codec, sparse_ms=sparse_ms).next
            ),
            lambda: recorded_sounds(""),
            limit,
        )
        screen = ViewerSession(
            viewer,
            running.clock,
            lambda goal: LiveSender(goal, hub, running.clock, video),
            archive,
            orders,
            viewer.tell,
        )
        orders.on_text(CHANNEL, json.dumps({"at_ms": begin_ms + 100 * number, "rate": 0.5 + number % 3}))
        task = asyncio.create_task(screen.run())
        await asyncio.sleep(LOOK_S)
        viewer.end("seen enough")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return viewer.sent

    async def all_look() -> list[int]:
        return await asyncio.gather(*(look(number) for number in range(20)))

    assert min(filmed.served.do(all_look())) >= FPS * LOOK_S / 8
    assert filmed.gaps() == gaps


def test_who_is_sent_away_sees_no_more_of_the_past(filmed: Filmed, watcher: Watcher) -> None:
    result = watcher.say(at_ms=min(filmed.taken()) + 500, rate=0.5)
    until(lambda: any(each["state"] == "playing" for each in watcher.told(result)), 60, "playing")
    filmed.served.send_away(watcher.session)
    until(lambda: filmed.served.connections() == 0, 60, "the end of the connection")
