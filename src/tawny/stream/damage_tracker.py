"""Damage tracker: detects damaged frames and gaps without a complete frame in a stream that keeps sending.

Receives every frame of a stream in order, on the thread that reads the source.
"""

from collections.abc import Callable
from dataclasses import replace

from tawny.model.damage import DamagedSpan
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import DamageFound, HoleFound, Message

HOLE_MS = 1000
"""Minimum time without a complete frame, although the camera sent data, that counts as not recorded."""
_HOLE_STEPS = 3
"""The same as a multiple of the usual interval: some cameras send a frame only every few seconds."""
_SOON_MS, _AGAIN_MS = 1000, 10_000
"""Lasting damage is reported after the first interval and repeated at the second; otherwise at its end."""


class Damages:
    """Detects damage and gaps. tell: receives the messages."""

    def __init__(self, camera: CameraId, stream: StreamName, tell: Callable[[Message], None]) -> None:
        self._camera, self._stream, self._tell = camera, stream, tell
        self._newest_ms: int | None = None
        self._whole_ms = 0  # newest complete frame
        self._came = False  # since then, data arrived that gave no complete frame
        self._usual_ms = 0.0
        self._missing = 0  # missing packets not yet counted as damage
        self._open: DamagedSpan | None = None
        self._tell_ms = 0

    def picture(self, at_ms: int, *, is_keyframe: bool, is_damaged: bool, missing: int, after_waste: bool) -> None:
        """Process the next frame. missing, after_waste: as in `SourcePacket`."""
        newest_ms = at_ms if self._newest_ms is None else self._newest_ms
        step_ms = at_ms - newest_ms
        self._missing += missing
        usual_ms = round(self._usual_ms)
        longest_ms = max(HOLE_MS, _HOLE_STEPS * usual_ms)
        if 0 < step_ms <= longest_ms or not usual_ms:
            self._usual_ms += (step_ms - self._usual_ms) / (8 if usual_ms else 1)
        self._came = self._came or is_damaged or after_waste or missing > 0
        if not is_damaged:
            if usual_ms and self._came and at_ms - self._whole_ms > longest_ms:
                self._hole(self._whole_ms + usual_ms, at_ms)
            self._whole_ms, self._came = max(self._whole_ms, at_ms), False
        if self._open is not None:
            self._go_on(self._open, at_ms, is_over=is_keyframe and not is_damaged, is_damaged=is_damaged)
        elif is_damaged:
            # lost frames preceded this one
            begin_ms = min(at_ms, newest_ms + usual_ms) if self._missing and self._newest_ms is not None else at_ms
            self._open = DamagedSpan(self._camera, self._stream, begin_ms, at_ms + max(1, usual_ms), 1, self._missing)
            self._missing, self._tell_ms = 0, begin_ms + _SOON_MS
        self._newest_ms = max(newest_ms, at_ms)

    def end(self) -> None:
        """End the run and any open damage."""
        if self._open is not None:
            end_ms = max(self._open.begin_ms + 1, self._newest_ms or 0)
            self._tell(DamageFound(replace(self._open, end_ms=end_ms)))
        self._open, self._newest_ms, self._usual_ms, self._missing = None, None, 0.0, 0
        self._whole_ms, self._came = 0, False

    def _hole(self, begin_ms: int, end_ms: int) -> None:
        missing = self._missing + (self._open.packets if self._open is not None else 0)
        self._tell(HoleFound(self._camera, self._stream, begin_ms, end_ms, missing))

    def _go_on(self, damage: DamagedSpan, at_ms: int, *, is_over: bool, is_damaged: bool) -> None:
        end_ms = max(damage.begin_ms + 1, at_ms) if is_over else max(damage.end_ms, at_ms + round(self._usual_ms))
        damage = replace(damage, end_ms=end_ms, units=damage.units + is_damaged, packets=damage.packets + self._missing)
        self._missing = 0
        self._open = None if is_over else damage
        if is_over or at_ms >= self._tell_ms:
            self._tell_ms = at_ms + _AGAIN_MS
            self._tell(DamageFound(damage))
