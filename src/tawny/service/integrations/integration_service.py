"""Other programs: what they are told as it happens, and what they may ask for. Recording knows none of it."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tawny.config.integrations import EmitterSettings
from tawny.config.settings import Settings
from tawny.delivery.commands import CameraControls, CommandIssuer, CommandRefused, CommandResult, Order
from tawny.delivery.emitters import emitter_of
from tawny.delivery.notifier import NotifierStore
from tawny.delivery.scripts import ScriptRunner
from tawny.engine import ThreadEngine
from tawny.events.modes import ModeState
from tawny.model.clock import Clock
from tawny.model.ids import CameraId
from tawny.model.messages import Message
from tawny.playback.clips import ClipCache
from tawny.service.integrations.command_service import CommandService, Note
from tawny.service.integrations.device_control import DeviceControl
from tawny.service.integrations.emitter_worker import EmitterWorker
from tawny.service.integrations.external_events import ExternalEvents
from tawny.service.integrations.inputs import DatagramDoor, Inputs
from tawny.service.integrations.message_formats import MessageFormat, NativeFormat, PancakeFormat
from tawny.service.integrations.mqtt_topics import MqttTopics
from tawny.service.recorder import RecorderService

Died = Callable[[str, BaseException], None]
_STOP_S = 5.0
_COMMAND = "a command"
log = logging.getLogger(__name__)


class IntegrationService:
    """Made, started and closed beside the recorder; the rest from any thread.

    now: the settings in force; what is told and taken is as they are when this is made. kept: what outlives a restart.
    waiting: how much is to be sent elsewhere.
    """

    def __init__(
        self,
        now: Callable[[], Settings],
        recorder: RecorderService,
        said: ExternalEvents,
        modes: ModeState,
        kept: NotifierStore,
        note: Note,
        clock: Clock,
        died: Died,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        self._settings = settings = now()
        self._recorder, self._clock = recorder, clock
        folder = settings.scripts.folder
        self.scripts = ScriptRunner(Path(folder) if folder else None, settings.scripts.deadline, clock)
        self.hands = DeviceControl(now, self.scripts, clock)
        self.desk = CommandService(self._cameras, said, modes, self.hands, note, clock)
        self.inputs = Inputs(settings.api_clients, kept, clock)
        self._emits = {name: self._emitting(name, one) for name, one in settings.webhooks.items()}
        self._mqtt: MqttTopics | None = None
        if settings.mqtt.url:
            self._mqtt = MqttTopics(now, recorder, modes, self.desk.do, waiting, clock)
        self._engine = ThreadEngine(clock, died)
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self.hands.handle = self._engine.start(self.hands.name, lambda: self.hands)
        for emitting in self._emits.values():
            emitting.handle = self._engine.start(emitting.name, partial(_same, emitting))
        for name, one in self._settings.api_clients.items():
            if one.socket:
                self._engine.start(f"datagrams of {name}", partial(DatagramDoor, name, one, self.desk.do))
        if self._mqtt is not None:
            house, bridge = self._mqtt, self._mqtt.bridge
            house.handle = self._engine.start(house.name, lambda: house)
            bridge.handle = self._engine.start(bridge.name, lambda: bridge)
        if self._emits or self._mqtt is not None:
            self._unsubscribe = self._recorder.bus.subscribe(self._heard)

    def close(self) -> None:
        self._unsubscribe()
        self.scripts.stop()
        late = self._engine.stop(_STOP_S)
        if late:
            log.warning("did not end in time: %s", ", ".join(late))

    def do(self, who: CommandIssuer, asked: Order) -> CommandResult:
        """Raises OrderRefused."""
        return self.desk.do(who, asked)

    def controls(self, camera: CameraId) -> CameraControls:
        """Waits for the camera."""
        return self.hands.controls(camera)

    def commanded(self, asked: object) -> dict[str, Any]:
        """An order by a command of whoever owns the folder of recordings, answered as the control socket does."""
        try:
            done = self.desk.do(CommandIssuer(_COMMAND, "command"), asked)
        except CommandRefused as refused:
            return {"error": {"code": refused.kind, "message": refused.message, "do": refused.do}}
        return {"done": done.words, "event": done.event or None}

    def order(self, asked: Mapping[str, Any], by: str) -> str:
        """An order of a rule (`service.modes.rule_actions.RuleCommands`); what was done. Raises OrderRefused."""
        return self.desk.do(CommandIssuer(by, "rule"), asked).words

    def run(self, script: str, told: Mapping[str, Any]) -> str:
        """A script that a rule runs; what it said. Raises NotDone."""
        return self.scripts.run_well(script, told).partition("\n")[0][:200]

    def sent(self, name: str, headers: Mapping[str, str], body: bytes, address: str) -> CommandIssuer:
        """Raises OrderRefused."""
        return self.inputs.sent(name, headers, body, address)

    def told(self) -> list[dict[str, Any]]:
        """Who is told what, and how that goes; and who may ask for what. Without secrets."""
        emits = [
            {
                "name": name,
                "kind": "emit",
                "where": one.public,
                "sent": self._emits[name].sent,
                "waiting": self._emits[name].waiting,
                "dropped": self._emits[name].dropped,
                "trouble": self._emits[name].trouble,
                "said": self._emits[name].said,
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
        about = {"name": "mqtt", "kind": "mqtt", "where": bridge.public, "trouble": bridge.trouble}
        return [{**about, **figures, "may": list(mqtt.permissions), "cameras": list(mqtt.cameras)}]

    def _heard(self, message: Message) -> None:
        for emitting in self._emits.values():
            emitting.heard(message)
        if self._mqtt is not None:
            self._mqtt.heard(message)

    def _emitting(self, name: str, one: EmitterSettings) -> EmitterWorker:
        form: MessageFormat
        if one.format == "pancake":
            clips, zone = ClipCache(self._recorder), ZoneInfo(self._recorder.zone)
            form = PancakeFormat(one, self._clock, self._recorder.segment_path, clips, zone)
        else:
            is_here = not one.url.startswith("webhook+")
            form = NativeFormat(one, self._clock, self._recorder.segment_path if is_here else None)
        return EmitterWorker(name, lambda: emitter_of(one, self.scripts, self._clock), form, self._clock)

    def _cameras(self) -> list[Any]:
        return [one.status.id for one in self._recorder.cameras()]


def _same(emitting: EmitterWorker) -> EmitterWorker:
    """What the engine makes, and makes again after a failure."""
    return emitting
