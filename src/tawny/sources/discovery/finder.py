"""Searches for cameras in all ways at once, and joins what they say of one device.

Nothing runs before `find` is called, and nothing after it has returned.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from tawny.model.times import Clock
from tawny.sources.discovery import local_cameras, mdns, rtsp_scan, ws_discovery
from tawny.sources.discovery.local_cameras import LocalCamera
from tawny.sources.discovery.networks import OwnNetwork, neighbours, own_networks

TIMEOUT_S: Final = 4.0
Kind = Literal["network", "usb", "pi", "tawny"]


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A device that may be a camera. Texts are as the device says, cleaned; they may be empty."""

    place: str
    """IP address; of a local camera its source, such as `/dev/v4l/by-id/…`."""
    kind: Kind
    name: str = ""
    maker: str = ""
    model: str = ""
    identity: str = ""
    """UUID or hardware address, by which it is known again at another address."""
    onvif: str = ""
    """URL of its device service, without login."""
    rtsp_port: int = 0
    """0: unknown."""
    path: str = ""
    """Of its stream, if it announces one."""
    ways: frozenset[str] = frozenset()
    """How it was found: `onvif`, `mdns`, `rtsp`."""
    formats: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    problem: str = ""
    """Why it cannot be used now."""

    @property
    def title(self) -> str:
        """What to call it: its maker and model, its name, or its place."""
        return " ".join(filter(None, (self.maker, self.model))) or self.name or self.place


@dataclass(frozen=True, slots=True)
class Search:
    """Where to search. networks: None: the computer's own. ports: of the RTSP probe, which runs if `probe` is set."""

    timeout_s: float = TIMEOUT_S
    probe: bool = False
    networks: Sequence[OwnNetwork] | None = None
    ports: Sequence[int] = rtsp_scan.PORTS
    local: bool = True
    group: tuple[str, int] = field(default_factory=lambda: ws_discovery.GROUP)


def find(search: Search, clock: Clock, found: Callable[[FoundCamera], None]) -> None:
    """Search, and report each device when it is found and again when more is known of it.

    Blocks for `timeout_s`, longer while the probe runs. found: called from several threads, one at a time.
    """
    networks = own_networks() if search.networks is None else search.networks
    interfaces = [one.address for one in networks]
    joined = _Joined(found)
    with ThreadPoolExecutor(4, "find cameras") as threads:
        tasks = [
            threads.submit(
                ws_discovery.search,
                interfaces,
                clock,
                search.timeout_s,
                lambda one: joined.add(_of_onvif(one)),
                search.group,
            ),
            threads.submit(mdns.search, interfaces, search.timeout_s, lambda one: joined.add(_of_mdns(one))),
        ]
        if search.local:
            tasks.append(threads.submit(_find_local, joined))
        if search.probe:
            hosts = rtsp_scan.addresses([one.network for one in networks], interfaces)
            tasks.append(
                threads.submit(asyncio.run, rtsp_scan.scan(hosts, lambda one: joined.add(_of_rtsp(one)), search.ports))
            )
        for task in tasks:
            task.result()
    joined.identify(neighbours())


class _Joined:
    """What is known of each device. Thread-safe."""

    def __init__(self, found: Callable[[FoundCamera], None]) -> None:
        self._found, self._lock = found, threading.Lock()
        self._known: dict[str, FoundCamera] = {}

    def add(self, camera: FoundCamera) -> None:
        with self._lock:
            before = self._known.get(camera.place)
            now = camera if before is None else _join(before, camera)
            if now != before:
                self._known[camera.place] = now
                self._found(now)

    def identify(self, macs: dict[str, str]) -> None:
        """Add the hardware addresses of devices that told no identity."""
        for camera in list(self._known.values()):
            if camera.kind == "network" and not camera.identity and (mac := macs.get(camera.place)):
                self.add(replace(camera, identity=mac))


def _join(one: FoundCamera, other: FoundCamera) -> FoundCamera:
    """ONVIF says most, then mDNS; a probed port says least."""
    first, second = sorted((one, other), key=lambda camera: ("onvif" not in camera.ways, "mdns" not in camera.ways))
    return replace(
        first,
        kind="tawny" if "tawny" in (one.kind, other.kind) else first.kind,
        name=first.name or second.name,
        maker=first.maker or second.maker,
        model=first.model or second.model,
        identity=first.identity or second.identity,
        onvif=first.onvif or second.onvif,
        rtsp_port=first.rtsp_port or second.rtsp_port,
        path=first.path or second.path,
        ways=first.ways | second.ways,
    )


def _find_local(joined: _Joined) -> None:
    kinds: tuple[tuple[Kind, Callable[[], list[LocalCamera]]], ...] = (
        ("usb", local_cameras.usb_cameras), ("pi", local_cameras.pi_cameras),
    )  # fmt: skip
    for kind, cameras in kinds:
        for one in cameras():
            joined.add(FoundCamera(one.source, kind, one.name, formats=one.formats, size=one.size, problem=one.problem))


def _of_onvif(one: ws_discovery.OnvifAnswer) -> FoundCamera:
    return FoundCamera(
        one.host, "network", one.name, one.maker, one.model, one.identity, one.service, ways=frozenset({"onvif"})
    )


def _of_mdns(one: mdns.MdnsAnswer) -> FoundCamera:
    return FoundCamera(
        one.host,
        "tawny" if one.kind == "tawny" else "network",
        one.name,
        maker="" if one.kind in ("rtsp", "onvif", "tawny") else one.kind,
        identity=one.identity,
        rtsp_port=one.port if one.kind == "rtsp" else 0,
        path=one.path if one.kind == "rtsp" else "",
        ways=frozenset({"mdns"}),
    )


def _of_rtsp(one: rtsp_scan.RtspAnswer) -> FoundCamera:
    return FoundCamera(one.host, "network", one.server, rtsp_port=one.port, ways=frozenset({"rtsp"}))
