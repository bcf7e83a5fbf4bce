"""Sends recordings to one WebRTC viewer: stored video at the requested rate, audio at rate 1 only."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from tawny.live.webrtc.live_sender import BURST_BYTES, BURST_PAUSE_S, AudioTrack, MediaSink, cut_picture
from tawny.model.errors import StorageError
from tawny.model.ids import RunId
from tawny.model.packets import VIDEO_RATE, Packet, VideoFormat
from tawny.model.segments import NotCarried, ReelPiece, SkippedTime
from tawny.model.times import Clock
from tawny.protocols.rtp import RtpTrack

# Reads recordings ahead of playback in worker threads, one read at a time per viewer.

MOST_PIECES, MOST_BYTES = 3, 6_000_000
"""Maximum read-ahead: in pieces of about 1 s, and in bytes."""


ReadNext = Callable[[], ReelPiece | None]
"""Reads the next piece of a recording; None at its current end. Blocks (`playback.packet_reel.PacketReel.next`)."""


class PrefetchReader:
    """Read-ahead for one viewer. limit: bounds concurrent reads of all viewers."""

    def __init__(self, read_next: ReadNext, limit: asyncio.Semaphore) -> None:
        self._read_next, self._limit = read_next, limit
        self._ready: deque[ReelPiece] = deque()
        self._bytes = 0
        self._one = asyncio.Lock()
        self._reading: asyncio.Future[ReelPiece | None] | None = None
        self._filling: asyncio.Task[None] | None = None

    async def next(self) -> ReelPiece | None:
        """Return the next piece; None at the current end of the recording.

        Raises NotCarried and StorageError from the reel.
        """
        while not self._ready:
            if not await self._read(1):
                return None
        piece = self._ready.popleft()
        self._bytes -= _size(piece)
        if self._filling is None or self._filling.done():
            self._filling = asyncio.create_task(self._fill())
        return piece

    async def close(self) -> None:
        """Stop prefetching. Invariant: no thread reads after this returns."""
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _fill(self) -> None:
        try:
            while len(self._ready) < MOST_PIECES and self._bytes < MOST_BYTES and await self._read(MOST_PIECES):
                continue
        except (NotCarried, StorageError):
            return  # next() repeats the read and raises the error

    async def _read(self, wanted: int) -> bool:
        """Read a piece unless as many as wanted are ready by then. Return False at the current end."""
        async with self._one:
            if len(self._ready) >= wanted or self._bytes >= MOST_BYTES:
                return True
            async with self._limit:
                self._reading = asyncio.ensure_future(asyncio.to_thread(self._read_next))
                piece = await asyncio.shield(self._reading)
        if piece is None:
            return False
        self._ready.append(piece)
        self._bytes += _size(piece)
        return True


def _size(piece: ReelPiece) -> int:
    return sum(len(packet.data) for packet in piece.packets)


# Continuous RTP timeline for a viewer who switches between live and recorded video. Timestamps only increase.

_BACK_TICKS = 2 * VIDEO_RATE


class RtpTimeline:
    """Wraps a PeerConnection; is itself a MediaSink."""

    def __init__(self, peer: MediaSink, clock: Clock) -> None:
        self._peer, self._clock = peer, clock
        self.video, self.sound = peer.video, peer.sound
        self.opened: asyncio.Event = peer.opened
        self.ended: asyncio.Event = peer.ended
        self.keyframe: Callable[[], None] = lambda: None
        peer.keyframe = lambda: self.keyframe()
        self.shown_ms: int | None = None
        """Capture time of the last frame sent, ms UTC; None before the first."""
        self._last: dict[int, int] = {}
        self._from_ticks, self._from_s = clock.now_ms() * VIDEO_RATE // 1000, clock.mono_s()

    @property
    def time(self) -> int:
        """RTP timestamp of the last video frame, as sent in the packets."""
        return self._last.get(self.video.ssrc, 0) & 0xFFFFFFFF

    def send(self, track: RtpTrack, payloads: Sequence[bytes], time: int, at_ms: int) -> None:
        last = self._last.get(track.ssrc)
        if last is not None and time <= last:
            if track is not self.video:
                return  # overlapping audio: dropped
            if time < last - _BACK_TICKS:
                self.end("the clock was set")
                return
            time = last + 1
        self._last[track.ssrc] = time
        if track is self.video:
            self.shown_ms = at_ms
            self._from_ticks, self._from_s = time, self._clock.mono_s()
        self._peer.send(track, payloads, time, at_ms)

    def send_past(self, payloads: Sequence[bytes], shown_ms: int, due_ms: float) -> None:
        """Send a recorded frame. due_ms: presentation time on the live timeline, ms UTC."""
        self.send(self.video, payloads, round(due_ms * VIDEO_RATE / 1000), round(due_ms))
        self.shown_ms = shown_ms

    def now_ms(self) -> float:
        """Return the timeline position at which a live frame would be sent now, with the last frame's latency."""
        return self._from_ticks * 1000 / VIDEO_RATE + (self._clock.mono_s() - self._from_s) * 1000

    async def drain(self) -> bool:
        return await self._peer.drain()

    def end(self, why: str) -> None:
        self._peer.end(why)


