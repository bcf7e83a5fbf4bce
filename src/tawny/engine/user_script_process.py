"""Process of a user script: starts it, passes frames, enforces the deadline, and kills it."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tawny.engine.descriptors import wait_readable
from tawny.model.times import Clock

CHILD = Path(__file__).with_name("user_script_main.py")
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")
"""Environment variables passed to the script. The others may hold secrets."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
TELLS_NOBODY = {"ORT_DISABLE_TELEMETRY": "1"}
"""Disables telemetry in the script's onnxruntime."""
MARGIN_S = 0.3
"""After its deadline the process ends itself and reports its line. After this additional time, in s, it is killed."""
ENDS_S = 1.0
LONGEST_ANSWER = 1 << 20
_WHERE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


@dataclass(frozen=True, slots=True)
class ScriptFailure:
    """Error message, and the line in the file if known."""

    what: str
    line: int | None = None


GARBLED = ScriptFailure("it wrote where it answers: into a file that it did not open")


class ScriptProcess:
    """One process. Call from one thread."""

    def __init__(
        self, file: Path, memory: int, clock: Clock, function: str = "detect", readable: Sequence[Path] = ()
    ) -> None:
        self._file, self._clock = file, clock
        self._pictures = os.memfd_create("tawny pictures")
        self._size, self._half = 0, 0
        answers, answer_end = os.pipe()
        traces, traced = os.pipe()
        self._answers, self._traces, self._rest = answers, traces, b""
        fcntl.fcntl(traces, fcntl.F_SETFL, os.O_NONBLOCK)
        shown = os.open(f"/proc/self/fd/{self._pictures}", os.O_RDONLY | os.O_CLOEXEC)
        fds = (str(shown), str(answer_end), str(traced))
        words = [sys.executable, "-P", str(CHILD), str(file), function, str(memory), *fds, *map(str, readable)]
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= ONE_THREAD | TELLS_NOBODY
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
                pass_fds=(shown, answer_end, traced), start_new_session=True, cwd=file.parent,
            )  # fmt: skip
        except OSError:
            for fd in (self._answers, self._traces, self._pictures):
                os.close(fd)
            raise
        finally:
            for fd in (shown, answer_end, traced):
                os.close(fd)

    def ask(
        self, at_ms: int, camera: str, rgb: Any, deadline_s: float, kind: str = ""
    ) -> dict[str, Any] | ScriptFailure:
        """Pass a frame and wait for the result. rgb: uint8 [height, width, 3]; None for no frame."""
        request: dict[str, Any] = {"at_ms": at_ms, "camera": camera, "deadline_s": deadline_s, "kind": kind}
        if rgb is not None:
            request |= {"shape": rgb.shape, "offset": self._show(rgb)}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it ended between two calls
            return self.why_ended()
        return self.answer(deadline_s + MARGIN_S) or self._ended(deadline_s)

    def answer(self, timeout_s: float) -> dict[str, Any] | ScriptFailure | None:
        """Wait for an answer. Return None on timeout or if the process ended, ScriptFailure for an invalid answer."""
        until_s = self._clock.mono_s() + timeout_s
        while b"\n" not in self._rest:
            left_s = max(0.0, until_s - self._clock.mono_s())
            if not wait_readable([self._answers], left_s):
                return None
            got = os.read(self._answers, 1 << 16)
            if not got:
                return None
            self._rest += got
            if len(self._rest) > LONGEST_ANSWER:
                return GARBLED
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            answer_read = json.loads(line)
        except (ValueError, RecursionError):
            return GARBLED
        return answer_read if _is_answer(answer_read) else GARBLED

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """Kill the process, and free its descriptors and the frames."""
        assert self._process.stdin is not None
        with ExitStack() as closing:  # all of it, also after an error
            for fd in (self._answers, self._traces, self._pictures):
                closing.callback(os.close, fd)
            closing.enter_context(suppress(BrokenPipeError))  # a request that a dead process did not take
            closing.callback(self._process.stdin.close)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # including its child processes
            with suppress(subprocess.TimeoutExpired):  # the kernel still frees its memory
                self._process.wait(ENDS_S)

    def why_ended(self, too_late: str = "it took too long") -> ScriptFailure:
        """Return why a dead process ended. too_late: words for a call that met its deadline."""
        try:
            code: int | None = self._process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            code = None
        line = self._line()
        if code == -signal.SIGSYS:
            return ScriptFailure("it was stopped because it tried to reach into other processes or the system", line)
        if line is not None:
            return ScriptFailure(too_late, line)
        return ScriptFailure("it ended" if code is None else f"its process ended with {_words(code)}")

    def _ended(self, deadline_s: float) -> ScriptFailure:
        try:
            self._process.wait(ENDS_S if wait_readable([self._answers], 0) else 0)
        except subprocess.TimeoutExpired:
            return ScriptFailure(f"it took longer than {deadline_s:g} s")
        return self.why_ended(f"it took longer than {deadline_s:g} s")

    def _line(self) -> int | None:
        """Return the line in the script at the timeout: the innermost frame of its file."""
        try:
            trace = os.read(self._traces, 1 << 16).decode(errors="replace")
        except BlockingIOError:
            return None
        file = _as_traced(str(self._file))
        found = (one for one in _WHERE.finditer(trace) if one["file"] == file)
        return next((int(one["line"]) for one in found), None)

    def _show(self, rgb: Any) -> int:
        """Write the frame to shared memory. Return its offset: the half that does not hold the previous frame."""
        if rgb.nbytes > self._size:
            self._size, self._half = rgb.nbytes, 0
            os.ftruncate(self._pictures, 2 * self._size)
        self._half = self._size - self._half
        os.pwrite(self._pictures, memoryview(rgb).cast("B"), self._half)
        return self._half


def _is_answer(answer_read: Any) -> bool:
    """Return whether an answer has the shape of one: user code may have written it."""
    if not isinstance(answer_read, dict) or not isinstance(answer_read.get("printed"), str):
        return False
    refused, missing, wrong = answer_read.get("refused", []), answer_read.get("missing", []), answer_read.get("error")
    if not isinstance(refused, list) or not all(isinstance(one, list) and _is_place(*one) for one in refused):
        return False
    if not isinstance(missing, list) or not all(isinstance(one, str) for one in missing):
        return False
    if wrong is not None:
        return isinstance(wrong, dict) and _is_place(wrong.get("what"), wrong.get("line"))
    return "found" in answer_read or isinstance(answer_read.get("takes_frame"), bool)


def _is_place(*what_and_line: Any) -> bool:
    return len(what_and_line) == 2 and isinstance(what_and_line[0], str) and type(what_and_line[1]) in (int, type(None))


def _as_traced(path: str) -> str:
    """Return a path as faulthandler writes it: in ASCII, with escapes."""
    return path.encode("ascii", "backslashreplace").decode()


def _words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
