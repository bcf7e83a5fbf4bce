"""WebRTC connections: SDP answer, ICE, DTLS, the RTP that viewers get with their feedback, and that of phones.

Senders such as LiveSender provide the content.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from aiortc import RTCDataChannel, RTCSctpTransport
from aiortc.rtcdtlstransport import RTCDtlsTransport

from tawny.config.settings import LiveSettings
from tawny.engine.connections import ConnectionManager
from tawny.live.webrtc.dtls import Certificate, Dtls
from tawny.live.webrtc.ice import IceAgent, PublicAddress, UdpMux
from tawny.model.packets import VIDEO_RATE, VideoFormat
from tawny.model.times import Clock
from tawny.protocols.rtp import KeyframeRequest, PacketsLost, RtpTrack, empty_report, read_rtcp
from tawny.protocols.sdp import (
    EXTENSIONS,
    NAME,
    Codec,
    NegotiatedMedia,
    OfferedMedia,
    SdpOffer,
    Sound,
    candidate_of,
    codec_for,
    read_offer,
    sound_for,
    write_answer,
)

# WebRTC data channels (RFC 8831) over the connection's existing DTLS.

log = logging.getLogger(__name__)
_TAKES = "_handle_data"
Hear = Callable[[str, str], None]
"""Called with a channel's label and a received text message."""


def ignore_message(label: str, text: str) -> None:
    """Ignore the message."""


class _Below:
    """Adapter with the DTLS transport interface that aiortc's SCTP requires."""

    state = "connected"
    _role = "server"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self.take: Callable[[bytes], Coroutine[Any, Any, None]] | None = None

    def _register_data_receiver(self, receiver: object) -> None:
        self.take = getattr(receiver, _TAKES)

    def _unregister_data_receiver(self, receiver: object) -> None:
        self.take = None

    async def _send_data(self, data: bytes) -> None:
        self._send(data)


class DataChannels:
    """The data channels opened by the viewer. send: transmits data over DTLS."""

    def __init__(self, send: Callable[[bytes], None], on_text: Hear) -> None:
        self._below = _Below(send)
        self._on_text = on_text
        self._sctp = RTCSctpTransport(cast(RTCDtlsTransport, self._below))
        self._sctp.on("datachannel", self._opened)
        self._open: dict[str, RTCDataChannel] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, remote_port: int) -> None:
        self._do(self._sctp.start(None, remote_port))

    def take(self, data: bytes) -> None:
        if self._below.take is not None:
            self._do(self._below.take(data))

    def send_text(self, label: str, text: str) -> bool:
        """Send a text message. Return False if the channel is not open."""
        channel = self._open.get(label)
        if channel is None or channel.readyState != "open":
            return False
        channel.send(text)
        return True

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        if self._sctp.state == "connected":
            await self._sctp.stop()

    def _opened(self, channel: RTCDataChannel) -> None:
        self._open[channel.label] = channel
        channel.on("message", lambda data: self._on_text(channel.label, data) if isinstance(data, str) else None)

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


REPORT_S = 1.0
DRAIN_S = 0.02
"""Interval, in s, for looking whether a full connection takes more."""
MOST_CANDIDATES = 40
AGAIN_MOST = 128
"""Maximum packets retransmitted per NACK."""
LOST = "the connection was lost"
MOST_BYTES_S = 4_000_000
"""Maximum that is received of one camera; browsers send a tenth of it."""
SOUND_RATES = {"opus": 48_000, "pcmu": 8_000, "pcma": 8_000}


class BrowserConnection:
    """What connections in either direction share: ICE, DTLS and their end. Event loop only.

    `opened`: packets can be sent. `ended`: the connection is over; `close` ends it.
    """

    def __init__(self, port: UdpMux, certificate: Certificate, offer: SdpOffer, clock: Clock) -> None:
        self._port, self._clock = port, clock
        self.opened, self.ended = asyncio.Event(), asyncio.Event()
        self.why = ""
        self.ice = IceAgent(offer.login, clock, lambda: log.debug("Connected via %s", self.way), self.take)
        self._dtls = Dtls(
            certificate,
            offer.fingerprint,
            send=self.ice.send,
            ready=self._ready,
            on_data=self._on_data,
            ended=self.end,
        )
        port.add(self.ice)

    @property
    def way(self) -> str:
        """Path type: udp, tcp or relay; empty before a path is selected."""
        return self.ice.path.kind if self.ice.path else ""

    def add_candidates(self, candidates: Sequence[str]) -> None:
        """Open NAT mappings towards the browser's candidates."""
        for line in candidates[:MOST_CANDIDATES]:
            at = candidate_of(line)
            if at is not None:
                self._port.knock(self.ice, at)

    def take(self, data: bytes) -> None:
        kind = data[0] if data else 0
        if 20 <= kind < 64:
            self._dtls.take(data)
        elif 128 <= kind < 192 and len(data) >= 8:
            self._take_media(data, is_rtcp=192 <= data[1] < 224)

    async def attend(self) -> None:
        """Send RTCP reports periodically. Returns when the connection ends or the browser is silent."""
        while not self.ended.is_set() and not self.ice.is_silent:
            if self._dtls.is_ready:
                self._report()
            try:
                async with asyncio.timeout(REPORT_S):
                    await self.ended.wait()
            except TimeoutError:
                continue
        self.end(why=LOST)

    def end(self, why: str) -> None:
        if not self.ended.is_set():
            self.why = why
            self.ended.set()

    async def close(self) -> None:
        self.end("closed")
        self._dtls.close()
        self._port.forget(self.ice)

    def _ready(self) -> None:
        self.opened.set()

    def _on_data(self, data: bytes) -> None:
        """Process data channel payload."""

    def _take_media(self, data: bytes, *, is_rtcp: bool) -> None:
        """Process an encrypted RTP or RTCP packet."""

    def _report(self) -> None:
        """Send what is due every REPORT_S."""


