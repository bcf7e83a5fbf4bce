"""Sends a stream's packets to one RTSP player as RTP.

Runs in the event loop. A slow player skips to the newest keyframe; it does not delay others.
"""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from tawny.live.fragmenter import SOUND_SEEN_S, sound_of
from tawny.live.wakeup import Wakeup
from tawny.media.codec.nal import join_lengths, parameter_sets, split_lengths
from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Format, Packet, VideoFormat
from tawny.model.times import Clock
from tawny.protocols.rtp import Packetizer
from tawny.protocols.sdp import payload_type
from tawny.stream.hub import Hub

# RTP channels of one track: interleaved in the RTSP connection, or a UDP port pair.


UDP_BUFFER_BYTES = 1 << 20
"""A keyframe is sent in one burst."""
SocketAddress = tuple[str, int] | tuple[str, int, int, int]


class Channel(Protocol):
    def send(self, data: bytes, *, is_report: bool) -> None:
        """Send one RTP or RTCP packet. Raises ConnectionError when the player has disconnected."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class TcpChannel:
    """Interleaved in the RTSP connection."""

    writer: asyncio.StreamWriter
    number: int

    def send(self, data: bytes, *, is_report: bool) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError("the viewer is gone")
        self.writer.write(b"$" + bytes([self.number + is_report]) + len(data).to_bytes(2, "big") + data)

    def close(self) -> None:
        """Do nothing; the session closes the connection."""


@dataclass(slots=True)
class UdpChannel:
    """From a local UDP socket to the player's port pair. zone: flow information and scope of an IPv6 address."""

    socket: socket.socket
    host: str
    port: int
    zone: tuple[int, ...] = ()

    @classmethod
    def open(cls, player: SocketAddress, ours: SocketAddress, port: int) -> "UdpChannel":
        """Return a channel between the two ends of an RTSP connection. port: the player's. Raises OSError."""
        host, _, *zone = player
        own_host, _, *own_zone = ours  # link-local addresses need their scope
        made = socket.socket(socket.AF_INET6 if zone else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.settimeout(0)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UDP_BUFFER_BYTES)
            made.bind((own_host, 0, *own_zone))
        except OSError:
            made.close()
            raise
        return cls(made, host, port, tuple(zone))

    @property
    def own_port(self) -> int:
        number: int = self.socket.getsockname()[1]
        return number

    def send(self, data: bytes, *, is_report: bool) -> None:
        with suppress(BlockingIOError):  # UDP: packets that the socket buffer cannot take are dropped
            self.socket.sendto(data, (self.host, self.port + is_report, *self.zone))

    def close(self) -> None:
        self.socket.close()


BEHIND_MS = 2_000
REPORT_MS = 5_000
CLOCK_STEP_MS = 2_000
"""A new run that begins by more than this, in ms, before or after the time that has passed: the clock was set."""
SILENT_S = 5.0


def formats_now(hub: Hub, clock: Clock) -> tuple[VideoFormat, AudioFormat | None] | None:
    """Return the current video and audio formats; None if the stream is inactive."""
    if not hub.is_live(clock.now_ms()):
        return None
    begin = next(iter(hub.recent(0.0)), None)
    if begin is None or not isinstance(begin.format, VideoFormat):
        return None
    return begin.format, sound_of([one for one in hub.recent(SOUND_SEEN_S) if one.run == begin.run])


