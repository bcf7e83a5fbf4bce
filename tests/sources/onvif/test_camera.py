"""Cameras turned and switched by ONVIF, against one that checks what it is asked."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tawny.model.errors import NotDone, SourceError, SourceRefused, SourceUnreachable
from tawny.model.times import SystemClock
from tawny.protocols.soap import ENVELOPE
from tawny.sources.onvif import OnvifCamera, OnvifRelay, OnvifResponse, OnvifService, PtzPreset, SoapClient
from tawny.sources.source import SourceLoginUnknown
from tawny.testing.clock import FakeClock
from tests.sources.onvif.fake_camera import DEVICE, FakeCamera, fault, served
from tests.support.ports import free_port


@pytest.fixture
def fake() -> Iterator[FakeCamera]:
    with served(FakeCamera()) as camera:
        yield camera


def opened(fake: FakeCamera) -> OnvifCamera:
    return OnvifCamera(fake.url, SystemClock())


def test_it_is_turned_and_stops(fake: FakeCamera) -> None:
    camera = opened(fake)
    camera.move(0.5, -0.25, 0, 2)
    camera.stop()
    (moved, how), (stopped, _) = fake.told[-2:]
    assert (moved, stopped) == ("ContinuousMove", "Stop")
    assert (how["ProfileToken"], how["Timeout"]) == ("turning", "PT2S")
    assert (how["PanTilt.x"], how["PanTilt.y"]) == ("0.5", "-0.25")
    assert "Zoom.x" not in how


def test_an_axis_that_moved_is_stopped_by_the_next_command(fake: FakeCamera) -> None:
    """What a command leaves out goes on as it is (ONVIF, PTZSpeed)."""
    camera = opened(fake)
    camera.move(0.3, 0, 0, 1)
    camera.move(0, 0, 0.25, 1)
    camera.move(0.3, 0, 0, 1)
    camera.stop()
    camera.move(0, 0.5, 0, 1)
    moves = [how for name, how in fake.told if name == "ContinuousMove"]
    assert [(how.get("PanTilt.x"), how.get("Zoom.x")) for how in moves] == [
        ("0.3", None), ("0", "0.25"), ("0.3", "0"), ("0", None),
    ]  # fmt: skip


def test_what_it_can_do_is_asked_once(fake: FakeCamera) -> None:
    camera = opened(fake)
    for _ in range(3):
        camera.stop()
    assert [name for name, _ in fake.told].count("GetCapabilities") == 1


def test_it_goes_to_stored_places(fake: FakeCamera) -> None:
    camera = opened(fake)
    assert camera.presets() == [PtzPreset("1", "Gate"), PtzPreset("2", "Door")]
    camera.go_to("Door")
    assert fake.told[-1][1]["PresetToken"] == "2"
    with pytest.raises(NotDone, match="Presets: Gate, Door"):
        camera.go_to("Moon")


def test_a_name_that_is_another_ones_token_is_a_name(fake: FakeCamera) -> None:
    fake.presets = (("1", "Gate"), ("2", "Door"), ("3", "1"))
    camera = opened(fake)
    camera.go_to("1")
    assert fake.told[-1][1]["PresetToken"] == "3"
    camera.go_to("2")
    assert fake.told[-1][1]["PresetToken"] == "2"
    camera.remove_preset("1")
    assert [one.name for one in camera.presets()] == ["Gate", "Door"]


class TurnedElsewhere(FakeCamera):
    """It knows only its device service at its own port, and names another port for the rest."""

    elsewhere_port = 0

    def _of(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        if path != DEVICE:
            return 400, fault("ter:ActionNotSupported", "not here")
        status, answer = super()._of(name, values, path)
        return status, answer.replace(f":{self.port}/", f":{self.elsewhere_port}/")


def test_services_at_another_port_are_asked_there(fake: FakeCamera) -> None:
    with served(TurnedElsewhere()) as device:
        assert isinstance(device, TurnedElsewhere)
        device.elsewhere_port = fake.port
        camera = opened(device)
        camera.go_to("Door")
        camera.switch("", on=True)
    assert [name for name, _ in fake.told] == ["GetProfiles", "GetPresets", "GotoPreset"]
    assert device.told[-1][0] == "SetRelayOutputState"


def test_where_nothing_answers_at_the_named_port_its_own_words_are_said() -> None:
    with served(TurnedElsewhere()) as device:
        assert isinstance(device, TurnedElsewhere)
        device.elsewhere_port = free_port()
        with pytest.raises(SourceError, match="not here"):
            opened(device).presets()


def test_a_named_port_that_once_did_not_answer_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    is_up = False

    def post(place: OnvifService, *_: object) -> OnvifResponse:
        if place.port == 81 and not is_up:
            raise ConnectionRefusedError
        content = "<r/>" if place.port == 81 else fault("ter:ActionNotSupported", "not here")
        return OnvifResponse(
            200, (), f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{content}</s:Body></s:Envelope>'.encode()
        )

    monkeypatch.setattr("tawny.sources.onvif.post", post)
    clock = FakeClock()
    client = SoapClient(OnvifService.of("http://192.0.2.7"), clock)
    path = client.path_at("http://192.0.2.7:81/onvif/media")
    with pytest.raises(SourceError, match="not here"):
        client.send(path, "<x/>", 0, clock.mono_s() + 5)
    is_up = True
    assert client.send(path, "<x/>", 0, clock.mono_s() + 5).tag == "r"


def test_its_relays_are_switched(fake: FakeCamera) -> None:
    camera = opened(fake)
    camera.switch("", on=True)
    camera.switch("relay-1", on=False)
    found = [values for name, values in fake.told if name == "SetRelayOutputState"]
    assert [(one["RelayOutputToken"], one["LogicalState"]) for one in found] == [
        ("relay-1", "active"),
        ("relay-1", "inactive"),
    ]
    with pytest.raises(NotDone, match="Relays: relay-1"):
        camera.switch("relay-9", on=True)


def test_presets_are_saved_replaced_and_removed(fake: FakeCamera) -> None:
    camera = opened(fake)
    camera.save_preset("Pond & lawn")
    assert [one.name for one in camera.presets()] == ["Gate", "Door", "Pond & lawn"]
    camera.save_preset("Door")
    assert [one.name for one in camera.presets()] == ["Gate", "Pond & lawn", "Door"]
    camera.remove_preset("Gate")
    assert [one.name for one in camera.presets()] == ["Pond & lawn", "Door"]
    with pytest.raises(NotDone, match="no preset Gate"):
        camera.remove_preset("Gate")


def test_it_goes_to_its_home_position_which_can_be_set(fake: FakeCamera) -> None:
    camera = opened(fake)
    camera.save_home()
    camera.go_home()
    assert fake.done() == ["SetHomePosition", "GotoHomePosition"]


def test_its_relays_say_whether_they_end_by_themselves(fake: FakeCamera) -> None:
    fake.relays = ("Siren_1", "gate-pulse")
    assert opened(fake).relays() == [OnvifRelay("Siren_1", None), OnvifRelay("gate-pulse", 3.0)]


@pytest.mark.parametrize(
    ("pulse", "seconds"),
    [
        ("PT5.000S", 5.0),
        ("PT0.5000S", 0.5),
        ("PT0H0M5S", 5.0),
        ("P0DT0H0M5S", 5.0),
        ("P0Y0M0DT0H1M5.000S", 65.0),
        ("PT1H", 3600.0),
        ("PT1H1S", None),
        ("P1DT5S", None),
        ("PT", None),
        ("5", None),
    ],
)
def test_a_pulse_is_read_however_its_duration_is_written(fake: FakeCamera, pulse: str, seconds: float | None) -> None:
    fake.relays, fake.pulse = ("gate-pulse",), pulse
    assert opened(fake).relays() == [OnvifRelay("gate-pulse", seconds)]


DIGEST = 'Digest realm="camera", qop="auth", nonce="abc", algorithm=MD5'


@pytest.mark.parametrize("challenge", [DIGEST, 'Basic realm="camera"'])
def test_a_camera_that_wants_the_login_of_http_gets_it(fake: FakeCamera, challenge: str) -> None:
    fake.challenge = challenge
    opened(fake).stop()
    assert fake.done() == ["Stop"]


@pytest.mark.parametrize("challenge", [DIGEST, 'Basic realm="camera"', "Bearer", ""])
def test_a_login_that_http_refuses_is_told(fake: FakeCamera, challenge: str) -> None:
    fake.challenge, address = challenge or "-", fake.url.replace("s3cret", "wrong")
    with pytest.raises(SourceRefused):
        OnvifCamera(address, SystemClock()).stop()
    assert fake.done() == []


def test_a_sign_in_of_http_that_is_not_known_is_named(fake: FakeCamera) -> None:
    fake.challenge = 'Digest realm="camera", nonce="abc", algorithm=SHA-512-256'
    with pytest.raises(SourceLoginUnknown, match="SHA-512-256"):
        opened(fake).stop()


@pytest.mark.parametrize("ahead", [timedelta(days=-400), timedelta(hours=1)])
def test_a_clock_that_is_wrong_does_not_matter(fake: FakeCamera, ahead: timedelta) -> None:
    fake.ahead = ahead
    opened(fake).stop()
    assert fake.done() == ["Stop"]


def test_a_camera_whose_profiles_have_other_names_since_an_update_is_asked_again(fake: FakeCamera) -> None:
    camera = opened(fake)
    camera.go_to("Gate")
    fake.turning_profile = "MediaProfile000"
    camera.go_to("Door")
    assert fake.told[-1][1]["ProfileToken"] == "MediaProfile000"


def test_a_refusal_for_another_reason_asks_for_nothing_again(fake: FakeCamera) -> None:
    camera = opened(fake)
    for _ in range(2):
        with pytest.raises(SourceError, match="not known"):
            camera.position()
    assert [name for name, _ in fake.told].count("GetProfiles") == 1


def test_a_camera_that_wants_the_login_for_its_clock_gets_it(fake: FakeCamera) -> None:
    fake.locks_clock = True
    opened(fake).go_to("Gate")
    assert fake.done() == ["GotoPreset"]


def test_a_wrong_password_for_its_clock_is_tried_once(fake: FakeCamera) -> None:
    fake.locks_clock, fake.password = True, "changed"
    camera = OnvifCamera(fake.url.replace("changed", "s3cret"), SystemClock())
    with pytest.raises(SourceRefused):
        camera.stop()
    assert len(fake.nonces) == 1


def test_a_wrong_password_is_said_and_not_shown(fake: FakeCamera) -> None:
    url = fake.url.replace("s3cret", "pLanted")
    with pytest.raises(SourceRefused) as refused:
        OnvifCamera(url, SystemClock()).stop()
    assert "pLanted" not in str(refused.value)


def test_one_that_stands_still_is_said(fake: FakeCamera) -> None:
    fake.turns = False
    with pytest.raises(NotDone, match="doesn't support pan and tilt"):
        opened(fake).move(1, 0, 0, 1)


def test_the_login_goes_to_no_other_host(fake: FakeCamera) -> None:
    fake.elsewhere = "192.0.2.1:81"
    opened(fake).stop()
    assert fake.done() == ["Stop"]


def test_nobody_there_is_said() -> None:
    with pytest.raises(SourceUnreachable):
        OnvifCamera("http://u:p@127.0.0.1:1/onvif/device_service", SystemClock()).stop()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"not xml",
        b"<a>",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<s:Envelope xmlns:s="x"><s:Body/></s:Envelope>',
        b"<a>" + b"x" * 1_000_001 + b"</a>",
    ],
)
def test_what_is_no_answer_is_an_error(fake: FakeCamera, reply: bytes) -> None:
    fake.reply = reply
    with pytest.raises(SourceError):
        opened(fake).stop()
