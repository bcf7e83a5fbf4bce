"""The newest pictures as one endless multipart answer, for other programs, and for pages that can show nothing else."""

from collections.abc import AsyncGenerator

from tawny.live.jpeg_stream import JpegOptions, JpegStream
from tawny.live.shared import share_once
from tawny.live.snapshots import Snapshot
from tawny.live.wakeup import Wakeup
from tawny.stream.hub import Hub

BOUNDARY = "picture"
OPENING = f"--{BOUNDARY}\r\n".encode()
"""Before the first part."""
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
LOOK_S = 4.0
"""So often at least something is sent, which is the way to learn that nobody looks any more."""


async def multipart_stream(hub: Hub, wish: JpegOptions) -> AsyncGenerator[bytes]:
    """A part a picture, the last one again while nothing comes. Each ends with the boundary: browsers wait for it."""
    yield OPENING
    async for still in jpeg_pictures(hub, wish, again_s=LOOK_S):
        yield multipart_part(still)


def multipart_part(still: Snapshot) -> bytes:
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(still.jpeg)}\r\nX-At-Ms: {still.at_ms}\r\n\r\n"
    return head.encode() + still.jpeg + b"\r\n" + OPENING


async def jpeg_pictures(hub: Hub, wish: JpegOptions, again_s: float) -> AsyncGenerator[Snapshot]:
    """Each picture when whoever asks is ready for it, so always the newest; the last one again after `again_s`."""
    wakeup = Wakeup()
    look = share_once(JpegStream, hub, lambda: JpegStream(hub)).look(wish, wakeup)
    shown: Snapshot | None = None
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
