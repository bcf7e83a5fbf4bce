"""Decode gate: decides whether a camera needs full decoding or only keyframes ("asleep").

Decodes nothing itself. The gate sleeps only while keyframes come often and no object is tracked. A keyframe with
changes, larger packets than usual, an audit or a missing keyframe wakes it.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from tawny.model.ids import RunId
from tawny.model.observations import Look
from tawny.model.packets import Packet, VideoFormat

# Audit of the decode gate: while asleep, random groups of pictures are fully decoded.

MISSES = 2
"""Number of misses after which the gate is no longer trusted."""
SUSPECTED = 4
"""Factor by which audits become more frequent after the first miss."""
EDGE_MS = 500
"""Objects that appeared less than this before the keyframe are no misses: the next keyframe would have shown them."""


class GateAudit:
    """one_in: one of this many groups of pictures is audited."""

    def __init__(self, one_in: int, chance: random.Random) -> None:
        self._one_in, self._chance = one_in, chance
        self.audits = self.misses = 0
        self._until_ms: int | None = None
        """Objects that began before this were missed; None outside an audit."""

    @property
    def failed(self) -> bool:
        return self.misses >= MISSES

    def is_due(self) -> bool:
        """Return whether to audit. Call at the end of every group of pictures that was slept through."""
        one_in = max(1, self._one_in // SUSPECTED) if self.misses else self._one_in
        return self._chance.random() * one_in < 1

    def begin(self, end_ms: int) -> None:
        """Begin an audit of the group that ends at this time."""
        self.audits += 1
        self._until_ms = end_ms - EDGE_MS

    def look(self, at_ms: int, look: Look) -> None:
        """Register the result of a processed frame. Call for every frame while awake."""
        if self._until_ms is not None and any(
            (at_ms if thing.since_ms is None else thing.since_ms) < self._until_ms for thing in look.seen
        ):
            self.misses += 1
            self._until_ms = None

    def over(self) -> None:
        """End the audit: the gate sleeps again."""
        self._until_ms = None


# Packet sizes as an additional wake-up signal: motion between two keyframes costs the encoder bits.

WINDOW_MS = 600
"""Averaging window for packet sizes, ms. Reordered frames differ much in size."""
KNOWN = 12
"""Minimum number of calm windows for a baseline."""
SLOWLY = 1 / 16
DEVIATIONS, MORE = 6.0, 0.5
"""A window wakes if it exceeds the baseline by the larger of DEVIATIONS mean deviations and the share MORE of the
baseline."""
VAIN, MOST, FORGIVES = 1.5, 8.0, 0.99
"""A false wake-up multiplies the threshold by VAIN, up to MOST times; each calm group multiplies it by FORGIVES."""


class PacketSizeWaker:
    def __init__(self) -> None:
        self._mean = self._deviation = 0.0
        self._known = 0
        self._strict = 1.0
        self._begun_ms = 0
        self._window: list[int] = []
        self._windows: list[float] = []
        """Mean packet sizes in this group of pictures, bytes."""

    def keyframe(self) -> None:
        """Begin a new group of pictures."""
        self._window, self._windows = [], []

    def add(self, packet: Packet) -> bool:
        """Register a packet that is no keyframe. Return whether its size wakes the gate."""
        if not self._window:
            self._begun_ms = packet.at_ms
        self._window.append(len(packet.data))
        if packet.at_ms - self._begun_ms < WINDOW_MS:
            return False
        size = sum(self._window) / len(self._window)
        self._window = []
        self._windows.append(size)
        most = self._mean + max(DEVIATIONS * self._deviation, MORE * self._mean) * self._strict
        return self._known >= KNOWN and size > most

    def was_calm(self) -> None:
        """Learn the sizes of this group of pictures, which contained no motion. Call before `keyframe`."""
        for size in self._windows:
            share = max(SLOWLY, 1 / (self._known + 1))
            self._deviation += (abs(size - self._mean) - self._deviation) * share if self._known else 0.0
            self._mean += (size - self._mean) * share
            self._known += 1
        self._strict = max(1.0, self._strict * FORGIVES)

    def woke_for_nothing(self) -> None:
        self._strict = min(MOST, self._strict * VAIN)


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
