"""What takes its time, done for all cameras by one thread, with at most one picture waiting of each.

A camera that asks again before its turn replaces what it asked: the newest picture says most.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from tawny.model.ids import CameraId

IDLE_S = 30.0
"""Who asks wakes it."""


class CameraQueue(Protocol):
    @property
    def camera(self) -> CameraId: ...


Asked = TypeVar("Asked", bound=CameraQueue)
Answer = TypeVar("Answer")


class JobQueue(ABC, Generic[Asked, Answer]):
    """`step` in one thread; all else from any. wake: has `step` called soon."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[CameraId, Asked] = {}
        self._answers: dict[CameraId, list[Answer]] = {}
        self.wake: Callable[[], None] = lambda: None
        self.replaced = 0
        """How many pictures were not looked at because a newer one came."""

    def ask(self, asked: Asked) -> None:
        with self._lock:
            self.replaced += self._waiting.pop(asked.camera, None) is not None
            self._waiting[asked.camera] = asked
        self.wake()

    def answers(self, camera: CameraId) -> list[Answer]:
        """What came since the last call."""
        with self._lock:
            return self._answers.pop(camera, [])

    def step(self) -> float:
        with self._lock:
            asked = [self._waiting.pop(camera) for camera in list(self._waiting)[: self._together()]]
        if not asked:
            return IDLE_S
        answers = self._all_answered(asked)
        with self._lock:
            for one, found in zip(asked, answers, strict=True):
                self._answers.setdefault(one.camera, []).extend(found)
        return 0.0

    def close(self) -> None:
        with self._lock:
            self._waiting.clear()

    def _together(self) -> int:
        """How many cameras' questions are answered in one go."""
        return 1

    def _all_answered(self, asked: Sequence[Asked]) -> list[list[Answer]]:
        return [self._answered(one) for one in asked]

    @abstractmethod
    def _answered(self, asked: Asked) -> list[Answer]: ...
