"""The diagnostics bundle: it holds what helps, and none of the names, addresses and secrets that are planted here."""

import io
import json
import socket
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.fleet.sqlite_fleet_index import HUB_FILE, SqliteFleetIndex
from tawny.fleet.standby_plan import StandbyCamera, StandbyPlan
from tawny.fleet.standby_store import StandbyStore
from tawny.model.errors import Problem, StorageError
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.service.diagnosis import bundle
from tawny.service.diagnosis.bundle import (
    Anonymizer,
    BundleContents,
    DiagnosticsService,
    RunningState,
    make_files,
    zip_of,
)
from tawny.service.diagnosis.doctor import ExaminedRecorder
from tawny.service.diagnosis.machine import fine, wrong
from tawny.service.diagnosis.other_recorders import known_recorders
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLine, gap_record
from tawny.testing.clock import FakeClock
from tests.app.rig import settings
from tests.delivery.carried import delivery
from tests.e2e.live_server import live_server
from tests.support.certificates import write_pair
from tests.support.nameless_user import forget_user_name

SETTINGS = """
[storage]
path = "/mnt/familydisk/recordings"
retention.min = "9 days"

[web]
public_url = "https://cam.smithfamily.example"
hosts = ["garage-pi.fritz.box"]
metrics = "${METRICS}"

[web.secure]
way = "domain"
domain = "cam.smithfamily.example"
challenge = "dns"
dns_provider = "godaddy"
contact = "bob@smithfamily.example"
dns_secrets = { auth_key = "dnskey4711", auth_secret = "dnssecret4712" }

[modes]
location = [52.517, 13.388]

[modes.presence.people.alice]
ping = ["192.168.7.33"]

[live]
turn = [{ url = "turn:relay.smithfamily.example", user = "turnuser", password = "turnpassw0rd" }]

[destinations.grandmas-cloud]
url = "sftp://uploader:${UPLOAD}@backup.smithfamily.example/videos"

[notifiers.alices-phone]
url = "ntfy://ntfy.example.org/smithtopic?token=${NTFY}"

[mqtt]
url = "mqtt://broker:mqttpassw0rd@192.168.7.5"

[relays.gate-opener]
script = "open-gate.sh"

[cameras.nursery]
source = "rtsp://viewer:${CAMERA}@192.168.7.20:554/stream1"
name = "Emma's room"
detection.zones.emmas-bed = [[0.1, 0.5], [0.6, 0.5], [0.6, 1]]
detection.threshold = 37

[cameras.front-door]
source = "demo:front"
"""
SECRETS = {
    "METRICS": "metricsT0ken", "UPLOAD": "upl0ad%2Fpass%20word", "NTFY": "tk_ntfytoken0815",
    "CAMERA": "k4mera+pässword/%",
}  # fmt: skip
PLANTED = (
    "familydisk", "smithfamily", "garage-pi", "metricsT0ken", "52.517", "13.388", "Alice", "192.168.7", "turnuser",
    "turnpassw0rd", "grandma", "uploader", "upl0ad", "smithtopic", "tk_ntfy", "broker:", "mqttpassw0rd", "gate-opener",
    "open-gate", "nursery", "viewer", "k4mera", "Emma", "emmas-bed", "front-door", "Front door", "Bob Miller",
    "bob@smithfamily", "00:11:22:33:44:55", "fe80::1234", "93.184.216.34", "Porch cam 3000 of Bob", "9f3c2e",
    "dnskey", "dnssecret4",
)  # fmt: skip
LOG = """\
2026-11-20 06:00:01 WARNING nursery: 192.168.7.20 rejected the password k4mera+pässword/%
2026-11-20 06:00:02 WARNING cannot upload to grandmas-cloud: sftp://uploader:upl0ad%2Fpass%20word@backup.smithfamily.example
2026-11-20 06:00:03 WARNING Bob Miller (bob@smithfamily.example) signed in from 93.184.216.34 and fe80::1234
2026-11-20 06:00:04 WARNING camera 00:11:22:33:44:55 at front-door.local; Front door; FRONT-DOOR; /home/alice/x
2026-11-20 06:00:05 WARNING token 9f3c2e71d04b4a3a8d0e5f6a7b8c9d0e is refused; listening on 127.0.0.1:8000
"""
REPORT: dict[str, Any] = {
    "tawny": "0.1.0", "made": "2026-11-20T05:00:00.000Z", "camera": "nursery", "state": None,
    "streams": {
        "main": {
            "address": "rtsp://192.168.7.20:554/stream1", "settings": {"transport": "tcp"}, "counted": {},
            "forgiven": [],
            "talk": [
                {"by": "camera", "at_s": 0.5, "text": 'RTSP/1.0 401\nServer: Northlight 1.2\nWWW-Authenticate: Digest '
                 'realm="Porch cam 3000 of Bob", nonce="9f3c2e71"'},
                {"by": "tawny", "at_s": 0.6, "text": "DESCRIBE\nAuthorization: Basic dmlld2VyOnNlY3JldA=="},
                {"by": "camera", "at_s": 0.7, "text": "v=0\ns=Porch cam 3000 of Bob\nm=video 0 RTP/AVP 96"},
            ],
        }
    },
    "history": [], "damage": None,
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return write_settings(tmp_path)


def write_settings(folder: Path) -> Path:
    (folder / "tawny.toml").write_text(SETTINGS)
    secrets = folder / "secrets.toml"
    secrets.write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in SECRETS.items()))
    secrets.chmod(0o600)
    return folder


