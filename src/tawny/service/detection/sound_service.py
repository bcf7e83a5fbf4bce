"""Sound service: opens what classifies sounds, as the settings say, and runs it for all cameras. One actor."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from tawny.config.recognition import AudioSettings
from tawny.detection.models.labels import read_labels
from tawny.detection.onnx import FileVersion, file_version
from tawny.detection.sound_classes import (
    LENGTH,
    SoundClassifier,
    SoundModel,
    SoundNamer,
    SoundQueue,
    SoundSettings,
    UserSoundModel,
    takes_log_mel,
)
from tawny.engine import Engine
from tawny.engine.plugins import PluginFailed, foreign_code, plug_in_code
from tawny.model.errors import NotDone, TawnyError
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.service.detection.model_store import ModelStore

FOLDER: Final = "sounds"
"""Of sound models, in the folder of models."""
DEADLINE_S, MEMORY = 1.0, 1_000_000_000
"""Limits of a user's `hear()`."""
CHECKED_EVERY_S = 10.0
"""Interval, s, at which the files of models are looked at: a command may have added or repaired one."""
LOADS_S = 30.0
"""Time that a user's file may take to load for a scan."""


@dataclass(frozen=True, slots=True)
class DetectedSound:
    """A class of sounds: its newest and its best score, 0..1, when it came last, and in how many seconds."""

    name: str
    score: float
    best: float
    at_ms: int
    count: int


def sound_store(data: Path, clock: Clock) -> ModelStore:
    return ModelStore(data, clock, FOLDER, _described)


def _described(file: Path, labels: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """Return the input of a sound model, and its labels. Raises NotDone."""
    if not labels:
        raise NotDone("A sound model needs the names of its classes.", "Add `--labels FILE`, one name per line.")
    is_log_mel = takes_log_mel(file)
    SoundClassifier(file, labels, is_log_mel=is_log_mel)
    return "log-mel" if is_log_mel else "waveform", tuple(labels)


class ReopenedModel:
    """A sound model that is opened again after its files have changed: they may come later than the settings.

    open_it: raises NotDone. refused: why it could not be opened. Call `look` and `scores` from one thread.
    """

    def __init__(self, open_it: Callable[[], SoundModel], files: Sequence[Path]) -> None:
        self._open, self._files = open_it, files
        self._version: FileVersion | None = None
        self._model: SoundModel | None = None
        self.refused: NotDone | None = None
        self.is_closed = False
        self.look()

    @property
    def length(self) -> int:
        return LENGTH if self._model is None else self._model.length

    @property
    def trouble(self) -> str:
        if self.refused is not None:
            return f"{self.refused.message} {self.refused.do}"
        return "" if self._model is None else self._model.trouble

    def look(self) -> None:
        """Open it if that was not tried with these files."""
        version = file_version(*self._files)
        if version == self._version:
            return
        self._version = version
        self._release()
        try:
            self._model, self.refused = self._open(), None
        except NotDone as error:
            self.refused = error

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> Mapping[str, float]:
        if self._model is None:
            return {}
        with foreign_code(self._model, type(self._model).__name__, TawnyError):
            return self._model.scores(camera, at_ms, samples)

    def close(self) -> None:
        self.is_closed = True
        self._release()

    def _release(self) -> None:
        if self._model is not None:
            self._model.close()
        self._model = None


class SoundService:
    """Opens and runs sound models. plug_ins: factories by name; each is called with its settings.

    is_inline: models run in the thread that has sound for them.
    """

    name = "sounds"

    def __init__(
        self, store: ModelStore, plug_ins: Mapping[str, Any], clock: Clock, *, is_inline: bool = False
    ) -> None:
        self.store, self._plug_ins, self._clock = store, plug_ins, clock
        self.queue = SoundQueue(is_inline=is_inline)
        self._lock = threading.Lock()
        self._reopened: list[ReopenedModel] = []
        self._checked_s = clock.mono_s()

    def start(self, engine: Engine) -> None:
        self.queue.handle.start(engine, self.name, lambda: self)

    def step(self) -> float:
        rest_s = self.queue.step()
        with self._lock:
            self._reopened = [one for one in self._reopened if not one.is_closed]
            reopened = self._reopened
        if reopened and self._clock.mono_s() - self._checked_s >= CHECKED_EVERY_S:
            self._checked_s = self._clock.mono_s()
            for model in reopened:
                model.look()
        return min(rest_s, CHECKED_EVERY_S) if reopened else rest_s

    def close(self) -> None:
        self.queue.close()

    def await_ready(self, model: SoundModel) -> None:
        """Wait until a user's file is loaded. Raises NotDone if that fails or takes too long, or for another model."""
        if isinstance(model, ReopenedModel) and model.refused is not None:
            raise model.refused
        until_s = self._clock.mono_s() + LOADS_S
        while isinstance(model, UserSoundModel) and not model.is_ready:
            model.scores(CameraId("none"), self._clock.now_ms(), np.zeros(model.length, np.float32))
            if model.trouble:
                raise NotDone(model.trouble)
            if self._clock.mono_s() > until_s:
                raise NotDone("The sound model takes too long to load.", "Correct the file.")
            threading.Event().wait(0.02)

    def models(self) -> list[str]:
        """Return the names of the models that were added, and of the plug-ins."""
        return [*(card.name for card in self.store.all()), *sorted(self._plug_ins)]

    def namer(self, camera: CameraId, settings: AudioSettings) -> tuple[SoundNamer, SoundModel]:
        """Return what classifies the sounds of a camera, with its model, which may not be usable (`trouble`)."""
        model = self._made(settings)
        wanted = SoundSettings(settings.sure, settings.thresholds, settings.classes, settings.groups)
        return SoundNamer(camera, model, self.queue, wanted), model

    def _made(self, settings: AudioSettings) -> SoundModel:
        name = settings.model
        if name.endswith(".py"):
            return UserSoundModel(Path(name), deadline_s=DEADLINE_S, memory=MEMORY, clock=self._clock)
        if settings.is_file:
            files = [Path(name).expanduser(), Path(settings.labels).expanduser()]
        elif name in self._plug_ins:
            files = []
        else:
            files = [file := self.store.file(name), file.with_suffix(".json")]  # with its manifest
        made = ReopenedModel(partial(self._opened, settings), files)
        with self._lock:
            self._reopened = [*self._reopened, made]
        return made

    def _opened(self, settings: AudioSettings) -> SoundModel:
        """Raises NotDone."""
        name = settings.model
        if settings.is_file:
            labels = read_labels(Path(settings.labels).expanduser())
            return SoundClassifier(Path(name).expanduser(), labels, is_log_mel=settings.input == "log-mel")
        if name in self._plug_ins:
            try:
                with plug_in_code(name, KeyError, ValueError, NotDone):
                    made: SoundModel = self._plug_ins[name]({})
            except (KeyError, ValueError) as error:
                raise NotDone(f"The sound plug-in {name} can't be used: {error}.", "Choose another model.") from None
            except PluginFailed as error:
                raise NotDone(error.sentence, "Choose another model.") from error
            return made
        card = self.store.chosen(name)
        assert card is not None  # the name is not empty
        self.store.check(card)
        return SoundClassifier(self.store.file(card.name), card.labels, is_log_mel=card.family == "log-mel")
