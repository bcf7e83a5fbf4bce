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

from tawny.live import mjpeg
from tawny.live.choice import Choice
from tawny.live.fragmenter import Begin
from tawny.live.jpegs import Wish
from tawny.live.pace import Pace
from tawny.live.pictures import rounded_width
from tawny.live.viewer import Viewer
from tawny.model.ids import CameraId
from tawny.stream.hub import Hub
from tawny.web.access import NOT_THERE, Access, Signed, rule, the_session
from tawny.web.camera_routes import SMALL_WIDTH, Fps, Quality, Width, hub_for_pictures
from tawny.web.choosing import chosen, is_bare
from tawny.web.limits import OneCamera, split
from tawny.web.problems import Refused
from tawny.web.site import Here, Site
from tawny.web.sockets import LOOK_S, SessionWatch, talk

BEGIN_AGAIN = 1012
MOST_GATHERED_S = 0.5
router = APIRouter(prefix="/api/v1")


class Said(BaseModel):
    """All that a browser may say. What is not known is left aside."""

    model_config = ConfigDict(extra="ignore")
    pause: bool | None = None
    got: Annotated[int, Field(ge=0)] | None = None
    """How many messages with video have come, all in all."""


class Shown(BaseModel):
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
    choice = chosen(here, signed, camera, stream, split(can))
    if choice is None:
        await socket.close(NOT_THERE, "Camera not found.")
        return
    with choice.opened() as hub:
        viewer = Viewer(hub, here.recorder.clock, gather)
        pace = Pace(viewer, here.recorder.clock)

        def hear(said: Said) -> None:
            if said.pause is not None:
                pace.pause(paused=said.pause)
            if said.got is not None:
                pace.got(said.got)

        try:
            with here.viewers.one_more(camera, choice.name):
                await talk(socket, _show(socket, viewer, pace, here, camera, choice), Said, hear)
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
    except Refused as refused:
        await socket.close(NOT_THERE, refused.what)
        return
    wanted = asyncio.Event()
    wish = Wish(rounded_width(width), fps, quality)
    with here.viewers.one_more(camera, name):
        await talk(socket, _each(socket, hub, wish, wanted, here), Shown, lambda _: wanted.set())


async def _each(socket: WebSocket, hub: Hub, wish: Wish, wanted: asyncio.Event, here: Site) -> None:
    watch = SessionWatch(socket, here.recorder.clock)
    shown = -1
    async for still in mjpeg.pictures(hub, wish, again_s=LOOK_S):
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


async def _show(socket: WebSocket, viewer: Viewer, pace: Pace, here: Site, camera: CameraId, choice: Choice) -> None:
    watch = SessionWatch(socket, here.recorder.clock)
    name = choice.name
    async for message in viewer.messages():
        if await watch.is_over():
            return
        if is_bare(the_session(socket), choice):
            await socket.close(BEGIN_AGAIN, "A privacy setting changed.")
            return
        if isinstance(message, bytes):
            await socket.send_bytes(message)
            pace.sent()
        elif isinstance(message, Begin):
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


def _waiting(here: Site, camera: CameraId) -> dict[str, object]:
    status = next((one.status for one in here.recorder.cameras() if one.status.id == camera), None)
    state, detail = (status.state.value, status.detail) if status else ("off", "")
    return {"waiting": True, "state": state, "detail": detail}
