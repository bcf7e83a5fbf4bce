"""Questions to a disk that may hang: each has a thread of its own, and a disk that doesn't answer counts as away."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from tawny.engine.blocking_calls import begin_call
from tawny.model.errors import StorageError

_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class _Question:
    thread: threading.Thread | None = None
    done: Future[None] = field(default_factory=Future)
    answers: list[Any] = field(default_factory=list)


class DiskQuestions:
    """The questions to one disk, one at a time. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self._root: Final = root
        self._lock = threading.Lock()
        self._asked: _Question | None = None
        self.late: _Question | None = None
        """The question that took too long. While it is None, `check` need not be called."""
        self._mounted: object = None  # at the first question, or the last one to a disk that hangs

    def ask(self, call: Callable[[], _Answer], most_s: float, mounted: Callable[[], object]) -> _Answer:
        """Return what `call` returns. While a question is under way, its answer is that of every caller.

        Raises StorageError if it takes longer, and then at once, without I/O, until the disk answers. It isn't asked
        again before, unless `mounted`, which says what is mounted there, returns something else.
        """
        try:
            asked = self._ask(call, mounted)
        except RuntimeError:  # the system has no more threads
            return call()
        try:
            asked.done.result(most_s)
        except TimeoutError:
            if asked.done.done():  # the call itself raised it, or it was answered just now
                asked.done.result()
            else:
                self.late = asked
                raise self._no_answer() from None
        answer: _Answer = asked.answers[0]
        return answer

    def _ask(self, call: Callable[[], _Answer], mounted: Callable[[], object]) -> _Question:
        with self._lock:
            asked, is_late = self._asked, self._asked is self.late
            if asked is None or asked.done.done():
                self._mounted, self.late = self._mounted or mounted(), None
            elif not is_late:
                return asked
            elif (now := mounted()) != self._mounted:
                self._mounted = now
            else:
                raise self._no_answer()
            new = _Question()

            def answer() -> None:
                with self._lock:  # until it is known as the one that is asked
                    new.thread = threading.current_thread()
                new.answers.append(call())

            new.done = begin_call("disk", answer)
            self._asked = new
            return new

    def check(self) -> None:
        """Raise StorageError while the disk hangs, except in the thread that asks it."""
        late, asked = self.late, self._asked
        if late is None or asked is None or late.done.done() or asked.done.done():
            return
        if asked.thread is not threading.current_thread():
            raise self._no_answer()

    def _no_answer(self) -> StorageError:
        return StorageError(str(self._root), "it isn't responding")