# Playback clock: maps recording time to monotonic time, with rate changes and pause.

LATE_S = 0.3
"""Frames later than this many seconds shift the clock: playback continues from them instead of catching up."""


class PlaybackClock:
    """Playback position. Frames up to `begin_ms` are due at once; time runs from there."""

    def __init__(self, clock: Clock, begin_ms: int, rate: float, *, is_held: bool) -> None:
        self._clock = clock
        self._rate, self._is_held = rate, is_held
        self._changed = asyncio.Event()
        self.begin_ms = begin_ms
        self.turns = 0
        """Number of discontinuities: seeks, rate changes, pauses and shifts."""
        self._anchor(begin_ms)

    @property
    def rate(self) -> float:
        return self._rate

    @property
    def is_held(self) -> bool:
        return self._is_held

    def at_ms(self) -> float:
        """Return the current playback position, ms UTC."""
        if self._is_held:
            return self._from_ms
        return self._from_ms + (self._clock.mono_s() - self._from_s) * 1000 * self._rate

    def set(self, *, rate: float | None = None, is_held: bool | None = None) -> None:
        at_ms = self.at_ms()
        self._rate = self._rate if rate is None else rate
        self._is_held = self._is_held if is_held is None else is_held
        self._anchor(at_ms)

    def jump(self, at_ms: int) -> None:
        """Continue from `at_ms` immediately, skipping the time in between."""
        self.begin_ms = at_ms
        self._anchor(at_ms)

    def due_s(self, at_ms: int) -> float:
        """Return the due time on the monotonic clock; infinity while paused."""
        if at_ms <= self.begin_ms:
            return self._from_s
        if self._is_held:
            return float("inf")
        return self._from_s + (at_ms - self._from_ms) / 1000 / self._rate

    async def until(self, at_ms: int) -> float:
        """Wait until the frame is due. Return its due time, s monotonic."""
        if self._clock.mono_s() - self.due_s(at_ms) > LATE_S and at_ms > self.begin_ms:
            self._anchor(at_ms)
        while (wait_s := self.due_s(at_ms) - self._clock.mono_s()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if wait_s == float("inf") else wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return self.due_s(at_ms)

    async def going(self) -> None:
        """Wait until playback is not paused."""
        while self._is_held:
            self._changed.clear()
            await self._changed.wait()

    def _anchor(self, at_ms: float) -> None:
        self._from_ms, self._from_s = at_ms, self._clock.mono_s()
        self.turns += 1
        self._changed.set()


KEYFRAMES_FROM = 8.0
"""Playback rates from this value on send keyframes only."""
MOST_KEYFRAMES_A_S = 4
"""Maximum keyframes per second, so that the bit rate stays near that of the live stream."""


def sparse_ms(rate: float) -> int:
    """Return the minimum recording time between frames at this rate, in ms; 0 sends all frames."""
    return round(rate * 1000 / MOST_KEYFRAMES_A_S) if rate >= KEYFRAMES_FROM else 0


Heard = Callable[[Packet], AudioTrack | None]
"""Returns the track for a recorded audio packet; None if it cannot be played."""


class PlaybackSender:
    """One playback run from a start time. `run` sends until the end of the recording."""

    def __init__(
        self,
        stage: RtpTimeline,
        clock: Clock,
        ahead: PrefetchReader,
        pace: PlaybackClock,
        *,
        sounds: Heard,
        skipped: Callable[[SkippedTime], None],
        arrived: Callable[[], None],
    ) -> None:
        """sounds: track lookup, new for each run. skipped: called with a skipped gap, before the next frame.

        arrived: called once when the requested position is shown.
        """
        self._stage, self._ahead, self._pace = stage, ahead, pace
        self._sounds, self._skipped, self._arrived = sounds, skipped, arrived
        self._line_ms = stage.now_ms() - clock.mono_s() * 1000
        self._sent_bytes = 0
        self.has_begun = self.has_arrived = False
        """Whether the first frame was sent; whether the frame at the requested time was sent."""

    async def run(self) -> None:
        """Send until the end of the recording. Raises NotCarried and StorageError from the reel."""
        try:
            while True:
                piece = await self._ahead.next()
                if piece is not None:
                    await self._piece(piece)
                    continue
                self._arrive()
                if not (self._pace.is_held and self.has_begun):
                    return
                await self._pace.going()  # more may be recorded by then
        finally:
            await self._ahead.close()

    async def _piece(self, piece: ReelPiece) -> None:
        if piece.skipped is not None:
            await self._pass_over(piece.skipped, piece.packets[0].at_ms)
        for packet in piece.packets:
            if packet.at_ms > self._pace.begin_ms:
                self._arrive()
            if packet.is_video:
                await self._picture(packet)
            else:
                await self._sound(packet)

    def _arrive(self) -> None:
        if self.has_begun and not self.has_arrived:
            self.has_arrived = True
            self._arrived()

    async def _pass_over(self, skipped: SkippedTime, next_ms: int) -> None:
        if self.has_begun:
            self._arrive()
            await self._pace.until(skipped.span.begin_ms)
        self._pace.jump(next_ms)
        self._skipped(skipped)

    async def _picture(self, packet: Packet) -> None:
        assert isinstance(packet.format, VideoFormat)
        if not self.has_begun and packet.at_ms > self._pace.begin_ms:
            self._pace.jump(packet.at_ms)  # no recording before the requested time
        await self._stage.drain()
        due_s = await self._pace.until(packet.at_ms)
        self._stage.video.show(packet.format.orientation)
        self._stage.send_past(cut_picture(packet.data, packet.format), packet.at_ms, self._line_ms + due_s * 1000)
        self.has_begun = True
        self._sent_bytes += len(packet.data)
        if self._sent_bytes > BURST_BYTES:
            self._sent_bytes = 0
            await asyncio.sleep(BURST_PAUSE_S)

    async def _sound(self, packet: Packet) -> None:
        track, pace = self._stage.sound, self._pace
        if track is None or pace.rate != 1 or packet.at_ms < pace.begin_ms:
            return
        sounds = self._sounds(packet)
        if sounds is None:
            return
        due_s = await pace.until(packet.at_ms)
        if pace.rate != 1:
            return
        at_ms = round(self._line_ms + due_s * 1000)
        run = RunId(f"{packet.run}-{pace.turns}")
        for payload, time, heard_ms in sounds.take(replace(packet, run=run, at_ms=at_ms)):
            self._stage.send(track, [payload], time, heard_ms)
