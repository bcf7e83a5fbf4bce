"""Live test pictures of cameras before they are added: bounded, and gone with the page."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from tawny.config.loader import read_settings
from tawny.model.errors import NotDone, SourceError
from tawny.protocols.login_history import LoginHistory
from tawny.service.cameras.camera_previews import IDLE_S, MOST_AT_ONCE, PreviewSource, PreviewState
from tawny.service.cameras.camera_setup import CameraDraft, CameraSetupService
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import AheadClock
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup as Login
from tawny.testing.waiting import until
from tests.sources.onvif.fake_camera import served
from tests.support.onvif_device import OnvifDevice, Stream

PASSWORD = "p@ss/w:rd %${X}"


class Place:
    """A camera with ONVIF and two streams, and a recorder's settings."""

    def __init__(self, folder: Path, device: OnvifDevice, streams: list[RtspCamera]) -> None:
        self.device, self.streams, self.clock = device, streams, AheadClock()
        config = folder / "tawny.toml"
        config.write_text("")
        self.settings = read_settings(config, {})
        changeable = ChangeableSettings(lambda: self.settings, lambda new, _: setattr(self, "settings", new), config)
        self.setup = CameraSetupService(changeable, PluginRegistry.opened(), self.clock, LoginHistory())
        self.wanted = CameraDraft("127.0.0.1", "admin", PASSWORD, onvif=device.url.replace("admin:s3cret@", ""))

    def state(self) -> PreviewState:
        (one,) = self.setup.previews.now()
        return one.state


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    login = Login(user="admin", password=PASSWORD, login="md5")
    with (
        RtspCamera(made_clip(ClipSpec(width=1280, height=720)), login) as main,
        RtspCamera(made_clip(ClipSpec(width=640, height=360)), login) as sub,
        served(OnvifDevice()) as device,
    ):
        assert isinstance(device, OnvifDevice)
        device.streams = (
            Stream("m", "H264", 1280, 720, f"rtsp://h:{main.port}/main"),
            Stream("s", "H264", 640, 360, f"rtsp://h:{sub.port}/sub"),
        )
        monkeypatch.setattr("tawny.sources.discovery.resolve.RTSP_PORTS", (main.port,))
        made = Place(tmp_path, device, [main, sub])
        device.password = PASSWORD
        yield made
        made.setup.previews.stop()


def test_pictures_of_the_sub_stream_move_and_are_small(place: Place) -> None:
    begun = place.setup.preview(place.wanted)
    assert (begun.place, begun.state) == ("127.0.0.1", PreviewState.GETTING)
    until(lambda: place.setup.previews.now()[0].number >= 2, 60)
    data = place.setup.previews.picture(begun.id)
    assert data is not None
    assert np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)).shape[:2] == (270, 480)
    assert place.streams[0].viewers == [], "the main stream is left alone"


def test_a_camera_that_is_shown_is_added_without_another_sign_in(place: Place) -> None:
    begun = place.setup.preview(place.wanted)
    until(lambda: place.state() is PreviewState.LIVE, 60)
    asked = len(place.device.told)
    camera = place.setup.add_previewed(begun.id, "Front door")
    assert len(place.device.told) == asked
    made = place.settings.cameras[camera]
    assert (made.name, made.source.endswith("/main"), made.sub.endswith("/sub")) == ("Front door", True, True)
    assert made.serial == "SN0042"
    assert place.setup.previews.now() == []
    with pytest.raises(NotDone, match="no longer shown"):
        place.setup.add_previewed(begun.id, "Again")


def test_a_wrong_password_is_tried_three_times_at_most(place: Place) -> None:
    wrong = replace(place.wanted, password="wrong")
    for _ in range(3):
        place.setup.preview(wrong)
        until(lambda: place.state() is PreviewState.WRONG_LOGIN, 60)
    asked, tried = len(place.device.told), len(place.streams[0].viewers)
    with pytest.raises(NotDone, match="has refused 3 sign-ins"):
        place.setup.preview(place.wanted)
    with pytest.raises(NotDone, match="has refused 3 sign-ins"):
        place.setup.try_out(place.wanted, 0.1)
    assert (len(place.device.told), len(place.streams[0].viewers)) == (asked, tried)
    place.clock.advance(601)
    place.setup.preview(place.wanted)
    until(lambda: place.state() is PreviewState.LIVE, 60)


