"""Sends recordings to one WebRTC viewer: stored video at the requested rate, audio at rate 1 only."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tawny.live.webrtc.live_sender import BURST_BYTES, BURST_PAUSE_S, AudioTrackSource
from tawny.live.webrtc.packet_cuts import cut_picture
from tawny.live.webrtc.playback_clock import PlaybackClock
from tawny.live.webrtc.prefetch import PrefetchReader
from tawny.live.webrtc.rtp_timeline import RtpTimeline
from tawny.model.clock import Clock
from tawny.model.ids import RunId
from tawny.model.packets import Packet, VideoFormat
from tawny.model.reels import ReelPiece, SkippedTime

KEYFRAMES_FROM = 8.0
"""Playback rates from this value on send keyframes only."""
MOST_KEYFRAMES_A_S = 4
"""Maximum keyframes per second, so that the bit rate stays near that of the live stream."""


def sparse_ms(rate: float) -> int:
    """Return the minimum recording time between frames at this rate, in ms; 0 sends all frames."""
    return round(rate * 1000 / MOST_KEYFRAMES_A_S) if rate >= KEYFRAMES_FROM else 0


Heard = Callable[[Packet], AudioTrackSource | None]
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
        due_s = await self._pace.until(packet.at_ms)
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
