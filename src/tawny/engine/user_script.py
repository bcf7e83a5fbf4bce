"""User script: a user's Python file with a function that processes frames, run in a separate process.

Failures of the script never affect the caller. The file is reloaded when it changes. An error is reported with its line
and retried after a delay, or at once when the file changes.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tawny.engine.user_script_main import MOST_REFUSALS, PLAIN
from tawny.engine.user_script_process import GARBLED, ScriptFailure, ScriptProcess
from tawny.model.times import Clock, SystemClock

log = logging.getLogger(__name__)

LOADS_S = 20.0
"""Timeout for loading the file, in s."""
PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


class UserScript:
    """Runs one user script. Call from one thread.

    function: `detect` or `read`. deadline_s: timeout of a call. memory: limit in bytes. allow_read: files and folders
    that it may read, besides those it needs (`engine.confinement`); relative ones are beside it.
    """

    def __init__(
        self,
        file: Path,
        function: str,
        *,
        deadline_s: float,
        memory: int,
        allow_read: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self._file, self._function, self._deadline_s, self._memory = file, function, deadline_s, memory
        self._allowed = [file.parent / Path(path).expanduser() for path in allow_read]
        self._clock = clock or SystemClock()
        self._child: ScriptProcess | None = None
        self._is_ready = False
        self._version: tuple[int, int] | None = None
        self._begun_s = self._again_s = float("-inf")
        self._pause_s = PAUSE_S
        self.trouble = ""
        """The current error and its line. Empty if none."""
        self.on_trouble: Callable[[str], None] = lambda _trouble: None
        self.printed = ""
        """The last printed output."""
        self.on_printed: Callable[[str], None] = lambda _printed: None
        self.takes_frame = True

    @property
    def is_ready(self) -> bool:
        """Return whether the file is loaded."""
        return self._is_ready

    @property
    def is_another(self) -> bool:
        """Return whether the file differs from the loaded one."""
        return self._version_now() != self._version

    def ask(self, at_ms: int, camera: str, rgb: Any, kind: str = "") -> Any:
        """Call the function.

        Return its result as plain values (`plain_observations`, `readings`), or None if unavailable.

        rgb: uint8 [height, width, 3], contiguous; None for a function without parameters.
        """
        child = self._ready()
        if child is None:
            return None
        answer = child.ask(at_ms, camera, rgb, self._deadline_s, kind)
        if isinstance(answer, ScriptFailure):
            self._fails(answer)
            return None
        self._log_refusals(answer)
        if answer["printed"]:
            self.printed = answer["printed"]
            self.on_printed(self.printed)
        if "error" in answer:
            self._report(ScriptFailure(answer["error"]["what"], answer["error"]["line"]))
            return None
        try:
            found = PLAIN[self._function](answer["found"])
        except (KeyError, TypeError, ValueError) as error:
            self._fails(ScriptFailure(f"its answer can't be used: {error}"))
            return None
        self._report(None)
        self._pause_s = PAUSE_S
        return found

    def load(self) -> None:
        """Wait until the current file is loaded, or `trouble` has the error."""
        while self._ready() is None and not self.trouble:
            pass  # each call waits briefly

    def close(self) -> None:
        child, self._child, self._is_ready = self._child, None, False
        if child is not None:
            child.close()

    # --- the process

    def _ready(self) -> ScriptProcess | None:
        """Return the process if it has loaded the current file."""
        version = self._version_now()
        if version != self._version:
            self.close()
            self._version, self._again_s, self._pause_s = version, float("-inf"), PAUSE_S
        if version is None:
            self._report(ScriptFailure("it is not there"))
            return None
        now_s = self._clock.mono_s()
        if self._child is None:
            if now_s < self._again_s:
                return None
            self._child, self._begun_s, self._is_ready = self._begun(), now_s, False
        return self._child if self._is_ready or self._loads(self._child, now_s) else None

    def _loads(self, child: ScriptProcess, now_s: float) -> bool:
        """Return whether the file is loaded. Waits briefly."""
        answer = child.answer(0.2)
        if answer is None:
            if not child.is_alive:
                self._fails(child.why_ended())
            elif now_s - self._begun_s > LOADS_S:
                self._fails(ScriptFailure(f"it took longer than {LOADS_S:g} s to be loaded"))
            return False
        if isinstance(answer, ScriptFailure):
            self._fails(answer)
            return False
        self._log_refusals(answer)
        if "error" in answer:
            self._fails(ScriptFailure(answer["error"]["what"], answer["error"]["line"]))
            return False
        if "takes_frame" not in answer:
            self._fails(GARBLED)
            return False
        for limit in answer.get("missing", ()):
            log.warning("%s: this computer can't limit %s", self._file, limit)
        self.takes_frame = answer["takes_frame"]
        self._is_ready = True
        return True

    def _log_refusals(self, answer: dict[str, Any]) -> None:
        for what, line in answer.get("refused", [])[:MOST_REFUSALS]:
            shown = "".join(one if one.isprintable() else "?" for one in what[:300])
            where = str(self._file) if line is None else f"{self._file}, line {line}"
            log.warning("%s: refused: %s", where, shown)

    def _fails(self, wrong: ScriptFailure) -> None:
        """Close the failed process and schedule a restart."""
        self.close()
        self._again_s = self._clock.mono_s() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._report(wrong)

    def _report(self, wrong: ScriptFailure | None) -> None:
        where = self._file.name if wrong is None or wrong.line is None else f"{self._file.name}, line {wrong.line}"
        trouble = "" if wrong is None else f"{where}: {wrong.what}."
        if trouble != self.trouble:
            self.trouble = trouble
            if trouble:
                log.warning("%s", trouble)
            self.on_trouble(trouble)

    def _version_now(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _begun(self) -> ScriptProcess:
        return ScriptProcess(self._file, self._memory, self._clock, self._function, self._allowed)
