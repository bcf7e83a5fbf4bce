"""One connection from its first byte to its last: limits of time, signs of life, what is learned, encryption."""

import hashlib
import select
import shutil
import socket
import ssl
import subprocess
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceRedirected,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.packets import SourcePacket
from tawny.model.times import Clock, SystemClock
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.client import connection as module
from tawny.sources.rtsp.client.connection import ReceiveBuffer, RtspConnection, UdpConnection, always
from tawny.sources.rtsp.client.session import StreamMemory
from tawny.sources.rtsp.client.tcp_transport import TcpSocket
from tawny.sources.rtsp.source import DEFAULTS, Rtsp
from tawny.sources.source import CameraConnection, IdleUntil
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup, answer
from tawny.testing.waiting import until
from tests.sources.reading import Read, open_camera, opening, read_all, reason_of, sent


class AheadClock:
    """The machine's clock, and as far ahead as one likes."""

    def __init__(self) -> None:
        self._clock, self.ahead_s = SystemClock(), 0.0

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def mono_s(self) -> float:
        return self._clock.mono_s() + self.ahead_s


def begun(
    address: str, clock: Clock | None = None, memory: StreamMemory | None = None, **options: object
) -> RtspConnection:
    return RtspConnection(parse_rtsp(address), DEFAULTS | options, clock or SystemClock(), memory or StreamMemory())


def failing(connection: CameraConnection) -> SourceError:
    """What it ends with before any packet."""
    found: list[SourceError] = []

    def over() -> bool:
        try:
            assert isinstance(connection.read(), IdleUntil)
        except SourceError as error:
            found.append(error)
        return bool(found)

    until(over, 12)
    connection.close()
    return found[0]


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speed=8)) as camera:
        yield camera


def test_nothing_waits_and_packets_come(camera: RtspCamera) -> None:
    connection, came, longest_s = begun(camera.address), [], 0.0
    clock = SystemClock()

    def enough() -> bool:
        nonlocal longest_s
        begun_s = clock.mono_s()
        got = connection.read()
        longest_s = max(longest_s, clock.mono_s() - begun_s)
        if isinstance(got, SourcePacket):
            came.append(got.data)
        return len(came) >= 40

    until(enough)
    connection.close()
    assert came == sent(camera.playing[0])[:40]
    assert longest_s < 2, "a wait for a deadline"


@pytest.mark.parametrize("host", ["nobody.invalid", "192.168..10", "a" * 64])
def test_a_name_that_nobody_has_is_told_without_waiting(host: str) -> None:
    error = failing(begun(f"rtsp://{host}/"))
    assert isinstance(error, SourceUnreachable)
    assert "unknown host name" in error.message


