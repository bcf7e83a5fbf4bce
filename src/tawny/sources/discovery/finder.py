"""Searches for cameras in all ways at once, and joins what they say of one device.

Nothing runs before `find` is called, and nothing after it has returned. If it is interrupted, the searches end by
themselves.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from typing import Final

from tawny.engine.blocking_calls import begin_call
from tawny.model.times import Clock
from tawny.sources.discovery import local_cameras, mdns, rtsp_scan, ws_discovery
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.sources.discovery.networks import OwnNetwork, ask_neighbours, own_networks

TIMEOUT_S: Final = 4.0
NAME: Final = "find cameras"
"""Of the threads that search."""


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
    tasks = [
        begin_call(NAME, lambda: ws_discovery.search(interfaces, clock, search.timeout_s, joined.add, search.group)),
        begin_call(NAME, lambda: mdns.search(interfaces, search.timeout_s, joined.add)),
    ]
    if search.local:
        tasks.append(begin_call(NAME, lambda: _find_local(joined)))
    if search.probe:
        hosts = rtsp_scan.addresses([one.network for one in networks], interfaces)
        tasks.append(begin_call(NAME, lambda: asyncio.run(rtsp_scan.scan(hosts, joined.add, search.ports))))
    wait(tasks)
    for task in tasks:
        task.result()
    joined.identify()


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

    def identify(self) -> None:
        """Add the hardware addresses, which are the identity of devices that announce none."""
        macs = ask_neighbours(one.place for one in list(self._known.values()) if one.kind == "network")
        for camera in list(self._known.values()):
            if camera.kind == "network" and (mac := macs.get(camera.place)):
                self.add(replace(camera, identity=camera.identity or mac, mac=mac))


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
        mac=first.mac or second.mac,
        onvif=first.onvif or second.onvif,
        rtsp_port=first.rtsp_port or second.rtsp_port,
        path=first.path or second.path,
        ways=first.ways | second.ways,
    )


def _find_local(joined: _Joined) -> None:
    for one in (*local_cameras.usb_cameras(), *local_cameras.pi_cameras()):
        joined.add(one)
