"""ONVIF cameras in the local network by WS-Discovery: a question to a multicast group, answered by each device.

Answers are hostile until proven otherwise: their size and number are limited, and whatever address they name, only the
sender's own is used.
"""

import re
import secrets
import selectors
import socket
import struct
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Final
from urllib.parse import unquote, urlsplit

from tawny.model.times import Clock
from tawny.model.validation import device_label
from tawny.protocols.http_connection import web_port
from tawny.protocols.soap import UnreadableXml, find_elements, read_xml, text_at
from tawny.sources.discovery.found_camera import FoundCamera

GROUP: Final = ("239.255.255.250", 3702)
REPEATS: Final = (0.0, 0.4, 1.2)
"""Seconds after the beginning at which the question is sent: datagrams get lost."""
MOST_ANSWERS: Final = 2_000
_DATAGRAM_BYTES: Final = 65_535
_MOST_ADDRESSES, _MOST_SCOPES = 8, 64
_SCOPE: Final = re.compile(r"onvif://www\.onvif\.org/(name|hardware|mfr|manufacturer)/([^\s/]+)", re.IGNORECASE)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PATH: Final = re.compile(r"/[A-Za-z0-9/._~%-]{0,200}")
_TYPES: Final = ("dn:NetworkVideoTransmitter", "tds:Device")
"""Profile S devices answer to the first, those of newer profiles to the second."""


def search(
    interfaces: Sequence[str],
    clock: Clock,
    timeout_s: float,
    found: Callable[[FoundCamera], None],
    group: tuple[str, int] = GROUP,
) -> None:
    """Ask on each interface and report every device once. Blocks for timeout_s.

    interfaces: own IPv4 addresses. An interface that cannot send is left out.
    """
    begun_s, known = clock.mono_s(), set[tuple[str, str]]()
    with ExitStack() as stack:
        sockets = list(_opened(interfaces, stack))
        selector = stack.enter_context(selectors.DefaultSelector())
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        pending = list(REPEATS)
        while (left_s := begun_s + timeout_s - clock.mono_s()) > 0 and len(known) < MOST_ANSWERS:
            if pending and clock.mono_s() - begun_s >= pending[0]:
                pending.pop(0)
                _send(sockets, group)
            wait_s = min(left_s, pending[0] + begun_s - clock.mono_s()) if pending else left_s
            for ready, _ in selector.select(max(0.0, wait_s)):
                for answer in _received(ready.fileobj):  # type: ignore[arg-type]  # registered above
                    key = answer.place, answer.identity or answer.onvif
                    if key not in known:
                        known.add(key)
                        found(answer)


def _opened(interfaces: Iterable[str], stack: ExitStack) -> Iterator[socket.socket]:
    for address in interfaces:
        with suppress(OSError):
            one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            one.settimeout(0)
            one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
            one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("B", 1))
            one.bind((address, 0))
            yield one


def _send(sockets: Iterable[socket.socket], group: tuple[str, int]) -> None:
    for one in sockets:
        for types in _TYPES:
            with suppress(OSError):
                one.sendto(question(types), group)


def question(types: str) -> bytes:
    """Return a Probe of WS-Discovery 1.0 (April 2005), which is what ONVIF devices implement."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
        ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">'
        f"<e:Header><w:MessageID>uuid:{uuid.UUID(bytes=secrets.token_bytes(16), version=4)}</w:MessageID>"
        "<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
        "<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>"
        f"<e:Body><d:Probe><d:Types>{types}</d:Types></d:Probe></e:Body></e:Envelope>"
    ).encode()


def _received(one: socket.socket) -> list[FoundCamera]:
    try:
        data, (host, _) = one.recvfrom(_DATAGRAM_BYTES)
    except OSError:
        return []
    return read_answers(data, host)


def read_answers(data: bytes, host: str) -> list[FoundCamera]:
    """Return the devices of an answer; none if it is no usable one. host: the sender."""
    try:
        matches = find_elements(read_xml(data), "ProbeMatch")
    except UnreadableXml:
        return []
    return [answer for match in matches[:_MOST_ADDRESSES] if (answer := _answer(match, host)) is not None]


def _answer(match: ET.Element, host: str) -> FoundCamera | None:
    addresses = text_at(match, "XAddrs").split()[:_MOST_ADDRESSES]
    places = [place for one in addresses if (place := _place(one, host)) is not None]
    if not places:
        return None
    _, port, path, is_secure = min(places, key=lambda place: (place[0] != host, place[3]))
    scopes: dict[str, str] = {}
    for name, value in _SCOPE.findall(" ".join(text_at(match, "Scopes").split()[:_MOST_SCOPES])):
        scopes.setdefault(name.lower(), device_label(unquote(value)))
    identity = _UUID.search(text_at(match, "EndpointReference", "Address"))
    scheme, usual = ("https", 443) if is_secure else ("http", 80)
    return FoundCamera(
        host, "network",
        name=scopes.get("name", ""), maker=scopes.get("mfr", "") or scopes.get("manufacturer", ""),
        model=scopes.get("hardware", ""), identity=identity[0].lower() if identity else "",
        onvif=f"{scheme}://{host}{'' if port == usual else f':{port}'}{path}", ways=frozenset({"onvif"}),
    )  # fmt: skip


def _place(address: str, host: str) -> tuple[str, int, str, bool] | None:
    """Return host, port, path and whether TLS is used; None if the address is none of a web service."""
    try:
        parts = urlsplit(address)
        port = web_port(parts)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not _PATH.fullmatch(parts.path or "/"):
        return None
    is_secure = parts.scheme == "https"
    return parts.hostname or host, port, parts.path or "/", is_secure
