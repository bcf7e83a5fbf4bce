"""Live video and talkback by WebSocket, one socket per view, so that views do not delay each other.

`/cameras/{id}/live`: fragmented MP4. The client acknowledges messages (`got`). A slow client gets no data until it has
caught up, then continues at the newest keyframe, because queued data would be outdated.
`/cameras/{id}/pictures`: JPEGs; each is sent after the previous one was shown.
`/cameras/{id}/talk`: after `{"open": true}` the browser sends samples: 16 bits, little-endian, 8 kHz, mono.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.websockets import WebSocket, WebSocketDisconnect

from tawny.api import schemas as shapes
from tawny.api.auth.access import (
    BEGIN_AGAIN,
    NOT_THERE,
    PING_S,
    Access,
    OneCamera,
    Signed,
    caller_of,
    parse_list,
    rule,
    run_duplex,
    run_while_allowed,
    the_session,
)
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused
from tawny.api.live.camera_routes import SMALL_WIDTH, Fps, Quality, Width, hub_for_pictures
from tawny.api.live.stream_access import sees_unmasked, stream_for_session
from tawny.api.request_handling import WorkerRoute
from tawny.live import jpeg_stream
from tawny.live.fragmenter import NewInitSegment
from tawny.live.jpeg_stream import JpegOptions, rounded_width
from tawny.live.stream_choice import StreamChoice
from tawny.live.viewer import LiveViewer, ViewerPacing
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId
from tawny.service.talkback import TalkbackBusy
from tawny.sources.source import Speaker
from tawny.stream.hub import Hub

MOST_GATHERED_S = 0.5
router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)


class LiveSocketMessage(BaseModel):
    """A message from the browser. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")
    pause: bool | None = None
    got: Annotated[int, Field(ge=0)] | None = None
    """Total number of video messages received."""


class FrameShown(BaseModel):
    """The last image was shown: send the next."""

    model_config = ConfigDict(extra="ignore")


@router.websocket("/cameras/{camera}/live", dependencies=[rule(Access.SEE)])
async def live(
    socket: WebSocket,
    camera: OneCamera,
    context: Context,
    signed: Signed,
    stream: Literal["main", "sub", "auto"] = "auto",
    can: Annotated[str, Query(max_length=100)] = "h264",
    gather: Annotated[float, Query(ge=0, le=MOST_GATHERED_S, allow_inf_nan=False)] = 0.0,
) -> None:
    """Fragmented MP4.

    can: codecs the browser plays, for example `h264,h265`; `auto` selects the main stream if it is playable.
    gather: seconds of video per message.
    """
    await socket.accept()
    choice = stream_for_session(context, signed, camera, stream, parse_list(can))
    if choice is None:
        await socket.close(NOT_THERE, "Camera not found.")
        return
    with choice.opened() as hub:
        viewer = LiveViewer(hub, context.recorder.clock, gather)
        pace = ViewerPacing(lambda paused: viewer.pause(paused=paused), context.recorder.clock)

        def on_message(message: LiveSocketMessage) -> None:
            if message.pause is not None:
                pace.pause(paused=message.pause)
            if message.got is not None:
                pace.got(message.got)

        try:
            with context.viewers.one_more(camera, choice.name):
                await run_duplex(
                    socket, _show(socket, viewer, pace, context, camera, choice), LiveSocketMessage, on_message
                )
        finally:
            viewer.close()


@router.websocket("/cameras/{camera}/pictures", dependencies=[rule(Access.SEE)])
async def pictures(
    socket: WebSocket,
    camera: OneCamera,
    context: Context,
    width: Width = SMALL_WIDTH,
    fps: Fps = 10.0,
    quality: Quality = 75,
) -> None:
    """JPEGs: each message is the capture time (UTC ms, 8 bytes, big-endian) and a JPEG. Send `{}` for the next one."""
    await socket.accept()
    try:
        hub, name = hub_for_pictures(context, camera, width)
    except RequestRefused as refused:
        await socket.close(NOT_THERE, refused.what)
        return
    wanted = asyncio.Event()
    options = JpegOptions(rounded_width(width), fps, quality)
    with context.viewers.one_more(camera, name):
        sending = _each(socket, hub, options, wanted, lambda: context.recorder.hub(camera, name) is hub)
        await run_duplex(socket, sending, FrameShown, lambda _: wanted.set())


