"""What a sound is, by an ONNX model that somebody gave: mono samples at 16 kHz in, a score for each class out.

Such models are many (YAMNet is one); none comes with tawny. Needs onnxruntime, which is an optional part. One thread.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tawny.detection.label_file import read_labels
from tawny.detection.onnx import open_session
from tawny.model.errors import NotDone

RATE = 16_000
USUAL_LENGTH = 15_600
"""Samples that are handed over where the model takes any number: 0.975 s."""
MOST_NAMES = 3


class SoundClassifier:
    """model, labels: files; the labels one a line in the order of the classes. NotDone says what is wrong."""

    def __init__(self, model: Path, labels: Path, *, sure: float, classes: Sequence[str] = ()) -> None:
        self._labels = read_labels(labels)
        self._sure, self._wanted = sure, {name.casefold() for name in classes}
        self._session: Any = open_session(model)
        given = self._session.get_inputs()[0]
        self._input, self._rank = given.name, len(given.shape)
        self.length = given.shape[-1] if isinstance(given.shape[-1], int) else USUAL_LENGTH
        self._check(model)

    def name(self, samples: Any) -> list[tuple[str, float]]:
        """samples: float32 at 16 kHz; its last `length` are looked at. Names with scores, the surest first."""
        part = np.zeros(self.length, np.float32)
        last = samples[-self.length :]
        part[len(part) - len(last) :] = last
        scores = self._scores(part)
        order = np.argsort(-scores)
        sure = [(self._labels[n], float(scores[n])) for n in order if scores[n] >= self._sure]
        return [one for one in sure if not self._wanted or one[0].casefold() in self._wanted][:MOST_NAMES]

    def _scores(self, part: Any) -> Any:
        """The greatest of each class, where the model looks at several moments."""
        shaped = part.reshape((1,) * (self._rank - 1) + (self.length,))
        scores = np.asarray(self._session.run(None, {self._input: shaped})[0], np.float32)
        return scores.reshape(-1, scores.shape[-1]).max(axis=0)

    def _check(self, model: Path) -> None:
        count = self._scores(np.zeros(self.length, np.float32)).shape[0]
        if count != len(self._labels):
            what = f"The model {model} has {count} classes, but there are {len(self._labels)} labels."
            raise NotDone(what, "Use the labels that belong to this model, one per line.")


def at_rate(samples: Any, rate: int) -> Any:
    """The same sound at 16 kHz."""
    if rate == RATE:
        return samples
    count = round(len(samples) * RATE / rate)
    return np.interp(np.arange(count) * (rate / RATE), np.arange(len(samples)), samples).astype(np.float32)
