"""What can be wrong with a camera, as data: set on a running `RtspCamera` from any thread, at any moment."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tawny.protocols.rtp.packetizer import RtpPacket

Mutation = Callable[[list[RtpPacket]], Sequence[RtpPacket | bytes]]
"""What becomes of one unit's packets; bytes go out as they are, in a packet's place."""


@dataclass(slots=True)
class CameraFaults:
    """All off at first. Media faults count for every viewer, from the next unit on."""

    stall: bool = False
    """Nothing is sent; requests are still answered."""
    silent: frozenset[str] = frozenset()
    """Methods that get no answer; `*` for all."""
    answers: dict[str, bytes] = field(default_factory=dict)
    """Raw answers instead of ours, by method, or method and track (`SETUP track1`); `{cseq}` is replaced."""
    answers_left: int = -1
    """How often they are given before ours come again; negative: for ever."""
    byte_pause_s: float = 0.0
    """Every answer comes byte by byte, so far apart."""
    sdp: bytes | None = None
    """A description instead of ours."""
    packets: Mutation | None = None
    """What becomes of a unit's packets, of every track."""
    units: Callable[[bytes], bytes] | None = None
    """What becomes of a picture before it is cut into packets: the camera itself does this, and sends it whole."""
    between: bytes = b""
    """Rubbish after every unit (over TCP)."""
    wrong_lengths: float = 0.0
    """The share of packets whose frame says another length than theirs (over TCP)."""
    trickle_bytes: int = 0
    """What is sent comes in pieces of so many bytes (over TCP)."""
    jitter_s: float = 0.0
    """Units are late by up to so much."""
    bye: bool = False
    """Once, the camera says goodbye, and sends nothing more."""
    pause_in_packet_s: float = 0.0
    """Once, in the middle of a packet, the camera pauses so long."""
    stop_in_unit: bool = False
    """Once, only the first half of a picture's packets is sent, and then nothing."""
    no_keyframes: bool = False
    """Pictures that begin a GOP are left out."""
    clock_step_s: float = 0.0
    """Added to all times from the next unit on."""
    sender_report_step_s: float = 0.0
    """By how much the camera's wall clock is wrong in its sender reports."""


def losing(share: float, seed: int = 1) -> Mutation:
    chance = random.Random(seed)
    return lambda packets: [packet for packet in packets if chance.random() >= share]


def twice(packets: list[RtpPacket]) -> list[RtpPacket]:
    """Every packet is sent again at once."""
    return [packet for packet in packets for _ in range(2)]


def shuffled(share: float, seed: int = 1) -> Mutation:
    """Some packets change places with the next."""
    chance = random.Random(seed)

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        packets = list(packets)
        for at in range(len(packets) - 1):
            if chance.random() < share:
                packets[at], packets[at + 1] = packets[at + 1], packets[at]
        return packets

    return mutate


def random_payloads(seed: int = 1) -> Mutation:
    """Proper RTP around anything."""
    chance = random.Random(seed)
    return lambda packets: [replace(packet, payload=chance.randbytes(len(packet.payload))) for packet in packets]


def random_bytes(seed: int = 1) -> Mutation:
    """Not even RTP."""
    chance = random.Random(seed)
    return lambda packets: [chance.randbytes(len(packet.payload) + 12) for packet in packets]


def endless(seed: int = 1) -> Mutation:
    """Fragments of a picture that goes on and on, ten times as many bytes as there should be."""
    chance = random.Random(seed)

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        middle = [packet for packet in packets if len(packet.payload) > 1000][1:2]
        return [replace(p, payload=p.payload[:2] + chance.randbytes(1000), time=0) for p in middle for _ in range(150)]

    return mutate


def own_times(before: int = 3000) -> Mutation:
    """Parameter sets and SEI of H.264 have an earlier time than their picture."""

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        early = {6, 7, 8}
        return [replace(p, time=p.time - before) if p.payload[0] & 31 in early else p for p in packets]

    return mutate


def answer(status: str, *headers: str, body: str = "") -> bytes:
    """A raw answer for `CameraFaults.answers`: `answer("404 Not Found")`."""
    lines = [f"RTSP/1.0 {status}", "CSeq: {cseq}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
