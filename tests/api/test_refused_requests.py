"""What an owner, a monitor or a stranger may send by mistake: a clear answer, and nothing is lost or broken."""

import json
from typing import Any

import httpx
import pytest

from tests.api.fakes import House

WATCHING = "/api/v1/cameras/porch/watching"
AREA = [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
LINE = [[0.0, 0.0], [1.0, 1.0]]


@pytest.fixture
def owner(house: House) -> httpx.AsyncClient:
    return house.signed_in()


async def sent(browser: httpx.AsyncClient, method: str, path: str, text: str) -> httpx.Response:
    """Send a body as it is: JSON of Python's also has numbers that other JSON lacks."""
    return await browser.request(method, path, content=text.encode(), headers={"Content-Type": "application/json"})


async def watched(browser: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    now = (await browser.get(WATCHING)).json()["watch"]
    return await sent(browser, "PUT", WATCHING, json.dumps({"watch": {**now, **changes}}))


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
async def test_a_detector_takes_no_number_that_is_none(owner: httpx.AsyncClient, number: float) -> None:
    for changes in ({"numbers": {"a": number}}, {"lines": [{"name": "gate", "points": [[number, 0], [1, 1]]}]}):
        answer = await watched(owner, **changes)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
        assert "must be a number" in answer.json()["message"]


@pytest.mark.parametrize("name", ["threshold", "motion_masks", "zones", "sound", "detector"])
async def test_no_setting_is_a_detector(house: House, owner: httpx.AsyncClient, name: str) -> None:
    for numbers in ({}, {"a": 1}):
        answer = await watched(owner, detector=name, numbers=numbers)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")
        assert answer.json()["message"] == "The detector can't be called like a setting."
    assert house.recorder.tuning.watch.detector == "motion"


async def test_no_place_is_lost_to_another_one_of_its_name(house: House, owner: httpx.AsyncClient) -> None:
    zone, line = {"name": "gate", "points": AREA}, {"name": "gate", "points": LINE}
    for changes, what in (({"zones": [zone, zone]}, "zones"), ({"lines": [line, line]}, "lines")):
        answer = await watched(owner, **changes)
        assert (answer.status_code, answer.json()["message"]) == (400, f"Two {what} are called gate.")
    assert not house.recorder.tuning.watch.zones
    assert (await watched(owner, zones=[zone], lines=[line])).status_code == 200


@pytest.mark.parametrize(("path", "most"), [("cameras/porch/figures", "2 min"), ("timeline", "62 days")])
async def test_the_longest_time_is_said_in_words(owner: httpx.AsyncClient, path: str, most: str) -> None:
    answer = await owner.get(f"/api/v1/{path}?from_ms=0&to_ms=9999999999")
    assert (answer.status_code, answer.json()["message"]) == (400, f"You can load at most {most} at once.")


@pytest.mark.parametrize("path", ["timeline?from_ms=0&to_ms=1000&", "events?"])
async def test_no_camera_has_a_name_too_long_for_a_folder(owner: httpx.AsyncClient, path: str) -> None:
    """It was reported as a failing disk."""
    answer = await owner.get(f"/api/v1/{path}cameras=porch,{'a' * 300}")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert "at most 64 characters" in answer.json()["message"]
    assert (await owner.get(f"/api/v1/{path}cameras=porch,{'a' * 64}")).status_code == 200


@pytest.mark.parametrize("path", ["/media/clips.zip?events=", "/api/v1/clips/zip?events="])
@pytest.mark.parametrize("events", [",", ",,,"])
async def test_a_zip_file_needs_an_event(owner: httpx.AsyncClient, path: str, events: str) -> None:
    answer = await owner.get(path + events)
    assert (answer.status_code, answer.json()["message"]) == (400, "No event is given.")


@pytest.mark.parametrize("text", ["\\u0000", "a\\ud800", "\\udfff"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/api/v1/setup", '{"name": "#"}'),
        ("PUT", "/api/v1/cameras/porch/name", '{"name": "#"}'),
        ("PUT", "/api/v1/address/files", '{"certificate": "#", "key": "x", "domain": ""}'),
        ("PUT", "/api/v1/address/files", '{"certificate": "x", "key": "#"}'),
        ("PUT", "/api/v1/clips/c/name", '{"name": "#"}'),
        ("POST", "/api/v1/sign-in", '{"name": "#", "password": "#"}'),
        ("PUT", "/api/v1/targets/nas", '{"group": "destinations", "values": {"#": ["a", "#"]}}'),
        ("PUT", "/api/v1/settings", '{"path": "web.name", "value": "#"}'),
    ],
)
async def test_a_text_that_is_none_is_refused(
    owner: httpx.AsyncClient, method: str, path: str, body: str, text: str
) -> None:
    answer = await sent(owner, method, path, body.replace("#", f"s3cret{text}"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert "NUL" in answer.json()["message"]
    assert ": s3cret" not in answer.text, "the place may be named, the text never is"


@pytest.mark.parametrize("name", ["a\u202eb", "a\u200fb", "a\nb", "a\x7fb"])
async def test_a_clip_has_no_hidden_characters_in_its_name(owner: httpx.AsyncClient, name: str) -> None:
    answer = await owner.put("/api/v1/clips/c/name", json={"name": name})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert "control characters" in answer.json()["message"]


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://a]b"])
async def test_an_origin_that_is_none_is_another_site(house: House, origin: str) -> None:
    body = {"name": "anna", "password": "x"}
    answer = await house.browser().post("/api/v1/sign-in", json=body, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "other_site")


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
async def test_monitors_may_ask_for_the_head(owner: httpx.AsyncClient, path: str) -> None:
    at_home = {"Host": "localhost"}
    whole, head = [await owner.request(method, path, headers=at_home) for method in ("GET", "HEAD")]
    assert (head.status_code, head.headers["content-type"]) == (whole.status_code, whole.headers["content-type"])
    assert head.status_code in (200, 503)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "/api/v1/cameras", "GET, POST"),
        ("HEAD", "/api/v1/cameras/porch/mjpeg", "GET"),
        ("POST", "/api/v1/cameras/porch/snapshot", "GET, HEAD"),
        ("HEAD", "/api/v1/settings", "GET, PUT"),
        ("GET", "/api/v1/orders", "POST"),
        ("GET", "/api/v1/inputs/bell", "POST"),
        ("HEAD", "/api/v1/orders", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/timeline", "GET, HEAD"),
        ("POST", "/icon.svg", "GET, HEAD"),
        ("DELETE", "/api/v1/settings", "GET, PUT"),
        ("PATCH", "/api/v1/session", "GET"),
    ],
)
async def test_another_method_is_told_which_there_are(
    owner: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await owner.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert method == "HEAD" or answer.json()["hint"]


async def test_the_head_of_what_is_not_there_is_no_other_method(owner: httpx.AsyncClient) -> None:
    for path in ("/api/v1/nothing", "/media/nothing", "/nothing.svg"):
        assert (await owner.head(path)).status_code == 404


@pytest.mark.parametrize("text", ["{", "[" * 5000 + "]" * 5000, '{"name": 1' + "0" * 5000 + "}"])
async def test_json_that_can_not_be_read_is_told_so(owner: httpx.AsyncClient, text: str) -> None:
    answer = await sent(owner, "PUT", "/api/v1/setup", text)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert answer.json()["message"] == "Invalid request: it isn't valid JSON."
    assert answer.json()["hint"]


@pytest.mark.parametrize("depth", [50, 300, 900])
async def test_lists_in_lists_are_no_failure(owner: httpx.AsyncClient, depth: int) -> None:
    answer = await sent(owner, "PUT", "/api/v1/settings", f'{{"path": "a", "value": {"[" * depth}1{"]" * depth}}}')
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
