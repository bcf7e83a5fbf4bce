"""Sound listener of one camera: decodes audio packets, measures loudness and reports loud sounds.

It runs only if sound detection is enabled; audio is decoded here only. One actor per camera, run by one thread at a
time.
"""

import logging
from typing import Any, Protocol

import numpy as np

from tawny.detection.audio.loudness import WINDOW_S, LoudnessMeter, NoiseFloor
from tawny.detection.audio.sound_classifier import SoundClassifier, at_rate
from tawny.detection.trigger import EventTrigger
from tawny.media.audio.decoder import SoundDecoder
from tawny.model.clock import Clock
from tawny.model.packets import AudioFormat, Packet
from tawny.stream.hub import Hub

log = logging.getLogger(__name__)

STEP_S = 0.5
LOUD, OF = 2, 4
"""The trigger: LOUD of the last OF windows must reach the threshold, so a click does not trigger."""
BREAK_MS = 3000
"""Pause, ms, after which the noise floor is learned again."""
NAMED_EVERY_MS = 1000
KEPT_S = 2.0


class SoundListenerSink(Protocol):
    """Receives the results. Called from the listener's thread."""

    def heard(self, at_ms: int, db: float, score: int) -> None:
        """Called twice a second with the highest loudness."""
        ...

    def loud(self, start_ms: int, score: int) -> None:
        """A loud sound has started at this time."""
        ...

    def still_loud(self, score: int, names: list[tuple[str, float]]) -> None:
        """The sound got louder or its classes are known. names: class and score."""
        ...

    def quiet(self, end_ms: int) -> None: ...


class SoundListener:
    """Detects loud sounds in one stream.

    level: threshold, 1..100. hold_s: seconds of quiet that end a sound. names: classifies sounds; None: no
    classification.
    """

    def __init__(
        self,
        name: str,
        hub: Hub,
        hears: SoundListenerSink,
        clock: Clock,
        *,
        level: int,
        hold_s: float,
        names: SoundClassifier | None,
    ) -> None:
        self.name = name
        self._reader, self._hears, self._clock = hub.reader(), hears, clock
        self._level, self._hold_ms, self._names = level, round(hold_s * 1000), names
        self._decoder: SoundDecoder | None = None
        self._refused: AudioFormat | None = None
        self._windows, self._quiet, self._trigger = LoudnessMeter(8000), NoiseFloor(), EventTrigger()
        self._at_ms = 0
        self._loud_ms: int | None = None
        """Time of the newest loud window, ms UTC; None without a current sound."""
        self._named_ms = 0
        self._kept = np.zeros(0, np.float32)

    def step(self) -> float:
        batch = self._reader.take()
        loudest: tuple[int, float, int] | None = None
        for packet in batch.packets:
            if not packet.is_video:
                for at_ms, db, score in self._measured(packet):
                    loudest = max(loudest or (at_ms, db, score), (at_ms, db, score), key=lambda one: one[1])
                    self._judge(at_ms, score)
        if loudest is not None:
            self._hears.heard(*loudest)
        if self._loud_ms is not None and self._clock.now_ms() - self._at_ms > self._hold_ms + BREAK_MS:
            self._over()  # the stream has no more audio
        return STEP_S

    def close(self) -> None:
        self._over()
        self._reader.close()

    def _measured(self, packet: Packet) -> list[tuple[int, float, int]]:
        """Return time (ms UTC), dB and score of each window that the packet completes."""
        assert isinstance(packet.format, AudioFormat)
        decoder = self._decoder_for(packet.format)
        if decoder is None:
            return []
        if not 0 <= packet.at_ms - self._at_ms <= BREAK_MS:
            self._over()
            self._windows.clear()
            self._quiet.forget()
            self._trigger.clear()
        samples = decoder.decode(packet.data)
        self._keep(samples, packet.format.rate)
        self._at_ms = packet.at_ms
        made = []
        for n, db in enumerate(self._windows.add(samples)):
            at_ms = packet.at_ms + round(n * WINDOW_S * 1000)
            score = self._quiet.score(db)
            if score is not None:
                made.append((at_ms, db, score))
        return made

    def _decoder_for(self, source: AudioFormat) -> SoundDecoder | None:
        if source == self._refused:
            return None
        if self._decoder is None or self._decoder.format != source:
            self._windows, self._kept = LoudnessMeter(source.rate), np.zeros(0, np.float32)
            try:
                self._decoder = SoundDecoder(source)
            except ValueError as error:
                log.warning("%s: %s", self.name, error)
                self._decoder, self._refused = None, source
        return self._decoder

    def _judge(self, at_ms: int, score: int) -> None:
        is_loud = score >= self._level
        since_ms = self._trigger.add(at_ms, moves=is_loud, k=LOUD, within=OF)
        if self._loud_ms is None:
            if since_ms is not None:
                self._hears.loud(since_ms, score)
                self._loud_ms = at_ms
                self._named_ms = 0
        elif is_loud:
            self._loud_ms = at_ms
            self._hears.still_loud(score, self._named(at_ms))
        elif at_ms - self._loud_ms > self._hold_ms:
            self._over()

    def _named(self, at_ms: int) -> list[tuple[str, float]]:
        if self._names is None or at_ms - self._named_ms < NAMED_EVERY_MS:
            return []
        self._named_ms = at_ms
        return self._names.name(self._kept)

    def _keep(self, samples: Any, rate: int) -> None:
        """Keep the newest seconds of audio at the model's sample rate, if a model is configured."""
        if self._names is not None:
            most = max(self._names.length, round(KEPT_S * 16_000))
            self._kept = np.concatenate((self._kept, at_rate(samples, rate)))[-most:]

    def _over(self) -> None:
        ended_ms, self._loud_ms = self._loud_ms, None
        if ended_ms is not None:
            self._hears.quiet(ended_ms)
            self._trigger.clear()
