"""Setup of a test camera, and its records of each viewer as the reference for tests."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tawny.protocols.rtp import RtpPacket

# Faults of a test camera; set on a running `RtspCamera` from any thread at any time.

Mutation = Callable[[list[RtpPacket]], Sequence[RtpPacket | bytes]]
"""Changes the packets of one unit; bytes are sent unchanged in place of a packet."""


@dataclass(slots=True)
class CameraFaults:
    """All off by default. Media faults apply to every viewer from the next unit on."""

    stall: bool = False
    """Send no media; requests are still answered."""
    silent: frozenset[str] = frozenset()
    """Methods without a response; `*` for all."""
    answers: dict[str, bytes] = field(default_factory=dict)
    """Raw responses by method, or method and track (`SETUP track1`); `{cseq}` is replaced."""
    answers_left: int = -1
    """Number of uses before normal responses resume; negative: unlimited."""
    byte_pause_s: float = 0.0
    """Send every response byte by byte with this interval, s."""
    sdp: bytes | None = None
    """SDP to send instead of the clip's."""
    packets: Mutation | None = None
    """Changes the packets of a unit, on every track."""
    units: Callable[[bytes], bytes] | None = None
    """Changes a frame before packetization, as if the camera had encoded it so."""
    between: bytes = b""
    """Garbage after every unit (over TCP)."""
    wrong_lengths: float = 0.0
    """Share of packets with a wrong length in their frame (over TCP)."""
    trickle_bytes: int = 0
    """Send in pieces of this size (over TCP)."""
    jitter_s: float = 0.0
    """Maximum delay of units, s."""
    bye: bool = False
    """Once: send RTCP BYE and no more media."""
    pause_in_packet_s: float = 0.0
    """Once: pause for this time, s, in the middle of a packet."""
    stop_in_unit: bool = False
    """Once: send only the first half of a frame's packets, then nothing."""
    no_keyframes: bool = False
    """Omit keyframes."""
    clock_step_s: float = 0.0
    """Added to all timestamps from the next unit on, s."""
    sender_report_step_s: float = 0.0
    """Error of the wall clock in sender reports, s."""


def losing(share: float, seed: int = 1) -> Mutation:
    chance = random.Random(seed)
    return lambda packets: [packet for packet in packets if chance.random() >= share]


def twice(packets: list[RtpPacket]) -> list[RtpPacket]:
    """Send every packet twice."""
    return [packet for packet in packets for _ in range(2)]


def shuffled(share: float, seed: int = 1) -> Mutation:
    """Swap some packets with the next."""
    chance = random.Random(seed)

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        packets = list(packets)
        for at in range(len(packets) - 1):
            if chance.random() < share:
                packets[at], packets[at + 1] = packets[at + 1], packets[at]
        return packets

    return mutate


def random_payloads(seed: int = 1) -> Mutation:
    """Replace payloads by random bytes in valid RTP."""
    chance = random.Random(seed)
    return lambda packets: [replace(packet, payload=chance.randbytes(len(packet.payload))) for packet in packets]


def random_bytes(seed: int = 1) -> Mutation:
    """Replace packets by random bytes."""
    chance = random.Random(seed)
    return lambda packets: [chance.randbytes(len(packet.payload) + 12) for packet in packets]


def endless(seed: int = 1) -> Mutation:
    """Repeat fragments of a frame, to ten times its size."""
    chance = random.Random(seed)

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        middle = [packet for packet in packets if len(packet.payload) > 1000][1:2]
        return [replace(p, payload=p.payload[:2] + chance.randbytes(1000), time=0) for p in middle for _ in range(150)]

    return mutate


def own_times(before: int = 3000) -> Mutation:
    """Give H.264 parameter sets and SEI an earlier timestamp than their frame."""

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        early = {6, 7, 8}
        return [replace(p, time=p.time - before) if p.payload[0] & 31 in early else p for p in packets]

    return mutate


def answer(status: str, *headers: str, body: str = "") -> bytes:
    """Return a raw response for `CameraFaults.answers`: `answer("404 Not Found")`."""
    lines = [f"RTSP/1.0 {status}", "CSeq: {cseq}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass(slots=True)
class CameraSetup:
    """Properties of the camera; may be changed while it runs. login: `` (none), `basic`, `md5` or `sha-256`."""

    user: str = "viewer"
    password: str = ""
    login: str = ""
    speed: float = 1.0
    """Factor by which units are sent faster than real time."""
    sets_in_band: bool = True
    """Send parameter sets before every keyframe."""
    sets_in_sdp: bool = True
    aggregate: bool = False
    """Combine small NAL units of a frame in one packet."""
    sender_reports: bool = True
    passes: int | None = None
    """Number of times the clip is played before the camera closes the connection; None: endless."""
    udp_refused: bool = False
    timeout_s: int = 60
    """Session timeout without requests, s."""
    speaker: str = ""
    """`pcmu` or `pcma`: the camera has a speaker and offers the ONVIF backchannel."""
    time_base: int | None = None
    """RTP timestamp of the first unit; None for a random one."""


@dataclass(frozen=True, slots=True)
class SentUnit:
    """A sent unit. is_damaged: a fault was applied."""

    is_video: bool
    data: bytes
    """The data as in a `Packet`."""
    pts: int
    is_keyframe: bool
    is_damaged: bool = False


@dataclass(slots=True)
class FakeRtspViewer:
    """Requests of a viewer and the media sent to it. ended: reason of the end, empty while active."""

    requests: list[str] = field(default_factory=list)
    """Methods, in order."""
    transport: str = ""
    ports: tuple[int, ...] = ()
    """UDP ports that it receives at, one a track."""
    sent: list[SentUnit] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    """Backchannel audio, as received."""
    is_playing: bool = False
    """Whether PLAY was ever answered."""
    ended: str = ""
