"""The card of a test camera: it has recorded what the camera encoded, and is replayed as ONVIF says.

A camera with a card encodes its clip without a pause from its start on, watched or not, so that what is missing in a
recording can be compared with what was filled in.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tawny.live.rtsp_server.sender import Channel
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.model.times import Span, stamp_ms
from tawny.protocols.rtp import Packetizer, ReplayMark, replay_extension
from tawny.protocols.rtsp_message import RtspRequest
from tawny.testing.clips import SampleClip

_CLOCK = re.compile(r"clock=(\d{8}T\d{6}(?:\.\d+)?Z)-(\d{8}T\d{6}(?:\.\d+)?Z)?")


@dataclass
class MemoryCard:
    """ahead_s: how far the clock of the card is ahead. holes: wall-clock time that it lacks. since_ms: begin."""

    ahead_s: float = 0.0
    holes: list[Span] = field(default_factory=list)
    since_ms: int = 0
    has_intra: bool = True
    """It knows `Frames: intra`, and sends all otherwise."""
    bytes_per_s: float = 0.0
    """It sends no faster; 0: as fast as it is read."""
    breaks_after: int = 0
    """Once: it drops the replay after so many frames; 0: never."""
    asked: list[RtspRequest] = field(default_factory=list)
    """PLAY requests."""
    sent: list[SourcePacket] = field(default_factory=list)
    """Frames of all replays."""
    begun_s: float = 0.0
    """When the camera began to encode, s monotonic; and in ms UTC."""
    begun_ms: float = 0.0

    def begin(self) -> None:
        self.begun_s, self.begun_ms = time.monotonic(), time.time() * 1000

    def encoded(self, clip: SampleClip) -> Iterator["Encoded"]:
        """Yield all that was encoded until now, with its wall-clock time in ms."""
        elapsed_s, pass_s = time.monotonic() - self.begun_s, 0.0
        while True:
            shown = iter(sorted(one.pts for one in clip.packets if one.is_video))
            for packet in clip.packets:
                due_s = pass_s + (next(shown) if packet.is_video else packet.pts) / packet.format.rate
                if due_s > elapsed_s:
                    return
                yield Encoded(packet, pass_s, self.begun_ms + (pass_s + packet.pts / packet.format.rate) * 1000)
            pass_s += clip.length_s

    def recorded(self, clip: SampleClip) -> list["Encoded"]:
        """Return what the card has."""
        return [
            one
            for one in self.encoded(clip)
            if one.at_ms >= self.since_ms and not any(hole.begin_ms <= one.at_ms < hole.end_ms for hole in self.holes)
        ]


class Encoded(NamedTuple):
    packet: SourcePacket
    pass_s: float
    """Begin of its pass of the clip."""
    at_ms: float


def start_of(card: MemoryCard, clip: SampleClip) -> tuple[float, int]:
    """Return where a viewer begins now: begin of the clip's pass, s, and the number of its last keyframe's packet."""
    elapsed_s = time.monotonic() - card.begun_s
    pass_s = elapsed_s // clip.length_s * clip.length_s
    keys = [
        number
        for number, one in enumerate(clip.packets)
        if one.is_keyframe and one.pts / VIDEO_RATE <= elapsed_s - pass_s
    ]
    return pass_s, keys[-1] if keys else 0


class ReplayPlayer:
    """One replay. channels: by track, 0 for video, 1 for audio."""

    def __init__(self, card: MemoryCard, clip: SampleClip, channels: dict[int, Channel], request: RtspRequest) -> None:
        self._card, self._clip, self._channels, self._request = card, clip, channels, request

    async def run(self, writer: asyncio.StreamWriter, tracks: dict[int, Packetizer]) -> None:
        """Send what was asked for, then nothing. Raises ConnectionError to drop the connection."""
        found = _CLOCK.match(self._request.header("range"))
        assert found, self._request.headers
        begin_ms, end_ms = _instant_ms(found[1]), _instant_ms(found[2]) if found[2] else 1 << 60
        card, ahead_ms = self._card, self._card.ahead_s * 1000
        there = [one for one in card.recorded(self._clip) if one.at_ms + ahead_ms < end_ms]
        keys = [n for n, one in enumerate(there) if one.packet.is_keyframe and one.at_ms + ahead_ms <= begin_ms]
        later = [n for n, one in enumerate(there) if one.packet.is_keyframe and one.at_ms + ahead_ms > begin_ms]
        going = there[keys[-1] if keys else later[0] if later else len(there) :]
        if self._request.header("frames") == "intra" and card.has_intra:
            going = [one for one in going if one.packet.is_keyframe]
        before_ms = 0.0
        for number, one in enumerate(going):
            track = 0 if one.packet.is_video else 1
            if track not in self._channels:
                continue
            if card.breaks_after and number >= card.breaks_after:
                card.breaks_after = 0
                raise ConnectionResetError("the card was too slow")
            is_far = one.packet.is_video and one.at_ms - before_ms > 1000
            mark = ReplayMark(
                round((one.at_ms + ahead_ms) * VIDEO_RATE / 1000), one.packet.is_keyframe,
                number == len(going) - 1, bool(before_ms) and is_far, number == len(going) - 1,
            )  # fmt: skip
            before_ms = one.at_ms if one.packet.is_video else before_ms
            rate = one.packet.format.rate
            packets = tracks[track].cut(one.packet.data, one.packet.pts + round(one.pass_s * rate))
            packets[0].extension = replay_extension(mark, int(self._request.header("cseq") or 0))
            for packet in packets:
                self._channels[track].send(packet.to_bytes(), is_report=False)
            card.sent.append(one.packet)
            await writer.drain()
            if card.bytes_per_s:
                await asyncio.sleep(len(one.packet.data) / card.bytes_per_s)


def _instant_ms(text: str) -> int:
    return stamp_ms(text if "." in text else text.replace("Z", ".000Z"))
