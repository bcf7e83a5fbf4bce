"""What owners do to the whole recorder: restart tawny, stop recording for a while, restart or shut down the computer.

Each begins a countdown here, so that closing the page neither skips nor stops it; every page shows it and can cancel.
"""

import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from tawny.engine import ActorHandle, Engine
from tawny.model.errors import NotDone
from tawny.model.messages import ActionPlanned, Message
from tawny.model.times import Clock
from tawny.service.modes.mode_controller import StoppedRecording

Action = Literal["restart", "stop", "reboot", "shut_down"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
COUNTDOWN_S: Final = 10.0
LONGEST_STOP_S: Final = 24 * 3600.0
_IDLE_S: Final = 3600.0
_PROGRAM_S: Final = 5.0
_HEAT: Final = Path("/sys/class/thermal/thermal_zone0/temp")
_LOGIND: Final = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
_CAN: Final[Mapping[Action, str]] = {"reboot": "CanReboot", "shut_down": "CanPowerOff"}
_DO: Final[Mapping[Action, str]] = {"reboot": "reboot", "shut_down": "poweroff"}


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """An action whose countdown runs. at_ms: when it is carried out. for_s: how long recording stops."""

    id: str
    action: Action
    by: str
    at_ms: int
    for_s: float = 0.0


class ComputerPower:
    """Restarts and shuts down the computer through systemd, where this process has the right to."""

    def __init__(self) -> None:
        self._known: dict[Action, bool] = {}

    def can(self, action: Action) -> bool:
        """Return whether the system would let this process do it. Runs a program the first time."""
        if action not in self._known:
            _, output = _run("busctl", "call", *_LOGIND, _CAN[action])
            self._known[action] = output.strip() == 's "yes"'
        return self._known[action]

    def do(self, action: Action) -> None:
        """Ask the system; it ends tawny like any other program. Raises NotDone: when it refuses."""
        code, output = _run("systemctl", _DO[action])
        if code != 0:
            raise NotDone(f"The computer refused: {output.strip() or 'no answer'}.", "Do it on the computer itself.")


def _run(*words: str) -> tuple[int, str]:
    """Return exit code and output; -1 if the program is missing or doesn't answer."""
    program = shutil.which(words[0])
    if program is None:
        return -1, ""
    try:
        done = subprocess.run([program, *words[1:]], check=False, capture_output=True, text=True, timeout=_PROGRAM_S)
    except (OSError, subprocess.SubprocessError) as error:
        return -1, str(error)
    return done.returncode, done.stdout or done.stderr


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """This computer. load: of its processors, 0..1 and more. None where unknown."""

    load: float
    processors: int
    memory_bytes: int | None
    memory_free_bytes: int | None
    temperature_c: float | None


def machine_facts() -> MachineFacts:
    processors, memory = os.cpu_count() or 1, _memory()
    try:
        heat = float(_HEAT.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        heat = None
    load = os.getloadavg()[0] / processors
    return MachineFacts(load, processors, memory.get("MemTotal"), memory.get("MemAvailable"), heat)


def _memory() -> dict[str, int]:
    """Return the kernel's figures by name, in bytes."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}


Do = Callable[[PlannedAction], None]


class SystemActions:
    """Counts down and acts, as an actor. Thread-safe.

    acts: what each available action does. can: whether it is possible now. publish: receives every change.
    stopped: returns who stopped recording; None: it goes on. resume: ends that stop.
    """

    name = "system actions"

    def __init__(
        self,
        acts: Mapping[Action, Do],
        can: Callable[[Action], bool],
        publish: Callable[[Message], None],
        clock: Clock,
        stopped: Callable[[], StoppedRecording | None],
        resume: Callable[[], None],
    ) -> None:
        self._acts, self._can, self._publish, self._clock = acts, can, publish, clock
        self.stopped, self.resume = stopped, resume
        self._lock = threading.Lock()
        self._planned: PlannedAction | None = None
        self._due_s = 0.0
        self._handle = ActorHandle()
        self.refused = ""
        """Why the last action was not carried out; empty if it was."""

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    @property
    def planned(self) -> PlannedAction | None:
        return self._planned

    def available(self) -> list[Action]:
        """Return the actions that this process has the right to. May run programs."""
        return [action for action in ACTIONS if action in self._acts and self._can(action)]

    def plan(self, action: Action, by: str, for_s: float = 0.0) -> PlannedAction:
        """Begin the countdown. Raises NotDone: when another one runs, or it isn't possible here."""
        if action not in self.available():
            raise NotDone("This computer doesn't let tawny do that.", "Do it on the computer itself.")
        with self._lock:
            if self._planned is not None:
                raise NotDone(f"{self._planned.by} has just begun something else.", "Wait, or cancel that first.")
            at_ms = self._clock.now_ms() + round(COUNTDOWN_S * 1000)
            made = self._planned = PlannedAction(secrets.token_hex(8), action, by, at_ms, for_s)
            self._due_s, self.refused = self._clock.mono_s() + COUNTDOWN_S, ""
        self._publish_planned()
        return made

    def cancel(self) -> PlannedAction | None:
        """Cancel the countdown; return what was planned, None if nothing was."""
        with self._lock:
            found, self._planned = self._planned, None
        self._publish_planned()
        return found

    def step(self) -> float:
        with self._lock:
            planned = self._planned
            if planned is None:
                return _IDLE_S
            left_s = self._due_s - self._clock.mono_s()
            if left_s > 0:
                return left_s
            self._planned = None
        try:
            self._acts[planned.action](planned)
        except NotDone as error:
            self.refused = str(error)
        self._publish_planned()
        return _IDLE_S

    def close(self) -> None:
        """Nothing to release."""

    def _publish_planned(self) -> None:
        self._publish(ActionPlanned(self._clock.now_ms()))
        self._handle.wake()
