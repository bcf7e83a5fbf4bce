from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.types import Message

from tawny.api.past.media_responses import GuardedStreamingResponse, disposition, part_of
from tawny.model.errors import FileMissing
from tests.api.fakes import House


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=100-", None),
        ("bytes=-0", None),
        ("bytes=-", None),
        ("bytes=20-10", None),
        ("bytes=0-1,5-6", (0, 100)),
        ("lines=1-2", (0, 100)),
        ("bytes=a-b", (0, 100)),
        ("bytes=" + "9" * 100 + "-", (0, 100)),
    ],
)
def test_parts(asked: str, part: tuple[int, int] | None) -> None:
    assert part_of(asked, 100) == part


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.mp4", "attachment; filename=\"a.mp4\"; filename*=UTF-8''a.mp4"),
        ("Tür.mp4", "attachment; filename=\"T-r.mp4\"; filename*=UTF-8''T%C3%BCr.mp4"),
        ('a"b\r\nX: y.mp4', "attachment; filename=\"a-b--X- y.mp4\"; filename*=UTF-8''a-b--X-%20y.mp4"),
        ("../../x.mp4", "attachment; filename=\"..-..-x.mp4\"; filename*=UTF-8''..-..-x.mp4"),
    ],
)
def test_file_names_are_harmless(name: str, header: str) -> None:
    assert disposition(name) == header


async def test_an_answer_whose_recording_is_deleted_ends_early_without_an_error(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    def data() -> Iterator[bytes]:
        yield b"first"
        raise FileMissing("/disk/porch/a.mp4")

    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    request = Request({"type": "http", "method": "GET", "path": "/media/a.mp4", "headers": [], "app": house.app})
    await GuardedStreamingResponse(request, data(), 200, {}, "video/mp4").stream_response(send)
    assert sent[1:] == [{"type": "http.response.body", "body": b"first", "more_body": True}]
    assert [line.startswith("ended /media/a.mp4 early: ") for line in caplog.messages] == [True]
