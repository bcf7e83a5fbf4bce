"""Changes over lines that break: a browser sends them twice, or a dead line delivers them late."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from tawny.api.auth.access import Access, check_routes
from tawny.api.auth.accounts import Role, TokenPurpose
from tawny.api.repeated_requests import KEPT_S, MOST_KEPT, ONCE, ONCE_KEPT_S, RepeatedRequests
from tests.api.fakes import House, routes

KEY = {"Idempotency-Key": '"0.25"'}
Press = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def viewer(house: House) -> httpx.AsyncClient:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000, seconds=10)
    return house.signed_in(Role.VIEWER)


@pytest.fixture
def press(house: House, viewer: httpx.AsyncClient) -> Press:
    """Create a link."""
    now_ms = house.clock.now_ms()

    async def create(client: httpx.AsyncClient = viewer, seconds: int = 6, **headers: str) -> httpx.Response:
        body = {"camera": "porch", "from_ms": now_ms - 18_000, "to_ms": now_ms - 18_000 + seconds * 1000}
        return await client.post("/api/v1/shares", json=body, headers=KEY | headers)

    return create


async def links(client: httpx.AsyncClient) -> int:
    return len((await client.get("/api/v1/shares")).json()["items"])


async def test_a_repeated_request_creates_one_link_and_gets_the_first_answer(
    viewer: httpx.AsyncClient, press: Press
) -> None:
    answers = [await press() for _ in range(3)]
    assert {one.status_code for one in answers} == {200}
    assert len({one.json()["link"] for one in answers}) == 1
    assert await links(viewer) == 1


async def test_a_repetition_waits_while_the_first_request_is_in_progress(
    viewer: httpx.AsyncClient, press: Press
) -> None:
    answers = await asyncio.gather(*(press() for _ in range(4)))
    assert len({one.json()["link"] for one in answers}) == 1
    assert await links(viewer) == 1


async def test_security_headers_are_sent_once_with_a_repeated_answer(press: Press) -> None:
    first, second = await press(), await press()
    assert second.headers.multi_items() == first.headers.multi_items()


async def test_another_press_creates_another_link(viewer: httpx.AsyncClient, press: Press) -> None:
    await press()
    await press(**{"Idempotency-Key": '"0.5"'})
    assert await links(viewer) == 2


async def test_the_same_key_with_another_body_is_another_request(viewer: httpx.AsyncClient, press: Press) -> None:
    await press()
    await press(seconds=4)
    assert await links(viewer) == 2


async def test_a_key_of_another_session_gets_no_answer_of_this_one(house: House, press: Press) -> None:
    mine, other = await press(), await press(house.signed_in(Role.VIEWER))
    assert mine.json()["link"] != other.json()["link"]


async def test_a_repetition_after_sign_out_is_refused(viewer: httpx.AsyncClient, press: Press) -> None:
    await press()
    cookies = dict(viewer.cookies)
    await viewer.post("/api/v1/sign-out")
    viewer.cookies.update(cookies)
    assert (await press()).status_code == 401


async def test_a_repetition_after_five_minutes_is_another_request(house: House, press: Press) -> None:
    first = await press()
    house.clock.advance(KEPT_S + 1)
    assert (await press()).json()["link"] != first.json()["link"]


async def test_a_request_that_failed_is_made_by_its_repetition(house: House, viewer: httpx.AsyncClient) -> None:
    now_ms = house.clock.now_ms()
    body = {"camera": "porch", "from_ms": now_ms, "to_ms": now_ms + 60_000}
    refused = await viewer.post("/api/v1/shares", json=body, headers=KEY)
    house.clock.advance(60)
    house.recorder.record(now_ms, seconds=60)
    made = await viewer.post("/api/v1/shares", json=body, headers=KEY)
    assert (refused.status_code, made.status_code) == (400, 200)


async def test_a_change_that_the_page_no_longer_waits_for_is_not_made(house: House, press: Press) -> None:
    until_ms = house.clock.now_ms() + 15_000
    in_time = await press(**{"X-Tawny-Until": str(until_ms)})
    house.clock.advance(16)
    late = await press(**{"X-Tawny-Until": str(until_ms), "Idempotency-Key": '"0.5"'})
    assert (in_time.status_code, late.status_code, late.json()["code"]) == (200, 409, "arrived_late")


async def test_a_late_repetition_of_a_change_that_was_made_gets_its_answer(house: House, press: Press) -> None:
    until_ms = house.clock.now_ms() + 15_000
    first = await press(**{"X-Tawny-Until": str(until_ms)})
    house.clock.advance(16)
    assert (await press(**{"X-Tawny-Until": str(until_ms)})).json() == first.json()


async def test_without_a_thread_to_look_for_the_session_it_is_refused_as_a_limit(
    viewer: httpx.AsyncClient, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "to_thread", refuse)
        refused = await press()
    assert (refused.status_code, await links(viewer)) == (503, 0)


@pytest.mark.parametrize("until", ["", "soon", "-1", "9" * 30])
async def test_what_says_no_valid_time_is_never_late(press: Press, until: str) -> None:
    assert (await press(**{"X-Tawny-Until": until})).status_code == 200


async def test_a_stopped_request_lets_its_repetition_run(house: House) -> None:
    """Of the recorder that stops, or of an application that fails."""
    runs = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            await asyncio.Event().wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    request = request_of(house, RepeatedRequests(app))
    first = asyncio.create_task(request("1"))
    await asyncio.sleep(0)
    while not runs:
        await asyncio.sleep(0)
    second = asyncio.create_task(request("1"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)[0]["status"] == 200


async def test_a_change_in_progress_is_never_made_again(house: House) -> None:
    """However long it lasts, and however many others come."""
    runs = 0
    may_end = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal runs
        if (b"idempotency-key", b"slow") in scope["headers"]:
            runs += 1
            await may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    request = request_of(house, RepeatedRequests(app))
    first = asyncio.create_task(request("slow"))
    while not runs:
        await asyncio.sleep(0)
    house.clock.advance(KEPT_S + 1)
    for n in range(MOST_KEPT + 1):
        await request(str(n))
    second = asyncio.create_task(request("slow"))
    await request("another")
    may_end.set()
    assert await first == await second
    assert runs == 1


async def test_it_keeps_a_limited_number_of_answers(house: House) -> None:
    runs = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal runs
        runs += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    request = request_of(house, RepeatedRequests(app))
    for n in range(MOST_KEPT + 1):
        await request(str(n))
    await request(str(MOST_KEPT))
    assert runs == MOST_KEPT + 1
    await request("0")
    assert runs == MOST_KEPT + 2


ONE_TIME_KEY = {"Idempotency-Key": '"31415926535897932384626433"'}


@pytest.fixture
def invitation(house: House) -> str:
    return house.accounts.new_token(TokenPurpose.LINK, house.accounts.put_person("Ben", Role.VIEWER))


async def follow(house: House, link: str, key: dict[str, str] = ONE_TIME_KEY) -> httpx.Response:
    """Open an invitation in a browser that has no answer yet."""
    return await house.browser().post("/api/v1/sign-in/link", json={"token": link}, headers=key)


async def test_an_invitation_whose_answer_is_lost_signs_the_same_browser_in(house: House, invitation: str) -> None:
    first, second = await follow(house, invitation), await follow(house, invitation)
    assert (second.status_code, second.headers.multi_items()) == (200, first.headers.multi_items())


async def test_an_invitation_that_is_sent_again_at_once_begins_one_session(house: House, invitation: str) -> None:
    answers = await asyncio.gather(*(follow(house, invitation) for _ in range(3)))
    assert len({one.headers["set-cookie"] for one in answers}) == 1


async def test_an_invitation_opened_in_a_signed_in_browser_is_repeatable_though_its_session_has_ended(
    house: House, viewer: httpx.AsyncClient, invitation: str
) -> None:
    before = dict(viewer.cookies)
    first = await viewer.post("/api/v1/sign-in/link", json={"token": invitation}, headers=ONE_TIME_KEY)
    viewer.cookies.clear()
    viewer.cookies.update(before)
    second = await viewer.post("/api/v1/sign-in/link", json={"token": invitation}, headers=ONE_TIME_KEY)
    assert (second.status_code, second.headers["set-cookie"]) == (200, first.headers["set-cookie"])


OTHER_KEY = {"Idempotency-Key": '"27182818284590452353602874"'}


@pytest.mark.parametrize(("first", "second"), [(ONE_TIME_KEY, OTHER_KEY), (ONE_TIME_KEY, {}), (KEY, KEY), ({}, {})])
async def test_a_used_invitation_opens_for_no_other_key_and_none_that_can_be_guessed(
    house: House, invitation: str, first: dict[str, str], second: dict[str, str]
) -> None:
    await follow(house, invitation, first)
    assert (await follow(house, invitation, second)).json()["code"] == "token_used"


async def test_the_answer_to_an_invitation_is_forgotten_after_a_minute(house: House, invitation: str) -> None:
    await follow(house, invitation)
    house.clock.advance(ONCE_KEPT_S + 1)
    assert (await follow(house, invitation)).status_code == 410


async def test_an_invitation_that_asks_for_a_second_step_asks_again(house: House, invitation: str) -> None:
    house.site.requires_second_step = True
    first, second = await follow(house, invitation), await follow(house, invitation)
    assert (second.json()["code"], second.json()) == ("second_step", first.json())


async def test_a_wrong_code_counts_at_each_repetition_and_a_right_one_once(house: House) -> None:
    wall = house.accounts.put_person("Wall", Role.SCREEN)
    house.accounts.new_token(TokenPurpose.CODE, wall, token="ABCDEFGH")

    async def enter(code: str) -> int:
        answer = await house.browser().post("/api/v1/sign-in/code", json={"code": code}, headers=ONE_TIME_KEY)
        return answer.status_code

    assert [await enter("ABCDEFGH") for _ in range(10)] == [200] * 10
    assert 429 in [await enter("WRONG") for _ in range(20)]


def test_what_works_once_is_public() -> None:
    rules = check_routes(routes())
    assert {rules.get(f"POST {path}") for path in ONCE} == {Access.PUBLIC}


def request_of(house: House, app: RepeatedRequests) -> Callable[[str], Coroutine[Any, Any, list[Message]]]:
    """Return what sends a request with this key in one session."""
    client = house.signed_in(Role.OWNER)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())

    async def request(key: str) -> list[Message]:
        received: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            received.append(message)

        headers = [(b"host", b"localhost"), (b"cookie", cookie.encode()), (b"idempotency-key", key.encode())]
        scope = {
            "type": "http", "method": "POST", "path": "/api/v1/shares", "raw_path": b"/api/v1/shares",
            "query_string": b"", "headers": headers, "scheme": "http", "server": ("localhost", 80), "app": house.app,
        }  # fmt: skip
        await app(scope, receive, send)
        return received

    return request
