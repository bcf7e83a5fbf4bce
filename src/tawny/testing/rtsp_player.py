"""Plays a clip to one viewer in real time, in a loop, with the camera's current faults."""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from tawny.live.rtsp_server.transports import Channel, TcpChannel
from tawny.media.codec.nal import join_lengths, parameter_sets, split_lengths
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoFormat
from tawny.protocols.rtp.packetizer import Packetizer, RtpPacket
from tawny.protocols.sdp_writer import VIDEO_TYPE, payload_type
from tawny.testing.clips import SampleClip
from tawny.testing.rtsp_viewer import FakeCameraView, FakeRtspViewer, SentUnit

_LOOK_S = 0.02
_REPORT_S = 1.0
_SLOWEST_S = 5.0
"""Time after which a viewer that reads nothing is dropped, s, as real cameras do."""


class _Due(NamedTuple):
    packet: SourcePacket
    due_s: float
    """Time since the clip's start, in decode order, s."""


class ClipPlayer:
    """Runs as one task until cancelled or done.

    channels: by track, 0 for video, 1 for audio. whole: lock held while half a packet is sent.
    """

    def __init__(
        self,
        camera: FakeCameraView,
        viewer: FakeRtspViewer,
        channels: dict[int, Channel],
        writer: asyncio.StreamWriter,
        whole: asyncio.Lock,
    ) -> None:
        self._camera, self._viewer, self._channels, self._writer = camera, viewer, channels, writer
        self._whole = whole
        self._clip = camera.clip
        self._tracks: dict[int, Packetizer] = {}
        self._base_s = 0.0
        """Start of the current pass in session time, s."""
        self._began_s, self._began_utc_s = time.monotonic(), time.time()
        self._stepped_s = 0.0
        self._reported_s = -_REPORT_S
        self._luck = random.Random(9)
        self._is_spoilt = False
        self._make_tracks()

    async def run(self) -> None:
        """Play until all passes are done."""
        played = 0
        while self._camera.setup.passes is None or played < self._camera.setup.passes:
            clip = self._clip = self._camera.clip
            ended_s = await self._pass(clip)
            self._base_s += ended_s
            played += 1

    async def _pass(self, clip: SampleClip) -> float:
        """Play the clip once, or until it is replaced. Return the played length, s."""
        for due in _schedule(clip):
            if self._camera.clip is not clip:
                return due.due_s
            await self._wait(due.due_s)
            packet = self._dressed(due.packet)
            if packet is not None:
                await self._send(packet, due.due_s)
        return clip.length_s

    async def _wait(self, due_s: float) -> None:
        faults, speed = self._camera.faults, self._camera.setup.speed
        while True:
            stopped_s = time.monotonic()
            if faults.stall:
                await asyncio.sleep(_LOOK_S)
                self._hold(time.monotonic() - stopped_s)
                continue
            left_s = self._began_s + (self._base_s + due_s) / speed - stopped_s
            if left_s <= 0:
                return
            await asyncio.sleep(min(left_s, _LOOK_S))

    def _hold(self, paused_s: float) -> None:
        """Advance the camera's clock during a pause."""
        self._base_s += paused_s * self._camera.setup.speed

    def _dressed(self, packet: SourcePacket) -> SourcePacket | None:
        """Return a keyframe with in-band parameter sets, if configured; None to omit this packet."""
        if not packet.is_keyframe or not isinstance(packet.format, VideoFormat):
            return packet
        if self._camera.faults.no_keyframes:
            return None
        nals = split_lengths(packet.data)
        if not self._camera.setup.sets_in_band or parameter_sets(packet.format.codec, nals):
            return packet
        return replace(packet, data=join_lengths([*packet.format.parameter_sets, *nals]))

    async def _send(self, packet: SourcePacket, due_s: float) -> None:
        faults, track = self._camera.faults, 0 if packet.is_video else 1
        channel, packetizer = self._channels.get(track), self._tracks.get(track)
        if channel is None or packetizer is None:
            return
        if faults.units is not None and packet.is_video:
            packet = replace(packet, data=faults.units(packet.data))
        self._stepped_s, faults.clock_step_s = self._stepped_s + faults.clock_step_s, 0.0
        pts = packet.pts + round((self._base_s + self._stepped_s) * packet.format.rate)
        self._report(due_s)
        whole = packetizer.cut(packet.data, pts)
        going = list(faults.packets(whole) if faults.packets is not None else whole)
        stops = faults.stop_in_unit and packet.is_video and len(going) > 1
        if stops:
            going = going[: len(going) // 2]
        if faults.jitter_s:
            await asyncio.sleep(self._luck.random() * faults.jitter_s)
        if faults.bye:
            faults.bye, faults.stall = False, True
            channel.send(packetizer.goodbye(), is_report=True)
            return
        await self._out(channel, going)
        damaged, self._is_spoilt = stops or going != whole or self._is_spoilt, False
        self._viewer.sent.append(SentUnit(packet.is_video, packet.data, pts, packet.is_keyframe, damaged))
        if faults.between and isinstance(channel, TcpChannel):
            self._writer.write(faults.between)
        if stops:
            faults.stop_in_unit, faults.stall = False, True
        async with asyncio.timeout(_SLOWEST_S):
            await self._writer.drain()

    async def _out(self, channel: Channel, packets: Sequence[RtpPacket | bytes]) -> None:
        for packet in packets:
            data = packet if isinstance(packet, bytes) else packet.to_bytes()
            pause_s = self._camera.faults.pause_in_packet_s
            if pause_s and isinstance(channel, TcpChannel):
                self._camera.faults.pause_in_packet_s = 0.0
                framed = b"$" + bytes([channel.number]) + len(data).to_bytes(2, "big") + data
                async with self._whole:
                    self._writer.write(framed[: len(framed) // 2])
                    await asyncio.sleep(pause_s)
                    self._hold(pause_s)
                    self._writer.write(framed[len(framed) // 2 :])
            elif isinstance(channel, TcpChannel) and self._is_odd():
                await self._oddly(channel, data)
            else:
                channel.send(data, is_report=False)

    def _is_odd(self) -> bool:
        faults = self._camera.faults
        return faults.trickle_bytes > 0 or self._luck.random() < faults.wrong_lengths

    async def _oddly(self, channel: TcpChannel, data: bytes) -> None:
        """Send in small pieces or with a wrong length."""
        faults, length = self._camera.faults, len(data)
        if faults.wrong_lengths:
            length = max(0, length + self._luck.randrange(-40, 40))
            self._is_spoilt = True
        framed = b"$" + bytes([channel.number]) + length.to_bytes(2, "big") + data
        step = faults.trickle_bytes or len(framed)
        async with self._whole:
            for at in range(0, len(framed), step):
                self._writer.write(framed[at : at + step])
                await self._writer.drain()
                if faults.trickle_bytes:
                    await asyncio.sleep(0)

    def _report(self, due_s: float) -> None:
        """Send sender reports of all tracks for one instant of the clip."""
        at_s = self._base_s + due_s
        if not self._camera.setup.sender_reports or at_s - self._reported_s < _REPORT_S:
            return
        self._reported_s = at_s
        utc_s = self._began_utc_s + at_s + self._camera.faults.sender_report_step_s
        for number, channel in self._channels.items():
            packetizer = self._tracks.get(number)
            if packetizer is not None:
                pts = round((at_s + self._stepped_s) * self._rate(number))
                channel.send(packetizer.sender_report(utc_s, pts), is_report=True)

    def _rate(self, track: int) -> int:
        sound = self._clip.sound
        return sound.rate if track == 1 and sound is not None else VIDEO_RATE

    def _make_tracks(self) -> None:
        aggregate = self._camera.setup.aggregate
        self._tracks[0] = Packetizer(self._clip.video, VIDEO_TYPE, ssrc=0x1111, first=4000, aggregate=aggregate)
        if self._camera.setup.time_base is not None:
            self._tracks[0].time_base = self._camera.setup.time_base
        sound = self._clip.sound
        if sound is not None:
            self._tracks[1] = Packetizer(sound, payload_type(sound), ssrc=0x2222, first=900)


def _schedule(clip: SampleClip) -> Iterator[_Due]:
    """Yield video at even intervals in decode order, regardless of presentation order; audio at its own times."""
    shown = iter(sorted(packet.pts for packet in clip.packets if packet.is_video))
    due_s = 0.0
    for packet in clip.packets:
        at = next(shown) if packet.is_video else packet.pts
        due_s = max(due_s, at / packet.format.rate)
        yield _Due(packet, due_s)
