"""Continuous RTP timeline for a viewer who switches between live and recorded video. Timestamps only increase."""

import asyncio
from collections.abc import Callable, Sequence

from tawny.live.webrtc.live_sender import MediaSink
from tawny.live.webrtc.rtp_sender import RtpTrack
from tawny.model.clock import Clock
from tawny.model.packets import VIDEO_RATE

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

    def end(self, why: str) -> None:
        self._peer.end(why)