def test_without_a_login_it_says_that_it_needs_one_and_counts_nothing(place: Place) -> None:
    for _ in range(5):
        place.setup.preview(replace(place.wanted, user="", password=""))
        until(lambda: place.state() is PreviewState.NEEDS_LOGIN, 60)
    place.setup.preview(place.wanted)
    until(lambda: place.state() is PreviewState.LIVE, 60)


def test_a_host_without_a_camera_speaks_no_rtsp(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.sources.discovery.resolve.RTSP_PORTS", (1,))
    monkeypatch.setattr("tawny.sources.discovery.resolve.ONVIF_PORTS", (1,))
    place.setup.preview(replace(place.wanted, onvif=""))
    until(lambda: place.state() is PreviewState.NO_RTSP, 60)
    (one,) = place.setup.previews.now()
    assert one.message


@pytest.mark.parametrize(
    ("address", "state"), [("192.168..10", PreviewState.NO_RTSP), ("rtsp://192.168..10/s", PreviewState.FAILED)]
)
def test_a_typing_error_in_the_address_ends_it(place: Place, address: str, state: PreviewState) -> None:
    place.setup.preview(replace(place.wanted, address=address, onvif=""))
    until(lambda: place.state() is not PreviewState.GETTING, 60)
    (one,) = place.setup.previews.now()
    assert one.state is state
    assert "unknown host name" in one.message


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_it_ends_as_failed_whatever_happens(place: Place) -> None:
    place.setup.previews.start("host", lambda: PreviewSource(str(1 / 0), None, None), with_login=False)
    until(lambda: place.state() is PreviewState.FAILED, 60)
    (one,) = place.setup.previews.now()
    assert one.message


def test_pictures_end_when_nobody_asks_any_more(place: Place) -> None:
    place.setup.preview(place.wanted)
    until(lambda: place.state() is PreviewState.LIVE, 60)
    place.clock.advance(IDLE_S + 1)
    until(lambda: place.streams[1].viewers[0].ended != "", 60)
    assert place.setup.previews.now() == []


def test_only_some_are_shown_at_once_and_one_that_signs_in_is_not_asked_twice(place: Place) -> None:
    goes_on, asked = threading.Event(), list[str]()

    def find(name: str) -> PreviewSource:
        asked.append(name)
        goes_on.wait(30)
        return PreviewSource("demo:front", None, None)

    previews = place.setup.previews
    for number in range(MOST_AT_ONCE):
        previews.start(f"h{number}", lambda name=f"h{number}": find(name), with_login=True)  # type: ignore[misc]
    again = previews.start("h0", lambda: find("h0"), with_login=True)
    assert again == previews.now()[0]
    with pytest.raises(NotDone, match="8 cameras are shown at once"):
        previews.start("other", lambda: find("other"), with_login=True)
    goes_on.set()
    until(lambda: all(one.state is PreviewState.LIVE for one in previews.now()), 60)
    assert sorted(asked) == [f"h{number}" for number in range(MOST_AT_ONCE)]


def test_a_camera_is_changed_by_onvif_and_tried_again(place: Place) -> None:
    place.device.ahead = timedelta(hours=1)
    before = place.setup.try_out(place.wanted, 0.5)
    assert ("clock-off", "clock") in [(one.code, one.change) for one in before.advice]
    after = place.setup.change_camera(place.wanted, "clock", 0.5)
    assert "clock-off" not in [one.code for one in after.advice]
    place.device.refuses = "Value out of range"
    with pytest.raises(SourceError, match="Value out of range"):
        place.setup.change_camera(place.wanted, "keyframes", 0.5)


def test_a_camera_without_onvif_offers_no_change(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.sources.discovery.resolve.ONVIF_PORTS", (1,))
    wanted = replace(place.wanted, onvif="")
    with pytest.raises(NotDone, match="no ONVIF"):
        place.setup.change_camera(wanted, "clock", 0.5)
    place.streams[0].clip = made_clip(ClipSpec(width=1280, height=720, gop_s=10.0, seconds=12.0))
    tried = place.setup.try_out(wanted, 6.0)
    assert [(one.code, one.change) for one in tried.advice if one.code == "keyframes-far-apart"] == [
        ("keyframes-far-apart", "")
    ]


def test_no_password_is_in_what_is_shown(place: Place) -> None:
    place.setup.preview(place.wanted)
    until(lambda: place.state() is PreviewState.LIVE, 60)
    (one,) = place.setup.previews.now()
    assert PASSWORD not in repr(one) + repr(place.setup.previews.source(one.id).wanted)
