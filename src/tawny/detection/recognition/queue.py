"""Where things are read for all cameras.

Who is known is compared here, so that prints of faces go no further than this.
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
"""Shown around a thing, of its own size at each side: a plate hangs at its lower edge."""
LEAST_PIXELS = 24
"""Of either side: nothing can be read of what is smaller."""
MOST_THINGS = 4
"""Of one picture, the largest."""

Who = Callable[[str, RecogniserResult], str]
"""The id of who or what is known by a reading of this recogniser; empty for nobody."""


@dataclass(frozen=True, slots=True)
class ReadableObject:
    track: int
    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class RecognitionJob:
    """picture: makes it in the desk's thread, uint8 [height, width, 3]; None: it cannot be decoded. by: recognisers."""

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
    """`use` in the thread of `step`."""

    def __init__(self) -> None:
        super().__init__()
        self._recognisers: Mapping[str, Recogniser] = {}
        self._who: Who = lambda _by, _reading: ""
        self.shown = 0
        """How many things were shown to a recogniser."""

    def use(self, recognisers: Mapping[str, Recogniser], who: Who) -> None:
        """From now on these."""
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
    """Whether it is shown such a thing. Where nothing has a name it is shown whatever moves."""
    return label == MOTION or is_meant(label, recogniser.kinds)


def crop_object(rgb: Any, box: Box) -> Any:
    """A thing with a little of what is around it: a copy."""
    height, width = rgb.shape[:2]
    wide, high = box[2] - box[0], box[3] - box[1]
    x0, x1 = (round(width * edge) for edge in (box[0] - AROUND * wide, box[2] + AROUND * wide))
    y0, y1 = (round(height * edge) for edge in (box[1] - AROUND * high, box[3] + AROUND * high))
    return np.ascontiguousarray(rgb[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)])


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
