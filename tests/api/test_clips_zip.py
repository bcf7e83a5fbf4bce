"""Clips of several events in one ZIP file, sent while it is made."""

import io
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from typing import cast
from zipfile import ZipFile

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from tawny.api.auth.accounts import Caller, Role
from tawny.api.past import zip_routes
from tawny.model.errors import FileMissing, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.playback.clips import ClipFile
from tests.api.fakes import House
from tests.playback.archives import PORCH, SUB
from tests.support.bad_sector import bad_sector


@pytest.fixture
def events(house: House) -> list[Event]:
    """Two events with video, then one without, one that goes on, and one of a camera that not everyone may see."""
    start_ms = house.clock.now_ms() - 60_000
    house.recorder.record(start_ms, seconds=30)
    first = Event(EventId("first"), PORCH, "person", start_ms + 8000, start_ms + 9000, 70.0)
    made = [
        first,
        replace(first, id=EventId("second"), start_ms=start_ms + 8400),
        replace(first, id=EventId("gone"), start_ms=5, end_ms=9),
        replace(first, id=EventId("lasts"), end_ms=None),
        replace(first, id=EventId("hidden"), camera=CameraId("yard")),
    ]
    for one in made:
        house.recorder.index.put_event(one)
    return made


def asked(*events: str) -> str:
    return f"?events={','.join(events)}"


async def test_each_clip_is_a_file_that_plays(house: House, events: list[Event]) -> None:
    viewer = house.signed_in(Role.VIEWER)
    about = (await viewer.get(f"/api/v1/clips/zip{asked('first', 'second', 'first')}")).json()
    assert (about["clips"], about["missing"]) == (2, [])
    answer = await viewer.get(about["file"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"].startswith('attachment; filename="tawny ')
    with ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        one, two = file.namelist()
        assert two == one.replace(".mp4", " 2.mp4")
        clip = await viewer.get("/media/first.mp4")
        assert file.read(one) == clip.content
    assert "clips" in [line.action for line in house.accounts.audit()]


async def test_what_is_missing_is_named_in_the_file(house: House, events: list[Event]) -> None:
    viewer = house.signed_in(Role.VIEWER)
    query = asked("first", "gone", "lasts", "unknown")
    about = (await viewer.get(f"/api/v1/clips/zip{query}")).json()
    assert [one["event"] for one in about["missing"]] == ["gone", "lasts", "unknown"]
    with ZipFile(io.BytesIO((await viewer.get(f"/media/clips.zip{query}")).content)) as file:
        assert file.namelist()[-1] == zip_routes.MISSING
        lines = file.read(zip_routes.MISSING).decode().splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == [
        "There is no video of it any more.",
        "This event isn't over yet.",
        "This event was deleted, or you can't see its camera.",
    ]


async def test_time_that_cannot_be_read_is_named_in_the_file(
    house: House, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    lasts_ms = house.clock.now_ms() - 30_000
    bad = house.recorder.record(lasts_ms, seconds=4)
    house.recorder.index.put_event(replace(events[0], id=EventId("long"), end_ms=lasts_ms + 9000))
    bad_sector(monkeypatch, house.recorder.segment_path(bad))
    with ZipFile(io.BytesIO((await house.signed_in().get(f"/media/clips.zip{asked('long')}")).content)) as file:
        (line,) = file.read(zip_routes.MISSING).decode().splitlines()
    assert line.endswith(": 4 s of it are missing, because they can't be read.")


async def test_time_that_only_the_other_stream_has_is_named_in_the_file(house: House, events: list[Event]) -> None:
    lasts_ms = house.clock.now_ms() - 30_000
    for second in (0, 4):
        house.recorder.record(lasts_ms + second * 1000, seconds=4, stream=SUB)
    house.recorder.record(lasts_ms, seconds=4)
    house.recorder.index.put_event(replace(events[0], id=EventId("long"), start_ms=lasts_ms, end_ms=lasts_ms + 8000))
    with ZipFile(io.BytesIO((await house.signed_in().get(f"/media/clips.zip{asked('long')}")).content)) as file:
        (line,) = file.read(zip_routes.MISSING).decode().splitlines()
    assert line.endswith(": 4 s are only in the sub stream, so not in it.")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (FileMissing, "Its recording can't be found any more: it was deleted, or its disk is missing."),
        (lambda path: StorageError(path, "input/output error"), "Disk error at the recordings: input/output error."),
    ],
)
async def test_a_clip_that_ends_while_it_is_sent_is_left_out_without_a_path(
    house: House,
    events: list[Event],
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[str], StorageError],
    why: str,
) -> None:
    read, ended = ClipFile.read, list[ClipFile]()

    def reading(clip: ClipFile, begin: int, end: int) -> Iterator[bytes]:
        if not ended:
            ended.append(clip)
            yield from read(clip, begin, 1000)
            raise error("/disk/porch/a.mp4")
        yield from read(clip, begin, end)

    monkeypatch.setattr(ClipFile, "read", reading)
    answer = await house.signed_in(Role.VIEWER).get(f"/media/clips.zip{asked('first', 'second')}")
    with ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        whole, about = file.namelist()
        (line,) = file.read(about).decode().splitlines()
    assert (about, line) == (zip_routes.MISSING, f"{whole.replace(' 2.mp4', '.mp4')}: {why}")


