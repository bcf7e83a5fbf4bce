"""Classes of sounds: what a model or a script of the user says about a second of audio, as groups that people know.

tawny comes without a sound model. Models run in one thread for all cameras: of each camera only its newest second
waits, so a slow model leaves out sounds and delays nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from tawny.detection.classification import JobQueue
from tawny.detection.onnx import open_session, refusals
from tawny.engine.user_script import UserScript
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.times import Clock

RATE: Final = 16_000
LENGTH: Final = 15_600
"""Number of samples passed to a model of variable input length: 0.975 s."""
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "glass": ("Glass", "Shatter", "Smash, crash", "Breaking", "Glass breaking", "Breaking glass"),
    "alarm": (
        "Alarm", "Smoke detector, smoke alarm", "Smoke alarm", "Fire alarm", "CO alarm", "Siren", "Civil defense siren",
        "Car alarm", "Police car (siren)", "Ambulance (siren)", "Fire engine, fire truck (siren)",
    ),
    "bark": ("Bark", "Dog", "Dog bark", "Bow-wow", "Yip", "Howl", "Growling", "Whimper (dog)"),
    "voices": ("Speech", "Child speech, kid speaking", "Conversation", "Shout", "Yell", "Screaming", "Voice"),
    "baby": ("Baby cry, infant cry", "Baby cry", "Crying baby"),
    "knock": ("Knock", "Knocking", "Door knock", "Door wood knock"),
    "doorbell": ("Doorbell", "Ding-dong"),
    "gunshot": ("Gunshot, gunfire", "Gunshot", "Gun shot", "Machine gun", "Fusillade", "Artillery fire"),
}  # fmt: skip
"""Labels of widespread models (AudioSet, ESC-50, UrbanSound8K) by class. Case and underscores don't matter."""
HEARD: Final = 0.1
"""Minimum score to be shown, below that of events."""


class SoundModel(Protocol):
    """Says what a second of audio is. Called from one thread. Each is an entry point of `tawny.sounds`, or a file."""

    @property
    def length(self) -> int:
        """Number of samples it wants."""
        ...

    @property
    def trouble(self) -> str:
        """Problem and remedy for users; empty if none."""
        ...

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> Mapping[str, float]:
        """Return scores 0..1 by label. samples: float32, mono, 16 kHz, `length` of them, -1..1; at_ms: their end."""
        ...

    def close(self) -> None: ...


def takes_log_mel(model: Path) -> bool:
    """Return whether the input of an ONNX model is a spectrogram. Raises NotDone if the file is unreadable."""
    return _is_log_mel(tuple(open_session(model).get_inputs()[0].shape))


def _is_log_mel(shape: Sequence[Any]) -> bool:
    sizes = [size if isinstance(size, int) else 0 for size in shape[-2:]]
    return len(shape) > 2 and 1 < sizes[0] <= 3000 and 1 < sizes[1] <= 512


