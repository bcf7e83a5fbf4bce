"""The test camera of `tawny.testing` leaves nothing behind: what it left open would be reported in any later test."""

import gc
import re
import socket
from contextlib import ExitStack

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until

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


def test_what_a_reset_discards_is_not_taken_for_sent() -> None:
    """A viewer that reads nothing holds up the camera's last pictures: no client could have had them."""
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speed=8)) as camera, socket.socket() as viewer:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        viewer.connect((camera.host, camera.port))

        def ask(method: str, address: str, more: str = "") -> str:
            viewer.sendall(f"{method} {address} RTSP/1.0\r\nCSeq: 1\r\n{more}\r\n".encode())
            return viewer.recv(4096).decode()

        control = re.search(r"m=video.*?a=control:(\S+)", ask("DESCRIBE", camera.address), re.DOTALL)
        assert control is not None
        address = control[1] if "://" in control[1] else f"{camera.address}/{control[1]}"
        session = re.search(r"Session: ([^;\s]+)", ask("SETUP", address, "Transport: RTP/AVP/TCP;interleaved=0-1\r\n"))
        assert session is not None
        viewer.sendall(f"PLAY {camera.address} RTSP/1.0\r\nCSeq: 2\r\nSession: {session[1]}\r\n\r\n".encode())
        until(lambda: bool(camera.playing) and sum(len(one.data) for one in camera.playing[0].sent) > 400_000)
        camera.kick()
        sent = camera.playing[0].sent
    damaged = [one.is_damaged for one in sent]
    assert damaged == sorted(damaged)
    assert sum(damaged) not in (0, len(sent))
