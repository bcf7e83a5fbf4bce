"""Process that runs a user's `detect()` or `read()`. Started as a script, so that it needs no tawny modules.

   user_script_main.py FILE FUNCTION MEMORY_BYTES PICTURES_FD ANSWERS_FD TRACES_FD [READABLE_PATH ...]

It confines itself (`engine.confinement`) before it loads the file, and reports what the file tries and may not.

Requests are JSON lines on standard input; each is answered by one line on ANSWERS_FD. Frames arrive in two alternating
halves of shared memory, so that the previous frame stays available. A parameter named `bytes` gets the pixels alone. A
call that exceeds its deadline ends the process and leaves its traceback on TRACES_FD.
"""

import faulthandler
import importlib.util
import inspect
import io
import json
import math
import mmap
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

LONGEST_LABEL = 40
MOST_THINGS = 100
MOST_SOUNDS = 1000
MOST_NUMBERS = 4096
"""Maximum length of a face embedding."""
MOST_PRINTED = 2000
"""Maximum characters of printed output per call."""
MOST_REFUSALS = 20
"""Maximum number of different refused attempts that one process reports."""
AUDITED = {
    "socket.__new__": "open a network connection",
    "os.fork": "start another process", "os.forkpty": "start another process",
    "os.exec": "start {0}", "os.posix_spawn": "start {0}", "os.system": "start {0}", "subprocess.Popen": "start {0}",
    "os.remove": "delete {0}", "os.rmdir": "delete {0}", "os.rename": "rename {0}", "os.mkdir": "create {0}",
    "os.link": "create {1}", "os.symlink": "create {1}", "os.truncate": "write {0}", "os.chmod": "change {0}",
    "os.chown": "change {0}", "os.utime": "change {0}", "os.setxattr": "change {0}", "os.removexattr": "change {0}",
}  # fmt: skip
"""What the kernel refuses in every case, by the name of Python's audit event."""


class ScriptObservation(NamedTuple):
    """An object returned by `detect()`. box: x0, y0, x1, y1 as shares 0..1 of the frame; None for all. score: 0..1."""

    box: tuple[float, float, float, float] | None
    label: str = "motion"
    score: float = 1.0


class ScriptReading(NamedTuple):
    """A result returned by `read()`: a text, or a face embedding (`print`) that identifies the same face again."""

    text: str = ""
    score: float = 1.0
    print: Any = ()


class ScriptSound(NamedTuple):
    """Input of `hear()`: one second.

    samples: float32, mono, -1 to 1. rate: samples per second. time: of the last one, UTC in s.
    """

    samples: Any
    rate: int
    time: float
    camera: str


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


def main(file: Path, function: str, memory: int, fds: tuple[int, int, int], allowed: Sequence[Path]) -> None:
    """fds: of the frames, the answers and the tracebacks. allowed: paths it may read besides its own."""
    os.nice(10)
    sys.dont_write_bytecode = True
    limits = _load_confinement()
    beside = limits.paths_beside(file)
    pictures, answers, traces = fds
    with os.fdopen(answers, "w", encoding="utf-8") as out, os.fdopen(traces, "w", encoding="utf-8") as trace:
        printed = sys.stdout = sys.stderr = io.StringIO()
        refused = RefusedAccess(file, (*beside, *allowed))

        def say(**answer: Any) -> None:
            answer["printed"] = printed.getvalue()[-MOST_PRINTED:]
            if new := refused.take():
                answer["refused"] = new
            printed.seek(0)
            printed.truncate()
            out.write(json.dumps(answer) + "\n")
            out.flush()

        faulthandler.register(signal.SIGSYS, file=trace, all_threads=False, chain=True)
        limits.limit_resources(memory)
        missing = limits.confine((*beside, *allowed))
        sys.addaudithook(refused.on_audit)
        sys.meta_path.insert(sys.meta_path.index(PathFinder), FinderBeside(beside))
        try:
            called = load_function(file, function)
        except BaseException as error:  # user code may raise anything, including SystemExit
            say(error=describe_error(error, file))
            return
        parameters = list(inspect.signature(called).parameters)
        takes_frame, takes_bytes = bool(parameters), parameters[:1] == ["bytes"]
        shown = SharedFrames(pictures) if takes_frame else None
        say(takes_frame=takes_frame, **({"missing": missing} if missing else {}))
        for line in sys.stdin:
            request = json.loads(line)
            faulthandler.dump_traceback_later(request["deadline_s"], exit=True, file=trace)
            answer: dict[str, Any]
            try:
                frame = None if shown is None else shown.frame(request)
                found = called() if frame is None else called(_argument(frame, function, takes_bytes=takes_bytes))
                answer = {"found": PLAIN[function](found)}
            except BaseException as error:  # as above
                answer = {"error": describe_error(error, file)}
            faulthandler.cancel_dump_traceback_later()
            say(**answer)


def _argument(frame: "ScriptFrame", function: str, *, takes_bytes: bool) -> Any:
    if function == "hear":  # a second of samples, sent as a frame of one row
        rate = frame.rgb.size // 4
        samples = frame.rgb.reshape(-1)[: 4 * rate].view("float32")
        return ScriptSound(samples, rate, frame.time, frame.camera)
    return frame.rgb.tobytes() if takes_bytes else frame


