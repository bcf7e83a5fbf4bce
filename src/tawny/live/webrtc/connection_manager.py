"""Opens and closes WebRTC connections. The port is opened for the first viewer and stays open."""

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence

from tawny.config.settings import LiveSettings
from tawny.live.webrtc.dtls import Certificate
from tawny.live.webrtc.peer_connection import Hear, PeerConnection, deaf, wanted
from tawny.live.webrtc.public_address import PublicAddress
from tawny.live.webrtc.sdp import Codec, OfferedMedia, SdpOffer, Sound, codec_for, read_offer, sound_for
from tawny.live.webrtc.udp_mux import UdpMux
from tawny.model.clock import Clock
from tawny.model.packets import VideoFormat

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
        medium = wanted(offer)
        codec = codec_for(medium, video)
        if codec is None:
            raise CannotStream(f"Your browser can't play {video.codec.upper()} over WebRTC.")
        if len(self.peers) >= MOST_PEERS:
            raise CannotStream("The limit of WebRTC viewers is reached.")
        port, certificate = await self._ready()
        sound = _sound(offer, sounds)
        peer = PeerConnection(port, certificate, offer, self._clock, video=(medium, codec), sound=sound, hear=hear)
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
