"""Process that runs a user's `detect()` or `read()`. Started as a script, so that it needs no tawny modules.

   user_script_main.py FILE FUNCTION MEMORY_BYTES PICTURES_FD ANSWERS_FD TRACES_FD

Requests are JSON lines on standard input; each is answered by one line on ANSWERS_FD. Frames arrive in two alternating
halves of shared memory, so that the previous frame stays available. A call that exceeds its deadline ends the process
and leaves its traceback on TRACES_FD.
"""

import faulthandler
import importlib.util
import inspect
import io
import json
import math
import mmap
import os
import resource
import sys
import traceback
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

LONGEST_LABEL = 40
MOST_THINGS = 100
MOST_NUMBERS = 4096
"""Maximum length of a face embedding."""
MOST_PRINTED = 2000
"""Maximum characters of printed output per call."""


class ScriptObservation(NamedTuple):
    """An object returned by `detect()`. box: x0, y0, x1, y1 as shares 0..1 of the frame. score: 0..1."""

    box: tuple[float, float, float, float]
    label: str = "motion"
    score: float = 1.0


class ScriptReading(NamedTuple):
    """A result returned by `read()`: a text, or a face embedding (`print`) that identifies the same face again."""

    text: str = ""
    score: float = 1.0
    print: Any = ()


class ScriptFrame(NamedTuple):
    """Input of a script.

    rgb, previous: uint8 [height, width, 3], read-only; previous is None for the first frame. time: UTC in s. kind: for
    `read()`, the object type: person or vehicle.
    """

    rgb: Any
    time: float
    camera: str
    previous: Any
    kind: str = ""


def main(file: Path, function: str, memory: int, pictures: int, answers: int, traces: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    os.nice(10)
    with os.fdopen(answers, "w", encoding="utf-8") as out, os.fdopen(traces, "w", encoding="utf-8") as trace:
        printed = sys.stdout = sys.stderr = io.StringIO()

        def say(**told: Any) -> None:
            told["printed"] = printed.getvalue()[-MOST_PRINTED:]
            printed.seek(0)
            printed.truncate()
            out.write(json.dumps(told) + "\n")
            out.flush()

        try:
            called = load_function(file, function)
        except BaseException as error:  # user code may raise anything, including SystemExit
            say(error=describe_error(error, file))
            return
        takes_frame = bool(inspect.signature(called).parameters)
        shown = SharedFrames(pictures) if takes_frame else None
        say(takes_frame=takes_frame)
        for line in sys.stdin:
            asked = json.loads(line)
            faulthandler.dump_traceback_later(asked["deadline_s"], exit=True, file=trace)
            answer: dict[str, Any]
            try:
                found = called() if shown is None else called(shown.frame(asked))
                answer = {"found": PLAIN[function](found)}
            except BaseException as error:  # as above
                answer = {"error": describe_error(error, file)}
            faulthandler.cancel_dump_traceback_later()
            say(**answer)


class SharedFrames:
    """Frames in shared memory."""

    def __init__(self, fd: int) -> None:
        import numpy as np  # imported now, so that the first frame is not delayed

        self._np: Any = np
        self._fd, self._size = fd, 0
        self._map: Any = None
        self._before: tuple[int, tuple[int, ...]] | None = None

    def frame(self, asked: dict[str, Any]) -> ScriptFrame:
        size = os.fstat(self._fd).st_size
        if size != self._size:
            self._map, self._size, self._before = mmap.mmap(self._fd, size, prot=mmap.PROT_READ), size, None
        here = (asked["offset"], tuple(asked["shape"]))

        def view(where: tuple[int, tuple[int, ...]]) -> Any:
            offset, shape = where
            values = self._np.frombuffer(self._map, self._np.uint8, shape[0] * shape[1] * 3, offset)
            return values.reshape(shape)

        before, self._before = self._before, here
        previous = None if before is None or before[1] != here[1] else view(before)
        return ScriptFrame(view(here), asked["at_ms"] / 1000, asked["camera"], previous, asked.get("kind", ""))


class FreshLoader(SourceFileLoader):
    """Loads the source without cached bytecode, which may be outdated after two saves within one second."""

    def get_code(self, fullname: str) -> CodeType | None:
        del fullname
        return self.source_to_code(self.get_data(self.path), self.path)


def load_function(file: Path, function: str) -> Callable[..., Any]:
    """Load the file and return its `detect` or `read`."""
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file, loader=FreshLoader(file.stem, str(file)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    vars(module).update(Observation=ScriptObservation, Reading=ScriptReading)
    spec.loader.exec_module(module)
    found: Callable[..., Any] | None = getattr(module, function, None)
    if not callable(found):
        raise AttributeError(f"{file.name} has no function {function}()")
    return found


def plain_observations(found: Any) -> list[tuple[tuple[float, ...] | None, str, float]]:
    """Return box, label and score of each result. Raises ValueError that names the allowed values."""
    if found is None:
        return []
    if isinstance(found, list | tuple):
        if len(found) > MOST_THINGS:
            raise ValueError(f"detect() returned {len(found)} things; allowed: {MOST_THINGS}")
        return [_thing(ScriptObservation(*one)) for one in found]
    return [(None, "motion", _share(found, "a score"))]


def _thing(one: ScriptObservation) -> tuple[tuple[float, ...], str, float]:
    if len(one.box) != 4:
        raise ValueError(f"a box was {one.box!r}; allowed: x0, y0, x1, y1 as shares of the picture")
    x0, y0, x1, y1 = (_share(edge, "an edge of a box") for edge in one.box)
    label = str(one.label)
    if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable():
        raise ValueError(f"a label was {label[:60]!r}; allowed: 1 to {LONGEST_LABEL} letters")
    return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), label, _share(one.score, "a score")


def readings(found: Any) -> list[tuple[str, float, list[float]]]:
    """Return text, score and embedding of each result of `read()`: None, a text, or a list of `ScriptReading`."""
    if found is None:
        return []
    if isinstance(found, str):
        found = [ScriptReading(found)]
    if not isinstance(found, list | tuple) or len(found) > MOST_THINGS:
        raise ValueError(f"read() returned {type(found).__name__}; allowed: a text, or a list of up to {MOST_THINGS}")
    return [_reading(one if isinstance(one, ScriptReading) else ScriptReading(*one)) for one in found]


def _reading(one: ScriptReading) -> tuple[str, float, list[float]]:
    text = str(one.text)
    if len(text) > LONGEST_LABEL or not text.isprintable():
        raise ValueError(f"a text was {text[:60]!r}; allowed: up to {LONGEST_LABEL} letters")
    numbers = [float(number) for number in one.print]
    if len(numbers) > MOST_NUMBERS or not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"a print of {len(numbers)} numbers; allowed: up to {MOST_NUMBERS}, all finite")
    return text, _share(one.score, "a score"), numbers


PLAIN: dict[str, Callable[[Any], Any]] = {"detect": plain_observations, "read": readings}


def _share(value: Any, what: str) -> float:
    """Return a share 0..1. Accepts numpy numbers and booleans."""
    number = float(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{what} was {value!r}; allowed: 0 to 1, True or False")
    return number


def describe_error(error: BaseException, file: Path) -> dict[str, Any]:
    """Return the error message and the line in the file."""
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == str(file)]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return {"what": what[:300], "line": line}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *(int(word) for word in sys.argv[3:7]))
