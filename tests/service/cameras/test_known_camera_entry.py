"""An entry for the list of known cameras says what a camera is, and nothing of its owner."""

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from tawny.config.loader import parse_settings
from tawny.config.settings import CameraSettings
from tawny.model.ids import StreamName
from tawny.service.cameras.connection_settings import ProbeResult
from tawny.service.cameras.known_camera_entry import entry_text
from tawny.sources.discovery.known_cameras import SeenCamera
from tawny.sources.discovery.onvif_details import OnvifDetails
from tawny.sources.network_address import parse_network
from tawny.testing.clock import FakeClock

HOST, USER, PASSWORD, SERIAL, MAC = (
    "192.168.7.77",
    "olga-at-home",
    "s3cret & more",
    "XK20190501AAWRD99",
    "ac:cc:8e:01:02:03",
)
NAME, KEY = "Olga's bedroom", "Ab12Cd34Ef56Gh78"
PRIVATE = (HOST, USER, PASSWORD, "s3cret%20%26%20more", SERIAL, MAC, MAC.replace(":", ""), MAC.upper(), NAME)
SETTINGS = f"""
[cameras.bedroom]
name = "{NAME}"
serial = "{SERIAL}"
mac = "{MAC}"
source = "rtsp://{USER}:s3cret%20%26%20more@{HOST}/{{path}}"
sub = "rtsp://{USER}:s3cret%20%26%20more@{HOST}/Preview_01_sub"
onvif = "http://{USER}:s3cret%20%26%20more@{HOST}/onvif/device_service"
rtsp = {{{{ transport = "udp", fingerprint = "{"0" * 64}" }}}}
"""
FOUND = {StreamName.MAIN: ProbeResult("h265", 3840, 2160), StreamName.SUB: ProbeResult("h264", 640, 360)}


def camera(path: str = "Preview_01_main") -> CameraSettings:
    settings, problems = parse_settings(SETTINGS.format(path=path), {})
    assert settings is not None, problems
    return settings.cameras["bedroom"]


DETAILS = OnvifDetails("Reolink", "RLC-810A", SERIAL, "v3.1.0.956", 0, parse_network(f"rtsp://{HOST}/x"), None)


def seen(text: str) -> SeenCamera:
    (one,) = tomllib.loads(text)["seen"]
    return SeenCamera(**{**one, "forgiven": tuple(one["forgiven"])})


def test_it_says_what_the_camera_is_and_needed() -> None:
    text = entry_text(camera(), DETAILS, FOUND, ["spaces around names", "spaces around names"], FakeClock())
    one = seen(text)
    assert (one.model, one.firmware, one.by) == ("RLC-810A", "v3.1.0.956", "")
    assert (one.main, one.sub) == ("/Preview_01_main", "/Preview_01_sub")
    assert one.streams == "main: h265 3840x2160; sub: h264 640x360"
    assert one.settings == "rtsp.transport = udp"
    assert one.forgiven == ("spaces around names",)
    assert "src/tawny/sources/cameras/reolink.toml" in text


PLACES = ("model", "firmware", "maker", "path", "query", "forgiven")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("private", PRIVATE)
def test_nothing_private_is_in_it_wherever_the_camera_says_it(place: str, private: str) -> None:
    details, path, forgiven = DETAILS, "Preview_01_main", ""
    if place in ("model", "firmware", "maker"):
        received: dict[str, Any] = {place: f"A {private}, B({private})"}
        details = replace(DETAILS, **received)
    elif place == "path":
        path = f"live/{private.replace(' ', '%20')}/{KEY}"
    elif place == "query":
        path = f"live?token={private.replace(' ', '%20')}&channel=1&src=rtsp://me:{private.replace(' ', '%20')}@cam"
    else:
        forgiven = f"it said {private} and 10.1.2.3, fe80::1:2:3:4, fd00::1, ::7, at 12:34:56, 00-11-22-33-44-55"
    text = entry_text(camera(path), details, FOUND, [forgiven], FakeClock())
    for one in (*PRIVATE, "s3cret", KEY, "10.1.2.3", "fe80::1", "fd00::1", "::7", "00-11-22"):
        assert one.lower() not in text.lower(), text
    assert ("at 12:34:56" in text) == (place == "forgiven")
    seen(text)


def test_without_onvif_the_model_is_left_to_the_person() -> None:
    text = entry_text(camera(), None, FOUND, [], FakeClock())
    assert seen(text).model == ""
    assert "Maker: (unknown: without ONVIF). For src/tawny/sources/cameras/<maker>.toml." in text


@pytest.mark.parametrize("source", ["/dev/video0", "exec:", "unix:/run/olga/s", "picamera:0"])
def test_of_a_local_camera_no_place_is_told(source: str) -> None:
    settings, _ = parse_settings(f'[cameras.a]\nsource = "{source}"\nexec = {{ command = ["ffmpeg", "x"] }}\n', {})
    assert settings is not None
    text = entry_text(settings.cameras["a"], None, {}, [], FakeClock())
    assert seen(text).main == ""
    assert "olga" not in text
    assert "ffmpeg" not in text
