"""A user's `detect()` in a scan: no frame is skipped, and an error ends the scan."""

from collections.abc import Callable, Mapping
from typing import Any

from tawny.detection.user_detector.detector import DEADLINE, NUMBERS, UserDetector
from tawny.model.errors import DetectorFailed
from tawny.model.observations import Frame, Look


class ScannedUserDetector(UserDetector):
    """Scans with a user script. printed: receives its output. The default deadline is the maximum allowed."""

    def __init__(self, settings: Mapping[str, Any], printed: Callable[[str], None]) -> None:
        super().__init__({DEADLINE: NUMBERS[DEADLINE].most, **settings})
        self._foreign.on_printed = printed

    def look(self, frame: Frame) -> Look:
        """Process a frame. Raises DetectorFailed: if the script fails."""
        self._foreign.load()
        look = super().look(frame)
        if self.trouble:
            raise DetectorFailed(self.trouble)
        return look
