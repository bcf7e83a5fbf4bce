"""The contract of makers' event APIs, over all of them, each against a server on loopback; and what the parts mean."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.config.lens_and_ptz import EventApiSettings
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRefused,
    SourceUnreachable,
)
from tawny.protocols.login_history import LoginHistory, LoginPlace, SignIn
from tawny.service.detection.camera_reports import EVENT_APIS
from tawny.sources.axis_events import PINGS_S, read_axis, refusal
from tawny.sources.event_stream import MOST_PART_BYTES, SILENT_S
from tawny.sources.onvif_events import CameraReport
from tawny.sources.reolink_events import read_reolink, read_token
from tawny.testing.clock import AheadClock
from tawny.testing.waiting import until
from tests.delivery.certificates import self_signed
from tests.support.maker_camera import ANALYTICS, EVENTS, MOMENTS, MakerCamera, maker_camera, notification, refused

AT_MS = 1_700_000_000_000
EVERY = [(maker, what) for maker, kinds in EVENTS.items() for what in kinds]


class Reading:
    def __init__(self, camera: MakerCamera, url: str = "", **how: Any) -> None:
        self.clock, self.logins = AheadClock(), LoginHistory()
        settings = EventApiSettings(maker=camera.maker, url=url or camera.url, **how)
        record = self.logins.record("yard", "127.0.0.1", camera.port)
        self.point = EVENT_APIS[camera.maker](settings, self.clock, record)
        self.came: list[str] = []

    def pull(self, waits_s: float = 0.3) -> list[str]:
        found = [f"{one.kind} {one.is_on}" for one in self.point.pull(waits_s)]
        self.came += found
        return found

    def awaits(self, text: str) -> None:
        until(lambda: text in self.pull(), 15, text)

    def pulls_until_error(self) -> SourceError:
        for _ in range(20):
            try:
                self.pull()
            except SourceError as error:
                return error
        raise AssertionError("no error")


@pytest.fixture(params=list(EVENTS))
def camera(request: pytest.FixtureRequest) -> Iterator[MakerCamera]:
    with maker_camera(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize("maker", list(EVENTS))
def test_every_kind_that_it_has_begins_and_ends(maker: str) -> None:
    with maker_camera(maker) as camera:
        reading = Reading(camera)
        assert reading.pull(0.0) == []
        for what in EVENTS[maker]:
            camera.begin(what)
            if what in MOMENTS:
                reading.awaits(f"{what} None")
                camera.states.clear()
                continue
            reading.awaits(f"{what} True")
            camera.end(what)
            reading.awaits(f"{what} False")
        begun = [one for one in reading.came if one.endswith(("True", "None"))]
        assert sorted(begun) == sorted(f"{what} {None if what in MOMENTS else True}" for what in EVENTS[maker])
        reading.point.leave()


def test_one_connection_for_all(camera: MakerCamera) -> None:
    reading = Reading(camera)
    reading.pull(0.0)
    for _ in range(3):
        camera.begin("motion")
        reading.awaits("motion True")
        camera.end("motion")
        reading.awaits("motion False")
    assert len(camera.asked) == 1
    reading.point.leave()


def test_a_camera_that_restarts_is_read_again_and_what_lasts_goes_on(camera: MakerCamera) -> None:
    reading = Reading(camera)
    reading.pull(0.0)
    camera.begin("motion")
    reading.awaits("motion True")
    camera.await_connected()
    camera.cut()
    if camera.maker == "reolink":
        assert reading.pull(0.0) == []  # with another token
    else:
        assert isinstance(reading.pulls_until_error(), SourceClosed)
        reading.pull(0.0)
    camera.begin("vehicle")
    reading.awaits("vehicle True")
    assert len(camera.asked) == 2
    reading.point.leave()


@pytest.mark.parametrize("maker", list(EVENTS))
def test_by_https_with_a_certificate_that_nobody_signed(maker: str, certificate: Path) -> None:
    with maker_camera(maker, certificate=certificate) as camera:
        with pytest.raises(SourceUnreachable, match="certificate isn't trusted"):
            Reading(camera).pull()
        with pytest.raises(SourceUnreachable, match="certificate has changed"):
            Reading(camera, fingerprint="00" * 32).pull()
        assert camera.asked == []
        reading = Reading(
            camera, fingerprint=":".join(camera.fingerprint.upper()[at : at + 2] for at in range(0, 64, 2))
        )
        reading.pull(0.0)
        camera.begin("motion")
        reading.awaits("motion True")
        reading.point.leave()


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"status": 404}, SourceError, "it has no events of"),
        ({"status": 403}, SourceRefused, "rejected"),
        ({"status": 302}, SourceError, "redirects"),
        ({"status": 500}, SourceError, "500"),
        ({"is_page": True}, SourceError, "no multipart stream|can't be read|no list in JSON"),
    ],
)
def test_cameras_without_such_events(
    camera: MakerCamera, how: dict[str, Any], error: type[SourceError], words: str
) -> None:
    for name, value in how.items():
        setattr(camera, name, value)
    with pytest.raises(error, match=words) as raised:
        Reading(camera).pull()
    assert not isinstance(raised.value, SourceNotFound)
    assert "s3cret" not in str(raised.value)


def test_a_wrong_password_is_refused(camera: MakerCamera) -> None:
    with pytest.raises(SourceRefused) as raised:
        Reading(camera, camera.url.replace("s3cret", "wr0ng")).pull()
    assert "wr0ng" not in str(raised.value)


def test_a_camera_that_is_not_there(camera: MakerCamera) -> None:
    with pytest.raises(SourceUnreachable):
        Reading(camera, camera.url.rpartition(":")[0] + ":9").pull()


def test_a_wait_ends_when_it_is_cancelled(camera: MakerCamera) -> None:
    reading = Reading(camera)
    reading.pull(0.0)
    reading.point.cancel()
    for _ in range(2):
        with pytest.raises(SourceError):
            reading.point.pull(10.0)
    reading.point.leave()
    reading.point.leave()


# Axis.


def test_axis_is_asked_for_the_topics_of_interest_only() -> None:
    with maker_camera("axis") as camera:
        reading = Reading(camera)
        reading.pull(0.0)
        until(lambda: bool(camera.filters), 10, "the request")
        (one,) = camera.filters[0]["params"]["eventFilterList"]
        assert "tnsaxis:CameraApplicationPlatform//." in one["topicFilter"]
        reading.point.leave()


def test_axis_that_refuses_the_request() -> None:
    with maker_camera("axis", said={"error": {"code": 2104, "message": "Invalid parameter\n"}}) as camera:
        error = Reading(camera).pulls_until_error()
        assert "error 2104: Invalid parameter" in str(error)


def test_axis_is_asked_whether_it_is_there_and_silence_is_a_lost_connection() -> None:
    with maker_camera("axis") as camera:
        reading = Reading(camera)
        reading.pull()
        for _ in range(5):
            reading.clock.advance(PINGS_S)
            reading.pull()  # it answers each ping
        assert len(camera.asked) == 1
        reading.clock.advance(SILENT_S)
        assert isinstance(reading.pulls_until_error(), SourceUnreachable)


@pytest.mark.parametrize("data", [b"x" * (MOST_PART_BYTES + 1), b"\xff\xfe", b"[" * 9_000, b'{"params": 1}', b""])
def test_axis_messages_that_say_nothing(data: bytes) -> None:
    with maker_camera("axis") as camera:
        reading = Reading(camera)
        reading.pull(0.0)
        camera.send(data)
        camera.begin("motion")
        for _ in range(10):
            try:
                if reading.pull() == ["motion True"]:
                    break
            except SourceError:
                connections = len(camera.asked) + 1
                reading.pull(0.0)
                camera.await_asked(connections)
                camera.begin("motion")
        assert reading.came == ["motion True"]
        reading.point.leave()


def axis(topic: str, data: dict[str, str], source: dict[str, str] | None = None, channel: int = 0) -> list[str]:
    return shown(read_axis(notification(topic, source or {}, data), channel, AT_MS))


def shown(reports: list[CameraReport]) -> list[str]:
    assert {one.at_ms for one in reports} <= {AT_MS}
    return [f"{one.kind} {one.is_on}" for one in reports]


ENDS = ["person False", "vehicle False", "motion False"]
PLATFORM = "tnsaxis:CameraApplicationPlatform"


@pytest.mark.parametrize(
    ("topic", "data", "expected"),
    [
        (f"{PLATFORM}/VMD/Camera1Profile1", {"active": "1"}, ["motion True"]),
        (f"{PLATFORM}/VMD/Camera1Profile1", {"active": "0"}, ENDS),
        ("tns1:RuleEngine/tnsaxis:VMD3/vmd3_video_1", {"active": "1"}, ["motion True"]),
        ("tns1:VideoAnalytics/tnsaxis:MotionDetection", {"motion": "1"}, ["motion True"]),
        (f"{PLATFORM}/MotionGuard/Camera1Profile1", {"active": "1"}, ["motion True"]),
        (f"{PLATFORM}/LoiteringGuard/Camera1Profile1", {"active": "1"}, ["motion True"]),
        (f"{PLATFORM}/FenceGuard/Camera1Profile1", {"active": "1"}, ["line True"]),
        ("tns1:Device/tnsaxis:Sensor/PIR", {"state": "1"}, ["motion True"]),
        (ANALYTICS, {"active": "1"}, ["motion True"]),
        (ANALYTICS, {"active": "1", "classTypes": "human,car"}, ["person True", "vehicle True"]),
        (ANALYTICS, {"active": "0", "classTypes": "human"}, ENDS),
        (ANALYTICS, {"active": "0"}, ENDS),
        ("tns1:VideoSource/tnsaxis:Tampering", {"tampering": "1"}, ["tamper True"]),
        ("tns1:VideoSource/GlobalSceneChange/ImagingService", {"State": "1"}, ["tamper True"]),
        ("tns1:Device/tnsaxis:Casing/Open", {"Open": "1"}, ["tamper True"]),
        ("tns1:Device/tnsaxis:IO/Port", {"state": "1"}, ["input True"]),
        ("tns1:Device/tnsaxis:IO/Port", {"state": "0"}, ["input False"]),
        ("tns1:Device/tnsaxis:IO/VirtualPort", {"state": "1"}, []),
        ("tns1:Device/tnsaxis:Status/SystemReady", {"ready": "1"}, []),
        ("tns1:Device/tnsaxis:HardwareFailure/StorageFailure", {"disruption": "1"}, []),
        ("tns1:PTZController/tnsaxis:Move/Channel_1", {"is_moving": "1"}, []),
    ],
)
def test_what_axis_reports(topic: str, data: dict[str, str], expected: list[str]) -> None:
    assert axis(topic, data) == expected


@pytest.mark.parametrize(("channel", "expected"), [(0, 1), (1, 0), (2, 1)])
def test_one_lens_of_an_axis_camera(channel: int, expected: int) -> None:
    assert len(axis(f"{PLATFORM}/VMD/Camera2Profile1", {"active": "1"}, channel=channel)) == expected
    assert len(axis("tns1:VideoSource/tnsaxis:Tampering", {"tampering": "1"}, {"channel": "2"}, channel)) == expected
    assert len(axis("tns1:Device/tnsaxis:IO/Port", {"state": "1"}, {"port": "2"}, channel)) == 1


@given(
    st.binary(max_size=400), st.sampled_from((b"", b"{", b'{"method": "events:notify", "params": {"notification": {'))
)
def test_no_axis_message_raises(data: bytes, start: bytes) -> None:
    assert len(read_axis(start + data, 0, AT_MS)) <= 9
    assert len(refusal(start + data)) <= 100


# Reolink.


@pytest.mark.parametrize("is_old", [False, True])
def test_reolink_is_asked_for_what_it_has(*, is_old: bool) -> None:
    with maker_camera("reolink", is_old=is_old) as camera:
        reading = Reading(camera)
        reading.pull(0.0)
        camera.begin("animal")
        camera.begin("motion")
        until(lambda: bool(reading.pull()), 10, "the states")
        assert sorted(reading.came) == ["animal True", "motion True"]
        reading.point.leave()


def test_reolink_asks_for_another_token_before_the_first_ends_and_leaves_none() -> None:
    with maker_camera("reolink") as camera:
        reading = Reading(camera)
        reading.pull(0.0)
        reading.clock.advance(3000)
        reading.pull(0.0)
        assert (len(camera.asked), len(camera.tokens)) == (2, 1)
        reading.point.cancel()
        reading.point.leave()
        assert camera.tokens == []


def test_reolink_is_signed_out_of_although_a_request_is_cancelled() -> None:
    with maker_camera("reolink") as camera:
        reading = Reading(camera)
        reading.pull(0.0)
        reading.point.cancel()
        with pytest.raises(SourceError):
            reading.point.pull(10.0)
        assert len(camera.tokens) == 1
        reading.point.leave()
        assert camera.tokens == []


def test_reolink_events_that_end_during_a_failure_end_and_what_lasts_is_reported_again() -> None:
    with maker_camera("reolink") as camera:
        reading = Reading(camera)
        reading.pull(0.0)
        for what in ("motion", "vehicle", "doorbell"):
            camera.begin(what)
        assert sorted(reading.pull(0.0)) == ["doorbell None", "motion True", "vehicle True"]
        camera.status = 500
        with pytest.raises(SourceError):
            reading.pull(0.0)
        camera.status = 200
        camera.end("motion")
        assert sorted(reading.pull(0.0)) == ["motion False", "vehicle True"]
        assert reading.pull(0.0) == []
        reading.point.leave()


def test_a_reolink_button_that_is_on_at_the_start_was_not_pressed_now() -> None:
    """Only if it was off when last asked for, whatever failed since."""
    with maker_camera("reolink", status=500) as camera:
        reading = Reading(camera)
        camera.begin("doorbell")
        with pytest.raises(SourceError):
            reading.pull(0.0)
        camera.status = 200
        assert reading.pull(0.0) == []
        camera.end("doorbell")
        reading.pull(0.0)
        camera.status = 500
        with pytest.raises(SourceError):
            reading.pull(0.0)
        camera.begin("doorbell")
        camera.status = 200
        assert reading.pull(0.0) == ["doorbell None"]
        reading.point.leave()


def test_reolink_with_too_many_sessions_is_no_wrong_password() -> None:
    with maker_camera("reolink", most_signed_in=0) as camera:
        with pytest.raises(SourceError, match="too many are signed in") as raised:
            Reading(camera).pull()
        assert not isinstance(raised.value, SourceRefused)


def test_reolink_gets_no_password_where_it_was_hidden_before() -> None:
    """A camera at a new address may be another device: it was accepted because it answered a Digest sign-in."""
    with maker_camera("reolink") as camera:
        reading = Reading(camera)
        reading.logins.offered(LoginPlace("yard", "127.0.0.1", camera.port), SignIn.MD5)
        with pytest.raises(SourceLoginWeaker):
            reading.pull()
        assert camera.asked == []


@pytest.mark.parametrize(
    "answer",
    [b"", b"{}", b"[]", b"[1]", b"[" * 9_000, b"x" * (MOST_PART_BYTES + 1), b'[{"code": 0, "value": {"Token": 7}}]',
     b'[{"code": 0, "value": {"Token": {"name": "../../x"}}}]', json.dumps([refused("Login", -1, "x")]).encode()],
)  # fmt: skip
def test_reolink_answers_that_say_nothing(answer: bytes) -> None:
    with maker_camera("reolink") as camera:
        camera.answer = answer
        reading = Reading(camera)
        with pytest.raises(SourceError):
            reading.pull()
        camera.answer = None
        reading.pull(0.0)
        camera.answer = answer
        with pytest.raises(SourceError):
            reading.pull()


ON, OFF, LACKS = {"alarm_state": 1, "support": 1}, {"alarm_state": 0, "support": 1}, {"alarm_state": 1, "support": 0}


def test_what_reolink_reports() -> None:
    value = {"channel": 0, "md": ON, "visitor": OFF, "ai": {"people": OFF, "face": ON, "dog_cat": LACKS}}
    assert read_reolink([{"cmd": "GetEvents", "code": 0, "value": value}]) == {
        "motion": True, "doorbell": False, "person": True,
    }  # fmt: skip
    older = [
        {"cmd": "GetMdState", "code": 0, "value": {"state": 1}},
        {"cmd": "GetAiState", "code": 0, "value": {"channel": 0, "people": 1, "vehicle": 0}},
    ]
    assert read_reolink(older) == {"motion": True, "person": True, "vehicle": False}
    assert read_reolink([refused("GetEvents", -9, "not support")]) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("cmd", "code", "value", "ai", "md", "people", "Token", "name")), inner)
    ),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=4))
def test_no_answer_of_reolink_raises(answers: list[Any]) -> None:
    read_reolink(answers)
    read_token(answers)
