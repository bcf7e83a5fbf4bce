"""A thief at the camera's cable who asks for a weaker sign-in, to read the password."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.cli.main import main
from tawny.model.errors import SettingsError, SourceLoginWeaker, SourceRefused, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import GapReason
from tawny.model.states import CameraState
from tawny.model.times import SystemClock
from tawny.protocols.digest_auth import MAX_OFFER_CHARS, MAX_OFFERS, ClientAuth
from tawny.protocols.login_history import LoginHistory, SignIn
from tawny.service.cameras.connection_settings import CameraAddressChange, CameraConnectionService
from tawny.service.cameras.login_file import NAME, LoginFile
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.network_address import parse_rtsp
from tawny.sources.onvif import OnvifCamera
from tawny.sources.rtsp.ffmpeg_guard import describe
from tawny.sources.rtsp.source import Rtsp
from tawny.sources.source import SourceContext
from tawny.storage.disk.disk import RealDisk
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until
from tests.app.rig import DOOR, one_camera, rig
from tests.service.cameras.test_connecting import House
from tests.sources.onvif.fake_camera import FakeCamera, served
from tests.support.dead_disk import DEATHS, dead

PASSWORD = "n0t-for-thieves"
BASIC, MD5 = ['Basic realm="c"'], ['Digest realm="c", nonce="1"']
SHA = ['Digest realm="c", nonce="2", algorithm=SHA-256', *MD5]
OFFERS = {SignIn.BASIC: BASIC, SignIn.MD5: MD5, SignIn.SHA_256: SHA}


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(user="me", password=PASSWORD, login="md5")) as made:
        yield made


def opening(camera: RtspCamera, logins: LoginHistory, **options: object) -> SourceContext:
    address = f"rtsp://me:{PASSWORD}@127.0.0.1:{camera.port}/stream"
    return SourceContext(CameraId("porch"), StreamName.MAIN, address, Rtsp().settings(options), SystemClock(), logins)


# --- the rule --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", OFFERS)
@pytest.mark.parametrize("after", OFFERS)
def test_only_a_weaker_sign_in_than_ever_is_refused(before: SignIn, after: SignIn) -> None:
    record = LoginHistory().record("porch", "camera", 554)
    assert ClientAuth("me", PASSWORD, record).challenged(OFFERS[before])
    login = ClientAuth("me", PASSWORD, record)
    assert login.challenged(OFFERS[after]) == (after >= before)
    assert bool(login.weaker) == (after < before)
    assert bool(login.header("DESCRIBE", "rtsp://camera/")) == (after >= before)
    assert record.strongest == max(before, after)


def test_a_weaker_one_within_a_session_is_refused_as_well() -> None:
    login = ClientAuth("me", PASSWORD)
    assert login.challenged(MD5)
    assert not login.challenged(BASIC)
    assert login.weaker == "Basic instead of Digest MD5"
    assert login.header("PLAY", "rtsp://camera/") == ""


@given(st.lists(st.sampled_from(list(OFFERS)), max_size=12))
@settings(max_examples=200, deadline=None)
def test_basic_is_never_answered_after_a_digest(offers: list[SignIn]) -> None:
    record, strongest = LoginHistory().record("porch", "camera", 554), SignIn.NONE
    secret = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    for offer in offers:
        login = ClientAuth("me", PASSWORD, record)
        login.challenged(OFFERS[offer])
        result = login.header("DESCRIBE", "rtsp://camera/")
        assert (secret in result) == (offer is SignIn.BASIC and strongest <= SignIn.BASIC)
        strongest = max(strongest, offer)


def test_a_record_belongs_to_camera_host_and_port() -> None:
    history = LoginHistory()
    history.record("porch", "Camera.Local", 554).offered(SignIn.MD5)
    assert history.record("porch", "camera.local", 554).strongest is SignIn.MD5
    for camera, host, port in (("yard", "camera.local", 554), ("porch", "other", 554), ("porch", "camera.local", 80)):
        assert history.record(camera, host, port).strongest is SignIn.NONE


@pytest.mark.parametrize(
    "values",
    [
        ["Digest " + "a" * 16_000],
        ["Digest " + "a " * 8_000],
        ["Digest " + 'a="' * 5_000],
        [", " * 8_000 + "Basic"],
        ["Digest " + "a" * MAX_OFFER_CHARS],
        ["Basic"] * 10_000,
        [", ".join(["Digest nonce=1"] * 130)],
    ],
)
def test_long_challenges_cost_little(values: list[str]) -> None:
    """16 kB of one word once took 2.7 s of the thread that reads all cameras; 0.02 s are usual."""
    begun_s = time.thread_time()
    ClientAuth("me", PASSWORD).challenged(values)
    assert time.thread_time() - begun_s < 2


def test_only_the_first_challenges_count() -> None:
    assert not ClientAuth("me", PASSWORD).challenged([*["Bearer"] * MAX_OFFERS, *MD5])


# --- the clients -----------------------------------------------------------------------------------------------------


def test_the_built_in_client_sends_no_password(camera: RtspCamera) -> None:
    logins, source = LoginHistory(), Rtsp()
    source.open(opening(camera, logins)).close()
    camera.setup.login = "basic"
    with pytest.raises(SourceLoginWeaker) as refused:
        source.open(opening(camera, logins))
    assert refused.value.detail == "Basic instead of Digest MD5"
    assert "didn't send the password" in str(refused.value)
    assert "rtsp://" not in refused.value.for_viewers
    speaker = source.speaker(opening(camera, logins))
    with pytest.raises(SourceLoginWeaker):
        speaker.open()
    speaker.close()
    address = parse_rtsp(opening(camera, logins).address)
    with pytest.raises(SourceLoginWeaker):
        describe(address, SystemClock(), record=logins.record("porch", address.host, address.port))
    logins.forget("porch")
    source.open(opening(camera, logins)).close()


def test_a_camera_that_never_had_more_than_basic_works(camera: RtspCamera) -> None:
    camera.setup.login = "basic"
    logins = LoginHistory()
    for _ in range(2):
        Rtsp().open(opening(camera, logins)).close()
    camera.setup.login = "md5"
    Rtsp().open(opening(camera, logins)).close()


@pytest.mark.parametrize("before", ["", 'Digest realm="camera", qop="auth", nonce="abc", algorithm=MD5'])
def test_onvif_sends_no_password(before: str) -> None:
    """Both the digest of ONVIF's own sign-in and that of HTTP are stronger than Basic."""
    record = LoginHistory().record("porch", "127.0.0.1", 80)
    with served(FakeCamera(challenge=before)) as fake:
        OnvifCamera(fake.url, SystemClock(), record).stop()
        fake.challenge, fake.told = 'Basic realm="camera"', []
        with pytest.raises(SourceLoginWeaker):
            OnvifCamera(fake.url, SystemClock(), record).stop()
        assert not fake.told


