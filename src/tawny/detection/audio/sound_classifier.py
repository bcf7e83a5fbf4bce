"""Sound classification by an ONNX model of the user: mono samples at 16 kHz in, one score per class out.

Many such models exist (for example YAMNet); none is bundled. Needs the optional onnxruntime. Call from one thread.
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
"""Number of samples passed to a model of variable input length: 0.975 s."""
MOST_NAMES = 3


class SoundClassifier:
    """Classifies sounds.

    model, labels: files; the labels have one name per line in class order. sure: minimum score. classes: names to
    report; empty: all. Raises NotDone: if a file is unreadable or model and labels do not match.
    """

    def __init__(self, model: Path, labels: Path, *, sure: float, classes: Sequence[str] = ()) -> None:
        self._labels = read_labels(labels)
        self._sure, self._wanted = sure, {name.casefold() for name in classes}
        self._session: Any = open_session(model)
        given = self._session.get_inputs()[0]
        self._input, self._rank = given.name, len(given.shape)
        self.length = given.shape[-1] if isinstance(given.shape[-1], int) else USUAL_LENGTH
        self._check(model)

    def name(self, samples: Any) -> list[tuple[str, float]]:
        """Return the names with scores, best first.

        samples: float32 at 16 kHz; only the last `length` are used.
        """
        part = np.zeros(self.length, np.float32)
        last = samples[-self.length :]
        part[len(part) - len(last) :] = last
        scores = self._scores(part)
        order = np.argsort(-scores)
        sure = [(self._labels[n], float(scores[n])) for n in order if scores[n] >= self._sure]
        return [one for one in sure if not self._wanted or one[0].casefold() in self._wanted][:MOST_NAMES]

    def _scores(self, part: Any) -> Any:
        """Return the maximum score of each class over the model's time steps."""
        shaped = part.reshape((1,) * (self._rank - 1) + (self.length,))
        scores = np.asarray(self._session.run(None, {self._input: shaped})[0], np.float32)
        return scores.reshape(-1, scores.shape[-1]).max(axis=0)

    def _check(self, model: Path) -> None:
        count = self._scores(np.zeros(self.length, np.float32)).shape[0]
        if count != len(self._labels):
            what = f"The model {model} has {count} classes, but there are {len(self._labels)} labels."
            raise NotDone(what, "Use the labels that belong to this model, one per line.")


def at_rate(samples: Any, rate: int) -> Any:
    """Return the samples resampled to 16 kHz."""
    if rate == RATE:
        return samples
    count = round(len(samples) * RATE / rate)
    return np.interp(np.arange(count) * (rate / RATE), np.arange(len(samples)), samples).astype(np.float32)
