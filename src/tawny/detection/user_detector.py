"""`detector = "own"`: detection by a user's `detect()`. Errors in it never stop the watcher.

Loading of the file and handling of its errors: `engine.user_script`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tawny.config.units import seconds, size
from tawny.detection.decode_pipeline import LOOKS_A_SECOND
from tawny.detection.detector import DetectorKind, DetectorParameter
from tawny.engine.user_script import UserScript
from tawny.model.errors import DetectorFailed
from tawny.model.observations import LEAST_SIDE, MOTION, Box, Frame, Look, Observation
from tawny.model.times import Clock
from tawny.model.validation import value_text

FILE, MEMORY, DEADLINE, EVERY, ALLOW_READ = "file", "memory", "deadline", "every", "allow_read"
NUMBERS: Mapping[str, DetectorParameter] = {
    EVERY: DetectorParameter(0.2, 0.02, 3600),
    "width": DetectorParameter(640, 0, 8192, is_whole=True),
    "height": DetectorParameter(0, 0, 8192, is_whole=True),
    DEADLINE: DetectorParameter(0.8, 0.01, 2.5),
}
"""every: interval between two calls, s. width: frames are downscaled to this width, px; 0: unchanged. height: if not 0,
frames get exactly this width and height, px, whatever their shape. deadline: maximum duration of a call, s; a call that
never returns is reported within a second."""
KEYS = (FILE, MEMORY, ALLOW_READ, *NUMBERS)
USUAL_MEMORY = "1 GB"
LIKELY = 0.5
"""Score from which a detection is an event at the default level."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
LOST_MS = 2000
"""Time, ms, after which an object that `detect()` has not returned again is another one."""
FASTEST = 5.0
"""Greatest speed of an object, in its own widths and heights a second: a person who runs."""
_Found = tuple[Box | None, str, float]
"""Box, label and score of an object. Box None: the place is not known."""


class UserDetector:
    """Runs your own `detect()` from a Python file, in a separate process.

    - `file`: the Python file. Required.
    - `every` (0.2): interval between two calls, for example "0.5 s".
    - `width` (640): images are reduced to this width in pixels. 0: full size.
    - `height` (0): images get exactly this width and height in pixels. 0: they keep their shape.
    - `deadline` (0.8): time limit per call, for example "1 s".
    - `memory` ("1 GB"): memory limit of the process.
    - `allow_read` (none): files and folders it may read, besides models and Python files beside it.
    """

    name: ClassVar[str] = "own"

    @staticmethod
    def for_scan(printed: Callable[[str], None]) -> DetectorKind:
        """Return the kind of detectors that wait for the script at every frame and raise its errors."""
        return partial(_ScannedUserDetector, printed=printed)

    def __init__(self, settings: Mapping[str, Any], clock: Clock | None = None) -> None:
        for key in settings:
            if key not in KEYS:
                raise ValueError(f"{key}: not a setting of own; allowed: {', '.join(KEYS)}")
        file = settings.get(FILE)
        if not isinstance(file, str) or not file.endswith(".py"):
            raise ValueError(f"file: found {value_text(file)}; allowed: a Python file with detect(), such as detect.py")
        self._numbers = {
            key: number.checked(key, _parameter_value(key, settings, number)) for key, number in NUMBERS.items()
        }
        self.script = UserScript(
            Path(file).expanduser().absolute(), "detect", deadline_s=self._numbers[DEADLINE],
            memory=_memory(settings.get(MEMORY, USUAL_MEMORY)), allow_read=_paths(settings.get(ALLOW_READ, [])),
            clock=clock,
        )  # fmt: skip
        self._asked_ms, self._due_ms = 0, float("-inf")
        self._last = Look(0)
        self._objects = _ObjectNumbers(self.every_s)

    @property
    def trouble(self) -> str:
        """The current problem and its position in the file; empty if none."""
        return self.script.trouble

    @property
    def printed(self) -> str:
        """The newest output of the script."""
        return self.script.printed

    @property
    def takes_frame(self) -> bool:
        """Whether `detect()` takes an image."""
        return self.script.takes_frame

    def on_trouble(self, report: Callable[[str], None]) -> None:
        """Set the callback that receives the problem when it changes."""
        self.script.on_trouble = report

    @property
    def looks_a_second(self) -> float:
        """Rate of results; between two calls the last result is repeated."""
        return max(LOOKS_A_SECOND, 1 / self.every_s)

    def look(self, frame: Frame) -> Look:
        if self.script.is_another or self._is_due(frame.at_ms):
            self._last = self.ask(frame.at_ms, str(frame.camera), self._shown(frame))
            if not self.script.is_ready:
                self._due_ms = frame.at_ms  # call again as soon as it is loaded, regardless of the interval
        return self._last

    def _is_due(self, at_ms: int) -> bool:
        """Return whether a call is due; up to half a frame interval early counts as in time."""
        apart_ms, early_ms, due_ms = self.every_s * 1000, 500 / self.looks_a_second, self._due_ms
        if not self._asked_ms <= at_ms <= due_ms + apart_ms:
            due_ms = at_ms  # start, or restart after a pause or a backward step
        if at_ms < due_ms - early_ms:
            return False
        self._asked_ms, self._due_ms = at_ms, max(due_ms + apart_ms, at_ms + apart_ms / 2)
        return True

    def ask(self, at_ms: int, camera: str, rgb: Any) -> Look:
        """Call `detect()`. rgb: None for a function without parameters."""
        found = self.script.ask(at_ms, camera, rgb)
        return Look(0) if found is None else _look(found, self._objects.of(at_ms, found))

    @property
    def every_s(self) -> float:
        return self._numbers[EVERY]

    def close(self) -> None:
        self.script.close()

    def _shown(self, frame: Frame) -> Any:
        if not self.takes_frame:
            return None
        rgb, width, height = frame.rgb, int(self._numbers["width"]), int(self._numbers["height"])
        is_exact = bool(width and height)
        if is_exact or (width and rgb.shape[1] > width):
            import cv2  # not at module level: recording works without OpenCV

            height = height if is_exact else max(1, round(rgb.shape[0] * width / rgb.shape[1]))
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(rgb)