def contents(place: Path, **more: Any) -> BundleContents:
    config = place / "tawny.toml"
    recorder = ExaminedRecorder(Path("/mnt/familydisk/recordings"), read_settings(config, {}), config)
    health = {
        "ok": False,
        "summary": "Emma's room isn't recording.",
        "cameras": [
            {"id": "nursery", "name": "Emma's room", "state": "offline", "fps": 12.5, "detail": "192.168.7.20"}
        ],
        "warnings": [{"message": "The certificate of cam.smithfamily.example expires.", "hint": ""}],
    }
    found = [fine("network", "192.168.7.2 (eth0)."), wrong("camera nursery", "viewer was refused.", "a.", "b.")]
    given = {"health": health, "log": LOG, "reports": {CameraId("nursery"): REPORT}, "people": ["Bob Miller", "Alice"]}
    return BundleContents(recorder, found, **{**given, **more})


def files_of(given: BundleContents) -> dict[str, str]:
    """Make the archive, and read it as its receiver does."""
    plugins = PluginRegistry.opened()
    data = zip_of(make_files(given, plugins, FakeClock().now_ms()), FakeClock().now_ms())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return files_of(contents(write_settings(tmp_path_factory.mktemp("place"))))


def test_no_secret_of_a_file_of_its_own_is_in_the_bundle(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd passes copies of `credentials` on, which the service itself can't read."""
    (place / "passed").mkdir()
    (place / "passed" / "tawny_PW").write_text("s3cretOfAFile\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place / "passed"))
    files = files_of(contents(place, log=LOG + "\nIt said s3cretOfAFile."))
    assert not any("s3cretOfAFile" in text for text in files.values())


@pytest.mark.parametrize("planted", PLANTED)
def test_nothing_personal_is_in_the_bundle(files: dict[str, str], planted: str) -> None:
    for name, text in files.items():
        assert planted.lower() not in name.lower()
        assert planted.lower() not in text.lower(), name
    assert socket.gethostname() not in files["tawny-diagnostics/log.txt"]


def test_what_helps_is_in_the_bundle(place: Path) -> None:
    found = {name.removeprefix("tawny-diagnostics/"): text for name, text in files_of(contents(place)).items()}
    assert list(found) == [
        "README.txt", "doctor.txt", "versions.json", "settings.json", "health.json", "log.txt", "cameras/camera-1.txt",
    ]  # fmt: skip
    settings = json.loads(found["settings.json"])
    camera = settings["cameras"]["camera-1"]
    assert camera["source"] == "rtsp://(hidden)"
    assert camera["detection"]["threshold"] == 37
    assert settings["storage"]["retention"]["min"] == "9 days"
    assert settings["modes"]["location"] == "(hidden)"
    health = json.loads(found["health.json"])["cameras"][0]
    assert health["name"] == "camera-1"
    assert health["fps"] == 12.5
    assert "camera-1: private-address-2 rejected the password" in found["log.txt"]
    assert "signed in from public-address-1" in found["log.txt"]
    assert "listening on 127.0.0.1:8000" in found["log.txt"]
    assert "Server: Northlight 1.2" in found["cameras/camera-1.txt"]
    assert "m=video 0 RTP/AVP 96" in found["cameras/camera-1.txt"]
    for name in found:
        assert name in found["README.txt"] or name == "README.txt"


def test_settings_that_only_plug_ins_refuse(place: Path) -> None:
    given = contents(place)
    bad = replace(given.recorder, problems=(Problem("cameras.nursery.x", "Emma", "y"),))
    found = files_of(replace(given, recorder=bad))
    assert "tawny-diagnostics/settings.json" not in found
    assert "nursery" not in "".join(found.values()).lower()


@pytest.mark.parametrize("text", ['[cameras.nursery]\nname = "Emma\'s room"\nsource = 5\n', "[cameras.nursery\n", None])
def test_settings_that_cannot_be_read(place: Path, text: str | None) -> None:
    config = place / "tawny.toml"
    config.unlink()
    if text is not None:
        config.write_text(text)
    given = contents_without_settings(config)
    found = files_of(given)
    assert "tawny-diagnostics/doctor.txt" in found
    for planted in ("nursery", "Emma"):
        assert planted.lower() not in "".join(found.values()).lower()


def contents_without_settings(config: Path) -> BundleContents:
    problem = Problem("cameras.nursery.source", "Emma", "an address")
    found = [wrong("settings", f"{config}: {problem}", "a.", "b.")]
    return BundleContents(ExaminedRecorder(None, None, config, (problem,)), found, log="nursery: Emma's room has gone")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at 192.168.1.5 and 192.168.1.6, then 192.168.1.5", "at private-address-1 and private-address-2, then "
         "private-address-1"),
        ("version 1.2.3, at 05:58:12, took 10:30", "version 1.2.3, at 05:58:12, took 10:30"),
        ("127.0.0.1, 0.0.0.0 and ::1", "127.0.0.1, 0.0.0.0 and ::1"),
        ("http://[fe80::1]:80/x and https://user:pw@host/", "http://(hidden) and https://(hidden)"),
        ("2001:db8::7 fell", "private-address-1 fell"),
        ("nas.local and tv.fritz.box", "(hidden) and (hidden)"),
        ("file 20261120T055812.345Z.mp4", "file 20261120T055812.345Z.mp4"),
        ("/home/someone/x.toml", "/home/(hidden)"),
    ],
)  # fmt: skip
def test_whatever_looks_like_an_address_is_replaced(text: str, shown: str) -> None:
    assert Anonymizer().text(text) == shown


