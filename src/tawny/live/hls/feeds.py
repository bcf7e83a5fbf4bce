"""The HLS lists that somebody asks for: each begun by the first who does, and ended when nobody has for a while."""

import asyncio
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from tawny.live.hls.feed import HlsFeed
from tawny.model.clock import Clock
from tawny.model.ids import CameraId
from tawny.stream.hub import Hub


class HlsFeedKey(NamedTuple):
    """stream: main, sub or auto, as asked for. seen: the cameras that one which follows may show; None: all.

    covered: without what is private.
    """

    camera: CameraId | None
    stream: str
    seen: frozenset[CameraId] | None = None
    covered: bool = False


class HlsSource(Protocol):
    """A `Choice`, or a `Followed`. source: whether it is the same still."""

    @property
    def source(self) -> Hub: ...

    def opened(self) -> AbstractContextManager[Hub]: ...


class HlsFeeds:
    """In the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[HlsFeedKey, tuple[HlsFeed, Hub, asyncio.Task[None]]] = {}

    def known(self, key: HlsFeedKey) -> HlsFeed | None:
        found = self._open.get(key)
        if found is None or found[0].over:
            return None
        found[0].asked()
        return found[0]

    def feed(self, key: HlsFeedKey, choice: HlsSource, counted: AbstractContextManager[None]) -> HlsFeed:
        """counted: entered while the feed is made, to be counted as a viewer."""
        known, found = self.known(key), self._open.get(key)
        if known is not None and found is not None and found[1] is choice.source:
            return known
        if found is not None:
            found[2].cancel()
        opened = choice.opened()
        feed = HlsFeed(opened.__enter__(), self._clock)
        task = asyncio.create_task(self._run(key, feed, opened, counted))
        self._open[key] = (feed, choice.source, task)
        return feed

    async def _run(
        self, key: HlsFeedKey, feed: HlsFeed, opened: AbstractContextManager[Hub], counted: AbstractContextManager[None]
    ) -> None:
        try:
            with counted:
                await feed.run()
        finally:
            opened.__exit__(None, None, None)
            if self._open.get(key, (None,))[0] is feed:
                del self._open[key]

    async def close(self) -> None:
        tasks = [task for _, _, task in self._open.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
