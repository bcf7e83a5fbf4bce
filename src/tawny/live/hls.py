"""HLS and Low-Latency HLS from the ring buffer without disk I/O, for phones, TVs and HTTP-only networks.

One playlist per stream for all viewers. A segment begins with a keyframe and consists of parts of a third of a second.
Of a stream with very rare keyframes, others begin within a GOP: memory stays bounded.
A player that supports parts requests the next part early; the response blocks until the part is complete.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

from tawny.live.fragmenter import Fragmenter, NewInitSegment
from tawny.live.wakeup import Wakeup
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.packets import VIDEO_RATE, Packet
from tawny.model.times import Clock, utc_text
from tawny.stream.hub import Hub

PART_S, SEGMENT_S = 0.34, 2.0
KEPT_SEGMENTS = 7
LONGEST_S, LARGEST_BYTES = 65.0, 16_000_000
"""A segment ends here without waiting for a keyframe. Players show nothing of one that they begin with, up to the next
keyframe, so it's longer than the GOPs that cameras offer: a minute."""
MOST_BYTES, FEWEST_SEGMENTS = 48_000_000, 2
"""Of all segments together; as many as these stay in any case."""
KEPT_BEGINS = 4
PARTS_LISTED = 3
"""Number of newest segments listed with their parts."""
BACK_S = 6.0
"""Seconds of the ring buffer listed from the start."""
GAP_S = 6.0
"""A longer part is a gap in the stream: it raises the target duration only while it is listed."""
UNUSED_S = 15.0
LOOK_S = 2.0


@dataclass(slots=True)
class HlsPart:
    data: bytes
    seconds: float
    begins: bool
    """The part begins with a keyframe."""


@dataclass(slots=True)
class HlsSegment:
    """number: media sequence number. begin: number of its init segment. at_ms: UTC of its first frame."""

    number: int
    begin: int
    at_ms: int
    parts: list[HlsPart] = field(default_factory=list)
    is_whole: bool = False

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)

    @property
    def size_bytes(self) -> int:
        return sum(len(part.data) for part in self.parts)

    @property
    def data(self) -> bytes:
        return b"".join(part.data for part in self.parts)


class HlsNumbers(NamedTuple):
    """Numbers of the next segment and of the next init segment."""

    segment: int
    begin: int


FROM_0: Final = HlsNumbers(0, 0)
_FROM_MS: Final = 1_767_225_600_000
"""2026-01-01, ms UTC: numbers count the seconds since."""
_MOST: Final = 900_000_000
"""Limit of the first number: some players have 31 bits for numbers, and the routes take 10⁹."""


