"""The test camera of `tawny.testing` leaves nothing behind: what it left open would be reported in any later test."""

import gc
import socket
from contextlib import ExitStack

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera

VIEWERS = 20


def test_connections_of_the_last_moment_are_closed() -> None:
    clip = made_clip(ClipSpec(seconds=1))
    for _ in range(5):
        with ExitStack() as viewers, RtspCamera(clip) as camera:
            for _ in range(VIEWERS):
                viewer = viewers.enter_context(socket.socket())
                viewer.setblocking(False)
                viewer.connect_ex((camera.host, camera.port))
    gc.collect()  # a socket that is open is a warning, and so a failure
