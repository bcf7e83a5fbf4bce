"""One thread for many actors: when it steps them, and when there is no such thread."""

import threading
from statistics import median

import pytest

from tawny.engine import SharedThread
from tawny.engine.actor import run_in_thread
from tawny.model.times import SystemClock
from tawny.testing.waiting import until


class Ticker:
    """Asks to be stepped every 50 ms, and writes down when it was."""

    name = "ticker"

    def __init__(self) -> None:
        self.at_s: list[float] = []
        self._clock = SystemClock()

    def step(self) -> float:
        self.at_s.append(self._clock.mono_s())
        return 0.05

    def close(self) -> None:
        pass


def shared() -> SharedThread:
    return SharedThread("only-for-this-test", SystemClock(), lambda name, error: None)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "only-for-this-test"]


def test_actors_begun_at_different_times_are_stepped_together() -> None:
    engine, first, second = shared(), Ticker(), Ticker()
    engine.start("first", lambda: first)
    clock = SystemClock()
    until(lambda: len(first.at_s) >= 2 and clock.mono_s() - first.at_s[-1] > 0.02)
    engine.start("second", lambda: second)
    until(lambda: len(second.at_s) >= 12)
    assert engine.stop() == []
    apart_s = [min(abs(mine - theirs) for theirs in first.at_s) for mine in second.at_s[1:10]]
    assert median(apart_s) < 0.01


def test_there_is_a_thread_only_while_there_is_work() -> None:
    engine, ticker = shared(), Ticker()
    until(lambda: not threads())
    for _ in range(2):
        ticker.at_s.clear()
        handle = engine.start("ticker", lambda: ticker)
        assert engine.has_work
        until(lambda: len(ticker.at_s) > 1)
        assert len(threads()) == 1
        handle.stop()
        assert handle.join(2.0)
        until(lambda: not threads())
        assert not engine.has_work


def test_it_tells_when_it_last_looked() -> None:
    engine, ticker = shared(), Ticker()
    before_s = engine.stepped_s
    engine.start("ticker", lambda: ticker)
    until(lambda: engine.stepped_s > before_s + 0.05)
    engine.stop()


def test_an_actor_that_got_no_thread_is_not_stepped_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    engine, first, second = shared(), Ticker(), Ticker()
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr("tawny.engine.actor.start_thread", refused)
        engine.start("first", lambda: first)
    engine.start("second", lambda: second)
    until(lambda: len(second.at_s) >= 2)
    assert not first.at_s
    assert not engine.stop()


def test_last_work_is_done_without_a_thread_where_none_is_left() -> None:
    done: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_thread)
        assert run_in_thread("last", lambda: done.append("written"), 1.0)
    assert done == ["written"]


def test_last_work_that_fails_without_a_thread_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    """The end of the integrations may need a thread, too; the last writes come after it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_thread)
        assert run_in_thread("last messages", threading.Thread().start, 1.0)
    assert "last messages failed" in caplog.text


def test_last_work_that_hangs_is_not_waited_for() -> None:
    release = threading.Event()
    assert not run_in_thread("last", lambda: _hang(release), 0.01)
    release.set()


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def _hang(release: threading.Event) -> None:
    release.wait(30)
