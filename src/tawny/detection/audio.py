"""Detection of loud sounds above a moving noise floor, and of sounds that an optional model knows."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tawny.detection.detector import EventTrigger
from tawny.detection.sound_classes import RATE, SoundNamer
from tawny.media.audio import Resampler, SoundDecoder
from tawny.model.packets import AudioFormat, Packet
from tawny.model.times import Clock
from tawny.stream.hub import Hub

WINDOW_S = 0.1
SILENCE_DB = -100.0
LEAST_QUIET_DB = -65.0
"""Lower limit of the noise floor: above digital silence the sensor's own noise would count as loud."""
LEARNS_S = 5.0
"""Learning phase, s, at the start, after a long pause and with another format."""
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
        """Restart learning."""
        self._heard.clear()


# Sound listener of one camera: decodes audio packets, measures loudness and reports loud sounds.

log = logging.getLogger(__name__)

STEP_S = 0.5
LOUD, OF = 2, 4
"""The trigger: LOUD of the last OF windows must reach the threshold, so a click does not trigger."""
BREAK_MS = 3000
"""Pause or step back, ms, that ends a sound; packets that step back less get the time of the one before."""
FORGET_MS = 600_000
"""Pause, ms, after which the noise floor is learned again: after a shorter one, what still sounds is still loud."""
AUDIBLE = 20
"""Score, 6 dB above the noise floor, from which a sound is classified."""
AUDIBLE_MS = 1500
"""How long, ms, sounds are classified after the last audible window."""
NEW_MS, NEW_DB = round(LEARNS_S * 1000) + 30_000, -50.0
"""How long, ms, a new noise floor may contain an alarm, so anything above this level, dB, is classified."""
SPARSE_MS, SPARSE_DB = 3000, -35.0
"""How often, ms, anything above this level, dB, is classified, even if the noise floor has risen to it.

This bounds the cost in loud places: a sixth of classifying every step while nothing is recognized there.
"""
DOUBT_MS, PROOFS = 15_000, 5
"""A class that is recognized then begins an event once PROOFS results of this time, ms, have it.

These are three beeps of an alarm, with pauses of up to 6 s. A second that is misheard is in two of them.
"""
HOPE_MS = 8000
"""How long, ms, every step is classified after such a result."""
CHAIN_REST_MS = 60_000
"""How long, ms, a class begins no further event within one sound, also without a cooldown: sounds that alternate."""
RETRY_MS = 5000
"""How often, ms, a model that has failed is asked again in silence, so that its problem ends once it works."""
SECOND_MS = 1000
"""Length, ms, of what is classified at a time."""
NAME_WAIT_MS = 2000
"""How long, ms, a loud sound waits for its class before it is an event without one."""
KEPT_S = 2.0


class SoundListenerSink(Protocol):
    """Receives the results. Called from the listener's thread."""

    def on_loudness(self, at_ms: int, db: float, score: int) -> None:
        """Called twice a second with the highest loudness; score: 0 while the noise floor is learned."""
        ...

    def classified(self, at_ms: int, names: Sequence[tuple[str, float]]) -> None:
        """A second of sound has these classes, also those that are too unsure for an event."""
        ...

    def loud(self, start_ms: int, score: int, names: Sequence[tuple[str, float]]) -> None:
        """An event has started at this time: a loud sound, or one of these classes."""
        ...

    def still_loud(self, score: int, names: Sequence[tuple[str, float]]) -> None:
        """The sound got louder or its classes are known. names: class and score."""
        ...

    def quiet(self, end_ms: int) -> None: ...


@dataclass(frozen=True, slots=True)
class SoundRules:
    """When sounds are events.

    level: threshold of loudness, 1..100. hold_s: seconds of quiet that end a sound. cooldown_s: how long a class makes
    no further event after one has ended. unnamed: loud sounds without a class are events, too.
    """

    level: int
    hold_s: float
    cooldown_s: float = 0.0
    unnamed: bool = True


