"""RTSP servers in the computer's own networks, found by connecting to each address: only on request.

It is polite: private networks of at most 1,024 addresses, few connections at a time, one question each, and no login.
"""

import asyncio
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tawny.protocols.rtsp_message import MalformedRtsp, read_head, request
from tawny.sources.discovery.found_camera import FoundCamera

PORTS: Final = (554, 8554)
MOST_ADDRESSES: Final = 1_024
"""In one network. A larger one is left out: searching it would take minutes and disturb it."""
_AT_ONCE, _CONNECT_S, _ANSWER_S = 64, 0.8, 1.5
_MOST_HEAD_BYTES, _MOST_CHARACTERS = 4_096, 80


def addresses(networks: Iterable[str], own: Iterable[str] = ()) -> Iterator[str]:
    """Yield each address of the private networks, without the computer's own. networks: such as `192.168.1.0/24`."""
    skipped, seen = set(own), set[str]()
    for text in networks:
        network = ipaddress.ip_network(text, strict=False)
        if not network.is_private or network.num_addresses > MOST_ADDRESSES:
            continue
        for address in map(str, network.hosts()):
            if address not in skipped and address not in seen:
                seen.add(address)
                yield address


async def scan(hosts: Iterable[str], found: Callable[[FoundCamera], None], ports: Iterable[int] = PORTS) -> None:
    """Ask each address on each port. Calls found on the loop's thread, with the name that the server gives itself."""
    targets = iter([(host, port) for host in hosts for port in ports])

    async def work() -> None:
        for host, port in targets:
            answer = await _asked(host, port)
            if answer is not None:
                found(answer)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(work())


async def _asked(host: str, port: int) -> FoundCamera | None:
    try:
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port, limit=_MOST_HEAD_BYTES)
    except (OSError, TimeoutError):
        return None
    try:
        async with asyncio.timeout(_ANSWER_S):
            shown = f"[{host}]" if ":" in host else host
            writer.write(request("OPTIONS", f"rtsp://{shown}:{port}/", 1))
            head = await reader.readuntil(b"\r\n\r\n")
        response = read_head(head[:-4])
    except (OSError, TimeoutError, MalformedRtsp, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    finally:
        writer.close()
    server = re.sub(r"[^\x20-\x7e]", "", response.header("server"))[:_MOST_CHARACTERS].strip()
    return FoundCamera(host, "network", server, rtsp_port=port, ways=frozenset({"rtsp"}))
