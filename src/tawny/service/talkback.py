"""Talkback: two-way audio through cameras, one speaker at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from tawny.engine.blocking_calls import BlockingCalls
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.sources.source import Speaker

KNOWN_S = 600.0
"""Cache duration, s, of whether a camera has a loudspeaker."""


class TalkbackBusy(Exception):
    """Another user is speaking through this camera."""


class Talkback:
    """Two-way audio. Call from the event loop only.

    speaker: returns a connection to a camera's loudspeaker; None if its source type has none. calls: run those that
    wait for the camera.
    """

    def __init__(self, speaker: Callable[[CameraId], Speaker | None], clock: Clock, calls: BlockingCalls) -> None:
        self._speaker, self._clock, self._calls = speaker, clock, calls
        self._known: dict[CameraId, tuple[bool, float]] = {}
        self._speaking: set[CameraId] = set()

    async def can(self, camera: CameraId) -> bool:
        """Return whether the camera has a loudspeaker. Queries the camera every KNOWN_S."""
        known = self._known.get(camera)
        if known is not None and self._clock.mono_s() < known[1]:
            return known[0]
        speaker = self._speaker(camera)
        found = speaker is not None and await self._calls.share(f"talk {camera}", partial(_has_one, speaker))
        self._known[camera] = found, self._clock.mono_s() + KNOWN_S
        return found

    @asynccontextmanager
    async def speaking(self, camera: CameraId) -> AsyncIterator[Speaker]:
        """Open the loudspeaker. Raises TalkbackBusy, and SourceError if the camera refuses."""
        if camera in self._speaking:
            raise TalkbackBusy
        speaker = self._speaker(camera)
        if speaker is None:
            raise SourceError(camera, "it has no speaker that supports two-way audio")
        self._speaking.add(camera)
        try:
            await self._calls.run(f"talk {camera}", speaker.open)
            yield speaker
        finally:
            await asyncio.to_thread(speaker.close)
            self._speaking.discard(camera)


def _has_one(speaker: Speaker) -> bool:
    try:
        return speaker.has_one()
    except SourceError:
        return False  # queried again later; the camera's status shows the problem
    finally:
        speaker.close()