class SoundClassifier:
    """Classifies sounds by an ONNX model.

    labels: names in class order. is_log_mel: the model takes a spectrogram [..., frames, bands] instead of samples.
    Raises NotDone: if the file is unreadable or model and labels do not match.
    """

    def __init__(self, model: Path, labels: Sequence[str], *, is_log_mel: bool = False) -> None:
        self.trouble = ""
        self._labels, self._file = tuple(labels), model
        self._session: Any = open_session(model)
        given = self._session.get_inputs()[0]
        self._input, self._shape = given.name, tuple(given.shape)
        self._is_log_mel = is_log_mel
        if is_log_mel:
            if not _is_log_mel(self._shape):
                what = f"The model {model} has an input of {list(self._shape)}, which isn't a log-mel spectrogram."
                raise NotDone(what, 'Use one with [1, frames, bands], or set `input = "waveform"`.')
            self.length = (self._shape[-2] - 1) * MEL_HOP + MEL_WINDOW
        else:
            self.length = self._shape[-1] if isinstance(self._shape[-1], int) else LENGTH
        count = len(self._run(np.zeros(self.length, np.float32)))
        if count != len(self._labels):
            what = f"The model {model} has {count} classes, but there are {len(self._labels)} labels."
            raise NotDone(what, "Use the labels that belong to this model, one per line.")

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> Mapping[str, float]:
        del camera, at_ms
        part = np.zeros(self.length, np.float32)
        last = samples[-self.length :]
        part[len(part) - len(last) :] = last
        try:
            scores = dict(zip(self._labels, map(float, self._run(part)), strict=True))
        except NotDone as error:
            self.trouble = str(error)
            return {}
        self.trouble = ""
        return scores

    def close(self) -> None:
        """Nothing to release."""

    def _run(self, part: Any) -> Any:
        """Return the maximum score of each class over the model's time steps."""
        if self._is_log_mel:
            bands = int(self._shape[-1])
            shaped = log_mel(part, bands)
            shaped = shaped.reshape((1,) * (len(self._shape) - 2) + shaped.shape)
        else:
            shaped = part.reshape((1,) * (len(self._shape) - 1) + (self.length,))
        try:
            found = self._session.run(None, {self._input: shaped})[0]
        except refusals() as error:
            raise NotDone(
                f"The model {self._file} can't be used: {str(error).splitlines()[0]}.", "Is its input set correctly?"
            ) from error
        scores = np.asarray(found, np.float32)
        return scores.reshape(-1, scores.shape[-1]).max(axis=0).clip(0.0, 1.0)


MEL_WINDOW, MEL_HOP = 400, 160
"""25 ms and 10 ms, as VGGish, YAMNet and most others take them."""
_LOW_HZ, _HIGH_HZ, _OFFSET = 125.0, 7500.0, 0.001
_FFT = 512


def log_mel(samples: Any, bands: int) -> Any:
    """Return the log-mel spectrogram [frames, bands], float32. samples: at 16 kHz."""
    count = 1 + (len(samples) - MEL_WINDOW) // MEL_HOP
    at = np.arange(MEL_WINDOW)[None, :] + MEL_HOP * np.arange(count)[:, None]
    spectrum = np.abs(np.fft.rfft(samples[at] * np.hanning(MEL_WINDOW + 1)[:-1], _FFT))
    return np.log(spectrum @ _filters(bands) + _OFFSET).astype(np.float32)


