"""Transcript of one RTSP session for reports. Secrets are redacted before storage.

Written by the reader thread; read from any thread.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tawny.sources.log_redaction import SecretFilter

_MOST_FIRST, _MOST_LAST, _MOST_CHARACTERS = 40, 20, 20_000
_LONGEST_SECRET: Final = 4_000
"""In any encoding: an address has at most 2,000 characters."""
_OURS, _CAMERAS = "tawny", "camera"
_UNSHOWN: Final = "\n[cut off here]"


class TranscriptLine(NamedTuple):
    """at_s: seconds since the start of connecting. by: `tawny` or `camera`."""

    at_s: float
    by: str
    text: str


class Transcript:
    """Keeps the first and the newest messages; counts those in between."""

    def __init__(self, secrets: SecretFilter) -> None:
        self._secrets = secrets
        self._first: list[TranscriptLine] = []
        self._last: deque[TranscriptLine] = deque(maxlen=_MOST_LAST)
        self._count = 0
        self.at_s = 0.0
        """Current time; set by the writer."""
        self.forgiven: list[str] = []
        """Tolerated deviations of the camera from the specification."""

    def sent(self, data: bytes) -> None:
        self._put(_OURS, data)

    def heard(self, data: bytes) -> None:
        self._put(_CAMERAS, data)

    def forgive(self, what: str) -> None:
        if what not in self.forgiven and len(self.forgiven) < _MOST_FIRST:
            self.forgiven.append(what)

    def record(self) -> list[Mapping[str, Any]]:
        """Return the stored messages in order."""
        last = list(self._last)
        left_out = self._count - len(self._first) - len(last)
        told = [said._asdict() for said in list(self._first)]
        if left_out > 0:
            told.append(TranscriptLine(last[0].at_s, "", f"[{left_out} more]")._asdict())
        return [*told, *(said._asdict() for said in last)]

    def _put(self, by: str, data: bytes) -> None:
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        is_cut = len(text) > _MOST_CHARACTERS
        text = self._secrets.hide(text[:_MOST_CHARACTERS])
        if is_cut:
            text = text[:-_LONGEST_SECRET]  # the first half of a secret at the cut is not recognized
        if not text.replace("\n", "").isprintable():
            text = "".join(one if one.isprintable() or one == "\n" else "·" for one in text)
        said = TranscriptLine(round(self.at_s, 3), by, (text + _UNSHOWN * is_cut).rstrip("\n"))
        self._count += 1
        if len(self._first) < _MOST_FIRST:
            self._first.append(said)
        else:
            self._last.append(said)