def _parameter_value(key: str, settings: Mapping[str, Any], number: DetectorParameter) -> Any:
    """Return a setting; durations may have a unit."""
    value = settings.get(key, number.usual)
    if key not in (EVERY, DEADLINE) or not isinstance(value, str):
        return value
    try:
        return seconds(value)
    except ValueError as error:
        raise ValueError(f"{key}: found {value_text(value)}; allowed: {error}") from None


def _look(found: Sequence[_Found], numbers: Sequence[int]) -> Look:
    """Return the result of a call. numbers: the track of each object."""
    seen, near = [], []
    for (box, label, score), track in zip(found, numbers, strict=True):
        sure = 0.0 if label == MOTION else score
        thing = Observation(label, score, _box(box), track, sure=sure)
        if score >= LIKELY:
            seen.append(thing)
        elif score > 0:
            near.append(thing)
    best = max((score for _, _, score in found), default=0.0)
    return Look(round(100 * best), tuple(seen), (), tuple(near))


def _box(box: Box | None) -> Box:
    if box is None:
        return WHOLE
    x0, y0, x1, y1 = box
    return x0, y0, x1, y1


def _paths(paths: Any) -> list[str]:
    paths = [paths] if isinstance(paths, str) else paths  # `tawny scan --set allow_read=labels.txt`
    if not isinstance(paths, list | tuple) or not all(isinstance(path, str) and path for path in paths):
        raise ValueError(f'allow_read: found {value_text(paths)}; allowed: a list of paths, such as ["labels.txt"]')
    return list(paths)


def _memory(data: Any) -> int:
    if not isinstance(data, str):
        raise ValueError(f"memory: found {value_text(data)}; allowed: a size, for example `1 GB`")
    try:
        return size(data)
    except ValueError as error:
        raise ValueError(f"memory: found {value_text(data)}; allowed: {error}") from None


# Which object is which: `detect()` returns them in any order, most often the surest one first.


@dataclass(frozen=True, slots=True)
class _KnownObject:
    track: int
    label: str
    box: Box
    seen_ms: int


class _ObjectNumbers:
    """Gives the objects of successive calls their track numbers. No number comes again. every_s: between two calls."""

    def __init__(self, every_s: float) -> None:
        self._kept_ms = LOST_MS + every_s * 1000
        self._known: list[_KnownObject] = []
        self._called_ms = self._last = 0

    def of(self, at_ms: int, found: Sequence[_Found]) -> list[int]:
        """Return the number of each object of a call.

        It is that of the known object of its label that it overlaps most, or else of the nearest one that may have
        moved there since the last call; or else a new one.
        """
        known = [one for one in self._known if abs(at_ms - one.seen_ms) <= self._kept_ms]
        reach = FASTEST * max(0, at_ms - self._called_ms) / 1000
        boxes = [_box(box) for box, _, _ in found]
        pairs = sorted(
            (_apart(one.box, box), n, k)
            for n, (box, (_, label, _)) in enumerate(zip(boxes, found, strict=True))
            for k, one in enumerate(known)
            if one.label == label
        )
        same: dict[int, int] = {}
        taken: set[int] = set()
        for apart, n, k in pairs:
            if apart <= 1 + reach and n not in same and k not in taken:
                same[n] = known[k].track
                taken.add(k)
        tracks = [same[n] if n in same else self._next() for n in range(len(found))]
        now = [
            _KnownObject(track, label, box, at_ms)
            for track, box, (_, label, _) in zip(tracks, boxes, found, strict=True)
        ]
        self._known = [*now, *(one for k, one in enumerate(known) if k not in taken)]
        self._called_ms = at_ms
        return tracks

    def _next(self) -> int:
        self._last += 1
        return self._last


def _apart(one: Box, other: Box) -> float:
    """Return how far apart two boxes are: 0 to 1 where they overlap, 0 for equal ones; else 1 and the gap between them,
    in their mean width and height."""
    (x0, y0, x1, y1), (a0, b0, a1, b1) = one, other
    width, height = min(x1, a1) - max(x0, a0), min(y1, b1) - max(y0, b0)
    if width > 0 and height > 0:
        shared = width * height
        return 1 - shared / ((x1 - x0) * (y1 - y0) + (a1 - a0) * (b1 - b0) - shared)
    across = max(0.0, -width) / max(LEAST_SIDE, (x1 - x0 + a1 - a0) / 2)
    down = max(0.0, -height) / max(LEAST_SIDE, (y1 - y0 + b1 - b0) / 2)
    return 1 + math.hypot(across, down)


# A user's `detect()` in a scan: no frame is skipped, and an error ends the scan.


class _ScannedUserDetector(UserDetector):
    """Scans with a user script. printed: receives its output. The default deadline is the maximum allowed."""

    def __init__(self, settings: Mapping[str, Any], printed: Callable[[str], None]) -> None:
        super().__init__({DEADLINE: NUMBERS[DEADLINE].most, **settings})
        self.script.on_printed = printed

    def look(self, frame: Frame) -> Look:
        """Process a frame. Raises DetectorFailed: if the script fails."""
        self.script.load()
        look = super().look(frame)
        if self.trouble:
            raise DetectorFailed(self.trouble)
        return look
