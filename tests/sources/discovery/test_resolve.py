"""From address and login to streams: by ONVIF as cameras differ, else by paths; never elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tawny.model.errors import (
    NotDone,
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.times import SystemClock
from tawny.sources.discovery import resolve as resolving
from tawny.sources.discovery.known_cameras import StreamPaths, known_makers
from tawny.sources.discovery.onvif_details import (
    OnvifProfile,
    ask_details,
    change_clock,
    change_codec,
    change_keyframes,
    choose,
    own_address,
)
from tawny.sources.discovery.resolve import CameraPlace, resolve
from tawny.sources.discovery.stream_paths import MOST_TRIES, find_paths
from tawny.sources.network_address import NetworkAddress
from tawny.sources.onvif import OnvifService
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tests.sources.onvif.fake_camera import MEDIA, fault, served
from tests.support.onvif_device import OnvifDevice, Stream
from tests.support.ports import free_port

MAIN = Stream("p0", "H264", 2560, 1440, "rtsp://10.9.9.9:5541/main?channel=1")
SUB = Stream("p1", "H264", 640, 360, "rtsp://10.9.9.9:5541/sub")
BIG_SUB = Stream("p2", "H264", 1280, 720, "rtsp://10.9.9.9:5541/middle")
JPEG = Stream("p3", "JPEG", 640, 480, "rtsp://10.9.9.9:5541/jpeg")
H265 = Stream("p4", "H265", 3840, 2160, "rtsp://10.9.9.9:5541/h265")
ZOOM = Stream("p5", "H264", 3840, 2160, "rtsp://10.9.9.9:5541/zoom", lens="lens1")
LOGIN = CameraPlace("127.0.0.1", "admin", "s3cret")


@pytest.fixture
def device() -> Iterator[OnvifDevice]:
    with served(OnvifDevice(streams=(MAIN, JPEG, BIG_SUB, SUB, ZOOM))) as made:
        assert isinstance(made, OnvifDevice)
        yield made


@pytest.mark.parametrize("profile", ["S", "T"])
@pytest.mark.parametrize("challenge", ["", 'Digest realm="camera", nonce="n1", qop="auth", algorithm=MD5'])
@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=-3650)], ids=["right-clock", "ten-years-behind"])
@pytest.mark.parametrize("has_services", [True, False])
def test_each_kind_of_camera_says_its_streams(
    device: OnvifDevice, profile: str, challenge: str, ahead: timedelta, has_services: bool
) -> None:
    device.profile, device.challenge, device.ahead, device.has_services = profile, challenge, ahead, has_services
    details = ask_details(device.url, SystemClock())
    assert (details.maker, details.model, details.serial) == ("Northlight", "NL-200", "SN0042")
    assert abs(details.ahead_ms - ahead.total_seconds() * 1000) < 3_000
    assert details.main == NetworkAddress("127.0.0.1", 5541, "/main?channel=1", "admin", "s3cret")
    assert details.sub is not None
    assert (details.sub.path, details.sub.host) == ("/sub", "127.0.0.1")


def test_h265_is_in_the_newer_service_alone(device: OnvifDevice) -> None:
    device.streams = (H265, SUB)
    assert ask_details(device.url, SystemClock()).main.path == "/sub"
    device.profile = "T"
    assert ask_details(device.url, SystemClock()).main.path == "/h265"


def test_a_camera_with_jpeg_only_is_unusable(device: OnvifDevice) -> None:
    device.streams = (JPEG,)
    with pytest.raises(SourceUnusable, match="JPEG"):
        ask_details(device.url, SystemClock())


class LocalTimeOnly(OnvifDevice):
    """States its clock in local time, of a zone eight hours to the east."""

    def _of(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        if name == "GetSystemDateAndTime":
            now = datetime.now(UTC) + self.ahead + timedelta(hours=8)
            time = f"<Time><Hour>{now.hour}</Hour><Minute>{now.minute}</Minute><Second>{now.second}</Second></Time>"
            date = f"<Date><Year>{now.year}</Year><Month>{now.month}</Month><Day>{now.day}</Day></Date>"
            return 200, f"<r><TimeZone><TZ>CST-8</TZ></TimeZone><LocalDateTime>{time}{date}</LocalDateTime></r>"
        return super()._of(name, values, path)


def test_a_camera_that_states_only_its_local_time_lets_us_in(device: OnvifDevice) -> None:
    with served(LocalTimeOnly(ahead=timedelta(minutes=7), streams=device.streams)) as camera:
        assert ask_details(camera.url, SystemClock()).ahead_ms == pytest.approx(420_000, abs=5_000)


class MediaElsewhere(OnvifDevice):
    """Its media service is said to be at another port. is_true: and it is."""

    media_port = 0
    is_true = True

    def _of(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        if self.is_true and path == MEDIA:
            return 400, fault("ter:ActionNotSupported", "not here")
        status, answer = super()._of(name, values, path)
        return status, answer.replace(f":{self.port}{MEDIA}<", f":{self.media_port}{MEDIA}<")


def test_a_media_service_at_another_port_is_asked_there(device: OnvifDevice) -> None:
    with served(MediaElsewhere(streams=device.streams)) as camera:
        assert isinstance(camera, MediaElsewhere)
        camera.media_port = device.port
        assert ask_details(camera.url, SystemClock()).main.path == "/main?channel=1"
        asked = [name for name, _ in camera.told]
        assert (asked.count("GetProfiles"), asked.count("GetStreamUri")) == (1, 0), "then it is asked there at once"


def test_a_port_that_is_named_wrongly_is_not_used(device: OnvifDevice) -> None:
    with served(MediaElsewhere(streams=device.streams)) as camera:
        assert isinstance(camera, MediaElsewhere)
        camera.is_true, camera.media_port = False, device.port
        assert ask_details(camera.url, SystemClock()).main.path == "/main?channel=1"
        assert device.told == []


def test_a_wrong_password_is_refused_and_tried_once(device: OnvifDevice) -> None:
    url, device.password = device.url, "another"
    with pytest.raises(SourceRefused):
        ask_details(url, SystemClock())
    assert [name for name, _ in device.told] == ["GetSystemDateAndTime"]


@pytest.mark.parametrize(
    "reply", [b"", b"<", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"x" * 2_000_000, b"<a>" * 100_000],
    ids=["nothing", "cut", "entities", "long", "deep"],
)  # fmt: skip
def test_hostile_answers_are_errors(device: OnvifDevice, reply: bytes) -> None:
    device.reply = reply
    with pytest.raises(SourceError):
        ask_details(device.url, SystemClock())


SAID = {
    "rtsp://203.0.113.9/x": ("127.0.0.1", 554, "/x"),
    "rtsp://other:login@203.0.113.9:8554/x?y=1": ("127.0.0.1", 8554, "/x?y=1"),
    "rtsps://203.0.113.9/x": ("127.0.0.1", 322, "/x"),
    " rtsp://h ": ("127.0.0.1", 554, "/"),
    "rtsp://h/a b\r\nX: y": ("127.0.0.1", 554, "/a%20bX:%20y"),
    "http://h/x": None, "file:///etc/passwd": None, "": None, "rtsp://h:99999/": None,
}  # fmt: skip


@pytest.mark.parametrize(("said", "place"), SAID.items())
def test_a_stream_is_at_the_camera_itself(said: str, place: tuple[str, int, str] | None) -> None:
    service = OnvifService.of("http://admin:s3cret@127.0.0.1/x")
    if place is None:
        with pytest.raises(SourceError):
            own_address(said, service)
        return
    found = own_address(said, service)
    assert ((found.host, found.port, found.path), found.user, found.password) == (place, "admin", "s3cret")


def profile(token: str, width: int, height: int, codec: str = "h264", lens: str = "") -> OnvifProfile:
    return OnvifProfile(token, codec, width, height, lens=lens)


CHOICES: dict[str, tuple[Sequence[OnvifProfile], tuple[str, str]]] = {
    "none": ([], ("", "")),
    "one": ([profile("a", 1920, 1080)], ("a", "")),
    "order does not matter": ([profile("b", 640, 360), profile("a", 1920, 1080)], ("a", "b")),
    "nearest to 640": (
        [profile("a", 3840, 2160), profile("b", 1920, 1080), profile("c", 704, 576), profile("d", 320, 240)],
        ("a", "c"),
    ),
    "two equal": ([profile("a", 1920, 1080), profile("b", 1920, 1080)], ("a", "")),
    "other lens": ([profile("a", 1920, 1080, lens="1"), profile("b", 640, 360, lens="2")], ("a", "")),
    "jpeg": ([profile("j", 4000, 3000, "JPEG"), profile("a", 640, 360)], ("a", "")),
}  # fmt: skip


@pytest.mark.parametrize("name", CHOICES)
def test_main_and_sub(name: str) -> None:
    profiles, wanted = CHOICES[name]
    main, sub = choose(profiles)
    assert (main.token if main else "", sub.token if sub else "") == wanted


# --- paths of makers


class Paths:
    """A camera that has streams at these paths. refuses: the login is wrong. hangs_up: at other paths."""

    def __init__(self, *has: str, refuses: bool = False, hangs_up: bool = False) -> None:
        self.has, self.refuses, self.hangs_up = has, refuses, hangs_up
        self.asked: list[str] = []

    def __call__(self, address: NetworkAddress, *_: object) -> None:
        self.asked.append(address.path)
        if self.refuses:
            raise SourceRefused(address.public)
        if address.path not in self.has:
            raise SourceUnreachable(address.public, "it hung up") if self.hangs_up else SourceNotFound(address.public)


PLACE = NetworkAddress("192.0.2.7", 554, "/", "admin", "pw")


MAKERS = [(maker.maker, paths) for maker in known_makers() if maker.maker for paths in maker.streams]


@pytest.mark.parametrize(("maker", "known"), MAKERS, ids=[f"{maker} {paths.main}" for maker, paths in MAKERS])
def test_a_makers_paths_are_tried_first(maker: str, known: StreamPaths) -> None:
    camera = Paths(known.main, known.sub)
    found = find_paths(PLACE, maker, SystemClock(), ask=camera)
    assert found is not None
    assert (found.main, found.sub) == (known.main, known.sub)
    assert len(camera.asked) <= 3


def test_a_refused_login_is_tried_once() -> None:
    camera = Paths("/live", refuses=True)
    with pytest.raises(SourceRefused):
        find_paths(PLACE, "", SystemClock(), ask=camera)
    assert len(camera.asked) == 1


def test_without_a_sub_stream_there_is_none() -> None:
    found = find_paths(PLACE, "hikvision", SystemClock(), ask=Paths("/Streaming/Channels/101"))
    assert found is not None
    assert (found.main, found.sub) == ("/Streaming/Channels/101", "")


def test_tries_are_limited_and_a_camera_that_is_gone_ends_them() -> None:
    camera = Paths()
    assert find_paths(PLACE, "", SystemClock(), ask=camera) is None
    assert len(camera.asked) == MOST_TRIES
    gone = Paths(hangs_up=True)
    with pytest.raises(SourceUnreachable):
        find_paths(PLACE, "", SystemClock(), ask=gone)
    assert len(gone.asked) == 2


def test_an_announced_path_is_tried_first() -> None:
    camera = Paths("/mine")
    found = find_paths(PLACE, "axis", SystemClock(), ask=camera, first="mine")
    assert found is not None
    assert (found.main, camera.asked) == ("/mine", ["/mine"])


# --- both ways together


def test_without_onvif_the_paths_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = CameraSetup(user="admin", password="s3cret", login="md5")
    with RtspCamera(made_clip(ClipSpec(seconds=1)), setup) as camera:
        monkeypatch.setattr(resolving, "ONVIF_PORTS", (1,))
        monkeypatch.setattr(resolving, "RTSP_PORTS", (1, camera.port))
        found = resolve(LOGIN, SystemClock())
    assert (found.onvif, found.details, found.main.port) == ("", None, camera.port)
    assert (found.main.user, found.main.password) == ("admin", "s3cret")


def test_onvif_with_users_of_its_own_falls_back_to_paths(device: OnvifDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    device.password = "another"
    with RtspCamera(made_clip(ClipSpec(seconds=1))) as camera:
        monkeypatch.setattr(resolving, "RTSP_PORTS", (camera.port,))
        place = replace(LOGIN, onvif=f"http://127.0.0.1:{device.port}/onvif/device_service")
        found = resolve(place, SystemClock())
    assert found.onvif == ""
    assert found.main.port == camera.port


def test_a_wrong_password_is_tried_once_at_each_door(device: OnvifDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    device.password = "another"
    setup = CameraSetup(user="admin", password="another", login="md5")
    with RtspCamera(made_clip(ClipSpec(seconds=1)), setup) as camera:
        monkeypatch.setattr(resolving, "ONVIF_PORTS", (device.port,))
        monkeypatch.setattr(resolving, "RTSP_PORTS", (camera.port,))
        with pytest.raises(SourceRefused):
            resolve(LOGIN, SystemClock())
        asked = [one.requests for one in camera.viewers if one.requests]
    assert asked == [["OPTIONS", "DESCRIBE", "DESCRIBE"]], "one try with the login"


def test_where_nothing_listens_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "ONVIF_PORTS", (1,))
    monkeypatch.setattr(resolving, "RTSP_PORTS", (1,))
    with pytest.raises(SourceUnreachable):
        resolve(LOGIN, SystemClock())


def test_a_web_server_that_is_no_camera_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        device = stack.enter_context(served(OnvifDevice(reply=b"<html>router</html>")))
        monkeypatch.setattr(resolving, "ONVIF_PORTS", (device.port,))
        monkeypatch.setattr(resolving, "RTSP_PORTS", (1,))
        with pytest.raises(NotDone, match="none of the usual stream addresses"):
            resolve(LOGIN, SystemClock())


@pytest.mark.parametrize(
    ("reply", "why"), [(b"<a>", "responded with 200 but no usable XML"), (None, "refused")], ids=["broken", "gone"]
)
def test_a_found_service_that_fails_says_why(
    device: OnvifDevice, monkeypatch: pytest.MonkeyPatch, reply: bytes | None, why: str
) -> None:
    monkeypatch.setattr(resolving, "RTSP_PORTS", (1,))
    device.reply = reply
    closed = free_port()
    port = closed if reply is None else device.port
    place = replace(LOGIN, onvif=f"http://127.0.0.1:{port}/onvif/device_service")
    with pytest.raises(NotDone, match=rf"127\.0\.0\.1 has no video .*its ONVIF service fails: .*{why}"):
        resolve(place, SystemClock())


def test_a_camera_without_a_usable_codec_says_which_it_has(
    device: OnvifDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolving, "RTSP_PORTS", (1,))
    monkeypatch.setattr(resolving, "ONVIF_PORTS", (device.port,))
    device.streams = (JPEG,)
    with pytest.raises(SourceUnusable, match="it offers JPEG"):
        resolve(LOGIN, SystemClock())


def test_a_service_that_is_gone_is_an_error(device: OnvifDevice) -> None:
    port = free_port()
    with pytest.raises(SourceUnreachable):
        ask_details(device.url.replace(str(device.port), str(port)), SystemClock())


@pytest.mark.parametrize("profile", ["S", "T"])
def test_keyframes_are_set_to_two_seconds_and_all_else_is_sent_back(device: OnvifDevice, profile: str) -> None:
    device.profile = profile
    change_keyframes(device.url, SystemClock())
    assert {one.token: one.gop for one in device.streams} == {"p0": 40, "p1": 40, "p2": 40, "p3": 40, "p5": 40}
    device.streams = [replace(one, gop=300, fps=15) for one in device.streams]
    device.told.clear()
    change_keyframes(device.url, SystemClock())
    assert {one.token: one.gop for one in device.streams} == {"p0": 30, "p1": 30, "p2": 300, "p3": 300, "p5": 300}
    sent = [values for name, values in device.told if name == "SetVideoEncoderConfiguration"]
    assert [(one["Configuration.token"], one["Width"], one["FrameRateLimit"]) for one in sent] == [
        ("encoder-p0", "2560", "15"), ("encoder-p1", "640", "15"),
    ]  # fmt: skip
    if profile == "S":
        assert {(one["Name"], one["ForcePersistence"]) for one in sent} == {("a & b", "true")}
    else:
        assert {one["Configuration.Profile"] for one in sent} == {"Main"}


def codecs(device: OnvifDevice) -> dict[str, tuple[str, int, int]]:
    return {one.token: (one.codec, one.width, one.height) for one in device.streams if one.token in ("p0", "p1")}


def test_h265_becomes_h264_in_the_nearest_size_and_all_else_stays(device: OnvifDevice) -> None:
    device.profile = "T"
    device.streams = [replace(one, codec="H265") if one.token == "p0" else one for one in device.streams]
    before = codecs(device)
    assert (before["p0"][0], before["p1"][0]) == ("H265", "H264")
    device.offers = {"H265": [(2560, 1440)], "H264": [(640, 360), (1920, 1080), (3840, 2160)]}
    device.told.clear()
    change_codec(device.url, SystemClock())
    assert codecs(device) == {"p0": ("H264", 1920, 1080), "p1": before["p1"]}
    (sent,) = [values for name, values in device.told if name == "SetVideoEncoderConfiguration"]
    assert (sent["Configuration.token"], sent["FrameRateLimit"]) == ("encoder-p0", "20")
    device.told.clear()
    change_codec(device.url, SystemClock())
    assert "SetVideoEncoderConfiguration" not in [name for name, _ in device.told], "it is H.264 already"


def test_a_camera_without_h264_says_so_and_is_left_alone(device: OnvifDevice) -> None:
    device.profile = "T"
    device.streams = [replace(one, codec="H265") for one in device.streams]
    device.offers = {"H265": [(2560, 1440)]}
    with pytest.raises(SourceError, match=r"no H\.264"):
        change_codec(device.url, SystemClock())
    assert {one.codec for one in device.streams} == {"H265"}


def test_the_clock_is_set(device: OnvifDevice) -> None:
    device.ahead = timedelta(days=-3650)
    change_clock(device.url, SystemClock())
    assert abs(device.ahead) < timedelta(seconds=3)


@pytest.mark.parametrize("change", [change_clock, change_keyframes])
def test_what_a_camera_refuses_is_said_in_its_words(device: OnvifDevice, change: Callable[..., None]) -> None:
    device.refuses = "The value is out of range"
    with pytest.raises(SourceError, match="The value is out of range"):
        change(device.url, SystemClock())
