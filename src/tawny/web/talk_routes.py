"""A person's voice to a camera: sound from the browser's microphone over a WebSocket, as long as a button is held.

The browser sends samples (16 bits, little-endian, 8 kHz, one channel) as they come, once it is told `{"open": true}`.
"""

import asyncio

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from tawny.model.errors import SourceError
from tawny.sources.source import Speaker
from tawny.web import live_shapes as shapes
from tawny.web.access import Access, Signed, caller_of, rule
from tawny.web.limits import OneCamera
from tawny.web.site import Here
from tawny.web.sockets import SessionWatch
from tawny.web.talking import Busy

MOST_S = 60.0
"""Nobody holds a button longer; a page that hangs does."""
SILENT_S = 3.0
BUSY, LONG, REFUSED = 4409, 4408, 4502
router = APIRouter(prefix="/api/v1/cameras/{camera}")
direct = [rule(Access.DIRECT)]


@router.get("/talk", dependencies=direct)
async def can_talk(camera: OneCamera, here: Here) -> shapes.CanTalk:
    """Whether the camera has a loudspeaker that can be spoken to. The first time, the camera is asked."""
    return shapes.CanTalk(can=await here.talking.can(camera))


@router.websocket("/talk", dependencies=direct)
async def talk(socket: WebSocket, camera: OneCamera, here: Here, signed: Signed) -> None:
    """Ends by itself: after MOST_S, after SILENT_S without sound, and with the right to speak."""
    await socket.accept()
    try:
        async with here.talking.speaking(camera) as speaker:
            await asyncio.to_thread(here.accounts.note, "talked", signed.person.name, caller_of(socket), camera)
            await socket.send_json({"open": True})
            await _carry(socket, here, speaker)
    except Busy:
        await socket.close(BUSY, "Someone else is talking to this camera.")
    except SourceError as error:
        await socket.close(REFUSED, error.for_viewers[:120])
    except WebSocketDisconnect:
        return


async def _carry(socket: WebSocket, here: Here, speaker: Speaker) -> None:
    clock = here.recorder.clock
    until_s, watch = clock.mono_s() + MOST_S, SessionWatch(socket, clock)
    while not await watch.is_over():
        try:
            async with asyncio.timeout(SILENT_S):
                sound = await socket.receive_bytes()
        except (TimeoutError, KeyError):
            await socket.close(LONG, "No sound was received.")
            return
        if clock.mono_s() > until_s:
            await socket.close(LONG, "Time limit reached. Press again to continue.")
            return
        speaker.speak(sound[: len(sound) // 2 * 2])
