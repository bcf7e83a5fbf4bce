"""WebSocket `/api/v1/ws` for all changes, so that pages do not poll."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.websockets import WebSocket

from tawny.api import serializers
from tawny.api.auth.access import Access, rule, the_session
from tawny.api.context import AppContext, Here
from tawny.api.events.change_feed import ChangeFeed, Said
from tawny.api.live.meters import PREFIX, MeterFeed
from tawny.api.past.clip_jobs import ClipExportJob, may_see
from tawny.api.past.clip_routes import told_job
from tawny.api.websockets import PING_S, run_duplex
from tawny.live.wakeup import Wakeup
from tawny.model.messages import (
    DamageFound,
    EventChanged,
    GapChanged,
    HoldChanged,
    ModeChanged,
    PeopleChanged,
    SegmentClosed,
)

STATE_S, MOTION_S = 0.5, 0.2
"""Minimum interval in s between messages of this type."""
Channel = Literal["state", "event", "motion", "segment", "gap", "damage", "job", "mode"]

router = APIRouter(prefix="/api/v1")


class Subscription(BaseModel):
    """Channels to subscribe to; replaces the previous list. Unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore")
    sub: Annotated[list[str], Field(max_length=64)] = []


@router.websocket("/ws", dependencies=[rule(Access.VIEW)])
async def state_socket(socket: WebSocket, here: Here) -> None:
    await socket.accept()
    wakeup = Wakeup()
    teller = _Teller(socket, here, wakeup)
    unsubscribe = here.recorder.bus.subscribe(teller.feed)
    unsubscribe_jobs = here.jobs.subscribe(teller.on_job_changed)
    try:
        await run_duplex(socket, teller.tell(), Subscription, teller.subscribe)
    finally:
        unsubscribe()
        unsubscribe_jobs()
        teller.meters.want(())


class _Teller:
    """Sends a browser what it subscribed to. State at most twice a second, and every PING_S.

    Channels such as `motion:front` send every detector result of that camera; detection does not pause meanwhile.
    """

    def __init__(self, socket: WebSocket, here: AppContext, wakeup: Wakeup) -> None:
        self._socket, self._here, self._wakeup = socket, here, wakeup
        self.feed, self.meters = ChangeFeed(wakeup), MeterFeed(here.recorder.tuning, wakeup)
        self._person = the_session(socket).person
        self._jobs: dict[str, ClipExportJob] = {}
        self._channels: frozenset[str] = frozenset()
        self._state_due_s: float | None = None
        self._state_sent_s = self._motion_sent_s = 0.0

    def subscribe(self, said: Subscription) -> None:
        self._channels = frozenset(said.sub)
        self.meters.want(said.sub)
        self._state_due_s, self._state_sent_s = 0.0, 0.0
        self._wakeup()

    def on_job_changed(self, job: ClipExportJob) -> None:
        """Queue a job; only its newest state is sent. Call from any thread."""
        if may_see(self._person, job):
            self._jobs[job.id] = job
            self._wakeup()

    async def tell(self) -> None:
        clock = self._here.recorder.clock
        ping_s = clock.mono_s() + PING_S
        while True:
            heard, now_s = self.feed.take(), clock.mono_s()
            if heard.has_changed and self._state_due_s is None:
                self._state_due_s = self._state_sent_s + STATE_S
            for said in heard.said:
                await self._say(*_channel(said, self._here))
            if heard.scores and now_s - self._motion_sent_s >= MOTION_S:
                self._motion_sent_s = now_s
                for score in heard.scores.values():
                    await self._say("motion", {"camera": score.camera, "score": score.score, "t": score.second_ms})
            while self._jobs:
                _, job = self._jobs.popitem()
                await self._say("job", told_job(job, self._person).model_dump(mode="json"))
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
            await self._say("state", health.model_dump(mode="json"))

    async def _say(self, channel: str, data: dict[str, Any]) -> None:
        if channel in self._channels:
            await self._send(channel, data)

    async def _send(self, channel: str, data: dict[str, Any] | None = None) -> None:
        message: dict[str, Any] = {"ch": channel, "t": self._here.recorder.clock.now_ms()}
        await self._socket.send_json(message if data is None else message | {"d": data})


def _channel(said: Said, here: AppContext) -> tuple[Channel, dict[str, Any]]:
    match said:
        case EventChanged():
            event = serializers.event(said.event, here.recorder).model_dump(mode="json")
            return "event", {"what": said.what, "event": event}
        case GapChanged():
            return "gap", serializers.camera_gap(said.gap).model_dump(mode="json")
        case DamageFound():
            return "damage", serializers.camera_damage(said.damage).model_dump(mode="json")
        case SegmentClosed():
            segment = said.segment
            data = {"camera": segment.camera, "stream": segment.stream.value}
            return "segment", data | {"start_ms": segment.start_ms, "end_ms": segment.end_ms}
        case ModeChanged() | PeopleChanged() | HoldChanged():
            return "mode", {}  # no data: clients fetch it, as it depends on their rights
