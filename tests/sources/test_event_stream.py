"""Events by the API of a camera's maker: what the parts mean, and a stream that goes on, on loopback."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.config.lens_and_ptz import EventApiSettings
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceUnreachable,
)
from tawny.sources.event_stream import (
    MOST_PART_BYTES,
    REPEATS_S,
    SILENT_S,
    EventStream,
    PartReader,
    read_dahua,
    read_hikvision,
)
from tawny.testing.clock import AheadClock
from tawny.testing.waiting import until
from tests.support.maker_camera import MakerCamera, alert, maker_camera, part

AT_MS = 1_700_000_000_000


def dahua(code: str, action: str, index: int = 0, data: Any = None) -> list[str]:
    more = "" if data is None else f";data={json.dumps(data, indent=2)}"
    return shown(read_dahua(f"Code={code};action={action};index={index}{more}\r\n".encode(), 0, AT_MS))


def shown(reports: list[Any]) -> list[str]:
    assert {one.at_ms for one in reports} <= {AT_MS}
    return [f"{one.kind} {one.is_on}" for one in reports]


ENDS = ["person False", "vehicle False", "motion False"]


@pytest.mark.parametrize(
    ("code", "action", "data", "expected"),
    [
        ("VideoMotion", "Start", {"Id": [0], "RegionName": ["Region1"]}, ["motion True"]),
        ("VideoMotion", "Stop", None, ["motion False"]),
        ("ProfileAlarmTransmit", "Start", {"SenseMethod": "PassiveInfrared"}, ["motion True"]),
        ("SmartMotionHuman", "Start", {"object": [{"HumanID": 3}]}, ["person True"]),
        ("SmartMotionVehicle", "Stop", None, ["vehicle False"]),
        ("FaceDetection", "Start", None, ["person True"]),
        ("CrossLineDetection", "Pulse", {"Object": {"ObjectType": "Human"}}, ["line None"]),
        ("CrossLineDetection", "Start", None, ["line True"]),
        ("CrossRegionDetection", "Start", {"Object": {"ObjectType": "Human"}}, ["person True"]),
        ("CrossRegionDetection", "Start", {"Object": {"ObjectType": "NonMotor"}}, ["vehicle True"]),
        ("CrossRegionDetection", "Start", {"ObjectType": "Vehicle"}, ["vehicle True"]),
        ("CrossRegionDetection", "Start", None, ["motion True"]),
        ("CrossRegionDetection", "Start", {"Object": {"ObjectType": ["Human"]}}, ["motion True"]),
        ("CrossRegionDetection", "Stop", None, ENDS),
        ("VideoBlind", "Start", None, ["tamper True"]),
        ("SceneChange", "Start", None, ["tamper True"]),
        ("AlarmLocal", "Start", None, ["input True"]),
        ("AlarmLocal", "Start", {"Name": "DoorBell"}, ["doorbell True"]),
        ("_DoTalkAction_", "Pulse", {"Action": "Invite", "CallID": "7"}, ["doorbell None"]),
        ("_DoTalkAction_", "Invite", None, ["doorbell None"]),
        ("_DoTalkAction_", "Pulse", {"Action": "Hangup"}, []),
        ("CallNoAnswered", "Start", {"CallID": "7"}, ["doorbell None"]),
        ("CallNoAnswered", "Stop", None, []),
        ("Invite", "Pulse", None, ["doorbell None"]),
        ("VideoMotion", "Configure", None, []),
        ("NewFile", "Pulse", {"File": "/mnt/sd/a.jpg"}, []),
        ("TimeChange", "Pulse", None, []),
    ],
)
def test_what_dahua_reports(code: str, action: str, data: Any, expected: list[str]) -> None:
    assert dahua(code, action, 0, data) == expected


@pytest.mark.parametrize(
    "body",
    [b"Heartbeat", b"", b"Code=VideoMotion", b"Code=VideoMotion;action=Start;index=x", b"\xff\xfe", b"<html></html>"],
)
def test_dahua_parts_that_say_nothing(body: bytes) -> None:
    assert read_dahua(body, 0, AT_MS) == []


def test_data_that_is_no_json_does_not_hide_the_event() -> None:
    assert shown(read_dahua(b"Code=VideoBlind;action=Start;index=0;data={" + b"[" * 30_000, 0, AT_MS)) == [
        "tamper True"
    ]


@pytest.mark.parametrize(("channel", "expected"), [(0, 1), (1, 0), (3, 1)])
def test_one_channel_of_a_recorder(channel: int, expected: int) -> None:
    assert len(read_dahua(b"Code=VideoMotion;action=Start;index=2", channel, AT_MS)) == expected
    for named in ("channelID", "dynChannelID"):
        assert len(read_hikvision(alert("VMD", "active", channel=3, named=named), channel, AT_MS)) == expected


HUMAN, VEHICLE = "<detectionTarget>human</detectionTarget>", "<targetType>vehicle</targetType>"
ACCESS = "AccessControllerEvent"
REGION = "<DetectionRegionList><DetectionRegionEntry>" + HUMAN + "</DetectionRegionEntry></DetectionRegionList>"


@pytest.mark.parametrize(
    ("kind", "state", "more", "expected"),
    [
        ("VMD", "active", "", ["motion True"]),
        ("VMD", "active", VEHICLE, ["vehicle True"]),
        ("VMD", "inactive", "", ENDS),
        ("PIR", "active", "", ["motion True"]),
        ("fielddetection", "active", REGION, ["person True"]),
        ("regionEntrance", "active", HUMAN, ["person True"]),
        ("regionExiting", "active", "", ["motion True"]),
        ("linedetection", "active", HUMAN, ["line True"]),
        ("facedetection", "active", "", ["person True"]),
        ("shelteralarm", "active", "", ["tamper True"]),
        ("tamperdetection", "inactive", "", ["tamper False"]),
        ("scenechangedetection", "active", "", ["tamper True"]),
        ("IO", "active", "<inputIOPortID>2</inputIOPortID>", ["input True"]),
        ("voiceTalkEvent", "active", "<VoiceTalkEvent><cmdType>request</cmdType></VoiceTalkEvent>", ["doorbell None"]),
        ("voiceTalkEvent", "active", "<VoiceTalkEvent><cmdType>hangUp</cmdType></VoiceTalkEvent>", []),
        ("VMD", "active", "<currentEvent>false</currentEvent>", []),
        ("VMD", "paused", "", []),
        ("videoloss", "inactive", "", []),
        ("diskfull", "active", "", []),
    ],
)
def test_what_hikvision_reports(kind: str, state: str, more: str, expected: list[str]) -> None:
    assert shown(read_hikvision(b"\r\n" + alert(kind, state, more=more) + b"\r\n\x00", 0, AT_MS)) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {"eventType": ACCESS, ACCESS: {"majorEventType": 5, "subEventType": 37}},
            ["doorbell None"],
        ),
        (
            {"eventType": ACCESS, ACCESS: {"majorEventType": 5, "subEventType": 21}},
            [],
        ),
        ({"eventType": "videoIntercomEvent", "VoiceTalkEvent": {"cmdType": "request"}}, ["doorbell None"]),
        ({"eventType": "videoIntercomEvent", "currentEvent": False, "VoiceTalkEvent": {"cmdType": "request"}}, []),
        (
            {"EventNotificationAlert": {"eventType": "VMD", "eventState": "active", "targetType": "human"}},
            ["person True"],
        ),
        ({"eventType": ["VMD"], "eventState": "active"}, []),
    ],
)
def test_parts_in_json(said: dict[str, Any], expected: list[str]) -> None:
    assert shown(read_hikvision(json.dumps(said).encode(), 0, AT_MS)) == expected


@given(st.binary(max_size=400), st.sampled_from((b"", b"{", b"<EventNotificationAlert>", b"Code=VideoMotion;action=")))
def test_no_part_raises(data: bytes, start: bytes) -> None:
    for read in (read_dahua, read_hikvision):
        assert len(read(start + data, 0, AT_MS)) <= 3


# The parts of a response.

BODIES = [b"Heartbeat", alert("VMD", "active"), b"Code=VideoMotion;action=Start;index=0", b"--my", b"\r\n--\r\n\r\n"]


@given(st.lists(st.sampled_from(BODIES), max_size=6), st.lists(st.integers(1, 300), max_size=40))
def test_parts_are_the_same_whatever_the_pieces(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"preamble\r\n" + b"".join(part("myboundary", "text/plain", one) for one in bodies)
    reader, found = PartReader("myboundary"), list[bytes]()
    for size in cuts:
        found += reader.feed(data[:size])
        data = data[size:]
    assert found + reader.feed(data) == bodies


@pytest.mark.parametrize("boundary", ["myboundary", "--myboundary"])
def test_parts_without_their_length_end_where_the_next_begins(boundary: str) -> None:
    data = b"--myboundary\nContent-Type: text/plain\n\nHeartbeat\n--myboundary\r\n\r\nCode=a\r\n--myboundary"
    assert [one.strip() for one in PartReader(boundary).feed(data)] == [b"Heartbeat", b"Code=a"]


@pytest.mark.parametrize(
    "large",
    [
        part("b", "image/jpeg", b"--b\r\n\r\nx" * 20_000),
        b"--b\r\n\r\n" + b"x" * 200_000,
        b"--b\r\nContent-Length: 99999999999999\r\n\r\n" + b"x" * 100_000,
        b"--b\r\nX: " + b"x" * 100_000,
        b"x" * 200_000,
    ],
)
def test_what_is_too_large_is_skipped(large: bytes) -> None:
    reader = PartReader("b")
    found = [body for at in range(0, len(large), 5_000) for body in reader.feed(large[at : at + 5_000])]
    assert found == []
    assert reader.feed(part("b", "text/plain", b"after")) == [b"after"]


@given(st.lists(st.binary(max_size=2_000), max_size=30))
def test_any_response_is_read_within_limits(pieces: list[bytes]) -> None:
    reader = PartReader("b")
    for piece in pieces:
        assert all(len(one) <= MOST_PART_BYTES for one in reader.feed(b"--b\r\n" + piece))


# A stream that goes on.


class Reading:
    def __init__(self, camera: MakerCamera, url: str = "") -> None:
        self.clock = AheadClock()
        self.stream = EventStream(EventApiSettings(maker=camera.maker, url=url or camera.url), self.clock, None)

    def pull(self, waits_s: float = 10.0) -> list[str]:
        return [f"{one.kind} {one.is_on}" for one in self.stream.pull(waits_s)]


@pytest.fixture(params=["dahua", "hikvision"])
def maker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def camera(maker: str) -> Iterator[MakerCamera]:
    with maker_camera(maker) as made:
        yield made


def moves(camera: MakerCamera) -> None:
    if camera.maker == "dahua":
        camera.dahua("VideoMotion", "Start", data={"RegionName": ["Region1"]})
    else:
        camera.hikvision("VMD", "active")


def test_an_event_is_reported_after_a_digest_sign_in(camera: MakerCamera) -> None:
    reading = Reading(camera)
    assert reading.pull(0.0) == []
    camera.heartbeat()
    moves(camera)
    until(lambda: reading.pull(1.0) == ["motion True"], 60, "the event")
    assert len(camera.asked) == 1
    reading.stream.leave()


def test_parts_in_chunks_of_http_wait_for_nothing(maker: str) -> None:
    """The second part stays in a buffer, where the socket shows nothing."""
    with maker_camera(maker, is_chunked=True) as camera:
        reading = Reading(camera)
        reading.pull(0.0)
        moves(camera)
        moves(camera)
        for _ in range(2):
            until(lambda: reading.pull(1.0) == ["motion True"], 60, "the event")
        reading.stream.leave()


def test_a_connection_that_is_cut_is_made_again(camera: MakerCamera) -> None:
    reading = Reading(camera)
    reading.pull(0.0)
    camera.await_connected()
    camera.cut()
    with pytest.raises(SourceClosed, match="ended"):
        reading.pull()
    reading.pull(0.0)
    moves(camera)
    until(lambda: reading.pull(1.0) == ["motion True"], 60, "the event")
    assert len(camera.asked) == 2
    reading.stream.leave()


def test_silence_counts_as_a_lost_connection(camera: MakerCamera) -> None:
    reading = Reading(camera)
    reading.pull(0.0)
    reading.clock.advance(SILENT_S)
    with pytest.raises(SourceUnreachable, match="nothing came for 60 s"):
        reading.pull()


def test_a_heartbeat_keeps_the_connection(camera: MakerCamera) -> None:
    reading = Reading(camera)
    reading.pull(0.0)
    for _ in range(3):
        reading.clock.advance(SILENT_S / 2)
        camera.heartbeat()
        reading.pull(0.5)
    assert len(camera.asked) == 1
    reading.stream.leave()


def test_hikvision_motion_that_is_not_repeated_is_over() -> None:
    with maker_camera("hikvision") as camera:
        reading = Reading(camera)
        reading.pull(0.0)
        moves(camera)
        assert reading.pull() == ["motion True"]
        reading.clock.advance(REPEATS_S / 2)
        moves(camera)
        assert reading.pull() == ["motion True"]
        reading.clock.advance(REPEATS_S / 2 + 1)
        assert reading.pull(0.0) == []
        reading.clock.advance(REPEATS_S / 2)
        assert reading.pull(0.0) == ["motion False"]
        assert reading.pull(0.0) == []
        reading.stream.leave()


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"status": 404}, SourceError, "it has no events of"),
        ({"status": 403}, SourceRefused, "rejected"),
        ({"status": 302}, SourceError, "redirects"),
        ({"status": 500}, SourceError, "500"),
        ({"is_page": True}, SourceError, "no multipart stream"),
    ],
)
def test_cameras_without_such_events(maker: str, how: dict[str, Any], error: type[SourceError], words: str) -> None:
    with maker_camera(maker, **how) as camera, pytest.raises(error, match=words) as raised:
        Reading(camera).pull()
    assert not isinstance(raised.value, SourceNotFound)
    assert "s3cret" not in str(raised.value)


def test_a_wrong_password_is_refused(camera: MakerCamera) -> None:
    with pytest.raises(SourceRefused):
        Reading(camera, camera.url.replace("s3cret", "wrong")).pull()


def test_a_wait_ends_when_it_is_cancelled(camera: MakerCamera) -> None:
    reading = Reading(camera)
    reading.pull(0.0)
    reading.stream.cancel()
    for _ in range(2):
        with pytest.raises(SourceError):
            reading.pull()
