"""Who is known on the network at hand: the kernel's table of neighbours, which a datagram to each keeps true.

What is asked now is in the table a few seconds later, so each look tells of the one before.
"""

import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

TABLE: Final = Path("/proc/net/arp")
DISCARD: Final = 9
"""The port of RFC 863: nobody minds, and the kernel must find out where to send it."""
_COMPLETE: Final = 0x2


def neighbours(table: Path = TABLE) -> dict[str, str]:
    """Hardware address by IPv4 address, of those that answered; empty where there is no such table."""
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
    """Have the kernel look for each of these IPv4 addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0)
        for address in addresses:
            with suppress(OSError):
                one.sendto(b"", (address, DISCARD))
