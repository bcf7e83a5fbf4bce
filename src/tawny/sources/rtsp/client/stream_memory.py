"""What was learned of one stream in earlier connections: whether our client gets on with it, how often it wants to
hear from us."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tawny.sources.rtsp.client.fault import FORM, Reason
from tawny.sources.rtsp.client.session import MOST_PAUSE_S
from tawny.sources.rtsp.client.transcript import Transcript

_MOST_FAILURES = 3
_STEADY_S, _MOST_AGE_S, _LEAST_PAUSE_S = 2.0, 300.0, 2.0


@dataclass(slots=True)
class StreamMemory:
    """Kept by the source, filled by its connections."""

    pause_s: float = MOST_PAUSE_S
    """Between two signs of life, at most."""
    transcript: Transcript | None = None
    """Of the newest connection."""
    counted: Callable[[], Mapping[str, Any]] = dict
    """What that one has counted."""
    _failures: int = 0
    _age_s: float = 0.0

    @property
    def wants_another_client(self) -> bool:
        """Ours failed again and again at the form of what came."""
        return self._failures >= _MOST_FAILURES

    def over(self, reason: Reason, age_s: float, *, had_pictures: bool) -> None:
        """A connection of ours ended. age_s: how long it played."""
        if had_pictures:
            self._failures = 0
        elif reason in FORM:
            self._failures += 1
        if reason in ("closed", "reset", "session") and had_pictures and age_s < _MOST_AGE_S:
            if abs(age_s - self._age_s) < _STEADY_S:  # it hangs up at the same age: it waits for a sign of life
                self.pause_s = max(_LEAST_PAUSE_S, min(self.pause_s, age_s) / 2)
            self._age_s = age_s

    def other_failed(self) -> None:
        """The other client does not get on with it either: ours is tried again."""
        self._failures = 0
