"""An object detection model: an ONNX file, opened once for all cameras and verified by a test run.

Needs the optional onnxruntime. Call from one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tawny.detection.models.families import FittedInput, ModelFamily, ModelOutput, Size, family_of, fit
from tawny.detection.models.labels import LIKE_A_CAR, usual_names
from tawny.detection.onnx import CPU, Accelerator, open_session, opened_by, refusals
from tawny.model.errors import NotDone
from tawny.model.observations import Box

USUAL_SIZE = Size(640, 384)
"""Input size for models that take any size: 16:9, in multiples of 32."""
SAME = 0.5
"""Intersection over union from which two boxes of one label are the same object."""
SAME_CAR = 0.6
"""The same for two labels that models confuse."""
MOST = 100
"""Maximum number of objects per image, best first."""
NEARLY = (0.01, 0.01)
"""Relative and absolute tolerance for equal outputs, for 16-bit floats."""
USUAL_CLASSES = 80
TOGETHER = 8
"""Batch size where batches are faster."""
NUMBERS = {"tensor(uint8)": np.uint8, "tensor(float16)": np.float16}
"""Input types other than float32."""


@dataclass(frozen=True, slots=True)
class DetectedObject:
    label: str
    score: float
    """0..1."""
    box: Box
    """Shares of the inspected image."""


class ObjectModel:
    """Detects objects with one model.

    file: the model. labels: class names in order; None: the usual ones for their number. size: for models that take any
    size. providers, accelerator: see `detection.onnx`. threshold: minimum score; None: the family's default. Raises
    NotDone: if the model is not supported.
    """

    def __init__(
        self,
        file: Path,
        labels: Sequence[str] | None = None,
        *,
        size: Size = USUAL_SIZE,
        providers: Sequence[str] = (CPU,),
        threshold: float | None = None,
        accelerator: Accelerator | None = None,
    ) -> None:
        self._file = file
        self._session = open_session(file, providers) if accelerator is None else opened_by(accelerator, file)
        picture = self._picture_input(size)
        self._others = {one.name: one for one in self._session.get_inputs() if one.name != self._input}
        self._takes = NUMBERS.get(picture.type, np.float32)
        outputs = self._tried(self._blank(picture))
        self.family, read = self._known(outputs, USUAL_CLASSES if labels is None else len(labels))
        self._takes_many = not isinstance(picture.shape[0], int) and self._distinguishes_images(picture, outputs)
        self._threshold = self.family.threshold if threshold is None else threshold
        self.labels = self._labels(labels, read.scores.shape[1])

    @property
    def provider(self) -> str:
        """Name of the execution provider."""
        return str(self._session.get_providers()[0])

    @property
    def together(self) -> int:
        """Preferred batch size. On the CPU it is 1, because each image would wait for all."""
        return TOGETHER if self._takes_many and self.provider != CPU else 1

    def look(self, rgb: Any, wanted: Sequence[str] = ()) -> list[DetectedObject]:
        """Return the detected objects, best first.

        rgb: uint8 [height, width, 3]. wanted: only these labels compete; empty: all.
        """
        fitted = fit(rgb, self.size, self.family.wants)
        return self._things(fitted, self._run(fitted.values), wanted)

    def look_at_all(self, pictures: Sequence[Any]) -> list[list[DetectedObject]]:
        """Return the objects of each image in one run; only if `together` is more than 1."""
        fitted = [fit(rgb, self.size, self.family.wants) for rgb in pictures]
        outputs = self._run(np.concatenate([one.values for one in fitted]))
        return [self._things(one, [each[n : n + 1] for each in outputs], ()) for n, one in enumerate(fitted)]

    def _things(self, fitted: FittedInput, outputs: Sequence[Any], wanted: Sequence[str]) -> list[DetectedObject]:
        read = self._read(outputs)
        columns = [n for n, label in enumerate(self.labels) if label and (not wanted or label in wanted)]
        if not columns or not len(read.boxes):
            return []
        scores = read.scores[:, columns]
        best = scores.argmax(axis=1)
        surest = scores[np.arange(len(best)), best]
        kept = np.nonzero(surest >= self._threshold)[0]
        kept = kept[np.argsort(-surest[kept], kind="stable")]
        boxes = fitted.shares(read.boxes[kept])
        things = [
            DetectedObject(
                self.labels[columns[best[n]]], float(surest[n]), (float(x0), float(y0), float(x1), float(y1))
            )
            for n, (x0, y0, x1, y1) in zip(kept, boxes, strict=True)
            if x1 > x0 and y1 > y0
        ]
        return _single(things, overlaps=self.family.overlaps)[:MOST]

    def _read(self, outputs: Sequence[Any]) -> ModelOutput:
        return self.family.read(outputs, self.size)

    def _tried(self, values: Any) -> list[Any]:
        """Return the outputs of the first run. Raises NotDone: if the model fails with the usual inputs."""
        try:
            return self._run(values)
        except refusals() as error:
            asked = ", ".join(f"{one.name} {one.type} {list(one.shape)}" for one in self._session.get_inputs())
            what = f"The model {self._file} (input {asked}) fails: {str(error).splitlines()[0]}."
            raise NotDone(what, "Export it for one image at a time, with a fixed maximum size.") from None

    def _distinguishes_images(self, picture: Any, alone: Sequence[Any]) -> bool:
        """Return whether a batch of two gives separate outputs, of which the first equals that of a single image."""
        blank = self._blank(picture)
        try:
            both = self._run(np.concatenate([blank, 255 - blank]))
        except refusals():  # the export declares a batch dimension but does not support it
            return False
        return all(
            one.shape[:1] == (1,) and two.shape == (2, *one.shape[1:]) and np.allclose(two[:1], one, *NEARLY)
            for one, two in zip(alone, both, strict=True)
        )

    def _known(self, outputs: Sequence[Any], classes: int) -> tuple[ModelFamily, ModelOutput]:
        """Return the family and its decoded outputs for noise. Raises NotDone: if the family is unknown."""
        family = family_of(outputs, self.size, classes)
        if family is not None:
            try:
                read = family.read(outputs, self.size)
            except (ValueError, IndexError):  # matching shapes, but lengths that do not belong together
                family = None
        if family is None:
            shapes = ", ".join(str(list(one.shape)) for one in outputs)
            what = f"The model {self._file} has outputs {shapes}, which tawny doesn't support."
            raise NotDone(what, "Supported: YOLOX, D-FINE, RT-DETR, RF-DETR, RTMDet, NanoDet, PicoDet, SSD.")
        return family, read

    def _run(self, values: Any) -> list[Any]:
        feeds = {self._input: values.astype(self._takes, copy=False)} | {
            name: self._answer(one).repeat(len(values), axis=0) for name, one in self._others.items()
        }
        return [np.asarray(one) for one in self._session.run(None, feeds)]

    def _answer(self, asked: Any) -> Any:
        """Return the value of an additional input: the image size. Given the input's size, boxes are in its pixels."""
        if "int" in asked.type:
            return np.array([[self.size.width, self.size.height]], np.int64)
        kind = NUMBERS.get(asked.type, np.float32)
        if "scale" in asked.name:
            return np.ones((1, 2), kind)
        return np.array([[self.size.height, self.size.width]], kind)

    def _picture_input(self, size: Size) -> Any:
        for one in self._session.get_inputs():
            if len(one.shape) == 4:
                self._input = one.name
                last = one.shape[3] == 3
                rows, columns = (one.shape[1], one.shape[2]) if last else (one.shape[2], one.shape[3])
                self.size = Size(_fixed(columns, size.width), _fixed(rows, size.height))
                self._batch = _fixed(one.shape[0], 1)
                if self._batch != 1:
                    break
                return one
        what = f"The model {self._file} doesn't accept a single RGB image."
        raise NotDone(what, "Export it for one image at a time: [1, 3, height, width].")

    def _blank(self, given: Any) -> Any:
        """Return deterministic noise as input, so that the outputs are not uniform."""
        shape = (self.size.height, self.size.width)
        shape4 = (1, *shape, 3) if given.shape[3] == 3 else (1, 3, *shape)
        return np.random.default_rng(0).integers(0, 255, shape4)

    def _labels(self, given: Sequence[str] | None, count: int) -> tuple[str, ...]:
        labels = usual_names(count) if given is None else tuple(given)
        if labels is None:
            what = f"The model {self._file} has {count} classes without names."
            raise NotDone(what, "Add a text file with the class names, one per line, in order.")
        if len(labels) != count:
            what = f"The model {self._file} has {count} classes, but there are {len(labels)} labels."
            raise NotDone(what, "Use the labels that belong to this model, one per line.")
        return labels


def _fixed(length: Any, usual: int) -> int:
    """Return a dimension; `usual` if it is symbolic."""
    return length if isinstance(length, int) and length > 0 else usual


def _single(things: list[DetectedObject], *, overlaps: bool) -> list[DetectedObject]:
    """Apply non-maximum suppression. things: best first."""
    kept: list[DetectedObject] = []
    for thing in things:
        if not any(_is_same(thing, other, overlaps=overlaps) for other in kept):
            kept.append(thing)
    return kept


def _is_same(a: DetectedObject, b: DetectedObject, *, overlaps: bool) -> bool:
    if a.label == b.label:
        return overlaps and shared_model(a.box, b.box) > SAME
    return a.label in LIKE_A_CAR and b.label in LIKE_A_CAR and shared_model(a.box, b.box) > SAME_CAR


def shared_model(a: Box, b: Box) -> float:
    """Return the intersection over union, 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
