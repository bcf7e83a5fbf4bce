"""MJPEG over HTTP (multipart/x-mixed-replace), for other software and browsers without alternatives."""

from collections.abc import AsyncGenerator

from tawny.live.jpeg_stream import JpegOptions, JpegStream
from tawny.live.shared import share_once
from tawny.live.snapshots import Snapshot
from tawny.live.wakeup import Wakeup
from tawny.stream.hub import Hub

BOUNDARY = "picture"
OPENING = f"--{BOUNDARY}\r\n".encode()
"""Sent before the first part."""
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
LOOK_S = 4.0
"""Maximum time between parts, in seconds. Sending detects clients that have disconnected."""


async def multipart_stream(hub: Hub, wish: JpegOptions) -> AsyncGenerator[bytes]:
    """Yield one part per image and repeat the last one while idle.

    Each part ends with the boundary: browsers wait for it.
    """
    yield OPENING
    async for still in jpeg_pictures(hub, wish, again_s=LOOK_S):
        yield multipart_part(still)


def multipart_part(still: Snapshot) -> bytes:
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(still.jpeg)}\r\nX-At-Ms: {still.at_ms}\r\n\r\n"
    return head.encode() + still.jpeg + b"\r\n" + OPENING


async def jpeg_pictures(hub: Hub, wish: JpegOptions, again_s: float) -> AsyncGenerator[Snapshot]:
    """Yield the newest image whenever the consumer is ready. Repeat the last one after `again_s` without a new one."""
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
