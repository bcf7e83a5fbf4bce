import asyncio
import threading

import pytest

from tawny.live.webrtc.playback_sender import MOST_PIECES, PrefetchReader
from tawny.model.segments import NotCarried, ReelPiece
from tests.live.cameras import video

PICTURE = video(count=1)[0]


class Slow:
    """A reel that is read by hand: each call waits until it is let go."""

    def __init__(self, count: int) -> None:
        self.left, self.calls = count, 0
        self.reading = threading.Semaphore(0)

    def next(self) -> ReelPiece | None:
        self.calls += 1
        assert self.reading.acquire(timeout=30)
        self.left -= 1
        return ReelPiece([PICTURE], None) if self.left >= 0 else None


async def passed() -> None:
    """A few turns of the loop, and of threads that have something to do."""
    for _ in range(20):
        await asyncio.sleep(0.001)


async def test_a_little_is_read_ahead_and_no_more() -> None:
    reel = Slow(50)
    reel.reading.release(50)
    ahead = PrefetchReader(reel.next, asyncio.Semaphore(1))
    assert await ahead.next()
    async with asyncio.timeout(30):
        while reel.calls < 1 + MOST_PIECES:
            await asyncio.sleep(0.001)
    await passed()
    assert reel.calls == 1 + MOST_PIECES
    await ahead.close()


async def test_all_viewers_together_read_in_a_few_threads() -> None:
    reels, limit = [Slow(5) for _ in range(20)], asyncio.Semaphore(3)
    aheads = [PrefetchReader(reel.next, limit) for reel in reels]
    waiting = [asyncio.create_task(ahead.next()) for ahead in aheads]
    await passed()
    assert sum(reel.calls for reel in reels) == 3
    for reel in reels:
        reel.reading.release(10)
    assert all(await asyncio.gather(*waiting))
    for ahead in aheads:
        await ahead.close()


async def test_when_it_is_closed_no_thread_reads_any_more() -> None:
    reel = Slow(5)
    ahead = PrefetchReader(reel.next, asyncio.Semaphore(1))
    waiting = asyncio.create_task(ahead.next())
    await passed()
    waiting.cancel()
    closing = asyncio.create_task(ahead.close())
    await passed()
    assert not closing.done()
    reel.reading.release()
    async with asyncio.timeout(30):
        await closing
    assert reel.calls == 1


async def test_the_end_for_now_is_asked_for_again() -> None:
    reel = Slow(0)
    reel.reading.release(2)
    ahead = PrefetchReader(reel.next, asyncio.Semaphore(1))
    assert await ahead.next() is None
    reel.left = 1
    assert await ahead.next()
    reel.reading.release(5)
    await ahead.close()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_all_is_read_however_fast(count: int) -> None:
    """Pieces are asked for without pauses, so that reading ahead has only begun each time."""
    reel = Slow(count)
    reel.reading.release(50)
    ahead = PrefetchReader(reel.next, asyncio.Semaphore(1))
    for number in range(count):
        assert await ahead.next(), number
    assert await ahead.next() is None
    await ahead.close()


@pytest.mark.parametrize("count", [2, 3, 5])
async def test_what_cannot_be_carried_is_told_behind_what_can(count: int) -> None:
    class Changing(Slow):
        def next(self) -> ReelPiece | None:
            self.calls += 1
            if self.calls > count:
                raise NotCarried("other pictures")
            return ReelPiece([PICTURE], None)

    ahead = PrefetchReader(Changing(9).next, asyncio.Semaphore(1))
    for number in range(count):
        assert await ahead.next(), number
    with pytest.raises(NotCarried):
        await ahead.next()
    await ahead.close()
