"""Packet sizes as an additional wake-up signal: motion between two keyframes costs the encoder bits.

Never a reason to stay asleep: an encoder at a constant bit rate spends the same on noise. The threshold comes from the
packet sizes of calm groups of pictures and rises after each false wake-up.
"""

from tawny.model.packets import Packet

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
