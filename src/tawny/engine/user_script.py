"""A file that somebody writes, with a function that is shown pictures, in a process of its own. Whatever it does, its
caller goes on.

The file is loaded anew when it changes. What goes wrong is told with its line, and tried again after a pause, or at
once when the file is another.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tawny.engine.user_script_process import ScriptFailure, ScriptProcess
from tawny.model.clock import Clock, SystemClock

LOADS_S = 20.0
"""So long the file may take to be loaded."""
PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


class UserScript:
    """function: `detect` or `read`. deadline_s: how long a call may take. memory: bytes. Used by one thread."""

    def __init__(
        self, file: Path, function: str, *, deadline_s: float, memory: int, clock: Clock | None = None
    ) -> None:
        self._file, self._function, self._deadline_s, self._memory = file, function, deadline_s, memory
        self._clock = clock or SystemClock()
        self._child: ScriptProcess | None = None
        self._is_ready = False
        self._version: tuple[int, int] | None = None
        self._begun_s = self._again_s = float("-inf")
        self._pause_s = PAUSE_S
        self.trouble = ""
        """What is wrong with it and where; empty while nothing is."""
        self.on_trouble: Callable[[str], None] = lambda _trouble: None
        self.printed = ""
        """What it printed last."""
        self.on_printed: Callable[[str], None] = lambda _printed: None
        self.takes_frame = True

    @property
    def is_ready(self) -> bool:
        """Whether the file is loaded."""
        return self._is_ready

    @property
    def is_another(self) -> bool:
        """Whether the file is not what was loaded."""
        return self._version_now() != self._version

    def ask(self, at_ms: int, camera: str, rgb: Any, kind: str = "") -> Any:
        """What it found, plain (`foreign.plain`, `foreign.readings`); None where it could not say.

        rgb: uint8 [height, width, 3], contiguous; None for a function that takes nothing.
        """
        child = self._ready()
        if child is None:
            return None
        answer = child.ask(at_ms, camera, rgb, self._deadline_s, kind)
        if isinstance(answer, ScriptFailure):
            self._fails(answer)
            return None
        if answer["printed"]:
            self.printed = answer["printed"]
            self.on_printed(self.printed)
        if "error" in answer:
            self._tell(ScriptFailure(answer["error"]["what"], answer["error"]["line"]))
            return None
        self._tell(None)
        self._pause_s = PAUSE_S
        return answer["found"]

    def load(self) -> None:
        """Wait until the file is loaded, as it is now, or `trouble` says why it is not."""
        while self._ready() is None and not self.trouble:
            pass  # each round waits for a moment

    def close(self) -> None:
        child, self._child, self._is_ready = self._child, None, False
        if child is not None:
            child.close()

    # --- its process

    def _ready(self) -> ScriptProcess | None:
        """The process, if it is there and has loaded the file as it is now."""
        version = self._version_now()
        if version != self._version:
            self.close()
            self._version, self._again_s, self._pause_s = version, float("-inf"), PAUSE_S
        if version is None:
            self._tell(ScriptFailure("it is not there"))
            return None
        now_s = self._clock.mono_s()
        if self._child is None:
            if now_s < self._again_s:
                return None
            self._child, self._begun_s, self._is_ready = self._begun(), now_s, False
        return self._child if self._is_ready or self._loads(self._child, now_s) else None

    def _loads(self, child: ScriptProcess, now_s: float) -> bool:
        """Whether it has loaded the file; waits for that only a moment at a time."""
        said = child.answer(0.2)
        if said is None:
            if not child.is_alive:
                self._fails(child.why_ended())
            elif now_s - self._begun_s > LOADS_S:
                self._fails(ScriptFailure(f"it took longer than {LOADS_S:g} s to be loaded"))
            return False
        if isinstance(said, ScriptFailure):
            self._fails(said)
            return False
        if "error" in said:
            self._fails(ScriptFailure(said["error"]["what"], said["error"]["line"]))
            return False
        self.takes_frame = said["takes_frame"]
        self._is_ready = True
        return True

    def _fails(self, wrong: ScriptFailure) -> None:
        """Its process is of no use any more; another is begun after a pause."""
        self.close()
        self._again_s = self._clock.mono_s() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._tell(wrong)

    def _tell(self, wrong: ScriptFailure | None) -> None:
        where = self._file.name if wrong is None or wrong.line is None else f"{self._file.name}, line {wrong.line}"
        trouble = "" if wrong is None else f"{where}: {wrong.what}."
        if trouble != self.trouble:
            self.trouble = trouble
            self.on_trouble(trouble)

    def _version_now(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _begun(self) -> ScriptProcess:
        return ScriptProcess(self._file, self._memory, self._clock, self._function)
