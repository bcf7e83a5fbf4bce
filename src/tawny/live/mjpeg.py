"""The newest pictures as one endless multipart answer, for pages that can show nothing else. Keyframes only."""

import asyncio
from collections.abc import AsyncGenerator

from tawny.live.pictures import Pictures
from tawny.live.wakeup import Wakeup
from tawny.stream.hub import Hub

BOUNDARY = "picture"
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
LOOK_S = 5.0


async def parts(hub: Hub, pictures: Pictures, *, width: int, fps: float) -> AsyncGenerator[bytes]:
    """A part a keyframe, at most `fps` a second; an empty one now and then while nothing comes."""
    wakeup = Wakeup()
    reader = hub.reader(wake=wakeup)
    shown = -1
    try:
        while True:
            if hub.begin_at(0.0) > shown:
                still = await asyncio.to_thread(pictures.newest, hub, width)
                if still and still.number > shown:
                    shown = still.number
                    yield _part(still.jpeg)
                    await asyncio.sleep(1 / fps)
            if not await wakeup.wait(LOOK_S):
                yield b"\r\n"  # the way to learn that nobody looks any more
    finally:
        reader.close()


def _part(jpeg: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg + b"\r\n"
