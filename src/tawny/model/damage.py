"""Damage: recorded time whose pictures are not whole, because parts of them were lost on the way.

It is no gap: the pictures are there, with smears. It begins with the first picture of which something is missing and
lasts until the next whole picture that decoding can begin with, for until then each is built on damaged ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span

DAMAGE_WORDS = "Video damaged"


@dataclass(frozen=True, slots=True)
class DamagedSpan:
    """One stretch of it. Always within one segment: segments begin with whole keyframes."""

    camera: CameraId
    stream: StreamName
    begin_ms: int
    end_ms: int
    units: int
    """Pictures of which something is missing; those built on them not counted."""
    packets: int
    """Of the network's, that never came; 0 where the source cannot tell."""

    @property
    def span(self) -> Span:
        return Span(self.begin_ms, self.end_ms)


def damage_detail(damage: "DamagedSpan | DamageSum") -> str:
    """For people: `3 pictures not whole, 12 packets lost on the way`."""
    pictures = "1 frame" if damage.units == 1 else f"{damage.units} frames"
    packets = "1 packet" if damage.packets == 1 else f"{damage.packets} packets"
    return f"{pictures} incomplete" + (f", {packets} lost in transit" if damage.packets else "")


@dataclass(frozen=True, slots=True)
class DamageSum:
    """What some stretches come to."""

    spans: int = 0
    seconds: float = 0.0
    units: int = 0
    packets: int = 0


def damage_sum(found: Iterable[DamagedSpan]) -> DamageSum:
    """Of one stream, or of many: seconds of several streams count each."""
    whole = list(found)
    return DamageSum(
        len(whole),
        sum(one.span.seconds for one in whole),
        sum(one.units for one in whole),
        sum(one.packets for one in whole),
    )
