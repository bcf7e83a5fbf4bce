"""Sounds of a video file, as in live detection: loud ones, and those of known classes. Call from one thread."""

from collections.abc import Sequence
from dataclasses import dataclass

from tawny.detection.audio import STEP_S, SoundListener, SoundRules
from tawny.detection.scan.scan import ScannedEvent
from tawny.detection.sound_classes import SoundNamer
from tawny.media.codec.video_file import FileVideo
from tawny.model.ids import RunId
from tawny.model.packets import Packet
from tawny.stream.hub import Hub

SOUND = "sound"
_RUN = RunId("scan")


@dataclass(slots=True)
class _FileClock:
    """Time of the file. Implements `model.times.Clock`."""

    at_ms: int = 0

    def now_ms(self) -> int:
        return self.at_ms

    def mono_s(self) -> float:
        return self.at_ms / 1000


class _Collector:
    """Turns the reports of a listener into events (`detection.audio.SoundListenerSink`)."""

    def __init__(self) -> None:
        self.events: list[ScannedEvent] = []
        self._best = 0.0

    def on_loudness(self, at_ms: int, db: float, score: int) -> None:
        """The level alone is no event."""

    def classified(self, at_ms: int, names: Sequence[tuple[str, float]]) -> None:
        """Unsure classes are no events."""

    def loud(self, start_ms: int, score: int, names: Sequence[tuple[str, float]]) -> None:
        self.events.append(ScannedEvent(start_ms / 1000, start_ms / 1000, SOUND, score, start_ms / 1000))
        self._best = 0.0
        self._name(names)

    def still_loud(self, score: int, names: Sequence[tuple[str, float]]) -> None:
        self.events[-1].score = max(self.events[-1].score, score)
        self._name(names)

    def quiet(self, end_ms: int) -> None:
        self.events[-1].end_s = max(self.events[-1].start_s, end_ms / 1000)

    def _name(self, names: Sequence[tuple[str, float]]) -> None:
        for label, share in names:
            if share > self._best:
                self._best, self.events[-1].label = share, label


def scan_sounds(video: FileVideo, rules: SoundRules, names: SoundNamer | None) -> list[ScannedEvent]:
    """Return the sounds of a file in order of time; none if it has no audio that cameras send.

    names: classifies at once; it is closed. Raises SourceError: if the file cannot be read.
    """
    clock, collector = _FileClock(), _Collector()
    listener = SoundListener(SOUND, Hub(), collector, clock, rules, names)
    waiting: list[Packet] = []
    try:
        for number, sound in enumerate(video.sounds()):
            at_ms = round(sound.at_s * 1000)
            pts = round(sound.at_s * sound.format.rate)
            waiting.append(Packet(_RUN, number, sound.format, sound.data, pts, at_ms, is_keyframe=False))
            if abs(at_ms - clock.at_ms) >= STEP_S * 1000:  # stamps of joined files step back
                clock.at_ms = at_ms
                listener.process(waiting)
                waiting = []
        listener.process(waiting)
    finally:
        listener.close()
    return collector.events
