"""Transcript of one RTSP session for reports. Secrets are redacted before storage.

Written by the reader thread; read from any thread.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.segments import GapEvidence
from tawny.sources.network_address import SecretFilter
from tawny.sources.source import SourceLoginUnknown, SourceUnresolved, SourceWithoutKeyframe

# Reasons why an RTSP session fails, and their mapping to SourceErrors.

Reason = Literal[
    "unreachable", "refused", "login-refused", "login-weaker", "login-unknown", "not-found", "busy", "redirect-refused",
    "open-timeout", "lookup", "not-rtsp", "sdp", "no-video", "transport", "certificate", "framing", "picture-too-big",
    "header-too-long", "body-too-long", "stall", "closed", "reset", "bye", "session", "mixed", "waiting-key",
    "bad-parameters", "no-parameters",
]  # fmt: skip

FORM: frozenset[Reason] = frozenset({"sdp", "framing", "no-video", "no-parameters"})
"""Faults in the format of the data, which another client may handle."""

_ERRORS: dict[Reason, type[SourceError]] = {
    "unreachable": SourceUnreachable,
    "open-timeout": SourceUnreachable,
    "lookup": SourceUnresolved,
    "login-refused": SourceRefused,
    "login-weaker": SourceLoginWeaker,
    "login-unknown": SourceLoginUnknown,
    "not-found": SourceNotFound,
    "redirect-refused": SourceRedirected,
    "sdp": SourceUnusable,
    "no-video": SourceUnusable,
    "picture-too-big": SourceUnusable,
    "waiting-key": SourceWithoutKeyframe,
    "bad-parameters": SourceUnusable,
    "no-parameters": SourceWithoutKeyframe,
    "stall": SourceStalled,
    "closed": SourceClosed,
    "reset": SourceClosed,
    "bye": SourceClosed,
    "session": SourceClosed,
}
"""All other reasons map to SourceError."""


class ConversationFault(Exception):
    """The session failed. detail: text for users, without secrets and final period."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def error(self, where: str, evidence: GapEvidence | None = None) -> SourceError:
        """Convert to a SourceError. where: the address without credentials."""
        made = _ERRORS.get(self.reason, SourceError)(where, self.detail, evidence or GapEvidence(self.reason))
        made.__cause__ = self
        return made


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

    def received(self, data: bytes) -> None:
        self._put(_CAMERAS, data)

    def forgive(self, what: str) -> None:
        if what not in self.forgiven and len(self.forgiven) < _MOST_FIRST:
            self.forgiven.append(what)

    def record(self) -> list[Mapping[str, Any]]:
        """Return the stored messages in order."""
        last = list(self._last)
        left_out = self._count - len(self._first) - len(last)
        lines = [line._asdict() for line in list(self._first)]
        if left_out > 0:
            lines.append(TranscriptLine(last[0].at_s, "", f"[{left_out} more]")._asdict())
        return [*lines, *(line._asdict() for line in last)]

    def _put(self, by: str, data: bytes) -> None:
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        is_cut = len(text) > _MOST_CHARACTERS
        text = self._secrets.hide(text[:_MOST_CHARACTERS])
        if is_cut:
            text = text[:-_LONGEST_SECRET]  # the first half of a secret at the cut is not recognized
        if not text.replace("\n", "").isprintable():
            text = "".join(one if one.isprintable() or one == "\n" else "·" for one in text)
        line = TranscriptLine(round(self.at_s, 3), by, (text + _UNSHOWN * is_cut).rstrip("\n"))
        self._count += 1
        if len(self._first) < _MOST_FIRST:
            self._first.append(line)
        else:
            self._last.append(line)


# Converts a connection's counters to descriptions of tolerated protocol violations.

_WORDS: Final = {
    "rubbish_bytes": "{n} unexpected bytes between packets",
    "unasked": "{n} packets on channels that weren't requested",
    "missing": "{n} packets lost",
    "late": "{n} packets out of order",
    "repeated": "{n} packets duplicated or too late",
    "strangers": "{n} packets from another stream",
    "restarts": "stream restarted {n} times without reconnecting",
    "clock_jumps": "camera clock jumped {n} times",
    "damaged": "{n} damaged frames",
    "sound_bad": "{n} unreadable audio packets",
    "sound_cut": "audio cut {n} times to stay in sync",
    "sound_padded": "silence added {n} times to stay in sync",
}


def tolerated_faults(counted: Mapping[str, Any]) -> list[str]:
    """Return the descriptions. counted: a connection's notes."""
    faults = [words.format(n=counted[name]) for name, words in _WORDS.items() if counted.get(name)]
    ignored = counted.get("sound_ignored")
    return [*faults, f"its audio format {ignored} isn't supported and isn't recorded"] if ignored else faults
