"""Presence by multicast DNS: one-shot queries in the local network (RFC 6762, section 5.1).

A response to such a query is sent to the querier and contains its id and question.
"""

import secrets
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from tawny.engine.descriptors import wait_readable
from tawny.model.clock import Clock

GROUP: Final = ("224.0.0.251", 5353)
TIMEOUT_S: Final = 1.5
MOST_BYTES: Final = 9000
_HEAD: Final = struct.Struct("!HHHHHH")
_ANSWER: Final = 0x8000
_ADDRESS, _INTERNET = 1, 1


def answer_names(
    names: Iterable[str], clock: Clock, timeout_s: float = TIMEOUT_S, group: tuple[str, int] = GROUP
) -> set[str]:
    """Return the names, such as `annas-phone.local`, that were answered in time."""
    asked: dict[int, tuple[str, bytes]] = {}
    there: set[str] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        for name in names:
            with suppress(OSError, UnicodeError, ValueError):
                number, question = secrets.randbelow(65_535) + 1, _question(name)
                one.sendto(_HEAD.pack(number, 0, 1, 0, 0, 0) + question, group)
                asked[number] = name, question
        until_s = clock.mono_s() + timeout_s
        while len(there) < len(asked) and (left_s := until_s - clock.mono_s()) > 0:
            if wait_readable([one], left_s):
                with suppress(OSError):
                    there |= _answered(one.recv(MOST_BYTES), asked)
    return there


def _answered(said: bytes, asked: dict[int, tuple[str, bytes]]) -> set[str]:
    if len(said) < _HEAD.size:
        return set()
    number, flags, _, answers, _, _ = _HEAD.unpack_from(said)
    name, question = asked.get(number, ("", b""))
    is_ours = name and said[_HEAD.size : _HEAD.size + len(question) - 4].lower() == question[:-4].lower()
    return {name} if is_ours and flags & _ANSWER and answers else set()


def _question(name: str) -> bytes:
    parts = [part.encode("utf-8") for part in name.rstrip(".").split(".")]
    if not all(0 < len(part) < 64 for part in parts):
        raise ValueError(name)
    return b"".join(bytes([len(part)]) + part for part in parts) + struct.pack("!BHH", 0, _ADDRESS, _INTERNET)
