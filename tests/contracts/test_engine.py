"""What every engine does. A maker gives an engine and a way to let time pass."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tawny.engine import Engine, InlineEngine, SharedThread, ThreadEngine
from tawny.model.times import SystemClock
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until


@dataclass
class Bench:
    engine: Engine
    run_until: Callable[[Callable[[], bool]], None]
    died: list[tuple[str, str]] = field(default_factory=list)


def _inline() -> Bench:
    clock = FakeClock()
    died: list[tuple[str, str]] = []
    engine = InlineEngine(clock, lambda name, error: died.append((name, str(error))))

    def run_until(done: Callable[[], bool]) -> None:
        for _ in range(1000):
            if done():
                return
            engine.run_for(0.1)
        raise AssertionError("it did not happen within 100 s of the fake clock")

    return Bench(engine, run_until, died)


def _threads() -> Bench:
    died: list[tuple[str, str]] = []
    engine = ThreadEngine(SystemClock(), lambda name, error: died.append((name, str(error))))
    return Bench(engine, until, died)


def _shared() -> Bench:
    died: list[tuple[str, str]] = []
    engine = SharedThread("shared", SystemClock(), lambda name, error: died.append((name, str(error))))
    return Bench(engine, until, died)


@pytest.fixture(params=[_inline, _threads, _shared], ids=["inline", "threads", "shared"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made: Bench = request.param()
    yield made
    assert made.engine.stop() == []


class Counter:
    name = "counter"

    def __init__(self, wait_s: float = 0.001, fail_at: int | None = None) -> None:
        self.steps, self.closed = 0, 0
        self._wait_s, self._fail_at = wait_s, fail_at

    def step(self) -> float:
        self.steps += 1
        if self.steps == self._fail_at:
            raise RuntimeError("broken on purpose")
        return self._wait_s

    def close(self) -> None:
        self.closed += 1


def test_an_actor_is_stepped_again_and_again(bench: Bench) -> None:
    counter = Counter()
    bench.engine.start("counter", lambda: counter)
    bench.run_until(lambda: counter.steps >= 5)


def test_a_dead_actor_is_closed_told_of_and_made_anew(bench: Bench) -> None:
    made: list[Counter] = []

    def make() -> Counter:
        made.append(Counter(fail_at=2 if not made else None))
        return made[-1]

    bench.engine.start("counter", make)
    bench.run_until(lambda: len(made) == 2 and made[1].steps >= 3)
    assert made[0].closed == 1
    assert bench.died == [("counter", "broken on purpose")]


def test_a_failing_maker_is_tried_again(bench: Bench) -> None:
    tries: list[int] = []
    counter = Counter()

    def make() -> Counter:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("no luck")
        return counter

    bench.engine.start("counter", make)
    bench.run_until(lambda: counter.steps >= 1)
    assert len(tries) == 2


def test_a_dead_actor_leaves_the_others_alone(bench: Bench) -> None:
    well, sick = Counter(), Counter(fail_at=1)
    bench.engine.start("sick", lambda: sick)
    bench.engine.start("well", lambda: well)
    bench.run_until(lambda: well.steps >= 5 and sick.closed == 1)
    assert sick.closed == 1


def test_waking_shortens_the_wait(bench: Bench) -> None:
    sleeper = Counter(wait_s=3600)
    handle = bench.engine.start("sleeper", lambda: sleeper)
    bench.run_until(lambda: sleeper.steps == 1)
    handle.wake()
    bench.run_until(lambda: sleeper.steps == 2)


def test_stopping_closes_once_and_steps_no_more(bench: Bench) -> None:
    counter = Counter(wait_s=3600)
    handle = bench.engine.start("counter", lambda: counter)
    bench.run_until(lambda: counter.steps == 1)
    handle.stop()
    assert handle.join(2.0)
    assert (counter.steps, counter.closed) == (1, 1)
