"""From access units to packets: which are keyframes that can be decoded, and what is needed to decode them."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from tawny.media.codec.nal import is_keyframe, join_lengths, parameter_sets
from tawny.media.codec.parameter_sets import same_picture, video_format
from tawny.media.codec.slice_header import is_slice, pps_ids, slice_pps_id
from tawny.model.packets import SourcePacket, VideoCodec, VideoFormat

_MOST_LOOSE = 16
_SHORT_BYTES = 4


class UnitInspection(NamedTuple):
    """What a unit is decoded with, and whether decoding can begin with it."""

    format: VideoFormat
    is_keyframe: bool


class PacketBuilder:
    """One video stream. Parameter sets come from `announced` until the stream sends its own; the stream's win."""

    def __init__(self, codec: VideoCodec, announced: Iterable[bytes] = ()) -> None:
        self._codec = codec
        self._sets: tuple[bytes, ...] = ()
        self._newest: VideoFormat | None = None
        """What a keyframe that came now would be decoded with; None while there is nothing valid."""
        self._given: VideoFormat | None = None
        self._pps_ids: frozenset[int] = frozenset()
        self.senseless = 0
        """Units left out because they cannot be pictures of this stream."""
        self._learn(parameter_sets(codec, announced))

    @property
    def format(self) -> VideoFormat | None:
        """Of the packets given out last."""
        return self._given

    @property
    def is_ready(self) -> bool:
        """Whether a keyframe that came now could be decoded."""
        return self._newest is not None

    def packet(self, nals: Sequence[bytes], pts: int, *, is_whole: bool = True) -> SourcePacket | None:
        """The unit as a packet, same NAL units in the same order.

        None before the first keyframe that can be decoded, and for what is no picture. is_whole: False for a unit whose
        beginning is missing; it is no keyframe then.
        """
        first_slice = next((nal for nal in nals if is_slice(self._codec, nal)), b"")
        is_key = is_whole and is_keyframe(self._codec, nals)
        look = self.look(parameter_sets(self._codec, nals), first_slice, is_key=is_key)
        return SourcePacket(look.format, join_lengths(nals), pts, look.is_keyframe) if look else None

    def look(self, sets: tuple[bytes, ...], first_slice: bytes, *, is_key: bool) -> UnitInspection | None:
        """What a unit is of which only this much is looked at: its parameter sets, and how its first slice begins.

        is_key: it is whole, and a picture that decoding could begin with.
        """
        if sets:
            self._learn(sets)
        if not self._makes_sense(first_slice):
            self.senseless += 1
            return None
        begins = is_key and self._newest is not None
        if begins:
            self._given = self._format_from(sets)
        return UnitInspection(self._given, begins) if self._given is not None else None

    def _learn(self, sets: tuple[bytes, ...]) -> None:
        for tried in (sets, (*self._sets, *sets)):  # a complete set stands for itself: nothing old is kept
            try:
                self._newest = video_format(self._codec, tried)
            except ValueError:
                continue
            self._sets = self._newest.parameter_sets
            self._pps_ids |= pps_ids(self._newest)  # older ones stay: not every set need come again with the others
            return
        if self._given is None and self._newest is None:
            self._sets = (*self._sets, *sets)[-_MOST_LOOSE:]  # the rest may come in another unit
        self._newest = None

    def _makes_sense(self, first_slice: bytes) -> bool:
        """Whether the slice names a PPS that there is; bytes that are no picture mostly do not."""
        if self._newest is None:
            return True  # nothing is known that could be named
        try:
            return bool(first_slice) and _pps_id(self._codec, first_slice) in self._pps_ids
        except ValueError:
            return False

    def _format_from(self, sets: tuple[bytes, ...]) -> VideoFormat | None:
        """The format of a keyframe that carries `sets`: the old one as long as one file may hold both."""
        old, new = self._given, self._newest
        if old is None or new is None or old == new:
            return old if old == new else new
        changed = set(new.parameter_sets) - set(old.parameter_sets)
        return old if changed <= set(sets) and same_picture(old, new) else new


def _pps_id(codec: VideoCodec, first_slice: bytes) -> int:
    """Mostly within the first bytes, which are the same again and again."""
    try:
        return _short_pps_id(codec, bytes(first_slice[:_SHORT_BYTES]))
    except ValueError:
        return slice_pps_id(codec, first_slice)


@lru_cache(maxsize=1024)
def _short_pps_id(codec: VideoCodec, begins: bytes) -> int:
    return slice_pps_id(codec, begins)
