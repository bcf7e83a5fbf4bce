"""The newest picture of each stream as JPEG: decoded when somebody asks, once for all who ask, and not kept for long.

Keyframes only. Blocking; run it in a thread. One picture is decoded at a time.
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
    """number: of the keyframe, greater for a newer one."""

    jpeg: bytes
    at_ms: int
    number: int


class Snapshots:
    """For all streams. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int, int, int], Snapshot] = OrderedDict()

    def newest(self, hub: Hub, width: int) -> Snapshot | None:
        """The stream's newest keyframe, no wider than about `width`; None while there is none that can be decoded."""
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
    """In steps, so that almost equal wishes share a picture."""
    return min(MOST_WIDTH, max(LEAST_WIDTH, -(-width // WIDTH_STEP) * WIDTH_STEP))
