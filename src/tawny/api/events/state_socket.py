"""WebSocket `/api/v1/ws` for all changes, so that pages do not poll."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.websockets import WebSocket

from tawny.api import serializers
from tawny.api.auth.access import PING_S, Access, rule, run_duplex, the_session
from tawny.api.auth.accounts import Role
from tawny.api.context import AppContext, Context
from tawny.api.past.clip_jobs import ClipExportJob, may_see
from tawny.api.past.clip_routes import job_info
from tawny.api.request_handling import WorkerRoute
from tawny.detection.watcher import MeterReading
from tawny.live.wakeup import Wakeup
from tawny.model.events import Level, shown_level
from tawny.model.ids import CameraId
from tawny.model.messages import (
    ActionPlanned,
    Alarm,
    DamageFound,
    EventChanged,
    FileFinished,
    GapChanged,
    HoldChanged,
    Message,
    ModeChanged,
    PartDied,
    PeopleChanged,
    RunEnded,
    RunStarted,
    Scored,
    SegmentClosed,
    StatusChanged,
)
from tawny.service.recorder import DetectionTuningApi
from tawny.service.scoped_recorder import CameraHidden

# Bus messages for one client, until they can be sent. Bounded: a slow client loses the oldest.

MOST_KEPT = 500
StateMessage = EventChanged | GapChanged | DamageFound | SegmentClosed | ModeChanged | PeopleChanged | HoldChanged


@dataclass
class ChangeBatch:
    """Changes since the last batch. messages: in order. scores: newest score by camera.

    has_changed: camera states changed.
    """

    messages: deque[StateMessage] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    scores: dict[CameraId, Scored] = field(default_factory=dict)
    has_changed: bool = False


class ChangeFeed:
    """Bus listener. Call from any thread; returns immediately. wake: called when there is something new."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._changes = ChangeBatch()

    def __call__(self, message: Message) -> None:
        with self._lock:
            match message:
                case EventChanged() | SegmentClosed() | DamageFound():
                    self._changes.messages.append(message)
                case GapChanged():
                    self._changes.messages.append(message)
                    self._changes.has_changed = True
                case Scored():
                    self._changes.scores[message.camera] = message
                case StatusChanged() | RunStarted() | RunEnded() | ActionPlanned():
                    self._changes.has_changed = True
                case PartDied() | Alarm() | FileFinished():
                    return
                case ModeChanged() | PeopleChanged() | HoldChanged():
                    self._changes.messages.append(message)
        self._wake()

    def take(self) -> ChangeBatch:
        """Return everything since the last call."""
        with self._lock:
            changes, self._changes = self._changes, ChangeBatch()
            return changes


# Detector readings for one client while it is subscribed. Bounded; the newest are kept.

PREFIX = "motion:"
MOST, MOST_READINGS = 9, 45


class MeterFeed:
    """Single event loop; readings arrive from detector threads. wake: called when there is one."""

    def __init__(self, tuning: DetectionTuningApi, wake: Callable[[], None]) -> None:
        self._tuning, self._wake = tuning, wake
        self._lock = threading.Lock()
        self._readings: deque[tuple[CameraId, MeterReading]] = deque(maxlen=MOST_READINGS)
        self._stops: dict[CameraId, Callable[[], None]] = {}

    def want(self, channels: Iterable[str]) -> None:
        """Subscribe to these channels (`motion:front`) and unsubscribe from all others."""
        named = {CameraId(name.removeprefix(PREFIX)) for name in channels if name.startswith(PREFIX)}
        wanted = set(sorted(named)[:MOST])
        for camera in self._stops.keys() - wanted:
            self._stops.pop(camera)()
        for camera in wanted - self._stops.keys():
            with suppress(CameraHidden):  # ignored, as is what isn't there
                meter = self._tuning.meter(camera)
                if meter is not None:
                    self._stops[camera] = meter.listen(self._on_reading(camera))

    def take(self) -> list[dict[str, Any]]:
        """Return the readings since the last call, as JSON values."""
        with self._lock:
            readings = list(self._readings)
            self._readings.clear()
        return [_reading_message(camera, reading) for camera, reading in readings]

    def _on_reading(self, camera: CameraId) -> Callable[[MeterReading], None]:
        def on_reading(reading: MeterReading) -> None:
            with self._lock:
                self._readings.append((camera, reading))
            self._wake()

        return on_reading


def _reading_message(camera: CameraId, reading: MeterReading) -> dict[str, Any]:
    things = [
        {"box": [round(side, 4) for side in box], "score": score, "event": is_event, "label": label}
        for box, score, is_event, label in reading.things
    ]
    message = {
        "camera": camera,
        "t": reading.at_ms,
        "score": reading.score,
        "zones": reading.zones,
        "things": things,
    }
    message |= {"number": reading.measured.number, "level": reading.measured.level}
    if reading.sound is not None:
        message["sound"] = {"db": round(reading.sound[0], 1), "score": reading.sound[1]}
    return message


STATE_S, MOTION_S = 0.5, 0.2
"""Minimum interval in s between messages of this type."""
Channel = Literal["state", "event", "motion", "segment", "gap", "damage", "job", "mode", "alert"]

