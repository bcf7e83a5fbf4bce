"""Detects that a light is switched on or off: the mean brightness of the picture jumps."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.detection.detector import DetectorParameter, read_parameters
from tawny.model.observations import Frame, Look, Observation

LONGEST_PAUSE_MS = 60_000
"""After a longer pause, or a step back in time, the detector starts again."""
ADAPTS = 0.02
"""Share of the difference that the usual brightness takes over with each frame."""
WHOLE_PICTURE = (0.0, 0.0, 1.0, 1.0)


class LightSwitch:
    """Detects jumps of the brightness.

    - `level` (20): the change in gray levels, 1 to 255, that makes an event.
    - `sensitivity`: instead of `level`; 50 is the default, 75 half the level, 25 twice.
    """

    name: ClassVar[str] = "light_switch"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._level = read_parameters({"level": DetectorParameter(20, 1, 255)}, "level", settings)["level"]
        self._usual, self._before_ms = 0.0, -LONGEST_PAUSE_MS

    def look(self, frame: Frame) -> Look:
        mean, passed_ms = float(frame.luma.mean()), frame.at_ms - self._before_ms
        self._before_ms = frame.at_ms
        if not 0 <= passed_ms < LONGEST_PAUSE_MS:
            self._usual = mean
        change = mean - self._usual
        self._usual += ADAPTS * change
        score = min(100, round(50 * abs(change) / self._level))
        seen = (Observation("motion", score / 100, WHOLE_PICTURE),) if score >= 50 else ()
        return Look(score, seen)
