"""Actors that mostly wait share threads; none of them waits for another."""

import threading
from functools import partial
from pathlib import Path

import pytest

from tawny.engine import ActorPool, PooledEngine
from tawny.engine.actor import WAITING, Supervised
from tawny.model.times import SystemClock
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until


class Ticker:
    """Asks to be stepped at an interval, and counts its steps."""

    def __init__(self, every_s: float = 0.02) -> None:
        self.steps, self.is_closed, self.every_s = 0, False, every_s

    name = "ticker"

    def step(self) -> float:
        self.steps += 1
        return self.every_s

    def close(self) -> None:
        self.is_closed = True


class Stuck(Ticker):
    """Blocks in its step, as on a stalled disk."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go = threading.Event()

    def step(self) -> float:
        super().step()
        self.may_go.wait(20)
        return 60.0


def pooled(pool: ActorPool | None = None) -> PooledEngine:
    clock = SystemClock()
    return PooledEngine(pool or ActorPool(clock), clock, lambda name, error: None)


def one_of(actor: Ticker) -> Ticker:
    return actor


def threads() -> list[threading.Thread]:
    names = {WAITING, "ticker", "stuck"}
    return [thread for thread in threading.enumerate() if thread.name in names]


def test_many_actors_that_wait_have_two_threads() -> None:
    engine, tickers = pooled(), [Ticker(0.02 + number / 1000) for number in range(20)]
    for ticker in tickers:
        engine.start("ticker", partial(one_of, ticker))
    until(lambda: all(ticker.steps > 3 for ticker in tickers))
    counts = []
    for _ in range(50):
        counts.append(len(threads()))
        threading.Event().wait(0.01)
    assert sorted(counts)[25] <= 3
    assert engine.stop() == []
    assert all(ticker.is_closed for ticker in tickers)
    until(lambda: not threads())


def test_a_step_that_hangs_delays_no_other_actor() -> None:
    engine, stuck, ticker = pooled(), [Stuck() for _ in range(5)], Ticker()
    for one in stuck:
        engine.start("stuck", partial(one_of, one))
    until(lambda: all(one.steps == 1 for one in stuck))
    engine.start("ticker", lambda: ticker)
    until(lambda: ticker.steps > 20, 2.0)
    assert engine.stop(0.2) == ["stuck"] * 5
    assert ticker.is_closed
    for one in stuck:
        one.may_go.set()
    until(lambda: all(one.is_closed for one in stuck))
    until(lambda: not threads())


class StuckLater(Stuck):
    """Blocks in its second step."""

    def step(self) -> float:
        return super().step() if self.steps else Ticker.step(self)


def test_a_timed_step_that_hangs_delays_others_only_until_the_spare_thread_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tawny.engine.actor.LATE_S", 0.05)
    engine, stuck, ticker = pooled(), StuckLater(), Ticker()
    engine.start("ticker", lambda: ticker)
    engine.start("stuck", lambda: stuck)
    until(lambda: stuck.steps == 2)
    steps = ticker.steps
    until(lambda: ticker.steps > steps + 3)
    stuck.may_go.set()
    assert engine.stop() == []


def test_an_actor_that_is_woken_does_not_wait_for_a_step_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.engine.actor.LATE_S", 60.0)
    engine, stuck, ticker = pooled(), StuckLater(), Ticker(60.0)
    handle = engine.start("ticker", lambda: ticker)
    engine.start("stuck", lambda: stuck)
    until(lambda: stuck.steps == 2 and ticker.steps == 1)
    handle.wake()
    until(lambda: ticker.steps == 2)
    stuck.may_go.set()
    assert engine.stop() == []


def test_a_wake_during_a_step_is_not_lost() -> None:
    engine, stuck = pooled(), Stuck()
    handle = engine.start("stuck", lambda: stuck)
    until(lambda: stuck.steps == 1)
    handle.wake()
    stuck.may_go.set()
    until(lambda: stuck.steps == 2)
    handle.wake()
    until(lambda: stuck.steps == 3)
    engine.stop()


def test_engines_of_one_pool_end_alone() -> None:
    pool = ActorPool(SystemClock())
    mine, theirs = pooled(pool), pooled(pool)
    first, second = Ticker(), Ticker()
    mine.start("ticker", lambda: first)
    theirs.start("ticker", lambda: second)
    until(lambda: bool(first.steps and second.steps))
    assert mine.stop() == []
    steps = second.steps
    until(lambda: second.steps > steps)
    assert first.is_closed
    assert not second.is_closed
    theirs.stop()


def test_the_system_shows_whose_step_it_is() -> None:
    engine, stuck = pooled(), Stuck()
    engine.start("stuck", lambda: stuck)
    until(lambda: stuck.steps == 1)
    shown = {path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")}
    assert {"stuck", WAITING} <= shown
    stuck.may_go.set()
    engine.stop()


def test_without_a_thread_to_spare_actors_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, first, second = pooled(), Ticker(), Ticker()
    engine.start("ticker", lambda: first)
    until(lambda: first.steps > 0)
    until(lambda: len(threads()) == 2)

    def refuse(name: str, run: object) -> threading.Thread:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("tawny.engine.actor.start_thread", refuse)
    stuck = Stuck()
    engine.start("stuck", lambda: stuck)
    engine.start("ticker", lambda: second)
    until(lambda: stuck.steps == 1)
    stuck.may_go.set()
    until(lambda: second.steps > 3)
    assert engine.stop() == []


def test_an_actor_that_exits_is_told_and_made_again() -> None:
    class Exiting(Ticker):
        def step(self) -> float:
            raise SystemExit(3)

        def close(self) -> None:
            raise SystemExit(4)

    errors, clock = list[str](), FakeClock()
    supervised = Supervised("watch porch", Exiting, clock, lambda _, error: errors.append(repr(error)))
    assert supervised.step() > 0
    assert errors == ["SystemExit(3)", "SystemExit(4)"]
    assert supervised.step() > 0
