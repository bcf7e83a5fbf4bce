"""Integration service: messages to other software and commands from it. Recording does not depend on it."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tawny.config.integrations import EmitterSettings
from tawny.config.lens_and_ptz import TrackSettings
from tawny.config.settings import Settings, in_mode
from tawny.delivery.commands import CameraControls, CommandIssuer, CommandRefused, CommandResult, Order
from tawny.delivery.notifier import NotifierStore
from tawny.delivery.scripts import ScriptRunner
from tawny.detection.following import Followers
from tawny.engine import Engine, Handle
from tawny.events.modes import ModeState
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Message, ProblemKind
from tawny.model.times import Clock
from tawny.playback.clips import ClipCache
from tawny.protocols.login_history import LoginHistory
from tawny.service.delivery.notification_filter import Snoozes
from tawny.service.health.alarms import HealthProblem
from tawny.service.integrations.command_service import CommandService, Note
from tawny.service.integrations.device_control import DeviceChange, DeviceControl, DeviceDetails
from tawny.service.integrations.emitter_worker import (
    EmitterWorker,
    MessageFormat,
    NativeFormat,
    PancakeFormat,
    emitter_of,
)
from tawny.service.integrations.external_events import ExternalEvents
from tawny.service.integrations.inputs import DatagramDoor, Inputs
from tawny.service.integrations.mqtt_topics import MqttTopics, is_private
from tawny.service.integrations.patrols import PatrolKeeper
from tawny.service.integrations.steering import PtzCalibration
from tawny.service.integrations.tracking import AutoTracker, TrackingState, TrackMeans
from tawny.service.recorder import RecorderService

_STOP_S, _LAST_S, _KILLED_S = 5.0, 2.0, 1.0
"""How long a stop waits, s: for commands and messages; for the last messages; and after running scripts were killed."""
_PAUSE_S = 0.02
_COMMAND = "a command"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommandMeans:
    """What commands change, and where they are noted.

    kept: durable key-value store of used signatures. logins: what sign-in cameras offered before. tracked: store of
    what tracking has measured; None: `kept`. switched: relays that must be switched back, and what was published on the
    MQTT broker; None: in memory only.
    """

    external_events: ExternalEvents
    modes: ModeState
    kept: NotifierStore
    note: Note
    logins: LoginHistory | None = None
    snoozes: Snoozes | None = None
    followers: Followers = field(default_factory=Followers)
    tracked: NotifierStore | None = None
    switched: NotifierStore | None = None


class IntegrationService:
    """Runs the integrations. Created, started and closed together with the recorder. The other methods are thread-safe.

    now: returns the current settings; webhooks, API clients and MQTT are fixed at construction. waiting: count of
    waiting uploads. hidden: paths that scripts can't reach.
    """

    def __init__(
        self,
        now: Callable[[], Settings],
        recorder: RecorderService,
        means: CommandMeans,
        clock: Clock,
        engine: Engine,
        waiting: Callable[[], int] = lambda: 0,
        hidden: Sequence[Path] = (),
    ) -> None:
        self._settings = settings = now()
        self._now = now
        self._recorder, self._clock = recorder, clock
        folder = settings.scripts.folder
        self.scripts = ScriptRunner(Path(folder) if folder else None, settings.scripts.deadline, clock, hidden)

        def newest_ms(camera: CameraId, stream: str) -> int | None:
            hub = recorder.hub(camera, StreamName(stream))
            newest = hub.newest if hub is not None else None
            return newest.at_ms if newest is not None else None

        self.device_control = DeviceControl(now, self.scripts, clock, means.logins, newest_ms, kept=means.switched)
        self.commands = CommandService(
            self._cameras, means.external_events, means.modes, self.device_control, means.note, clock,
            lambda camera: bool(in_mode(now(), means.modes.now().mode, camera).privacy),
        )  # fmt: skip
        self.commands.snoozes = means.snoozes

        tracking = TrackMeans(
            lambda camera, lasts_s: means.external_events.turning(camera, lasts_s, is_patrol=True),
            lambda camera: is_private(now(), means.modes, camera),
            means.tracked or means.kept, mode=lambda: means.modes.now().mode,
        )  # fmt: skip
        self.tracker = AutoTracker(now, self.device_control, means.followers, tracking, clock)
        self.commands.tracker = self.tracker
        self.patrols = PatrolKeeper(now, self.device_control, means.external_events, clock, self.tracker.holds)
        self.inputs = Inputs(settings.api_clients, means.kept, clock)
        self._emits = {name: self._emitting(name, one) for name, one in settings.webhooks.items()}
        self._mqtt: MqttTopics | None = None
        if settings.mqtt.url:
            topics = self._mqtt = MqttTopics(
                now, recorder, means.modes, self.commands.do, waiting, self.tracker.is_on, means.switched
            )
            self.device_control.subscribe(lambda relay, on: topics.on_switched(relay, on=on))
        self._engine = engine
        self._unsubscribe: Callable[[], None] = lambda: None
        self._acting: list[Handle] = []
        """What carries out commands, and moves cameras by itself."""

    def start(self) -> None:
        self.device_control.handle.start(self._engine, self.device_control.name, lambda: self.device_control)
        patrols = self._engine.start(self.patrols.name, lambda: self.patrols)
        self.tracker.handle.start(self._engine, self.tracker.name, lambda: self.tracker)
        self._acting = [self.device_control.handle, patrols, self.tracker.handle]
        for emitting in self._emits.values():
            emitting.handle.start(self._engine, emitting.name, partial(_same, emitting))
        for name, one in self._settings.api_clients.items():
            if one.socket:
                door = partial(DatagramDoor, name, one, self.commands.do)
                self._acting.append(self._engine.start(f"datagrams of {name}", door))
        if self._mqtt is not None:
            topics, bridge = self._mqtt, self._mqtt.bridge
            topics.handle.start(self._engine, topics.name, lambda: topics)
            bridge.handle.start(self._engine, bridge.name, lambda: bridge)
            self._acting.append(topics.handle)
        if self._emits or self._mqtt is not None:
            self._unsubscribe = self._recorder.bus.subscribe_all(self._on_message)

    def end_commands(self) -> None:
        """Carry out no more commands, and send what waits, in some seconds. What follows is sent until `close`.

        Scripts may run until what is switched for a limited time has been ended.
        """
        until_s = self._clock.mono_s() + _STOP_S
        for handle in self._acting:
            handle.stop()
        self.device_control.handle.join(_STOP_S)
        self._await_sent(until_s - self._clock.mono_s())

    def close(self) -> None:
        """Send the last messages, and stop all, in some seconds. Call after `end_commands`."""
        for emitting in self._emits.values():
            emitting.hurry()
        self._await_sent(_LAST_S)
        self._unsubscribe()
        self._engine.stop(0.0)
        self.scripts.stop()
        late = self._engine.stop(_KILLED_S)
        if late:
            log.warning("actors did not stop in time: %s", ", ".join(late))
        for name, emitting in self._emits.items():
            if emitting.waiting:
                log.warning("webhook %s: objects that were not sent: %d", name, emitting.waiting)

    def do(self, who: CommandIssuer, order: Order) -> CommandResult:
        """Execute a command. Raises CommandRefused."""
        return self.commands.do(who, order)

    def controls(self, camera: CameraId) -> CameraControls:
        """Return the camera's controls. Waits for the camera."""
        found = self.device_control.controls(camera)
        state = self.tracker.state(camera)
        has = state.is_on or self.track_settings(camera) != TrackSettings()
        return replace(found, tracking=state.phase) if found.turns and has else found

    def tracking(self, camera: CameraId) -> TrackingState:
        """Return what tracking does with a camera."""
        return self.tracker.state(camera)

    def track_settings(self, camera: CameraId) -> TrackSettings:
        found = self._now().cameras.get(camera)
        return TrackSettings() if found is None else found.ptz.track

    def track_as_set(self, camera: CameraId) -> None:
        """Follow as the settings say, whatever a command has switched before."""
        self.tracker.forget(camera)

    def ptz_position(self, camera: CameraId) -> tuple[float | None, float | None, float | None]:
        """Return where a camera points, in its own numbers. Waits for the camera. Raises NotDone, SourceError."""
        return self.device_control.position(camera)

    def calibrate(self, camera: CameraId) -> PtzCalibration:
        """Measure how a camera turns, by small moves. Takes some seconds. Raises NotDone, SourceError."""
        never = threading.Event()

        def pause(seconds: float) -> None:
            never.wait(seconds)

        return self.tracker.calibrate(camera, pause)

    def device(self, camera: CameraId) -> DeviceDetails:
        """Return what a camera says of itself. Waits for the camera. Raises NotDone, SourceError."""
        return self.device_control.device(camera)

    def change_device(self, camera: CameraId, wanted: DeviceChange) -> DeviceDetails:
        """Change settings in a camera. Waits for the camera. Raises NotDone, SourceError."""
        return self.device_control.change_device(camera, wanted)

    def commanded(self, message: object) -> dict[str, Any]:
        """Execute a command of the `tawny` command line. Return the control socket's response, with errors."""
        try:
            done = self.commands.do(CommandIssuer(_COMMAND, "command", is_owner=True), message)
        except CommandRefused as refused:
            return {"error": {"code": refused.kind, "message": refused.message, "hint": refused.do}}
        return {"done": done.words, "event": done.event or None}

    def order(self, message: Mapping[str, Any], by: str) -> str:
        """Execute a rule's command (see `service.modes.rule_actions.RuleCommands`) and return the result.

        Raises CommandRefused.
        """
        return self.commands.do(CommandIssuer(by, "rule"), message).words

    def run(self, script: str, message: Mapping[str, Any]) -> str:
        """Run a script for a rule. Return the first line of its output. Raises NotDone."""
        return self.scripts.run_well(script, message).partition("\n")[0][:200]

    def sent(self, name: str, headers: Mapping[str, str], body: bytes, address: str) -> CommandIssuer:
        """Return the issuer of a webhook. Raises CommandRefused."""
        return self.inputs.sent(name, headers, body, address)

    def problems(self) -> Iterator[HealthProblem]:
        """Yield what has been wrong with MQTT for long, and cameras that can't move by themselves.

        Webhooks drop what is late, and the log names it.
        """
        fault = "" if self._mqtt is None else self._mqtt.bridge.fault
        if fault:
            yield HealthProblem(
                ProblemKind.INTEGRATION, None, f"MQTT: {fault}",
                "Check the broker, and `url` under [mqtt] in the settings.",
            )  # fmt: skip
        yield from self.patrols.problems()

    def overview(self) -> list[dict[str, Any]]:
        """Return webhooks, API clients and MQTT with counters and permissions, without secrets."""
        emits = [
            {
                "name": name,
                "kind": "emit",
                "where": one.public,
                "sent": self._emits[name].sent,
                "waiting": self._emits[name].waiting,
                "dropped": self._emits[name].dropped,
                "trouble": self._emits[name].trouble,
                "said": self._emits[name].answer,
            }
            for name, one in self._settings.webhooks.items()
        ]
        inputs = [
            {
                "name": name,
                "kind": "input",
                "where": one.public,
                "may": list(one.permissions),
                "cameras": list(one.cameras),
            }
            for name, one in self._settings.api_clients.items()
        ]
        return [*emits, *inputs, *self._brokers()]

    def _brokers(self) -> list[dict[str, Any]]:
        if self._mqtt is None:
            return []
        bridge, mqtt = self._mqtt.bridge, self._settings.mqtt
        figures = {"sent": bridge.published, "waiting": bridge.waiting, "dropped": bridge.dropped}
        about = {"name": "mqtt", "kind": "mqtt", "where": bridge.public}
        about["trouble"] = bridge.trouble or bridge.note
        return [{**about, **figures, "may": list(mqtt.permissions), "cameras": list(mqtt.cameras)}]

    def _await_sent(self, most_s: float) -> None:
        """Wait for what can be sent now."""
        pause, senders = threading.Event(), list[EmitterWorker | MqttTopics](self._emits.values())
        if self._mqtt is not None:
            senders.append(self._mqtt)
        for _ in range(round(most_s / _PAUSE_S)):
            if not any(one.is_sending for one in senders):
                return
            pause.wait(_PAUSE_S)

    def _on_message(self, message: Message) -> None:
        for emitting in self._emits.values():
            emitting.on_message(message)
        if self._mqtt is not None:
            self._mqtt.on_message(message)

    def _emitting(self, name: str, one: EmitterSettings) -> EmitterWorker:
        form: MessageFormat
        if one.format == "pancake":
            clips, zone = ClipCache(self._recorder), ZoneInfo(self._recorder.zone)
            sets = [self._settings.files[each] for each in one.files]
            edges = {edge for each in sets if each.split == "transitions" for edge in ("start", "end")}
            edges |= {"start" for each in sets if each.split == "events" and each.first}
            form = PancakeFormat(one, self._clock, self._recorder.segment_path, clips, zone, frozenset(edges))
        else:
            is_here = not one.url.startswith("webhook+")
            form = NativeFormat(one, self._clock, self._recorder.segment_path if is_here else None)
        return EmitterWorker(name, lambda: emitter_of(one, self.scripts, self._clock), form, self._clock)

    def _cameras(self) -> list[Any]:
        return [*self._recorder.camera_names()]


def _same(emitting: EmitterWorker) -> EmitterWorker:
    """Return the worker itself; the engine also restarts it after a failure."""
    return emitting
