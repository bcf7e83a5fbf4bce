"""MQTT topics: the recorder's state and events as topics, and commands.

docs/reference/mqtt.md lists the topics. Commands run in their own actor, and those that wait for cameras or relays in
threads of their own, so that a slow camera delays neither publishing nor other commands.
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from tawny.config.settings import Settings, in_mode
from tawny.delivery.commands import CommandIssuer, CommandRefused, Order
from tawny.delivery.notifier import NotifierStore
from tawny.engine import ActorHandle
from tawny.engine.blocking_calls import OrderedCalls
from tawny.events.event_builder import WIDTH
from tawny.events.modes import ModeState
from tawny.media.image.jpeg import keyframe_jpeg
from tawny.model.errors import NotDone, StorageError
from tawny.model.events import Event, Level, shown_level
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import OF_STATE, EventChanged, Message
from tawny.model.states import EXPECTED, RECORDED, CameraState
from tawny.model.times import Span, utc_text
from tawny.service import json_format
from tawny.service.health.camera_health import HealthReader
from tawny.service.integrations import home_assistant as ha
from tawny.service.integrations.home_assistant import AnnouncedCamera, DiscoveryContext, panel_state
from tawny.service.integrations.mqtt_bridge import AVAILABLE, MqttBridge
from tawny.service.integrations.mqtt_commands import lane_of, order_at, rights_of, switchable_relays
from tawny.service.recorder import RecorderService

HEALTH_S = 15.0
RECENT_S = 12.0
MOST_ORDERS = 100
LOOKED_AT = 20
"""How many of a camera's newest events are searched for one with an image."""
Do = Callable[[CommandIssuer, object], object]
log = logging.getLogger(__name__)


def is_private(settings: Settings, modes: ModeState, camera: CameraId) -> bool:
    """Return whether a camera is paused for privacy, by hand or by the mode."""
    hold = modes.hold(camera)
    is_paused = hold is not None and hold.what == "pause"
    return is_paused or bool(in_mode(settings, modes.now().mode, camera).privacy)


