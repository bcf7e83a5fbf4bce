"""Playback commands on the data channel `playback`: JSON objects with any of these keys.

`at_ms`: seek to this time. `rate`: playback rate. `pause`: pause or resume. `live`: true returns to the live stream.
"""

import asyncio
import json
from dataclasses import dataclass, replace

CHANNEL = "playback"
SLOWEST, FASTEST = 0.5, 32.0
MOST_CHARACTERS = 1000
_LAST_MS = 253_402_300_800_000


class InvalidPlaybackCommand(ValueError):
    """An invalid command; the message gives the reason for the page's developer."""


@dataclass(frozen=True, slots=True)
class PlaybackCommand:
    """A playback command. None: unchanged."""

    at_ms: int | None = None
    rate: float | None = None
    pause: bool | None = None
    live: bool = False

    def then(self, later: "PlaybackCommand") -> "PlaybackCommand":
        """Merge with a later command. Of two seeks only the later one remains."""
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
    """Parse a command. Raises InvalidPlaybackCommand."""
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
    """Queue between data channel and session; merges pending commands into one. Event loop only."""

    def __init__(self) -> None:
        self._waiting: PlaybackCommand | None = None
        self._wrong = ""
        self._came = asyncio.Event()
        self.any = asyncio.Event()
        """Set by the first message; never cleared."""

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
        """Make `next` return without a command."""
        self._came.set()

    async def next(self) -> tuple[PlaybackCommand | None, str]:
        """Wait for a command. Return it and an error text. Both may be empty, after `wake`."""
        await self._came.wait()
        self._came.clear()
        order, wrong, self._waiting, self._wrong = self._waiting, self._wrong, None, ""
        return order, wrong
