"""Phones and browsers as cameras: `phone:` and the ID that the phone got when it joined.

The web interface receives the phone's WebRTC connection in the event loop and puts its decrypted RTP into a feed. The
camera's reader takes it from there, as it takes that of an RTSP camera. What a phone sends is not trusted: a feed is
bounded in bytes, and the reader in what it holds for late packets.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import unpack_from
from typing import Any, ClassVar, Final

from tawny.model.errors import PhoneAway
from tawny.model.packets import SourcePacket
from tawny.model.segments import GapEvidence
from tawny.model.times import Clock
from tawny.protocols.rtp import bit_rate_limit, keyframe_request, receiver_report, repeat_request
from tawny.protocols.sdp import SdpDescription, SdpTrack
from tawny.sources.rtsp.client.rtp_receiver import UDP_WINDOW, RtpReceiver
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.sources.rtsp.client.transcript import ConversationFault
from tawny.sources.source import IdleUntil, SourceContext

SCHEME: Final = "phone:"
MOST_WAITING_BYTES: Final = 2_000_000
"""Received and not yet read. A reader that is later than this loses all of it, and asks for a keyframe."""
MOST_DATAGRAM_BYTES: Final = 4096
"""Browsers send at most 1200 bytes at once."""
KEYFRAME_S: Final = 2.0
"""Interval in s of keyframes, which browsers send only when asked to."""
AGAIN_S: Final = 0.5
"""Interval in s of keyframe requests until one comes."""
LATE_S: Final = 0.35
"""Maximum wait for a packet in s: time enough to send it again."""
REPEAT_S: Final = 0.1
MOST_REPEATED: Final = 32
MOST_BITS_S: Final = 2_500_000
"""Limit of what the phone sends, bit/s: 1280x720 with 30 fps looks good with it."""
STALL_S: Final = 5.0
CHANGES_S: Final = 1.0
"""Minimum time in s between two changes of the resolution: it changes when the phone is turned."""
_REPORT_S: Final = 1.0
_POLL_S: Final = 0.05
_RTCP: Final = range(192, 224)
_NEVER: Final = "it hasn't connected since tawny was started"
_NO_PICTURE: Final = "it sends no picture: its page is in the background, or another app has its camera"
_NOTHING: Final = "nothing comes from it: it may be asleep, or have lost its network"
_FATAL: Final = frozenset({"mixed", "picture-too-big"})
"""Faults that no browser causes: the connection ends."""


@dataclass(frozen=True, slots=True)
class PhoneMedia:
    """RTP payload types of H.264 and, negative without sound, of G.711 (mu-law)."""

    video: int
    sound: int = -1

    @property
    def description(self) -> SdpDescription:
        tracks = [SdpTrack("video", self.video, "H264", 90_000)]
        if self.sound >= 0:
            tracks.append(SdpTrack("audio", self.sound, "PCMU", 8_000))
        return SdpDescription("phone", tracks)


class PhoneFeed:
    """RTP and RTCP of one connection, on the way from the event loop to the camera's reader. Thread-safe.

    send: transmits RTCP to the phone. hang_up: ends the connection, with the reason. Neither may block.
    """

    def __init__(
        self, media: PhoneMedia, clock: Clock, send: Callable[[bytes], None], hang_up: Callable[[str], None]
    ) -> None:
        self.media, self.send, self.hang_up = media, send, hang_up
        self._clock, self._lock = clock, threading.Lock()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._waiting_bytes = 0
        self._is_read = False
        self.ended = ""
        """Why the connection is over; empty while it is not."""

    def put(self, datagram: bytes) -> None:
        """Add a decrypted datagram. Dropped unless the camera is read."""
        with self._lock:
            if not self._is_read or self.ended or len(datagram) > MOST_DATAGRAM_BYTES:
                return
            if self._waiting_bytes + len(datagram) > MOST_WAITING_BYTES:
                self._forget()
            self._waiting.append((self._clock.mono_s(), datagram))
            self._waiting_bytes += len(datagram)

    def take(self) -> list[tuple[float, bytes]]:
        """Return what has arrived, with the times of arrival, s monotonic."""
        with self._lock:
            taken = list(self._waiting)
            self._forget()
        return taken

    def read_on(self, *, is_read: bool) -> None:
        """Begin or cease to keep what arrives."""
        with self._lock:
            self._is_read = is_read
            self._forget()

    def over(self, why: str) -> None:
        """The connection has ended; nothing is sent any more."""
        with self._lock:
            self.ended = self.ended or why
            self.send = self.hang_up = _drop
            self._forget()

    def _forget(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0


def _drop(_: bytes | str) -> None:
    """Do nothing: there is no connection any more."""


class Phone:
    """Phones and other browsers: `phone:` with the ID that tawny gave to the phone. Has no settings.

    Add one in the interface, under "Add a camera".
    """

    scheme: ClassVar[str] = "phone"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: dict[str, PhoneFeed] = {}
        self._left: dict[str, str] = {}
        """Why the last connection of a phone ended."""

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        if table:
            raise ValueError(f"{min(table)}: found an unknown key; allowed: nothing")
        return {}

    def claims(self, address: str) -> bool:
        return address.startswith(SCHEME) and len(address) > len(SCHEME)

    def public(self, address: str) -> str:
        return address

    def shares(self, options: Mapping[str, Any]) -> bool:
        return True

    def open(self, opening: SourceContext) -> "PhoneConnection":
        """Read the phone's connection. Raises PhoneAway: when there is none."""
        phone = opening.address.removeprefix(SCHEME)
        with self._lock:
            feed, why = self._feeds.get(phone), self._left.get(phone, _NEVER)
        if feed is None:
            raise PhoneAway(opening.address, why, GapEvidence("phone-away"))
        return PhoneConnection(feed, opening.address, opening.clock)

    def begin(self, opening: SourceContext) -> "PhoneConnection":
        return self.open(opening)

    # --- for the web interface

    def connected(self, phone: str, feed: PhoneFeed) -> None:
        """A phone has connected. It takes the place of its former connection, if there is one."""
        with self._lock:
            before = self._feeds.get(phone)
            self._feeds[phone] = feed
        if before is not None:
            before.hang_up("its page was opened again")

    def left(self, phone: str, feed: PhoneFeed, why: str) -> None:
        feed.over(why)
        with self._lock:
            if self._feeds.get(phone) is feed:
                del self._feeds[phone]
                self._left[phone] = why

    def is_connected(self, phone: str) -> bool:
        with self._lock:
            return phone in self._feeds

    def hang_up(self, phone: str, why: str) -> None:
        """End the phone's connection, if there is one."""
        with self._lock:
            feed = self._feeds.get(phone)
        if feed is not None:
            feed.hang_up(why)


