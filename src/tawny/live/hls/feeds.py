"""Registry of HLS feeds: each starts with its first request and ends after a period without requests."""

import asyncio
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from tawny.live.hls.feed import HlsFeed
from tawny.model.clock import Clock
from tawny.model.ids import CameraId
from tawny.stream.hub import Hub


class HlsFeedKey(NamedTuple):
    """stream: the requested name: main, sub or auto. seen: cameras that a follow stream may show; None: all.

    covered: privacy masks are applied.
    """

    camera: CameraId | None
    stream: str
    seen: frozenset[CameraId] | None = None
    covered: bool = False


class HlsSource(Protocol):
    """A StreamChoice or a FollowStream. source: identifies the underlying stream; a change replaces the feed."""

    @property
    def source(self) -> Hub: ...

    def opened(self) -> AbstractContextManager[Hub]: ...


class HlsFeeds:
    """Open HLS feeds by key. Event loop only."""

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
        """Return the feed for `key`; create it if missing or if its source changed.

        counted: entered while the feed runs.
        """
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
