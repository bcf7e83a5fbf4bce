"""Asks a box for its files through its line: as fast as allowed, and slowly while people watch through it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from tawny.fleet.copy_source import MOST_PART_BYTES, SourceFile, hour_ms, is_day_file, is_history, is_recording
from tawny.fleet.hub import BoxConnection
from tawny.fleet.message_link import LineClosed
from tawny.fleet.session import Kind
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import DAY_MS, HOUR_MS, segment_name

ADDRESS: Final = "/api/v1/copies"
_WATCHED_PART_BYTES: Final = 32 * 1024
_WATCHED_BYTES_S: Final = 16 * 1024
"""Other traffic of the line, bytes/s, from which on people are watching: more than news of changes."""
_WATCHED_PAUSE: Final = 3.0
"""Pause after a part, as a multiple of the time that it took: what is watched has three quarters of the line."""
_WATCHED_S: Final = 3.0
"""Time in s for which people count as watching after the last traffic."""
_MOST_LIST_BYTES: Final = 8 * 1024 * 1024
_MOST_FILES: Final = 50_000
MOST_KEPT: Final = 100_000
"""Files in all lists that are kept; each list counts as one more."""
_LARGEST_FILE_BYTES: Final = 64 * 1024**3
MOST_EVENT_FILE_BYTES: Final = 8 * 1024**2
"""Of a snapshot, a preview or the objects of an event: nothing proves these files."""
_BUSY_S: Final = 1.0


UNREADABLE: Final = 500
"""Status of the box's answer if its disk can't read a file."""


class FileGone(Exception):
    """The box has it no longer: retention or its owner deleted it, or it was thinned."""


class FileUnread(Exception):
    """The box's disk can't read it now."""


class CopiesRefused(Exception):
    """The box gives no copies. The text says why, for users."""


class CopyReader:
    """Reads from one box while its line lasts. Single event loop. Raises LineClosed when the line has ended."""

    def __init__(self, connection: BoxConnection) -> None:
        self._connection = connection
        self.max_kbit_s = 0
        """Maximum rate, kbit/s; 0: no limit."""
        self._loop = asyncio.get_running_loop()
        self._own_bytes = 0
        self._others_bytes, self._others_s = 0, self._loop.time()
        self._watched_s = float("-inf")
        self._lists: dict[str, tuple[str, list[SourceFile]]] = {}

    async def about(self) -> dict[str, Any]:
        """Return what the box says about itself and its cameras."""
        return await self._json("about", {})

    async def history(self) -> list[SourceFile]:
        return [one for one in await self._list("history", {}) if is_history(one.path)]

    async def recordings(self, camera: CameraId, within: Span) -> list[SourceFile]:
        """Return the recordings of the hours of a span."""
        hours = _whole(within, HOUR_MS)
        found = await self._list("recordings", {"camera": camera, "from_ms": hours.begin_ms, "to_ms": hours.end_ms})
        return [one for one in found if _is_copied(one) and _is_of(camera, parent_of(one.path), hours)]

    async def day_files(self, camera: CameraId, within: Span) -> list[SourceFile]:
        """Return the files of the days of a span."""
        days = _whole(within, DAY_MS)
        found = await self._list("days", {"camera": camera, "from_ms": days.begin_ms, "to_ms": days.end_ms})
        return [one for one in found if is_day_file(one.path) and _is_of(camera, f"{parent_of(one.path)}/00", days)]

    async def part(self, file: SourceFile, at: int) -> bytes:
        """Return the next part of a file, at the allowed pace. Raises FileGone, FileUnread."""
        rate = self.max_kbit_s * 125
        is_watched = self._is_watched()
        most = _WATCHED_PART_BYTES if is_watched else MOST_PART_BYTES
        if rate:
            most = max(4096, min(most, rate // 2))
        begun_s = self._loop.time()
        data = await self._ask("file", {"path": file.path, "at": at, "count": min(most, file.size_bytes - at)}, most)
        took_s = self._loop.time() - begun_s
        if not data:
            raise FileGone
        pause_s = took_s * _WATCHED_PAUSE if is_watched else 0.0
        if rate:
            pause_s = max(pause_s, len(data) / rate - took_s)
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        return data

    def _is_watched(self) -> bool:
        """Return whether people get video or clips through this line."""
        now_s, others = self._loop.time(), self._connection.exchange_bytes - self._own_bytes
        elapsed_s = now_s - self._others_s
        if elapsed_s >= 0.2:
            if others - self._others_bytes > _WATCHED_BYTES_S * elapsed_s:
                self._watched_s = now_s
            self._others_bytes, self._others_s = others, now_s
        return now_s - self._watched_s < _WATCHED_S

    async def _list(self, what: str, asked: Mapping[str, Any]) -> list[SourceFile]:
        """Return a list of files; the last one if it is unchanged."""
        key = f"{what} {sorted(asked.items())}"
        digest, files = self._lists.pop(key, ("", []))
        answer = await self._json(what, {**asked, "same": digest})
        if answer.get("digest") != digest or not digest:
            digest, files = str(answer.get("digest", "")), await asyncio.to_thread(_files, answer.get("files"))
        self._lists[key] = digest, files
        while len(self._lists) > 1 and sum(1 + len(kept) for _, kept in self._lists.values()) > MOST_KEPT:
            del self._lists[next(iter(self._lists))]
        return files

    async def _json(self, what: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            data = await self._ask(what, asked, _MOST_LIST_BYTES)
            answer = await asyncio.to_thread(json.loads, data)  # megabytes would stop the hub's other lines
        except FileGone:
            raise CopiesRefused("This recorder can't be copied. Update it.") from None
        except (ValueError, RecursionError):
            raise LineClosed("a list of files couldn't be understood") from None
        if not isinstance(answer, dict):
            raise LineClosed("a list of files couldn't be understood")
        return answer

    async def _ask(self, what: str, asked: Mapping[str, Any], most_bytes: int) -> bytes:
        while True:
            status, data = await self._ask_once(what, asked, most_bytes)
            if status == 200:
                return data
            if status == 404:
                raise FileGone
            if status == UNREADABLE and what == "file":
                raise FileUnread
            if status == 403:
                raise CopiesRefused("The recorder's owner doesn't allow copies.")
            await asyncio.sleep(_BUSY_S)  # it is recording with all its strength, or restarting

    async def _ask_once(self, what: str, asked: Mapping[str, Any], most_bytes: int) -> tuple[int, bytes]:
        request = {
            "method": "GET", "path": f"{ADDRESS}/{what}", "query": urlencode(asked), "headers": [],
            "person": "copies", "role": "guest",
        }  # fmt: skip
        try:
            exchange = await self._connection.ask(request)
        except NotDone:
            return 503, b""  # too many requests of people
        data = bytearray()
        try:
            await exchange.send(Kind.END)
            frame = await exchange.receive()
            self._own_bytes += len(frame.payload)
            status = frame.json.get("status") if frame.kind is Kind.HEAD else None
            if type(status) is not int:
                raise LineClosed("the recorder ended a request for copies")
            while (frame := await exchange.receive()).kind is Kind.DATA:
                self._own_bytes += len(frame.payload)
                data += frame.payload
                if status == 200 and len(data) > most_bytes:
                    raise LineClosed("the recorder sent more than was asked for")
            self._own_bytes += len(frame.payload)
            return status, bytes(data)
        finally:
            exchange.close()


def _whole(span: Span, step_ms: int) -> Span:
    """Return the whole hours or days of a span: their list stays the same while nothing is recorded."""
    return Span(span.begin_ms // step_ms * step_ms, -(-span.end_ms // step_ms) * step_ms)


def _is_copied(file: SourceFile) -> bool:
    is_small = file.size_bytes <= MOST_EVENT_FILE_BYTES or segment_name(file.path) is not None
    return is_small and is_recording(file.path)


def _is_of(camera: CameraId, folder: str, within: Span) -> bool:
    """Return whether the folder of an hour is one of a camera within a span."""
    begin_ms = hour_ms(folder)
    return folder.startswith(f"{camera}/") and begin_ms is not None and within.begin_ms <= begin_ms < within.end_ms


def _files(data: object) -> list[SourceFile]:
    """Return the valid files in a box's answer."""
    found = []
    for one in data[:_MOST_FILES] if isinstance(data, list) else ():
        if isinstance(one, list) and len(one) == 3 and isinstance(one[0], str) and isinstance(one[2], str):
            size = one[1]
            if type(size) is int and 0 < size <= _LARGEST_FILE_BYTES:
                found.append(SourceFile(one[0], size, one[2]))
    return found
