"""Sends a camera's live packets to one WebRTC viewer, unchanged, from the ring's newest keyframe on.

RTP timestamps of video are UTC in ticks, so that the page can compute each frame's age. Backlog frames since the
keyframe get timestamps close together; a browser would play them at normal speed otherwise.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from tawny.live.wakeup import Wakeup, share_once
from tawny.media.audio import OPUS_RATE, ToOpus
from tawny.media.codec.nal import is_keyframe, parameter_sets, split_lengths
from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet, VideoFormat
from tawny.model.times import Clock
from tawny.protocols.rtp import RtpTrack, fragments
from tawny.protocols.sdp import Sound
from tawny.stream.hub import Hub

# RTP payloads of video frames, packetized once for all viewers (RFC 6184, RFC 7798).

KEPT = 300
"""Cached frames per stream: usually those since the last keyframe."""


class PacketCutter:
    """Payload cache of one stream. Single-threaded."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, list[bytes]] = OrderedDict()

    def of(self, packet: Packet) -> list[bytes]:
        """Return a frame's payloads, with parameter sets before a keyframe. Empty for invalid data."""
        made = self._kept.get(packet.number)
        if made is None:
            assert isinstance(packet.format, VideoFormat)
            made = self._kept[packet.number] = cut_picture(packet.data, packet.format)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def cuts_of(hub: Hub) -> PacketCutter:
    """Return the stream's shared payload cache."""
    return share_once(PacketCutter, hub, PacketCutter)


def cut_picture(data: bytes, video: VideoFormat) -> list[bytes]:
    try:
        nals = split_lengths(data)
        if is_keyframe(video.codec, nals) and not parameter_sets(video.codec, nals):
            nals = [*video.parameter_sets, *nals]
    except ValueError:
        return []
    return [payload for nal in nals for payload in fragments(video.codec, nal)]


# Audio: G.711 unchanged; other codecs transcoded to Opus, once per stream for all viewers.

PIECE_SAMPLES = 160
"""G.711 samples per packet: 20 ms."""
KEPT_SOUNDS = 200


class AudioPayload(NamedTuple):
    """One RTP payload. time: ticks of the track's rate. at_ms: capture time, ms UTC."""

    payload: bytes
    time: int
    at_ms: int


def names(sound: AudioFormat | None) -> list[Sound]:
    """Return the codecs this audio can be sent as, preferred first."""
    if sound is None:
        return []
    if sound.codec == "aac" or sound.rate != 8000 or sound.channels != 1:
        return ["opus"]
    return ["pcmu", "opus"] if sound.codec == "pcmu" else ["pcma", "opus"]


class G711Track:
    """Splits G.711 packets without transcoding. name: the negotiated codec. Event loop only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._times = _Times(8000)

    def take(self, packet: Packet) -> list[AudioPayload]:
        return [
            self._times.payload(packet.data[at : at + PIECE_SAMPLES], packet, packet.pts + at)
            for at in range(0, len(packet.data), PIECE_SAMPLES)
        ]


class OpusTrack:
    """Transcodes a stream's audio to Opus; caches the result for other viewers. Event loop only."""

    name = "opus"

    def __init__(self) -> None:
        self._made: OrderedDict[int, list[AudioPayload]] = OrderedDict()
        self._to_opus: ToOpus | None = None
        self._source: tuple[RunId, AudioFormat] | None = None
        self._times = _Times(OPUS_RATE)
        self._newest = -1

    def take(self, packet: Packet) -> list[AudioPayload]:
        if packet.number in self._made:
            return self._made[packet.number]
        if packet.number < self._newest:
            return []  # older than the newest transcoded packet
        self._newest = packet.number
        self._made[packet.number] = pieces = list(self._turned(packet))
        while len(self._made) > KEPT_SOUNDS:
            self._made.popitem(last=False)
        return pieces

    def _turned(self, packet: Packet) -> Iterator[AudioPayload]:
        assert isinstance(packet.format, AudioFormat)
        if (packet.run, packet.format) != self._source:
            self._source = packet.run, packet.format
            try:
                self._to_opus = ToOpus(packet.format)
            except ValueError:
                self._to_opus = None
        if self._to_opus is None:
            return
        for frame in self._to_opus.encode(packet.data, packet.pts):
            yield self._times.payload(frame.data, packet, frame.pts)


