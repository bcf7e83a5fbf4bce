"""The newest pictures as one endless multipart answer, for other programs, and for pages that can show nothing else."""

from collections.abc import AsyncGenerator

from tawny.live.jpegs import Jpegs, Wish
from tawny.live.pictures import Still
from tawny.live.shared import shared
from tawny.live.wakeup import Wakeup
from tawny.stream.hub import Hub

BOUNDARY = "picture"
OPENING = f"--{BOUNDARY}\r\n".encode()
"""Before the first part."""
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
LOOK_S = 4.0
"""So often at least something is sent, which is the way to learn that nobody looks any more."""


async def parts(hub: Hub, wish: Wish) -> AsyncGenerator[bytes]:
    """A part a picture, the last one again while nothing comes. Each ends with the boundary: browsers wait for it."""
    yield OPENING
    async for still in pictures(hub, wish, again_s=LOOK_S):
        yield part(still)


def part(still: Still) -> bytes:
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(still.jpeg)}\r\nX-At-Ms: {still.at_ms}\r\n\r\n"
    return head.encode() + still.jpeg + b"\r\n" + OPENING


async def pictures(hub: Hub, wish: Wish, again_s: float) -> AsyncGenerator[Still]:
    """Each picture when whoever asks is ready for it, so always the newest; the last one again after `again_s`."""
    wakeup = Wakeup()
    look = shared(Jpegs, hub, lambda: Jpegs(hub)).look(wish, wakeup)
    shown: Still | None = None
    try:
        while True:
            newest = look.newest()
            if newest is not None and newest is not shown:
                shown = newest
                yield newest
            elif not await wakeup.wait(again_s) and shown is not None:
                yield shown
    finally:
        look.close()