class MqttTopics:
    """Publishes through `bridge` and executes commands. Both are actors.

    do: executes a command. waiting: returns the count of waiting uploads. is_tracking: whether a camera
    follows objects. kept: durable key-value store of what is on the broker.
    """

    name = "mqtt orders"

    def __init__(
        self,
        now: Callable[[], Settings],
        recorder: RecorderService,
        modes: ModeState,
        do: Do,
        waiting: Callable[[], int],
        is_tracking: Callable[[CameraId], bool] = lambda _: False,
        kept: NotifierStore | None = None,
    ) -> None:
        self._is_tracking = is_tracking
        self._now, self._recorder, self._modes, self._do, self._waiting = now, recorder, modes, do, waiting
        self._clock, self._settings = recorder.clock, now().mqtt
        self._health, self._health_due_s = HealthReader(recorder), 0.0
        self._pictures_due_s = 0.0
        self._lasting: dict[EventId, Event] = {}
        self._published: dict[EventId, set[str]] = {}
        """Types that each running event was published with: each once, so that an automation runs once per event."""
        self._pictured: dict[CameraId, Event] = {}
        """The newest event with an image of each camera, of those that changed since the last update."""
        self._last: dict[CameraId, Event | None] = {}
        """The event that each camera's published image is of; None: it has none."""
        self._last_due_s = 0.0
        self._announced: frozenset[str] = frozenset()
        """Topics of the entities announced last."""
        self._stated: frozenset[CameraId] = frozenset()
        """Cameras whose state was published last."""
        self._switched: dict[str, bytes] = {}
        """States of relays, by name, of those that tawny has switched since it started."""
        self._relay_topics: frozenset[str] = frozenset()
        """Topics of the relays whose state was published last."""
        self._orders: deque[tuple[str, bytes]] = deque(maxlen=MOST_ORDERS)
        self._calls = OrderedCalls()
        self._lock = threading.Lock()
        self._is_changed = True
        self.handle = ActorHandle()
        self.bridge = MqttBridge(
            self._settings, self._refresh, self._commanded, self._clock, kept, lambda: now().mqtt.url
        )
        cameras = frozenset(self._settings.cameras) or None
        self._who = CommandIssuer("MQTT", "mqtt", frozenset(self._settings.permissions), cameras, self.bridge.public)

    # --- publishing --------------------------------------------------------------------------------------------------

    def on_message(self, message: Message) -> None:
        """Publish a message. Call from any thread; returns at once."""
        event = json_format.message(message, self._clock.now_ms())
        if event is None or (event["camera"] is not None and not self._shows(event["camera"])):
            return
        if isinstance(message, EventChanged):
            self._event(message)
        with self._lock:
            self._is_changed = True
        self.bridge.publish("events", event)

    @property
    def is_sending(self) -> bool:
        """Return whether something will be published soon."""
        return self.bridge.is_usable and (self._is_changed or self.bridge.is_sending)

    def on_switched(self, relay: str, *, on: bool) -> None:
        """Publish how a relay was switched. Call from any thread; returns at once."""
        with self._lock:
            self._switched[relay] = ha.ON if on else ha.OFF
            self._is_changed = True
        self.bridge.handle.wake()

    def _event(self, message: EventChanged) -> None:
        event = message.event
        kind = event.kind if event.kind in ha.KINDS else "other"
        with self._lock:
            if message.what == "started":
                self._published.setdefault(event.id, set())
            published = self._published.get(event.id)
            is_new = published is not None and kind not in published
            if published is not None:
                published.add(kind)
            if event.end_ms is None:
                self._lasting[event.id] = event
            else:
                self._lasting.pop(event.id, None)
                self._published.pop(event.id, None)
            if event.picture_ms is not None and _is_not_older(event, self._pictured.get(event.camera)):
                self._pictured[event.camera] = event
        if is_new:
            about = {
                "type": event.kind,
                "level": shown_level(event).value,
                "id": event.id,
                "time": utc_text(event.start_ms),
                "zones": list(event.zones),
                "score": event.score,
            }
            labels = {"seen": [one.label for one in event.objects]}
            self.bridge.publish(f"{event.camera}/event", {"event_type": kind, **about, **labels}, is_trigger=True)

    def _refresh(self) -> None:
        """Update all state topics. Called on the bridge's thread."""
        now_s = self._clock.mono_s()
        with self._lock:
            is_due, self._is_changed = self._is_changed or now_s >= self._health_due_s, False
            pictured, self._pictured = self._pictured, {}
            lasting = {event.camera for event in self._lasting.values()}
            alerting = {event.camera for event in self._lasting.values() if shown_level(event) == Level.ALERT}
        if now_s >= self._last_due_s:
            self._last_due_s = now_s + HEALTH_S
            self._find_last_events()
        for event in pictured.values():
            settings = self._now()
            if event.camera not in settings.cameras or is_private(settings, self._modes, event.camera):
                continue
            jpeg = self._recorder.event_picture(event)
            if jpeg and _is_not_older(event, self._last.get(event.camera)):
                self._last[event.camera] = event
                self._put_event_picture(event.camera, jpeg)
        if is_due:
            self._health_due_s = now_s + HEALTH_S
            self._announce()
            self._say_health()
            self._say_modes()
            self._say_relays()
            for camera in self._shown():
                self.bridge.put(f"{camera.id}/motion", ha.ON if camera.id in lasting else ha.OFF)
                self.bridge.put(f"{camera.id}/alert", ha.ON if camera.id in alerting else ha.OFF)
            self._clear_removed()
        if now_s >= self._pictures_due_s:
            self._pictures_due_s = now_s + (self._settings.snapshot_interval or HEALTH_S)
            self._say_pictures()

    def _find_last_events(self) -> None:
        """After the start, after privacy, and when its event was deleted, publish a camera's last image, or none."""
        index = self._recorder.index
        for camera in (CameraId(one.id) for one in self._shown()):
            if is_private(self._now(), self._modes, camera):
                continue
            try:
                last = self._last.get(camera)
                if camera in self._last and (last is None or last.end_ms is None or index.event(last.id) is not None):
                    continue
                newest = index.events(Span(0, self._clock.now_ms() + 1), cameras=[camera], limit=LOOKED_AT).events
            except StorageError as error:
                log.info("the last events can't be read: %s", error)
                return
            found = next((event for event in newest if event.picture_ms is not None), None)
            self._last[camera] = found
            jpeg = None if found is None else self._recorder.event_picture(found)
            self._put_event_picture(camera, jpeg or b"")

    def _put_event_picture(self, camera: CameraId, jpeg: bytes) -> None:
        self.bridge.put(f"{camera}/event/picture", jpeg)
        if not self._settings.snapshot_interval:
            self.bridge.put(f"{camera}/picture", b"" if self._now().is_sealed(camera) else jpeg)

    def _announce(self) -> None:
        if self._settings.discovery:
            settings, host = self._now(), self._recorder.host
            context = DiscoveryContext(
                self.bridge.base, host, self._shown(), ha.panel_modes(self._modes.arm), self._relays(),
                rights_of(self._settings), settings.web.link_url,
            )  # fmt: skip
            announced = ha.announced(context, self._settings.discovery)
            for topic, payload in {**dict.fromkeys(self._announced, b""), **announced}.items():
                self.bridge.put_at(topic, payload)
            self._announced = frozenset(announced)

    def _clear_removed(self) -> None:
        """Remove what cameras left on the broker that are no longer there."""
        shown = frozenset(CameraId(camera.id) for camera in self._shown())
        for camera in self._stated - shown:
            self.bridge.clear(camera)
            self._last.pop(camera, None)
        self._stated = shown

    def _say_health(self) -> None:
        health = self._health.now(self._shows)
        names = self._recorder.camera_names()
        warnings = [warning.message for warning in health.warnings]
        warnings += [
            one.sentence(names.get(one.camera, one.camera))
            for one in self._recorder.alarms()
            if one.what in OF_STATE and one.camera and self._shows(one.camera)
        ]
        report: dict[str, Any] = {
            "ok": health.ok,
            "working": health.working,
            "expected": health.expected,
            "summary": health.summary,
            "disk_free_bytes": None if health.disk is None else health.disk.free_bytes,
            "waiting": self._waiting(),
            "warnings": warnings,
        }
        self.bridge.put("health", json.dumps(report).encode())
        shown = {camera.id for camera in self._shown()}
        for camera in health.cameras:
            status = camera.status
            if status.id not in shown:
                continue
            is_there = status.state in RECORDED or status.state is CameraState.ASLEEP
            self.bridge.put(f"{status.id}/{AVAILABLE}", ha.ONLINE if is_there else ha.OFFLINE)
            about = {
                "state": status.state.value,
                "detail": status.detail,
                "recorded_today": camera.today.share,
                "gaps_today": camera.today.gaps,
            }
            self.bridge.put(f"{status.id}/health", json.dumps(about).encode())

    def _say_modes(self) -> None:
        mode = self._modes.now().mode
        self.bridge.put("mode", mode.encode())
        self.bridge.put("alarm", panel_state(mode, ha.panel_modes(self._modes.arm)).encode())
        for camera in self._shown():
            hold = self._modes.hold(CameraId(camera.id))
            is_hidden = is_private(self._now(), self._modes, CameraId(camera.id))
            is_held = hold is not None and hold.what == "record"
            self.bridge.put(f"{camera.id}/record", ha.ON if is_held else ha.OFF)
            self.bridge.put(f"{camera.id}/private", ha.ON if is_hidden else ha.OFF)
            if camera.turns:
                self.bridge.put(f"{camera.id}/track", ha.ON if self._is_tracking(CameraId(camera.id)) else ha.OFF)
            if is_hidden:
                self._last.pop(CameraId(camera.id), None)
                for topic in ("picture", "event/picture"):
                    self.bridge.put(f"{camera.id}/{topic}", b"")  # nothing stays on the broker

    def _say_relays(self) -> None:
        with self._lock:  # empty: what an earlier run left there may be outdated
            states = {f"relay/{relay}": self._switched.get(relay, b"") for relay in self._relays()}
        for topic, state in {**dict.fromkeys(self._relay_topics, b""), **states}.items():
            self.bridge.put(topic, state)
        self._relay_topics = frozenset(states)

    def _say_pictures(self) -> None:
        """Publish snapshots; without an interval, only remove those of encrypted cameras."""
        shown, settings = {camera.id for camera in self._shown()}, self._now()
        makes = bool(self._settings.snapshot_interval)
        for camera in self._recorder.cameras():
            name, is_sealed = camera.status.id, settings.is_sealed(camera.status.id)
            if name not in shown or camera.status.state not in EXPECTED or is_private(settings, self._modes, name):
                continue
            hub = self._recorder.hub(name, StreamName.SUB) or self._recorder.hub(name, StreamName.MAIN)
            recent = hub.recent(RECENT_S) if hub is not None and makes and not is_sealed else []
            keyframes = [one for one in recent if one.is_keyframe]
            jpeg = keyframe_jpeg(keyframes[-1], WIDTH, hub.private) if hub is not None and keyframes else None
            if jpeg or is_sealed:  # a broker writes retained messages to its disk
                self.bridge.put(f"{name}/picture", jpeg or b"")

    def _shown(self) -> list[AnnouncedCamera]:
        settings = self._now()
        return [
            AnnouncedCamera(one.status.id, one.status.name, bool(settings.cameras[one.status.id].onvif))
            for one in self._recorder.cameras()
            if self._shows(one.status.id) and one.status.id in settings.cameras
        ]

    def _relays(self) -> list[str]:
        return switchable_relays(self._settings, self._now().relays)

    def _shows(self, camera: str) -> bool:
        return not self._settings.cameras or camera in self._settings.cameras

    # --- commands ----------------------------------------------------------------------------------------------------

    def _commanded(self, topic: str, payload: bytes) -> None:
        """Queue a command. Called on the library's thread."""
        self._orders.append((topic, payload))
        self.handle.wake()

    def step(self) -> float:
        while self._orders:
            topic, payload = self._orders.popleft()
            try:
                order = order_at(topic, payload, ha.panel_modes(self._modes.arm), self._now().relays)
                lane = lane_of(order)
                if lane is None:
                    self._obey(topic, order)
                else:
                    self._calls.start(lane, partial(self._obey, topic, order))
            except CommandRefused as refused:
                self._refuse(topic, refused)
            except NotDone as busy:
                self._refuse(topic, CommandRefused("not_done", busy.message, busy.do))
        return HEALTH_S

    def _obey(self, topic: str, order: Order) -> None:
        try:
            done = self._do(self._who, order)
        except CommandRefused as refused:
            self._refuse(topic, refused)
        else:
            self.bridge.publish("answer", {"to": topic, "done": getattr(done, "words", "")}, is_trigger=True)
        with self._lock:
            self._is_changed = True
        self.bridge.handle.wake()

    def _refuse(self, topic: str, refused: CommandRefused) -> None:
        log.info("%s: refused: %s", topic, refused)
        error = {"code": refused.kind, "message": refused.message, "hint": refused.do}
        self.bridge.publish("answer", {"to": topic, "error": error}, is_trigger=True)

    def close(self) -> None:
        """No resources to release."""


def _is_not_older(event: Event, other: Event | None) -> bool:
    """Return whether an event did not begin before the other one: people change old events, too."""
    return other is None or event.start_ms >= other.start_ms
