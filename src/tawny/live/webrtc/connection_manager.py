"""Opens and closes WebRTC connections. The port is opened for the first viewer and stays open.

The recorder's public addresses are determined through STUN and TURN servers, which are announced to browsers, too.
"""

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import logging
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from aioice.stun import Class, Message, Method, TransactionError, parse_message
from aioice.turn import TurnTransport, create_turn_endpoint

from tawny.config.settings import LiveSettings, TurnServerSettings
from tawny.live.webrtc.dtls import Certificate
from tawny.live.webrtc.ice import DatagramReceiver, UdpMux
from tawny.live.webrtc.peer_connection import Hear, PeerConnection, deaf
from tawny.model.clock import Clock
from tawny.model.packets import VideoFormat
from tawny.protocols.sdp import Candidate, Codec, OfferedMedia, SdpOffer, Sound, codec_for, read_offer, sound_for

MOST_PEERS = 64
log = logging.getLogger(__name__)


class CannotStream(Exception):
    """The stream cannot be sent over WebRTC; the message tells users the reason."""


class WebRtcConnections:
    """All WebRTC connections. hosts: addresses to listen on. Event loop only."""

    def __init__(self, live: LiveSettings, hosts: Sequence[str], clock: Clock) -> None:
        self._live, self._clock = live, clock
        self._hosts = [live.listen] if live.listen else list(hosts)
        self._opening = asyncio.Lock()
        self._port: UdpMux | None = None
        self._outside: PublicAddress | None = None
        self._certificate: Certificate | None = None
        self.peers: set[PeerConnection] = set()

    async def meet(
        self,
        text: str,
        video: VideoFormat,
        sounds: Sequence[Sound] = (),
        hear: Hear = deaf,
    ) -> PeerConnection:
        """Create a connection for an SDP offer. sounds: audio codecs that can be sent, preferred first.

        Raises CannotStream if the stream or the port cannot be used, InvalidOffer for an invalid offer.
        """
        offer = read_offer(text)
        codec = codec_for(offer.video, video)
        if codec is None:
            raise CannotStream(f"Your browser can't play {video.codec.upper()} over WebRTC.")
        if len(self.peers) >= MOST_PEERS:
            raise CannotStream("The limit of WebRTC viewers is reached.")
        port, certificate = await self._ready()
        sound = _sound(offer, sounds)
        peer = PeerConnection(port, certificate, offer, self._clock, video=codec, sound=sound, hear=hear)
        self.peers.add(peer)
        return peer

    async def part(self, peer: PeerConnection) -> None:
        self.peers.discard(peer)
        await peer.close()

    async def close(self) -> None:
        for peer in list(self.peers):
            await self.part(peer)
        if self._outside:
            self._outside.close()
        if self._port:
            self._port.close()

    async def _ready(self) -> tuple[UdpMux, Certificate]:
        async with self._opening:
            if self._port is None or self._certificate is None:
                now = dt.datetime.fromtimestamp(self._clock.now_ms() / 1000, dt.UTC)
                self._certificate = self._certificate or Certificate(now)
                self._port = await self._opened()
                self._outside = PublicAddress(self._live, self._port, self._clock)
                await self._outside.ask()
        return self._port, self._certificate

    async def _opened(self) -> UdpMux:
        port = UdpMux(self._hosts, self._live.port, self._live.addresses)
        try:
            await port.open()
        except OSError as error:
            port.close()
            raise CannotStream(f"Port {self._live.port} (UDP) can't be used: {error.strerror}.") from error
        log.info("WebRTC on port %d", port.number)
        return port


def _sound(offer: SdpOffer, sounds: Sequence[Sound]) -> tuple[OfferedMedia, Codec] | None:
    medium = offer.first("audio")
    if medium is None:
        return None
    return next(((medium, codec) for name in sounds if (codec := sound_for(medium, name))), None)


# STUN and TURN servers, and the public addresses that they report.

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
                    lambda: DatagramReceiver(self._port, "relay"),
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