class RtspTrack:
    """RTP session of one track. Timestamps continue across the camera's runs, also when the recorder's clock was set.

    The clock of the reports is that of the session's first run and goes on with the timestamps: players compute times
    from reports, and would see a step of it in one track before the other.
    """

    def __init__(self, media: Format, channel: Channel) -> None:
        self.media, self.channel = media, channel
        self._packetizer = Packetizer(
            media, payload_type(media), ssrc=secrets.randbits(32), first=secrets.randbits(16), aggregate=True
        )
        self._run: RunId | None = None
        self._zero = self._time = 0
        self._reported_ms = -REPORT_MS

    @property
    def sent_ms(self) -> int:
        """The latest time sent, ms since the session's start."""
        return self._time * 1000 // self.media.rate

    def send(self, packet: Packet, from_ms: int, begin_ms: int) -> None:
        """Send one packet. from_ms, begin_ms: UTC of the session's start by the clock of the packet's run, and of the
        session's first run, the same for all tracks. Raises OSError.
        """
        is_due = abs(packet.at_ms - self._reported_ms) >= REPORT_MS
        if packet.run != self._run:
            self._run, is_due = packet.run, True
            self._zero = (packet.at_ms - from_ms) * self.media.rate // 1000 - packet.pts
        time = self._zero + packet.pts
        self._time = max(self._time, time)
        if is_due:
            self._reported_ms = packet.at_ms
            utc_s = begin_ms / 1000 + time / self.media.rate
            self.channel.send(self._packetizer.sender_report(utc_s, time), is_report=True)
        for made in self._packetizer.cut(_with_sets(packet), time):
            self.channel.send(made.to_bytes(), is_report=False)


class RtspSender:
    """Sends one player's tracks.

    tracks: video under True, audio under False. drain: waits while the send buffer is full.
    """

    def __init__(
        self, hub: Hub, clock: Clock, tracks: Mapping[bool, RtspTrack], drain: Callable[[], Awaitable[None]]
    ) -> None:
        self._hub, self._clock, self._tracks, self._drain = hub, clock, tracks, drain
        self.skipped = 0
        """Number of skips to a newer keyframe because of a slow connection."""

    async def run(self) -> None:
        """Send until the video codec changes; the player must then send DESCRIBE again. Raises OSError."""
        wakeup = Wakeup()
        reader = self._hub.reader(wake=wakeup)
        run: RunId | None = None
        begin_ms, from_ms, sent_s = 0, 0, self._clock.mono_s()
        needs_keyframe = True
        try:
            while True:
                for packet in reader.take().packets:
                    if not self._fits(packet):
                        return
                    needs_keyframe = needs_keyframe and not packet.is_keyframe
                    track = self._tracks.get(packet.is_video)
                    if needs_keyframe or track is None or (packet.format != track.media and not packet.is_video):
                        continue
                    now_s = self._clock.mono_s()
                    if run is None:
                        run, begin_ms, from_ms = packet.run, packet.at_ms, packet.at_ms
                    elif packet.run != run:
                        run, from_ms = packet.run, self._start_ms(packet, from_ms, now_s - sent_s)
                    track.send(packet, from_ms, begin_ms)
                    sent_s = now_s
                    await self._drain()
                    newest = self._hub.newest
                    if newest is not None and newest.at_ms - packet.at_ms > BEHIND_MS:
                        self.skipped += 1
                        needs_keyframe = True
                        reader.skip_to_newest()
                        break
                else:
                    await wakeup.wait(SILENT_S)
        finally:
            reader.close()

    def _start_ms(self, packet: Packet, from_ms: int, passed_s: float) -> int:
        """Return UTC of the session's start for a new run, which begins with this packet. passed_s: since the last one.

        It changes if the recorder's clock was set meanwhile, so that times grow as time has passed.
        """
        sent_ms = max(track.sent_ms for track in self._tracks.values())
        due_ms = sent_ms + max(1, round(passed_s * 1000))
        at_ms = packet.at_ms - from_ms
        return from_ms if sent_ms < at_ms and abs(at_ms - due_ms) <= CLOCK_STEP_MS else packet.at_ms - due_ms

    def _fits(self, packet: Packet) -> bool:
        picture = self._tracks.get(True)
        if picture is None or not isinstance(packet.format, VideoFormat):
            return True
        return isinstance(picture.media, VideoFormat) and packet.format.codec == picture.media.codec


def _with_sets(packet: Packet) -> bytes:
    """Return the packet's data, with parameter sets before a keyframe: decoders need them on join and size change."""
    if not packet.is_keyframe or not isinstance(packet.format, VideoFormat):
        return packet.data
    nals = split_lengths(packet.data)
    if parameter_sets(packet.format.codec, nals):
        return packet.data
    return join_lengths([*packet.format.parameter_sets, *nals])