def _load_confinement() -> Any:
    path = Path(__file__).with_name("confinement.py")
    spec = importlib.util.spec_from_file_location("tawny_confinement", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class RefusedAccess:
    """Collects what user code tries and may not. It only names: the kernel refuses."""

    def __init__(self, file: Path, readable: Sequence[Path]) -> None:
        self._file, self._readable = str(file), tuple(map(str, readable))
        self._known: set[str] = set()
        self._new: list[tuple[str, int | None]] = []
        self._is_busy = False

    def take(self) -> list[tuple[str, int | None]]:
        """Return what is new, with the line in the file."""
        new, self._new = self._new, []
        return new

    def on_audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Receive an event of Python's, before it happens."""
        if self._is_busy:
            return
        if event in AUDITED:
            self._note(AUDITED[event].format(*map(_text, arguments)))
        elif event == "os.kill" and arguments[0] != os.getpid():
            self._note("send a signal to another process")
        elif event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str | bytes):
            flags = arguments[2] if event == "open" else os.O_DIRECTORY
            self._try(_text(arguments[0]), flags if isinstance(flags, int) else 0)

    def _try(self, path: str, flags: int) -> None:
        if path == __file__:
            return  # the traceback of an error quotes this file
        if any(path == one or path.startswith(one + "/") for one in self._readable):
            return
        is_change = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if is_change and path != os.devnull:
            self._note(f"write {path}")
            return
        self._is_busy = True
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags & os.O_DIRECTORY))
        except PermissionError:
            self._note(f"read {path}")
        except (OSError, ValueError):  # it does not exist, or is no path: the user's own call reports that
            pass
        finally:
            self._is_busy = False

    def _note(self, what: str) -> None:
        if what in self._known or len(self._known) >= MOST_REFUSALS:
            return
        self._known.add(what)
        frame = inspect.currentframe()  # the line of the user's file that is being executed
        while frame is not None and frame.f_code.co_filename != self._file:
            frame = frame.f_back
        self._new.append((what, None if frame is None else frame.f_lineno))


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


class FinderBeside:
    """Finds modules and packages beside the file: it may not list its folder, where other files lie, too."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = {path.name: path for path in paths}

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        del target
        if path is not None:  # within a package
            return None
        package = self._paths.get(name)
        if package is not None:
            source = str(package / "__init__.py")
            return importlib.util.spec_from_file_location(
                name, source, loader=FreshLoader(name, source), submodule_search_locations=[str(package)]
            )
        if (module := self._paths.get(name + ".py")) is not None:
            return importlib.util.spec_from_file_location(name, module, loader=FreshLoader(name, str(module)))
        extension = next((self._paths[name + end] for end in EXTENSION_SUFFIXES if name + end in self._paths), None)
        return None if extension is None else importlib.util.spec_from_file_location(name, extension)


class SharedFrames:
    """Frames in shared memory."""

    def __init__(self, fd: int) -> None:
        import numpy as np  # imported now, so that the first frame is not delayed

        self._np: Any = np
        self._fd, self._size = fd, 0
        self._map: Any = None
        self._before: tuple[int, tuple[int, ...]] | None = None

    def frame(self, request: dict[str, Any]) -> ScriptFrame:
        size = os.fstat(self._fd).st_size
        if size != self._size:
            self._map, self._size, self._before = mmap.mmap(self._fd, size, prot=mmap.PROT_READ), size, None
        here = (request["offset"], tuple(request["shape"]))

        def view(where: tuple[int, tuple[int, ...]]) -> Any:
            offset, shape = where
            values = self._np.frombuffer(self._map, self._np.uint8, shape[0] * shape[1] * 3, offset)
            return values.reshape(shape)

        before, self._before = self._before, here
        previous = None if before is None or before[1] != here[1] else view(before)
        return ScriptFrame(view(here), request["at_ms"] / 1000, request["camera"], previous, request.get("kind", ""))


class FreshLoader(SourceFileLoader):
    """Loads the source without cached bytecode, which may be outdated after two saves within one second."""

    def get_code(self, fullname: str) -> CodeType | None:
        del fullname
        return self.source_to_code(self.get_data(self.path), self.path)


def load_function(file: Path, function: str) -> Callable[..., Any]:
    """Load the file and return its `detect` or `read`."""
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


def _thing(one: ScriptObservation) -> tuple[tuple[float, ...] | None, str, float]:
    label = str(one.label)
    if one.box is None and label == "motion":  # as from a score, in an answer that is checked again
        return None, label, _share(one.score, "a score")
    if one.box is None or len(one.box) != 4:
        raise ValueError(f"a box was {one.box!r}; allowed: x0, y0, x1, y1 as shares of the picture")
    x0, y0, x1, y1 = (_share(edge, "an edge of a box") for edge in one.box)
    return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), _label(label), _share(one.score, "a score")


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


def plain_sounds(found: Any) -> list[tuple[str, float]]:
    """Return label and score of each result of `hear()`: None, a label, or labels with scores."""
    if found is None:
        return []
    if isinstance(found, str):
        return [(_label(found), 1.0)]
    pairs = list(found.items()) if isinstance(found, dict) else found
    if not isinstance(pairs, list | tuple) or len(pairs) > MOST_SOUNDS:
        raise ValueError(f"hear() returned {type(found).__name__}; allowed: labels with scores, up to {MOST_SOUNDS}")
    return [(_label(label), _share(score, "a score")) for label, score in pairs]


def _label(value: Any) -> str:
    label = str(value)
    if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable():
        raise ValueError(f"a label was {label[:60]!r}; allowed: 1 to {LONGEST_LABEL} letters")
    return label


PLAIN: dict[str, Callable[[Any], Any]] = {"detect": plain_observations, "read": readings, "hear": plain_sounds}


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
    if isinstance(error, PermissionError) and error.filename is not None:
        what += "; `allow_read` lists what it may read"
    return {"what": what[:300], "line": line}


if __name__ == "__main__":
    _, _file, _function, _memory, _pictures, _answers, _traces, *_allowed = sys.argv
    _fds = int(_pictures), int(_answers), int(_traces)
    main(Path(_file), _function, int(_memory), _fds, [Path(path) for path in _allowed])
