"""Job queue that runs recognizers for all cameras.

Known faces and plates are compared here. Invariant: face embeddings do not leave this module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tawny.detection.job_queue import JobQueue
from tawny.detection.recognition.recogniser import Recogniser, RecogniserInput, RecogniserResult
from tawny.model.ids import CameraId
from tawny.model.kinds import MOTION, is_meant
from tawny.model.observations import Box
from tawny.model.reads import RecognisedText

AROUND = 0.06
"""Margin around an object on each side, relative to its size: a plate hangs at the lower edge."""
LEAST_PIXELS = 24
"""Minimum side of a readable object, px."""
MOST_THINGS = 4
"""Maximum number of objects per frame, largest first."""

Who = Callable[[str, RecogniserResult], str]
"""Returns the id of the identity that a recognizer's result matches; empty for none."""


@dataclass(frozen=True, slots=True)
class ReadableObject:
    track: int
    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class RecognitionJob:
    """Objects of one frame to read.

    picture: returns the image in the queue's thread, uint8 [height, width, 3]; None if it cannot be decoded. by: names
    of recognizers.
    """

    camera: CameraId
    at_ms: int
    picture: Callable[[], Any]
    things: tuple[ReadableObject, ...]
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecognitionResult:
    track: int
    at_ms: int
    read: RecognisedText


class RecognitionQueue(JobQueue[RecognitionJob, RecognitionResult]):
    """Runs recognizers on jobs. Call `use` from the thread of `step`."""

    def __init__(self) -> None:
        super().__init__()
        self._recognisers: Mapping[str, Recogniser] = {}
        self._who: Who = lambda _by, _reading: ""
        self.shown = 0
        """Number of objects passed to a recognizer."""

    def use(self, recognisers: Mapping[str, Recogniser], who: Who) -> None:
        """Replace the recognizers."""
        self._recognisers, self._who = recognisers, who

    def _answered(self, asked: RecognitionJob) -> list[RecognitionResult]:
        by = {name: one for name in asked.by if (one := self._recognisers.get(name)) is not None}
        rgb = asked.picture() if by else None
        if rgb is None:
            return []
        found = []
        for thing in sorted(asked.things, key=lambda one: -_area(one.box))[:MOST_THINGS]:
            cut = crop_object(rgb, thing.box)
            for name, recogniser in by.items():
                if min(cut.shape[:2]) < LEAST_PIXELS or not shows(recogniser, thing.label):
                    continue
                self.shown += 1
                readings = recogniser.read(RecogniserInput(asked.camera, asked.at_ms, thing.label, cut))
                best = max(readings, key=lambda one: one.score, default=None)
                if best is not None:
                    read = RecognisedText(name, best.text, best.score, self._who(name, best))
                    found.append(RecognitionResult(thing.track, asked.at_ms, read))
        return found


def shows(recogniser: Recogniser, label: str) -> bool:
    """Return whether the recognizer accepts such an object. Objects without a label are always accepted."""
    return label == MOTION or is_meant(label, recogniser.kinds)


def crop_object(rgb: Any, box: Box) -> Any:
    """Return a copy of the object with a margin."""
    height, width = rgb.shape[:2]
    wide, high = box[2] - box[0], box[3] - box[1]
    x0, x1 = (round(width * edge) for edge in (box[0] - AROUND * wide, box[2] + AROUND * wide))
    y0, y1 = (round(height * edge) for edge in (box[1] - AROUND * high, box[3] + AROUND * high))
    return np.ascontiguousarray(rgb[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)])


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
