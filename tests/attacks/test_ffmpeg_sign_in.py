"""A thief at the camera's cable where FFmpeg reads the camera: it answers what it is asked, if nothing stops it."""

import base64
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.model.errors import SourceError, SourceLoginWeaker, SourceRedirected
from tawny.model.times import SystemClock
from tawny.protocols.login_history import LoginHistory, SignIn
from tawny.sources.network_address import NetworkAddress, parse_rtsp
from tawny.sources.rtsp.ffmpeg_connection import open_through_ffmpeg
from tawny.sources.rtsp.ffmpeg_guard import FfmpegGate
from tawny.sources.rtsp.source import DEFAULTS
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until

PASSWORD = "n0t-for-thieves"
BASIC = base64.b64encode(f"me:{PASSWORD}".encode())
DIGEST = b'WWW-Authenticate: Digest realm="c", nonce="1"\r\n'
SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t0\r\n"


class Thief:
    """Offers a digest on the first connection, and something else on all later ones."""

    def __init__(self, server: socket.socket, later: bytes) -> None:
        self.heard, self._server, self._later = b"", server, later
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        first = True
        with suppress(OSError):
            while True:
                line, _ = self._server.accept()
                with line:
                    line.settimeout(5)
                    self._answer(line, is_first=first)
                first = False

    def _answer(self, line: socket.socket, *, is_first: bool) -> None:
        with suppress(OSError):
            while request := line.recv(65_536):
                self.heard += request
                found = re.search(rb"CSeq: (\d+)", request)
                sequence = b"CSeq: " + (found[1] if found else b"0") + b"\r\n"
                if request.startswith(b"OPTIONS"):
                    line.sendall(b"RTSP/1.0 200 OK\r\n" + sequence + b"\r\n")
                elif not is_first:
                    line.sendall(self._later.replace(b"CSeq\r\n", sequence))
                elif b"Authorization: Digest" not in request:
                    line.sendall(b"RTSP/1.0 401 No\r\n" + sequence + DIGEST + b"\r\n")
                else:
                    line.sendall(b"RTSP/1.0 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (sequence, len(SDP), SDP))


@contextmanager
def thief(later: bytes) -> Iterator[tuple[Thief, NetworkAddress]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Thief(server, later)
        try:
            yield made, parse_rtsp(f"rtsp://me:{PASSWORD}@127.0.0.1:{server.getsockname()[1]}/s")
        finally:
            server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("later", "error"),
    [
        (b'RTSP/1.0 401 No\r\nCSeq\r\nWWW-Authenticate: Basic realm="c"\r\n\r\n', SourceLoginWeaker),
        (b'RTSP/1.0 401 No\r\nCSeq\r\nwww-AUTHENTI\rCATE:\t Ba\rsic realm="c"\r\n\r\n', SourceLoginWeaker),
        (b"RTSP/1.0 302 Moved\r\nCSeq\r\nLocation: rtsp://127.0.0.1:1/x\r\n\r\n", SourceRedirected),
    ],
)
def test_ffmpeg_sends_no_password(later: bytes, error: type[SourceError]) -> None:
    record = LoginHistory().record("porch", "127.0.0.1", 554)
    with thief(later) as (made, address):
        with pytest.raises(error):
            open_through_ffmpeg(address, DEFAULTS, SystemClock(), record=record)
        assert b"Digest" in made.heard
        assert BASIC not in made.heard


@pytest.mark.parametrize("login", ["basic", "md5"])
def test_a_camera_is_read_through_ffmpeg_as_before(login: str) -> None:
    record = LoginHistory().record("porch", "127.0.0.1", 554)
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(user="me", password=PASSWORD, login=login)) as camera:
        address = parse_rtsp(f"rtsp://me:{PASSWORD}@127.0.0.1:{camera.port}/stream")
        connection = open_through_ffmpeg(address, DEFAULTS, SystemClock(), record=record)
        try:
            assert (connection.gate is not None) == (login == "md5")
            until(lambda: hasattr(connection.read(), "data"), 60, "a packet")
        finally:
            connection.close()
    assert record.strongest is (SignIn.MD5 if login == "md5" else SignIn.BASIC)


OFFER = b'RTSP/1.0 401 No\r\nWWW-Authenticate: Basic realm="c"\r\nWWW-Authenticate: Digest nonce="1"\r\n\r\n'


@given(st.lists(st.integers(1, len(OFFER) + 9), max_size=8), st.booleans())
@settings(max_examples=300, deadline=None)
def test_an_offer_of_basic_is_unreadable_wherever_it_is_cut(cuts: list[int], has_cr: bool) -> None:
    """All other bytes pass as they are."""
    data = b"\r$\0\0\4abc\r" + (OFFER.replace(b"Basic", b"B\ra\rsic") if has_cr else OFFER)
    gate, passed, before, at = FfmpegGate.__new__(FfmpegGate), b"", b"", 0
    gate.offers = 0
    for cut in [*sorted({one for one in cuts if one < len(data)}), len(data)]:
        piece, at = data[at:cut], cut
        examined = before + piece.replace(b"\r", b"")
        passed += gate.without_basic(piece, examined, len(before))
        before = examined[-256:]
    changed = [at for at in range(len(data)) if data[at] != passed[at]]
    assert len(passed) == len(data)
    assert [data[one : one + 1] for one in changed] == [b"c"]
    assert b"Basic" not in passed.replace(b"\r", b"")
    assert b'Digest nonce="1"' in passed


def test_the_gate_works_with_descriptors_above_1023() -> None:
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0)) as camera:
        while held.enter_context(Path(os.devnull).open("rb")).fileno() < 1100:
            pass
        gate = FfmpegGate(parse_rtsp(f"rtsp://127.0.0.1:{camera.getsockname()[1]}/x"))
        held.callback(gate.close)
        player = held.enter_context(socket.create_connection(("127.0.0.1", gate.address.port), timeout=10))
        line, _ = camera.accept()
        held.enter_context(line)
        line.settimeout(10)
        player.sendall(b"OPTIONS")
        assert line.recv(100) == b"OPTIONS"
        line.sendall(b"RTSP/1.0 200 OK")
        assert player.recv(100) == b"RTSP/1.0 200 OK"
