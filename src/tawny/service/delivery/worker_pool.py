"""Who serves targets: couriers and the like, begun and ended as targets come, change and go, while the others go on."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from tawny.engine import Actor, Engine, Handle

T = TypeVar("T")


class TargetWorker(Actor, Protocol):
    """Of one target."""

    handle: Handle | None

    def stop(self) -> None:
        """End soon, also in the midst of something. Any thread."""
        ...


Begin = Callable[[str, T, threading.Event], Sequence[TargetWorker]]
"""Makes those of a target, of its name and settings; the event is set when they are to end."""


@dataclass(frozen=True, slots=True)
class _Post(Generic[T]):
    wanted: T
    ending: threading.Event
    workers: Sequence[TargetWorker]


class WorkerPool(Generic[T]):
    """One thread at a time. What is under way at a target that changes or goes is put back."""

    def __init__(self, engine: Engine, begin: Begin[T]) -> None:
        self._engine, self._begin = engine, begin
        self._posts: dict[str, _Post[T]] = {}

    def take_over(self, wanted: Mapping[str, T]) -> None:
        """Only who serves a target that is new, gone or another is touched."""
        for name, post in list(self._posts.items()):
            if name not in wanted or wanted[name] != post.wanted:
                del self._posts[name]
                _end(post)
        for name, one in wanted.items():
            if name not in self._posts:
                ending = threading.Event()
                workers = self._begin(name, one, ending)
                for worker in workers:
                    worker.handle = self._engine.start(worker.name, partial(_same, worker))
                self._posts[name] = _Post(one, ending, workers)

    def workers(self) -> list[TargetWorker]:
        return [worker for post in self._posts.values() for worker in post.workers]

    def stop(self) -> None:
        """All end soon."""
        self.take_over({})


def _end(post: _Post[T]) -> None:
    post.ending.set()
    for worker in post.workers:
        worker.stop()
        if worker.handle is not None:
            worker.handle.stop()


def _same(worker: TargetWorker) -> TargetWorker:
    """What the engine makes, and makes again after a failure: it keeps nothing that could be wrong."""
    return worker
