"""Talkback: audio from the browser's microphone to a camera, over a WebSocket.

After `{"open": true}` the browser sends samples: 16 bits, little-endian, 8 kHz, mono.
"""

import asyncio
from functools import partial

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from tawny.api import schemas as shapes
from tawny.api.auth.access import Access, Signed, caller_of, rule
from tawny.api.context import Here
from tawny.api.parameters import OneCamera
from tawny.api.websockets import run_while_allowed
from tawny.api.workers import WorkerRoute
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId
from tawny.service.talkback import TalkbackBusy
from tawny.sources.source import Speaker

MOST_S = 60.0
"""Time limit in s, in case a page hangs."""
SILENT_S = 3.0
BUSY, LONG, REFUSED = 4409, 4408, 4502
router = APIRouter(prefix="/api/v1/cameras/{camera}", route_class=WorkerRoute)
direct = [rule(Access.DIRECT)]


@router.get("/talk", dependencies=direct)
async def can_talk(camera: OneCamera, here: Here) -> shapes.TalkbackInfo:
    """Return whether the camera has a loudspeaker. The first call queries the camera."""
    return shapes.TalkbackInfo(can=await here.talking.can(camera))


@router.websocket("/talk", dependencies=direct)
async def talk(socket: WebSocket, camera: OneCamera, here: Here, signed: Signed) -> None:
    """Talk to the camera. Ends after MOST_S, after SILENT_S without audio, or when the right to talk ends."""
    await socket.accept()
    try:
        async with here.talking.speaking(camera) as speaker:
            await asyncio.to_thread(here.accounts.note, "talked", signed.person.name, caller_of(socket), camera)
            await socket.send_json({"open": True})
            await run_while_allowed(socket, _carry(socket, here, camera, speaker))
    except TalkbackBusy:
        await socket.close(BUSY, "Someone else is talking to this camera.")
    except SourceError as error:
        await socket.close(REFUSED, error.for_viewers[:120])
    except WebSocketDisconnect:
        return


async def _carry(socket: WebSocket, here: Here, camera: CameraId, speaker: Speaker) -> None:
    clock = here.recorder.clock
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
        await here.calls.run(f"talk {camera}", partial(speaker.speak, sound[: len(sound) // 2 * 2]))
