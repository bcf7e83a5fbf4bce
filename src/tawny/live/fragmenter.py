"""Packets to fragmented MP4 for one viewer, a fragment a picture, without decoding anything.

How long a picture stays is known when the next one has come. Whoever wants true times waits for that. Whoever wants to
see it sooner is told a time that is longer for sure: a browser that is told too short a one drops everything up to the
next keyframe, while one that is too long ends where the next picture begins.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tawny.live.decode_times import LiveDecodeTimes, reorder_depth
from tawny.media.audio.soundtrack import Soundtrack, soundtrack
from tawny.media.codec.parameter_sets import codec_string
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.model.ids import RunId
from tawny.model.packets import VIDEO_RATE, AudioFormat, Packet, VideoFormat
from tawny.stream.hub import Hub

SOUND_SEEN_S = 3.0
"""Sound that has not come for so long is left out, so that the picture does not wait for it."""


@dataclass(frozen=True, slots=True)
class NewInitSegment:
    """What follows is another file. start_ms: UTC of its time 0; init: its first bytes."""

    mime: str
    start_ms: int
    width: int
    height: int
    init: bytes


LASTS_TICKS = VIDEO_RATE // 4
_LASTS_STEPS = 2
"""A picture that is given out at once is said to last so long at least, and so many times what those before did."""
_MOST_LASTS_TICKS = 4 * VIDEO_RATE
_BELIEVED = 2
"""A browser goes on over a gap of so many times what the last picture was said to last."""


class Fragmenter:
    """For one reader of one hub. at_once: pictures are not held until the next has come."""

    def __init__(self, hub: Hub, *, at_once: bool = False) -> None:
        self._hub, self._at_once = hub, at_once
        self._run: RunId | None = None
        self._format: VideoFormat | None = None
        self._times = LiveDecodeTimes(0)
        self._zero = 0
        self._sound: Soundtrack | None = None
        self._deaf: AudioFormat | None = None
        self._held: tuple[Packet, int] | None = None
        self._steps: deque[int] = deque(maxlen=8)  # between the newest pictures
        self._newest_dts = self._said_dts = self._lasts = 0  # what the last was given out with
        self._sequence = 0

    def take(self, packet: Packet) -> Iterator[NewInitSegment | bytes]:
        """What this packet completes."""
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
        """Packets are left out here; the next one is a keyframe."""
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
        """The picture with a time that it will not last. After a longer gap than that allows, decode times fall behind,
        and catch up little by little; when it is shown stays true."""
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
        picture = Sample(packet.data, packet.pts - self._zero, lasts, is_keyframe=packet.is_keyframe)
        sounds = self._sound.take() if self._sound else []
        return b"".join(fragment(self._sequence, [picture], sounds, dts, sounds[0].pts if sounds else 0))

    def _begin(self, packet: Packet, video: VideoFormat) -> NewInitSegment | None:
        """A new file if this keyframe, or the sound beside it, does not fit into the one so far."""
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
        codecs = ",".join(codec_string(track) for track in (video, self._sound and self._sound.format) if track)
        return NewInitSegment(
            f'video/mp4; codecs="{codecs}"',
            packet.at_ms - (packet.pts - self._zero) * 1000 // VIDEO_RATE,
            video.width,
            video.height,
            init_segment(video, self._sound.format if self._sound else None),
        )


def sound_of(recent: list[Packet]) -> AudioFormat | None:
    """The sound that comes at present, None when it has stopped."""
    newest = recent[-1].at_ms if recent else 0
    for packet in reversed(recent):
        if isinstance(packet.format, AudioFormat):
            return packet.format if newest - packet.at_ms < SOUND_SEEN_S * 1000 else None
    return None
