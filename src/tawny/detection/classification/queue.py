"""Job queue that classifies frames of all cameras with one model."""

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
    """A classifier (`detection.models.object_model.ObjectModel`)."""

    def look(self, rgb: Any, wanted: Sequence[str] = ()) -> list[DetectedObject]: ...


@runtime_checkable
class BatchObjectClassifier(ObjectClassifier, Protocol):
    """A classifier that is faster with several images at once."""

    @property
    def together(self) -> int:
        """Preferred batch size."""
        ...

    def look_at_all(self, pictures: Sequence[Any]) -> list[list[DetectedObject]]: ...


@dataclass(frozen=True, slots=True)
class ClassificationJob:
    """One region of a frame to classify.

    rgb: uint8 [height, width, 3]. part: the region in the frame. tracks: tracks and boxes at that time. turn: number of
    quarter turns applied before classification.
    """

    camera: CameraId
    at_ms: int
    rgb: Any
    part: Box
    tracks: tuple[tuple[int, Box], ...]
    turn: int = UPRIGHT


@dataclass(frozen=True, slots=True)
class ClassificationResult:
    """The result of a job. things: detected objects; boxes in shares of the whole frame."""

    asked: ClassificationJob
    things: tuple[DetectedObject, ...]


class ClassificationQueue(JobQueue[ClassificationJob, ClassificationResult]):
    """Classifies jobs with one model. Call `use` from the thread of `step`."""

    def __init__(self, model: ObjectClassifier | None = None) -> None:
        super().__init__()
        self._model = model
        self.looks = 0
        """Number of images classified."""

    @property
    def is_open(self) -> bool:
        """Whether a model is loaded; without one no jobs are needed."""
        return self._model is not None

    def use(self, model: ObjectClassifier | None) -> None:
        """Replace the model. None discards the waiting jobs."""
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
