"""Live video: `/api/v1/cameras/{id}/live`, a socket of its own for each picture, so that none delays another."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.websockets import WebSocket

from tawny.live.fragmenter import Begin
from tawny.live.viewer import Viewer
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VideoFormat
from tawny.stream.hub import Hub
from tawny.web.access import NOT_THERE, Access, rule
from tawny.web.limits import OneCamera, split
from tawny.web.site import Here, Site
from tawny.web.sockets import SessionWatch, talk

BEGIN_AGAIN = 1012
router = APIRouter(prefix="/api/v1")


class Pause(BaseModel):
    """All that a browser may say. What is not known is left aside."""

    model_config = ConfigDict(extra="ignore")
    pause: bool | None = None


@router.websocket("/cameras/{camera}/live", dependencies=[rule(Access.SEE)])
async def live(
    socket: WebSocket,
    camera: OneCamera,
    here: Here,
    stream: Literal["main", "sub", "auto"] = "auto",
    can: Annotated[str, Query(max_length=100)] = "h264",
) -> None:
    """can: the codecs that the browser plays, `h264,h265`, for `auto`: the large picture if it can be played."""
    await socket.accept()
    name = choose(here, camera, stream, split(can))
    hub = name and here.recorder.hub(camera, name)
    if name is None or not hub:
        await socket.close(NOT_THERE, "There is no such camera.")
        return
    viewer = Viewer(hub, here.recorder.clock)

    def hear(said: Pause) -> None:
        if said.pause is not None:
            viewer.pause(paused=said.pause)

    try:
        with here.viewers.one_more(camera, name):
            await talk(socket, _show(socket, hub, viewer, here, camera, name), Pause, hear)
    finally:
        viewer.close()


async def _show(socket: WebSocket, hub: Hub, viewer: Viewer, here: Site, camera: CameraId, name: StreamName) -> None:
    watch = SessionWatch(socket, here.recorder.clock)
    async for message in viewer.messages():
        if await watch.is_over():
            return
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        elif isinstance(message, Begin):
            await socket.send_json(
                {
                    "mime": message.mime,
                    "stream": name.value,
                    "start_ms": message.start_ms,
                    "width": message.width,
                    "height": message.height,
                }
            )
            await socket.send_bytes(message.init)
        elif here.recorder.hub(camera, name) is hub:
            await socket.send_json(_waiting(here, camera))
        else:
            await socket.close(BEGIN_AGAIN, "The camera was set up anew.")
            return


def _waiting(here: Site, camera: CameraId) -> dict[str, object]:
    status = next((one.status for one in here.recorder.cameras() if one.status.id == camera), None)
    state, detail = (status.state.value, status.detail) if status else ("off", "")
    return {"waiting": True, "state": state, "detail": detail}


def choose(here: Site, camera: CameraId, wanted: str, can: list[str]) -> StreamName | None:
    """The stream to show; None when there is no such camera.

    A stream that is named but not configured is replaced by the other. `auto`: the large picture, unless the browser
    cannot play it and can play the small one, or only the small one is coming.
    """
    hubs = {name: hub for name in StreamName if (hub := here.recorder.hub(camera, name)) is not None}
    if wanted != "auto":
        return next((name for name in (StreamName(wanted), *hubs) if name in hubs), None)
    tests: list[Callable[[Hub], bool]] = [lambda hub: _codec(hub) in can, lambda hub: _codec(hub) is not None]
    for is_good in tests:
        for name in (StreamName.MAIN, StreamName.SUB):
            if name in hubs and is_good(hubs[name]):
                return name
    return next(iter(hubs), None)


def _codec(hub: Hub) -> str | None:
    """Of what comes at present."""
    keyframe = next(iter(hub.recent(0.0)), None)
    return keyframe.format.codec if keyframe and isinstance(keyframe.format, VideoFormat) else None
