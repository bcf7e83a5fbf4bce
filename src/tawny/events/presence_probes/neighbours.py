"""Presence by the kernel's ARP table, which a datagram to each address keeps current.

An address probed now appears a few seconds later, so each read shows the result of the previous probe.
"""

import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

TABLE: Final = Path("/proc/net/arp")
DISCARD: Final = 9
"""Discard port of RFC 863: harmless, and the kernel must resolve the address."""
_COMPLETE: Final = 0x2


def neighbours(table: Path = TABLE) -> dict[str, str]:
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


def poke(addresses: Iterable[str]) -> None:
    """Make the kernel resolve each of these IPv4 addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0)
        for address in addresses:
            with suppress(OSError):
                one.sendto(b"", (address, DISCARD))
