"""Who is home: answers to ping, TCP connections, mDNS names, and the table of neighbors."""

import errno
import secrets
import socket
import struct
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from typing import Final

from tawny.engine.descriptors import wait_readable, wait_writable
from tawny.model.times import Clock

PING_TIMEOUT_S: Final = 2.0
PORTS: Final = (62078, 443, 80, 22)
"""Common ports of phones and computers; a refused connection proves presence."""
MAX_PING_BYTES: Final = 2048
_REQUEST: Final = {socket.AF_INET: 8, socket.AF_INET6: 128}
_PROTOCOL: Final = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_PING_HEAD: Final = struct.Struct("!BBHHH")
_THERE: Final = frozenset({0, errno.ECONNREFUSED, errno.ECONNRESET})
Found = Mapping[str, tuple[socket.AddressFamily, tuple[str, int]]]
"""Address family and socket address by name."""


def resolved(names: Iterable[str]) -> Found:
    """Return the addresses of the names that resolve. May block on the name server."""
    found: dict[str, tuple[socket.AddressFamily, tuple[str, int]]] = {}
    for name in names:
        with suppress(OSError, UnicodeError):
            family, _, _, _, where = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)[0]
            found[name] = family, (str(where[0]), 0)
    return found


def may_ping() -> bool:
    """Return whether this user may send echo requests, by `net.ipv4.ping_group_range` or CAP_NET_RAW."""
    with suppress(OSError):
        _opened(socket.AF_INET).close()
        return True
    return False


def answer_pings(found: Found, clock: Clock, timeout_s: float = PING_TIMEOUT_S) -> set[str]:
    """Return the names that answered in time."""
    token, there = secrets.token_bytes(12), set[str]()
    numbers = dict(enumerate(found, 1))
    with ExitStack() as open_ones:
        sockets: dict[socket.AddressFamily, socket.socket] = {}
        for number, name in numbers.items():
            family, where = found[name]
            with suppress(OSError):  # no route
                if family not in sockets:
                    sockets[family] = open_ones.enter_context(_opened(family))
                sockets[family].sendto(_request(family, number, token), where)
        until_s = clock.mono_s() + timeout_s
        while sockets and len(there) < len(found) and (left_s := until_s - clock.mono_s()) > 0:
            for one in wait_readable(sockets.values(), left_s):
                with suppress(OSError):
                    datagram = one.recv(MAX_PING_BYTES)
                    before, mark, after = datagram.partition(token)
                    if mark and not _is_request(one.family, before):
                        there.add(numbers.get(int.from_bytes(after[:2]), ""))
    return there - {""}


def answer_connections(found: Found, clock: Clock, timeout_s: float = PING_TIMEOUT_S) -> set[str]:
    """Return the names that accepted or refused a connection in time."""
    there: set[str] = set()
    with ExitStack() as open_ones:
        waiting: dict[socket.socket, str] = {}
        for name, (family, where) in found.items():
            for port in PORTS:
                one = open_ones.enter_context(socket.socket(family, socket.SOCK_STREAM))
                one.settimeout(0)
                code = one.connect_ex((where[0], port))
                if code in _THERE:
                    there.add(name)
                elif code == errno.EINPROGRESS:
                    waiting[one] = name
        until_s = clock.mono_s() + timeout_s
        while waiting and (left_s := until_s - clock.mono_s()) > 0:
            for one in wait_writable(list(waiting), left_s):
                if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in _THERE:
                    there.add(waiting[one])
                del waiting[one]
    return there


def _opened(family: socket.AddressFamily) -> socket.socket:
    try:
        return socket.socket(family, socket.SOCK_DGRAM, _PROTOCOL[family])
    except PermissionError:
        return socket.socket(family, socket.SOCK_RAW, _PROTOCOL[family])


def _request(family: socket.AddressFamily, number: int, token: bytes) -> bytes:
    body = token + number.to_bytes(2)
    head = _PING_HEAD.pack(_REQUEST[family], 0, 0, 0, number)
    return _PING_HEAD.pack(_REQUEST[family], 0, _checksum(head + body), 0, number) + body


def _is_request(family: int, before: bytes) -> bool:
    """Return whether the header before the token is a request: a raw socket on loopback also receives those."""
    return len(before) >= _PING_HEAD.size and before[-_PING_HEAD.size] == _REQUEST[socket.AddressFamily(family)]


def _checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071; for ICMPv6 the kernel computes it."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


# Presence by multicast DNS: one-shot queries in the local network (RFC 6762, section 5.1).

GROUP: Final = ("224.0.0.251", 5353)
MDNS_TIMEOUT_S: Final = 1.5
MAX_MDNS_BYTES: Final = 9000
_MDNS_HEAD: Final = struct.Struct("!HHHHHH")
_ANSWER: Final = 0x8000
_ADDRESS, _INTERNET = 1, 1


def answer_names(
    names: Iterable[str], clock: Clock, timeout_s: float = MDNS_TIMEOUT_S, group: tuple[str, int] = GROUP
) -> set[str]:
    """Return the names, such as `annas-phone.local`, that were answered in time."""
    request: dict[int, tuple[str, bytes]] = {}
    there: set[str] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        for name in names:
            with suppress(OSError, UnicodeError, ValueError):
                number, question = secrets.randbelow(65_535) + 1, _question(name)
                one.sendto(_MDNS_HEAD.pack(number, 0, 1, 0, 0, 0) + question, group)
                request[number] = name, question
        until_s = clock.mono_s() + timeout_s
        while len(there) < len(request) and (left_s := until_s - clock.mono_s()) > 0:
            if wait_readable([one], left_s):
                with suppress(OSError):
                    there |= _answered(one.recv(MAX_MDNS_BYTES), request)
    return there


def _answered(datagram: bytes, request: dict[int, tuple[str, bytes]]) -> set[str]:
    if len(datagram) < _MDNS_HEAD.size:
        return set()
    number, flags, _, answers, _, _ = _MDNS_HEAD.unpack_from(datagram)
    name, question = request.get(number, ("", b""))
    is_ours = name and datagram[_MDNS_HEAD.size : _MDNS_HEAD.size + len(question) - 4].lower() == question[:-4].lower()
    return {name} if is_ours and flags & _ANSWER and answers else set()


def _question(name: str) -> bytes:
    parts = [part.encode("utf-8") for part in name.rstrip(".").split(".")]
    if not all(0 < len(part) < 64 for part in parts):
        raise ValueError(name)
    return b"".join(bytes([len(part)]) + part for part in parts) + struct.pack("!BHH", 0, _ADDRESS, _INTERNET)


# Presence by the kernel's ARP table (`neighbours`), which a datagram to each address keeps current.

DISCARD: Final = 9
"""Discard port of RFC 863: harmless, and the kernel must resolve the address."""


def poke(addresses: Iterable[str]) -> None:
    """Make the kernel resolve each of these IPv4 addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0)
        for address in addresses:
            with suppress(OSError):
                one.sendto(b"", (address, DISCARD))
