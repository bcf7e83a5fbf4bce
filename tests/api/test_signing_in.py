import asyncio
import logging

import httpx
import pyotp
import pytest
from fastapi.routing import APIRoute
from starlette.responses import Response

from tawny.api.auth import access
from tawny.api.auth.access import COOKIE, Access, rule
from tawny.api.auth.accounts import Caller, Role, TokenPurpose, hashed
from tawny.api.auth.guess_limit import HASH_TRIES, GuessAttempt
from tawny.model.errors import StorageUnavailable
from tests.api.fakes import OURS, PASSWORD, House

WRONG = "wrong horse battery"


async def sign_in(browser: httpx.AsyncClient, name: str = "Anna", password: str = PASSWORD) -> httpx.Response:
    return await browser.post("/api/v1/sign-in", json={"name": name, "password": password})


async def state(browser: httpx.AsyncClient) -> str:
    answer = await browser.get("/api/v1/session")
    return str(answer.json()["state"])


async def anna(house: House) -> None:
    house.accounts.put_person("Anna", Role.OWNER, await house.site.passwords.hash(PASSWORD))


async def test_a_fresh_recorder_asks_to_be_set_up(house: House) -> None:
    data = (await house.browser().get("/api/v1/session")).json()
    assert (data["state"], data["user"], data["recorder"]) == ("setup", None, "garage-pi")


async def test_a_claim_makes_the_owner_and_signs_in(house: House) -> None:
    browser, token = house.browser(), house.accounts.new_token(TokenPurpose.CLAIM)
    answer = await browser.post("/api/v1/setup/claim", json={"token": token, "name": "Anna", "password": PASSWORD})
    assert (answer.status_code, answer.json()["user"]["role"]) == (200, "owner")
    assert await state(browser) == "signed-in"
    assert await state(house.browser()) == "signed-out"


async def test_a_used_claim_says_what_to_do(house: House) -> None:
    token = house.accounts.new_token(TokenPurpose.CLAIM)
    asked = {"token": token, "name": "Anna", "password": PASSWORD}
    await house.browser().post("/api/v1/setup/claim", json=asked)
    answer = await house.browser().post("/api/v1/setup/claim", json=asked)
    assert answer.status_code == 410
    assert answer.json() == {
        "code": "token_used",
        "message": "This link has already been used.",
        "hint": "Run `tawny setup-link` on the recorder to get a new one.",
    }


@pytest.mark.parametrize("weak", ["", "elevenchars", "aaaaaaaaaaaaaaaa"])
async def test_a_weak_password_does_not_use_the_token_up(house: House, weak: str) -> None:
    token = house.accounts.new_token(TokenPurpose.CLAIM)
    answer = await house.browser().post("/api/v1/setup/claim", json={"token": token, "name": "Anna", "password": weak})
    assert (answer.status_code, answer.json()["code"]) == (400, "weak_password")
    assert house.accounts.is_good(token, TokenPurpose.CLAIM)


@pytest.mark.shows("SC1", "PK7")
async def test_name_and_password_sign_in(house: House) -> None:
    await anna(house)
    browser = house.browser()
    assert (await sign_in(browser, " anna ")).json()["user"]["name"] == "Anna"
    assert await state(browser) == "signed-in"


@pytest.mark.shows("SC1")
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(house: House) -> None:
    await anna(house)
    answers = [await sign_in(house.browser(), "Anna", WRONG), await sign_in(house.browser(), "Nobody", WRONG)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].content == answers[1].content


async def test_a_person_without_a_password_cannot_sign_in_with_an_empty_one(house: House) -> None:
    house.accounts.put_person("Demo", Role.OWNER)
    assert (await sign_in(house.browser(), "Demo", "")).status_code == 401


async def test_p5_five_wrong_passwords_make_wait_and_are_written_down(house: House) -> None:
    await anna(house)
    browser = house.browser()
    for _ in range(5):
        assert (await sign_in(browser, password=WRONG)).status_code == 401
    answer = await sign_in(browser)  # the right one has to wait as well
    assert (answer.status_code, answer.json()["code"], answer.json()["wait_s"]) == (429, "wait", 30)
    assert answer.headers["retry-after"] == "30"
    found = [(row.action, row.detail) for row in house.accounts.audit()]
    assert sorted(found) == [("sign-in delayed", "1 time"), ("sign-in failed", "5 times")]
    house.clock.advance(30)
    assert (await sign_in(browser)).status_code == 200


