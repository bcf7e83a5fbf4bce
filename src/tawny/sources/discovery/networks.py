"""The computer's own IPv4 networks, and the hardware addresses of its neighbours."""

import ipaddress
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ifaddr

ARP_TABLE: Final = Path("/proc/net/arp")
_COMPLETE: Final = 0x2
_DISCARD: Final = 9
_ASKED_TIMES, _ASKED_S = 20, 0.05
_VIRTUAL: Final = ("docker", "veth", "br-", "virbr", "tun", "tap", "wg", "tailscale")
"""Interfaces behind which no camera is found by multicast."""


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """interface: its name. address: the computer's own. network: such as `192.168.1.0/24`."""

    interface: str
    address: str
    network: str


def own_networks() -> list[OwnNetwork]:
    """Return the networks of this computer's cables and radios, without loopback."""
    found = []
    for adapter in ifaddr.get_adapters():
        if adapter.nice_name.startswith(_VIRTUAL):
            continue
        for one in adapter.ips:
            if not isinstance(one.ip, str) or ipaddress.ip_address(one.ip).is_loopback:
                continue  # IPv6 addresses are tuples
            network = ipaddress.ip_network(f"{one.ip}/{one.network_prefix}", strict=False)
            found.append(OwnNetwork(adapter.nice_name, one.ip, str(network)))
    return found


def neighbours(table: Path = ARP_TABLE) -> dict[str, str]:
    """Return hardware addresses by IPv4 address of reachable hosts; empty without such a table."""
    try:
        lines = table.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        fields = line.split()
        with suppress(ValueError, IndexError):
            if int(fields[2], 16) & _COMPLETE:
                found[fields[0]] = fields[3].lower()
    return found


def ask_neighbours(hosts: Iterable[str], table: Path = ARP_TABLE) -> dict[str, str]:
    """Return the hardware addresses of all neighbours, these too, which get an empty packet if they are not known yet.

    A host that answered may be missing: the system learns an address when it sends, not when it receives. Blocks for at
    most a second.
    """
    found = neighbours(table)
    missing = [host for host in hosts if host not in found]
    if not missing:
        return found
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for host in missing:
            with suppress(OSError):
                asking.sendto(b"", (host, _DISCARD))
    pause = threading.Event()
    for _ in range(_ASKED_TIMES):
        found = neighbours(table)
        if all(host in found for host in missing):
            break
        pause.wait(_ASKED_S)
    return found
