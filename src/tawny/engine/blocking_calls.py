"""Blocking calls to devices that may never answer, in threads of their own.

The loop's common threads serve every page, and the thread of an actor serves every rule or message. A device that does
not answer may only delay who asks for it, so its calls have a lane of their own, with few threads and a limited queue.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from tawny.engine.actor import caller, start_thread
from tawny.model.errors import NotDone

MAX_AT_ONCE: Final = 2
"""Threads of a lane: one command can follow another that still waits, such as stop after move."""
MAX_WAITING: Final = 16
Result = TypeVar("Result")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lane:
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_AT_ONCE))
    calls: int = 0
    """Running and waiting ones."""


class BlockingCalls:
    """Runs blocking calls by lane. Call from the loop. The threads are daemons: none delays the program's exit."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._shared: dict[str, asyncio.Future[Any]] = {}

    def count(self, lane: str) -> int:
        """Return how many calls of a lane run or wait."""
        found = self._lanes.get(lane)
        return found.calls if found else 0

    @property
    def held(self) -> int:
        """Number of lanes and shared queries of which something is kept."""
        return len(self._lanes) + len(self._shared)

    async def run(self, lane: str, call: Callable[[], Result]) -> Result:
        """Return the call's result, or raise its error. Raises NotDone if too many calls of this lane wait."""
        found = self._lanes.setdefault(lane, _Lane())
        if found.calls >= MAX_AT_ONCE + MAX_WAITING:
            raise _busy()
        found.calls += 1
        try:
            await found.free.acquire()
        except asyncio.CancelledError:
            self._leave(lane, found)
            raise
        return await self._start(lane, found, call)

    async def share(self, lane: str, call: Callable[[], Result]) -> Result:
        """Return the result of a query that is the same for all who ask: while one runs, all wait for it."""
        running = self._shared.get(lane)
        if running is None:
            running = self._shared[lane] = asyncio.ensure_future(self.run(lane, call))
            running.add_done_callback(lambda done: self._end_share(lane, done))
        result: Result = await asyncio.shield(running)
        return result

    def _end_share(self, lane: str, done: "asyncio.Future[Any]") -> None:
        del self._shared[lane]
        if not done.cancelled():
            done.exception()  # retrieved here in case everyone who asked has left

    def _start(self, lane: str, found: _Lane, call: Callable[[], Result]) -> "asyncio.Future[Result]":
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()

        def finish(answer: Callable[[], None]) -> None:
            found.free.release()
            self._leave(lane, found)
            if not done.done():  # the caller may have left
                answer()

        def work() -> None:
            try:
                result = call()
            except BaseException as error:
                failed = error
                caller(loop, lambda: finish(lambda: done.set_exception(failed)))()
            else:
                caller(loop, lambda: finish(lambda: done.set_result(result)))()

        try:
            start_thread(lane, work)
        except RuntimeError:  # the system has no more threads
            finish(lambda: None)
            raise
        return done

    def _leave(self, lane: str, found: _Lane) -> None:
        found.calls -= 1
        if not found.calls:
            del self._lanes[lane]


class OrderedCalls:
    """Starts blocking calls for threads that must not wait. Those of a lane run in order, in one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[str, deque[Callable[[], None]]] = {}
        """Waiting calls of each lane that has a thread."""

    def start(self, lane: str, call: Callable[[], None]) -> None:
        """Return at once. Raises NotDone if too many calls of this lane wait, or there is no thread for it."""
        with self._lock:
            waiting = self._lanes.get(lane)
            if waiting is not None:
                if len(waiting) >= MAX_WAITING:
                    raise _busy()
                waiting.append(call)
                return
            self._lanes[lane] = deque([call])
        try:
            threading.Thread(target=self._work, args=(lane,), name=lane, daemon=True).start()
        except RuntimeError:
            with self._lock:
                del self._lanes[lane]
            raise NotDone("The system has no thread for this.", "Try again in a minute.") from None

    def _work(self, lane: str) -> None:
        while True:
            with self._lock:
                waiting = self._lanes[lane]
                if not waiting:
                    del self._lanes[lane]
                    return
                call = waiting.popleft()
            try:
                call()
            except Exception:  # the next call of the lane still runs
                log.exception("%s failed", lane)


def begin_call(name: str, call: Callable[[], None]) -> Future[None]:
    """Begin a call in a daemon thread: who waits for it can be interrupted, and the program ends without it."""
    done: Future[None] = Future()

    def work() -> None:
        try:
            call()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    start_thread(name, work)
    return done


def try_call(name: str, call: Callable[[], object], timeout_s: float) -> Exception | None:
    """Run foreign code that may raise anything or never return. Return its error; TimeoutError if it still runs."""
    errors: list[Exception] = []

    def work() -> None:
        try:
            call()
        except Exception as error:
            errors.append(error)

    thread = start_thread(name, work)
    thread.join(timeout_s)
    if thread.is_alive():
        return TimeoutError(f"no answer within {timeout_s:.0f} s")
    return errors[0] if errors else None


def _busy() -> NotDone:
    return NotDone("The camera doesn't respond, and others are waiting for it.", "Try again in a minute.")
