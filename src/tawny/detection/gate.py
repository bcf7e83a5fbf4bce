"""Decode gate: decides whether a camera needs full decoding or only keyframes ("asleep").

Decodes nothing itself. The gate sleeps only while keyframes come often and no object is tracked. A keyframe with
changes, larger packets than usual, an audit or a missing keyframe wakes it.
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
    """Detection effort: how much decoding the gate may save."""

    THOROUGH = "thorough"
    BALANCED = "balanced"
    FRUGAL = "frugal"


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Limits of a gate mode.

    longest_gap_s: maximum time between two processed keyframes, s. With a longer keyframe interval every frame is
    decoded, with a shorter one some keyframes are skipped. one_in: one of this many groups of pictures is audited while
    asleep.
    """

    longest_gap_s: float
    one_in: int


TERMS = {GateMode.BALANCED: GateLimits(2.5, 40), GateMode.FRUGAL: GateLimits(5.0, 120)}
"""Limits by mode. Invariant: the ring buffer holds the longest gap."""
GAPS = 4
"""Number of recent keyframe intervals; the longest is the camera's keyframe gap."""
LATE_MS = 700
"""A keyframe that is later than the longest gap by more than this wakes the gate."""
LARGE_PIXELS = 500_000
"""Streams up to this size (px) are cheap to decode; no problem is reported for them."""

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
    """The decode gate of one camera. chance: selects the groups of pictures to audit."""

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
        """Longest recent keyframe interval, s; None until two were measured."""
        return max(self._gaps_ms) / 1000 if len(self._gaps_ms) > 1 else None

    @property
    def trouble(self) -> str:
        """Why the gate never sleeps and the remedy, for users; empty if there is no problem."""
        if self._terms is None:
            return ""
        if self.audit.failed:
            return MISSED
        if len(self._gaps_ms) < 2 or self._pixels <= LARGE_PIXELS:
            return ""
        usual_s = (
            sorted(self._gaps_ms)[(len(self._gaps_ms) - 1) // 2] / 1000
        )  # the median ignores a single lost keyframe
        return FAR_APART.format(gap=usual_s) if usual_s > self._terms.longest_gap_s else ""

    def is_new_run(self, packet: Packet) -> bool:
        return self._run is not None and packet.run != self._run

    def pass_by(self, packet: Packet) -> bool:
        """Register a video packet. Return whether it wakes a sleeping gate."""
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
        """Return whether a sleeping gate may skip this keyframe because the next one comes in time.

        slept: the last processed keyframe.
        """
        gap_s = self.gap_s
        if self._terms is None or gap_s is None or not self.may_sleep:
            return False
        return (keyframe.at_ms - slept.at_ms) / 1000 + gap_s <= self._terms.longest_gap_s

    def group_over(self, *, calm: bool) -> None:
        """Register a processed keyframe. calm: the group before it was slept through and contained no motion."""
        if calm:
            self._sizes.was_calm()
        self._sizes.keyframe()

    def woke_for_nothing(self) -> None:
        """Raise the size threshold after packet sizes woke the gate without motion."""
        self._sizes.woke_for_nothing()

    def _keyframe(self, packet: Packet) -> None:
        if self._key_ms is not None and packet.at_ms > self._key_ms:
            self._gaps_ms.append(packet.at_ms - self._key_ms)
        self._key_ms = packet.at_ms
        assert isinstance(packet.format, VideoFormat)
        self._pixels = packet.format.width * packet.format.height
