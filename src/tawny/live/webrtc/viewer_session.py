"""Session of one WebRTC viewer: shows live or recorded video as requested on the data channel.

The session reports its state on the same channel: time, state and RTP timestamp of the frame, so that the page can
identify the displayed frame.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from tawny.live.webrtc.live_sender import AGAIN_S, LiveSender, MediaSink
from tawny.live.webrtc.playback_sender import (
    Heard,
    PlaybackClock,
    PlaybackSender,
    PrefetchReader,
    ReadNext,
    RtpTimeline,
    sparse_ms,
)
from tawny.model.errors import StorageError
from tawny.model.segments import GAP_WORDS, NotCarried, SkippedTime
from tawny.model.times import Clock

# Playback commands on the data channel `playback`: JSON objects with any of these keys.

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
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPlaybackCommand("this is no JSON") from error
    if not isinstance(values, dict):
        raise InvalidPlaybackCommand("this is no object")
    made = PlaybackCommand()
    for name, value in values.items():
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

    def on_text(self, label: str, text: str) -> None:
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


TELL_S = 0.4
TWICE_S = 1.0
"""Maximum interval between keyframe requests of a viewer that cannot decode a paused frame, in seconds.

Isolated requests are ignored.
"""
State = Literal["live", "seeking", "playing", "paused"]


@dataclass(frozen=True, slots=True)
class PlaybackArchive:
    """Access to recordings for one viewer. reel: opens a reader at a time with a minimum frame distance, both ms.

    why_not: the reason why playback is unavailable; empty if available. limit: bounds concurrent reads of all viewers.
    sounds: creates the track lookup for recorded audio.
    """

    reel: Callable[[int, int], ReadNext]
    sounds: Callable[[], Heard]
    limit: asyncio.Semaphore
    why_not: str = ""


class ViewerSession:
    """One viewer's session. show: creates the live sender. send_text: sends on a data channel. Event loop only."""

    def __init__(
        self,
        viewer: MediaSink,
        clock: Clock,
        show: Callable[[MediaSink], LiveSender],
        archive: PlaybackArchive,
        orders: PlaybackCommands,
        send_text: Callable[[str, str], object],
    ) -> None:
        self._viewer, self._clock, self._make_show, self._archive = viewer, clock, show, archive
        self._orders, self._send_text = orders, send_text
        self._stage = RtpTimeline(viewer, clock)
        self._task: asyncio.Task[None] | None = None
        self._pace: PlaybackClock | None = None
        """None while live."""
        self._past: PlaybackSender | None = None
        self._sparse_ms = 0
        self._rate, self._is_paused = 1.0, False
        """As requested by the viewer."""
        self._begun_s = self._wished_s = 0.0
        self._is_wanted_again = False

    async def run(self) -> None:
        """Run until the connection ends."""
        reporting = asyncio.create_task(self._send_states())
        try:
            await self._go_live()
            while not self._viewer.ended.is_set():
                await self._step()
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)
            await self._stop()

    async def _step(self) -> None:
        """Process the next command, or the end of the current sender."""
        assert self._task is not None
        request = asyncio.create_task(self._orders.next())
        try:
            await asyncio.wait((request, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not request.done():
                request.cancel()
        if request.done() and not request.cancelled():
            order, wrong = request.result()
            if wrong:
                self._send_state(error=f"Invalid message: {wrong}.")
            if order is not None:
                await self._obey(order)
            elif self._is_wanted_again and self._pace is not None:
                await self._go_to(int(self._pace.at_ms()), is_held=self._pace.is_held)
        elif self._task.done():
            await self._over()

    async def _obey(self, order: PlaybackCommand) -> None:
        pace = self._pace
        if order.pause is not None:
            self._is_paused = order.pause
        if order.live:
            if pace is not None:
                await self._go_live()
        elif self._archive.why_not:
            self._send_state(error=self._archive.why_not)
        elif order.at_ms is not None:
            self._rate = order.rate or (self._rate if pace else 1.0)
            await self._go_to(order.at_ms, is_held=self._is_paused)
        elif pace is None:
            if self._is_paused and self._stage.shown_ms is not None:
                await self._hold_live(self._stage.shown_ms)
        else:
            await self._change(pace, order)
        self._send_state()

    async def _change(self, pace: PlaybackClock, order: PlaybackCommand) -> None:
        """Apply a new rate or pause state at the current position."""
        self._rate = order.rate or self._rate
        is_held = self._is_paused
        if self._past is None or self._apart_ms(is_held=is_held) != self._sparse_ms:
            await self._go_to(int(pace.at_ms()), is_held=is_held)
        else:
            pace.set(rate=self._rate, is_held=is_held)

    async def _go_live(self) -> None:
        await self._stop()
        self._pace = self._past = None
        self._rate, self._is_paused = 1.0, False
        show = self._make_show(self._stage)
        self._task = asyncio.create_task(_shown(show))

    async def _hold_live(self, at_ms: int) -> None:
        """Freeze the current frame. Playback resumes from there."""
        await self._stop()
        self._past, self._pace = None, PlaybackClock(self._clock, at_ms, self._rate, is_held=True)
        self._stage.keyframe = self._request_keyframe
        self._task = asyncio.create_task(_until(self._viewer.ended))

    async def _go_to(self, at_ms: int, *, is_held: bool) -> None:
        await self._stop()
        self._sparse_ms = self._apart_ms(is_held=is_held)
        self._pace = pace = PlaybackClock(self._clock, at_ms, self._rate, is_held=is_held)
        ahead = PrefetchReader(self._archive.reel(at_ms, self._sparse_ms), self._archive.limit)
        sounds = self._archive.sounds()
        past = PlaybackSender(
            self._stage, self._clock, ahead, pace, sounds=sounds, skipped=self._send_skipped, arrived=self._send_state
        )
        self._past = past
        self._begun_s, self._is_wanted_again = self._clock.mono_s(), False
        self._stage.keyframe = self._request_keyframe
        self._task = asyncio.create_task(past.run())

    def _apart_ms(self, *, is_held: bool) -> int:
        """Return the minimum frame distance, in ms. While paused, 0: the exact frame is shown at any rate."""
        return 0 if is_held else sparse_ms(self._rate)

    async def _over(self) -> None:
        """Handle the end of the current sender."""
        assert self._task is not None
        error = self._task.exception()
        if isinstance(error, NotCarried | StorageError):
            shown_ms = self._stage.shown_ms if self._past and self._past.has_begun else None
            at_ms = shown_ms or (int(self._pace.at_ms()) if self._pace else 0)
            await self._hold_live(at_ms)
            self._send_state(
                error=str(error) if isinstance(error, NotCarried) else "The recordings can't be read right now."
            )
        elif error is not None:
            raise error
        elif self._pace is not None:
            await self._go_live()
            self._send_state()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _request_keyframe(self) -> None:
        """Handle a keyframe request of the viewer."""
        if self._pace is None or self._past is None:
            return
        now_s = self._clock.mono_s()
        before_s, self._wished_s = self._wished_s, now_s
        if now_s - self._begun_s < AGAIN_S or (self._pace.is_held and now_s - before_s > TWICE_S):
            return
        self._is_wanted_again = True
        self._orders.wake()

    @property
    def state(self) -> State:
        if self._pace is None:
            return "live"
        if self._past is not None and not self._past.has_arrived:
            return "seeking"
        return "paused" if self._pace.is_held else "playing"

    def _shown_ms(self) -> int | None:
        pace = self._pace
        if pace is not None and (self._past is None or not self._past.has_arrived):
            return int(pace.at_ms()) if self._past is None else pace.begin_ms
        return self._stage.shown_ms

    def _send_state(self, **more: object) -> None:
        state = self.state
        rtp = None if state == "seeking" else self._stage.time
        message = {"at_ms": self._shown_ms(), "state": state, "rate": self._rate, "rtp": rtp}
        turned = asdict(self._stage.video.orientation)
        self._send_text(CHANNEL, json.dumps(message | turned | more))

    def _send_skipped(self, skipped: SkippedTime) -> None:
        reason = skipped.reason
        words = GAP_WORDS[reason] if reason else "Nothing recorded"
        span = {"begin_ms": skipped.span.begin_ms, "end_ms": skipped.span.end_ms}
        self._send_state(gap=span | {"reason": reason and reason.value, "words": words})

    async def _send_states(self) -> None:
        """Report the state periodically, from the first command on: the channel is open by then."""
        await self._orders.any.wait()
        while True:
            self._send_state()
            await asyncio.sleep(TELL_S)


async def _shown(show: LiveSender) -> None:
    with contextlib.closing(show):
        await show.run()


async def _until(event: asyncio.Event) -> None:
    await event.wait()