def test_onvif_with_basic_from_the_first_works() -> None:
    record = LoginHistory().record("porch", "127.0.0.1", 80)
    with served(FakeCamera(challenge='Basic realm="camera"')) as fake:
        for _ in range(2):
            OnvifCamera(fake.url, SystemClock(), record).stop()
        assert fake.done() == ["Stop", "Stop"]


# --- the recorder ----------------------------------------------------------------------------------------------------


def test_the_recorder_says_it_survives_a_restart_and_accepts_it_when_told(camera: RtspCamera, tmp_path: Path) -> None:
    chosen = one_camera(f"rtsp://me:{PASSWORD}@127.0.0.1:{camera.port}/stream")
    with rig(chosen, tmp_path) as bench:
        bench.wait_for(CameraState.RECORDING)
    camera.setup.login = "basic"
    with rig(chosen, tmp_path) as bench:
        bench.wait_for(CameraState.WEAKER_LOGIN)
        status = next(one.status for one in bench.running.cameras())
        assert "asks for a weaker sign-in than before (Basic instead of Digest MD5)" in status.detail
        assert "Settings > Cameras > Connection" in status.detail
        until(lambda: GapReason.WEAKER_LOGIN in {gap.reason for gap in bench.gaps()}, 30, "the gap has the reason")
        assert bench.running.accept_login({"camera": "none"}) == {"known": ["door"]}
        assert bench.running.accept_login({"camera": "door"}) == {"camera": "door", "changed": True}
        bench.wait_for(CameraState.RECORDING, 20)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in (tmp_path / NAME).read_text()


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_file_has_what_was_offered(tmp_path: Path) -> None:
    file = LoginFile(RealDisk(tmp_path))
    file.history.record("porch", "camera", 554).offered(SignIn.SHA_256)
    file.history.record("yard", "camera", 554).offered(SignIn.BASIC)
    file.step()
    again = LoginFile(RealDisk(tmp_path)).history
    assert again.record("porch", "camera", 554).strongest is SignIn.SHA_256
    again.keep_only({"yard"})
    assert again.record("porch", "camera", 554).strongest is SignIn.NONE
    assert again.record("yard", "camera", 554).strongest is SignIn.BASIC


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"logins": 7}',
        b'{"logins": [{"camera": "a", "host": "b", "port": "x", "strongest": "Basic"}]}',
        b'{"logins": [{"camera": "a", "host": "b", "port": 1, "strongest": "Perfect"}]}',
        b'{"logins": [{"camera": "' + b"a" * 9000 + b'", "host": "b", "port": 1, "strongest": "Basic"}]}',
        b"\xff\xfe",
    ],
)
def test_an_unusable_file_is_no_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    file = LoginFile(RealDisk(tmp_path))
    assert file.history.record("a", "b", 1).strongest is SignIn.NONE
    file.history.record("a", "b", 1).offered(SignIn.MD5)
    file.close()
    assert LoginFile(RealDisk(tmp_path)).history.record("a", "b", 1).strongest is SignIn.MD5