class _Times:
    """Maps pts to RTP time: UTC at the start of a run, then by the camera's clock alone.

    RTP time has no steps, which a browser would hear as lost audio. The capture time follows the recorder's clock;
    sender reports tell the browser both, so that audio stays with the video (RFC 3550, 6.4.1).
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._run: RunId | None = None
        self._zero = 0

    def payload(self, data: bytes, packet: Packet, pts: int) -> AudioPayload:
        """Return a payload of `packet`. pts: ticks of `rate` since the run's start."""
        if packet.run != self._run:
            self._run = packet.run
            self._zero = (packet.at_ms - packet.pts * 1000 // packet.format.rate) * self._rate // 1000
        after = pts - packet.pts * self._rate // packet.format.rate
        return AudioPayload(data, self._zero + pts, packet.at_ms + after * 1000 // self._rate)


AudioTrack = G711Track | OpusTrack


def _fits(track: AudioTrack, packet: Packet) -> bool:
    """Return whether the track can send this audio: G.711 is not transcoded."""
    assert isinstance(packet.format, AudioFormat)
    return track.name in names(packet.format)


def sounds_of(hub: Hub, name: str) -> AudioTrack:
    """Return the track that converts this stream's audio to the negotiated codec."""
    return share_once(OpusTrack, hub, OpusTrack) if name == "opus" else G711Track(name)


def recorded_sounds(name: str) -> Callable[[Packet], AudioTrack | None]:
    """Return a function that maps a recorded packet to its track for the negotiated codec.

    The function returns None if the packet would need transcoding to G.711.
    """
    made = OpusTrack() if name == "opus" else G711Track(name)

    def taking(packet: Packet) -> AudioTrack | None:
        return made if _fits(made, packet) else None

    return taking


# The sender of one viewer.

BURST_BYTES, BURST_PAUSE_S = 64_000, 0.004
"""Maximum burst size while sending a backlog, in bytes: network buffers are small."""
MOST_BURST_BYTES = 3_000_000
"""With a larger backlog since the keyframe, send only the keyframe and continue from the next one."""
BEHIND_MS = 1_500
AGAIN_S = 0.7
"""Minimum interval between repetitions of the backlog on keyframe requests, in seconds."""
_TICKS_A_MS = 90
_BACK_TICKS = 2 * 90_000
_LOOK_S = 1.0


class MediaSink(Protocol):
    """Destination of the packets: a PeerConnection or an RtpTimeline."""

    video: RtpTrack
    sound: RtpTrack | None
    opened: asyncio.Event
    ended: asyncio.Event
    keyframe: Callable[[], None]

    def send(self, track: RtpTrack, payloads: Sequence[bytes], time: int, at_ms: int) -> None: ...

    async def drain(self) -> bool:
        """Wait while the viewer's connection is full. Return whether it was."""
        ...

    def end(self, why: str) -> None: ...


class LiveSender:
    """Live sender of one viewer. video: the negotiated format.

    Video or audio in a codec that was not negotiated ends the connection; the page then makes another one.
    """

    def __init__(
        self, peer: MediaSink, hub: Hub, clock: Clock, video: VideoFormat, sounds: AudioTrack | None = None
    ) -> None:
        self._peer, self._hub, self._clock, self._codec, self._sounds = peer, hub, clock, video.codec, sounds
        self._wakeup = Wakeup()
        self._reader = hub.reader(wake=self._wakeup)
        self._cuts = cuts_of(hub)
        self._time = 0
        self._needs_keyframe, self._again_due = True, False
        self._sent_again_s = clock.mono_s()
        peer.keyframe = self._request_keyframe

    def close(self) -> None:
        self._reader.close()

    async def run(self) -> None:
        """Send until the connection ends."""
        await self._opened()
        self._restart()
        while not self._peer.ended.is_set():
            if self._again_due and self._clock.mono_s() - self._sent_again_s >= AGAIN_S:
                self._restart()
            packets = self._reader.take().packets
            if self._is_behind(packets):
                self._reader.skip_to_newest()
                self._needs_keyframe = True
                packets = self._hub.since(self._hub.begin_at(0.0)).packets
                self._reader.take()
            await self._send(packets)
            await self._wakeup.wait(_LOOK_S)

    async def _opened(self) -> None:
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._peer.opened, self._peer.ended)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    def _request_keyframe(self) -> None:
        self._again_due = True
        self._wakeup()

    def _restart(self) -> None:
        """Restart from the newest keyframe."""
        self._reader.close()
        self._reader = self._hub.reader(wake=self._wakeup)
        self._needs_keyframe, self._again_due = True, False
        self._sent_again_s = self._clock.mono_s()

    def _is_behind(self, packets: list[Packet]) -> bool:
        """Return whether the backlog exceeds BEHIND_MS and contains a newer keyframe."""
        if self._needs_keyframe or not packets:
            return False
        return packets[-1].at_ms - packets[0].at_ms > BEHIND_MS and any(packet.is_keyframe for packet in packets[1:])

    def _is_outdated(self, packet: Packet) -> bool:
        """Return whether the packet is older than BEHIND_MS and a newer keyframe has come."""
        newest = self._hub.newest
        is_late = newest is not None and newest.at_ms - packet.at_ms > BEHIND_MS
        return is_late and self._hub.begin_at(0.0) > packet.number

    async def _send(self, packets: list[Packet]) -> None:
        pictures = [packet for packet in packets if packet.is_video]
        is_too_much = self._needs_keyframe and sum(len(packet.data) for packet in pictures) > MOST_BURST_BYTES
        if is_too_much:
            packets = pictures = pictures[:1]
        newest_ms = pictures[-1].at_ms if pictures else 0  # the hub's newest moves on while the connection is full
        left, sent_bytes, is_backlog = len(pictures), 0, self._needs_keyframe
        for packet in packets:
            if await self._peer.drain() and self._is_outdated(packet):
                self._restart()
                return
            if packet.is_video:
                left -= 1
                self._picture(packet, left, newest_ms)
            elif not self._needs_keyframe and not (is_backlog and left):
                self._sound(packet)
            sent_bytes += len(packet.data)
            if sent_bytes > BURST_BYTES:
                sent_bytes = 0
                await asyncio.sleep(BURST_PAUSE_S)
        self._needs_keyframe = self._needs_keyframe or is_too_much

    def _picture(self, packet: Packet, after: int, newest_ms: int) -> None:
        """Send one frame. after: number of frames that follow in the same burst. newest_ms: UTC of the last of them."""
        assert isinstance(packet.format, VideoFormat)
        if packet.format.codec != self._codec:
            self._peer.end("the camera sends other pictures than before")
            return
        if self._needs_keyframe and not packet.is_keyframe:
            return
        self._needs_keyframe = False
        at_ms = max(packet.at_ms, newest_ms - 1) if after else packet.at_ms
        if at_ms * _TICKS_A_MS < self._time - _BACK_TICKS:
            self._peer.end("the clock was set")
            return
        time = max(at_ms * _TICKS_A_MS - after, self._time + 1)
        self._time = time
        self._peer.video.show(packet.format.orientation)
        self._peer.send(self._peer.video, self._cuts.of(packet), time, time // _TICKS_A_MS)

    def _sound(self, packet: Packet) -> None:
        track = self._peer.sound
        if track is None or self._sounds is None:
            return
        if not _fits(self._sounds, packet):
            self._peer.end("the camera sends other sound than before")
            return
        for payload, time, at_ms in self._sounds.take(packet):
            self._peer.send(track, [payload], time, at_ms)
