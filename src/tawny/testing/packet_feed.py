"""Fills a hub with synthetic packets: valid in form, without encoding, so that they can be recorded."""

from typing import Final

from tawny.model.ids import RunId
from tawny.model.packets import VIDEO_RATE, AudioFormat, Packet, VideoFormat
from tawny.model.times import Clock
from tawny.stream.hub import Hub

FORMAT: Final = VideoFormat(
    "h264",
    1920,
    1080,
    (bytes.fromhex("67640028acd940780227e5c05a808080a0000003002000000781e30632c0"), bytes.fromhex("68ebe3cb22c0")),
)
SOUND: Final = AudioFormat("pcmu", 8000, 1)


class PacketFeed:
    """Generates one stream.

    gop: frames from keyframe to keyframe. size_bytes: of a frame; keyframes have four times as many.
    """

    def __init__(
        self,
        hub: Hub,
        clock: Clock,
        *,
        fps: int = 15,
        gop: int = 30,
        size_bytes: int = 300,
        sound: bool = False,
        video: VideoFormat = FORMAT,
    ) -> None:
        self._hub, self._clock = hub, clock
        self.fps, self.gop, self._size_bytes = fps, gop, size_bytes
        self.sound, self.video = sound, video
        self._number = 0
        self._runs = 0
        self.begin_run()

    def begin_run(self) -> None:
        """Start a new run, as after a camera outage or a clock change."""
        self._runs += 1
        self.run = RunId(f"run-{self._runs}")
        self._pictures = 0
        self._begin_ms = self._clock.now_ms()

    def picture(self) -> Packet:
        """Append the next frame with the current time, and its audio. Return the video packet."""
        is_keyframe = self._pictures % self.gop == 0
        nal = bytes([0x65 if is_keyframe else 0x41]) + bytes([self._number % 250 + 1]) * (
            self._size_bytes * (4 if is_keyframe else 1)
        )
        pts = self._pictures * VIDEO_RATE // self.fps
        packet = self._give(self.video, len(nal).to_bytes(4, "big") + nal, pts, is_keyframe=is_keyframe)
        if self.sound:
            begin, end = (count * SOUND.rate // self.fps for count in (self._pictures, self._pictures + 1))
            self._give(SOUND, bytes([0xD5]) * (end - begin), begin)
        self._pictures += 1
        return packet

    def _give(self, form: VideoFormat | AudioFormat, data: bytes, pts: int, *, is_keyframe: bool = False) -> Packet:
        at_ms = self._begin_ms + round(pts * 1000 / form.rate)
        packet = Packet(self.run, self._number, form, data, pts, at_ms, is_keyframe)
        self._number += 1
        self._hub.append(packet)
        return packet
