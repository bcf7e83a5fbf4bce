"""Calls to devices that may never answer: in order for one device, and none waits for another."""

import threading

import pytest

from tawny.engine.blocking_calls import MAX_AT_ONCE, MAX_WAITING, BlockingCalls, OrderedCalls
from tawny.model.errors import NotDone
from tawny.testing.waiting import until


def test_calls_of_a_lane_run_in_order_and_those_of_others_beside_them() -> None:
    calls, answers, done = OrderedCalls(), threading.Event(), list[str]()

    def slow() -> None:
        assert answers.wait(10)
        done.append("slow")

    calls.start("porch", slow)
    calls.start("porch", lambda: done.append("next"))
    calls.start("yard", lambda: done.append("other"))
    until(lambda: done == ["other"])
    answers.set()
    until(lambda: done == ["other", "slow", "next"])


def test_few_wait_for_a_silent_device() -> None:
    calls, answers, done = OrderedCalls(), threading.Event(), list[int]()
    begun = threading.Event()

    def slow() -> None:
        begun.set()
        assert answers.wait(10)

    calls.start("porch", slow)
    assert begun.wait(10)
    for number in range(MAX_WAITING):
        calls.start("porch", lambda number=number: done.append(number))  # type: ignore[misc]
    with pytest.raises(NotDone, match="doesn't respond"):
        calls.start("porch", lambda: done.append(-1))
    answers.set()
    until(lambda: done == list(range(MAX_WAITING)))


def test_a_call_that_fails_does_not_end_the_next(caplog: pytest.LogCaptureFixture) -> None:
    calls, done = OrderedCalls(), list[str]()

    def broken() -> None:
        raise ValueError("broken")

    calls.start("porch", broken)
    calls.start("porch", lambda: done.append("next"))
    until(lambda: done == ["next"])
    assert "porch failed" in caplog.text


def test_without_a_thread_it_is_refused_and_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, done = OrderedCalls(), list[str]()

    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", full)
        with pytest.raises(NotDone, match="no thread"):
            calls.start("porch", lambda: done.append("lost"))
    calls.start("porch", lambda: done.append("again"))
    until(lambda: done == ["again"])


async def test_calls_without_a_thread_take_no_place_of_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    calls = BlockingCalls()
    with monkeypatch.context() as patch:
        patch.setattr("tawny.engine.blocking_calls.start_thread", refused)
        for _ in range(MAX_AT_ONCE):
            with pytest.raises(RuntimeError):
                await calls.run("porch", lambda: 1)
    assert calls.held == 0
    assert await calls.run("porch", lambda: 1) == 1