def test_names_within_other_words_stay() -> None:
    hide = Anonymizer()
    assert hide.name("camera", "front", "Front door") == "camera-1"
    assert hide.text("confront Front, FRONT DOOR and storefront") == "confront camera-1, camera-1 and storefront"


@pytest.fixture
def service(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeClock], DiagnosticsService]:
    given = contents(place)
    counted = iter(range(100))

    def made(clock: FakeClock) -> DiagnosticsService:
        state = RunningState(lambda: {"run": next(counted)}, str, dict, list)
        return DiagnosticsService(lambda: given.recorder, state, PluginRegistry.opened(), clock)

    monkeypatch.setattr(bundle, "examine", lambda *_: iter(given.diagnoses))
    return made


def test_what_was_listed_is_saved(service: Callable[[FakeClock], DiagnosticsService]) -> None:
    clock = FakeClock()
    one = service(clock)
    listed = one.make()
    clock.advance(600)
    assert one.last() is listed
    clock.advance(600)
    assert one.last() is not listed


def test_saving_without_a_list_makes_one(service: Callable[[FakeClock], DiagnosticsService]) -> None:
    assert service(FakeClock()).last().files[0].name == "README.txt"


def test_it_says_what_waits_for_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "examine", lambda *_: iter(()))
    with live_server(settings('[destinations.offsite]\nurl = "sftp://127.0.0.1:9/"\n'), tmp_path) as server:
        server.web.outward.pause("offsite", paused=True)
        server.web.outward.outbox.add([delivery("a.jpg"), delivery("b.jpg")])
        made = server.web.site.diagnostics.make()
    [health] = [json.loads(one.data) for one in made.files if one.name == "health.json"]
    assert health["outbox"] == {"waiting": 2, "oldest": "1970-01-01T00:00:01.000Z"}


