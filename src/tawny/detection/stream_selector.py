"""Which of a camera's streams is watched: the small one while it comes, else the large one."""

import logging
from collections.abc import Sequence

from tawny.model.clock import Clock
from tawny.model.packets import Packet
from tawny.stream.hub import Batch, Hub, HubReader

log = logging.getLogger(__name__)

SILENT_S = 10.0
"""A stream from which nothing came for so long is given up until something comes again."""


class StreamSelector:
    """hubs: the one to prefer first. Used by one thread."""

    def __init__(self, name: str, hubs: Sequence[Hub], clock: Clock) -> None:
        self._name, self._hubs, self._clock = name, hubs, clock
        self._numbers = [-1] * len(hubs)
        self._heard_s = [clock.mono_s() if hub is hubs[0] else float("-inf") for hub in hubs]
        self.current = 0
        self._reader: HubReader | None = None

    def take(self) -> Batch:
        """What came since the last call, from a keyframe on after a change of stream."""
        best = self._best()
        if best != self.current:
            log.warning("%s: now watches its stream %d, because it gives pictures", self._name, best + 1)
            self.close()
            self.current = best
        if self._reader is None:
            self._reader = self._hubs[self.current].reader()
        return self._reader.take()

    def since(self, number: int) -> list[Packet]:
        """Once more what is still in the ring from this packet on, from a keyframe on."""
        return self._hubs[self.current].since(number).packets

    def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _best(self) -> int:
        now_s = self._clock.mono_s()
        for i, hub in enumerate(self._hubs):
            newest = hub.newest
            if newest is not None and newest.number != self._numbers[i]:
                self._numbers[i], self._heard_s[i] = newest.number, now_s
            if now_s - self._heard_s[i] < SILENT_S:
                return i
        return self.current