class PeerConnection(BrowserConnection):
    """The connection of a viewer.

    keyframe: called when the viewer requests a keyframe. on_text: receives data channel messages.
    """

    def __init__(
        self,
        port: UdpMux,
        certificate: Certificate,
        offer: SdpOffer,
        clock: Clock,
        *,
        video: Codec,
        sound: tuple[OfferedMedia, Codec] | None = None,
        on_text: Hear = ignore_message,
    ) -> None:
        super().__init__(port, certificate, offer, clock)
        self.video = RtpTrack(
            video.payload_type, VIDEO_RATE, *(offer.video.extensions.get(one, 0) for one in EXTENSIONS)
        )
        self.sound: RtpTrack | None = None
        self.sound_name = sound[1].name if sound else ""
        chosen = [NegotiatedMedia(offer.video, video, self.video.ssrc)]
        if sound is not None:
            self.sound = RtpTrack(sound[1].payload_type, SOUND_RATES[sound[1].name])
            chosen.append(NegotiatedMedia(*sound, self.sound.ssrc))
        self.keyframe: Callable[[], None] = lambda: None
        self._channels: DataChannels | None = None
        self._on_text, self._channel_port = on_text, offer.channel_port
        self._has_channel = offer.first("application") is not None
        self._last: dict[int, tuple[int, int]] = {}  # per track: RTP time of the last frame sent, and its ms UTC
        self.answer = write_answer(offer, chosen, self.ice.login, certificate.fingerprint, port.candidates())
        self.add_candidates(offer.candidates)

    def send(self, track: RtpTrack, payloads: Sequence[bytes], time: int, at_ms: int) -> None:
        """Send one frame or audio payload. time: ticks of the track. at_ms: capture time, ms UTC."""
        if not self._dtls.is_ready or self.ended.is_set():
            return
        last = len(payloads) - 1
        for number, payload in enumerate(payloads):
            protected = self._dtls.protect(track.packet(payload, time, is_last=number == last))
            track.keep(protected)
            self.ice.send(protected)
        self._last[track.ssrc] = (time, at_ms)

    async def drain(self) -> bool:
        """Wait while the viewer's connection is full. Return whether it was."""
        is_full = False
        while (path := self.ice.path) is not None and path.is_full() and not self.ended.is_set():
            is_full = True
            await asyncio.sleep(DRAIN_S)
        return is_full

    def send_text(self, label: str, text: str) -> bool:
        """Send a text on a data channel that the viewer opened. Return False if it is not open."""
        return self._channels is not None and self._channels.send_text(label, text)

    async def close(self) -> None:
        self.end("closed")
        if self._channels is not None:
            await self._channels.close()
        await super().close()

    def _ready(self) -> None:
        if self._has_channel:
            self._channels = DataChannels(self._dtls.send, self._on_text)
            self._channels.start(self._channel_port)
        super()._ready()

    def _on_data(self, data: bytes) -> None:
        if self._channels is not None and data:
            self._channels.take(data)

    def _take_media(self, data: bytes, *, is_rtcp: bool) -> None:
        plain = self._dtls.unprotect_rtcp(data) if is_rtcp else None
        if plain is not None:
            self._feedback(plain)

    def _report(self) -> None:
        now_ms = self._clock.now_ms()
        for track in (self.video, self.sound):
            last = track and self._last.get(track.ssrc)
            if track and last:
                time = last[0] + (now_ms - last[1]) * track.rate // 1000
                self.ice.send(self._dtls.protect_rtcp(track.report(now_ms, time, NAME)))

    def _feedback(self, rtcp: bytes) -> None:
        for report in read_rtcp(rtcp):
            track = next((each for each in (self.video, self.sound) if each and each.ssrc == report.ssrc), None)
            if track is None:
                continue
            if isinstance(report, PacketsLost):
                for protected in track.again(report.sequences[:AGAIN_MOST]):
                    self.ice.send(protected)
            elif isinstance(report, KeyframeRequest):
                self.keyframe()


