"""What `tawny doctor` finds around tawny: settings, ports, certificates and cameras."""

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tawny.config.loader import parse_settings
from tawny.config.settings import Settings
from tawny.model.errors import Problem, SettingsError
from tawny.model.times import SystemClock
from tawny.service.diagnosis import machine
from tawny.service.diagnosis.doctor import (
    ExaminedRecorder,
    certificate,
    certificate_files,
    examine,
    is_trustworthy,
    port,
    port_holder,
    try_cameras,
)
from tawny.service.diagnosis.machine import DiagnosisState, fine, note, wrong
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clock import FakeClock
from tests.support.ports import free_port

FINE, NOTE, WRONG = DiagnosisState.FINE, DiagnosisState.NOTE, DiagnosisState.WRONG
NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of this computer is not looked up, and the disk is not measured for long."""
    monkeypatch.setattr(machine, "network", lambda _: iter(()))
    monkeypatch.setattr(machine, "measure_writes", lambda *_: machine.WriteSpeed(80e6, 0.01))


def made(text: str) -> Settings:
    settings, problems = parse_settings(text, {})
    assert settings is not None, problems
    return settings


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ('[cameras.door]\nsource = "demo:front"\n[notifiers.me]\nurl = "gone:x"', "tawny records without them."),
        ('[cameras.door]\nsource = "gone:1"', "tawny records without them."),
        ('[cameras.door]\nsource = "rtsp:/host/path"', "tawny doesn't start with them."),
    ],
)
def test_what_a_start_tolerates_is_said(text: str, effect: str) -> None:
    settings = made(text)
    with pytest.raises(SettingsError) as refused:
        PluginRegistry.opened().check(settings, "tawny.toml")
    recorder = ExaminedRecorder(None, settings, Path("tawny.toml"), refused.value.problems)
    assert next(examine(recorder, FakeClock())).why == effect


def test_port_that_is_free() -> None:
    number = free_port()
    found = port("web", "web.listen", "127.0.0.1", number)
    assert (found.state, found.what) == (FINE, f"127.0.0.1:{number} is free.")


def test_port_of_another_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = port("web", "web.listen", "127.0.0.1", server.getsockname()[1])
    assert found.state is WRONG
    assert f"(process {os.getpid()})" in found.what
    assert "web.listen" in found.do


def test_port_of_tawny_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.service.diagnosis.doctor.port_holder", lambda *_: "python tawny run (process 7)")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert port("web", "web.listen", "127.0.0.1", server.getsockname()[1]).state is FINE


def test_port_of_a_program_that_cannot_be_seen(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert port_holder(number, tmp_path) == ""
        found = port("web", "web.listen", "127.0.0.1", number, tmp_path)
    assert (found.state, found.what) == (NOTE, f"127.0.0.1:{number} is used by a program of another user.")
    assert "sudo tawny doctor" in found.do


def test_port_of_another_server_names_its_own_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = port("RTSP", "web.rtsp", "127.0.0.1", server.getsockname()[1])
    assert found.do == "Stop it, or choose another address with `web.rtsp`."


def test_address_of_another_computer() -> None:
    found = port("web", "web.listen", "192.0.2.200", 8000)
    assert found.state is WRONG
    assert found.what == "192.0.2.200 is no address of this computer."


def test_port_below_1024(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    found = port("web", "web.listen", "127.0.0.1", 443)
    assert found.what == "127.0.0.1:443 needs more rights than this user has."


def chain(path: Path, names: list[str], begin_days: int, end_days: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "recorder")])
    about = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
    one = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(NOW + timedelta(days=begin_days))
        .not_valid_after(NOW + timedelta(days=end_days))
        .add_extension(about, critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(one.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("names", "begin", "end", "state", "words"),
    [
        (["cam.example.org"], -1, 60, FINE, "Valid until 2027-01-19 for cam.example.org."),
        (["*.example.org"], -1, 60, FINE, "Valid until 2027-01-19"),
        (["cam.example.org"], -1, 5, NOTE, "expires on 2026-11-25"),
        (["cam.example.org"], -60, -1, WRONG, "expired on 2026-11-19"),
        (["cam.example.org"], 1, 60, WRONG, "isn't valid before 2026-11-21"),
        (["other.example.org"], -1, 60, WRONG, "isn't for cam.example.org, but for other.example.org"),
    ],
)
def test_certificate(tmp_path: Path, names: list[str], begin: int, end: int, state: DiagnosisState, words: str) -> None:
    path = chain(tmp_path / "chain.pem", names, begin, end)
    found = certificate(path, ["cam.example.org"], FakeClock())
    assert found.state is state
    assert words in found.what


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", None),
        ('way = "own"\ndomain = "pi.local"', "certificates/own/chain.pem"),
        ('way = "domain"\ndomain = "cam.example.org"', "certificates/acme/chain.pem"),
        ('way = "files"\ncertificate = "/etc/mine.pem"\nkey = "/etc/key.pem"', "/etc/mine.pem"),
        ('way = "tailscale"\ndomain = "pi.ts.net"', None),
    ],
)
def test_which_certificate_is_used(tmp_path: Path, text: str, place: str | None) -> None:
    settings = made(f"[web.secure]\n{text}\n")
    wanted = () if place is None else (tmp_path / place,)
    assert certificate_files(settings, tmp_path / "tawny.toml") == wanted


def test_missing_certificate_is_wrong(tmp_path: Path) -> None:
    number = free_port()
    settings = made(f'[web]\nlisten = "127.0.0.1:{number}"\n[web.secure]\nway = "domain"\ndomain = "cam.example.org"\n')
    config = tmp_path / "tawny.toml"
    recorder = ExaminedRecorder(None, settings, config, certificates=certificate_files(settings, config))
    found = {one.area: one for one in examine(recorder, SystemClock(), tmp_path, lambda _: "")}
    assert found["certificate"].state is WRONG


def test_certificate_that_is_none(tmp_path: Path) -> None:
    assert certificate(tmp_path / "missing.pem", [], FakeClock()).state is WRONG


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        (None, NOTE, "No settings file."),
        ("", NOTE, "has no camera"),
        ('[cameras.porch]\nsource = "demo:front"\n', FINE, "is valid: 1 camera."),
    ],
)
def test_settings(tmp_path: Path, text: str | None, state: DiagnosisState, words: str) -> None:
    settings = None if text is None else made(f'{text}\n[web]\nlisten = "127.0.0.1:{free_port()}"\n')
    config = None if text is None else tmp_path / "tawny.toml"
    found = list(examine(ExaminedRecorder(tmp_path, settings, config), SystemClock(), tmp_path, lambda _: ""))
    assert found[0].state is state
    assert words in found[0].what
    areas = {one.area for one in found}
    assert areas >= {"settings", "disk", "disk space", "disk speed", "clock", "codecs", "web port", "versions"}


def test_invalid_settings(tmp_path: Path) -> None:
    recorder = ExaminedRecorder(None, None, tmp_path / "tawny.toml", (Problem("web.listen", '"x"', "HOST:PORT", 3),))
    found = list(examine(recorder, SystemClock(), tmp_path, lambda _: ""))
    assert found[0].state is WRONG
    assert 'line 3: web.listen: found "x"; allowed: HOST:PORT' in found[0].what
    assert found[1].what == "Records to memory, as configured."


def test_only_what_is_wrong_counts() -> None:
    assert is_trustworthy([fine("a", "b"), note("a", "b", "c", "d")])
    assert not is_trustworthy([wrong("a", "b", "c", "d")])


def test_cameras() -> None:
    settings = made(
        f'[cameras.porch]\nsource = "demo:front"\n[cameras.gate]\nsource = "rtsp://127.0.0.1:{free_port()}/x"\n'
    )
    found = {one.area: one for one in try_cameras(settings, PluginRegistry.opened(), SystemClock())}
    assert found["camera porch"].state is FINE
    assert "main h264" in found["camera porch"].what
    assert found["camera gate"].state is WRONG
    assert "isn't responding" in found["camera gate"].what
