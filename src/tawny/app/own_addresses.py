"""Addresses of the web interface, under which other devices in the network can open it."""

import ipaddress
import os
import socket
from collections.abc import Sequence
from typing import Final

from tawny.config.settings import listen_address
from tawny.sources.discovery.networks import own_networks

_ANY: Final = ("0.0.0.0", "::")  # noqa: S104
HOST_NAME: Final = "TAWNY_HOST_NAME"
"""Environment variable: the name of the computer whose container this is."""
_NOWHERE: Final = ("192.0.2.1", 9)
"""An address for documentation. Connecting a datagram socket sends nothing, but shows the way out."""


def recorder_urls(host: str, port: int) -> list[str]:
    """Return the URLs, the most reliable first. host: what the server listens on."""
    return [f"http://{_authority(one)}" if port == 80 else f"http://{_authority(one)}:{port}" for one in _hosts(host)]


def reachable_place(listens: str) -> str:
    """Return the `HOST:PORT` that other devices connect to. listens: what a server listens on, `0.0.0.0:8554`."""
    host, port = listen_address(listens)
    return f"{_authority(_hosts(host)[0])}:{port}"


def link_text(links: Sequence[str]) -> str:
    """Return the sentence that asks to open one of these links, which differ in their address."""
    if len(links) == 1:
        return f"Open {links[0]}"
    listed = "\n".join(f"    {link}" for link in links)
    return f"Open one of these addresses on any device in your network:\n\n{listed}"


def _hosts(host: str) -> list[str]:
    if host not in _ANY:
        return [host]
    if outside := os.environ.get(HOST_NAME, ""):  # addresses of a container are its own
        return [outside if "." in outside else f"{outside}.local"]
    outgoing = _outgoing()
    addresses = sorted({one.address for one in own_networks()}, key=lambda one: _rank(one, outgoing))
    return [*addresses, *_local_names()] or ["127.0.0.1"]


def _local_names() -> list[str]:
    """Return the name that this computer has by multicast DNS."""
    label = socket.gethostname().partition(".")[0].lower()
    return [f"{label}.local"] if label and label != "localhost" and label.isascii() else []


def _rank(address: str, outgoing: str) -> tuple[bool, bool, bool, int]:
    """Return a key that sorts the address of the way out first, then those of home networks."""
    found = ipaddress.IPv4Address(address)
    return address != outgoing, found.is_link_local, not found.is_private, int(found)


def _outgoing() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_NOWHERE)
        except OSError:  # no network
            return ""
        return str(probe.getsockname()[0])


def _authority(host: str) -> str:
    return f"[{host}]" if ":" in host else host
