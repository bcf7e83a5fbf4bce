"""Audio track for browsers: AAC unchanged, G.711 transcoded to AAC, with contiguous timestamps.

A camera's AAC frame is emitted when the next one arrives, with the exact distance as its duration. A gap in one track
would make browsers wait for a keyframe in the other. Transcoded frames are contiguous anyway. Not thread-safe.
"""

from tawny.media.audio.aac import FRAME_SAMPLES, AacFrame, ToAac
from tawny.media.mp4.fragment_writer import Sample
from tawny.model.packets import AudioFormat


class Soundtrack:
    """One audio track. zero: source time that maps to 0, in source ticks. Raises ValueError for unsupported audio."""

    def __init__(self, source: AudioFormat, zero: int = 0) -> None:
        self.source = source
        self._to_aac = None if source.codec == "aac" else ToAac(source)
        self.format = self._to_aac.format if self._to_aac else source
        self._zero = zero
        self._held: AacFrame | None = None
        self._due: list[Sample] = []

    def add(self, data: bytes, pts: int) -> None:
        if self._to_aac:
            self._made(self._to_aac.encode(data, pts))
        elif pts >= self._zero:
            if self._held and pts > self._held.pts:
                self._due.append(self._sample(self._held, pts - self._held.pts))
            self._held = AacFrame(data, pts)

    def finish(self) -> None:
        """Emit the held and buffered frames at the end of the stream."""
        if self._to_aac:
            self._made(self._to_aac.finish())
        if self._held:
            self._due.append(self._sample(self._held, FRAME_SAMPLES))
            self._held = None

    def take(self) -> list[Sample]:
        """Return the frames completed since the last call."""
        due, self._due = self._due, []
        return due

    def skip(self) -> None:
        """Drop pending frames after skipped packets."""
        self._held, self._due = None, []

    def _made(self, sounds: list[AacFrame]) -> None:
        self._due += [self._sample(sound, FRAME_SAMPLES) for sound in sounds if sound.pts >= self._zero]

    def _sample(self, sound: AacFrame, duration: int) -> Sample:
        return Sample(sound.data, sound.pts - self._zero, duration, is_keyframe=True)


def soundtrack(source: AudioFormat | None, zero: int = 0) -> Soundtrack | None:
    """Create the audio track; None without audio or for unsupported audio."""
    try:
        return Soundtrack(source, zero) if source else None
    except ValueError:
        return None
