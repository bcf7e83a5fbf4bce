"""Events that a camera sends by itself, where it has no pull points: to an address for it alone."""

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tawny.model.errors import SourceError
from tawny.model.times import SystemClock
from tawny.protocols.soap import MAX_BYTES
from tawny.sources.onvif import OnvifCamera
from tawny.sources.onvif_events import RENEWS_S
from tawny.sources.onvif_notifications import CameraEvents
from tawny.testing.clock import AheadClock
from tawny.testing.waiting import until
from tests.support.onvif_simulator import OnvifSimulator, notify, simulated
from tests.support.ports import free_port

BELL = "tns1:RuleEngine/MyRuleDetector/Visitor"


class Reading:
    """Reads a camera in a thread, as the recorder does."""

    def __init__(self, camera: OnvifSimulator, port: int) -> None:
        self.clock, self.found, self.pulls = AheadClock(), list[str](), 0
        self.events = CameraEvents(OnvifCamera(camera.url, self.clock), self.clock, ("127.0.0.1", camera.port), port)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        until(lambda: self.pulls, 60, "its subscription")

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.found += [f"{one.kind} {one.is_on}" for one in self.events.pull(0.2)]
                self.pulls += 1
            except SourceError:
                if not self._ended.is_set():
                    raise

    def end(self) -> None:
        self._ended.set()
        self.events.cancel()
        self._thread.join(10)
        self.events.leave()


@pytest.fixture
def camera() -> Iterator[OnvifSimulator]:
    with simulated(has_pull_points=False) as made:
        yield made


@pytest.fixture
def reading(camera: OnvifSimulator) -> Iterator[Reading]:
    made = Reading(camera, free_port())
    yield made
    made.end()


def consumer(camera: OnvifSimulator) -> str:
    return next(iter(camera.subscriptions.values())).consumer


def test_what_it_sends_is_reported(camera: OnvifSimulator, reading: Reading) -> None:
    camera.report(BELL, {"Source": "button"}, {"State": "true"}, keep=False)
    until(lambda: reading.found == ["doorbell True"], 60, "the report")
    assert camera.answers == [202]


def test_the_subscription_is_renewed_and_ended(camera: OnvifSimulator) -> None:
    reading = Reading(camera, free_port())
    made = next(iter(camera.subscriptions.values()))
    before_s, address = made.until_s, made.consumer
    reading.clock.advance(RENEWS_S + 1)
    until(lambda: made.until_s > before_s, 60, "the renewal")
    assert camera.made == 1
    reading.end()
    assert not camera.subscriptions
    with pytest.raises(OSError, match="refused"):
        notify(address)


def test_a_camera_that_forgot_it_gets_another_address(camera: OnvifSimulator, reading: Reading) -> None:
    first = consumer(camera)
    camera.restart()
    reading.clock.advance(RENEWS_S + 1)
    camera.await_subscribed()
    assert consumer(camera) != first
    assert notify(first) == 404


@pytest.mark.parametrize("path", ["/", "/events", "/0123456789abcdef0123456789abcdef0123456789a"])
def test_nobody_else_knows_the_path(camera: OnvifSimulator, reading: Reading, path: str) -> None:
    parts = urlsplit(consumer(camera))
    assert len(parts.path) > 40
    assert notify(f"http://{parts.netloc}{path}") == 404


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("POST {path} HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (f"POST {{path}} HTTP/1.1\r\nContent-Length: {MAX_BYTES + 1}\r\n\r\n", 413),
        ("POST {path} HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        ("POST {path} HTTP/1.1\r\n\r\n", 411),
        ("GET {path} HTTP/1.1\r\n\r\n", 501),
        ("POST {path} HTTP/1.1\r\nContent-Length: 9\r\n\r\n<!DOCTYPE", 202),
    ],
)
def test_a_request_that_is_none_is_refused_and_the_next_one_is_read(
    camera: OnvifSimulator, reading: Reading, request_text: str, status: int
) -> None:
    parts = urlsplit(consumer(camera))
    with socket.create_connection((str(parts.hostname), parts.port or 0), 5) as line:
        line.sendall(request_text.format(path=parts.path).encode())
        assert line.recv(1000).split()[1] == str(status).encode()
    camera.report(BELL, {"Source": "button"}, {"State": "true"}, keep=False)
    until(lambda: reading.found == ["doorbell True"], 60, "the report")