class Resolver:
    """Answers when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers, resolve = threading.Event(), socket.getaddrinfo

        def slow(host: str, *more: Any, **named: Any) -> Any:
            if host == "cam.home":
                self.answers.wait(20)
                host = "127.0.0.1"
            return resolve(host, *more, **named)

        monkeypatch.setattr(socket, "getaddrinfo", slow)


def test_a_name_that_is_resolved_slowly_takes_nothing_of_the_cameras_time(
    camera: RtspCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver, clock = Resolver(monkeypatch), AheadClock()
    connection = begun(camera.address.replace("127.0.0.1", "cam.home"), clock)
    clock.ahead_s = module.OPEN_S + 1
    connection.read()
    resolver.answers.set()
    until(lambda: isinstance(connection.read(), SourcePacket), 10)
    connection.close()


def test_a_name_that_is_not_resolved_is_given_up_and_the_camera_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, clock = Resolver(monkeypatch), AheadClock()
    connection = begun("rtsp://cam.home/", clock)
    clock.ahead_s = module.LOOKUP_S
    error = failing(connection)
    resolver.answers.set()
    assert isinstance(error, SourceUnreachable)
    assert error.message == (
        "The name of the camera at rtsp://cam.home/ can't be resolved (no DNS server answered within 30 s)."
    )


def test_a_camera_that_never_answers_is_given_up(camera: RtspCamera) -> None:
    camera.faults.silent = frozenset("*")
    clock = AheadClock()
    connection = begun(camera.address, clock)
    until(
        lambda: isinstance(connection.read(), IdleUntil) and bool(camera.viewers) and bool(camera.viewers[0].requests)
    )
    clock.ahead_s = module.OPEN_S
    error = failing(connection)
    assert isinstance(error, SourceUnreachable)
    assert reason_of(error) == "open-timeout"


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
def test_no_login_goes_where_a_redirect_points(camera: RtspCamera, method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0)
        port = elsewhere.getsockname()[1]
        camera.setup.login, camera.setup.password = "basic", "s3cret"
        camera.faults.answers[method] = answer("302 Moved", f"Location: rtsp://viewer:s3cret@127.0.0.1:{port}/x")
        error = failing(begun(camera.address))
        assert isinstance(error, SourceRedirected)
        assert "s3cret" not in f"{error!r}{error}"
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def test_signs_of_life_are_given_in_time(camera: RtspCamera) -> None:
    clock = AheadClock()
    connection = begun(camera.address, clock)
    until(lambda: isinstance(connection.read(), SourcePacket))
    requests = camera.playing[0].requests
    for times in (1, 2):
        assert requests.count("GET_PARAMETER") < times
        for _ in range(18):
            clock.ahead_s += 1.5  # far below what counts as a stall: a busy machine adds to it
            until(lambda: isinstance(connection.read(), SourcePacket))
            until(lambda: isinstance(connection.read(), IdleUntil))
        until(lambda: connection.read() is not None and "GET_PARAMETER" in requests)
        assert requests.count("GET_PARAMETER") == times
    connection.close()


def test_a_camera_that_hangs_up_at_a_steady_age_hears_from_us_more_often() -> None:
    memory = StreamMemory()
    for age_s in (31.0, 12.0, 12.5, 11.8):
        memory.over("closed", age_s, had_pictures=True)
    assert memory.pause_s == pytest.approx(12.5 / 4, abs=0.3)


def test_ends_at_any_age_change_nothing() -> None:
    memory = StreamMemory()
    for age_s in (31.0, 12.0, 3000.0, 3001.0, 90.0):
        memory.over("closed", age_s, had_pictures=True)
    assert memory.pause_s == StreamMemory().pause_s


def test_faults_at_the_form_three_times_in_a_row_call_for_the_other_client(camera: RtspCamera) -> None:
    source = Rtsp()
    for _ in range(3):
        camera.faults.sdp = b""
        error = failing(source.begin(opening(camera.address)))
        assert isinstance(error, SourceUnusable)
        assert reason_of(error) == "sdp"
    camera.faults.sdp = None
    connection = source.begin(opening(camera.address))
    read = read_all(connection, until=lambda read: len(read.packets) >= 5)
    assert read.error is None
    assert connection.notes["client"] == "ffmpeg"
    assert "Packet loss can't be detected" in connection.notes["hint"]
    assert connection.notes["transport"] == "tcp"


@pytest.mark.parametrize("client", ["own", "auto"])
def test_other_faults_do_not(camera: RtspCamera, client: str) -> None:
    source = Rtsp()
    camera.faults.answers["DESCRIBE"] = answer("404 Not Found")
    for _ in range(4):
        failing(source.begin(opening(camera.address, client=client)))
    camera.faults.answers.clear()
    connection = source.begin(opening(camera.address, client=client))
    assert connection.notes["client"] == "own"
    connection.close()


def test_a_camera_that_ffmpeg_cannot_read_either_comes_back_to_us(camera: RtspCamera) -> None:
    source = Rtsp()
    camera.faults.sdp = b""
    for _ in range(4):
        failing(source.begin(opening(camera.address)))
    camera.faults.sdp = None
    connection = source.begin(opening(camera.address))
    assert connection.notes["client"] == "own"
    connection.close()


def test_a_connection_closed_while_it_is_still_opened_elsewhere_is_closed_then(camera: RtspCamera) -> None:
    before = set(threading.enumerate())
    connection = Rtsp().begin(opening(camera.address, client="ffmpeg"))
    connection.close()
    until(lambda: set(threading.enumerate()) == before, 12)


def test_what_was_seen_is_in_the_notes(camera: RtspCamera) -> None:
    connection = open_camera(camera, client="own")
    camera.faults.packets = lambda packets: packets[:3] + packets[4:]

    def enough(read: Read) -> bool:
        return len(read.packets) >= 40

    read = read_all(connection, until=enough)
    notes = connection.notes
    assert notes["damaged"] >= sum(packet.is_damaged for packet in read.packets) > 10
    assert notes["missing"] >= notes["gaps"] > 10


def test_memory_is_bounded_whatever_comes(camera: RtspCamera) -> None:
    camera.faults.packets = lambda packets: packets * 50
    room = ReceiveBuffer()
    connection = RtspConnection(parse_rtsp(camera.address), DEFAULTS, SystemClock(), StreamMemory(), always(room))
    read_all(connection, until=lambda read: len(read.packets) >= 20)
    assert len(room.buffer) == 512 * 1024


def test_cameras_read_by_threads_of_their_own_keep_their_bytes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with masks burned in. On a busy machine, the bytes of one camera came among those of another."""
    both, receive_into = threading.Barrier(2), TcpSocket.receive_into

    def received(self: TcpSocket, room: memoryview) -> int | None:
        came = receive_into(self, room)
        if came:
            with suppress(threading.BrokenBarrierError):
                both.wait(0.3)  # each has received before either looks at it
        return came

    monkeypatch.setattr(TcpSocket, "receive_into", received)
    source, found = Rtsp(), dict[int, Read]()
    clips = [made_clip(ClipSpec(width=width, height=96, seconds=2.0)) for width in (96, 128)]
    with RtspCamera(clips[0], CameraSetup(passes=1)) as one, RtspCamera(clips[1], CameraSetup(passes=1)) as other:
        cameras = [source.begin(opening(camera.address, None, **DEFAULTS)) for camera in (one, other)]

        def read(number: int) -> None:
            found[number] = read_all(cameras[number])

        threads = [threading.Thread(target=read, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, camera in enumerate((one, other)):
            assert found[number].good == sent(camera.playing[0])


def test_over_udp_nobody_elses_packets_are_taken() -> None:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speed=8, passes=1)) as camera:
        connection = open_camera(camera, client="own", transport="udp")
        assert isinstance(connection, UdpConnection)
        port = camera.playing[0].ports[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))

            def disturb(read: Read) -> bool:
                stranger.sendto(b"\x80\x60" + bytes(100), ("127.0.0.1", port))
                return False

            read = read_all(connection, until=disturb)
        assert read.data() == sent(camera.playing[0])
        assert connection.notes["strangers"] == 0


