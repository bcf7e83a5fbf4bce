"""When must anything be decoded? Asleep, only keyframes; a glance at each with what the detector knows of the place.

The gate decides, and decodes nothing itself. Asleep only where keyframes come often, and only while nothing at all is
being followed. Woken by what a keyframe shows, by packets larger than calm ones, by an audit, or by a missing keyframe.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from tawny.detection.gate_audit import GateAudit
from tawny.detection.gate_sizes import PacketSizeWaker
from tawny.model.ids import RunId
from tawny.model.packets import Packet, VideoFormat


class GateMode(StrEnum):
    """How much work watching may save."""

    THOROUGH = "thorough"
    BALANCED = "balanced"
    FRUGAL = "frugal"


@dataclass(frozen=True, slots=True)
class GateLimits:
    """longest_gap_s: between two keyframes that are looked at: with longer gaps everything is decoded, with shorter
    ones not every keyframe. one_in: of so many looks asleep, one is an audit."""

    longest_gap_s: float
    one_in: int


TERMS = {GateMode.BALANCED: GateLimits(2.5, 40), GateMode.FRUGAL: GateLimits(5.0, 120)}
"""In the ring there must be room for the longest gap."""
GAPS = 4
"""The longest of so many is the camera's keyframe gap."""
LATE_MS = 700
"""A keyframe that is later by more than this has wakened."""
LARGE_PIXELS = 500_000
"""Decoding pictures smaller than this whole costs so little that nobody need do anything about it."""

MISSED = (
    "tawny decodes every frame now, because checking only keyframes missed motion twice. Nothing is missed "
    "any more, but it uses more CPU."
)
FAR_APART = (
    "tawny decodes every frame, because this camera's keyframes are {gap:.0f} s apart. To save CPU, set its "
    "keyframe (I-frame) interval to 2 s, or set its sub stream as `sub`."
)


@dataclass
class DecodeGate:
    """One camera's. chance: what chooses groups of pictures for the audit."""

    mode: GateMode
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._terms = TERMS.get(self.mode)
        self.audit = GateAudit(self._terms.one_in if self._terms else 1, self.chance)
        self._sizes = PacketSizeWaker()
        self._gaps_ms: deque[int] = deque(maxlen=GAPS)
        self._key_ms: int | None = None
        self._run: RunId | None = None
        self._pixels = 0

    @property
    def may_sleep(self) -> bool:
        gap_s = self.gap_s
        return (
            self._terms is not None
            and not self.audit.failed
            and gap_s is not None
            and gap_s <= self._terms.longest_gap_s
        )

    @property
    def gap_s(self) -> float | None:
        """Between the camera's keyframes; None while too few came."""
        return max(self._gaps_ms) / 1000 if len(self._gaps_ms) > 1 else None

    @property
    def trouble(self) -> str:
        """Why it never sleeps, and what to do, where the camera is to blame; empty where it is not."""
        if self._terms is None:
            return ""
        if self.audit.failed:
            return MISSED
        if len(self._gaps_ms) < 2 or self._pixels <= LARGE_PIXELS:
            return ""
        usual_s = (
            sorted(self._gaps_ms)[(len(self._gaps_ms) - 1) // 2] / 1000
        )  # one lost keyframe is not the camera's way
        return FAR_APART.format(gap=usual_s) if usual_s > self._terms.longest_gap_s else ""

    def is_new_run(self, packet: Packet) -> bool:
        return self._run is not None and packet.run != self._run

    def pass_by(self, packet: Packet) -> bool:
        """Take notice of every video packet. Whether it wakes, if asleep."""
        if self.is_new_run(packet):
            self._key_ms = None
        self._run = packet.run
        if packet.is_keyframe:
            self._keyframe(packet)
            return False
        longest_s = self._terms.longest_gap_s if self._terms else 0.0
        is_late = self._key_ms is None or packet.at_ms - self._key_ms > longest_s * 1000 + LATE_MS
        return self._sizes.add(packet) or is_late

    def passes(self, slept: Packet, keyframe: Packet) -> bool:
        """Asleep since the first of these: whether the other need not be looked at, as the next one comes soon."""
        gap_s = self.gap_s
        if self._terms is None or gap_s is None or not self.may_sleep:
            return False
        return (keyframe.at_ms - slept.at_ms) / 1000 + gap_s <= self._terms.longest_gap_s

    def group_over(self, *, calm: bool) -> None:
        """At each keyframe that is looked at: whether what was before it was slept through, and rightly."""
        if calm:
            self._sizes.was_calm()
        self._sizes.keyframe()

    def woke_for_nothing(self) -> None:
        """Sizes woke, and there was nothing."""
        self._sizes.woke_for_nothing()

    def _keyframe(self, packet: Packet) -> None:
        if self._key_ms is not None and packet.at_ms > self._key_ms:
            self._gaps_ms.append(packet.at_ms - self._key_ms)
        self._key_ms = packet.at_ms
        assert isinstance(packet.format, VideoFormat)
        self._pixels = packet.format.width * packet.format.height
