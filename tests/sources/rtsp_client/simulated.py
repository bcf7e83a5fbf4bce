"""A camera on paper: clocks that drift and are set, packets that take their time, hours in seconds. Its bytes go
through the whole client, from the first request on, over a connection that is none."""

import heapq
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tawny.media.codec.nal import join_lengths, split_lengths
from tawny.model.packets import VIDEO_RATE, AudioFormat
from tawny.protocols.rtp import Packetizer
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tawny.testing.rtsp_camera import describe_clip
from tawny.testing.rtsp_viewer import CameraSetup

SAMPLES = 1024
_SLICE_BYTES = 40
_PICTURE, _SOUND, _PICTURE_REPORT, _SOUND_REPORT = range(4)


class Step(NamedTuple):
    """At this second of the simulation a clock is set by so much."""

    at_s: float
    by_s: float


@dataclass
class Simulated:
    """ppm: how much faster than the truth its clocks go. All delays are of the way to us."""

    clock: FakeClock
    video_ppm: float = 0.0
    sound_ppm: float = 0.0
    fps: float = 5.0
    delay_s: float = 0.02
    jitter_s: float = 0.03
    spike_s: float = 0.4
    """Now and then a packet, and with it all behind it, takes so much longer."""
    set_by: Iterable[Step] = ()
    """When its wall clock, the one of its reports, is set."""
    off_s: float = 0.0
    """By how much that clock is ahead."""
    reports: bool = True
    first_time: int = (1 << 32) - 3_000_000
    """RTP's: it goes round within a minute."""
    marks: bool = True
    """The last packet of a picture says so."""
    begun_s: float = field(init=False, default=0.0)
    """When it was asked to play, monotonic, and in UTC."""
    begun_utc_s: float = field(init=False, default=0.0)
    pictures: int = field(init=False, default=0)
    """How many went out."""

    def __post_init__(self) -> None:
        made = made_clip(ClipSpec(sound="aac"))
        assert isinstance(made.sound, AudioFormat)
        self.clip, self.rate = made, made.sound.rate
        self._key = split_lengths(made.packets[0].data)[-1][:_SLICE_BYTES]
        later = next(packet for packet in made.packets[1:] if packet.is_video)
        self._later = split_lengths(later.data)[-1][:_SLICE_BYTES]
        self._luck = random.Random(11)
        self._steps = list(self.set_by)
        self._video = Packetizer(made.video, 96, ssrc=1, first=65_000)
        self._sound = Packetizer(made.sound, 97, ssrc=2, first=64_000)
        self._video.time_base = self._sound.time_base = self.first_time

    def packets(self) -> Iterator[tuple[float, bytes]]:
        """What it sends from now on, interleaved, with the monotonic time of its arrival."""
        self.begun_s = came_s = self.clock.mono_s()
        self.begun_utc_s = self.clock.now_ms() / 1000
        tracks = [
            _every(1 / self.fps, _PICTURE),
            _every(SAMPLES / self.rate, _SOUND),
            *([_every(5.0, _PICTURE_REPORT, 1.0), _every(5.0, _SOUND_REPORT, 1.7)] if self.reports else []),
        ]
        for at_s, number, what in heapq.merge(*tracks):
            while self._steps and self._steps[0].at_s <= at_s:
                self.off_s += self._steps.pop(0).by_s
            late_s = self.delay_s + self._luck.random() * self.jitter_s
            if self._luck.random() < 0.0005:
                late_s += self.spike_s
            came_s = max(came_s, self.begun_s + at_s + late_s)
            for channel, data in self._made(what, number, at_s):
                yield came_s, b"$" + bytes([channel]) + len(data).to_bytes(2, "big") + data

    def truth_s(self, packet_data: bytes, *, is_video: bool) -> float:
        """When it was taken, by the true clock, since the beginning."""
        number = int(packet_data[-8:], 16)
        return number / self.fps if is_video else number * SAMPLES / self.rate

    def _made(self, what: int, number: int, at_s: float) -> Iterator[tuple[int, bytes]]:
        text = b"%08x" % number
        video_ticks = round(at_s * VIDEO_RATE * (1 + self.video_ppm / 1e6))
        sound_ticks = round(at_s * self.rate * (1 + self.sound_ppm / 1e6))
        if what == _PICTURE:
            self.pictures += 1
            is_key = number % round(2 * self.fps) == 0
            nals = [*self.clip.video.parameter_sets, self._key + text] if is_key else [self._later + text]
            for packet in self._video.cut(join_lengths(nals), video_ticks):
                yield 0, replace(packet, is_marked=packet.is_marked and self.marks).to_bytes()
        elif what == _SOUND:
            for packet in self._sound.cut(bytes(20) + text, sound_ticks):
                yield 2, packet.to_bytes()
        else:
            utc_s = self._utc_s(at_s)
            is_video = what == _PICTURE_REPORT
            track, ticks = (self._video, video_ticks) if is_video else (self._sound, sound_ticks)
            yield 1 if is_video else 3, track.sender_report(utc_s, ticks)

    def _utc_s(self, at_s: float) -> float:
        """What its wall clock says; it goes as its pictures' does."""
        return self.begun_utc_s + at_s * (1 + self.video_ppm / 1e6) + self.off_s


def _every(step_s: float, what: int, first_s: float = 0.0) -> Iterator[tuple[float, int, int]]:
    number = 0
    while True:
        yield first_s + number * step_s, number, what
        number += 1


class PaperLine:
    """Stands in for `line.Line`: answers requests as a good camera does, and gives what has arrived by the clock."""

    is_encrypted, is_resolved = False, True

    def __init__(self, camera: Simulated) -> None:
        self._camera = camera
        self._waiting = bytearray()
        self._coming: Iterator[tuple[float, bytes]] | None = None
        self._next: tuple[float, bytes] | None = None
        self.requests: list[str] = []

    def step(self) -> bool:
        return True

    def send(self, data: bytes) -> None:
        for request in filter(None, data.split(b"\r\n\r\n")):
            lines = request.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:])
            method = lines[0].split()[0]
            self.requests.append(method)
            self._waiting += self._answer(method, headers)
            if method == "PLAY":
                self._coming = self._camera.packets()
                self._next = next(self._coming)

    def receive_into(self, view: memoryview) -> int | None:
        waiting, now_s = self._waiting, self._camera.clock.mono_s()
        while self._coming is not None and self._next is not None and self._next[0] <= now_s:
            waiting += self._next[1]
            self._next = next(self._coming)
        if not waiting:
            return None
        count = min(len(waiting), len(view))
        view[:count] = waiting[:count]
        del waiting[:count]
        return count

    def close(self) -> None:
        self._coming = None

    def _answer(self, method: str, headers: dict[str, str]) -> bytes:
        body = describe_clip(self._camera.clip, CameraSetup()) if method == "DESCRIBE" else b""
        lines = ["RTSP/1.0 200 OK", f"CSeq: {headers['CSeq']}", f"Content-Length: {len(body)}"]
        if method == "SETUP":
            lines += [f"Transport: {headers['Transport']}", "Session: 1;timeout=60"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