# --- inside TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate in one file, signed by nobody."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "camera.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    where = ["-days", "2", "-subj", "/CN=camera", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run([*command, *where], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def fingerprint(certificate: Path) -> str:
    pem = certificate.with_suffix(".crt").read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@contextmanager
def encrypted(camera: RtspCamera, certificate: Path) -> Iterator[str]:
    """The camera behind TLS. Gives its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, context, camera.port), daemon=True)
        thread.start()
        yield f"rtsps://127.0.0.1:{server.getsockname()[1]}/stream"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        try:
            outside = context.wrap_socket(plain, server_side=True)
            with outside, socket.create_connection(("127.0.0.1", port)) as inside:
                _pass_on(outside, inside)
        except OSError:
            continue


def _pass_on(outside: ssl.SSLSocket, inside: socket.socket) -> None:
    """Until either side ends. By one thread: OpenSSL's connections are not for two."""
    while True:
        ready, _, _ = select.select([outside, inside], [], [])
        if inside in ready:
            data = inside.recv(65536)
            if not data:
                outside.unwrap()
                return
            outside.sendall(data)
        if outside in ready:
            data = outside.recv(65536)
            while outside.pending():
                data += outside.recv(65536)
            if not data:
                inside.shutdown(socket.SHUT_RDWR)
                return
            inside.sendall(data)


def test_an_encrypted_camera_with_the_agreed_certificate_is_read(certificate: Path) -> None:
    setup = CameraSetup("viewer", "s3cret", "basic", speed=8, passes=2)
    with RtspCamera(made_clip(ClipSpec(sound="aac")), setup) as camera, encrypted(camera, certificate) as address:
        address = address.replace("//", "//viewer:s3cret@")
        read = read_all(open_camera(camera, address, fingerprint=fingerprint(certificate)))
        assert read.data() == sent(camera.playing[0])
    assert isinstance(read.error, SourceClosed)


@pytest.mark.parametrize("pinned", ["", "00" * 32])
def test_a_certificate_that_is_not_trusted_gets_no_request(camera: RtspCamera, certificate: Path, pinned: str) -> None:
    with encrypted(camera, certificate) as address:
        error = failing(begun(address, fingerprint=pinned))
    assert reason_of(error) == "certificate"
    assert (fingerprint(certificate) in error.detail) == bool(pinned)
    assert all(not viewer.requests for viewer in camera.viewers)


def test_a_camera_that_does_not_encrypt_is_said_to_be_so(camera: RtspCamera) -> None:
    error = failing(begun(camera.address.replace("rtsp:", "rtsps:")))
    assert isinstance(error, SourceUnreachable | SourceStalled)


def test_a_socket_needs_no_memory_to_close() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = TcpSocket(parse_rtsp(f"rtsp://127.0.0.1:{server.getsockname()[1]}/"))
        until(line.step)
        tracemalloc.start()
        line.close()
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most_bytes < 10_000
