"""WebRTC connections, each with a task that ends it when the session's rights end.

Imported on first use: the library takes 20 MB of memory.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from tawny.api.auth.access import LOOK_S as RIGHTS_S
from tawny.api.auth.access import Access, has_ended, the_session, why_not
from tawny.api.auth.accounts import LoginSession
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.live.stream_access import sees_unmasked
from tawny.config.settings import LiveSettings
from tawny.engine.connections import ConnectionManager
from tawny.live.stream_choice import StreamChoice
from tawny.live.wakeup import first_packet
from tawny.live.webrtc.live_sender import LiveSender, MediaSink, names, recorded_sounds, sounds_of
from tawny.live.webrtc.peer_connection import CannotStream, PeerConnection, PublishingConnection, WebRtcConnections
from tawny.live.webrtc.playback_sender import ReadNext
from tawny.live.webrtc.viewer_session import PlaybackArchive, PlaybackCommands, ViewerSession
from tawny.media.mp4.decode_times import reorder_depth
from tawny.model.ids import CameraId
from tawny.model.packets import AudioFormat, VideoFormat
from tawny.model.times import Clock
from tawny.playback.packet_reel import PacketReel
from tawny.protocols.sdp import InvalidOffer
from tawny.sources.phone import PhoneFeed, PhoneMedia
from tawny.stream.hub import Hub

if TYPE_CHECKING:
    from tawny.api.context import AppContext

LOOK_S = RIGHTS_S
SOUND_SEEN_S = 3.0
TRY_S = 20.0
"""Maximum length in s of a connection that only checks whether WebRTC works."""
MOST_ECHO = 64
READING_AT_ONCE = 3
"""Maximum number of threads that read recordings, for all viewers together."""
FIRST_S = 5.0
"""Maximum time in s to wait for the first frame of a transcoded stream."""
_PHONE_ENDED = {"closed": "its page was closed or stopped"}
log = logging.getLogger(__name__)


@dataclass(eq=False)
class WebRtcConnection:
    """One viewer's connection. session: key of the login session that created it."""

    peer: PeerConnection
    session: bytes
    task: "asyncio.Task[None]"


@dataclass(eq=False)
class ShownMedia:
    """What a connection shows. opened: resources closed at its end. counted: counts the viewer."""

    camera: CameraId
    choice: StreamChoice
    orders: PlaybackCommands
    hub: Hub
    video: VideoFormat
    opened: ExitStack
    counted: AbstractContextManager[None]


