"""Attacks on each way of signing in: replay, guessing, another person's, another page's, and what is left of it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from tawny.api.auth.access import COOKIE, SECURE_COOKIE
from tawny.api.auth.accounts import RECENT_MS, SCREEN_SESSION_MS, Account, Caller, Role, TokenPurpose
from tawny.api.auth.guess_limit import CODE_TRIES, GuessAttempt, SecondStepLimit
from tawny.api.auth.signed_steps import STEP_S, SignedSteps
from tawny.config.settings import Settings, WebSettings
from tawny.config.sign_in import SignInSettings
from tawny.testing.clock import FakeClock
from tests.api.authenticator import PRESENT, SoftwareKey
from tests.api.fakes import OURS, PASSWORD, House, make_house
from tests.playback.archives import PORCH

SECURE = "https://tawny.test"
SIGN_IN, STEP = "/api/v1/sign-in", "/api/v1/sign-in/second-step"
AWAY, HOME = "203.0.113.7", "192.168.1.20"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.accounts.close()


async def person(house: House, name: str = "Anna", role: Role = Role.OWNER) -> Account:
    return house.accounts.put_person(name, role, await house.site.passwords.hash(PASSWORD))


def browser(house: House, session: str = "", address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
    """A browser at this address, on the page under https."""
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=(address, 5))
    sent = {**OURS, "Origin": SECURE, **headers}
    made = httpx.AsyncClient(transport=transport, base_url=SECURE, headers=sent)
    if session:
        made.cookies.set(COOKIE, session)
    return made


def signed_in(house: House, one: Account, address: str = "127.0.0.1") -> httpx.AsyncClient:
    return browser(house, house.accounts.begin_session(one, Caller(address)), address)


async def user_of(client: httpx.AsyncClient) -> str:
    user = (await client.get("/api/v1/session")).json()["user"]
    return str(user["name"]) if user else ""


def code_of(answer: httpx.Response) -> str:
    return str(answer.json().get("code", ""))


# --- passkeys --------------------------------------------------------------------------------------------------------


async def add_passkey(client: httpx.AsyncClient, key: SoftwareKey, name: str = "Phone") -> httpx.Response:
    begun = (await client.post("/api/v1/me/passkeys/options", json={})).json()
    sent = {"challenge": begun["challenge"], "credential": key.create(begun["options"]), "name": name}
    return await client.post("/api/v1/me/passkeys", json=sent)


async def use_passkey(client: httpx.AsyncClient, key: SoftwareKey) -> httpx.Response:
    begun = (await client.post(f"{SIGN_IN}/passkey/options", json={})).json()
    sent = {"challenge": begun["challenge"], "credential": key.get(begun["options"])}
    return await client.post(f"{SIGN_IN}/passkey", json=sent)


async def test_a_passkey_signs_its_user_in(house: House) -> None:
    anna, key, other = await person(house), SoftwareKey(), browser(house)
    assert (await add_passkey(signed_in(house, anna), key)).status_code == 200
    assert (await use_passkey(other, key)).status_code == 200
    assert await user_of(other) == "Anna"
    (listed,) = (await other.get("/api/v1/me")).json()["passkeys"]
    assert (listed["name"], listed["host"]) == ("Phone", "tawny.test")
    assert listed["used_ms"] == house.clock.now_ms()


LIES: dict[str, Callable[[SoftwareKey], SoftwareKey]] = {
    "made for another host": lambda key: replace(key, host="evil.test"),
    "on another page": lambda key: replace(key, origin="https://evil.test"),
    "without https": lambda key: replace(key, origin="http://tawny.test"),
    "on another port": lambda key: replace(key, origin="https://tawny.test:8443"),
    "without finger, face or PIN": lambda key: replace(key, flags=PRESENT),
    "with another key": lambda key: SoftwareKey(id=key.id, user=key.user, count=9),
    "as another user": lambda key: replace(key, user=b"0123456789abcdef"),
    "as no user": lambda key: replace(key, user=b""),
    "of no account": lambda key: replace(key, id=b"another id"),
    "by a copy that counts less": lambda key: replace(key, count=-1 + key.count - 1),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_passkey_that_lies(house: House, lie: str) -> None:
    anna, key = await person(house), SoftwareKey(count=5)
    await add_passkey(signed_in(house, anna), key)
    assert (await use_passkey(browser(house), key)).status_code == 200
    stranger = browser(house)
    answer = await use_passkey(stranger, LIES[lie](key))
    assert (answer.status_code, code_of(answer)) == (401, "wrong_passkey"), "the same answer for all of them"
    assert not {COOKIE, SECURE_COOKIE} & set(stranger.cookies)
    assert [one.detail for one in house.accounts.audit() if one.action == "passkey refused"] == ["1 time"]


async def test_a_passkeys_answer_works_once_for_its_own_challenge(house: House) -> None:
    anna, key, client = await person(house), SoftwareKey(), browser(house)
    await add_passkey(signed_in(house, anna), key)
    begun = (await client.post(f"{SIGN_IN}/passkey/options", json={})).json()
    other = (await client.post(f"{SIGN_IN}/passkey/options", json={})).json()
    credential = key.get(begun["options"])
    crossed = {"challenge": other["challenge"], "credential": credential}
    assert (await client.post(f"{SIGN_IN}/passkey", json=crossed)).status_code == 401
    sent = {"challenge": begun["challenge"], "credential": credential}
    answers = await asyncio.gather(*(browser(house).post(f"{SIGN_IN}/passkey", json=sent) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200, 401, 401, 401, 401]


async def test_a_challenge_ends(house: House) -> None:
    anna, key, client = await person(house), SoftwareKey(), browser(house)
    await add_passkey(signed_in(house, anna), key)
    begun = (await client.post(f"{SIGN_IN}/passkey/options", json={})).json()
    house.clock.advance(STEP_S + 1)
    sent = {"challenge": begun["challenge"], "credential": key.get(begun["options"])}
    assert (await client.post(f"{SIGN_IN}/passkey", json=sent)).status_code == 401


async def test_a_challenge_for_adding_is_of_one_session(house: House) -> None:
    """Another user can't have the victim's session take the attacker's key, nor a sign-in's challenge add one."""
    anna, ben, key = await person(house), await person(house, "Ben"), SoftwareKey()
    begun = (await signed_in(house, ben).post("/api/v1/me/passkeys/options", json={})).json()
    sent = {"challenge": begun["challenge"], "credential": key.create(begun["options"]), "name": "Mine"}
    assert (await signed_in(house, anna).post("/api/v1/me/passkeys", json=sent)).status_code == 400
    other = (await browser(house).post(f"{SIGN_IN}/passkey/options", json={})).json()
    sent["challenge"] = other["challenge"]
    assert (await signed_in(house, ben).post("/api/v1/me/passkeys", json=sent)).status_code == 400


async def test_nobody_takes_a_passkey_that_someone_has(house: House) -> None:
    anna, ben, key = await person(house), await person(house, "Ben"), SoftwareKey()
    assert (await add_passkey(signed_in(house, anna), key)).status_code == 200
    assert (await add_passkey(signed_in(house, ben), replace(key))).status_code == 400
    assert (await use_passkey(client := browser(house), key)).status_code == 200
    assert await user_of(client) == "Anna"


@pytest.mark.parametrize(
    "credential", ["", "{}", "null", "[]", "7", '{"rawId": 7}', '{"rawId":"AA","response":null}', "[" * 30_000]
)
async def test_what_is_no_credential_is_refused(house: House, credential: str) -> None:
    begun = (await browser(house).post(f"{SIGN_IN}/passkey/options", json={})).json()
    sent = {"challenge": begun["challenge"], "credential": credential}
    assert (await browser(house).post(f"{SIGN_IN}/passkey", json=sent)).status_code == 401
    client = signed_in(house, await person(house))
    begun = (await client.post("/api/v1/me/passkeys/options", json={})).json()
    sent = {"challenge": begun["challenge"], "credential": credential, "name": "X"}
    assert (await client.post("/api/v1/me/passkeys", json=sent)).status_code == 400


async def test_options_say_nothing_about_accounts(house: House) -> None:
    before = json.loads((await browser(house).post(f"{SIGN_IN}/passkey/options", json={})).json()["options"])
    await add_passkey(signed_in(house, await person(house)), SoftwareKey())
    after = json.loads((await browser(house).post(f"{SIGN_IN}/passkey/options", json={})).json()["options"])
    assert {**before, "challenge": ""} == {**after, "challenge": ""}
    assert before["userVerification"] == "required"


async def test_a_removed_passkey_and_that_of_a_removed_user(house: House) -> None:
    anna, key = await person(house, role=Role.MEMBER), SoftwareKey()
    made = (await add_passkey(client := signed_in(house, anna), key)).json()
    assert (
        await signed_in(house, await person(house, "Ben")).delete(f"/api/v1/me/passkeys/{made['id']}")
    ).status_code == 404
    assert (await client.delete(f"/api/v1/me/passkeys/{made['id']}")).status_code == 200
    assert (await use_passkey(browser(house), key)).status_code == 401
    await add_passkey(client, key)
    house.accounts.remove_person(anna)
    assert (await use_passkey(browser(house), key)).status_code == 401


async def test_the_only_way_to_sign_in_stays(house: House) -> None:
    client = signed_in(house, house.accounts.put_person("Ben", Role.MEMBER))
    made = (await add_passkey(client, SoftwareKey())).json()
    assert code_of(await client.delete(f"/api/v1/me/passkeys/{made['id']}")) == "only_way"


async def test_a_new_owner_of_the_account_gets_none_of_the_former_ways(house: House) -> None:
    """`tawny setup-link` after somebody else was at the account."""
    anna, key = await person(house), SoftwareKey()
    client = signed_in(house, anna)
    await add_passkey(client, key)
    await turn_on(house, client)
    assert house.accounts.claim(house.accounts.new_token(TokenPurpose.CLAIM), "Anna", "hash")
    assert (await use_passkey(browser(house), key)).status_code == 401
    assert house.site.two_step.state(anna) is None


async def test_passkeys_need_https_and_a_name(house: House) -> None:
    for origin in ("http://tawny.test", "https://192.168.1.2", "http://[::1]:8000"):
        transport = httpx.ASGITransport(house.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=origin, headers={**OURS, "Origin": origin})
        assert code_of(await client.post(f"{SIGN_IN}/passkey/options", json={})) == "no_passkeys_here"


# --- two-step codes --------------------------------------------------------------------------------------------------


async def turn_on(house: House, client: httpx.AsyncClient) -> tuple[pyotp.TOTP, list[str]]:
    secret = (await client.post("/api/v1/me/two-step", json={})).json()["secret"]
    totp = pyotp.TOTP(secret)
    answer = await client.post("/api/v1/me/two-step/confirm", json={"code": now(house, totp)})
    assert answer.status_code == 200, answer.text
    return totp, answer.json()["codes"]


def now(house: House, totp: pyotp.TOTP, steps: int = 0) -> str:
    return str(totp.generate_otp(house.clock.now_ms() // 30_000 + steps))


async def first_step(client: httpx.AsyncClient, name: str = "Anna") -> dict[str, Any]:
    answer = await client.post(SIGN_IN, json={"name": name, "password": PASSWORD})
    assert (answer.status_code, code_of(answer)) == (401, "second_step")
    assert not {COOKIE, SECURE_COOKIE} & set(client.cookies)
    return dict(answer.json()["second_step"])


async def test_a_password_alone_does_not_sign_in(house: House) -> None:
    totp, _ = await turn_on(house, signed_in(house, await person(house)))
    client = browser(house)
    step = await first_step(client)
    house.clock.advance(30)
    assert (await client.post(STEP, json={**step, "code": now(house, totp)})).status_code == 200
    assert await user_of(client) == "Anna"
    assert house.accounts.audit(1)[0].detail == "with a code"


async def test_it_is_not_in_force_before_a_code_confirms_it(house: House) -> None:
    client = signed_in(house, await person(house))
    await client.post("/api/v1/me/two-step", json={})
    assert (await client.post("/api/v1/me/two-step/confirm", json={"code": "000000"})).status_code == 400
    assert (await browser(house).post(SIGN_IN, json={"name": "Anna", "password": PASSWORD})).status_code == 200


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_code_may_be_one_step_off(house: House, steps: int, is_right: bool) -> None:
    anna = await person(house)
    totp, _ = await turn_on(house, signed_in(house, anna))
    house.clock.advance(120)
    assert house.site.two_step.accepts(anna, now(house, totp, steps)) == is_right


async def test_a_code_works_once_also_with_two_at_a_time(house: House) -> None:
    anna = await person(house)
    totp, _ = await turn_on(house, signed_in(house, anna))
    assert not house.site.two_step.accepts(anna, now(house, totp)), "the one that confirmed it"
    house.clock.advance(30)
    clients = [browser(house) for _ in range(4)]
    steps = [await first_step(client) for client in clients]
    sent = [
        client.post(STEP, json={**step, "code": now(house, totp)}) for client, step in zip(clients, steps, strict=True)
    ]
    assert sorted([one.status_code for one in await asyncio.gather(*sent)]) == [200, 401, 401, 401]
    assert not house.site.two_step.accepts(anna, now(house, totp, -1)), "nor an older one afterwards"


async def test_a_recovery_code_works_once_and_for_its_user(house: House) -> None:
    anna, ben = await person(house), await person(house, "Ben")
    _, codes = await turn_on(house, signed_in(house, anna))
    await turn_on(house, signed_in(house, ben))
    assert not house.site.two_step.accepts(ben, codes[0])
    assert house.site.two_step.accepts(anna, codes[0].lower().replace("-", " "))
    assert not house.site.two_step.accepts(anna, codes[0])
    renewed = (await signed_in(house, anna).post("/api/v1/me/two-step/recovery-codes", json={})).json()["codes"]
    assert not house.site.two_step.accepts(anna, codes[1])
    assert house.site.two_step.accepts(anna, renewed[0])


async def test_the_second_step_is_of_one_user_and_once(house: House) -> None:
    totp, _ = await turn_on(house, signed_in(house, await person(house)))
    await turn_on(house, signed_in(house, await person(house, "Ben")))
    house.clock.advance(30)
    client, step = browser(house), await first_step(browser(house), "Ben")
    crossed = {**step, "name": "Anna", "code": now(house, totp)}
    assert code_of(await client.post(STEP, json=crossed)) == "too_late"
    changed = {**await first_step(client), "after": "sign-in by link", "code": now(house, totp)}
    assert code_of(await client.post(STEP, json=changed)) == "too_late"
    step = await first_step(client)
    assert (await client.post(STEP, json={**step, "code": now(house, totp)})).status_code == 200
    house.clock.advance(30)
    assert code_of(await browser(house).post(STEP, json={**step, "code": now(house, totp)})) == "too_late"


async def test_the_second_step_ends_with_the_password_and_with_time(house: House) -> None:
    anna = await person(house)
    totp, _ = await turn_on(house, signed_in(house, anna))
    house.clock.advance(30)
    step = await first_step(browser(house))
    house.accounts.change_password(anna, await house.site.passwords.hash("another password"), b"")
    assert code_of(await browser(house).post(STEP, json={**step, "code": now(house, totp)})) == "too_late"
    house.accounts.change_password(anna, await house.site.passwords.hash(PASSWORD), b"")
    step = await first_step(browser(house))
    house.clock.advance(STEP_S + 1)
    assert code_of(await browser(house).post(STEP, json={**step, "code": now(house, totp)})) == "too_late"


async def test_guessing_codes_is_limited_and_leaves_the_owner_alone(house: House) -> None:
    totp, _ = await turn_on(house, signed_in(house, await person(house)))
    house.clock.advance(60)
    attacker = browser(house, address=AWAY)
    answers = []
    for number in range(CODE_TRIES + 3):
        step = await first_step(attacker)
        answers.append(code_of(await attacker.post(STEP, json={**step, "code": f"{number:06}"})))
    assert answers == ["wrong_code"] * CODE_TRIES + ["wait"] * 3
    for address in (HOME, "127.0.0.1"):
        owner = browser(house, address=address)
        step = await first_step(owner)
        assert (await owner.post(STEP, json={**step, "code": now(house, totp)})).status_code == 200
        house.clock.advance(30)
    step = await first_step(attacker)
    assert code_of(await attacker.post(STEP, json={**step, "code": now(house, totp)})) == "wait", "also the right one"
    refused = [one for one in house.accounts.audit() if one.action == "second step failed"]
    assert [(one.person, one.detail) for one in refused] == [("Anna", "10 times")]


def test_a_day_of_guessing_has_few_chances() -> None:
    clock = FakeClock()
    limit, tried, count = SecondStepLimit(clock), GuessAttempt("Anna", AWAY, "a"), 0
    for _ in range(24 * 60):
        if not limit.wait_s(tried):
            limit.begin(tried)
            count += 1
        clock.advance(60)
    assert count <= 24 * 6 + CODE_TRIES


async def test_an_invitation_asks_for_the_code_but_a_phones_link_does_not(house: House) -> None:
    anna = await person(house)
    client = signed_in(house, anna)
    await turn_on(house, client)
    link = house.accounts.new_token(TokenPurpose.LINK, anna)
    assert code_of(await browser(house).post(f"{SIGN_IN}/link", json={"token": link})) == "second_step"
    phone = (await client.post("/api/v1/me/phone", json={})).json()["link"].partition("#link=")[2]
    assert (await browser(house).post(f"{SIGN_IN}/link", json={"token": phone})).status_code == 200


# --- one's own sign-in, sessions and phones --------------------------------------------------------------------------

CHANGES: tuple[tuple[str, str, dict[str, str] | None], ...] = (
    ("PUT", "/api/v1/me/password", {"password": "a new password"}),
    ("POST", "/api/v1/me/passkeys/options", {}),
    ("POST", "/api/v1/me/two-step", {}),
    ("POST", "/api/v1/me/two-step/recovery-codes", {}),
    ("DELETE", "/api/v1/me/two-step", None),
    ("DELETE", "/api/v1/me/passkeys/00", None),
    ("POST", "/api/v1/me/phone", {}),
)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_an_old_session_changes_nothing_without_the_password(
    house: House, method: str, path: str, body: dict[str, str] | None
) -> None:
    client = signed_in(house, await person(house))
    house.clock.advance(RECENT_MS / 1000 + 1)
    assert code_of(await client.request(method, path, json=body)) == "confirm_first"
    assert (await client.post(f"{SIGN_IN}/confirm", json={"password": "wrong"})).status_code == 400
    assert code_of(await client.request(method, path, json=body)) == "confirm_first"
    assert (await client.post(f"{SIGN_IN}/confirm", json={"password": PASSWORD})).status_code == 200
    assert (await client.request(method, path, json=body)).status_code in (200, 404)


async def test_confirming_is_limited_like_signing_in(house: House) -> None:
    client = signed_in(house, await person(house))
    codes = [code_of(await client.post(f"{SIGN_IN}/confirm", json={"password": "wrong"})) for _ in range(7)]
    assert codes[-2:] == ["wait", "wait"]


async def test_a_new_password_ends_all_else(house: House) -> None:
    anna = await person(house)
    client, other = signed_in(house, anna), signed_in(house, anna)
    phone = (await client.post("/api/v1/me/phone", json={})).json()["link"].partition("#link=")[2]
    invitation = house.accounts.new_token(TokenPurpose.LINK, anna)
    assert (await client.put("/api/v1/me/password", json={"password": "a new password"})).status_code == 200
    assert (await user_of(client), await user_of(other)) == ("Anna", "")
    for token in (phone, invitation):
        assert (await browser(house).post(f"{SIGN_IN}/link", json={"token": token})).status_code == 410


async def test_sessions_are_ended_by_their_own_user(house: House) -> None:
    anna, ben = await person(house), await person(house, "Ben")
    client, other, third = (signed_in(house, anna) for _ in range(3))
    listed = (await client.get("/api/v1/me")).json()["sessions"]
    assert [one["is_this"] for one in listed].count(True) == 1
    assert not any(other.cookies[COOKIE] in json.dumps(one) for one in listed)
    stranger = signed_in(house, ben)
    for one in listed:
        assert (await stranger.delete(f"/api/v1/me/sessions/{one['id']}")).status_code == 404
    assert (await client.delete("/api/v1/me/sessions")).status_code == 200
    assert [await user_of(one) for one in (client, other, third, stranger)] == ["Anna", "", "", "Ben"]


async def test_a_phones_link_works_once_for_five_minutes_while_its_session_lasts(house: House) -> None:
    anna = await person(house)

    async def link(client: httpx.AsyncClient) -> dict[str, Any]:
        return dict((await client.post("/api/v1/me/phone", json={})).json())

    async def follow(made: dict[str, Any]) -> int:
        token = made["link"].partition("#link=")[2]
        return (await browser(house).post(f"{SIGN_IN}/link", json={"token": token})).status_code

    client = signed_in(house, anna)
    first = await link(client)
    answers = await asyncio.gather(*(follow(first) for _ in range(4)))
    assert sorted(answers) == [200, 410, 410, 410]
    assert (await client.get(f"/api/v1/me/phone/{first['id']}")).json()["state"] == "connected"
    late = await link(client)
    house.clock.advance(301)
    assert await follow(late) == 410
    assert (await client.get(f"/api/v1/me/phone/{late['id']}")).json()["state"] == "ended"
    signed_out = await link(other := signed_in(house, anna))
    await other.post("/api/v1/sign-out", json={})
    assert await follow(signed_out) == 410
    removed = await link(signed_in(house, ben := await person(house, "Ben", Role.MEMBER)))
    stranger = signed_in(house, anna)
    assert (await stranger.get(f"/api/v1/me/phone/{removed['id']}")).json()["state"] == "ended", "not one's own"
    house.accounts.remove_person(ben)
    assert await follow(removed) == 410


async def test_a_session_that_was_there_before_is_not_kept(house: House) -> None:
    """Fixation: whoever knew the cookie before the sign-in has nothing afterwards."""
    await person(house)
    planted = house.accounts.begin_session(await person(house, "Eve", Role.VIEWER), Caller("x"))
    answer = await browser(house, planted).post(SIGN_IN, json={"name": "Anna", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.cookies[SECURE_COOKIE] != planted
    assert await user_of(browser(house, planted)) == ""


# --- guests and screens ----------------------------------------------------------------------------------------------


async def test_a_guest_ends_with_everything_they_made(house: House) -> None:
    owner = signed_in(house, await person(house))
    soon_ms = house.clock.now_ms() + 60_000
    asked = {"name": "G", "role": "guest", "ends_ms": soon_ms}
    made = (await owner.post("/api/v1/people", json=asked)).json()
    guest = browser(house)
    token = made["link"].partition("#link=")[2]
    assert (await guest.post(f"{SIGN_IN}/link", json={"token": token})).status_code == 200
    again = (await owner.post(f"/api/v1/people/{made['person']['id']}/link", json={})).json()["link"]
    assert (await guest.get("/api/v1/cameras")).status_code == 200
    assert (await guest.get("/api/v1/session")).json()["user"]["ends_ms"] == soon_ms
    house.clock.advance(60)
    assert (await guest.get("/api/v1/cameras")).status_code == 401
    late = await browser(house).post(f"{SIGN_IN}/link", json={"token": again.partition("#link=")[2]})
    assert late.status_code == 410
    path = f"/api/v1/people/{made['person']['id']}"
    extended = {"role": "guest", "ends_ms": house.clock.now_ms() + 60_000}
    assert (await owner.patch(path, json=extended)).status_code == 200
    assert (await guest.get("/api/v1/cameras")).status_code == 200


async def test_a_guests_password_opens_nothing_afterwards(house: House) -> None:
    guest = await person(house, "G", Role.GUEST)
    house.accounts.change_person(guest, Role.GUEST, None, house.clock.now_ms())
    assert code_of(await browser(house).post(SIGN_IN, json={"name": "G", "password": "wrong"})) == "wrong_login"
    assert code_of(await browser(house).post(SIGN_IN, json={"name": "G", "password": PASSWORD})) == "access_ended"


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "G", "role": "guest"},
        {"name": "G", "role": "viewer", "ends_ms": 1_900_000_000_000},
        {"name": "G", "role": "owner", "ends_ms": 1_900_000_000_000},
    ],
)
async def test_guests_and_only_guests_have_an_end(house: House, asked: dict[str, Any]) -> None:
    owner = signed_in(house, await person(house))
    assert (await owner.post("/api/v1/people", json=asked)).status_code == 400
    assert house.accounts.find("G") is None


async def test_a_screens_code_and_link_are_one_grant(house: House) -> None:
    owner = signed_in(house, await person(house))
    made = (await owner.post("/api/v1/people", json={"name": "Kitchen", "role": "screen", "cameras": [PORCH]})).json()
    screen = browser(house)
    assert (await screen.post(f"{SIGN_IN}/code", json={"code": made["screen_code"].lower()})).status_code == 200
    assert (await screen.get("/api/v1/cameras")).status_code == 200
    link = made["link"].partition("#link=")[2]
    assert (await browser(house).post(f"{SIGN_IN}/link", json={"token": link})).status_code == 410
    assert (await browser(house).post(f"{SIGN_IN}/code", json={"code": made["screen_code"]})).status_code == 401
    house.clock.advance(SCREEN_SESSION_MS / 1000 - 1)
    assert (await screen.get("/api/v1/cameras")).status_code == 200
    for role in ("viewer", "owner"):
        changed = await owner_again(house).patch(f"/api/v1/people/{made['person']['id']}", json={"role": role})
        assert changed.status_code == 400, "a screen without a keyboard does not become an owner"


def owner_again(house: House) -> httpx.AsyncClient:
    found = house.accounts.find("Anna")
    assert found
    return signed_in(house, found[0])


async def test_guessing_the_code_of_a_screen_is_limited(house: House) -> None:
    owner = signed_in(house, await person(house))
    made = (await owner.post("/api/v1/people", json={"name": "Kitchen", "role": "screen"})).json()
    codes = []
    for number in range(60):  # each from another address
        guess = browser(house, address=f"203.0.113.{number}")
        codes.append(code_of(await guess.post(f"{SIGN_IN}/code", json={"code": f"AAAAAA{number:02}"})))
    assert codes.count("wrong_code") == 20
    assert codes[-1] == "wait"
    near = browser(house, address=HOME)
    assert (await near.post(f"{SIGN_IN}/code", json={"code": made["screen_code"]})).status_code == 200
    house.clock.advance(901)
    another = (await owner_again(house).post(f"/api/v1/people/{made['person']['id']}/link", json={})).json()
    house.clock.advance(901)
    assert (await near.post(f"{SIGN_IN}/code", json={"code": another["screen_code"]})).status_code == 401


# --- reverse proxy ---------------------------------------------------------------------------------------------------

PROXY = "192.168.1.2"


def with_proxy(house: House, proxies: tuple[str, ...] = (PROXY,)) -> None:
    settings = SignInSettings(proxy_header="Remote-User")
    house.site.apply(WebSettings.model_validate({"proxies": proxies, "hosts": ["tawny.test"]}), settings)


async def test_a_trusted_proxy_signs_in_whom_it_names(house: House) -> None:
    await person(house)
    with_proxy(house)
    client = browser(house, address=PROXY, **{"Remote-User": "anna"})
    assert (await client.get("/api/v1/session")).json()["proxied"] == "Anna"
    assert (await client.post(f"{SIGN_IN}/proxy", json={})).status_code == 200
    assert await user_of(client) == "Anna"
    for header in ({}, {"Remote-User": "ben"}, {"Remote-User": ""}):
        other = browser(house, client.cookies[SECURE_COOKIE], PROXY, **header)
        assert await user_of(other) == "", "its session is that of the proxy"
    assert await user_of(browser(house, client.cookies[SECURE_COOKIE], HOME)) == ""


@pytest.mark.parametrize("address", [HOME, AWAY, "127.0.0.1", "::1"])
async def test_the_header_of_anyone_else_is_ignored_and_counted(house: House, address: str) -> None:
    await person(house)
    with_proxy(house)
    client = browser(house, address=address, **{"remote-user": "Anna"})
    assert (await client.post(f"{SIGN_IN}/proxy", json={})).status_code == 400
    assert (await client.get("/api/v1/session")).json()["proxied"] == ""
    assert (await client.get("/api/v1/cameras")).status_code == 401
    (entry,) = [one for one in house.accounts.audit() if one.action == "proxy header refused"]
    assert entry.detail == "3 times"
    assert house.accounts.counts.refused().most.startswith("with the header of a reverse proxy")


async def test_two_headers_are_none(house: House) -> None:
    await person(house)
    with_proxy(house)
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=(PROXY, 5))
    headers = [*OURS.items(), ("Remote-User", "Anna"), ("Remote-User", "Eve")]
    client = httpx.AsyncClient(transport=transport, base_url="http://tawny.test", headers=headers)
    assert (await client.post(f"{SIGN_IN}/proxy", json={})).status_code == 400


async def test_a_header_that_is_not_configured_means_nothing(house: House) -> None:
    await person(house)
    house.site.apply(WebSettings.model_validate({"proxies": [PROXY], "hosts": ["tawny.test"]}), SignInSettings())
    client = browser(house, address=PROXY, **{"Remote-User": "Anna"})
    assert (await client.post(f"{SIGN_IN}/proxy", json={})).status_code == 400
    assert [one for one in house.accounts.audit() if "proxy" in one.action] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"sign_in": {"proxy_header": "Remote-User"}},
        {"sign_in": {"proxy_header": "Cookie"}, "web": {"proxies": ["10.0.0.1"]}},
        {"sign_in": {"proxy_header": "X-Forwarded-For"}, "web": {"proxies": ["10.0.0.1"]}},
        {"sign_in": {"proxy_header": "a b"}, "web": {"proxies": ["10.0.0.1"]}},
        {"sign_in": {"oidc": {"issuer": "https://id.example"}}},
        {"sign_in": {"oidc": {"issuer": "http://id.example", "client_id": "a", "client_secret": "b"}}},
        {"sign_in": {"oidc": {"issuer": "https://a@id.example", "client_id": "a", "client_secret": "b"}}},
        {"sign_in": {"oidc": {"issuer": "https://id.example?x=1", "client_id": "a", "client_secret": "b"}}},
        {"sign_in": {"oidc": {"issuer": "file:///etc", "client_id": "a", "client_secret": "b"}}},
    ],
)
def test_settings_that_would_be_unsafe_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sign_in"):
        Settings.model_validate(settings)


# --- steps, and pages of other sites ---------------------------------------------------------------------------------


def test_a_steps_token_is_for_its_purpose_its_subject_and_once() -> None:
    clock = FakeClock()
    steps = SignedSteps(clock)
    token = steps.issue("a", "anna")
    assert steps.is_good(token, "a", "anna")
    assert not steps.is_good(token, "b", "anna")
    assert not steps.is_good(token, "a", "ben")
    assert not steps.is_good(token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), "a", "anna")
    assert not SignedSteps(clock).is_good(token, "a", "anna"), "of another process"
    assert [steps.spend(token, "a", "anna"), steps.spend(token, "a", "anna")] == [True, False]
    clock.jump_utc(-86_400)
    assert not steps.is_good(token, "a", "anna")
    old = steps.issue("a")
    clock.advance(STEP_S)
    assert not steps.is_good(old, "a")


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 75, "=" * 80, "\x00"])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert not SignedSteps(FakeClock()).is_good(token, "a")


@pytest.mark.parametrize(
    "path",
    ["", "/link", "/code", "/passkey/options", "/passkey", "/proxy", "/provider", "/second-step", "/confirm"],
)
async def test_pages_of_other_sites_cannot_sign_in(house: House, path: str) -> None:
    """Login CSRF: a victim would go on in the attacker's account."""
    client = signed_in(house, await person(house))
    evil = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    assert code_of(await client.post(f"{SIGN_IN}{path}", json={}, headers=evil)) == "other_site"
