"""The simplest detector there can be, to show that the contract asks nothing that only ours can do."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tawny.model.observations import Frame, Look, Observation


class Steps:
    """Half the picture became lighter or darker since the last frame."""

    name: ClassVar[str] = "steps"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._level = int(settings.get("level", 1))
        self._before: Any = None

    def look(self, frame: Frame) -> Look:
        now, before = np.array(frame.luma, np.int16), self._before
        self._before = now
        if before is None or before.shape != now.shape:
            return Look(0)
        changed = float((abs(now - before) > self._level).mean())
        score = min(100, round(100 * changed))
        return Look(score, (Observation("light", changed, (0.0, 0.0, 1.0, 1.0)),) if score >= 50 else ())
