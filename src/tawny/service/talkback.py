"""Speaking through cameras: which have a loudspeaker, and one who speaks at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tawny.model.clock import Clock
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId
from tawny.sources.source import Speaker

KNOWN_S = 600.0
"""So long it is believed what a camera said of its loudspeaker."""


class TalkbackBusy(Exception):
    """Somebody else speaks through it now."""


class Talkback:
    """In the event loop. speaker: a connection to a camera's loudspeaker; None where its kind has none."""

    def __init__(self, speaker: Callable[[CameraId], Speaker | None], clock: Clock) -> None:
        self._speaker, self._clock = speaker, clock
        self._known: dict[CameraId, tuple[bool, float]] = {}
        self._speaking: set[CameraId] = set()

    async def can(self, camera: CameraId) -> bool:
        """Whether it has one. Asks the camera, now and then."""
        known = self._known.get(camera)
        if known is not None and self._clock.mono_s() < known[1]:
            return known[0]
        speaker = self._speaker(camera)
        found = speaker is not None and await asyncio.to_thread(_has_one, speaker)
        self._known[camera] = found, self._clock.mono_s() + KNOWN_S
        return found

    @asynccontextmanager
    async def speaking(self, camera: CameraId) -> AsyncIterator[Speaker]:
        """Busy; SourceError when the camera does not take it."""
        if camera in self._speaking:
            raise TalkbackBusy
        speaker = self._speaker(camera)
        if speaker is None:
            raise SourceError(camera, "it has no speaker that supports two-way audio")
        self._speaking.add(camera)
        try:
            await asyncio.to_thread(speaker.open)
            yield speaker
        finally:
            await asyncio.to_thread(speaker.close)
            self._speaking.discard(camera)


def _has_one(speaker: Speaker) -> bool:
    try:
        return speaker.has_one()
    except SourceError:
        return False  # asked again later; the camera's state says what is wrong with it
    finally:
        speaker.close()
