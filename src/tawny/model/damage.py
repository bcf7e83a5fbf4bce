"""Damage: recorded time with incomplete frames, because data was lost in transit.

It is not a gap: the frames exist, with artifacts. It begins with the first incomplete frame and ends at the next
complete keyframe, because the frames between depend on damaged ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span

DAMAGE_WORDS = "Video damaged"


@dataclass(frozen=True, slots=True)
class DamagedSpan:
    """One span of damage, always within one segment: segments begin with complete keyframes."""

    camera: CameraId
    stream: StreamName
    begin_ms: int
    end_ms: int
    units: int
    """Number of incomplete frames, without those that depend on them."""
    packets: int
    """Number of lost network packets; 0 if the source cannot count them."""

    @property
    def span(self) -> Span:
        return Span(self.begin_ms, self.end_ms)


def damage_detail(damage: "DamagedSpan | DamageSum") -> str:
    """Return the damage as text for users: `3 frames incomplete, 12 packets lost in transit`."""
    pictures = "1 frame" if damage.units == 1 else f"{damage.units} frames"
    packets = "1 packet" if damage.packets == 1 else f"{damage.packets} packets"
    return f"{pictures} incomplete" + (f", {packets} lost in transit" if damage.packets else "")


@dataclass(frozen=True, slots=True)
class DamageSum:
    """Sum of several spans."""

    spans: int = 0
    seconds: float = 0.0
    units: int = 0
    packets: int = 0


def damage_sum(found: Iterable[DamagedSpan]) -> DamageSum:
    """Sum up the damage of one or more streams. Seconds of each stream count separately."""
    whole = list(found)
    return DamageSum(
        len(whole),
        sum(one.span.seconds for one in whole),
        sum(one.units for one in whole),
        sum(one.packets for one in whole),
    )
