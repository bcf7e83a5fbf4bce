"""Modes and rules at work: kept in a file, gone on with as time goes, and carried out by the cameras."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tawny.config.settings import CameraSettings, Settings
from tawny.engine import Bus, Engine, Handle
from tawny.events.mode_store import ModeStore
from tawny.events.modes import ModeState
from tawny.model.clock import Clock
from tawny.model.ids import CameraId
from tawny.model.messages import HoldChanged, Message, ModeChanged, PeopleChanged
from tawny.service.cameras.duty import CameraDuty, duty_of
from tawny.service.modes.presence_prober import PresenceProber, PresenceProbes
from tawny.service.modes.rule_actions import NoRuleCommands, RuleActions, RuleCommands
from tawny.service.modes.rule_decider import RuleDecider

FILE = "modes.db"
BY_TIME_S = 5.0
"""How often rules that go by the time of day are looked at."""


class ModeController:
    """settings: those in force. where: the folder of the recordings; None: nothing outlives the program."""

    name = "modes"

    def __init__(
        self, settings: Callable[[], Settings], zone: ZoneInfo, where: Path | None, clock: Clock, bus: Bus
    ) -> None:
        self._settings, self._clock, self._bus = settings, clock, bus
        self._book = ModeStore(":memory:" if where is None else where / FILE)
        self.modes = ModeState(settings().modes, zone, self._book, clock, bus.publish)
        self.deciding = RuleDecider(settings, self.modes, self._book, clock)
        self.orders: RuleCommands = NoRuleCommands()
        """Who switches, turns and runs what rules say."""
        self.acting = RuleActions(self.deciding, self.modes, _Asked(self), bus.publish, clock)
        self.stand: Callable[[], None] = lambda: None
        """Has every camera do what it is to do now."""
        self.check: Callable[[Settings], None] = lambda _: None
        """Raises SettingsError for what the parts of this machine cannot do."""
        self._looking = PresenceProber(lambda: settings().modes.presence, PresenceProbes(clock), self.modes.seen, clock)
        self._handle: Handle | None = None

    def start(self, engine: Engine) -> None:
        self._bus.subscribe(self._heard)
        self._handle = engine.start(self.name, lambda: self)
        self.modes.wake = self._handle.wake
        engine.start(self._looking.name, lambda: self._looking)
        self.acting.handle = engine.start(self.acting.name, lambda: self.acting)
        self._bus.subscribe(self.acting.heard)

    def step(self) -> float:
        wait_s = self.modes.step()
        self.stand()
        return min(wait_s, BY_TIME_S) if self.deciding.rules.by_time else wait_s

    def close(self) -> None:
        """Nothing is held that a new start would not find."""

    def finish(self) -> None:
        """The last of all."""
        self._book.close()

    def apply(self, settings: Settings) -> None:
        """Other settings."""
        self.modes.apply(settings.modes)
        if self._handle is not None:
            self._handle.wake()

    def duty(self, camera: CameraId, settings: CameraSettings) -> CameraDuty:
        """What this camera is to do now."""
        unrecorded = self.deciding.rules.unrecorded(self.deciding.standing(camera))
        return duty_of(settings, self.modes.hold(camera), unrecorded)

    @property
    def looks_by(self) -> str:
        """How people are looked for, where not all ways work here."""
        return self._looking.looks_by

    @property
    def problem(self) -> str:
        """Why what is set would not survive a restart; empty when it would."""
        return "" if self._book.problem is None else self._book.problem.message

    def _heard(self, message: Message) -> None:
        if self._handle is not None and isinstance(message, ModeChanged | PeopleChanged | HoldChanged):
            self._handle.wake()


class _Asked:
    """Whoever carries out orders by then."""

    def __init__(self, arming: ModeController) -> None:
        self._arming = arming

    def order(self, asked: Mapping[str, Any], by: str) -> str:
        return self._arming.orders.order(asked, by)

    def run(self, script: str, told: Mapping[str, Any]) -> str:
        return self._arming.orders.run(script, told)
