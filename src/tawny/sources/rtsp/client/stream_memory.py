"""Knowledge about a stream from earlier connections: compatibility with the built-in client, keep-alive interval."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tawny.protocols.login_history import LoginRecord
from tawny.sources.rtsp.client.fault import FORM, Reason
from tawny.sources.rtsp.client.session import MOST_PAUSE_S
from tawny.sources.rtsp.client.transcript import Transcript

_MOST_FAILURES = 3
_STEADY_S, _MOST_AGE_S, _LEAST_PAUSE_S = 2.0, 300.0, 2.0


@dataclass(slots=True)
class StreamMemory:
    """Held by the source, updated by its connections."""

    login: LoginRecord | None = None
    """What sign-in the camera offered before."""

    pause_s: float = MOST_PAUSE_S
    """Maximum keep-alive interval, in seconds."""
    transcript: Transcript | None = None
    """Transcript of the newest connection."""
    counted: Callable[[], Mapping[str, Any]] = dict
    """Returns the counters of the newest connection."""
    _failures: int = 0
    _age_s: float = 0.0

    @property
    def wants_another_client(self) -> bool:
        """The built-in client has repeatedly failed on this camera's data format."""
        return self._failures >= _MOST_FAILURES

    def over(self, reason: Reason, age_s: float, *, had_pictures: bool) -> None:
        """Record the end of a connection. age_s: playing time, in seconds."""
        if had_pictures:
            self._failures = 0
        elif reason in FORM:
            self._failures += 1
        if reason in ("closed", "reset", "session") and had_pictures and age_s < _MOST_AGE_S:
            if abs(age_s - self._age_s) < _STEADY_S:  # same age again: keep-alive interval too long
                self.pause_s = max(_LEAST_PAUSE_S, min(self.pause_s, age_s) / 2)
            self._age_s = age_s

    def other_failed(self) -> None:
        """Record that FFmpeg failed, too: the built-in client is tried again."""
        self._failures = 0
