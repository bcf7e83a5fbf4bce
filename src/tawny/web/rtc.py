"""WebRTC connections of the site, each with a task that ends it with the right to see.

Imported when the first one is wanted: what it stands on takes 20 MB of memory.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from tawny.config.live import Live
from tawny.live.choice import Choice
from tawny.live.decode_times import reorder_depth
from tawny.live.rtc.desk import Desk, NoWay
from tawny.live.rtc.orders import Orders
from tawny.live.rtc.peer import Peer
from tawny.live.rtc.screen import Archive, Screen
from tawny.live.rtc.sdp import NotAnOffer
from tawny.live.rtc.show import Goal, Show
from tawny.live.rtc.sounds import names, recorded_sounds, sounds_of
from tawny.live.wakeup import Wakeup
from tawny.model.clock import Clock
from tawny.model.ids import CameraId
from tawny.model.packets import AudioFormat, VideoFormat
from tawny.playback.reel import Reel
from tawny.stream.hub import Hub
from tawny.web.access import Access, has_ended, the_session, why_not
from tawny.web.accounts import Session
from tawny.web.choosing import is_bare
from tawny.web.problems import Refused, bad_input, not_found

if TYPE_CHECKING:
    from tawny.web.site import Site

LOOK_S = 4.0
"""How often the right to see is looked at."""
SOUND_SEEN_S = 3.0
READING_AT_ONCE = 3
"""Threads that read recordings for all viewers together."""
FIRST_S = 5.0
"""Pictures that must be encoded first are waited for so long."""
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Connection:
    """One viewer's. session: the key of the one that began it."""

    peer: Peer
    session: bytes
    task: "asyncio.Task[None]"


@dataclass(eq=False)
class Shown:
    """What a connection shows, and what it is asked for. opened: to be closed at its end. counted: one more viewer."""

    camera: CameraId
    choice: Choice
    orders: Orders
    hub: Hub
    video: VideoFormat
    opened: ExitStack
    counted: AbstractContextManager[None]


class Rtc:
    """All of them."""

    def __init__(self, live: Live, hosts: Sequence[str], clock: Clock) -> None:
        self._desk = Desk(live, hosts, clock)
        self._open: dict[str, Connection] = {}
        self._reading = asyncio.Semaphore(READING_AT_ONCE)

    async def begin(
        self, here: "Site", request: Request, offer: str, choice: Choice, camera: CameraId
    ) -> tuple[str, str]:
        """A connection's key, and the answer to the offer. Refused when it cannot be."""
        orders = Orders()
        with ExitStack() as opening:
            hub = opening.enter_context(choice.opened())
            await _first(hub, FIRST_S if choice.turns else 0.0)
            video, sound = _formats(hub)
            try:
                peer = await self._desk.meet(offer, video, names(sound), orders.hear)
            except NotAnOffer as error:
                raise bad_input(f"Invalid WebRTC offer: {error}.") from error
            except NoWay as error:
                raise Refused(409, "no_way", str(error), "Use another way.") from error
            opened = opening.pop_all()
        key = secrets.token_urlsafe(16)
        counted = here.viewers.one_more(camera, choice.name)
        what = Shown(camera, choice, orders, hub, video, opened, counted)
        task = asyncio.create_task(self._attend(here, request, key, peer, what))
        self._open[key] = Connection(peer, the_session(request).key, task)
        return key, peer.answer

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def mine(self, key: str, session: Session) -> Peer:
        found = self._open.get(key)
        if found is None or found.session != session.key:
            raise not_found("Connection not found.", "Start a new one.")
        return found.peer

    async def close(self) -> None:
        tasks = [each.task for each in self._open.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._desk.close()

    async def _attend(self, here: "Site", request: Request, key: str, peer: Peer, what: Shown) -> None:
        """Show it until it is over."""
        screen = self._screen(here, request, peer, what)
        tasks = [
            asyncio.create_task(each)
            for each in (screen.run(), peer.attend(), _while_allowed(request, peer, what.choice))
        ]
        try:
            with what.opened, what.counted:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for error in [task.exception() for task in done]:
                    if error is not None:
                        log.error("A WebRTC connection ended by a fault of ours", exc_info=error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            del self._open[key]
            await self._desk.part(peer)
            log.debug("a WebRTC viewer left: %s", peer.why)

    def _screen(self, here: "Site", request: Request, peer: Peer, what: Shown) -> Screen:
        """Recordings are those that who asks may see: `here` knows no others."""
        hub, codec, clock = what.hub, peer.sound_name, here.recorder.clock

        def show(goal: Goal) -> Show:
            return Show(goal, hub, clock, what.video, sounds_of(hub, codec) if codec else None)

        def reel(at_ms: int, sparse_ms: int) -> Reel:
            past = (here.recorder, what.camera, what.choice.name, at_ms)
            return Reel(*past, codec=what.video.codec, sparse_ms=sparse_ms)

        archive = Archive(
            reel, lambda: recorded_sounds(codec), self._reading, why_not(the_session(request), Access.VIEW)
        )
        return Screen(peer, clock, show, archive, what.orders)


async def _first(hub: Hub, timeout_s: float) -> None:
    """Until a picture has come."""
    wakeup = Wakeup()
    reader = hub.reader(wake=wakeup)
    try:
        if hub.newest is None and timeout_s:
            await wakeup.wait(timeout_s)
    finally:
        reader.close()


async def _while_allowed(request: Request, peer: Peer, choice: Choice) -> None:
    while not peer.ended.is_set():
        await asyncio.sleep(LOOK_S)
        if await has_ended(request):
            peer.end("you no longer have access")
        elif is_bare(the_session(request), choice):
            peer.end("a privacy setting changed")


def _formats(hub: Hub) -> tuple[VideoFormat, AudioFormat | None]:
    """What comes at present. Refused when WebRTC cannot carry it."""
    recent = hub.recent(SOUND_SEEN_S)
    pictures = [packet for packet in recent if packet.is_video]
    newest = next((packet.format for packet in reversed(pictures) if packet.is_keyframe), None)
    if not isinstance(newest, VideoFormat):
        raise Refused(404, "no_picture", "No live video from this camera right now.", "Check the camera's status.")
    if reorder_depth(packet.pts for packet in pictures):
        raise Refused(409, "no_way", "WebRTC can't carry this camera's video (it uses B-frames).", "Use another way.")
    sound = next((packet.format for packet in reversed(recent) if isinstance(packet.format, AudioFormat)), None)
    return newest, sound
