"""The recorder's public addresses, determined through STUN and TURN servers."""

import asyncio
import base64
import hashlib
import hmac
import logging
import re
import socket
from dataclasses import dataclass

from aioice.stun import Class, Message, Method, TransactionError, parse_message
from aioice.turn import TurnTransport, create_turn_endpoint

from tawny.config.settings import LiveSettings, TurnServerSettings
from tawny.live.webrtc.ice import Candidate, RelayTransport
from tawny.live.webrtc.udp_mux import TurnRelayed, UdpMux
from tawny.model.clock import Clock

# STUN and TURN servers announced to browsers.

LOGIN_LASTS_S = 3600


@dataclass(frozen=True, slots=True)
class IceServerConfig:
    """Fields of the browser's `RTCIceServer`; no credentials for STUN."""

    url: str
    username: str = ""
    credential: str = ""


def ice_servers(live: LiveSettings, who: str, clock: Clock) -> list[IceServerConfig]:
    """Return the servers for one viewer. who: id shown in the TURN server's log."""
    asked = [IceServerConfig(url) for url in live.stun]
    return [*asked, *(IceServerConfig(turn.url, *login_at(turn, who, clock)) for turn in live.turn)]


def login_at(turn: TurnServerSettings, who: str, clock: Clock) -> tuple[str, str]:
    """Return user name and password for the TURN server."""
    if not turn.secret:
        return turn.user, turn.password
    name = f"{clock.now_ms() // 1000 + LOGIN_LASTS_S}:{who}"
    digest = hmac.new(turn.secret.encode(), name.encode(), hashlib.sha1).digest()
    return name, base64.b64encode(digest).decode()


ASK_S = 3.0
_URL = re.compile(r"(stuns?|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(udp|tcp))?")
log = logging.getLogger(__name__)


class PublicAddress:
    """Public addresses: determined before the first viewer; TURN allocations stay open until `close`."""

    def __init__(self, live: LiveSettings, port: UdpMux, clock: Clock) -> None:
        self._live, self._port, self._clock = live, port, clock
        self._relays: list[TurnTransport] = []

    async def ask(self) -> None:
        """Set the port's `extra` candidates. Servers that do not respond are skipped."""
        asked = [self._relay(turn) for turn in self._live.turn]
        found = await asyncio.gather(*asked, *(self._seen_by(url) for url in self._live.stun))
        self._port.extra = [candidate for candidate in found if candidate is not None]

    def close(self) -> None:
        for relay in self._relays:
            relay.close()
        self._relays.clear()

    async def _relay(self, turn: TurnServerSettings) -> Candidate | None:
        scheme, host, port, transport = _parts(turn.url)
        name, password = login_at(turn, "recorder", self._clock)
        try:
            async with asyncio.timeout(ASK_S):
                made, _ = await create_turn_endpoint(
                    lambda: TurnRelayed(self._port, lambda remote: RelayTransport(made, remote)),
                    (host, port),
                    name,
                    password,
                    ssl=scheme == "turns" or None,
                    transport=transport,
                )
        except (OSError, TransactionError, ValueError) as error:
            log.warning("TURN server %s rejected the allocation: %s", turn.url, error or type(error).__name__)
            return None
        self._relays.append(made)
        self._port.relays.append(made)
        at = made.get_extra_info("sockname")
        return Candidate("udp", at[0], at[1], "relay")

    async def _seen_by(self, url: str) -> Candidate | None:
        """Return the port's address as seen by a STUN server."""
        _, host, port, _ = _parts(url)
        try:
            async with asyncio.timeout(ASK_S):
                loop = asyncio.get_running_loop()
                places = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
                at = (str(places[0][4][0]), port)
                answer = parse_message(await self._port.ask(bytes(Message(Method.BINDING, Class.REQUEST)), at))
        except (OSError, ValueError) as error:
            log.warning("STUN server %s does not respond: %s", url, error or type(error).__name__)
            return None
        seen = answer.attributes.get("XOR-MAPPED-ADDRESS")
        return Candidate("udp", seen[0], seen[1], "srflx") if seen else None


def _parts(url: str) -> tuple[str, str, int, str]:
    """Split a server URL into scheme, host, port and transport."""
    found = _URL.fullmatch(url)
    assert found is not None, url
    scheme, host, port, transport = found.groups()
    usual = 5349 if scheme.endswith("s") else 3478
    return scheme, host.strip("[]"), int(port or usual), transport or ("tcp" if scheme == "turns" else "udp")