def _numbers_at(now_ms: int) -> HlsNumbers:
    """Return numbers above those that the recorder used before: a segment takes more than a second.

    Else a player that goes on after a restart waits until the number that it knows comes again. If the clock was set
    back meanwhile, it still does.
    """
    seconds = max(0, min((now_ms - _FROM_MS) // 1000, _MOST))
    return HlsNumbers(seconds, seconds)


class HlsFeed:
    """One stream's playlist and segments. Event loop only.

    `run` returns after UNUSED_S without a request. Then `over` is True and a new feed is needed.
    """

    def __init__(self, hub: Hub, clock: Clock, first: HlsNumbers = FROM_0) -> None:
        """first: its first numbers. Above 0, a discontinuity comes first: players may have the list of another feed."""
        self._hub, self._clock, self._first = hub, clock, first
        self._wakeup = Wakeup()
        self._fragmenter = Fragmenter(hub)
        self._held: Packet | None = None
        self._waiting: list[bytes] = []
        self._waiting_s, self._waiting_begins = 0.0, False
        self._segments: deque[HlsSegment] = deque(maxlen=KEPT_SEGMENTS)
        self._begins: dict[int, NewInitSegment] = {}
        self._count = first.begin
        self._target_s = math.ceil(SEGMENT_S)
        self._asked_s = clock.mono_s()
        self._more = asyncio.Condition()
        self.over = False

    @property
    def mime(self) -> str:
        """Return the MIME type of the newest init segment; empty before the first."""
        return self._begins[max(self._begins)].mime if self._begins else ""

    @property
    def first(self) -> int:
        """Return the number of its first segment, made or not."""
        return self._first.segment

    @property
    def coming(self) -> HlsNumbers:
        return HlsNumbers(self._segments[-1].number + 1 if self._segments else self._first.segment, self._count)

    def asked(self) -> None:
        self._asked_s = self._clock.mono_s()

    def header(self, number: int) -> NewInitSegment | None:
        return self._begins.get(number)

    def segment(self, number: int) -> HlsSegment | None:
        return next((each for each in self._segments if each.number == number), None)

    async def has(self, segment: int, part: int | None, timeout_s: float) -> bool:
        """Wait for the complete segment, or for one part of it. Return False on timeout or when the feed is over."""
        try:
            async with asyncio.timeout(timeout_s), self._more:
                await self._more.wait_for(lambda: self.over or self._is_there(segment, part))
        except TimeoutError:
            return False
        return not self.over

    def is_near(self, segment: int) -> bool:
        """Return whether a request may wait for this segment number."""
        return segment <= (self._segments[-1].number if self._segments else self.first) + 2

    def playlist(self, more: str = "") -> str:
        """Return the media playlist. more: suffix appended to every URI."""
        begins = [at for at, each in enumerate(self._segments) if any(part.begins for part in each.parts)]
        # back to a keyframe: players of parts begin there
        with_parts = [*self._segments][max(0, min([len(self._segments) - PARTS_LISTED, *begins[-1:]])) :]
        part_s = max((part.seconds for each in with_parts for part in each.parts), default=0.0)
        part_s = max(PART_S, part_s)  # a frame is at least a part
        target_s = max([self._target_s, *(_target_s(each.seconds) for each in self._segments if each.is_whole)])
        number, begin = (self._segments[0].number, self._segments[0].begin) if self._segments else self._first
        is_other = number == self.first > 0
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:9",
            f"#EXT-X-TARGETDURATION:{target_s}",
            f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={part_s * 3:.2f}",
            f"#EXT-X-PART-INF:PART-TARGET={part_s + 0.1:.2f}",
            f"#EXT-X-MEDIA-SEQUENCE:{number}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{begin - is_other}",
        ]
        before = -1
        for each in self._segments:
            if each.begin != before:
                lines += ["#EXT-X-DISCONTINUITY"] if before >= 0 or is_other else []
                lines.append(f'#EXT-X-MAP:URI="header-{each.begin}.mp4{more}"')
                before = each.begin
            lines += _segment_lines(each, more, with_parts=each in with_parts)
        if self._segments:
            last = self._segments[-1]
            number, part = (last.number + 1, 0) if last.is_whole else (last.number, len(last.parts))
            lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-{number}-{part}.m4s{more}"')
        return "\n".join(lines) + "\n"

    async def run(self) -> None:
        reader = self._hub.reader(back_s=BACK_S, wake=self._wakeup)
        has_begun = False
        try:
            while self._clock.mono_s() - self._asked_s < UNUSED_S:
                packets = reader.take().packets
                if not has_begun:
                    has_begun = self._hub.is_live(self._clock.now_ms())
                    # without those from before an outage: players would show them as live
                    packets = [one for one in packets if has_begun and one.run == packets[-1].run]
                    self._target_s = max([self._target_s, *map(_target_s, _long_gops(self._hub))])
                for packet in packets:
                    self._take(packet)
                if packets:
                    async with self._more:
                        self._more.notify_all()
                await self._wakeup.wait(LOOK_S)
        finally:
            reader.close()
            self.over = True
            async with self._more:
                self._more.notify_all()

    def _take(self, packet: Packet) -> None:
        for made in self._fragmenter.take(packet):
            if isinstance(made, NewInitSegment):
                self._end_part()
                self._end_segment()
                self._begins[self._count] = made
                self._count += 1
                self._held = None
                for old in [number for number in self._begins if number < self._count - KEPT_BEGINS]:
                    del self._begins[old]
            elif self._held is not None:
                self._add(made, self._held)
        if packet.is_video:
            self._held = packet

    def _add(self, fragment: bytes, picture: Packet) -> None:
        # by decode times: with B-frames, presentation times step back. A gap of minutes makes no segment of minutes
        seconds = min(self._fragmenter.newest_s, LONGEST_S - SEGMENT_S)
        if picture.is_keyframe:
            self._end_part()
            newest = self._segments[-1] if self._segments else None
            if newest is None or newest.is_whole or newest.seconds >= SEGMENT_S - PART_S or not newest.parts[0].begins:
                self._begin_segment(picture.at_ms)
        elif self._segments and self._is_full(seconds, len(fragment)):
            self._end_part()
            self._begin_segment(picture.at_ms)
        if not self._waiting:
            self._waiting_begins = picture.is_keyframe
        self._waiting.append(fragment)
        self._waiting_s += seconds
        if self._waiting_s >= PART_S - seconds / 2:
            self._end_part()

    def _end_part(self) -> None:
        if self._waiting and self._segments:
            made = HlsPart(b"".join(self._waiting), self._waiting_s, self._waiting_begins)
            self._segments[-1].parts.append(made)
            while len(self._segments) > FEWEST_SEGMENTS and sum(one.size_bytes for one in self._segments) > MOST_BYTES:
                self._segments.popleft()
        self._waiting, self._waiting_s = [], 0.0

    def _is_full(self, more_s: float, more_bytes: int) -> bool:
        """Return whether the newest segment has no room for this fragment."""
        newest, waiting_bytes = self._segments[-1], sum(map(len, self._waiting))
        is_long = newest.seconds + self._waiting_s + more_s > LONGEST_S
        return is_long or newest.size_bytes + waiting_bytes + more_bytes > LARGEST_BYTES

    def _begin_segment(self, at_ms: int) -> None:
        self._end_segment()
        self._segments.append(HlsSegment(self.coming.segment, self._count - 1, at_ms))

    def _end_segment(self) -> None:
        if self._segments:
            self._segments[-1].is_whole = True
            steady_s = sum(part.seconds for part in self._segments[-1].parts if part.seconds <= GAP_S)
            self._target_s = max(self._target_s, _target_s(steady_s))

    def _is_there(self, number: int, part: int | None) -> bool:
        if not self._segments:
            return False
        last = self._segments[-1]
        if number != last.number:
            return number < last.number
        return last.is_whole or (part is not None and part < len(last.parts))


def _target_s(longest_s: float) -> int:
    """Return the target duration for a segment: a long one may be longer by as much as players round."""
    return math.ceil(longest_s) if longest_s <= BACK_S else math.floor(longest_s + 0.5)


class _GopSize(NamedTuple):
    """steady_s: seconds without gaps."""

    seconds: float
    steady_s: float
    size_bytes: int


def _gops(hub: Hub) -> list[_GopSize]:
    """Return what the ring knows of the GOPs since the stream began; the last one goes on."""
    pictures = [packet for packet in hub.recent(LONGEST_S) if packet.is_video]
    pictures = [packet for packet in pictures if packet.run == pictures[-1].run]
    begins = [at for at, packet in enumerate(pictures) if packet.is_keyframe]
    steps = [after.pts - before.pts for before, after in pairwise(pictures)]
    return [
        _GopSize(
            sum(steps[begin:end]) / VIDEO_RATE,
            sum(step for step in steps[begin:end] if step <= GAP_S * VIDEO_RATE) / VIDEO_RATE,
            sum(len(packet.data) for packet in pictures[begin:end]),
        )
        for begin, end in pairwise([*begins, len(pictures)])
    ]


def _long_gops(hub: Hub) -> list[float]:
    """Return the lengths, s, of whole GOPs that may be longer than what the first list has of them."""
    return [min(gop.steady_s, LONGEST_S) for gop in _gops(hub)[:-1] if gop.steady_s > BACK_S]


def is_independent(hub: Hub) -> bool:
    """Return whether all segments of a stream begin with keyframes, by what the ring knows."""
    gops = _gops(hub)
    return bool(gops) and all(gop.seconds <= LONGEST_S and gop.size_bytes <= LARGEST_BYTES for gop in gops)


def _segment_lines(segment: HlsSegment, more: str, *, with_parts: bool) -> Iterator[str]:
    yield f"#EXT-X-PROGRAM-DATE-TIME:{utc_text(segment.at_ms)}"
    if with_parts:
        for at, part in enumerate(segment.parts):
            begins = ",INDEPENDENT=YES" if part.begins else ""
            yield f'#EXT-X-PART:DURATION={part.seconds:.5f},URI="part-{segment.number}-{at}.m4s{more}"{begins}'
    if segment.is_whole:
        yield f"#EXTINF:{segment.seconds:.5f},"
        yield f"segment-{segment.number}.m4s{more}"


# Registry of HLS feeds: each starts with its first request and ends after a period without requests.


class HlsFeedKey(NamedTuple):
    """stream: the requested name: main, sub or auto. seen: cameras that a follow stream may show; None: all.

    can: codecs that the player supports. turns: transcoded, with the privacy masks `private`.
    """

    camera: CameraId | None
    stream: str
    seen: frozenset[CameraId] | None = None
    can: frozenset[str] = frozenset()
    turns: bool = False
    private: tuple[Polygon, ...] = ()


class HlsSource(Protocol):
    """A StreamChoice or a FollowStream. source: identifies the underlying stream; a change replaces the feed."""

    @property
    def source(self) -> Hub: ...

    def opened(self) -> AbstractContextManager[Hub]: ...


class HlsFeeds:
    """Open HLS feeds by key. Event loop only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[HlsFeedKey, tuple[HlsFeed, Hub, asyncio.Task[None]]] = {}
        self._next = FROM_0
        """Above the numbers of all feeds so far: those of a playlist never go back. One for all keys."""

    def known(self, key: HlsFeedKey) -> HlsFeed | None:
        found = self._open.get(key)
        if found is None or found[0].over:
            return None
        found[0].asked()
        return found[0]

    def feed(self, key: HlsFeedKey, choice: HlsSource, counted: AbstractContextManager[None]) -> HlsFeed:
        """Return the feed for `key`; create it if missing or if its source changed.

        counted: entered while the feed runs.
        """
        known, found = self.known(key), self._open.get(key)
        if known is not None and found is not None and found[1] is choice.source:
            return known
        for other, _, _ in self._open.values():
            self._went(other.coming)  # a player may come from another key: that with or without transcoding
        if not self._open:  # else the clock, which is ahead of the numbers, would make players skip some
            self._went(_numbers_at(self._clock.now_ms()))
        if found is not None:
            found[2].cancel()
        opened = choice.opened()
        feed = HlsFeed(opened.__enter__(), self._clock, self._next)
        task = asyncio.create_task(self._run(key, feed, opened, counted))
        self._open[key] = (feed, choice.source, task)
        return feed

    async def _run(
        self, key: HlsFeedKey, feed: HlsFeed, opened: AbstractContextManager[Hub], counted: AbstractContextManager[None]
    ) -> None:
        try:
            with counted:
                await feed.run()
        finally:
            opened.__exit__(None, None, None)
            self._went(feed.coming)
            if self._open.get(key, (None,))[0] is feed:
                del self._open[key]

    def _went(self, numbers: HlsNumbers) -> None:
        self._next = HlsNumbers(*map(max, self._next, numbers))

    async def close(self) -> None:
        tasks = [task for _, _, task in self._open.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
