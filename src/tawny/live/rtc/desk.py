"""Where WebRTC connections begin and end. The port is opened for the first viewer and kept."""

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence

from tawny.config.live import Live
from tawny.live.rtc.channel import Hear, deaf
from tawny.live.rtc.dtls import Certificate
from tawny.live.rtc.peer import Peer, wanted
from tawny.live.rtc.port import Port
from tawny.live.rtc.sdp import Codec, Medium, Offer, Sound, codec_for, read_offer, sound_for
from tawny.live.rtc.servers import Outside
from tawny.model.clock import Clock
from tawny.model.packets import VideoFormat

MOST_PEERS = 64
log = logging.getLogger(__name__)


class NoWay(Exception):
    """WebRTC cannot show this; its words tell why."""


class Desk:
    """hosts: what to listen on. All in one event loop."""

    def __init__(self, live: Live, hosts: Sequence[str], clock: Clock) -> None:
        self._live, self._clock = live, clock
        self._hosts = [live.listen] if live.listen else list(hosts)
        self._opening = asyncio.Lock()
        self._port: Port | None = None
        self._outside: Outside | None = None
        self._certificate: Certificate | None = None
        self.peers: set[Peer] = set()

    async def meet(
        self,
        text: str,
        video: VideoFormat,
        sounds: Sequence[Sound] = (),
        hear: Hear = deaf,
    ) -> Peer:
        """A connection for this offer, to be shown such pictures. sounds: what we could send, the best first.

        NoWay when it cannot be; NotAnOffer for what is none.
        """
        offer = read_offer(text)
        medium = wanted(offer)
        codec = codec_for(medium, video)
        if codec is None:
            raise NoWay(f"Your browser can't play {video.codec.upper()} over WebRTC.")
        if len(self.peers) >= MOST_PEERS:
            raise NoWay("The limit of WebRTC viewers is reached.")
        port, certificate = await self._ready()
        sound = _sound(offer, sounds)
        peer = Peer(port, certificate, offer, self._clock, video=(medium, codec), sound=sound, hear=hear)
        self.peers.add(peer)
        return peer

    async def part(self, peer: Peer) -> None:
        self.peers.discard(peer)
        await peer.close()

    async def close(self) -> None:
        for peer in list(self.peers):
            await self.part(peer)
        if self._outside:
            self._outside.close()
        if self._port:
            self._port.close()

    async def _ready(self) -> tuple[Port, Certificate]:
        async with self._opening:
            if self._port is None or self._certificate is None:
                now = dt.datetime.fromtimestamp(self._clock.now_ms() / 1000, dt.UTC)
                self._certificate = self._certificate or Certificate(now)
                self._port = await self._opened()
                self._outside = Outside(self._live, self._port, self._clock)
                await self._outside.ask()
        return self._port, self._certificate

    async def _opened(self) -> Port:
        port = Port(self._hosts, self._live.port, self._live.addresses)
        try:
            await port.open()
        except OSError as error:
            port.close()
            raise NoWay(f"Port {self._live.port} (UDP) can't be used: {error.strerror}.") from error
        log.info("WebRTC on port %d", port.number)
        return port


def _sound(offer: Offer, sounds: Sequence[Sound]) -> tuple[Medium, Codec] | None:
    medium = offer.first("audio")
    if medium is None:
        return None
    return next(((medium, codec) for name in sounds if (codec := sound_for(medium, name))), None)
