"""JPEG snapshots of each stream's newest keyframe: decoded on request, shared by callers, cached briefly.

Blocking: run it in a thread. Decodes one keyframe at a time.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from tawny.media.codec.keyframe import keyframe_jpeg
from tawny.stream.hub import Hub

MOST_KEPT = 32
WIDTH_STEP = 16
LEAST_WIDTH, MOST_WIDTH = 64, 3840


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A JPEG image. number: packet number, increasing over time."""

    jpeg: bytes
    at_ms: int
    number: int


class Snapshots:
    """Snapshot cache for all streams. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int, int, int], Snapshot] = OrderedDict()

    def newest(self, hub: Hub, width: int) -> Snapshot | None:
        """Return the newest keyframe as JPEG, at most about `width` px wide. None if no keyframe can be decoded."""
        keyframe = next(iter(hub.recent(0.0)), None)
        if keyframe is None:
            return None
        key = (id(hub), keyframe.at_ms, rounded_width(width), hash(hub.private))
        with self._lock:
            if key not in self._kept:
                made = keyframe_jpeg(keyframe, key[2], hub.private)
                if made is None:
                    return None
                for old in [other for other in self._kept if other[0] == key[0] and other[1] != key[1]]:
                    del self._kept[old]
                self._kept[key] = Snapshot(made, keyframe.at_ms, keyframe.number)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


def rounded_width(width: int) -> int:
    """Round up to a multiple of WIDTH_STEP, so that similar requests share a snapshot."""
    return min(MOST_WIDTH, max(LEAST_WIDTH, -(-width // WIDTH_STEP) * WIDTH_STEP))