OF_A_SCREEN: frozenset[str] = frozenset({"state", "motion", "mode", "alert"})
"""Channels of a screen on the wall: what is live, nothing of what was. Of an alert it learns which camera to show."""
router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)


class Subscription(BaseModel):
    """Channels to subscribe to; replaces the previous list. Unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore")
    sub: Annotated[list[str], Field(max_length=64)] = []


@router.websocket("/ws", dependencies=[rule(Access.WALL)])
async def state_socket(socket: WebSocket, context: Context) -> None:
    await socket.accept()
    wakeup = Wakeup()
    teller = _Teller(socket, context, wakeup)
    unsubscribe = context.recorder.bus.subscribe_all(teller.feed)
    unsubscribe_jobs = context.jobs.subscribe(teller.on_job_changed)
    try:
        await run_duplex(socket, teller.send_all(), Subscription, teller.subscribe)
    finally:
        unsubscribe()
        unsubscribe_jobs()
        teller.meters.want(())


class _Teller:
    """Sends a browser what it subscribed to. State at most twice a second, and every PING_S.

    Channels such as `motion:front` send every detector result of that camera; detection does not pause meanwhile.
    """

    def __init__(self, socket: WebSocket, context: AppContext, wakeup: Wakeup) -> None:
        self._socket, self._here, self._wakeup = socket, context, wakeup
        self.feed, self.meters = ChangeFeed(wakeup), MeterFeed(context.recorder.tuning, wakeup)
        self._person = the_session(socket).person
        self._jobs: dict[str, ClipExportJob] = {}
        self._channels: frozenset[str] = frozenset()
        self._state_due_s: float | None = None
        self._state_sent_s = self._motion_sent_s = 0.0

    def subscribe(self, subscription: Subscription) -> None:
        is_screen = self._person.role is Role.SCREEN
        self._channels = frozenset(subscription.sub) & (OF_A_SCREEN if is_screen else frozenset(subscription.sub))
        self.meters.want(self._channels)
        self._state_due_s, self._state_sent_s = 0.0, 0.0
        self._wakeup()

    def on_job_changed(self, job: ClipExportJob) -> None:
        """Queue a job; only its newest state is sent. Call from any thread."""
        if may_see(self._person, job):
            self._jobs[job.id] = job
            self._wakeup()

    async def send_all(self) -> None:
        clock = self._here.recorder.clock
        ping_s = clock.mono_s() + PING_S
        while True:
            changes, now_s = self.feed.take(), clock.mono_s()
            if changes.has_changed and self._state_due_s is None:
                self._state_due_s = self._state_sent_s + STATE_S
            for message in changes.messages:
                await self._say(*await asyncio.to_thread(_channel, message, self._here))
                if isinstance(message, EventChanged) and shown_level(message.event) is Level.ALERT:
                    event = message.event
                    alert = {"camera": event.camera, "start_ms": event.start_ms, "going": event.end_ms is None}
                    await self._say("alert", alert)
            if changes.scores and now_s - self._motion_sent_s >= MOTION_S:
                self._motion_sent_s = now_s
                for score in changes.scores.values():
                    await self._say("motion", {"camera": score.camera, "score": score.score, "t": score.second_ms})
            while self._jobs:
                _, job = self._jobs.popitem()
                await self._say("job", job_info(job, self._person).model_dump(mode="json"))
            for reading in self.meters.take():
                await self._send(f"{PREFIX}{reading['camera']}", reading)
            if now_s >= ping_s:
                ping_s = now_s + PING_S
                await self._send("ping")
                self._state_due_s = 0.0
            if self._state_due_s is not None and now_s >= self._state_due_s:
                self._state_due_s, self._state_sent_s = None, now_s
                await self._say_state()
            due_s = ping_s if self._state_due_s is None else min(ping_s, self._state_due_s)
            await self._wakeup.wait(max(0.0, due_s - clock.mono_s()))

    async def _say_state(self) -> None:
        if "state" in self._channels:
            health = await asyncio.to_thread(self._here.health.now)
            await self._say("state", serializers.health(health, self._here.system).model_dump(mode="json"))

    async def _say(self, channel: str, data: dict[str, Any]) -> None:
        if channel in self._channels:
            await self._send(channel, data)

    async def _send(self, channel: str, data: dict[str, Any] | None = None) -> None:
        message: dict[str, Any] = {"ch": channel, "t": self._here.recorder.clock.now_ms()}
        await self._socket.send_json(message if data is None else message | {"d": data})


def _channel(message: StateMessage, context: AppContext) -> tuple[Channel, dict[str, Any]]:
    """Return what to send. May wait for the disk: the names of recognized plates and faces are in a file."""
    match message:
        case EventChanged():
            event = serializers.event(message.event, context.recorder).model_dump(mode="json")
            return "event", {"what": message.what, "event": event}
        case GapChanged():
            return "gap", serializers.camera_gap(message.gap).model_dump(mode="json")
        case DamageFound():
            return "damage", serializers.camera_damage(message.damage).model_dump(mode="json")
        case SegmentClosed():
            segment = message.segment
            data = {"camera": segment.camera, "stream": segment.stream.value}
            return "segment", data | {"start_ms": segment.start_ms, "end_ms": segment.end_ms}
        case ModeChanged() | PeopleChanged() | HoldChanged():
            return "mode", {}  # no data: clients fetch it, as it depends on their rights
