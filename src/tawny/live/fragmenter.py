"""Remuxes packets to fragmented MP4 for one viewer, one fragment per frame, without decoding.

A frame's duration is known when the next frame arrives. In normal mode the fragmenter waits for it. With `at_once` it
emits each frame immediately with a duration that is certainly too long. A browser drops frames up to the next keyframe
after a duration that is too short; a duration that is too long ends at the next frame.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tawny.media.audio import Soundtrack, soundtrack
from tawny.media.codec.parameter_sets import codec_strings
from tawny.media.mp4.decode_times import LiveDecodeTimes, reorder_depth
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.model.ids import RunId
from tawny.model.packets import VIDEO_RATE, AudioFormat, Packet, VideoFormat
from tawny.stream.hub import Hub

SOUND_SEEN_S = 3.0
"""Audio silent for this many seconds is left out, so that video does not wait for it."""


@dataclass(frozen=True, slots=True)
class NewInitSegment:
    """Start of a new file. start_ms: UTC of media time 0; init: the initialization segment."""

    mime: str
    start_ms: int
    width: int
    height: int
    init: bytes


LASTS_TICKS = VIDEO_RATE // 4
_LASTS_STEPS = 2
"""Minimum duration of a frame emitted at once: LASTS_TICKS, and this multiple of recent frame intervals."""
_MOST_LASTS_TICKS = 4 * VIDEO_RATE
_BELIEVED = 2
"""Browsers tolerate a gap of up to this multiple of the previous frame's declared duration."""


class Fragmenter:
    """Fragmenter for one hub reader. at_once: for our own page, emit each frame without waiting for the next."""

    def __init__(self, hub: Hub, *, at_once: bool = False) -> None:
        self._hub, self._at_once = hub, at_once
        self._run: RunId | None = None
        self._format: VideoFormat | None = None
        self._times = LiveDecodeTimes(0)
        self._zero = 0
        self._sound: Soundtrack | None = None
        self._deaf: AudioFormat | None = None
        self._held: tuple[Packet, int] | None = None
        self._steps: deque[int] = deque(maxlen=8)  # intervals between recent frames
        self._newest_dts = self._said_dts = self._lasts = 0  # values of the last emitted frame
        self._sequence = 0
        self.newest_s = 0.0
        """Duration of the newest fragment's frame, in seconds."""

    def take(self, packet: Packet) -> Iterator[NewInitSegment | bytes]:
        """Yield the init segments and fragments that this packet completes."""
        if isinstance(packet.format, AudioFormat):
            if self._sound and packet.run == self._run and packet.format == self._sound.source:
                self._sound.add(packet.data, packet.pts)
        elif packet.is_keyframe and (begin := self._begin(packet, packet.format)):
            yield begin
            self._lasts = 0
            if self._at_once:
                yield self._now(packet, 0)
            else:
                self._held = packet, 0
        elif packet.run == self._run:
            yield from self._picture(packet)

    def skip(self) -> None:
        """Reset after skipped packets. The next packet must be a keyframe."""
        self._held, self._lasts = None, 0
        self._times.skip()
        if self._sound:
            self._sound.skip()

    def _picture(self, packet: Packet) -> Iterator[bytes]:
        dts = self._times.next(packet.pts) - self._zero
        if self._at_once:
            yield self._now(packet, dts)
            return
        if self._held:
            yield self._fragment(*self._held, dts - self._held[1])
        self._held = packet, dts

    def _now(self, packet: Packet, dts: int) -> bytes:
        """Return the frame's fragment with an upper bound of its duration.

        After a gap longer than that bound, decode times fall behind and catch up gradually. Presentation times stay
        correct.
        """
        if self._lasts:
            self._steps.append(min(dts - self._newest_dts, _MOST_LASTS_TICKS // _LASTS_STEPS))
            self._said_dts = min(dts, self._said_dts + _BELIEVED * self._lasts)
        else:
            self._said_dts = dts
        self._newest_dts = dts
        self._lasts = max(LASTS_TICKS, _LASTS_STEPS * max(self._steps, default=0))
        return self._fragment(packet, self._said_dts, self._lasts)

    def _fragment(self, packet: Packet, dts: int, lasts: int) -> bytes:
        self._sequence += 1
        self.newest_s = lasts / VIDEO_RATE
        picture = Sample(packet.data, packet.pts - self._zero, lasts, is_keyframe=packet.is_keyframe)
        sounds = self._sound.take() if self._sound else []
        return b"".join(fragment(self._sequence, [picture], sounds, dts, sounds[0].pts if sounds else 0))

    def _begin(self, packet: Packet, video: VideoFormat) -> NewInitSegment | None:
        """Return a new init segment if the keyframe or the current audio does not fit the current file, else None."""
        recent = [other for other in self._hub.recent(SOUND_SEEN_S) if other.run == packet.run]
        sound = sound_of(recent)
        depth = reorder_depth(other.pts for other in recent if other.is_video)
        same_sound = sound in (self._sound.source if self._sound else None, self._deaf)
        if self._run == packet.run and self._format == video and same_sound and depth <= self._times.depth:
            return None
        self._run, self._format, self._times = packet.run, video, LiveDecodeTimes(depth)
        self._zero = self._times.next(packet.pts)
        self._sound = soundtrack(sound, self._zero * sound.rate // VIDEO_RATE) if sound else None
        self._deaf = sound
        codecs = codec_strings(video, self._sound.format if self._sound else None)
        return NewInitSegment(
            f'video/mp4; codecs="{codecs}"',
            packet.at_ms - (packet.pts - self._zero) * 1000 // VIDEO_RATE,
            *video.shown_size,
            init_segment(self._stated(video), self._sound.format if self._sound else None),
        )

    def _stated(self, video: VideoFormat) -> VideoFormat:
        """Return the format with what the viewer turns. Not every browser mirrors by itself, so our page does."""
        return replace(video, orientation=replace(video.orientation, mirror=False)) if self._at_once else video


def sound_of(recent: list[Packet]) -> AudioFormat | None:
    """Return the format of the current audio, or None if audio has stopped."""
    newest = recent[-1].at_ms if recent else 0
    for packet in reversed(recent):
        if isinstance(packet.format, AudioFormat):
            return packet.format if newest - packet.at_ms < SOUND_SEEN_S * 1000 else None
    return None
