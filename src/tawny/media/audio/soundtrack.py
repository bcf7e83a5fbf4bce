"""A sound track for browsers: AAC as it comes, G.711 turned into AAC, with times that have no holes.

A camera's AAC frame is given out when the next one has come, with exactly the time between as its length: a hole in one
track would make a browser wait for a keyframe in the other. Frames made here follow one another without. One thread.
"""

from tawny.media.audio.aac import FRAME_SAMPLES, AacFrame, ToAac
from tawny.media.mp4.fragment_writer import Sample
from tawny.model.packets import AudioFormat


class Soundtrack:
    """zero: the source's time that becomes 0, in ticks of its rate. ValueError when browsers cannot play this sound."""

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
        """Nothing more comes: what was held back is due."""
        if self._to_aac:
            self._made(self._to_aac.finish())
        if self._held:
            self._due.append(self._sample(self._held, FRAME_SAMPLES))
            self._held = None

    def take(self) -> list[Sample]:
        """The frames that are due since the last call."""
        due, self._due = self._due, []
        return due

    def skip(self) -> None:
        """Something is left out here."""
        self._held, self._due = None, []

    def _made(self, sounds: list[AacFrame]) -> None:
        self._due += [self._sample(sound, FRAME_SAMPLES) for sound in sounds if sound.pts >= self._zero]

    def _sample(self, sound: AacFrame, duration: int) -> Sample:
        return Sample(sound.data, sound.pts - self._zero, duration, is_keyframe=True)


def soundtrack(source: AudioFormat | None, zero: int = 0) -> Soundtrack | None:
    """None for silence, and for sound that browsers cannot play."""
    try:
        return Soundtrack(source, zero) if source else None
    except ValueError:
        return None
