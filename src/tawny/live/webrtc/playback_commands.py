"""What a viewer asks for on the data channel `playback`: JSON texts, each with any of these.

`at_ms`: go to that instant. `rate`: how fast. `pause`: hold the picture, or go on. `live`: true, back to what is live.
"""

import asyncio
import json
from dataclasses import dataclass, replace

CHANNEL = "playback"
SLOWEST, FASTEST = 0.5, 32.0
MOST_CHARACTERS = 1000
_LAST_MS = 253_402_300_800_000


class InvalidPlaybackCommand(ValueError):
    """Its message tells what is wrong, for who wrote the page."""


@dataclass(frozen=True, slots=True)
class PlaybackCommand:
    """None: as it was."""

    at_ms: int | None = None
    rate: float | None = None
    pause: bool | None = None
    live: bool = False

    def then(self, later: "PlaybackCommand") -> "PlaybackCommand":
        """Both in one: of two places the later one alone is gone to."""
        if later.live:
            return later
        live = self.live and later.at_ms is None
        return PlaybackCommand(
            at_ms=self.at_ms if later.at_ms is None else later.at_ms,
            rate=self.rate if later.rate is None else later.rate,
            pause=self.pause if later.pause is None else later.pause,
            live=live,
        )


def read_order(text: str) -> PlaybackCommand:
    """NotAnOrder for anything else."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidPlaybackCommand("too long")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPlaybackCommand("this is no JSON") from error
    if not isinstance(said, dict):
        raise InvalidPlaybackCommand("this is no object")
    made = PlaybackCommand()
    for name, value in said.items():
        match name, value:
            case "at_ms", int() | float() if not isinstance(value, bool) and 0 <= value < _LAST_MS:
                made = replace(made, at_ms=int(value))
            case "rate", int() | float() if not isinstance(value, bool) and SLOWEST <= value <= FASTEST:
                made = replace(made, rate=float(value))
            case "pause", bool():
                made = replace(made, pause=value)
            case "live", bool():
                made = replace(made, live=value)
            case _:
                raise InvalidPlaybackCommand(f"{str(name)[:40]} cannot be {str(value)[:40]}")
    return PlaybackCommand(live=True) if made.live else made


class PlaybackCommands:
    """Between the channel and who carries them out: however many come, one waits. In the event loop."""

    def __init__(self) -> None:
        self._waiting: PlaybackCommand | None = None
        self._wrong = ""
        self._came = asyncio.Event()
        self.any = asyncio.Event()
        """Set for good by the first."""

    def hear(self, label: str, text: str) -> None:
        if label != CHANNEL:
            return
        try:
            order = read_order(text)
        except InvalidPlaybackCommand as error:
            self._wrong = str(error)
        else:
            self._waiting = order if self._waiting is None else self._waiting.then(order)
        self.any.set()
        self._came.set()

    def wake(self) -> None:
        """Let who waits look again."""
        self._came.set()

    async def next(self) -> tuple[PlaybackCommand | None, str]:
        """What is to be done, and what was wrong with what was said; nothing of either where it was only woken."""
        await self._came.wait()
        self._came.clear()
        order, wrong, self._waiting, self._wrong = self._waiting, self._wrong, None, ""
        return order, wrong
