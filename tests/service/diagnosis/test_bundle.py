"""The diagnostics bundle: it holds what helps, and none of the names, addresses and secrets that are planted here."""

import io
import json
import socket
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tawny.config.loader import read_settings
from tawny.model.errors import Problem
from tawny.model.ids import CameraId
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
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clock import FakeClock

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
