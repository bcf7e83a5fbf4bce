"""Job queue that classifies frames of all cameras with one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from tawny.detection.job_queue import JobQueue
from tawny.detection.models.object_model import DetectedObject
from tawny.detection.models.preprocess import within
from tawny.model.ids import CameraId
from tawny.model.observations import Box

# Image rotation for classification: a downward camera shows people lying, but models know standing people.

UPRIGHT: Final = 0
LYING: Final = (1, 3)
TURNS: Final = (UPRIGHT, *LYING)
"""Quarter turns, counterclockwise."""
FIRST: Final = 2
"""Number of upright runs before the first rotated one."""
MOST = 40
"""Maximum number of rotated runs per track: swaying branches move for hours."""


def rotate_picture(rgb: Any, turn: int) -> Any:
    """Return the image, uint8 [height, width, 3], rotated by this number of quarter turns counterclockwise."""
    if turn == UPRIGHT:
        return rgb
    import cv2  # not at module level: recording works without OpenCV

    return cv2.rotate(rgb, (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)[turn - 1])


def upright(box: Box, turn: int) -> Box:
    """Return a box of the rotated image in coordinates of the original."""
    x0, y0, x1, y1 = box
    for _ in range(turn):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return (x0, y0, x1, y1)


class RotationCycle:
    """Selects the rotation of each run for one camera; every other run is upright."""

    def __init__(self) -> None:
        self._n = 0
        self._side = 0
        self._stays = False

    def next(self) -> int:
        self._n += 1
        if self._n % 2:
            return UPRIGHT
        if not self._stays:
            self._side = 1 - self._side
        return LYING[self._side]

    def told(self, turn: int, *, saw: bool) -> None:
        """Register the result of a run.

        saw: whether a person without a label was found; the next rotated run then uses the same side.
        """
        if turn != UPRIGHT:
            self._side, self._stays = LYING.index(turn), saw


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