class PublishingConnection(BrowserConnection):
    """The connection of a browser that is a camera. take_rtp: receives decrypted RTP and RTCP; set it before packets
    can arrive. More than MOST_BYTES_S is dropped before it is decrypted.
    """

    def __init__(
        self, port: UdpMux, certificate: Certificate, offer: SdpOffer, clock: Clock, video: Codec, sound: Codec | None
    ) -> None:
        super().__init__(port, certificate, offer, clock)
        self.video_type, self.sound_type = video.payload_type, sound.payload_type if sound else -1
        self.take_rtp: Callable[[bytes], None] = lambda _: None
        self._second, self._second_bytes = 0, 0
        chosen = [NegotiatedMedia(offer.video, video, None)]
        if sound is not None and (medium := offer.first_sent("audio")) is not None:
            chosen.append(NegotiatedMedia(medium, sound, None))
        self.answer = write_answer(offer, chosen, self.ice.login, certificate.fingerprint, port.candidates())
        self.add_candidates(offer.candidates)

    def send_rtcp(self, rtcp: bytes) -> None:
        if self._dtls.is_ready and not self.ended.is_set():
            self.ice.send(self._dtls.protect_rtcp(rtcp))

    def _report(self) -> None:
        """Show the phone that the recorder is there, also while the camera is paused and nothing reads it."""
        self.send_rtcp(empty_report())

    def _take_media(self, data: bytes, *, is_rtcp: bool) -> None:
        second = int(self._clock.mono_s())
        if second != self._second:
            self._second, self._second_bytes = second, 0
        self._second_bytes += len(data)
        if self._second_bytes > MOST_BYTES_S or self.ended.is_set():
            return
        plain = self._dtls.unprotect_rtcp(data) if is_rtcp else self._dtls.unprotect(data)
        if plain is not None:
            self.take_rtp(plain)


# All connections. The port is opened for the first viewer and stays open.

MOST_VIEWERS = MOST_PHONES = 64
"""Maximum number of connections of viewers, and of phones that are cameras: viewers keep no camera out."""


class CannotStream(Exception):
    """The stream cannot be sent over WebRTC; the message tells users the reason."""


class WebRtcConnections:
    """All WebRTC connections. Event loop only."""

    def __init__(
        self, live: LiveSettings, hosts: Sequence[str], clock: Clock, connections: ConnectionManager | None = None
    ) -> None:
        """hosts: addresses to listen on. connections: admits those over TCP, shared with other servers; None: own."""
        self._live, self._clock = live, clock
        self._connections = ConnectionManager(clock) if connections is None else connections
        self._hosts = [live.listen] if live.listen else list(hosts)
        self._opening = asyncio.Lock()
        self._port: UdpMux | None = None
        self._outside: PublicAddress | None = None
        self._certificate: Certificate | None = None
        self.peers: set[BrowserConnection] = set()

    async def meet(
        self,
        text: str,
        video: VideoFormat,
        sounds: Sequence[Sound] = (),
        on_text: Hear = ignore_message,
    ) -> PeerConnection:
        """Create a connection for an SDP offer. sounds: audio codecs that can be sent, preferred first.

        Raises CannotStream if the stream or the port cannot be used, InvalidOffer for an invalid offer.
        """
        offer = read_offer(text)
        codec = codec_for(offer.video, video)
        if codec is None:
            raise CannotStream(f"Your browser can't play {video.codec.upper()} over WebRTC.")
        port, certificate = await self._ready()
        if self._count(PeerConnection) >= MOST_VIEWERS:  # after the wait: others come meanwhile
            raise CannotStream("The limit of WebRTC viewers is reached.")
        sound = _sound(offer, sounds)
        peer = PeerConnection(port, certificate, offer, self._clock, video=codec, sound=sound, on_text=on_text)
        self.peers.add(peer)
        return peer

    async def receive(self, text: str) -> PublishingConnection:
        """Create a connection for the SDP offer of a browser that is a camera: H.264, and G.711 for sound.

        Raises CannotStream if it has no H.264 or the port cannot be used, InvalidOffer for an invalid offer.
        """
        offer = read_offer(text, is_camera=True)
        video = codec_for(offer.video, VideoFormat("h264", 0, 0, ()))
        if video is None:
            raise CannotStream("This browser can't send H.264 video.")
        port, certificate = await self._ready()
        if self._count(PublishingConnection) >= MOST_PHONES:
            raise CannotStream("The limit of WebRTC connections is reached.")
        medium = offer.first_sent("audio")
        sound = sound_for(medium, "pcmu") if medium is not None else None
        peer = PublishingConnection(port, certificate, offer, self._clock, video, sound)
        self.peers.add(peer)
        return peer

    def _count(self, kind: type[BrowserConnection]) -> int:
        return sum(isinstance(peer, kind) for peer in self.peers)

    async def part(self, peer: BrowserConnection) -> None:
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
            if self._port is None or self._certificate is None or self._outside is None:
                now = dt.datetime.fromtimestamp(self._clock.now_ms() / 1000, dt.UTC)
                self._certificate = self._certificate or Certificate(now)
                self._port = await self._opened()
                self._outside = PublicAddress(self._live, self._port, self._clock)
            port, certificate, outside = self._port, self._certificate, self._outside
        await outside.ask()
        return port, certificate

    async def _opened(self) -> UdpMux:
        port = UdpMux(self._hosts, self._live.port, self._connections, self._live.addresses)
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