async def _each(
    socket: WebSocket, hub: Hub, options: JpegOptions, wanted: asyncio.Event, is_there: Callable[[], bool]
) -> None:
    shown = -1
    async for still in jpeg_stream.jpeg_pictures(hub, options, again_s=PING_S):
        if not is_there():
            await socket.close(BEGIN_AGAIN, "The camera was reconfigured.")
            return
        if still.number == shown:
            continue
        shown = still.number
        wanted.clear()
        await socket.send_bytes(still.at_ms.to_bytes(8, "big") + still.jpeg)
        await wanted.wait()


async def _show(
    socket: WebSocket,
    viewer: LiveViewer,
    pace: ViewerPacing,
    context: AppContext,
    camera: CameraId,
    choice: StreamChoice,
) -> None:
    name = choice.name
    async for message in viewer.messages():
        if sees_unmasked(the_session(socket), choice):
            await socket.close(BEGIN_AGAIN, "A privacy setting changed.")
            return
        if isinstance(message, bytes):
            await socket.send_bytes(message)
            pace.sent()
        elif isinstance(message, NewInitSegment):
            await socket.send_json(
                {
                    "mime": message.mime,
                    "stream": name.value,
                    "start_ms": message.start_ms,
                    "width": message.width,
                    "height": message.height,
                    "turned": choice.turns,
                }
            )
            await socket.send_bytes(message.init)
        elif context.recorder.hub(camera, name) is choice.source:
            await socket.send_json(_waiting(context, camera))
        else:
            await socket.close(BEGIN_AGAIN, "The camera was reconfigured.")
            return


def _waiting(context: AppContext, camera: CameraId) -> dict[str, object]:
    status = next((one.status for one in context.recorder.cameras() if one.status.id == camera), None)
    state, detail = (status.state.value, status.detail) if status else ("off", "")
    return {"waiting": True, "state": state, "detail": detail}


# Talkback: audio from the browser's microphone to a camera, over a WebSocket.

MOST_S = 60.0
"""Time limit in s, in case a page hangs."""
SILENT_S = 3.0
BUSY, LONG, REFUSED = 4409, 4408, 4502
direct = [rule(Access.DIRECT)]


@router.get("/cameras/{camera}/talk", dependencies=direct)
async def read_talkback(camera: OneCamera, context: Context) -> shapes.TalkbackInfo:
    """Return whether the camera has a loudspeaker. The first call queries the camera."""
    return shapes.TalkbackInfo(can=await context.talking.can(camera))


@router.websocket("/cameras/{camera}/talk", dependencies=direct)
async def talk(socket: WebSocket, camera: OneCamera, context: Context, signed: Signed) -> None:
    """Talk to the camera. Ends after MOST_S, after SILENT_S without audio, or when the right to talk ends."""
    await socket.accept()
    try:
        async with context.talking.speaking(camera, signed.key) as speaker:
            await asyncio.to_thread(context.accounts.note, "talked", signed.person.name, caller_of(socket), camera)
            await socket.send_json({"open": True})
            await run_while_allowed(socket, _carry(socket, context, camera, speaker))
    except TalkbackBusy:
        await socket.close(BUSY, "Someone else is talking to this camera.")
    except SourceError as error:
        await socket.close(REFUSED, error.for_viewers[:120])
    except WebSocketDisconnect:
        return


async def _carry(socket: WebSocket, context: Context, camera: CameraId, speaker: Speaker) -> None:
    clock = context.recorder.clock
    until_s = clock.mono_s() + MOST_S
    while True:
        try:
            async with asyncio.timeout(SILENT_S):
                sound = await socket.receive_bytes()
        except (TimeoutError, KeyError):
            await socket.close(LONG, "No sound was received.")
            return
        if clock.mono_s() > until_s:
            await socket.close(LONG, "Time limit reached. Press again to continue.")
            return
        # not in the loop: the camera's own messages are read with it
        await context.calls.run(f"talk {camera}", partial(speaker.speak, sound[: len(sound) // 2 * 2]))
