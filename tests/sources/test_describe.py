"""What a camera may answer when it is asked what it has, and that it gets no more than it should."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tawny.model.errors import (
    SourceError,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.times import SystemClock
from tawny.protocols.sdp import SdpDescription
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.ffmpeg_guard import FfmpegGate, describe
from tawny.sources.source import SourceLoginUnknown
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup, answer
from tests.support.ports import free_port

SECRET = "s3cret/pässword"


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec(seconds=1)), CameraSetup(user="me", password=SECRET)) as camera:
        yield camera


def ask(camera: RtspCamera, deadline_s: float = 2.0, *, login: str = "me:s3cret%2Fp%C3%A4ssword") -> SdpDescription:
    address = parse_rtsp(f"rtsp://{login}@127.0.0.1:{camera.port}/stream")
    return describe(address, SystemClock(), deadline_s)


def failing(camera: RtspCamera, deadline_s: float = 2.0) -> SourceError:
    with pytest.raises(SourceError) as failed:
        ask(camera, deadline_s)
    text = f"{failed.value} {failed.value!r} {failed.value.where} {failed.value.detail}"
    assert SECRET not in text
    assert "me:" not in text
    return failed.value


def test_a_camera_says_what_it_has(camera: RtspCamera) -> None:
    described = ask(camera)
    assert described.video is not None
    assert (described.video.video_codec, described.video.fps, described.tool) == ("h264", 15.0, "tawny test camera")
    assert camera.viewers[0].requests == ["OPTIONS", "DESCRIBE"]


@pytest.mark.parametrize(("form", "name"), [("basic", "Basic"), ("md5", "Digest MD5"), ("sha-256", "Digest SHA-256")])
def test_it_logs_in_when_asked_to(camera: RtspCamera, form: str, name: str) -> None:
    camera.setup.login = form
    assert ask(camera).login == name


def test_a_wrong_password_is_refused(camera: RtspCamera) -> None:
    camera.setup.login, camera.setup.password = "md5", "another"
    assert type(failing(camera)) is SourceRefused
    assert len(camera.viewers[0].requests) <= 4


def test_a_sign_in_that_is_not_known_is_named(camera: RtspCamera) -> None:
    asked = 'WWW-Authenticate: Digest realm="r", nonce="1", algorithm=SHA-512-256'
    camera.faults.answers = {"DESCRIBE": answer("401 Unauthorized", asked)}
    assert (type(failed := failing(camera)), failed.detail) == (SourceLoginUnknown, "SHA-512-256")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("401 Unauthorized", SourceRefused),
        ("403 Forbidden", SourceRefused),
        ("404 Not Found", SourceNotFound),
        ("453 Not Enough Bandwidth", SourceError),
        ("503", SourceError),
        ("999 ", SourceError),
    ],
)
def test_every_status_has_its_error(camera: RtspCamera, status: str, kind: type[SourceError]) -> None:
    camera.faults.answers["DESCRIBE"] = answer(status)
    error = failing(camera)
    assert type(error) is kind
    assert status.split()[0] in error.detail


def test_a_camera_that_does_not_know_options_is_asked_all_the_same(camera: RtspCamera) -> None:
    camera.faults.answers["OPTIONS"] = answer("501 Not Implemented")
    assert ask(camera).video is not None


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE"])
@pytest.mark.parametrize("target", ["rtsp://elsewhere.example:99/x", "file:///etc/passwd", "http://[bad", ""])
def test_a_redirect_is_refused(camera: RtspCamera, method: str, target: str) -> None:
    camera.setup.login = "basic"
    camera.faults.answers[method] = answer("302 Moved", f"Location: {target}")
    assert type(failing(camera)) is SourceRedirected


def test_a_redirect_is_told_without_the_login_it_names(camera: RtspCamera) -> None:
    camera.faults.answers["DESCRIBE"] = answer("301 Moved", "Location: rtsp://me:pw@elsewhere.example:99/x")
    assert failing(camera).detail == "to rtsp://elsewhere.example:99"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"220 mail.example\r\n\r\n",
        b"\0" * 100 + b"\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nX: " + b"x" * 40_000,
        b"RTSP/1.0 200 OK\r\nContent-Length: 4294967296\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 64001\r\n\r\n",
    ],
    ids=["http", "mail", "zeros", "endless", "4-gib", "negative", "long"],
)
def test_what_is_no_answer_or_too_long_is_an_error_at_once(camera: RtspCamera, raw: bytes) -> None:
    camera.faults.answers["DESCRIBE"] = raw
    assert type(failing(camera)) is SourceError


def test_a_long_description_within_the_limit_is_read(camera: RtspCamera) -> None:
    sdp = "a=x:" + "y" * 50_000 + "\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    camera.faults.sdp = sdp.encode()
    assert ask(camera).video is not None


@pytest.mark.parametrize(
    ("sdp", "says"),
    [
        (b"", "no streams"),
        (b"m=video 0 RTP/AVP 26\r\n", "JPEG video"),
        (b"m=audio 0 RTP/AVP 0\r\n", "PCMU audio"),
        (b"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n" * 1000, "64"),
    ],
    ids=["empty", "jpeg", "sound", "thousands"],
)
def test_what_cannot_be_recorded_is_named(camera: RtspCamera, sdp: bytes, says: str) -> None:
    camera.faults.sdp = sdp
    error = failing(camera)
    assert type(error) is SourceUnusable
    assert says in error.detail


@pytest.mark.parametrize("silent", ["OPTIONS", "DESCRIBE"])
def test_a_silent_camera_is_given_up_at_the_deadline(camera: RtspCamera, silent: str) -> None:
    camera.faults.silent = frozenset({silent})
    begun_s = time.monotonic()
    assert type(failing(camera, 0.3)) is SourceUnreachable
    assert 0.3 <= time.monotonic() - begun_s < 5


def test_trickling_bytes_do_not_put_the_deadline_off(camera: RtspCamera) -> None:
    camera.faults.byte_pause_s = 0.05
    begun_s = time.monotonic()
    assert type(failing(camera, 0.3)) is SourceUnreachable
    assert 0.3 <= time.monotonic() - begun_s < 5


def test_nobody_listens() -> None:
    port = free_port()
    with pytest.raises(SourceUnreachable, match="connection refused"):
        describe(parse_rtsp(f"rtsp://127.0.0.1:{port}/"), SystemClock())


@pytest.mark.parametrize("host", ["nobody.invalid", "192.168..10", "a" * 64])
def test_a_name_that_nobody_has(host: str) -> None:
    with pytest.raises(SourceUnreachable, match="unknown host name"):
        describe(parse_rtsp(f"rtsp://{host}/"), SystemClock())


def test_the_gate_to_a_name_that_nobody_can_have_closes() -> None:
    gate = FfmpegGate(parse_rtsp("rtsp://192.168..10/"))
    with socket.create_connection((gate.address.host, gate.address.port), timeout=30) as player:
        assert player.recv(1) == b""


def test_a_camera_that_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        with pytest.raises(SourceUnreachable, match="the connection was closed"):
            describe(parse_rtsp(f"rtsp://127.0.0.1:{server.getsockname()[1]}/"), SystemClock())
        thread.join()


def test_fresh_nonces_for_ever_are_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked: list[bytes] = []

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while request := connection.recv(4000):
                    asked.append(request)
                    challenge = f'WWW-Authenticate: Digest realm="r", nonce="{len(asked)}"'
                    connection.sendall(answer("401 Unauthorized", challenge))

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(SourceRefused):
            describe(parse_rtsp(f"rtsp://me:pw@127.0.0.1:{server.getsockname()[1]}/"), SystemClock())
        thread.join()
    assert len(asked) == 4
