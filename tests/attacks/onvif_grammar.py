"""Random answers of ONVIF cameras, and what reads them."""

import http.client
import xml.etree.ElementTree as ET
from contextlib import suppress
from typing import Any, Final, cast
from unittest.mock import patch

from tawny.model.errors import TawnyError
from tawny.protocols.soap import read_response
from tawny.sources import onvif
from tawny.sources.onvif import OnvifCamera, OnvifService, SoapClient
from tawny.sources.onvif_events import PullPoint
from tawny.testing.clock import FakeClock
from tests.attacks.answer_grammar import Rng, challenge, count_of, number_text, pieces_of, spoilt, word_text

_ONVIF_ADDRESS: Final = "http://admin:s3cret-pw@192.168.1.5/onvif/device_service"
_NAMES: Final = (
    "Envelope",
    "Body",
    "Fault",
    "Text",
    "PTZ",
    "Media",
    "XAddr",
    "Capabilities",
    "Profiles",
    "PTZConfiguration",
    "Preset",
    "Name",
    "RelayOutputs",
    "UTCDateTime",
    "Date",
    "Time",
    "Year",
    "Month",
    "Day",
    "Hour",
    "Minute",
    "Second",
    "NotificationMessage",
    "Topic",
    "Message",
    "Source",
    "Data",
    "SimpleItem",
    "CurrentTime",
    "SubscriptionReference",
    "Address",
    "ReferenceParameters",
    "x",
)
_PREFIXES: Final = ("", "s:", "tt:", "tptz:", "a:b:", ":")


def _element(rng: Rng, depth: int) -> str:
    name = rng.choice(_PREFIXES) + rng.choice(_NAMES)
    values = pieces_of(rng, count_of(rng, 0, 2), _attribute)
    attributes = "".join(f' {name}{n or ""}="{value}"' for n, (name, value) in enumerate(values))
    if rng.longs and rng.is_long():
        count = rng.choice((65, 5_000, 20_000))
        return f"<{name}{attributes}>" * count + f"</{name}>" * count
    if depth > rng.randint(1, 7):
        return f"<{name}{attributes}>{_plain(rng)}</{name}>"
    inner = "".join(_element(rng, depth + 1) for _ in range(rng.randint(0, 3)))
    if rng.longs and rng.is_long():
        inner *= 400_000 // (len(inner) + 1)
    closing = name if rng.random() > 0.01 else "x"
    return f"<{name}{attributes}>{inner}</{closing}>"


def _wide(rng: Rng) -> str:
    """Return about as many elements as are accepted."""
    rng.longs = 0
    piece = _element(rng, rng.randint(3, 7))
    return piece * (rng.choice((1_000, 4_000, 4_900)) // max(1, piece.count("</")))


def _attribute(rng: Rng) -> tuple[str, str]:
    names = ("token", "tt:token", "xmlns:s", "a", "UtcTime", "PropertyOperation", "Name", "Value")
    return rng.choice(names), _plain(rng)


def _plain(rng: Rng) -> str:
    made = word_text(rng) if rng.random() < 0.4 else number_text(rng)
    return made.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace("\x00", "")


_XML_HEADS: Final = (
    *("",) * 10,
    '<?xml version="1.0"?>',
    '<?xml version="1.0" encoding="utf-16"?>',
    '<?xml version="1.0" encoding="no-such"?>',
    "<!DOCTYPE a>",
    '<!DOCTYPE a [<!ENTITY b "c">]>',
)


def onvif_answer(rng: Rng) -> bytes:
    content = _wide(rng) if rng.longs and rng.random() < 0.4 else _element(rng, 0)
    if rng.random() < 0.7:
        services = f"<PTZ><XAddr>{_plain(rng)}</XAddr></PTZ><Media><XAddr>/m</XAddr></Media>"
        profile = f'<Profiles token="{_plain(rng)}"><PTZConfiguration/></Profiles>'
        content = f"<r>{services}{profile}{content}</r>"
    head = rng.choice(_XML_HEADS)
    whole = f'{head}<s:Envelope xmlns:s="urn:s"><s:Body>{content}</s:Body></s:Envelope>'
    data = whole.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig")), "replace")[:400_000]
    made = spoilt(rng, data)
    return _http_head(rng, len(made)) + made if rng.random() < 0.1 else made


def _http_head(rng: Rng, size: int) -> bytes:
    lines = [
        rng.choice(("HTTP/1.1 200 OK", "HTTP/1.0 200", "HTTP/1.1 401 No", "HTTP/1.1 100 Continue", "HTTP/9.9 abc"))
    ]
    lines += pieces_of(rng, count_of(rng, 0, 4), lambda rng: _http_header(rng, size))
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"


def _http_header(rng: Rng, size: int) -> str:
    match rng.choice(("Content-Length", "Transfer-Encoding", "WWW-Authenticate", "Connection", "X", "")):
        case "Content-Length":
            return f"Content-Length: {size if rng.random() < 0.5 else number_text(rng)}"
        case "Transfer-Encoding":
            return "Transfer-Encoding: chunked"
        case "WWW-Authenticate":
            return f"WWW-Authenticate: {challenge(rng)}"
        case name:
            return f"{name}: {word_text(rng)}"


class _Socket:
    """Gives the data to whoever reads, then the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def recv_into(self, buffer: memoryview) -> int:
        piece = self._data[self._at : self._at + min(len(buffer), 1_460)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def settimeout(self, _: float) -> None: ...
    def sendall(self, _: bytes) -> None: ...
    def close(self) -> None: ...


class _Line(http.client.HTTPConnection):
    data = b""

    def connect(self) -> None:
        self.sock: Any = _Socket(self.data)


class _Client:
    """Stands for the HTTP client: the same content for every request."""

    def __init__(self, content: ET.Element) -> None:
        self._content = content

    def send(self, *_: object, **_how: object) -> ET.Element:
        return self._content

    def path_at(self, address: str) -> str:
        return onvif.request_path(address)

    def port_named(self, _address: str) -> None:
        """It names none."""


_SERVICE: Final = OnvifService.of(_ONVIF_ADDRESS)


def take_onvif(data: bytes, rng: Rng) -> None:
    """The same answer to every request of each operation; it is parsed once."""
    clock = FakeClock()
    camera = OnvifCamera(_ONVIF_ADDRESS, clock)
    if data.startswith(b"HTTP/"):
        line = _Line("192.168.1.5")
        line.data = data
        with patch.object(onvif, "_connection", lambda *_: line), suppress(TawnyError):
            camera.outputs()
        return
    with suppress(TawnyError):
        camera.client = cast(SoapClient, _Client(read_response(_SERVICE.public, 200, data)))
        pulling = PullPoint(camera, clock)
        for ask in (camera.presets, camera.outputs, camera.stop, lambda: camera.go_to("none"), pulling.pull):
            with suppress(TawnyError):
                ask()