@dataclass(slots=True)
class _Late:
    """What one track waits for. number: the missing packet, negative if none; asked_s: when it was asked for."""

    receiver: RtpReceiver
    number: int = -1
    since_s: float = 0.0
    asked_s: float = 0.0
    packets: int = 0
    missing: int = 0
    """Counts at the last report."""


class PhoneConnection:
    """Reads one feed. Never blocks."""

    def __init__(self, feed: PhoneFeed, where: str, clock: Clock) -> None:
        self._feed, self._where, self._clock = feed, where, clock
        self._tracks = Tracks(wants_sound=True, stall_s=STALL_S, window=UDP_WINDOW, changes_s=CHANGES_S)
        chosen = self._tracks.choose(feed.media.description)
        self._late = [_Late(self._tracks.receiver_of(track)) for track in chosen]
        self._byte_s = clock.mono_s()
        self._report_s = 0.0
        self._asked_s = self._key_s = -KEYFRAME_S
        self._lost = 0
        self._fault: ConversationFault | None = None
        self._tracks.begin(self._byte_s)
        feed.read_on(is_read=True)

    def read(self) -> SourcePacket | IdleUntil:
        packets = self._tracks.packets
        if not packets and self._fault is None:
            self._try_step()
        if packets:
            packet = packets.popleft()
            self._key_s = self._clock.mono_s() if packet.is_keyframe else self._key_s
            return packet
        if self._fault is not None:
            raise self._fault.error(self._where)
        if self._feed.ended:
            raise PhoneAway(self._where, self._feed.ended, GapEvidence("phone-away"))
        return IdleUntil(_POLL_S)

    def close(self) -> None:
        self._feed.read_on(is_read=False)
        self._fault = self._fault or ConversationFault("closed", "disconnected")

    @property
    def notes(self) -> Mapping[str, Any]:
        notes = {"client": "webrtc", "transport": "webrtc"} | self._tracks.notes
        notes.pop("clock_offset_s", None)  # the picture shows no time, so it can't be wrong
        return notes

    def _try_step(self) -> None:
        try:
            self._step()
        except ConversationFault as fault:
            self._fault = fault
            if fault.reason in _FATAL:
                self._feed.hang_up(f"it sent invalid data: {fault.detail}")

    def _step(self) -> None:
        for arrived_s, datagram in self._feed.take():
            self._byte_s = self._tracks.now_s = arrived_s
            self._arrived(datagram)
        now_s = self._tracks.now_s = self._clock.mono_s()
        for late in self._late:
            self._wait_or_give_up(late, now_s)
        if now_s - self._tracks.alive_s >= STALL_S:  # no fault of a camera: the connection may go on
            why = _NOTHING if now_s - self._byte_s > STALL_S / 2 else _NO_PICTURE
            raise PhoneAway(self._where, why, GapEvidence("phone-away"))
        self._tracks.watch(now_s - self._byte_s)
        self._ask_for_keyframe(now_s)
        if now_s >= self._report_s and self._late[0].receiver.source >= 0:
            self._report_s = now_s + _REPORT_S
            self._report()

    def _arrived(self, datagram: bytes) -> None:
        if len(datagram) < 8:
            return
        if datagram[1] in _RTCP:
            source = unpack_from(">I", datagram, 4)[0]
            for number, late in enumerate(self._late):
                if late.receiver.source == source:
                    self._tracks.report(datagram, self._clock.now_ms() / 1000, is_video=number == 0)
            return
        kinds = (self._feed.media.video, self._feed.media.sound)
        for kind, late in zip(kinds, self._late, strict=False):
            if datagram[1] & 127 == kind:
                late.receiver.packet(memoryview(datagram), 0, len(datagram))

    def _wait_or_give_up(self, late: _Late, now_s: float) -> None:
        """Ask for missing packets again. Continue without them after LATE_S."""
        waits_for = late.receiver.waits_for
        if waits_for != late.number:
            late.number, late.since_s, late.asked_s = waits_for, now_s, now_s - REPEAT_S
        if waits_for < 0:
            return
        if now_s - late.since_s > LATE_S:
            late.number = -1
            late.receiver.give_up()
        elif now_s - late.asked_s >= REPEAT_S:
            late.asked_s = now_s
            self._feed.send(repeat_request(late.receiver.source, late.receiver.missing_before(MOST_REPEATED)))

    def _ask_for_keyframe(self, now_s: float) -> None:
        """Ask for a keyframe every KEYFRAME_S, and at once after a loss."""
        source, lost = self._late[0].receiver.source, self._tracks.missing
        if source < 0:
            return
        if lost != self._lost:
            self._lost, self._key_s = lost, -KEYFRAME_S
        if now_s - self._key_s >= KEYFRAME_S and now_s - self._asked_s >= AGAIN_S:
            self._asked_s = now_s
            self._feed.send(keyframe_request(source))

    def _report(self) -> None:
        """Send receiver reports, by which the phone sets its bit rate."""
        for number, late in enumerate(self._late):
            receiver, counts = late.receiver, late.receiver.counts
            if receiver.source < 0:
                continue
            packets, missing = counts.packets - late.packets, counts.missing - late.missing
            late.packets, late.missing = counts.packets, counts.missing
            share = min(255, 256 * missing // max(1, packets + missing))
            report = receiver_report(receiver.source, counts.missing, receiver.newest, share)
            limit = bit_rate_limit(receiver.source, MOST_BITS_S) if number == 0 else b""
            self._feed.send(report + limit)
