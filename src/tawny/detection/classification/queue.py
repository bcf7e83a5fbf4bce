"""Where pictures are looked at for all cameras, by one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from tawny.detection.classification.rotation import UPRIGHT, rotate_picture, upright
from tawny.detection.job_queue import JobQueue
from tawny.detection.models.object_model import DetectedObject
from tawny.detection.models.preprocess import within
from tawny.model.ids import CameraId
from tawny.model.observations import Box


class ObjectClassifier(Protocol):
    """What can be asked (`objects.model.ObjectModel`)."""

    def look(self, rgb: Any, wanted: Sequence[str] = ()) -> list[DetectedObject]: ...


@runtime_checkable
class BatchObjectClassifier(ObjectClassifier, Protocol):
    """One that can be faster with several pictures than with each alone."""

    @property
    def together(self) -> int:
        """How many it had better be shown at once."""
        ...

    def look_at_all(self, pictures: Sequence[Any]) -> list[list[DetectedObject]]: ...


@dataclass(frozen=True, slots=True)
class ClassificationJob:
    """rgb: uint8 [height, width, 3], of a part of the picture. part: which one. tracks: what was followed then.

    turn: by how many quarter turns it is shown.
    """

    camera: CameraId
    at_ms: int
    rgb: Any
    part: Box
    tracks: tuple[tuple[int, Box], ...]
    turn: int = UPRIGHT


@dataclass(frozen=True, slots=True)
class ClassificationResult:
    """things: what was seen, in shares of the whole picture."""

    asked: ClassificationJob
    things: tuple[DetectedObject, ...]


class ClassificationQueue(JobQueue[ClassificationJob, ClassificationResult]):
    """`use` in the thread of `step`."""

    def __init__(self, model: ObjectClassifier | None = None) -> None:
        super().__init__()
        self._model = model
        self.looks = 0
        """How many pictures were looked at."""

    @property
    def is_open(self) -> bool:
        """Whether there is a model: without one nobody need ask."""
        return self._model is not None

    def use(self, model: ObjectClassifier | None) -> None:
        """From now on this one; with none, what waits is let go."""
        self._model = model
        if model is None:
            self.close()

    def _together(self) -> int:
        return self._model.together if isinstance(self._model, BatchObjectClassifier) else 1

    def _all_answered(self, asked: Sequence[ClassificationJob]) -> list[list[ClassificationResult]]:
        if len(asked) == 1 or not isinstance(self._model, BatchObjectClassifier):
            return super()._all_answered(asked)
        seen = self._model.look_at_all([rotate_picture(one.rgb, one.turn) for one in asked])
        return [[self._answer(one, things)] for one, things in zip(asked, seen, strict=True)]

    def _answered(self, asked: ClassificationJob) -> list[ClassificationResult]:
        if self._model is None:
            return []
        return [self._answer(asked, self._model.look(rotate_picture(asked.rgb, asked.turn)))]

    def _answer(self, asked: ClassificationJob, seen: Sequence[DetectedObject]) -> ClassificationResult:
        self.looks += 1
        return ClassificationResult(
            asked,
            tuple(
                DetectedObject(one.label, one.score, within(upright(one.box, asked.turn), asked.part)) for one in seen
            ),
        )
