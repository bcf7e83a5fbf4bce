"""The hub asks a box what it recorded, by the box's own API, day by day, and stores the answers.

History says gaps, damage and events; recorded time is known to the box's index alone. Today is asked once a minute;
days before, the newest first, until all are known. Then one of them a minute is asked again: recordings are also
deleted. Whatever the box has not answered stays unknown.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from tawny.fleet.fleet_index import BoxDay, CameraDay, FleetIndex
from tawny.fleet.history_rows import DAY_MS, LATEST_MS, is_camera
from tawny.fleet.session import Exchange, Kind, json_answer
from tawny.model.errors import NotDone, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Span, merge_spans

log = logging.getLogger(__name__)
RECORDED_PATH: Final = "/api/v1/recorded"
AGAIN_S: Final = 60.0
SETTLED_MS: Final = 120_000
"""Time after the end of a day from which its recordings no longer grow."""
FRESH_MS: Final = 10_000
"""A recording that ended so shortly before the answer goes on: what came since isn't known yet."""
MOST_ANSWER_BYTES: Final = 2 * 1024 * 1024
MOST_CAMERAS: Final = 128
MOST_SPANS: Final = 4_000
"""Of one camera and day."""
MOST_DAYS: Final = 1500
"""Days before today that are asked for."""

Ask = Callable[[Mapping[str, Any]], Awaitable[Exchange]]
"""Opens a request to the box. Raises LineClosed, NotDone: it answers too many others."""


class RecordedTimeReader:
    """Keeps the recorded time of one box up to date while it is connected."""

    def __init__(self, ask: Ask, index: FleetIndex, box: str, book: str) -> None:
        self._ask, self._index, self._box, self._book = ask, index, box, book
        self._now_ms = 0
        """By the box's clock, at its last answer."""
        self._again: Iterator[int] = iter(())

    async def run(self) -> None:
        """Ask until the line ends, or the box doesn't answer such requests. Raises LineClosed."""
        while True:
            try:
                await self._refresh()
            except (NotDone, StorageError) as error:
                log.debug("recorded time of %s is asked for later: %s", self._box, error)
            except ValueError as error:
                log.info("recorded time of %s isn't known here: %s", self._box, error)
                return
            await asyncio.sleep(AGAIN_S)

    async def _refresh(self) -> None:
        """Read today, then the days that are missing; if none is, one of the others again."""
        if not self._now_ms:
            await self._read(0)  # to learn what day it is there
        today = await self._read(self._now_ms // DAY_MS)
        known = await asyncio.to_thread(self._index.recorded_days, self._box, self._book)
        former = former_days(today)
        missing = [day for day in former if known.get(day, 0) < (day + 1) * DAY_MS]
        for day in missing or self._next_again(former):
            await self._read(day)

    def _next_again(self, former: list[int]) -> list[int]:
        """Return the day whose turn it is to be asked again; empty if there is none."""
        chosen = list(islice(self._again, 1))
        if not chosen:
            self._again = iter(former)
            chosen = list(islice(self._again, 1))
        return chosen

    async def _read(self, day: int) -> BoxDay:
        """Read and store a day. Raises NotDone: it can't answer now; ValueError: the answer isn't understood."""
        answer = await self._answer(day)
        self._now_ms, found = recorded_in(answer, day)
        if day:
            await asyncio.to_thread(self._index.put_recorded, self._box, self._book, found)
        return found

    async def _answer(self, day: int) -> Any:
        span = f"from_ms={day * DAY_MS}&to_ms={(day + 1) * DAY_MS}"
        asked = {"method": "GET", "path": RECORDED_PATH, "query": span, "headers": [], "person": "", "role": "viewer"}
        exchange = await self._ask(asked)
        try:
            await exchange.send(Kind.END)
            status, answer = await json_answer(exchange, MOST_ANSWER_BYTES)
        finally:
            exchange.close()
        if status == 429 or status >= 500:
            raise NotDone(f"It answered with status {status}.")
        if status != 200:
            raise ValueError("it doesn't say what it recorded")
        return answer


def former_days(today: BoxDay) -> list[int]:
    """Return the days before with recordings, newest first."""
    starts = [one for one in today.first_ms.values() if one is not None]
    if not starts:
        return []
    oldest = max(min(starts) // DAY_MS, today.day - MOST_DAYS)
    return list(range(today.day - 1, oldest - 1, -1))


def recorded_in(data: Any, day: int) -> tuple[int, BoxDay]:
    """Return the box's time, ms UTC, and what it recorded on a day, by its answer. Raises ValueError if invalid."""
    try:
        now_ms, whole = _instant(data["now_ms"]), Span(day * DAY_MS, (day + 1) * DAY_MS)
        until_ms = whole.end_ms if now_ms >= whole.end_ms + SETTLED_MS else min(now_ms, whole.end_ms - 1)
        cameras, first_ms = dict[CameraId, CameraDay](), dict[CameraId, int | None]()
        for one in data["cameras"][:MOST_CAMERAS]:
            camera = CameraId(one["id"])
            if not is_camera(camera):
                raise ValueError("a camera's name isn't valid")
            spans = [Span(_instant(begin), _instant(end)) for begin, end in one["spans"][:MOST_SPANS]]
            merged = [part for span in merge_spans(spans) if (part := span.cut_to(whole)) is not None]
            cameras[camera] = CameraDay(tuple(merged), _known_until(merged, until_ms, whole))
            first_ms[camera] = None if one["first_ms"] is None else _instant(one["first_ms"])
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("its answer isn't understood") from error
    return now_ms, BoxDay(day, until_ms, cameras, first_ms)


def _known_until(recorded: list[Span], until_ms: int, whole: Span) -> int:
    """Return up to when a camera's recordings are known: what has just been recorded isn't listed yet."""
    last_ms = recorded[-1].end_ms if recorded else 0
    is_going_on = until_ms < whole.end_ms and until_ms - FRESH_MS <= last_ms <= until_ms
    return last_ms if is_going_on else until_ms


def _instant(data: Any) -> int:
    if type(data) is not int or not 0 <= data <= LATEST_MS:
        raise ValueError("a time isn't valid")
    return data