async def test_clips_of_a_hidden_camera_are_left_out(house: House, events: list[Event]) -> None:
    person = house.accounts.put_person("Ben", Role.VIEWER)
    house.accounts.change_person(person, Role.VIEWER, [PORCH])
    guest = house.browser(house.accounts.begin_session(person, Caller("127.0.0.1")))
    about = (await guest.get(f"/api/v1/clips/zip{asked('hidden', 'first')}")).json()
    assert (about["clips"], about["missing"][0]["name"]) == (1, "")
    refused = await guest.get(f"/media/clips.zip{asked('hidden')}")
    assert (refused.status_code, refused.json()["message"]) == (404, "There is no clip to download.")


@pytest.mark.parametrize("path", ["/api/v1/clips/zip", "/media/clips.zip"])
async def test_encrypted_video_is_refused_until_it_is_unlocked(
    house: House, events: list[Event], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_routes, "is_sealed", lambda path: True)
    refused = await house.signed_in(Role.OWNER).get(f"{path}{asked('first')}")
    assert (refused.status_code, refused.json()["code"]) == (423, "sealed")


async def test_too_many_are_refused(house: House) -> None:
    refused = await house.signed_in().get("/api/v1/clips/zip" + asked(*(f"e{number}" for number in range(101))))
    assert (refused.status_code, refused.json()["hint"]) == (400, "Select fewer.")


async def test_the_file_is_sent_in_pieces(house: House, events: list[Event]) -> None:
    """No piece holds more than what is read of one clip at a time."""
    viewer: httpx.AsyncClient = house.signed_in(Role.VIEWER)
    sizes = []
    async with viewer.stream("GET", f"/media/clips.zip{asked('first', 'second')}") as answer:
        assert "content-length" not in answer.headers
        sizes = [len(piece) async for piece in answer.aiter_raw()]
    assert sum(sizes) > 0


async def test_an_aborted_download_ends_without_an_error(house: House, events: list[Event]) -> None:
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "app": house.app})
    answer = await zip_routes.clips_zip("first,second", request, lambda *_: None, house.site)
    assert isinstance(answer, StreamingResponse)
    pieces = aiter(answer.body_iterator)
    assert await anext(pieces)
    await cast("AsyncGenerator[bytes]", pieces).aclose()


async def test_a_camera_whose_clock_was_wrong_has_a_clip_too(house: House, events: list[Event]) -> None:
    house.recorder.record(100_000, seconds=30)
    house.recorder.index.put_event(replace(events[0], id=EventId("early"), start_ms=108_000, end_ms=109_000))
    answer = await house.signed_in(Role.VIEWER).get(f"/media/clips.zip{asked('early')}")
    with ZipFile(io.BytesIO(answer.content)) as file:
        assert [one.date_time[0] for one in file.infolist()] == [1980]
