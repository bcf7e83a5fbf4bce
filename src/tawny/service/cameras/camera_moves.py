"""A camera at a new address: the same device after its address changed, or another device in its place.

Any device in the network can say that it is a camera, even with its serial number and its hardware address. So the
stored password is never sent to a new address: the device only gets answers to a Digest sign-in, which hide it, and it
must ask for no weaker sign-in than the camera did before. Without proof by hardware address, the
user enters the password.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from tawny.config.settings import CameraSettings, Settings
from tawny.model.errors import NotDone
from tawny.model.times import Clock
from tawny.protocols.http_connection import web_port
from tawny.protocols.login_history import LoginHistory, SignIn
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.sources.discovery.networks import ask_neighbours
from tawny.sources.discovery.onvif_details import ask_details
from tawny.sources.network_address import NetworkAddress, claims_network, claims_rtsp, parse_network, parse_rtsp
from tawny.sources.rtsp.ffmpeg_guard import describe

TRY_S: Final = 6.0
_ENTER: Final = "Enter its password to use this address: “Replace with another camera” under Danger zone."


def host_of(address: str) -> str:
    """Return the host of a network camera's address; empty for any other source."""
    try:
        return parse_network(address).host if claims_network(address) else ""
    except ValueError:
        return ""


def known_as(camera: FoundCamera, settings: Settings) -> str:
    """Return the ID under which the settings have this camera; empty: they don't."""
    place = _device(camera.place)
    for name, one in settings.cameras.items():
        if any(place in (_device(address), host_of(address)) for address in (one.source, one.sub) if address):
            return name
    return ""


def _device(place: str) -> str:
    """Return the device behind the links that name it by port or maker; any other place as it is."""
    try:
        return str(Path(place).resolve()) if place.startswith("/") else place
    except (OSError, ValueError):
        return place


def moved_cameras(settings: Settings, found: Iterable[FoundCamera]) -> dict[str, str]:
    """Return where cameras answer now, new address by ID: known by hardware address, and silent at the old one.

    The hardware addresses are those of the computer's own network table. What several devices share proves nothing.
    """
    devices = [one for one in found if one.kind == "network"]
    there = {one.place for one in devices}
    at_home = {host_of(camera.source) for camera in settings.cameras.values()}
    moved = {}
    for name, camera in settings.cameras.items():
        host = host_of(camera.source)
        if not camera.mac or not host or host in there or not claims_rtsp(camera.source):
            continue
        places = [one.place for one in devices if one.mac == camera.mac and one.place not in at_home]
        if len(places) == 1:
            moved[name] = places[0]
    return moved


def check_moved(name: str, camera: CameraSettings, host: str, logins: LoginHistory, clock: Clock) -> None:
    """Check that the camera answers at this host, without giving away its password.

    What it may ask for there is remembered in `logins`, so that no later connection accepts less.

    Raises NotDone: it cannot be proved, or another camera answers. Raises SourceError.
    """
    if not camera.mac or ask_neighbours([host]).get(host) != camera.mac:
        raise NotDone(f"It can't be proved that the camera at {host} is the same one.", _ENTER)
    before = host_of(camera.source)
    least = max([SignIn.MD5, *(sign_in for place, sign_in in logins.of(name).items() if place.host == before.lower())])
    for port in _ports(camera):
        logins.record(name, host, port).offered(least)
    if camera.onvif:
        details = ask_details(_at(camera.onvif, host), clock, logins.record(name, host, _port(camera.onvif)))
        if camera.serial and details.serial != camera.serial:
            raise NotDone(
                f"Another camera answers at {host}: its serial number is {details.serial or 'missing'}.", _ENTER
            )
    api = camera.event_api
    if (
        api is not None
        and api.maker == "reolink"
        and urlsplit(api.url).scheme != "https"
        and host_in(api.url) == before.lower()
    ):
        raise NotDone(f"Its `event_api` needs the password itself, which tawny doesn't send to {host}.", _ENTER)
    main = replace(parse_rtsp(camera.source), host=host)
    describe(main, clock, TRY_S, logins.record(name, host, main.port))


def addresses_in(camera: CameraSettings) -> dict[str, str]:
    """Return a camera's addresses by their key in the settings."""
    api = camera.event_api
    return {
        "source": camera.source, "sub": camera.sub, "onvif": camera.onvif, "event_api.url": api.url if api else "",
    }  # fmt: skip


