"""Worker pool: starts and stops the workers of targets when targets are added, changed or removed."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from tawny.engine import Actor, Engine, Handle

T = TypeVar("T")


class TargetWorker(Actor, Protocol):
    """A worker of one target, such as a courier."""

    handle: Handle | None

    def stop(self) -> None:
        """End soon and interrupt the work in progress. Call from any thread."""
        ...


Begin = Callable[[str, T, threading.Event], Sequence[TargetWorker]]
"""Creates the workers of a target from its name and settings. The event is set when they must end."""


@dataclass(frozen=True, slots=True)
class _Post(Generic[T]):
    wanted: T
    ending: threading.Event
    workers: Sequence[TargetWorker]


class WorkerPool(Generic[T]):
    """Workers by target. Not thread-safe. Interrupted work of a changed or removed target returns to the outbox."""

    def __init__(self, engine: Engine, begin: Begin[T]) -> None:
        self._engine, self._begin = engine, begin
        self._posts: dict[str, _Post[T]] = {}

    def take_over(self, wanted: Mapping[str, T]) -> None:
        """Apply changed targets. Only the workers of new, changed and removed targets are started or stopped."""
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
        """Stop all workers; does not wait for them."""
        self.take_over({})


def _end(post: _Post[T]) -> None:
    post.ending.set()
    for worker in post.workers:
        worker.stop()
        if worker.handle is not None:
            worker.handle.stop()


def _same(worker: TargetWorker) -> TargetWorker:
    """Return the worker itself. The engine also restarts the same object after a failure; it keeps no state that can be

    invalid.
    """
    return worker
