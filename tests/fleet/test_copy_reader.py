"""Lists and parts of files that a hub asks a box for: what is asked again, and at what rate."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tawny.fleet import copy_reader
from tawny.fleet.copy_reader import CopyReader
from tawny.fleet.copy_source import SourceFile
from tawny.fleet.session import Kind, LineFrame
from tawny.model.times import Span
from tests.fleet.recorded import PORCH


class ListLine:
    """A line of a box that says the same list each time, and nothing of it to whom has it."""

    exchange_bytes = 0

    def __init__(self, paths: list[str]) -> None:
        self.paths, self.size = paths, 5
        self.asked: list[httpx.QueryParams] = []
        self.frames: list[LineFrame] = []

    async def ask(self, request: Mapping[str, Any]) -> "ListLine":
        self.asked.append(httpx.QueryParams(request["query"]))
        received: dict[str, Any] = {"digest": "d"}
        if self.asked[-1]["same"] != "d":
            received["files"] = [[path, self.size, ""] for path in self.paths]
        self.frames = [
            LineFrame(Kind.HEAD, 1, b'{"status": 200}'),
            LineFrame(Kind.DATA, 1, json.dumps(received).encode()),
            LineFrame(Kind.END, 1, b""),
        ]
        return self

    async def send(self, kind: Kind, payload: bytes = b"") -> None:
        """It is answered at once."""

    async def receive(self) -> LineFrame:
        return self.frames.pop(0)

    def close(self) -> None:
        """It has ended."""


async def test_an_unchanged_list_is_not_sent_again_in_the_same_hour() -> None:
    line, now_ms = ListLine(["porch/2026/11/20/05/x.jpg", "porch/2026/11/18/05/x.jpg"]), 1_795_151_000_000
    reader = CopyReader(line)  # type: ignore[arg-type]
    for later_ms in (0, 5000, 10_000):
        found = await reader.recordings(PORCH, Span(now_ms + later_ms - 3_600_000, now_ms + later_ms + 1))
        assert [one.path for one in found] == ["porch/2026/11/20/05/x.jpg"]  # the other one isn't of these hours
    assert [one["same"] for one in line.asked] == ["", "d", "d"]


async def test_few_lists_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_reader, "MOST_KEPT", 5)
    line = ListLine(["porch/1970/01/01/00/x.jpg", "porch/1970/01/01/00/y.jpg"])
    reader = CopyReader(line)  # type: ignore[arg-type]
    for hour in (0, 1, 0):
        await reader.recordings(PORCH, Span(hour * 3_600_000, (hour + 1) * 3_600_000))
    assert [one["same"] for one in line.asked] == ["", "", ""]


async def test_large_files_of_events_are_not_copied() -> None:
    line = ListLine(["porch/1970/01/01/00/x.jpg"])
    line.size = copy_reader.MOST_EVENT_FILE_BYTES + 1
    hour = Span(0, 3_600_000)
    assert await CopyReader(line).recordings(PORCH, hour) == []  # type: ignore[arg-type]
    line.size -= 1
    assert len(await CopyReader(line).recordings(PORCH, hour)) == 1  # type: ignore[arg-type]


class SlowLine:
    """A line that takes a tenth of a second for each request, and that people use, too."""

    def __init__(self) -> None:
        self.exchange_bytes = 0
        self.counts: list[int] = []
        self.watched_bytes = 0

    async def ask(self, request: Mapping[str, Any]) -> "SlowLine":
        self.frames = [
            LineFrame(Kind.HEAD, 1, b'{"status": 200}'),
            LineFrame(Kind.DATA, 1, bytes(int(httpx.QueryParams(request["query"])["count"]))),
            LineFrame(Kind.END, 1, b""),
        ]
        self.counts.append(len(self.frames[1].payload))
        return self

    async def send(self, kind: Kind, payload: bytes = b"") -> None:
        await asyncio.sleep(0.1)
        self.exchange_bytes += self.watched_bytes

    async def receive(self) -> LineFrame:
        frame = self.frames.pop(0)
        self.exchange_bytes += len(frame.payload)
        return frame

    def close(self) -> None:
        """It has ended."""


async def read_for(line: SlowLine, seconds: float, max_kbit_s: int = 0) -> CopyReader:
    reader = CopyReader(line)  # type: ignore[arg-type]
    reader.max_kbit_s = max_kbit_s
    file, loop = SourceFile("porch/x", 1 << 30), asyncio.get_running_loop()
    until_s, at = loop.time() + seconds, 0
    while loop.time() < until_s:
        at += len(await reader.part(file, at))
    return reader


async def test_live_views_go_before_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts with pauses while people get video through the line; large ones without."""
    monkeypatch.setattr(copy_reader, "MOST_PART_BYTES", 1 << 20)
    idle, watched = SlowLine(), SlowLine()
    watched.watched_bytes = 100_000
    await asyncio.gather(read_for(idle, 2), read_for(watched, 2))
    assert set(idle.counts) == {1 << 20}
    assert set(watched.counts[4:]) == {32 * 1024}
    assert len(watched.counts) < 0.6 * len(idle.counts)


async def test_copies_keep_to_the_rate_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_reader, "MOST_PART_BYTES", 1 << 20)
    line = SlowLine()
    await read_for(line, 2, max_kbit_s=800)
    assert 100_000 <= sum(line.counts) <= 2.8 * 100_000
