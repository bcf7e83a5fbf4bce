"""Mode controller: stores modes, applies schedules and rules, and sets the cameras' duties."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tawny.config.modes import PersonPresenceSettings, PresenceSettings
from tawny.config.settings import CameraSettings, Settings, in_mode
from tawny.engine import ActorHandle, Bus, Engine
from tawny.events import presence_probes
from tawny.events.modes import ModeState, ModeStore
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.messages import HoldChanged, Message, ModeChanged, PeopleChanged
from tawny.model.times import Clock, ClockSteps
from tawny.service.cameras.duty import OFF, CameraDuty, duty_of
from tawny.service.modes.rule_actions import RuleDecider
from tawny.sources.discovery.networks import neighbours

# Presence prober: periodically probes for the configured people and reports those found at home.

LOOK_S: Final = 5.0
LOCAL: Final = ".local"
"""Names with this suffix are resolved by multicast DNS."""
NO_PINGS: Final = (
    "Ping isn't allowed on this computer, so tawny checks connections and the ARP table instead. It may miss "
    "sleeping phones. To allow ping, set `net.ipv4.ping_group_range`."
)
Looked = Callable[[str, str], None]


class PresenceProbes:
    """Probes of the network. Every method waits for the network."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.may_ping = presence_probes.may_ping()

    def addresses(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return the reachable addresses, each with its probe."""
        found = presence_probes.resolved(names)
        known = neighbours()
        presence_probes.poke(where[0] for _, where in found.values())
        if self.may_ping:
            return dict.fromkeys(presence_probes.answer_pings(found, self._clock), "ping")
        there = dict.fromkeys((name for name, (_, where) in found.items() if where[0] in known), "arp")
        return there | dict.fromkeys(presence_probes.answer_connections(found, self._clock), "connection")

    def macs(self) -> frozenset[str]:
        known = neighbours()
        presence_probes.poke(known)
        return frozenset(known.values())

    def names(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(presence_probes.answer_names(names, self._clock))


class PresenceProber:
    """Probes presence as one actor.

    presence: returns the current settings. looked: receives each person and the probe; empty if not found.
    """

    name = "presence"

    def __init__(
        self, presence: Callable[[], PresenceSettings], ways: PresenceProbes, looked: Looked, clock: Clock
    ) -> None:
        self._presence, self._ways, self._looked, self._clock = presence, ways, looked, clock
        self._due_s, self._looked_by = clock.mono_s(), presence()

    @property
    def looks_by(self) -> str:
        """Hint about probes that do not work here; empty if all do."""
        asks = any(one.ping for one in self._presence().everybody.values())
        return NO_PINGS if asks and not self._ways.may_ping else ""

    def step(self) -> float:
        presence = self._presence()
        if self._clock.mono_s() >= self._due_s or presence != self._looked_by:  # new people are unknown until then
            self._looked_by = presence
            self._due_s = self._clock.mono_s() + presence.every
            self._look(presence.everybody)
        return min(LOOK_S, max(0.1, self._due_s - self._clock.mono_s()))

    def close(self) -> None:
        """No resources to release."""

    def _look(self, people: Mapping[str, PersonPresenceSettings]) -> None:
        pinged = [address for one in people.values() for address in one.ping if not address.endswith(LOCAL)]
        named = [name for one in people.values() for name in (*one.mdns, *_local(one.ping))]
        answering = self._ways.addresses(pinged) if pinged else {}
        macs = self._ways.macs() if any(one.mac for one in people.values()) else frozenset()
        names = self._ways.names(named) if named else frozenset()
        for person, one in people.items():
            sources = [answering[address] for address in one.ping if address in answering]
            sources += ["arp" for mac in one.mac if mac in macs]
            sources += ["mdns" for name in (*one.mdns, *_local(one.ping)) if name in names]
            try:
                self._looked(person, sources[0] if sources else "")
            except NotDone:
                continue  # the settings have just changed


def _local(addresses: Iterable[str]) -> list[str]:
    return [address for address in addresses if address.endswith(LOCAL)]


@dataclass(frozen=True, slots=True)
class StoppedRecording:
    """Who stopped all recording, and when it begins again, ms UTC."""

    by: str
    until_ms: int


FILE = "modes.db"
_LEAST_S: Final = 0.05


class ModeController:
    """Controls modes and rules. settings: returns the current ones. where: data folder; None: keep in memory only.

    names, words: as in `RuleDecider`.
    """

    name = "modes"

    def __init__(
        self,
        settings: Callable[[], Settings],
        zone: ZoneInfo,
        where: Path | None,
        clock: Clock,
        bus: Bus,
        names: Callable[[CameraId], bool],
        words: Callable[[Event], frozenset[str]],
    ) -> None:
        self._settings, self._clock, self._bus = settings, clock, bus
        self._file = where / FILE if where is not None and not (where / FILE).exists() else None
        """The file to be made by `start`: on a slow card it would delay the first recording."""
        self._book = ModeStore(":memory:" if where is None or self._file is not None else where / FILE)
        self.modes = ModeState(settings().modes, zone, self._book, clock, bus.publish)
        self.deciding = RuleDecider(settings, self.modes, self._book, clock, names, words)
        self._stand: Callable[[], None] = lambda: None
        self._looking = PresenceProber(
            lambda: settings().modes.presence, PresenceProbes(clock), self.modes.looked, clock
        )
        self._handle = ActorHandle()
        self._steps, facts = ClockSteps(clock), self._book.facts()
        self._stopped = StoppedRecording(**facts["stopped"]) if "stopped" in facts else None
        self._stopped_since_ms: int = facts.get("stopped_since", 0)
        self._follow_clock(None)

    def start(self, engine: Engine, stand: Callable[[], None]) -> None:
        """Start. stand: applies the current duty to every camera."""
        self._stand = stand
        if self._file is not None:
            self._book.move_to(self._file)
        for kind in (ModeChanged, PeopleChanged, HoldChanged):
            self._bus.subscribe(kind, self._on_change)
        self._handle.start(engine, self.name, lambda: self)
        engine.start(self._looking.name, lambda: self._looking)

    def step(self) -> float:
        wait_s = self.modes.step()
        self._follow_clock(self._steps.moved_ms())
        self._stand()
        now_ms = self._clock.now_ms()
        change_ms = self.deciding.rules.next_change_ms(now_ms)
        if self.stopped is not None:
            wait_s = min(wait_s, max(_LEAST_S, (self.stopped.until_ms - now_ms) / 1000))
        return wait_s if change_ms is None else min(wait_s, max(_LEAST_S, (change_ms - now_ms) / 1000))

    def close(self) -> None:
        """Do nothing; all state is stored."""

    def finish(self) -> None:
        """Close the store; called last."""
        self._book.close()

    def apply(self, settings: Settings) -> None:
        """Apply changed settings."""
        self.modes.apply(settings.modes)
        self._handle.wake()

    def forget_cameras(self, cameras: Collection[CameraId]) -> None:
        """Release the holds of removed cameras: new ones may get their IDs."""
        for camera in cameras:
            self.modes.let_go(camera, "tawny")

    def duty(self, camera: CameraId, settings: CameraSettings) -> CameraDuty:
        """Return what this camera must do now."""
        hold, now = self.modes.hold(camera), self.deciding.standing(camera)
        unrecorded = self.deciding.rules.unrecorded(now) if settings.follows_modes else ""
        duty = duty_of(settings, hold, unrecorded, now.mode, in_mode(self._settings(), now.mode, camera))
        stopped = self.stopped
        if not stopped or not duty.is_recorded:
            return duty
        return replace(OFF, is_watched=duty.is_watched, detail=f"recording stopped by {stopped.by}")

    def is_private(self, camera: CameraId) -> bool:
        """Return whether the active mode makes this camera private."""
        return bool(in_mode(self._settings(), self.modes.now().mode, camera).privacy)

    @property
    def stopped(self) -> StoppedRecording | None:
        """Who stopped all recording and until when; None: it goes on."""
        found = self._stopped
        return found if found is not None and self._clock.now_ms() < found.until_ms else None

    def stopped_at(self, at_ms: int) -> StoppedRecording | None:
        """Return who stopped all recording if it is stopped at this time, ms UTC."""
        found = self._stopped
        return found if found is not None and self._stopped_since_ms <= at_ms < found.until_ms else None

    def stop_recording(self, by: str, for_s: float) -> None:
        """Stop all recording for a while; cameras stay connected. Survives a restart."""
        now_ms = self._clock.now_ms()
        self._put_stopped(StoppedRecording(by, now_ms + round(for_s * 1000)), now_ms)

    def resume_recording(self) -> None:
        """End it before its time."""
        self._put_stopped(None)

    def _put_stopped(self, stopped: StoppedRecording | None, since_ms: int = 0) -> None:
        self._stopped, self._stopped_since_ms = stopped, since_ms
        self._book.keep("stopped", asdict(stopped) if stopped is not None else None)
        self._book.keep("stopped_since", since_ms if stopped is not None else None)
        self._handle.wake()

    def _follow_clock(self, moved_ms: int | None) -> None:
        """Move the end of stopped recording along with a step of the clock, ms; None at the start."""
        by_ms = self._steps.shift_ms(self._stopped_since_ms, moved_ms)
        if self._stopped is not None and by_ms:
            moved = replace(self._stopped, until_ms=self._stopped.until_ms + by_ms)
            self._put_stopped(moved, self._stopped_since_ms + by_ms)

    @property
    def looks_by(self) -> str:
        """Hint about presence detection, if some of its methods do not work here."""
        return self._looking.looks_by

    @property
    def problem(self) -> str:
        """Why modes would not survive a restart; empty if they would."""
        return "" if self._book.problem is None else self._book.problem.message

    def _on_change(self, _: Message) -> None:
        self._handle.wake()
