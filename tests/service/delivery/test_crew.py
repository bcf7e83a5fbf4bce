"""Who serves targets: only those of a target that is new, gone or another are touched."""

import threading
from collections.abc import Sequence

from tawny.delivery.courier import TargetWorker, WorkerPool
from tawny.engine import ActorHandle, InlineEngine
from tawny.testing.clock import FakeClock


class Clerk:
    def __init__(self, name: str) -> None:
        self.name, self.steps, self.stopped, self.closed = name, 0, False, False
        self.handle = ActorHandle()

    def step(self) -> float:
        self.steps += 1
        return 1.0

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self) -> None:
        self.made: list[Clerk] = []
        self.ends: list[threading.Event] = []
        self.engine = InlineEngine(FakeClock(), lambda part, error: None)
        self.crew = WorkerPool[int](self.engine, self.begin)

    def begin(self, name: str, wanted: int, ending: threading.Event) -> Sequence[TargetWorker]:
        clerk = Clerk(f"{name} {wanted}")
        self.made.append(clerk)
        self.ends.append(ending)
        return [clerk]

    def names(self) -> list[str]:
        return [one.name for one in self.crew.workers()]


def test_who_stays_the_same_is_not_touched() -> None:
    bench = Bench()
    bench.crew.take_over({"nas": 1, "phone": 1})
    bench.engine.run_for(2.5)
    bench.crew.take_over({"nas": 1, "phone": 2, "cloud": 1})
    bench.engine.run_for(2.5)
    assert bench.names() == ["nas 1", "phone 2", "cloud 1"]
    nas, phone, *_ = bench.made
    assert (nas.stopped, nas.steps) == (False, 6)
    assert (phone.stopped, phone.closed, phone.steps) == (True, True, 3)
    assert [ending.is_set() for ending in bench.ends] == [False, True, False, False]


def test_all_end_together() -> None:
    bench = Bench()
    bench.crew.take_over({"nas": 1, "phone": 1})
    bench.engine.run_for(0.5)
    bench.crew.stop()
    assert bench.names() == []
    assert all(one.stopped and one.closed for one in bench.made)