@pytest.mark.parametrize("part", ["w-", "1.", "A", "a.", "ab:", "a/", "+", "x by "])
def test_a_long_line_of_a_camera_takes_no_time(part: str) -> None:
    hide, line = Anonymizer(), "a=x-info:" + part * (18_000 // len(part))
    hide.hide("pw123456")
    begin_s = time.process_time()
    shown = hide.text(f"v=0\n{line}\nm=video")
    assert time.process_time() - begin_s < 1
    first, cut, last = shown.split("\n")
    assert (first, last) == ("v=0", "m=video")
    assert cut.endswith(" more characters)")
    assert len(cut) < 2100


def test_a_cut_shows_no_part_of_a_name_or_an_address() -> None:
    hide = Anonymizer()
    hide.name("camera", "nursery", "Room of Emma")
    for before in range(1970, 2010):
        line = "x" * 50 + " " + "y" * (before - 52) + " Room of Emma bob@smith.example 192.168.7.20 " + "z " * 100
        shown = hide.text(line)
        assert shown.startswith("x" * 50)
        for planted in ("Room", "Emma", "bob", "smith", "192"):
            assert planted not in shown, before


def test_a_secret_of_several_lines_is_hidden() -> None:
    hide = Anonymizer()
    hide.hide("-----first\nsecond-part")
    assert hide.text("it is -----first\nsecond-part.") == "it is (hidden)\n(hidden)."


OTHERS_LOG = """\
INFO recorder Anna Müller, Lindenweg 4 is online
WARNING recorder Haus Lindau is silent; recording bedroom-leo, Room of Leo in its place
WARNING cannot store copies of Anna Müller, Lindenweg 4: disk full
WARNING recorder Praxis Dr. Weber has left this standby
INFO https uses a certificate for cam.lindau.example, lindau.example, valid until 2027-01-01
INFO connected to the hub Villa Huber
INFO set_mode by Leo M. (mqtt): away: done
WARNING cam.lindau.example isn't reached
"""


def test_names_of_other_houses_are_hidden(tmp_path: Path) -> None:
    chain, _ = write_pair(tmp_path, ("cam.lindau.example", "localhost"))
    clock = FakeClock()
    hub = SqliteFleetIndex(tmp_path / HUB_FILE, clock)
    box = hub.join(hub.invite()[0], "Anna Müller, Lindenweg 4", b"k" * 32, "words")
    assert box
    hub.note(box.id, "1", (), {"cameras": [{"id": "hall", "name": "Hall of Anna"}]})
    hub.close()
    standby = StandbyStore(tmp_path, clock)
    other = standby.join(standby.invite()[0], "Haus Lindau", b"h" * 32, b"o" * 32)
    assert other
    plan = StandbyPlan((), (StandbyCamera("bedroom-leo", "Room of Leo", {}),))
    standby.keep_plan(other.id, plan.sealed(standby.identity().recipient))
    standby.close()
    recorder = ExaminedRecorder(tmp_path, Settings(), None, certificates=(chain,))
    health = {"ok": False, "summary": "Haus Lindau isn't connected to this standby.", "cameras": []}
    found = known_recorders(tmp_path, Settings(), clock)
    shown = files_of(BundleContents(recorder, (), health, OTHERS_LOG, recorders=found))
    log = shown["tawny-diagnostics/log.txt"]
    text = log + shown["tawny-diagnostics/health.json"]
    for planted in ("Anna", "Lind", "Leo", "leo", "Weber", "Huber", "Haus"):
        assert planted not in text
    assert "recorder recorder-1 is online" in log
    assert "copies of recorder-1: disk full" in log
    assert "recorder recorder-2 is silent; recording camera-2, camera-2 in its place" in log
    assert "by (hidden) (mqtt): away: done" in log


def test_without_the_names_of_other_recorders_no_text_with_them_is_in_the_bundle(tmp_path: Path) -> None:
    (tmp_path / HUB_FILE).write_bytes(b"no database" * 100)
    found = known_recorders(tmp_path, Settings(), FakeClock())
    assert found is None
    recorder = ExaminedRecorder(tmp_path, Settings())
    shown = files_of(BundleContents(recorder, (), {"summary": "Haus Lindau"}, OTHERS_LOG, recorders=found))
    assert not shown.keys() & {"tawny-diagnostics/log.txt", "tawny-diagnostics/health.json"}


def test_a_user_id_without_a_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_user_name(monkeypatch)
    assert "tawny-diagnostics/log.txt" in files_of(contents(place))


def test_a_clock_before_1980() -> None:
    data = zip_of([bundle.BundleFile("log.txt", "", b"x")], 5000)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.infolist()[0].date_time[0] == 1980


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("hall: recordings of 9 MB deleted by Annabel", "hall: recordings of 9 MB deleted by (hidden)"),
        ("deleted by Annabel, with its camera", "deleted by (hidden), with its camera"),
        ("deleted by Annabel with `tawny delete`", "deleted by (hidden) with `tawny delete`"),
        ("deleted by Bob Miller, with its camera", "deleted by person-1, with its camera"),
        ("deleted by its owner, with its camera", "deleted by its owner, with its camera"),
        ("Off. recording stopped by Annabel", "Off. recording stopped by (hidden)"),
        ("stopped by a user", "stopped by a user"),
    ],
)
def test_who_deleted_something_is_hidden_also_without_an_account(line: str, shown: str) -> None:
    hide = Anonymizer()
    hide.name("person", "Bob Miller")
    assert hide.text(line) == shown