async def test_attempts_of_which_none_failed_are_not_called_failed(house: House) -> None:
    await anna(house)
    for number in range(HASH_TRIES):
        right = GuessAttempt(f"person {number}", "127.0.0.1")
        house.site.attempts.begin(right)
        house.site.attempts.succeed(right)
    answer = await sign_in(house.browser())
    assert (answer.status_code, answer.json()["message"]) == (429, "Too many attempts. Try again in 1 s.")
    assert "A program should stay signed in." in answer.json()["hint"]


async def test_guesses_sent_at_once_do_not_slip_through_together(house: House) -> None:
    await anna(house)
    answers = await asyncio.gather(*(sign_in(house.browser(), password=WRONG) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


async def test_a_link_signs_in_once(house: House) -> None:
    link = house.accounts.new_token(TokenPurpose.LINK, house.accounts.put_person("Demo", Role.OWNER))
    browser = house.browser()
    answers = [await browser.post("/api/v1/sign-in/link", json={"token": link}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 410]
    assert await state(browser) == "signed-in"


@pytest.mark.shows("SC1")
async def test_signing_out_ends_the_session_and_takes_the_cookie(house: House) -> None:
    browser = house.signed_in()
    kept = browser.cookies[COOKIE]
    answer = await browser.post("/api/v1/sign-out")
    assert 'tawny_session=""' in answer.headers["set-cookie"]
    assert await state(house.browser(kept)) == "signed-out"


async def test_signing_in_again_ends_the_session_before(house: House) -> None:
    await anna(house)
    browser = house.browser()
    await sign_in(browser)
    first = browser.cookies[COOKIE]
    await sign_in(browser)
    assert await state(house.browser(first)) == "signed-out"


@pytest.mark.parametrize(("scheme", "is_secure"), [("http", False), ("https", True)])
async def test_the_cookie_is_for_the_server_alone(house: House, scheme: str, is_secure: bool) -> None:
    await anna(house)
    transport = httpx.ASGITransport(house.app)
    origin = f"{scheme}://tawny.test"
    async with httpx.AsyncClient(transport=transport, base_url=origin, headers=OURS | {"Origin": origin}) as browser:
        cookie = (await sign_in(browser)).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert ("secure" in cookie) == is_secure


DAY_S = 86_400
HTTP, HTTPS, PORT = "http://tawny.test", "https://tawny.test", "http://tawny.test:8000"


async def set_again(house: House, cookie: str, path: str = "/api/v1/cameras", base: str = HTTP) -> str:
    """The cookie that the answer to a request with this one sets; empty if none."""
    headers = OURS | {"Cookie": cookie}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url=base, headers=headers) as browser:
        answer = await browser.get(path)
    assert answer.status_code < 300
    return str(answer.headers.get("set-cookie", ""))


def session(house: House, role: Role = Role.OWNER) -> str:
    return house.accounts.begin_session(house.accounts.put_person(role, role), Caller("127.0.0.1"))


@pytest.mark.parametrize(("role", "days"), [(Role.VIEWER, 30), (Role.SCREEN, 400)])
async def test_the_cookie_is_set_again_once_a_day_so_that_it_lasts_as_long_as_the_session(
    house: House, role: Role, days: int
) -> None:
    cookie = f"{COOKIE}={session(house, role)}"
    await set_again(house, cookie)
    house.clock.advance(DAY_S - 1)
    assert await set_again(house, cookie) == ""
    house.clock.advance(1)
    attributes = f"HttpOnly; Max-Age={days * DAY_S}; Path=/; SameSite=lax"
    assert await set_again(house, cookie) == f"{cookie}; {attributes}"


@pytest.mark.parametrize(
    ("base", "carried", "made"),
    [
        (PORT, "tawny_session-8000", "tawny_session-8000"),
        (PORT, "tawny_session", "tawny_session-8000"),
        (HTTPS, "__Host-tawny_session", "__Host-tawny_session"),
        (HTTPS, "tawny_session", ""),  # of plain http: a copy over https would hide the next one
    ],
)
async def test_the_cookie_that_is_set_again_is_the_one_of_this_port_and_scheme(
    house: House, base: str, carried: str, made: str
) -> None:
    found = await set_again(house, f"{carried}={session(house)}", base=base)
    assert (found.partition("=")[0], "Secure" in found) == (made, base == HTTPS and made != "")


async def test_a_token_sets_no_cookie(house: House) -> None:
    _, secret = house.passes.make("Blog", None)
    assert await set_again(house, "", f"/embed/porch?pass={secret}") == ""


async def test_an_answer_that_browsers_keep_sets_no_cookie(house: House) -> None:
    async def kept() -> Response:
        return Response(headers={"Cache-Control": "private, max-age=3600"})

    route, routes = APIRoute("/healthz/kept", kept, dependencies=[rule(Access.VIEW)]), house.app.router.routes
    routes.insert(0, route)
    try:
        assert await set_again(house, f"{COOKIE}={session(house)}", "/healthz/kept") == ""
    finally:
        routes.remove(route)


async def test_an_answer_to_who_signed_out_meanwhile_sets_no_cookie(house: House) -> None:
    token = session(house)

    async def late() -> Response:
        house.accounts.end_session(hashed(token))
        return Response()

    route, routes = APIRoute("/healthz/late", late, dependencies=[rule(Access.VIEW)]), house.app.router.routes
    routes.insert(0, route)
    try:
        assert await set_again(house, f"{COOKIE}={token}", "/healthz/late") == ""
    finally:
        routes.remove(route)


async def test_accounts_that_cannot_be_read_leave_an_answer_and_its_cookie_for_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request ended as 500, and the cookie had to wait for a day."""

    async def unreadable(_: object) -> bool:
        raise StorageUnavailable("/data")

    cookie = f"{COOKIE}={session(house)}"
    with monkeypatch.context() as patched:
        patched.setattr(access, "has_ended", unreadable)
        assert await set_again(house, cookie) == ""
    assert await set_again(house, cookie) != ""


async def test_no_secret_is_logged_answered_or_written_down(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await anna(house)
    browser, token = house.browser(), house.accounts.new_token(TokenPurpose.CLAIM)
    answers = [
        await sign_in(browser),
        await sign_in(browser, password=WRONG),
        await browser.post("/api/v1/setup/claim", json={"token": token, "name": "Ben", "password": PASSWORD}),
        await browser.post("/api/v1/sign-in", json={"name": ["x"], "password": WRONG, "else": token}),
    ]
    written = caplog.text + "".join(answer.text for answer in answers) + str(house.accounts.audit())
    secrets = [PASSWORD, WRONG, token, browser.cookies[COOKIE]]
    assert [secret in written for secret in secrets] == [False] * 4


async def test_old_hashes_are_made_anew(house: House) -> None:
    from tawny.api.auth.passwords import Passwords

    old = await Passwords(memory_kib=8, rounds=2).hash(PASSWORD)
    house.accounts.put_person("Anna", Role.OWNER, old)
    assert (await sign_in(house.browser())).status_code == 200
    found = house.accounts.find("Anna")
    assert found
    assert found[1] != old
    assert (await sign_in(house.browser())).status_code == 200


async def test_links_that_are_not_valid_are_counted_and_codes_are_none(house: House) -> None:
    await anna(house)
    wall = house.accounts.put_person("Wall", Role.SCREEN)
    house.accounts.new_token(TokenPurpose.CODE, wall, token="ABCDEFGH")
    answers = [await house.browser().post("/api/v1/sign-in/link", json={"token": "ABCDEFGH"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [410, 410]
    rows = (await house.signed_in(Role.OWNER).get("/api/v1/audit?only=refused")).json()["items"]
    assert [(row["action"], row["detail"]) for row in rows] == [("sign-in link refused", "2 times")]
    signed = await house.browser().post("/api/v1/sign-in/code", json={"code": "abcd-efgh"})
    assert signed.json()["user"]["name"] == "Wall"


async def test_a_refused_two_step_code_says_what_helps_while_the_recorders_clock_is_wrong(house: House) -> None:
    await anna(house)
    (person,) = house.accounts.people()
    secret, now_s = pyotp.random_base32(), house.clock.now_ms() // 1000
    codes = house.site.two_step.turn_on(person, secret, pyotp.TOTP(secret).at(now_s))
    assert codes
    house.clock.jump_utc(120)
    browser = house.browser()
    step = (await sign_in(browser)).json()["second_step"]
    refused, done = [
        await browser.post("/api/v1/sign-in/second-step", json=step | {"code": code})
        for code in (pyotp.TOTP(secret).at(now_s + 30), codes[0])
    ]
    assert (refused.status_code, done.status_code) == (401, 200)
    assert "use a recovery code: the recorder's clock may be off" in refused.json()["hint"]
