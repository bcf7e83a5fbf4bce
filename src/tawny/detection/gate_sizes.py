"""Packet sizes as an additional waker: what changes between two keyframes costs the camera's encoder bits.

Never a reason to stay asleep: an encoder at a constant bit rate spends the same on noise. So the bar is made of what
calm groups of pictures cost, and rises when waking came to nothing.
"""

from tawny.model.packets import Packet

WINDOW_MS = 600
"""Sizes are averaged over so long: pictures between which the camera reorders differ much."""
KNOWN = 12
"""So many calm windows make a baseline."""
SLOWLY = 1 / 16
DEVIATIONS, MORE = 6.0, 0.5
"""A window wakes if it is above the baseline by so many mean deviations, and by this share of it."""
VAIN, MOST, FORGIVES = 1.5, 8.0, 0.99
"""Waking for nothing raises the bar by the first, to the second at most; every calm group lowers it by the third."""


class PacketSizeWaker:
    def __init__(self) -> None:
        self._mean = self._deviation = 0.0
        self._known = 0
        self._strict = 1.0
        self._begun_ms = 0
        self._window: list[int] = []
        self._windows: list[float] = []
        """Of this group of pictures."""

    def keyframe(self) -> None:
        """A new group of pictures begins."""
        self._window, self._windows = [], []

    def add(self, packet: Packet) -> bool:
        """Whether a packet that is no keyframe asks to wake."""
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
        """This group of pictures held nothing: so much do such cost. Ask before `keyframe`."""
        for size in self._windows:
            share = max(SLOWLY, 1 / (self._known + 1))
            self._deviation += (abs(size - self._mean) - self._deviation) * share if self._known else 0.0
            self._mean += (size - self._mean) * share
            self._known += 1
        self._strict = max(1.0, self._strict * FORGIVES)

    def woke_for_nothing(self) -> None:
        self._strict = min(MOST, self._strict * VAIN)
