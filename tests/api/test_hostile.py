"""What a careless or hostile browser sends: each gets a clear answer in our shape, and nothing breaks."""

import httpx
import pytest

from tawny.model.errors import DiskFull, StorageError
from tests.api.fakes import House

FAR = 4_102_444_800_000
BIG = "9" * 400
DAYS_63 = 63 * 86_400_000


@pytest.fixture
def browser(house: House) -> httpx.AsyncClient:
    return house.signed_in()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/timeline",
        "/api/v1/timeline?from_ms=abc&to_ms=2",
        "/api/v1/timeline?from_ms=2&to_ms=1",
        "/api/v1/timeline?from_ms=1&to_ms=1",
        "/api/v1/timeline?from_ms=-1&to_ms=1",
        f"/api/v1/timeline?from_ms=0&to_ms={DAYS_63}",
        f"/api/v1/timeline?from_ms=0&to_ms={FAR + 1}",
        f"/api/v1/timeline?from_ms=0&to_ms={BIG}",
        "/api/v1/timeline?from_ms=0&to_ms=1e300",
        "/api/v1/timeline?from_ms=NaN&to_ms=inf",
        "/api/v1/timeline?from_ms=0&to_ms=1000&points=10001",
        "/api/v1/timeline?from_ms=0&to_ms=1000&points=0",
        "/api/v1/timeline?from_ms=0&to_ms=1000&cameras=../../etc/passwd",
        "/api/v1/timeline?from_ms=0&to_ms=1000&cameras=" + ",".join(f"c{n}" for n in range(65)),
        "/api/v1/timeline?from_ms=0&to_ms=1000&cameras=" + "a" * 4000,
        "/api/v1/days?camera=porch&from_ms=0&to_ms=99999999999",
        "/api/v1/time?from_ms=0&to_ms=4102444800000",
        "/api/v1/events?limit=201",
        "/api/v1/events?limit=0",
        "/api/v1/events?only=everything",
        "/api/v1/events?after=';--",
        f"/api/v1/events?after={BIG}~x",
        "/api/v1/events?types=%00",
        "/api/v1/events?from_ms=5&to_ms=5",
        "/api/v1/cameras/porch/play?at_ms=",
        "/api/v1/cameras/porch/play?at_ms=0&stream=both",
        "/api/v1/cameras/nobody/play?at_ms=0",
        "/api/v1/cameras/%00/play?at_ms=0",
        "/api/v1/cameras/..%2F..%2Fetc/snapshot",
        "/api/v1/cameras/nobody/snapshot",
        "/api/v1/cameras/nobody/mjpeg",
        "/api/v1/cameras/porch/snapshot?width=1000000",
        "/api/v1/cameras/porch/frame?at_ms=0&width=-1",
        "/api/v1/cameras/porch/mjpeg?fps=0",
        "/api/v1/cameras/porch/mjpeg?fps=nan",
        "/api/v1/clip?camera=porch&from_ms=0&to_ms=21600001",
        "/api/v1/clip?camera=porch&from_ms=0&to_ms=1000&stream=../x",
        "/api/v1/clip?camera=..%2F..%2Fetc&from_ms=0&to_ms=1000",
        "/api/v1/events/" + "x" * 65,
        "/api/v1/events/'%20OR%201=1",
        "/api/v1/events/none",
        "/media/none/play",
        "/media/none/play?from_ms=-5",
        "/media/..%2F..%2Faccounts.db",
        "/media/%2e%2e/%2e%2e/etc/passwd",
        "/media/x.jpg",
        "/media/x.mp4",
        "/media/" + "%F0%9F%A6%89" * 30 + ".mp4",
        "/assets/..%2Faccess.py",
        "/assets/%2e%2e/access.py",
        "/accounts.db",
        "/docs",
        "/openapi.json",
        "/api/v1/openapi.yaml",
        "/api/v1/",
        "//etc/passwd",
    ],
)
async def test_a_bad_request_gets_a_clear_answer(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code in (400, 404, 422), answer.text
    data = answer.json()
    assert set(data) == {"code", "message", "hint"}
    assert data["message"].endswith(".")
    assert "Traceback" not in answer.text
    assert "/site-packages/" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/v1/events/none", b""),
        ("PATCH", "/api/v1/events/none", b"{"),
        ("PATCH", "/api/v1/events/none", b"[]"),
        ("PATCH", "/api/v1/events/none", b'{"kept": "perhaps"}'),
        ("PATCH", "/api/v1/events/none", b'{"deleted": true}'),
        ("PATCH", "/api/v1/events/none", b"\xff\xfe"),
        ("PATCH", "/api/v1/events/none", b"[" * 50_000),
        ("PATCH", "/api/v1/events/none", b'{"kept": true}'),
        ("POST", "/api/v1/events/bulk", b'{"ids": ["../x"]}'),
        ("POST", "/api/v1/events/bulk", b'{"ids": ["\\ud800"]}'),
        ("POST", "/api/v1/sign-in", b'{"name": "", "password": "x"}'),
        ("POST", "/api/v1/sign-in", b'{"name": "\\u0000", "password": "x"}'),
        ("POST", "/api/v1/sign-in", b'{"name": "\\ud800", "password": "x"}'),
        ("POST", "/api/v1/sign-in", b'{"name": "Anna", "password": "\\ud800"}'),
        ("POST", "/api/v1/sign-in", b'{"name": "Anna", "password": "' + b"x" * 2000 + b'"}'),
        ("POST", "/api/v1/sign-in/link", b'{"token": ""}'),
        ("POST", "/api/v1/setup/claim", b'{"token": "x", "name": "Anna", "password": "long enough for it"}'),
        ("POST", "/api/v1/sign-in", b'{"name": "' + b"x" * 70_000 + b'"}'),
        ("DELETE", "/api/v1/cameras", b""),
        ("POST", "/api/v1/nothing", b""),
    ],
)
async def test_a_bad_change_gets_a_clear_answer_and_changes_nothing(
    browser: httpx.AsyncClient, method: str, path: str, body: bytes
) -> None:
    answer = await browser.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 401, 404, 405, 410, 413, 422), answer.text
    assert set(answer.json()) == {"code", "message", "hint"}


