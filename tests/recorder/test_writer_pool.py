"""How many threads write."""

from collections.abc import Callable
from functools import partial

from tawny.engine import Actor, Handle, InlineEngine
from tawny.recorder.writer_pool import WriterPool
from tawny.testing.clock import FakeClock


def _fail(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


def _rounds(clock: FakeClock, streams: int, sync_s: float) -> WriterPool:
    """A pool after minutes of a recorder with this many streams."""
    engine = InlineEngine(clock, _fail)
    pool = WriterPool(engine, clock)
    for _ in range(30):
        pool.submit(*(lambda: clock.advance(sync_s) for _ in range(streams)))
        engine.run_for(0.7)
    return pool


def test_two_threads_write_to_a_fast_disk() -> None:
    assert _rounds(FakeClock("2026-11-20T00:00:00Z"), streams=16, sync_s=0.005).threads == 2


def test_each_stream_has_a_thread_where_syncs_take_long() -> None:
    """Else sixteen cameras would wait for sixteen syncs, one after the other."""
    assert _rounds(FakeClock("2026-11-20T00:00:00Z"), streams=16, sync_s=0.2).threads == 16
    assert _rounds(FakeClock("2026-11-20T00:00:00Z"), streams=3, sync_s=0.2).threads == 3


def test_the_number_of_threads_is_bounded() -> None:
    assert _rounds(FakeClock("2026-11-20T00:00:00Z"), streams=64, sync_s=0.2).threads == 16


def test_jobs_begin_in_their_order() -> None:
    clock, done = FakeClock("2026-11-20T00:00:00Z"), list[int]()
    engine = InlineEngine(clock, _fail)
    pool = WriterPool(engine, clock)
    pool.submit(*(lambda number=number: done.append(number) for number in range(10)))
    engine.run_for(1)
    assert done == list(range(10))


class _FullEngine(InlineEngine):
    """A system that has two threads left."""

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        if len(self._all) == 2:
            raise RuntimeError("can't start new thread")
        return super().start(name, make)


def test_where_the_system_has_no_more_threads_two_write_all() -> None:
    clock, done = FakeClock("2026-11-20T00:00:00Z"), list[int]()
    engine = _FullEngine(clock, _fail)
    pool = WriterPool(engine, clock)

    def write(number: int) -> None:
        clock.advance(0.2)
        done.append(number)

    pool.submit(*(partial(write, number) for number in range(16)))
    engine.run_for(10)
    assert (pool.threads, sorted(done)) == (2, list(range(16)))