def test_cameras_that_are_gone_are_hidden(tmp_path: Path) -> None:
    """One still has recordings, the other only its gaps in the history."""
    (tmp_path / "lauras-bedroom").mkdir()
    history = HistoryJournal(Volume.at(tmp_path).disk)
    gap = Gap(CameraId("kids-den"), 1000, 2000, GapReason.STALLED)
    history.write([HistoryLine(2000, "gap", gap_record(gap)), HistoryLine(2000, "stopped", {"cause": "person"})])
    log = "INFO read lauras-bedroom main: connected\nINFO kids-den: Lauras Bedroom was removed\n"
    shown = files_of(BundleContents(ExaminedRecorder(tmp_path, Settings()), (), log=log))
    lines = shown["tawny-diagnostics/log.txt"].splitlines()
    assert lines == ["INFO read camera-1 main: connected", "INFO camera-2: camera-1 was removed"]


def test_a_folder_that_can_not_be_read_tells_no_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Volume) -> list[CameraId]:
        raise StorageError("/data", "Input/output error")

    monkeypatch.setattr(Volume, "cameras", broken)
    shown = files_of(BundleContents(ExaminedRecorder(tmp_path, Settings()), (), log="INFO started\n"))
    assert shown["tawny-diagnostics/log.txt"] == "INFO started\n"


def test_versions_are_shown_as_they_are_but_without_names() -> None:
    summary = "system Linux-6.18.44-fc-v857-x86_64-with-glibc2.36-nursery, opencv-python-headless 4.14.0.94."
    settings = Settings.model_validate({"cameras": {"nursery": {"source": "demo:front"}}})
    recorder = ExaminedRecorder(None, settings)
    found = (fine("versions", summary), fine("disk", "At 4.14.0.94."))
    shown = files_of(BundleContents(recorder, found))["tawny-diagnostics/doctor.txt"]
    assert summary.replace("nursery", "camera-1") in shown
    assert "4.14.0.94" not in shown.splitlines()[1]
