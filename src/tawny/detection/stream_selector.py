"""Selects the stream for detection: the preferred one (sub stream) while it delivers packets, else the next."""

import logging
from collections.abc import Sequence

from tawny.model.clock import Clock
from tawny.model.packets import Packet
from tawny.stream.hub import Batch, Hub, HubReader

log = logging.getLogger(__name__)

SILENT_S = 10.0
"""A stream without packets for this time, s, is skipped until it delivers again."""


class StreamSelector:
    """hubs: in order of preference. Call from one thread."""

    def __init__(self, name: str, hubs: Sequence[Hub], clock: Clock) -> None:
        self._name, self._hubs, self._clock = name, hubs, clock
        self._numbers = [-1] * len(hubs)
        self._heard_s = [clock.mono_s() if hub is hubs[0] else float("-inf") for hub in hubs]
        self.current = 0
        self._reader: HubReader | None = None

    def take(self) -> Batch:
        """Return the packets since the last call. After a change of stream they begin at a keyframe."""
        best = self._best()
        if best != self.current:
            log.warning("%s: detection switched to stream %d, which delivers video", self._name, best + 1)
            self.close()
            self.current = best
        if self._reader is None:
            self._reader = self._hubs[self.current].reader()
        return self._reader.take()

    def since(self, number: int) -> list[Packet]:
        """Return the packets in the ring buffer from this number on, beginning at a keyframe."""
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