def test_the_spare_disk_has_a_copy(tmp_path: Path) -> None:
    main_disk, spare = tmp_path / "main", tmp_path / "spare"
    main_disk.mkdir()
    file = LoginFile(RealDisk(main_disk), spare)
    file.history.record("a", "b", 1).offered(SignIn.MD5)
    file.step()
    assert not spare.exists()
    (spare / "history").mkdir(parents=True)
    file = LoginFile(RealDisk(main_disk), spare)
    file.step()
    assert LoginFile(RealDisk(spare)).history.record("a", "b", 1).strongest is SignIn.MD5


@pytest.mark.parametrize("kind", DEATHS)
def test_a_spare_that_is_gone_while_it_is_mounted_gets_no_copy(tmp_path: Path, kind: str) -> None:
    (tmp_path / "main").mkdir()
    (tmp_path / "spare" / "history").mkdir(parents=True)
    file = LoginFile(RealDisk(tmp_path / "main"), tmp_path / "spare")
    with dead(tmp_path / "spare", kind):
        file.close()
    assert (tmp_path / "main" / NAME).exists()


def test_a_disk_that_fails_is_tried_again(tmp_path: Path) -> None:
    class Full(RealDisk):
        fails = True

        def unlink(self, path: str) -> None:
            if self.fails:
                raise StorageError(path, "broken")
            super().unlink(path)

    disk = Full(tmp_path)
    file = LoginFile(disk)
    file.history.record("a", "b", 1).offered(SignIn.MD5)
    assert file.step() == 60.0
    disk.fails = False
    file.step()
    assert (tmp_path / NAME).exists()


# --- the stored password at a new address ----------------------------------------------------------------------------


STORED = (
    '[cameras.door]\nsource = "rtsp://old:${OURS}@192.168.1.5/main"\nsub = "rtsp://old:${OURS}@192.168.1.6:8554/s"\n'
)


@pytest.mark.parametrize(
    ("source", "sub", "is_asked"),
    [
        ("rtsp://192.168.1.5/other", "", False),
        ("rtsp://192.168.1.6:8554/main", "rtsp://192.168.1.5/sub", False),
        ("rtsp://192.168.1.9/main", "", True),
        ("rtsp://192.168.1.5:8554/main", "", True),
        ("rtsp://192.168.1.5/main", "rtsp://192.168.1.9/sub", True),
        ("rtsps://192.168.1.5:554/main", "", True),
    ],
)
def test_a_stored_password_goes_to_no_new_address(tmp_path: Path, source: str, sub: str, is_asked: bool) -> None:
    house = House(tmp_path, STORED, 'OURS = "secret"\n')
    before = house.text
    if is_asked:
        with pytest.raises(SettingsError, match="no password for a new address"):
            house.change(source, sub, user="old", password=None)
        assert house.text == before
    else:
        house.change(source, sub, user="old", password=None)
    house.change(source, sub, user="old", password="secret")
    assert house.text != before


def test_trying_an_address_keeps_to_the_rule_unless_the_password_is_entered(camera: RtspCamera, tmp_path: Path) -> None:
    source, logins = f"rtsp://127.0.0.1:{camera.port}/stream", LoginHistory()
    house = House(tmp_path, f'[cameras.door]\nsource = "rtsp://me:{PASSWORD}@127.0.0.1:{camera.port}/stream"\n')
    desk = CameraConnectionService(
        ChangeableSettings(lambda: house.settings, house.apply, house.config),
        PluginRegistry.opened(),
        SystemClock(),
        logins,
    )
    logins.record("door", "127.0.0.1", camera.port).offered(SignIn.SHA_256)
    with pytest.raises(SourceLoginWeaker):
        desk.change(DOOR, CameraAddressChange(source, "", "me", None), untried=False)
    with pytest.raises(SourceRefused):
        desk.change(DOOR, CameraAddressChange(source, "", "me", "a wrong one"), untried=False)
    assert logins.record("door", "127.0.0.1", camera.port).strongest is SignIn.SHA_256
    desk.change(DOOR, CameraAddressChange(source, "", "me", PASSWORD), untried=False)
    assert logins.record("door", "127.0.0.1", camera.port).strongest is SignIn.NONE


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ({"camera": "porch", "changed": True}, 0, "accepts any sign-in of porch again"),
        ({"camera": "porch", "changed": False}, 0, "Nothing to do"),
        ({"known": ["yard"]}, 29, "Available cameras: yard"),
    ],
)
def test_the_command_accepts_it(
    answer: dict[str, object], code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[dict[str, object]] = []

    def ask_once(folder: Path, request: dict[str, object]) -> dict[str, object]:
        asked.append(request)
        return answer

    monkeypatch.setattr("tawny.cli.cameras.running_data", lambda args: Path("/nowhere"))
    monkeypatch.setattr("tawny.cli.cameras.ask_once", ask_once)
    assert main(["cameras", "accept-login", "porch"]) == code
    assert asked == [{"command": "accept-login", "camera": "porch"}]
    assert says in "".join(capsys.readouterr())
