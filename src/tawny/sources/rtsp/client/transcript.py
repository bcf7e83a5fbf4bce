"""What was said in one conversation with a camera, for a report. Secrets are hidden before anything is kept.

Written by the thread that reads the camera, read by any.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tawny.sources.log_redaction import SecretFilter

_MOST_FIRST, _MOST_LAST, _MOST_CHARACTERS = 40, 20, 16_000
_OURS, _CAMERAS = "tawny", "camera"
_UNSHOWN: Final = "\n[cut off here]"


class TranscriptLine(NamedTuple):
    """at_s: since we began to connect. by: `tawny` or `camera`."""

    at_s: float
    by: str
    text: str


class Transcript:
    """The beginning and the newest end of a conversation; what is between is counted."""

    def __init__(self, secrets: SecretFilter) -> None:
        self._secrets = secrets
        self._first: list[TranscriptLine] = []
        self._last: deque[TranscriptLine] = deque(maxlen=_MOST_LAST)
        self._count = 0
        self.at_s = 0.0
        """Now; set by who speaks."""
        self.forgiven: list[str] = []
        """What the camera did otherwise than it should, and is read all the same."""

    def sent(self, data: bytes) -> None:
        self._put(_OURS, data)

    def heard(self, data: bytes) -> None:
        self._put(_CAMERAS, data)

    def forgive(self, what: str) -> None:
        if what not in self.forgiven and len(self.forgiven) < _MOST_FIRST:
            self.forgiven.append(what)

    def record(self) -> list[Mapping[str, Any]]:
        """All that was kept, in order."""
        last = list(self._last)
        left_out = self._count - len(self._first) - len(last)
        told = [said._asdict() for said in list(self._first)]
        if left_out > 0:
            told.append(TranscriptLine(last[0].at_s, "", f"[{left_out} more]")._asdict())
        return [*told, *(said._asdict() for said in last)]

    def _put(self, by: str, data: bytes) -> None:
        text = self._secrets.hide(data.decode("utf-8", "replace").replace("\r\n", "\n"))
        text = "".join(one if one.isprintable() or one == "\n" else "·" for one in text)
        if len(text) > _MOST_CHARACTERS:
            text = text[:_MOST_CHARACTERS] + _UNSHOWN
        said = TranscriptLine(round(self.at_s, 3), by, text.rstrip("\n"))
        self._count += 1
        if len(self._first) < _MOST_FIRST:
            self._first.append(said)
        else:
            self._last.append(said)
