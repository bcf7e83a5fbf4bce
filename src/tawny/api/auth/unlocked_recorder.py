"""View of the recorder for an unlocked session: encrypted recordings can be played if the session's key opens them.

It wraps the user's view (`service.scoped_recorder`) and never widens it.
"""

from pathlib import Path
from typing import Any, cast

from tawny.model.events import Event
from tawny.model.segments import Segment
from tawny.playback.decrypted import DecryptedRecordings
from tawny.service.recorder import RecorderService
from tawny.storage.disk.layout import is_sealed


def unlocked_recorder(recorder: RecorderService, unsealed: DecryptedRecordings) -> RecorderService:
    return cast("RecorderService", _Unlocked(recorder, unsealed))


class _Unlocked:
    def __init__(self, recorder: RecorderService, unsealed: DecryptedRecordings) -> None:
        self._recorder, self._unsealed = recorder, unsealed

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else."""
        return getattr(self._recorder, name)

    def segment_path(self, segment: Segment) -> Path:
        stored = self._recorder.segment_path(segment)
        return self._unsealed.path(segment, stored) if is_sealed(segment.path) else stored

    def event_picture(self, event: Event) -> bytes | None:
        return self._recorder.event_picture(event) or self._picture(self._recorder.sealed_picture(event))

    def event_loop(self, event: Event) -> bytes | None:
        return self._recorder.event_loop(event) or self._picture(self._recorder.sealed_picture(event, is_loop=True))

    def _picture(self, stored: Path | None) -> bytes | None:
        return self._unsealed.picture(stored) if stored is not None else None