class SoundListener:
    """Detects loud sounds, and those of known classes, in one stream. names: classifies; None: no classification."""

    def __init__(
        self,
        name: str,
        hub: Hub,
        sink: SoundListenerSink,
        clock: Clock,
        rules: SoundRules,
        names: SoundNamer | None = None,
    ) -> None:
        self.name = name
        self._reader, self._sink, self._clock = hub.reader(), sink, clock
        self._rules, self._names = rules, names
        self._hold_ms, self._cooldown_ms = round(rules.hold_s * 1000), round(rules.cooldown_s * 1000)
        self._decoder: SoundDecoder | None = None
        self._refused: AudioFormat | None = None
        self._quiet, self._trigger = NoiseFloor(), EventTrigger()
        self._at_ms = 0
        self._begun_ms: int | None = None
        """Begin of the current loud sound, ms UTC, while it waits for its class."""
        self._loud_ms: int | None = None
        """Time of the newest loud or classified window of the current sound, ms UTC; None without one."""
        self._is_event = False
        """Whether the current sound is an event."""
        self._start_ms = 0
        """Begin of the current event or, if that was later, of the audio, ms UTC: no event begins before it."""
        self._score = 0
        self._since_ms = 0
        """Begin of the audio since the last break, ms UTC."""
        self._doubtful: dict[str, list[int]] = {}
        """Times, ms UTC, of the results with a class in what isn't audible above the noise floor."""
        self._new_until_ms: int | None = None
        """Until when the noise floor is new, ms UTC; None: from the next packet on."""
        self._asked_ms = self._audible_ms = 0
        self._classes: set[str] = set()
        """Classes of the current event."""
        self._cool_ms: dict[str, int] = {}
        """Until when each class begins no further event, ms UTC."""
        self._rested_ms = 0
        """End of the newest second whose classes begin no further event, ms UTC."""
        self._begin_samples(RATE)

    def step(self) -> float:
        self.process(self._reader.take().packets)
        return STEP_S

    def process(self, packets: Iterable[Packet]) -> None:
        """Process the packets of half a second or so; others than audio are skipped."""
        loudest: tuple[int, float, int | None] | None = None
        for packet in packets:
            if not packet.is_video:
                for at_ms, db, score in self._measured(packet):
                    loudest = max(loudest or (at_ms, db, score), (at_ms, db, score), key=lambda one: one[1])
                    if score is not None:
                        self._judge(at_ms, score)
        if loudest is not None:
            at_ms, db, score = loudest
            self._sink.on_loudness(at_ms, db, score or 0)
            self._name(at_ms, db, score or 0)
        for at_ms, names in self._names.results() if self._names is not None else ():
            if self._since_ms <= at_ms <= self._at_ms + BREAK_MS:  # others are of the time before a break
                self._take_names(at_ms, names)
        self._give_up_waiting()
        if self._loud_ms is not None and self._clock.now_ms() - self._at_ms > self._hold_ms + BREAK_MS:
            self._over()  # the stream has no more audio

    def close(self) -> None:
        self._over()
        self._reader.close()
        if self._names is not None:
            self._names.close()

    def _measured(self, packet: Packet) -> list[tuple[int, float, int | None]]:
        """Return time (ms UTC), dB and score (None: learning) of each window that the packet completes."""
        assert isinstance(packet.format, AudioFormat)
        decoder = self._decoder_for(packet.format)
        if decoder is None:
            return []
        if abs(packet.at_ms - self._at_ms) > BREAK_MS:
            self._skip_to(packet.at_ms, decoder.rate)
        samples = decoder.decode(packet.data)
        if decoder.rate != self._rate:
            self._begin_samples(decoder.rate)
        self._keep(samples)
        begin_ms = self._at_ms = max(self._at_ms, packet.at_ms)
        if self._new_until_ms is None:
            self._new_until_ms = begin_ms + NEW_MS
        windows = enumerate(self._windows.add(samples))
        return [(begin_ms + round(n * WINDOW_S * 1000), db, self._quiet.score(db)) for n, db in windows]

    def _skip_to(self, at_ms: int, rate: int) -> None:
        """Handle a pause, or a clock that was set back."""
        self._over()
        self._begin_samples(rate)
        if at_ms - self._at_ms > FORGET_MS:
            self._learn()
        elif at_ms < self._at_ms:
            self._cool_ms.clear()
            self._new_until_ms = self._asked_ms = self._audible_ms = self._rested_ms = 0
        self._at_ms = self._start_ms = self._since_ms = at_ms
        self._doubtful.clear()

    def _learn(self) -> None:
        """Learn the noise floor: the place or the microphone may have changed."""
        self._quiet.forget()
        self._new_until_ms = None

    def _decoder_for(self, source: AudioFormat) -> SoundDecoder | None:
        if source == self._refused:
            return None
        if self._decoder is None or self._decoder.format != source:
            self._begin_samples(source.rate)
            self._learn()
            try:
                self._decoder = SoundDecoder(source)
            except ValueError as error:
                log.warning("%s: %s", self.name, error)
                self._decoder, self._refused = None, source
        return self._decoder

    def _judge(self, at_ms: int, score: int) -> None:
        is_loud = score >= self._rules.level
        since_ms = self._trigger.add(at_ms, moves=is_loud, k=LOUD, within=OF)
        if self._loud_ms is None:
            if since_ms is not None:
                self._loud_ms, self._begun_ms, self._score = at_ms, since_ms, score
                if self._names is None or not self._names.is_usable:
                    self._begin(since_ms, ())
        elif is_loud:
            self._loud_ms, self._score = at_ms, max(score, self._score)
            if self._is_event:
                self._sink.still_loud(score, ())
        elif at_ms - self._loud_ms > self._hold_ms:
            self._over()

    def _name(self, at_ms: int, db: float, score: int) -> None:
        """Classify the newest second while something is audible, and now and then where it is always loud."""
        is_new = self._new_until_ms is not None and at_ms < self._new_until_ms
        if score >= AUDIBLE or self._classes or (is_new and db >= NEW_DB):
            self._audible_ms = at_ms
        hopes = any(at_ms - times[-1] <= HOPE_MS for times in self._doubtful.values())
        is_due = db >= SPARSE_DB and (at_ms - self._asked_ms >= SPARSE_MS or hopes)
        is_due |= self._names is not None and self._names.has_failed and at_ms - self._asked_ms >= RETRY_MS
        if self._names is not None and (at_ms - self._audible_ms <= AUDIBLE_MS or is_due) and len(self._kept):
            self._asked_ms = at_ms
            self._names.add(self._at_ms, self._kept[-self._names.length :].copy())

    def _take_names(self, at_ms: int, names: Sequence[tuple[str, float]]) -> None:
        assert self._names is not None
        if names:
            self._sink.classified(at_ms, names)
        sure = [one for one in names if self._names.is_sure(*one)]
        fresh = [(name, share) for name, share in sure if at_ms >= self._cool_ms.get(name, 0)]
        if fresh and not self._is_event and at_ms - self._audible_ms > AUDIBLE_MS:
            fresh = [one for one in fresh if self._is_proved(at_ms, one[0])]
            if not fresh:
                return
        elif self._is_event:
            self._doubtful.clear()
        if not sure:
            self._take_unknown(at_ms)
        elif self._is_event and (self._is_unnamed_at(at_ms) or not fresh):
            self._loud_ms = max(at_ms, self._loud_ms or 0)
            added = sure if self._classes or self._is_unnamed_at(at_ms) else []
            self._note_classes(at_ms, added)
            self._sink.still_loud(max(self._score, round(100 * sure[0][1])), added)
        elif fresh:
            self._begin_named(at_ms, fresh)
        else:  # the sound of an event that was a moment ago; another one after it is an event
            self._rested_ms = at_ms
            self._calm()

    def _is_proved(self, at_ms: int, name: str) -> bool:
        """Return whether a class in what isn't audible above the noise floor was recognized often enough."""
        times = [one for one in self._doubtful.get(name, ()) if 0 <= at_ms - one <= DOUBT_MS]
        self._doubtful[name] = [*times, at_ms]
        return len(times) + 1 >= PROOFS

    def _is_unnamed_at(self, at_ms: int) -> bool:
        """Return whether the current event still waits for its class; not after a class that rests: that isn't it."""
        is_early = at_ms - self._start_ms <= NAME_WAIT_MS < self._start_ms - self._rested_ms
        return is_early and not self._classes

    def _take_unknown(self, at_ms: int) -> None:
        """Begin an event of what is loud in a second without a class, directly after a class that rests."""
        begun_ms, since_ms = self._begun_ms, at_ms - self._rested_ms
        if begun_ms is not None and begun_ms < at_ms and SECOND_MS <= since_ms <= NAME_WAIT_MS:
            self._begin_unnamed(begun_ms)

    def _begin_named(self, at_ms: int, names: Sequence[tuple[str, float]]) -> None:
        """Begin an event of these classes. It ends the current one, so that it has its own title and message."""
        start_ms = max(self._start_ms, at_ms - SECOND_MS if self._begun_ms is None else self._begun_ms)
        if self._is_event:
            self._end(min(start_ms, self._loud_ms or start_ms))
        self._loud_ms = max(at_ms, self._loud_ms or 0)
        self._score = max(self._score, round(100 * names[0][1]))
        self._begin(start_ms, names)
        self._note_classes(at_ms, names)

    def _note_classes(self, at_ms: int, names: Sequence[tuple[str, float]]) -> None:
        """Add classes to the current event: they rest while they go on, however many sounds alternate."""
        for name, _ in names:
            self._classes.add(name)
            self._cool_ms[name] = at_ms + max(self._cooldown_ms, CHAIN_REST_MS)

    def _give_up_waiting(self) -> None:
        """Make a loud sound an event, or forget it, if its class is still unknown."""
        begun_ms = self._begun_ms
        if begun_ms is not None and not self._is_event and self._at_ms - begun_ms > NAME_WAIT_MS:
            self._begin_unnamed(begun_ms)

    def _begin_unnamed(self, begun_ms: int) -> None:
        """Begin an event without a class, if it is wanted and not the last bit of a sound whose class rests."""
        self._begun_ms = None
        if (self._loud_ms or 0) - self._rested_ms < SECOND_MS:
            self._calm()
        elif self._rules.unnamed:
            self._begin(begun_ms, ())

    def _begin(self, start_ms: int, names: Sequence[tuple[str, float]]) -> None:
        self._is_event, self._start_ms, self._begun_ms = True, start_ms, None
        self._sink.loud(start_ms, self._score, names)

    def _begin_samples(self, rate: int) -> None:
        """Forget the samples. rate: of those to come, Hz."""
        self._rate, self._windows = rate, LoudnessMeter(rate)
        self._kept: Any = np.zeros(0, np.float32)
        self._resampler = Resampler(rate, RATE)

    def _keep(self, samples: Any) -> None:
        """Keep the newest seconds of audio at the model's sample rate, if a model is configured."""
        if self._names is not None:
            most = max(self._names.length, round(KEPT_S * RATE))
            self._kept = np.concatenate((self._kept, self._resampler.resample(samples)))[-most:]

    def _over(self) -> None:
        if self._begun_ms is not None and not self._is_event:
            self._begin_unnamed(self._begun_ms)  # it was shorter than the wait for its class
        if self._is_event and self._loud_ms is not None:
            rested_ms = self._loud_ms + self._cooldown_ms
            for name, until_ms in self._cool_ms.items():
                is_current = name in self._classes and until_ms > self._loud_ms
                self._cool_ms[name] = rested_ms if is_current else min(until_ms, rested_ms)
            self._end(self._loud_ms)
        self._calm()

    def _end(self, end_ms: int) -> None:
        """End the current event; the sound may go on as another."""
        self._sink.quiet(end_ms)
        self._is_event, self._classes, self._score = False, set(), 0

    def _calm(self) -> None:
        """Wait for the next loud sound."""
        self._loud_ms, self._begun_ms, self._score = None, None, 0
        self._trigger.clear()