@pytest.mark.parametrize(
    ("error", "status"), [(StorageError("/data/tawny.db", "I/O error"), 503), (DiskFull("/data"), 507)]
)
async def test_trouble_with_the_disk_is_told_without_saying_where_it_is(
    house: House, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: StorageError, status: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(house.recorder.index, "events", fail)
    answer = await browser.get("/api/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (status, error.code)
    assert "/data" not in answer.text


async def test_a_failure_of_ours_is_an_answer_with_a_reference(
    house: House, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.recorder.index, "events", None)
    answer = await browser.get("/api/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")
    assert "NoneType" not in answer.text


async def test_a_recording_that_was_just_deleted_is_not_there(house: House, browser: httpx.AsyncClient) -> None:
    """Its file goes first, then its row: no word of a broken disk in between."""
    segment = house.recorder.record(house.clock.now_ms() - 4000)
    house.recorder.segment_path(segment).unlink()
    answer = await browser.get(f"/media/{segment.id}/play")
    assert (answer.status_code, answer.json()["message"]) == (404, "This recording can't be found.")
    assert str(house.recorder.root) not in answer.text


async def test_a_damaged_recording_is_not_there(house: House, browser: httpx.AsyncClient) -> None:
    segment = house.recorder.record(house.clock.now_ms() - 4000)
    house.recorder.segment_path(segment).write_bytes(b"garbage")
    answer = await browser.get(f"/media/{segment.id}/play")
    assert (answer.status_code, answer.json()["code"]) == (404, "damaged")
    assert str(house.recorder.root) not in answer.text
