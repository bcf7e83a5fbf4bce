"""Talkback: two-way audio through cameras, one speaker at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary

from tawny.engine.blocking_calls import BlockingCalls
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.sources.source import Speaker

KNOWN_S = 600.0
"""Cache duration, s, of whether a camera has a loudspeaker."""
FAILED_S = 5.0
"""The same after the camera could not be asked."""
WAIT_S = 10.0
"""Longest wait, s, of a user for the end of their own former connection, which the camera may still be opening."""


class TalkbackBusy(Exception):
    """Another user is speaking through this camera."""


@dataclass(eq=False, slots=True)
class _Turn:
    """Who has a camera's loudspeaker. is_open: sound can be sent, else it is being opened or closed."""

    by: bytes
    is_open: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Talkback:
    """Two-way audio. Call from the event loop only.

    speaker: returns a connection to a camera's loudspeaker; None if its source type has none. stream: returns a
    camera's main stream, another one after each change of its address. calls: run those that wait for the camera.
    """

    def __init__(
        self,
        speaker: Callable[[CameraId], Speaker | None],
        stream: Callable[[CameraId], object],
        clock: Clock,
        calls: BlockingCalls,
    ) -> None:
        self._speaker, self._stream, self._clock, self._calls = speaker, stream, clock, calls
        self._known: WeakKeyDictionary[object, tuple[bool, float]] = WeakKeyDictionary()
        """By stream: a device that replaces another may differ."""
        self._turns: dict[CameraId, _Turn] = {}

    async def can(self, camera: CameraId) -> bool:
        """Return whether the camera has a loudspeaker. Queries the camera every KNOWN_S, sooner after an error."""
        if (stream := self._stream(camera)) is None:
            return False
        known = self._known.get(stream)
        if known is not None and self._clock.mono_s() < known[1]:
            return known[0]
        found: bool | None = False
        if (speaker := self._speaker(camera)) is not None:
            found = await self._calls.share(f"talk {camera} {id(stream)}", partial(_has_one, speaker, stream))
        self._known[stream] = bool(found), self._clock.mono_s() + (FAILED_S if found is None else KNOWN_S)
        return bool(found)

    @asynccontextmanager
    async def speaking(self, camera: CameraId, by: bytes) -> AsyncIterator[Speaker]:
        """Open the loudspeaker. by: the session. Raises TalkbackBusy, and SourceError if the camera refuses."""
        while (held := self._turns.get(camera)) is not None:
            await self._await_own(held, by)
        speaker = self._speaker(camera)
        if speaker is None:
            raise SourceError(camera, "it has no speaker that supports two-way audio")
        turn = self._turns[camera] = _Turn(by)
        try:
            await self._calls.run(f"talk {camera}", speaker.open)
            turn.is_open = True
            yield speaker
        finally:
            turn.is_open = False
            await asyncio.to_thread(speaker.close)
            del self._turns[camera]
            turn.ended.set()

    async def _await_own(self, held: _Turn, by: bytes) -> None:
        """Wait for the end of a turn of the same session that sends no sound yet, or no longer. Raises TalkbackBusy."""
        if held.by != by or held.is_open:
            raise TalkbackBusy
        try:
            async with asyncio.timeout(WAIT_S):
                await held.ended.wait()
        except TimeoutError:
            raise TalkbackBusy from None


def _has_one(speaker: Speaker, _stream: object) -> bool | None:
    """Return None if the camera can't be asked: its status shows the problem.

    _stream: exists as long as the query, so that no later one gets its `id`.
    """
    try:
        return speaker.has_one()
    except SourceError:
        return None
    finally:
        speaker.close()