def host_in(url: str) -> str:
    """Return the host of an address of a web service, in lower case; empty if it has none."""
    return urlsplit(url).hostname or ""


def moved_addresses(raw: dict[str, str], camera: CameraSettings, host: str) -> dict[str, str]:
    """Return the addresses as in the file, `${NAME}` and all, with the new host for the old one."""
    before, now = host_of(camera.source), addresses_in(camera)
    ours = {key for key in raw if host_in(now[key]) == before.lower()}
    return {key: _swapped(text, before, host) if key in ours else text for key, text in raw.items()}


def _swapped(text: str, before: str, host: str) -> str:
    """Replace the host of an address that may hold `${NAME}`s: it stands after the last `@` before the path."""
    scheme, _, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    login, at, place = authority.rpartition("@")
    shown_before, shown = (f"[{one}]" if ":" in one else one for one in (before, host))
    return f"{scheme}://{login}{at}{shown}{place[len(shown_before) :]}{slash}{path}"


def _at(service: str, host: str) -> str:
    parts = urlsplit(service)
    login, at, _ = parts.netloc.rpartition("@")
    shown = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{login}{at}{shown}{port}", parts.path, parts.query, ""))


def _port(service: str) -> int:
    return web_port(urlsplit(service))


def _ports(camera: CameraSettings) -> set[int]:
    streams: list[NetworkAddress] = [parse_rtsp(one) for one in (camera.source, camera.sub) if claims_rtsp(one)]
    services = (camera.onvif, camera.event_api.url if camera.event_api else "")
    return {one.port for one in streams} | {_port(one) for one in services if one}


# The addresses of a camera's services when its own is changed.

_LOGIN: Final = re.compile(r"(?P<scheme>[a-z]+://)(?:(?P<login>[^/]*)@)?(?P<rest>.*)", re.IGNORECASE)


def address_parts(address: str) -> tuple[str, str, str]:
    """Return scheme, login and rest of an address as written in the file."""
    found = _LOGIN.fullmatch(address)
    return (found["scheme"], found["login"] or "", found["rest"]) if found else ("", "", address)


def following(
    raw: dict[str, str], camera: CameraSettings, before: NetworkAddress, host: str, login: str
) -> dict[str, str]:
    """Return the addresses of the camera's services with its new host, and the new login where they used the old.

    raw: as in the file. before: of the main stream. Those of other devices are left out, and those with a password of
    their own at a new host: it was entered for the old one.
    """
    now = addresses_in(camera)
    services = {key: raw[key] for key in ("onvif", "event_api.url") if key in raw}
    return {
        key: _turned(text, now[key], before, host, login)
        for key, text in services.items()
        if host_in(now[key]) == before.host.lower()
        and (host.lower() == before.host.lower() or not _has_own_password(now[key], before))
    }


def replaced_services(raw: dict[str, str], camera: CameraSettings, written: str, source: str) -> dict[str, str]:
    """Return the addresses of the camera's services when another device takes its place; none without a network.

    An empty one is removed: its own password was entered for the device before. written, source: of its main stream, as
    in the file and with its password.
    """
    host = host_of(source)
    if not host or not host_of(camera.source):
        return {}
    before, now = parse_network(camera.source), addresses_in(camera)
    gone = {
        key: "" for key in ("onvif", "event_api.url") if key in raw and host_in(now[key]) == before.host.lower()
    }  # fmt: skip
    return gone | following(raw, camera, before, host, address_parts(written)[1])


def _login_of(service: str) -> tuple[str, str]:
    parts = urlsplit(service)
    return unquote(parts.username or ""), unquote(parts.password or "")


def _has_own_password(service: str, main: NetworkAddress) -> bool:
    user, password = _login_of(service)
    return bool(password) and (user, password) != (main.user, main.password)


def _turned(raw: str, now: str, before: NetworkAddress, host: str, login: str) -> str:
    scheme, old_login, rest = address_parts(raw)
    same = _login_of(now) == (before.user, before.password)
    place, slash, path = rest.partition("/")
    port = "" if place.endswith("]") or ":" not in place else ":" + place.rpartition(":")[2]
    shown = f"[{host}]" if ":" in host else host
    login = login if same else old_login
    return f"{scheme}{login}{'@' if login else ''}{shown}{port}{slash}{path}"