@cache
def _filters(bands: int) -> Any:
    """Return triangular filters on the mel scale, [_FFT / 2 + 1, bands]."""
    mel = 1127.0 * np.log1p(np.arange(_FFT // 2 + 1) * RATE / _FFT / 700.0)
    edges = np.linspace(1127.0 * np.log1p(_LOW_HZ / 700.0), 1127.0 * np.log1p(_HIGH_HZ / 700.0), bands + 2)
    up = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(up, down))


class UserSoundModel:
    """Classifies sounds by a user's Python file with `hear(sound)`, in a process of its own like `detect()`."""

    length = RATE

    def __init__(self, file: Path, *, deadline_s: float, memory: int, clock: Clock | None = None) -> None:
        self._foreign = UserScript(
            file.expanduser().absolute(), "hear", deadline_s=deadline_s, memory=memory, clock=clock
        )

    @property
    def trouble(self) -> str:
        wrong = self._foreign.trouble
        return f"{wrong} Correct the file, or choose another model." if wrong else ""

    @property
    def is_ready(self) -> bool:
        """Whether the file is loaded."""
        return self._foreign.is_ready

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> Mapping[str, float]:
        data = np.zeros(3 * -(-4 * self.length // 3), np.uint8)  # sent as a frame of one row
        last = samples[-self.length :].astype(np.float32)
        data[: 4 * self.length] = np.concatenate((np.zeros(self.length - len(last), np.float32), last)).view(np.uint8)
        found = self._foreign.ask(at_ms, str(camera), data.reshape(1, -1, 3))
        return dict(found or ())

    def close(self) -> None:
        self._foreign.close()


# From labels to classes, and from scores to what counts.


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """What counts at one camera.

    sure: minimum score; by_class: the same for single classes. classes: only these count; empty: the groups, or every
    label of a model that has none of them. groups: labels by class, which replace those of GROUPS.
    """

    sure: float = 0.5
    by_class: Mapping[str, float] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def least(self, name: str) -> float:
        return next((share for one, share in self.by_class.items() if _plain(one) == _plain(name)), self.sure)

    def of(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Return the score of each class that is wanted."""
        groups = {**GROUPS, **self.groups}
        by_label = {_plain(label): name for name, labels in groups.items() for label in (name, *labels)}
        found: dict[str, float] = {}
        for label, score in scores.items():
            name = by_label.get(_plain(label), label)
            found[name] = max(score, found.get(name, 0.0))
        wanted = {_plain(one) for one in self.classes} or {_plain(one) for one in groups if one in found}
        return {name: score for name, score in found.items() if not wanted or _plain(name) in wanted}


def _plain(label: str) -> str:
    return label.casefold().replace("_", " ").strip()


@dataclass(frozen=True, slots=True)
class SoundJob:
    camera: CameraId
    at_ms: int
    """End of the samples, ms UTC."""
    samples: Any
    model: SoundModel


@dataclass(frozen=True, slots=True)
class SoundResult:
    at_ms: int
    scores: Mapping[str, float]


class SoundQueue(JobQueue[SoundJob, SoundResult]):
    """Runs the sound models of all cameras."""

    def __init__(self, *, is_inline: bool = False) -> None:
        super().__init__(is_inline=is_inline)
        self._retired: list[SoundModel] = []

    def retire(self, model: SoundModel) -> None:
        """Close a model that is no longer used, in the thread that uses it."""
        with self._lock:
            self._retired.append(model)
        self._wake()

    def step(self) -> float:
        self._close_retired()
        return super().step()

    def close(self) -> None:
        super().close()
        self._close_retired()

    def _close_retired(self) -> None:
        with self._lock:
            retired, self._retired = self._retired, []
        for model in retired:
            model.close()

    def _process(self, job: SoundJob) -> list[SoundResult]:
        return [SoundResult(job.at_ms, job.model.scores(job.camera, job.at_ms, job.samples))]


class SoundNamer:
    """Classifies the sounds of one camera. Call from the listener's thread."""

    def __init__(self, camera: CameraId, model: SoundModel, queue: SoundQueue, wanted: SoundSettings) -> None:
        self._camera, self._model, self._queue, self._wanted = camera, model, queue, wanted

    @property
    def length(self) -> int:
        """Number of samples that the model wants; 0.975 s while it can't be used."""
        return self._model.length

    @property
    def is_usable(self) -> bool:
        """Whether the model is open: only then does what is loud wait for its class."""
        return getattr(self._model, "refused", None) is None

    @property
    def has_failed(self) -> bool:
        """Whether the model's last call failed; one that is not open is not asked."""
        return self.is_usable and bool(self._model.trouble)

    def add(self, at_ms: int, samples: Any) -> None:
        """Classify these samples, which end at at_ms, some time soon."""
        self._queue.add(SoundJob(self._camera, at_ms, samples, self._model))

    def results(self) -> list[tuple[int, list[tuple[str, float]]]]:
        """Return time and classes with scores, best first, since the last call: all from HEARD on."""
        return [(one.at_ms, self._best_first(one.scores)) for one in self._queue.results(self._camera)]

    def is_sure(self, name: str, score: float) -> bool:
        return score >= self._wanted.least(name)

    def close(self) -> None:
        self._queue.retire(self._model)

    def _best_first(self, scores: Mapping[str, float]) -> list[tuple[str, float]]:
        found = [(name, min(1.0, score)) for name, score in self._wanted.of(scores).items() if score >= HEARD]
        return sorted(found, key=lambda one: -one[1])
