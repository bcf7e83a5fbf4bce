"""Detection of loud sounds above a moving noise floor, and their class by an optional model."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tawny.detection.detector import EventTrigger
from tawny.detection.models.labels import read_labels
from tawny.detection.onnx import open_session
from tawny.media.audio import SoundDecoder
from tawny.model.errors import NotDone
from tawny.model.packets import AudioFormat, Packet
from tawny.model.times import Clock
from tawny.stream.hub import Hub

WINDOW_S = 0.1
SILENCE_DB = -100.0
LEAST_QUIET_DB = -65.0
"""Lower limit of the noise floor: above digital silence the sensor's own noise would count as loud."""
LEARNS_S = 5.0
"""Learning phase, s, at the start and after a pause."""
UP_DB_A_S, DOWN_DB_A_S = 0.25, 1.0
LINE_DB = 15.0
"""Rise above the noise floor that gives a score of 50."""


class LoudnessMeter:
    """Converts samples to loudness in windows of WINDOW_S."""

    def __init__(self, rate: int) -> None:
        self._size = max(1, round(rate * WINDOW_S))
        self._left = np.zeros(0, np.float32)

    def add(self, samples: Any) -> Iterator[float]:
        """Yield the level of each complete window, dB below full scale."""
        self._left = np.concatenate((self._left, samples))
        count = len(self._left) // self._size
        whole, self._left = self._left[: count * self._size], self._left[count * self._size :]
        for window in whole.reshape(count, self._size):
            power = float(np.mean(np.square(window - window.mean())))
            yield max(SILENCE_DB, 10 * np.log10(power)) if power > 0 else SILENCE_DB

    def clear(self) -> None:
        self._left = np.zeros(0, np.float32)


class NoiseFloor:
    """Noise floor of the place. db: the learned level."""

    def __init__(self) -> None:
        self.db = LEAST_QUIET_DB
        self._heard: list[float] = []

    def score(self, db: float) -> int | None:
        """Return the rise of one window above the noise floor as 0..100 (50: 15 dB), or None while learning."""
        if len(self._heard) * WINDOW_S < LEARNS_S:
            self._heard.append(db)
            self.db = max(LEAST_QUIET_DB, float(np.percentile(self._heard, 20)))
            return None
        rise_db = db - self.db
        step_db = (UP_DB_A_S if rise_db > 0 else -DOWN_DB_A_S) * WINDOW_S
        self.db = max(LEAST_QUIET_DB, self.db + (step_db if abs(rise_db) > abs(step_db) else rise_db))
        return max(0, min(100, round(50 * rise_db / LINE_DB)))

    def forget(self) -> None:
        """Restart learning: the place or the microphone may have changed."""
        self._heard.clear()


# Sound classification by an ONNX model of the user: mono samples at 16 kHz in, one score per class out.

RATE = 16_000
USUAL_LENGTH = 15_600
"""Number of samples passed to a model of variable input length: 0.975 s."""
MOST_NAMES = 3


class SoundClassifier:
    """Classifies sounds.

    model, labels: files; the labels have one name per line in class order. sure: minimum score. classes: names to
    report; empty: all. Raises NotDone: if a file is unreadable or model and labels do not match.
    """

    def __init__(self, model: Path, labels: Path, *, sure: float, classes: Sequence[str] = ()) -> None:
        self._labels = read_labels(labels)
        self._sure, self._wanted = sure, {name.casefold() for name in classes}
        self._session: Any = open_session(model)
        given = self._session.get_inputs()[0]
        self._input, self._rank = given.name, len(given.shape)
        self.length = given.shape[-1] if isinstance(given.shape[-1], int) else USUAL_LENGTH
        self._check(model)

    def name(self, samples: Any) -> list[tuple[str, float]]:
        """Return the names with scores, best first.

        samples: float32 at 16 kHz; only the last `length` are used.
        """
        part = np.zeros(self.length, np.float32)
        last = samples[-self.length :]
        part[len(part) - len(last) :] = last
        scores = self._scores(part)
        order = np.argsort(-scores)
        sure = [(self._labels[n], float(scores[n])) for n in order if scores[n] >= self._sure]
        return [one for one in sure if not self._wanted or one[0].casefold() in self._wanted][:MOST_NAMES]

    def _scores(self, part: Any) -> Any:
        """Return the maximum score of each class over the model's time steps."""
        shaped = part.reshape((1,) * (self._rank - 1) + (self.length,))
        scores = np.asarray(self._session.run(None, {self._input: shaped})[0], np.float32)
        return scores.reshape(-1, scores.shape[-1]).max(axis=0)

    def _check(self, model: Path) -> None:
        count = self._scores(np.zeros(self.length, np.float32)).shape[0]
        if count != len(self._labels):
            what = f"The model {model} has {count} classes, but there are {len(self._labels)} labels."
            raise NotDone(what, "Use the labels that belong to this model, one per line.")


def at_rate(samples: Any, rate: int) -> Any:
    """Return the samples resampled to 16 kHz."""
    if rate == RATE:
        return samples
    count = round(len(samples) * RATE / rate)
    return np.interp(np.arange(count) * (rate / RATE), np.arange(len(samples)), samples).astype(np.float32)


# Sound listener of one camera: decodes audio packets, measures loudness and reports loud sounds.

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
