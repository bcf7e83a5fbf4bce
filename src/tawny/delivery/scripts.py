"""User scripts: programs of one folder, run with JSON on standard input and a deadline.

A script runs in its own process group, without a shell and without tawny's environment. At the deadline it is killed
with all of its child processes. The beginning of its output is kept for display. The kernel keeps it from tawny's own
files; for the rest it has the rights of tawny's user, because it is there to use the network and other programs.
"""

import json
import logging
import os
import select
import shlex
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tawny.config.integrations import is_script_name
from tawny.engine import confinement
from tawny.model.errors import NotDone
from tawny.model.times import Clock

log = logging.getLogger(__name__)

MOST_OUTPUT = 2000
"""Maximum length of a script's output, characters."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """Result of a script. code: None if it was killed at its deadline."""

    code: int | None
    output: str

    @property
    def is_well(self) -> bool:
        return self.code == 0


class ScriptRunner:
    """Runs scripts. Thread-safe. folder: None: scripts are disabled. hidden: paths that scripts can't reach."""

    def __init__(self, folder: Path | None, deadline_s: float, clock: Clock, hidden: Sequence[Path] = ()) -> None:
        self._folder, self._deadline_s, self._clock = folder, deadline_s, clock
        self._running: set[int] = set()
        self._lock, self._is_ending = threading.Lock(), False
        self._hidden = hidden
        if folder is not None and hidden and not confinement.landlock_abi(confinement.LinuxKernel()):
            log.warning("this computer can't keep scripts from tawny's own files (the kernel has no Landlock)")

    def check(self, name: str) -> Path:
        """Return the script's path. Raises NotDone if it may not be run."""
        if self._folder is None:
            raise NotDone("Scripts aren't allowed.", "Set `folder` under `[scripts]`.")
        if not is_script_name(name):
            raise NotDone("Invalid script name.", "Only files in the scripts folder can be run.")
        path = self._folder / name
        try:
            folder, file = self._folder.stat(), path.lstat()
        except OSError as error:
            raise NotDone(f"Script {name} not found ({error.strerror}).", f"Put it in {self._folder}.") from None
        if not stat.S_ISREG(file.st_mode):
            raise NotDone(f"Script {name} isn't a regular file.", "Links and folders can't be run.")
        if (folder.st_mode | file.st_mode) & stat.S_IWOTH:
            its_folder, quoted = shlex.quote(str(self._folder)), shlex.quote(str(path))
            raise NotDone(
                f"Any user can change the script {name} or its folder.", f"Run `chmod o-w {its_folder} {quoted}`."
            )
        if not os.access(path, os.X_OK):
            quoted = shlex.quote(str(path))
            raise NotDone(f"Script {name} isn't executable.", f"Run `chmod +x {quoted}`.")
        return path

    def run(self, name: str, message: Mapping[str, Any]) -> ScriptResult:
        """Run a script and wait for its end, at most until the deadline. Raises NotDone if it cannot be started."""
        path = self.check(name)
        with os.fdopen(os.memfd_create("script-input"), "w+b") as paper:
            paper.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
            paper.seek(0)
            try:
                process = self._started(path, paper)
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise NotDone(f"Script {name} couldn't be started: {why}.", "Check its first line.") from None
        with process:
            return self._followed(process)

    def run_well(self, name: str, message: Mapping[str, Any]) -> str:
        """Run a script and return its output. Raises NotDone also if it fails."""
        ran = self.run(name, message)
        if not ran.is_well:
            ended = "took too long and was stopped" if ran.code is None else f"exited with code {ran.code}"
            raise NotDone(f"The script {name} {ended}.", ran.output[:200])
        return ran.output

    def _started(self, path: Path, paper: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start it through `engine.confinement`. Raises OSError if the script itself cannot be started."""
        failed, fails = os.pipe()
        try:
            launcher = [sys.executable, "-I", "-S", confinement.__file__]
            words = [*launcher, str(fails), str(path), *map(str, self._hidden)]
            with self._lock:
                if self._is_ending:
                    raise NotDone("tawny is stopping.", "")
                process = subprocess.Popen(
                    words,
                    stdin=paper,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=path.parent,
                    env={"PATH": PATH, "LANG": "C.UTF-8", "HOME": str(path.parent)},
                    start_new_session=True,
                    pass_fds=(fails,),
                )
                self._running.add(process.pid)
            os.close(fails)
            fails = -1
            code = os.read(failed, 16)  # empty once the script has taken the launcher's place
        finally:
            for fd in (failed, fails):
                if fd >= 0:
                    os.close(fd)
        if code:
            self._ended(process)
            raise OSError(int(code), os.strerror(int(code)))
        return process

    def _ended(self, process: "subprocess.Popen[bytes]") -> None:
        with process, self._lock:
            self._running.discard(process.pid)

    def stop(self) -> None:
        """Kill all running scripts and refuse new ones."""
        with self._lock:
            self._is_ending = True
            for process in self._running:
                os.killpg(process, signal.SIGKILL)

    def _followed(self, process: "subprocess.Popen[bytes]") -> ScriptResult:
        assert process.stdout is not None
        ended = os.pidfd_open(process.pid)
        try:
            output, is_late = self._read_output(process.stdout.fileno(), ended)
        finally:
            with self._lock:
                os.killpg(process.pid, signal.SIGKILL)  # not reaped yet, so the PID is still valid
                self._running.discard(process.pid)
            os.close(ended)
        process.wait()
        words = output.decode("utf-8", "replace")[:MOST_OUTPUT].strip()
        return ScriptResult(None if is_late else process.returncode, words)

    def _read_output(self, pipe: int, ended: int) -> tuple[bytes, bool]:
        """Return the output until the end or the deadline, and whether the deadline has passed."""
        until_s, kept = self._clock.mono_s() + self._deadline_s, b""
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        waiting.register(ended, select.POLLIN)
        while (left_s := until_s - self._clock.mono_s()) > 0:
            ready = {number for number, _ in waiting.poll(left_s * 1000)}
            if pipe in ready:
                output = os.read(pipe, 65_536)
                kept = (kept + output)[: 4 * MOST_OUTPUT]
                if not output:
                    waiting.unregister(pipe)
            elif ended in ready:
                return kept, False
        return kept, True
