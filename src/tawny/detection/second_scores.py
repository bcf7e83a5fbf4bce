"""Maximum score of each second, published when the second is over."""

from collections.abc import Callable

from tawny.model.ids import CameraId
from tawny.model.messages import Message, Scored


class SecondScores:
    def __init__(self, camera: CameraId, tell: Callable[[Message], None]) -> None:
        self._camera, self._tell = camera, tell
        self._second: Scored | None = None

    def add(self, at_ms: int, score: int) -> None:
        second_ms = at_ms - at_ms % 1000
        if self._second is not None and self._second.second_ms == second_ms:
            score = max(score, self._second.score)
        else:
            self.close()
        self._second = Scored(self._camera, second_ms, score)

    def fill(self, from_ms: int, to_ms: int, score: int) -> None:
        """Register a score for every second between two processed keyframes."""
        for at_ms in range(from_ms, to_ms, 1000):
            self.add(at_ms, score)

    def close(self) -> None:
        second, self._second = self._second, None
        if second is not None:
            self._tell(second)
