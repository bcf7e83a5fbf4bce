"""The question to ONVIF cameras of a network, and what may come back."""

import os
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.times import SystemClock
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.sources.discovery.ws_discovery import question, read_answers, search
from tests.sources.onvif.fake_camera import served
from tests.support.onvif_device import OnvifDevice, answering

GROUP = ("239.255.255.250", 20_000 + os.getpid() % 10_000)
"""A port of this process's own: nothing else on this machine answers there."""


def found_at(interface: str, device: OnvifDevice, timeout_s: float = 0.3) -> list[FoundCamera]:
    found: list[FoundCamera] = []
    with answering(device, interface, GROUP):
        search([interface], SystemClock(), timeout_s, found.append, GROUP)
    return found


@pytest.mark.parametrize("profile", ["S", "T"])
def test_a_camera_is_found_once_with_its_words(profile: str) -> None:
    with served(OnvifDevice(profile=profile)) as device:
        assert isinstance(device, OnvifDevice)
        (answer,) = found_at("127.0.0.1", device, 0.6)
    assert answer == FoundCamera(
        "127.0.0.1", "network", name="NL-200", maker="Northlight", model="NL-200", identity=device.identity,
        onvif=f"http://127.0.0.1:{device.port}/onvif/device_service", ways=frozenset({"onvif"}),
    )  # fmt: skip


def test_an_address_elsewhere_is_not_believed() -> None:
    """The answer names another host; the sender's own address is used."""
    device = OnvifDevice(elsewhere="203.0.113.9", port=8080)
    (answer,) = found_at("127.0.0.1", device)
    assert answer.onvif == "http://127.0.0.1:8080/onvif/device_service"


def test_nothing_is_sent_before_it_is_asked_and_an_unusable_interface_is_left_out() -> None:
    device, found = OnvifDevice(port=80), list[FoundCamera]()
    with answering(device, "127.0.0.1", GROUP) as asked:
        assert asked == []
        search(["192.0.2.250", "127.0.0.1"], SystemClock(), 0.1, found.append, GROUP)
        assert len(asked) == 2
    assert len(found) == 1


def test_the_question_is_a_document_with_an_id_of_its_own() -> None:
    one, other = (ET.fromstring(question("dn:NetworkVideoTransmitter")) for _ in range(2))
    name = ".//{http://schemas.xmlsoap.org/ws/2004/08/addressing}MessageID"
    ids = [root.findtext(name) for root in (one, other)]
    assert ids[0] != ids[1]
    assert str(ids[0]).startswith("uuid:")


XADDRS = {
    "http://192.0.2.5/onvif/device_service": "http://192.0.2.5/onvif/device_service",
    "http://192.0.2.5:8000/x": "http://192.0.2.5:8000/x",
    "https://192.0.2.5/x": "https://192.0.2.5/x",
    "http://[fe80::1]/x http://192.0.2.5:81/y": "http://192.0.2.5:81/y",
    "https://192.0.2.5/x http://192.0.2.5/y": "http://192.0.2.5/y",
    "http://other.example:82/z": "http://192.0.2.5:82/z",
    "file:///etc/passwd": None,
    "ftp://192.0.2.5/": None,
    "http://192.0.2.5:99999/x": None,
    "http://192.0.2.5/a b": "http://192.0.2.5/a",
    "http://192.0.2.5/%0d%0aHost:x": None,
    "": None,
}


@pytest.mark.parametrize(("said", "place"), XADDRS.items())
def test_addresses(said: str, place: str | None) -> None:
    body = f"<e><b><ProbeMatch><XAddrs>{said}</XAddrs></ProbeMatch></b></e>".encode()
    assert [one.onvif for one in read_answers(body, "192.0.2.5")] == ([place] if place else [])


def test_words_are_cleaned_and_cut() -> None:
    scopes = "onvif://www.onvif.org/name/Front%20%E2%80%AEdoor onvif://www.onvif.org/hardware/" + "x" * 500
    body = f"<e><ProbeMatch><XAddrs>http://h/</XAddrs><Scopes>{scopes}</Scopes></ProbeMatch></e>".encode()
    (answer,) = read_answers(body, "192.0.2.5")
    assert (answer.name, len(answer.model)) == ("Front door", 80)


@pytest.mark.parametrize(
    "body",
    [b"", b"<", b"<!DOCTYPE a><a/>", b"<a>" * 70 + b"</a>" * 70, b"<a>" + b"<b/>" * 6_000 + b"</a>", b"x" * 600_000],
    ids=["nothing", "cut", "dtd", "deep", "many", "long"],
)
def test_hostile_answers_are_none(body: bytes) -> None:
    assert read_answers(body, "192.0.2.5") == []


@given(st.binary(max_size=400) | st.text(alphabet="<>/ProbeMatchXAddrs :h", max_size=200).map(str.encode))
def test_any_bytes_are_read(body: bytes) -> None:
    read_answers(body, "192.0.2.5")
