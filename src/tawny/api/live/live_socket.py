"""Live video by WebSocket, a socket of its own for each picture, so that none delays another.

`/cameras/{id}/live`: fragments of MP4 as they come. A viewer says how many it has taken (`got`); one that falls behind
is sent nothing until it has caught up, and then goes on with the newest keyframe: what waits in the network for it
would be old. `/cameras/{id}/pictures`: JPEGs, the next when the last one was shown.
"""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.websockets import WebSocket

from tawny.api.auth.access import NOT_THERE, Access, Signed, rule, the_session
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused
from tawny.api.live.camera_routes import SMALL_WIDTH, Fps, Quality, Width, hub_for_pictures
from tawny.api.live.stream_access import sees_unmasked, stream_for_session
from tawny.api.parameters import OneCamera, parse_list
from tawny.api.websockets import LOOK_S, SessionWatch, run_duplex
from tawny.live import mjpeg
from tawny.live.fragmenter import NewInitSegment
from tawny.live.jpeg_stream import JpegOptions
from tawny.live.snapshots import rounded_width
from tawny.live.stream_choice import StreamChoice
from tawny.live.viewer import LiveViewer
from tawny.live.viewer_pacing import ViewerPacing
from tawny.model.ids import CameraId
from tawny.stream.hub import Hub

BEGIN_AGAIN = 1012
MOST_GATHERED_S = 0.5
router = APIRouter(prefix="/api/v1")


class LiveSocketMessage(BaseModel):
    """All that a browser may say. What is not known is left aside."""

    model_config = ConfigDict(extra="ignore")
    pause: bool | None = None
    got: Annotated[int, Field(ge=0)] | None = None
    """How many messages with video have come, all in all."""


class FrameShown(BaseModel):
    """The last picture was shown: the next may come."""

    model_config = ConfigDict(extra="ignore")


@router.websocket("/cameras/{camera}/live", dependencies=[rule(Access.SEE)])
async def live(
    socket: WebSocket,
    camera: OneCamera,
    here: Here,
    signed: Signed,
    stream: Literal["main", "sub", "auto"] = "auto",
    can: Annotated[str, Query(max_length=100)] = "h264",
    gather: Annotated[float, Query(ge=0, le=MOST_GATHERED_S, allow_inf_nan=False)] = 0.0,
) -> None:
    """can: the codecs that the browser plays, `h264,h265`, for `auto`: the large picture if it can be played.

    gather: seconds whose pictures come in one message.
    """
    await socket.accept()
    choice = stream_for_session(here, signed, camera, stream, parse_list(can))
    if choice is None:
        await socket.close(NOT_THERE, "Camera not found.")
        return
    with choice.opened() as hub:
        viewer = LiveViewer(hub, here.recorder.clock, gather)
        pace = ViewerPacing(viewer, here.recorder.clock)

        def hear(said: LiveSocketMessage) -> None:
            if said.pause is not None:
                pace.pause(paused=said.pause)
            if said.got is not None:
                pace.got(said.got)

        try:
            with here.viewers.one_more(camera, choice.name):
                await run_duplex(socket, _show(socket, viewer, pace, here, camera, choice), LiveSocketMessage, hear)
        finally:
            viewer.close()


@router.websocket("/cameras/{camera}/pictures", dependencies=[rule(Access.SEE)])
async def pictures(
    socket: WebSocket,
    camera: OneCamera,
    here: Here,
    width: Width = SMALL_WIDTH,
    fps: Fps = 10.0,
    quality: Quality = 75,
) -> None:
    """Each message: when it was taken (UTC ms, 8 bytes), then a JPEG. Say anything (`{}`) for the next one."""
    await socket.accept()
    try:
        hub, name = hub_for_pictures(here, camera, width)
    except RequestRefused as refused:
        await socket.close(NOT_THERE, refused.what)
        return
    wanted = asyncio.Event()
    wish = JpegOptions(rounded_width(width), fps, quality)
    with here.viewers.one_more(camera, name):
        await run_duplex(socket, _each(socket, hub, wish, wanted, here), FrameShown, lambda _: wanted.set())


async def _each(socket: WebSocket, hub: Hub, wish: JpegOptions, wanted: asyncio.Event, here: AppContext) -> None:
    watch = SessionWatch(socket, here.recorder.clock)
    shown = -1
    async for still in mjpeg.jpeg_pictures(hub, wish, again_s=LOOK_S):
        if await watch.is_over():
            return
        if still.number == shown:
            continue
        shown = still.number
        wanted.clear()
        await socket.send_bytes(still.at_ms.to_bytes(8, "big") + still.jpeg)
        while not await _is_set(wanted, LOOK_S):
            if await watch.is_over():
                return


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False


async def _show(
    socket: WebSocket, viewer: LiveViewer, pace: ViewerPacing, here: AppContext, camera: CameraId, choice: StreamChoice
) -> None:
    watch = SessionWatch(socket, here.recorder.clock)
    name = choice.name
    async for message in viewer.messages():
        if await watch.is_over():
            return
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
        elif here.recorder.hub(camera, name) is choice.source:
            await socket.send_json(_waiting(here, camera))
        else:
            await socket.close(BEGIN_AGAIN, "The camera was reconfigured.")
            return


def _waiting(here: AppContext, camera: CameraId) -> dict[str, object]:
    status = next((one.status for one in here.recorder.cameras() if one.status.id == camera), None)
    state, detail = (status.state.value, status.detail) if status else ("off", "")
    return {"waiting": True, "state": state, "detail": detail}