class WebRtcSessions:
    """All WebRTC connections."""

    def __init__(self, live: LiveSettings, hosts: Sequence[str], clock: Clock, connections: ConnectionManager) -> None:
        self._connections = WebRtcConnections(live, hosts, clock, connections)
        self._open: dict[str, WebRtcConnection] = {}
        self._trying: set[asyncio.Task[None]] = set()
        self._phones: dict[str, tuple[PublishingConnection, asyncio.Task[None]]] = {}
        self._reading = asyncio.Semaphore(READING_AT_ONCE)

    async def begin(
        self, context: "AppContext", request: Request, offer: str, choice: StreamChoice, camera: CameraId
    ) -> tuple[str, str]:
        """Create a connection. Return its key and the SDP answer. Raises RequestRefused: when it is not possible."""
        orders = PlaybackCommands()
        with ExitStack() as opening:
            hub = opening.enter_context(choice.opened())
            await first_packet(hub, FIRST_S if choice.turns else 0.0)
            video, sound = _formats(hub)
            try:
                peer = await self._connections.meet(offer, video, names(sound), orders.on_text)
            except InvalidOffer as error:
                raise bad_input(f"Invalid WebRTC offer: {error}.") from error
            except CannotStream as error:
                raise RequestRefused(409, "no_way", str(error), "Use another way.") from error
            opened = opening.pop_all()
        key = secrets.token_urlsafe(16)
        counted = context.viewers.one_more(camera, choice.name)
        what = ShownMedia(camera, choice, orders, hub, video, opened, counted)
        task = asyncio.create_task(self._attend(context, request, key, peer, what))
        self._open[key] = WebRtcConnection(peer, the_session(request).key, task)
        return key, peer.answer

    async def receive(self, context: "AppContext", request: Request, offer: str, phone: str) -> str:
        """Create the connection of a phone that is a camera, and return the SDP answer. Its former one ends."""
        try:
            peer = await self._connections.receive(offer)
        except InvalidOffer as error:
            raise bad_input(f"Invalid WebRTC offer: {error}.") from error
        except CannotStream as error:
            raise RequestRefused(409, "no_way", str(error), "Use another browser.") from error
        before = self._phones.get(phone)
        if before is not None:
            before[0].end(why="its page was opened again")
        self._phones[phone] = peer, asyncio.create_task(self._attend_phone(context, request, peer, phone))
        return peer.answer

    async def _attend_phone(
        self, context: "AppContext", request: Request, peer: PublishingConnection, phone: str
    ) -> None:
        """Run a phone's connection until it ends."""
        loop, media = asyncio.get_running_loop(), PhoneMedia(peer.video_type, peer.sound_type)

        def send(rtcp: bytes) -> None:
            loop.call_soon_threadsafe(peer.send_rtcp, rtcp)

        def hang_up(why: str) -> None:
            loop.call_soon_threadsafe(peer.end, why)

        feed = PhoneFeed(media, context.recorder.clock, send, hang_up)
        peer.take_rtp = feed.put
        ending = [
            asyncio.create_task(peer.attend()),
            asyncio.create_task(_while_a_camera(context, request, peer, phone)),
        ]
        opened = asyncio.create_task(peer.opened.wait())
        try:
            await asyncio.wait([opened, *ending], return_when=asyncio.FIRST_COMPLETED)
            if opened.done():
                context.phones.connected(phone, feed)
                await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        finally:
            context.phones.left(phone, feed, _PHONE_ENDED.get(peer.why, peer.why))
            for task in (opened, *ending):
                task.cancel()
            await asyncio.gather(opened, *ending, return_exceptions=True)
            if (found := self._phones.get(phone)) is not None and found[0] is peer:
                del self._phones[phone]
            await self._connections.part(peer)
            log.debug("phone disconnected: %s", peer.why)

    async def try_out(self, offer: str) -> str:
        """Create a connection that only answers messages of a data channel, and return the SDP answer."""
        peers: list[PeerConnection] = []

        def echo(label: str, text: str) -> None:
            peers[0].send_text(label, text[:MOST_ECHO])

        try:
            peer = await self._connections.meet(offer, VideoFormat("h264", 640, 360, ()), on_text=echo)
        except InvalidOffer as error:
            raise bad_input(f"Invalid WebRTC offer: {error}.") from error
        except CannotStream as error:
            raise RequestRefused(409, "no_way", str(error), "Use another way.") from error
        peers.append(peer)
        task = asyncio.create_task(self._end_try(peer))
        self._trying.add(task)
        task.add_done_callback(self._trying.discard)
        return peer.answer

    async def _end_try(self, peer: PeerConnection) -> None:
        try:
            async with asyncio.timeout(TRY_S):
                await peer.attend()
        except TimeoutError:
            peer.end("the check is over")
        finally:
            await self._connections.part(peer)

    @property
    def count(self) -> int:
        """Return the number of open connections."""
        return len(self._open)

    def mine(self, key: str, session: LoginSession) -> PeerConnection:
        found = self._open.get(key)
        if found is None or found.session != session.key:
            raise not_found("Connection not found.", "Start a new one.")
        return found.peer

    async def close(self) -> None:
        phones = [task for _, task in self._phones.values()]
        tasks = [*(each.task for each in self._open.values()), *self._trying, *phones]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._connections.close()

    async def _attend(
        self, context: "AppContext", request: Request, key: str, peer: PeerConnection, what: ShownMedia
    ) -> None:
        """Run the connection until it ends."""
        screen = self._screen(context, request, peer, what)

        def is_there() -> bool:
            return context.recorder.hub(what.camera, what.choice.name) is what.choice.source

        tasks = [
            asyncio.create_task(each)
            for each in (screen.run(), peer.attend(), while_allowed(request, peer, what.choice, is_there))
        ]
        try:
            with what.opened, what.counted:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for error in [task.exception() for task in done]:
                    if error is not None:
                        log.error("internal error in a WebRTC connection", exc_info=error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            del self._open[key]
            await self._connections.part(peer)
            log.debug("WebRTC connection closed: %s", peer.why)

    def _screen(self, context: "AppContext", request: Request, peer: PeerConnection, what: ShownMedia) -> ViewerSession:
        """Return the viewer session. Its recordings are those the user may see: `here` contains no others."""
        hub, codec, clock = what.hub, peer.sound_name, context.recorder.clock

        def show(goal: MediaSink) -> LiveSender:
            return LiveSender(goal, hub, clock, what.video, sounds_of(hub, codec) if codec else None)

        def reel(at_ms: int, sparse_ms: int) -> ReadNext:
            past = (context.recorder, what.camera, what.choice.name, at_ms)
            return PacketReel(*past, codec=what.video.codec, sparse_ms=sparse_ms).next

        archive = PlaybackArchive(
            reel, lambda: recorded_sounds(codec), self._reading, why_not(the_session(request), Access.VIEW)
        )
        return ViewerSession(peer, clock, show, archive, what.orders, peer.send_text)


async def while_allowed(
    request: Request, peer: PeerConnection, choice: StreamChoice, is_there: Callable[[], bool]
) -> None:
    """End the connection once the right to see ends. is_there: returns whether the stream still exists."""
    while not peer.ended.is_set():
        await asyncio.sleep(LOOK_S)
        if await has_ended(request):
            peer.end("you no longer have access")
        elif sees_unmasked(the_session(request), choice):
            peer.end("a privacy setting changed")
        elif not is_there():
            peer.end("the camera was reconfigured")


async def _while_a_camera(context: "AppContext", request: Request, peer: PublishingConnection, phone: str) -> None:
    """End a phone's connection once its token was revoked, or its camera removed."""
    while not peer.ended.is_set():
        await asyncio.sleep(LOOK_S)
        if await has_ended(request) or context.setup.camera_of_phone(phone) is None:
            peer.end(why="it was removed")


def _formats(hub: Hub) -> tuple[VideoFormat, AudioFormat | None]:
    """Return the current formats. Raises RequestRefused: when WebRTC cannot carry the video."""
    recent = hub.recent(SOUND_SEEN_S)
    pictures = [packet for packet in recent if packet.is_video]
    newest = next((packet.format for packet in reversed(pictures) if packet.is_keyframe), None)
    if not isinstance(newest, VideoFormat):
        raise RequestRefused(
            404, "no_picture", "No live video from this camera right now.", "Check the camera's status."
        )
    if reorder_depth(packet.pts for packet in pictures):
        raise RequestRefused(
            409, "no_way", "WebRTC can't carry this camera's video (it uses B-frames).", "Use another way."
        )
    sound = next((packet.format for packet in reversed(recent) if isinstance(packet.format, AudioFormat)), None)
    return newest, sound
