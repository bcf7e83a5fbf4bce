"""`detect()` of a file where nobody waits for it, as in a scan: no picture is left out, and what goes wrong ends it."""

from collections.abc import Callable, Mapping
from typing import Any

from tawny.detection.user_detector.detector import DEADLINE, NUMBERS, UserDetector
from tawny.model.errors import DetectorFailed
from tawny.model.observations import Frame, Look


class ScannedUserDetector(UserDetector):
    """printed: gets what it prints. Unless settings say so, a call may take as long as any setting allows."""

    def __init__(self, settings: Mapping[str, Any], printed: Callable[[str], None]) -> None:
        super().__init__({DEADLINE: NUMBERS[DEADLINE].most, **settings})
        self._foreign.on_printed = printed

    def look(self, frame: Frame) -> Look:
        """Raises DetectorFailed."""
        self._foreign.load()
        look = super().look(frame)
        if self.trouble:
            raise DetectorFailed(self.trouble)
        return look
