"""Reads recordings ahead of playback in worker threads, one read at a time per viewer."""

import asyncio
from collections import deque
from typing import Protocol

from tawny.model.errors import StorageError
from tawny.model.reels import NotCarried, ReelPiece

MOST_PIECES, MOST_BYTES = 3, 6_000_000
"""Maximum read-ahead: in pieces of about 1 s, and in bytes."""


class ReelReader(Protocol):
    """Blocking interface of `playback.packet_reel.PacketReel`."""

    def next(self) -> ReelPiece | None: ...


class PrefetchReader:
    """Read-ahead for one viewer. limit: bounds concurrent reads of all viewers."""

    def __init__(self, reel: ReelReader, limit: asyncio.Semaphore) -> None:
        self._reel, self._limit = reel, limit
        self._ready: deque[ReelPiece] = deque()
        self._bytes = 0
        self._one = asyncio.Lock()
        self._reading: asyncio.Future[ReelPiece | None] | None = None
        self._filling: asyncio.Task[None] | None = None

    async def next(self) -> ReelPiece | None:
        """Return the next piece; None at the current end of the recording.

        Raises NotCarried and StorageError from the reel.
        """
        while not self._ready:
            if not await self._read():
                return None
        piece = self._ready.popleft()
        self._bytes -= _size(piece)
        if self._filling is None or self._filling.done():
            self._filling = asyncio.create_task(self._fill())
        return piece

    async def close(self) -> None:
        """Stop prefetching. Invariant: no thread reads after this returns."""
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _fill(self) -> None:
        try:
            while len(self._ready) < MOST_PIECES and self._bytes < MOST_BYTES and await self._read():
                continue
        except (NotCarried, StorageError):
            return  # next() repeats the read and raises the error

    async def _read(self) -> bool:
        """Return whether a piece is ready."""
        async with self._one:
            if self._ready and (len(self._ready) >= MOST_PIECES or self._bytes >= MOST_BYTES):
                return True
            async with self._limit:
                self._reading = asyncio.ensure_future(asyncio.to_thread(self._reel.next))
                piece = await asyncio.shield(self._reading)
        if piece is None:
            return False
        self._ready.append(piece)
        self._bytes += _size(piece)
        return True


def _size(piece: ReelPiece) -> int:
    return sum(len(packet.data) for packet in piece.packets)