def test_another_address_than_the_cameras_is_not_read(camera: OnvifSimulator, reading: Reading) -> None:
    parts = urlsplit(consumer(camera))
    with socket.create_connection((str(parts.hostname), parts.port or 0), 5, ("127.0.0.2", 0)) as line:
        line.sendall(f"POST {parts.path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode())
        line.settimeout(5)
        assert _read(line) == b""


def _read(line: socket.socket) -> bytes:
    try:
        return line.recv(1000)
    except ConnectionResetError:
        return b""


def test_without_a_port_it_is_not_listened_to(camera: OnvifSimulator) -> None:
    clock = SystemClock()
    events = CameraEvents(OnvifCamera(camera.url, clock), clock, ("127.0.0.1", camera.port), 0)
    with pytest.raises(SourceError, match="no pull points"):
        events.pull(0)
    assert not camera.subscriptions


def test_a_port_that_is_taken_is_said(camera: OnvifSimulator) -> None:
    clock = SystemClock()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        events = CameraEvents(OnvifCamera(camera.url, clock), clock, ("127.0.0.1", camera.port), port)
        with pytest.raises(SourceError, match=f"port {port}"):
            events.pull(0)


def test_a_camera_with_pull_points_is_asked_as_always() -> None:
    with simulated() as camera:
        clock = SystemClock()
        events = CameraEvents(OnvifCamera(camera.url, clock), clock, ("127.0.0.1", camera.port), free_port())
        events.pull(0)
        assert [one.consumer for one in camera.subscriptions.values()] == [""]
        events.leave()


def test_a_camera_whose_pull_points_have_worked_is_asked_again_after_a_failure() -> None:
    with simulated() as camera:
        clock = SystemClock()
        events = CameraEvents(OnvifCamera(camera.url, clock), clock, ("127.0.0.1", camera.port), free_port())
        events.pull(0)
        camera.restart()
        with pytest.raises(SourceError):
            events.pull(0)
        events.pull(0)
        assert [one.consumer for one in camera.subscriptions.values()] == [""]
        events.leave()


def test_a_camera_that_can_neither_now_is_asked_for_both_again() -> None:
    with simulated(has_pull_points=False, has_notifications=False) as camera:
        clock = SystemClock()
        events = CameraEvents(OnvifCamera(camera.url, clock), clock, ("127.0.0.1", camera.port), free_port())
        with pytest.raises(SourceError):
            events.pull(0)
        camera.has_pull_points = True
        events.pull(0)
        assert [one.consumer for one in camera.subscriptions.values()] == [""]
        events.leave()


class Knocked(AheadClock):
    """Each time it is looked at, another computer has just connected to a port."""

    def __init__(self) -> None:
        super().__init__()
        self.at: tuple[str, int] | None = None
        self.knocks = 0

    def mono_s(self) -> float:
        if self.at is not None and self.knocks < 300:
            self.knocks += 1
            socket.create_connection(self.at, 5, ("127.0.0.2", 0)).close()
        return super().mono_s()


def test_requests_of_others_do_not_hold_up_the_renewal(camera: OnvifSimulator) -> None:
    clock = Knocked()
    events = CameraEvents(OnvifCamera(camera.url, clock), clock, ("127.0.0.1", camera.port), free_port())
    events.pull(0)
    parts = urlsplit(consumer(camera))
    clock.at = str(parts.hostname), parts.port or 0
    events.pull(0)
    clock.at = None
    events.leave()
    assert 0 < clock.knocks < 100
