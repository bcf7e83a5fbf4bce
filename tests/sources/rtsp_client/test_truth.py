"""Whatever happens to a camera: each picture that it sent is kept as it was, or flagged, or its loss is explained.

What is kept and not flagged was sent exactly so. The sums over all faults are printed at the end (`-s` shows them).
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from tawny.media.rtp import RtpPacket
from tawny.model.errors import SourceClosed, SourceError
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_faults import Mutation, losing, own_times, random_bytes, random_payloads, shuffled, twice
from tawny.testing.rtsp_viewer import CameraSetup
from tests.sources.reading import Read, open_camera, read_all


@dataclass
class Sums:
    sent: int = 0
    same: int = 0
    different: int = 0
    flagged: int = 0
    touched: int = 0
    """Neither: a fault was on them, or on a neighbour."""
    after: int = 0
    """Sent, maybe, after we had left because of what it sent."""
    unexplained: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        mine, theirs = vars(self), vars(other)
        return Sums(**{name: mine[name] + theirs[name] for name in mine})


@pytest.fixture(scope="module")
def total() -> Iterator[list[Sums]]:
    sums: list[Sums] = []
    yield sums
    print(f"\ntruth over {len(sums)} faults: {sum(sums, Sums())}")


@dataclass(frozen=True)
class Case:
    name: str
    mutation: Mutation | None = None
    values: dict[str, object] = field(default_factory=dict)
    """Of the faults."""
    clip: ClipSpec = field(default_factory=ClipSpec)
    transport: str = "tcp"
    keeps_all: bool = False
    """Nothing is lost by it."""

    def __str__(self) -> str:
        return f"{self.name}-{self.clip.codec}-{self.transport}"


def burst(every: int = 40, count: int = 6) -> Mutation:
    """Several packets in a row are lost."""
    seen = 0

    def mutate(packets: list[RtpPacket]) -> list[RtpPacket]:
        nonlocal seen
        kept = []
        for packet in packets:
            seen += 1
            if seen % every >= count:
                kept.append(packet)
        return kept

    return mutate


def ends_lost(packets: list[RtpPacket]) -> list[RtpPacket]:
    """Of every fifth unit the marked packet is lost."""
    return [packet for packet in packets if not packet.is_marked or packet.time // 6000 % 5]


def starts_lost(packets: list[RtpPacket]) -> list[RtpPacket]:
    return packets[1:] if packets and packets[0].time // 6000 % 5 == 0 else packets


def stale(packets: list[RtpPacket]) -> list[RtpPacket]:
    """An old session's packets between."""
    return [one for packet in packets for one in (packet, replace(packet, ssrc=9, sequence=packet.sequence * 3))]


def now_and_then(mutation: Mutation, share: float = 0.2) -> Mutation:
    luck = random.Random(4)
    return lambda packets: mutation(packets) if luck.random() < share else packets


H264, H265 = ClipSpec(slices=3), ClipSpec("h265", slices=2)
CASES = [
    Case("nothing", clip=H265, keeps_all=True),
    Case("loss", losing(0.01), clip=H264),
    Case("loss", losing(0.05), clip=H265),
    Case("loss", losing(0.02), transport="udp"),
    Case("heavy-loss", losing(0.3), clip=H265),
    Case("bursts", burst(), clip=H264),
    Case("bursts", burst(), clip=H265, transport="udp"),
    Case("ends-lost", ends_lost, clip=H264),
    Case("starts-lost", starts_lost, clip=H265),
    Case("twice", twice, clip=H264, keeps_all=True),
    Case("twice", twice, clip=H265, transport="udp", keeps_all=True),
    Case("shuffled", shuffled(0.2), clip=H265, keeps_all=True),
    Case("shuffled", shuffled(0.2), clip=H264, transport="udp", keeps_all=True),
    Case("own-times", own_times(), clip=H264, keeps_all=True),
    Case("stale-session", stale, clip=H265, keeps_all=True),
    Case("random-payloads", now_and_then(random_payloads()), clip=H264),
    Case("random-payloads", now_and_then(random_payloads()), clip=H265),
    Case("random-packets", now_and_then(random_bytes(), 0.05), clip=H264),
    Case("rubbish", values={"between": b"\xfe\xfd" * 300}, clip=H265, keeps_all=True),
    Case("line-ends", values={"between": b"\r\n"}, keeps_all=True),
    Case("clock-back", values={"clock_step_s": -5.0}, keeps_all=True),
    Case("clock-ahead", values={"clock_step_s": 3600.0}, clip=H265, keeps_all=True),
    Case("reports-wrong", values={"sender_report_step_s": 3600.0}, clip=ClipSpec(sound="aac"), keeps_all=True),
    Case("cut-in-a-picture", values={"stop_in_unit": True}, clip=H264),
    Case("pause-in-a-packet", values={"pause_in_packet_s": 0.4}, keeps_all=True),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_picture_is_kept_flagged_or_explained(case: Case, total: list[Sums]) -> None:
    with RtspCamera(made_clip(case.clip), CameraSetup(speed=8, passes=3)) as camera:
        connection = open_camera(camera, transport=case.transport, client="own", stall=1.0)
        read = read_all(connection, until=_beginning(camera, case))
        viewer = camera.playing[0]
        sent = [unit for unit in viewer.sent if unit.is_video]
    sums = _compare(read, [(unit.data, unit.is_damaged) for unit in sent])
    total.append(sums)
    assert sums.different == 0
    assert sums.unexplained == 0
    assert isinstance(read.error, SourceError)
    if case.keeps_all:
        assert sums.same == sums.sent
        assert isinstance(read.error, SourceClosed)
    else:
        assert sums.same < sums.sent


def _beginning(camera: RtspCamera, case: Case) -> Callable[[Read], bool]:
    """The fault begins when ten pictures have come."""
    begun = False

    def begin(read: Read) -> bool:
        nonlocal begun
        if not begun and len(read.data()) >= 10:
            begun = True
            camera.faults.packets = case.mutation
            for name, value in case.values.items():
                assert hasattr(camera.faults, name)
                setattr(camera.faults, name, value)
        return False

    return begin


def _compare(read: Read, sent: list[tuple[bytes, bool]]) -> Sums:
    """sent: data, and whether a fault was on it. The same picture may be in it again, a pass later."""
    sums, fate = Sums(sent=len(sent)), [""] * len(sent)
    at = 0
    for packet in read.packets:
        if not packet.is_video:
            continue
        found = next((n for n in range(at, len(sent)) if sent[n][0] == packet.data), None)
        if found is None:
            sums.different += not packet.is_damaged
            continue
        fate[found] = "flagged" if packet.is_damaged else "same"
        at = found + 1
    sums.same, sums.flagged = fate.count("same"), fate.count("flagged")
    we_left = not isinstance(read.error, SourceClosed)
    for n, word in enumerate(fate):
        if word:
            continue
        if any(touched for _, touched in sent[max(0, n - 1) : n + 2]):
            sums.touched += 1
        elif we_left and not any(fate[n:]):
            sums.after += 1
        else:
            sums.unexplained += 1
    return sums
