"""Attacks on passkeys and two-step codes: replay, guessing, another person's, and what is left of them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tawny.api.auth.access import COOKIE, SECURE_COOKIE
from tawny.api.auth.accounts import Caller, Role, TokenPurpose
from tawny.api.auth.guess_limit import CODE_TRIES, GuessAttempt, SecondStepLimit
from tawny.api.auth.linked_names import BY_PROXY
from tawny.api.auth.signed_steps import STEP_S
from tawny.config.settings import WebSettings
from tawny.config.sign_in import SignInSettings
from tawny.testing.clock import FakeClock
from tests.api.authenticator import PRESENT, SoftwareKey
from tests.api.fakes import OURS, PASSWORD, House, make_house
from tests.attacks.sign_in_steps import (
    AWAY,
    HOME,
    SIGN_IN,
    STEP,
    add_passkey,
    browser,
    code_of,
    first_step,
    now,
    person,
    signed_in,
    turn_on,
    use_passkey,
    user_of,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.accounts.close()


# --- passkeys --------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(("settings", "status"), [({}, 409), ({"proxy_header": "Remote-User"}, 200)])
async def test_a_name_that_signed_in_is_a_way_while_there_is_a_provider_or_proxy(
    house: House, settings: dict[str, str], status: int
) -> None:
    ben = house.accounts.put_person("Ben", Role.MEMBER)
    house.site.identities.link(ben, "ben@example.org")
    house.site.apply(WebSettings.model_validate({"hosts": ["tawny.test"]}), SignInSettings.model_validate(settings))
    client = signed_in(house, ben)
    made = (await add_passkey(client, SoftwareKey())).json()
    assert code_of(await client.delete(f"/api/v1/me/passkeys/{made['id']}")) == "only_way", "the name may be wrong"
    house.accounts.begin_session(ben, Caller(""), BY_PROXY)
    assert (await client.delete(f"/api/v1/me/passkeys/{made['id']}")).status_code == status


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
