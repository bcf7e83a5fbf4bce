"""Sound service: opens what classifies sounds, as the settings say, and runs it for all cameras. One actor."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tawny.config.recognition import AudioSettings
from tawny.detection.models.labels import read_labels
from tawny.detection.sound_classes import (
    SoundClassifier,
    SoundModel,
    SoundNamer,
    SoundQueue,
    SoundSettings,
    UserSoundModel,
)
from tawny.engine import Engine
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.service.detection.model_store import ModelStore

FOLDER: Final = "sounds"
"""Of sound models, in the folder of models."""
DEADLINE_S, MEMORY = 1.0, 1_000_000_000
"""Limits of a user's `hear()`."""
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
    try:
        SoundClassifier(file, labels)
    except NotDone:
        SoundClassifier(file, labels, is_log_mel=True)
        return "log-mel", tuple(labels)
    return "waveform", tuple(labels)


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

    def start(self, engine: Engine) -> None:
        self.queue.handle.start(engine, self.name, lambda: self)

    def step(self) -> float:
        return self.queue.step()

    def close(self) -> None:
        self.queue.close()

    def await_ready(self, model: SoundModel) -> None:
        """Wait until a user's file is loaded. Raises NotDone if that fails or takes too long."""
        until_s = self._clock.mono_s() + LOADS_S
        while isinstance(model, UserSoundModel) and not model.is_ready:
            model.scores(CameraId("none"), self._clock.now_ms(), np.zeros(model.length, np.float32))
            if model.trouble or self._clock.mono_s() > until_s:
                raise NotDone(model.trouble or "The sound model takes too long to load.", "Correct the file.")
            threading.Event().wait(0.02)

    def models(self) -> list[str]:
        """Return the names of the models that were added, and of the plug-ins."""
        return [*(card.name for card in self.store.all()), *sorted(self._plug_ins)]

    def namer(self, camera: CameraId, settings: AudioSettings) -> tuple[SoundNamer, SoundModel]:
        """Return what classifies the sounds of a camera, with its model. Raises NotDone."""
        model = self._opened(settings)
        wanted = SoundSettings(settings.sure, settings.thresholds, settings.classes, settings.groups)
        return SoundNamer(camera, model, self.queue, wanted), model

    def _opened(self, settings: AudioSettings) -> SoundModel:
        name = settings.model
        if name.endswith(".py"):
            return UserSoundModel(Path(name), deadline_s=DEADLINE_S, memory=MEMORY, clock=self._clock)
        if settings.is_file:
            labels = read_labels(Path(settings.labels).expanduser())
            return SoundClassifier(Path(name).expanduser(), labels, is_log_mel=settings.input == "log-mel")
        if name in self._plug_ins:
            try:
                made: SoundModel = self._plug_ins[name]({})
            except (KeyError, ValueError) as error:
                raise NotDone(f"The sound plug-in {name} can't be used: {error}.", "Choose another model.") from None
            return made
        card = self.store.chosen(name)
        assert card is not None  # the name is not empty
        self.store.check(card)
        return SoundClassifier(self.store.file(card.name), card.labels, is_log_mel=card.family == "log-mel")
