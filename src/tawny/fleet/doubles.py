"""Two recorders with one key, such as one and the copy of its card: the second is refused while the first is connected.

A hub and a standby know a recorder by its key alone. Each run of a recorder has a random number, its instance, by which
they distinguish its new line from that of another recorder.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from tawny.fleet.fleet_index import Box
from tawny.fleet.session import BEAT_S
from tawny.model.times import Clock

log = logging.getLogger(__name__)
DOUBLE: Final = "another recorder with the same key is connected"
"""Said to the second one."""
DOUBLE_DO: Final = (
    "If one was restored from a backup of the other, stop one of them. To use both, delete `fleet.key` in the data "
    "folder of one, and let it join again."
)
ALIVE_S: Final = 1.5 * BEAT_S
"""A line from which something arrives this long, s, after another recorder came with the same key is alive."""
SHOWN_S: Final = 150.0
"""Time in s for which a problem is shown after it was met: until then it is met again if it lasts."""
_LOOK_AGAIN_S: Final = 0.1


class OpenLine(Protocol):
    """heard_s: when something arrived last, s of the event loop."""

    instance: str
    heard_s: float


class DoubleRecorders:
    """Call from one event loop; `names` from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: dict[str, tuple[str, float]] = {}
        """Recorders whose key another one had as well: name, and when that one was refused, s."""

    async def refuses(self, box: Box, instance: str, former: Callable[[], OpenLine | None]) -> bool:
        """Return whether another recorder has this one's line, such as one that was restored from its backup.

        The line of a recorder that was restarted, or has another network now, is silent, and ends meanwhile. One
        without an instance is of an earlier version: it replaces the line.
        """
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        while (line := former()) is not None and instance and line.instance:
            if line.instance == instance:
                break
            if line.heard_s >= begun_s + ALIVE_S:
                if box.id not in self._refused:
                    log.warning("a second recorder with the key of %s was refused", box.name)
                self._refused[box.id] = box.name, self._clock.mono_s()
                return True
            await asyncio.sleep(_LOOK_AGAIN_S)
        return False

    def names(self) -> list[str]:
        """Return the names of recorders whose key another one has as well."""
        now_s = self._clock.mono_s()
        return sorted(name for name, at_s in list(self._refused.values()) if now_s - at_s < SHOWN_S)


def instance_in(hello: Mapping[str, Any]) -> str:
    """Return the random number that a recorder drew when it started; empty: it has none."""
    return str(hello.get("instance", ""))[:64]
