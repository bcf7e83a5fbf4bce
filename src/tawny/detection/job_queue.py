"""A job queue for slow work of all cameras: one worker thread, at most one waiting job per camera.

A new job of a camera replaces the waiting one: the newest frame matters most.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from tawny.model.ids import CameraId

IDLE_S = 30.0
"""Delay of an idle `step`, s; `ask` ends it early through `wake`."""


class CameraQueue(Protocol):
    @property
    def camera(self) -> CameraId: ...


Asked = TypeVar("Asked", bound=CameraQueue)
Answer = TypeVar("Answer")


class JobQueue(ABC, Generic[Asked, Answer]):
    """Call `step` from one thread, all other methods from any thread. wake: makes the scheduler call `step` soon."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[CameraId, Asked] = {}
        self._answers: dict[CameraId, list[Answer]] = {}
        self.wake: Callable[[], None] = lambda: None
        self.replaced = 0
        """Number of jobs that a newer one of the same camera replaced."""

    def ask(self, asked: Asked) -> None:
        with self._lock:
            self.replaced += self._waiting.pop(asked.camera, None) is not None
            self._waiting[asked.camera] = asked
        self.wake()

    def answers(self, camera: CameraId) -> list[Answer]:
        """Return and remove the results since the last call."""
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
        """Return the maximum number of jobs processed in one step."""
        return 1

    def _all_answered(self, asked: Sequence[Asked]) -> list[list[Answer]]:
        return [self._answered(one) for one in asked]

    @abstractmethod
    def _answered(self, asked: Asked) -> list[Answer]: ...
