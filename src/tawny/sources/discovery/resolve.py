"""From an address and a login to the streams of a network camera: by ONVIF, else by the paths that makers document."""

import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from tawny.model.errors import NotDone, SourceError, SourceLoginWeaker, SourceRefused, SourceUnreachable, SourceUnusable
from tawny.model.times import Clock
from tawny.protocols.http_connection import web_port
from tawny.protocols.login_history import LoginHistory
from tawny.sources.discovery.onvif_details import OnvifDetails, ask_details
from tawny.sources.discovery.stream_paths import find_paths
from tawny.sources.file import SUFFIXES
from tawny.sources.network_address import NetworkAddress

RTSP_PORTS: Final = (554, 8554, 10554)
ONVIF_PORTS: Final = (80, 8000, 8080, 2020, 8899, 5000)
"""Where makers put the service: the usual one, Hikvision and Reolink, others, TP-Link, many without a name."""
_SERVICE: Final = "/onvif/device_service"
_CONNECT_S: Final = 1.5
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")
"""A name, an IPv4 address, or an IPv6 address, which has two colons at least."""


def is_host(text: str) -> bool:
    """Return whether the text is a bare address or host name rather than a source."""
    return bool(_HOST.fullmatch(text)) and Path(text).suffix.lower() not in SUFFIXES


@dataclass(frozen=True, slots=True)
class CameraPlace:
    """What is known before. onvif: URL of the device service, or empty. rtsp_port: 0: unknown. maker: as it says."""

    host: str
    user: str = ""
    password: str = ""
    onvif: str = ""
    rtsp_port: int = 0
    path: str = ""
    maker: str = ""


@dataclass(frozen=True, slots=True)
class CameraStreams:
    """onvif: URL of the device service with login; empty: it does not answer to ONVIF. details: None without it."""

    main: NetworkAddress
    sub: NetworkAddress | None
    onvif: str = ""
    details: OnvifDetails | None = None


def resolve(place: CameraPlace, clock: Clock) -> CameraStreams:
    """Ask the camera for its streams. A login is tried at ONVIF once and at RTSP once: no account is locked.

    Raises SourceUnreachable (nothing listens there), SourceRefused, SourceLoginWeaker, SourceUnusable (no H.264 or
    H.265), NotDone (no stream was found).
    """
    logins = LoginHistory()  # it is new: any sign-in that it asks for is accepted
    service = place.onvif or _service_at(place.host)
    failed: SourceError | None = None
    if service:
        url = _with_login(service, place)
        parts = urlsplit(service)
        record = logins.record("", place.host, web_port(parts))
        try:
            details = ask_details(url, clock, record)
        except SourceLoginWeaker:
            raise
        except SourceError as error:  # no ONVIF service, a broken one, or one with users of its own
            failed = error
        else:
            return CameraStreams(details.main, details.sub, url, details)
    found = _by_path(place, clock, logins)
    if found is not None:
        return found
    if isinstance(failed, SourceRefused | SourceUnusable):
        raise failed
    if failed is not None and place.onvif:
        raise NotDone(
            f"{place.host} has no video at the usual stream addresses, and its ONVIF service fails: {failed.detail}.",
            "Try again, or give its full address: rtsp://user@host/path.",
        )
    raise NotDone(
        f"{place.host} answers, but none of the usual stream addresses has video.",
        "Switch on ONVIF or RTSP in the camera, or give its full address: rtsp://user@host/path.",
    )


def _by_path(place: CameraPlace, clock: Clock, logins: LoginHistory) -> CameraStreams | None:
    ports = [place.rtsp_port] if place.rtsp_port else _open_ports(place.host, RTSP_PORTS)
    if not ports:
        if place.onvif or _open_ports(place.host, ONVIF_PORTS):
            return None
        raise SourceUnreachable(place.host, "no service of a camera listens there")
    for port in ports:
        address = NetworkAddress(place.host, port, "/", place.user, place.password)
        paths = find_paths(address, place.maker, clock, logins.record("", place.host, port), first=place.path)
        if paths is not None:
            sub = replace(address, path=paths.sub) if paths.sub else None
            return CameraStreams(replace(address, path=paths.main), sub)
    return None


def _service_at(host: str) -> str:
    """Return the URL of the first port that could be an ONVIF service; empty if none listens."""
    ports = _open_ports(host, ONVIF_PORTS)
    if not ports:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}{'' if ports[0] == 80 else f':{ports[0]}'}{_SERVICE}"


def _open_ports(host: str, ports: Sequence[int]) -> list[int]:
    """Return the ports at which something listens, in this order. Raises SourceUnreachable: unknown host name."""
    with ThreadPoolExecutor(len(ports), "camera ports") as threads:
        return [
            port
            for port, is_open in zip(ports, threads.map(lambda one: _is_open(host, one), ports), strict=True)
            if is_open
        ]


def _is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_S).close()
    except (socket.gaierror, UnicodeError) as error:  # the latter of a label that is empty or too long
        raise SourceUnreachable(host, "unknown host name") from error
    except OSError:
        return False
    return True


def _with_login(service: str, place: CameraPlace) -> str:
    if not place.user:
        return service
    scheme, _, rest = service.partition("://")
    return f"{scheme}://{quote(place.user, safe='')}:{quote(place.password, safe='')}@{rest}"
