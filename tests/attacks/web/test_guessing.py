"""Guessing one account's password from many addresses is limited, and the owner still gets in."""

import asyncio
import time
from collections import Counter

import httpx
import pytest

from tawny.api.auth.accounts import Role, TokenPurpose
from tawny.api.auth.guess_limit import ACCOUNT_TRIES, MOST_DEVICES
from tawny.model.times import Span
from tests.api.fakes import PASSWORD, House
from tests.attacks.web.test_refused_sign_ins import browser_at, refuse
from tests.playback.archives import PORCH

ADDRESSES, ENOUGH = 1000, ACCOUNT_TRIES + 30
"""Of an attacker; and how many of them use up an account's tries."""


async def anna(house: House) -> None:
    house.accounts.put_person("Anna", Role.OWNER, await house.site.passwords.hash(PASSWORD))


async def sign_in(browser: httpx.AsyncClient, name: str = "Anna") -> httpx.Response:
    return await browser.post("/api/v1/sign-in", json={"name": name, "password": PASSWORD})


async def guess_from_everywhere(house: House, name: str = "Anna", addresses: int = ENOUGH) -> Counter[int]:
    got: Counter[int] = Counter()
    for number in range(addresses):
        got[await refuse(browser_at(house, f"203.0.{number // 250}.{number % 250}"), name)] += 1
    return got


async def test_a_thousand_addresses_get_no_more_guesses_than_a_few(house: House) -> None:
    await anna(house)
    got = await guess_from_everywhere(house, addresses=ADDRESSES)
    assert got == {401: ACCOUNT_TRIES, 429: ADDRESSES - ACCOUNT_TRIES}
    house.clock.advance(3600)
    assert (await guess_from_everywhere(house, addresses=ADDRESSES))[401] == ACCOUNT_TRIES


async def test_an_account_that_does_not_exist_is_limited_alike(house: House) -> None:
    got = await guess_from_everywhere(house, "Nobody", ADDRESSES)
    assert got == {401: ACCOUNT_TRIES, 429: ADDRESSES - ACCOUNT_TRIES}


@pytest.mark.shows("SC1")
async def test_six_hours_of_guessing_get_few_tries(house: House) -> None:
    """Without the limit of the account, a thousand addresses got 24,000."""
    await anna(house)
    tried = 0
    for minute in range(6 * 60):
        for number in range(3):
            at = 3 * minute + number
            tried += await refuse(browser_at(house, f"198.51.{at // 250}.{at % 250}")) == 401
        house.clock.advance(60)
    assert tried <= ACCOUNT_TRIES + 6 * 60


async def test_the_owner_signs_in_on_a_known_device_meanwhile(house: House) -> None:
    await anna(house)
    phone = browser_at(house, "203.0.113.77")
    assert (await sign_in(phone)).status_code == 200
    await phone.post("/api/v1/sign-out")
    await guess_from_everywhere(house)
    for _ in range(30):
        await refuse(browser_at(house, "203.0.113.77"))  # by the same proxy or provider as the owner's phone
    begun_s = time.monotonic()
    assert (await sign_in(phone)).status_code == 200
    assert time.monotonic() - begun_s < 5
    assert (await sign_in(browser_at(house, "203.0.113.78"))).status_code == 429  # an unknown device waits


async def test_the_home_network_is_not_limited_by_the_internet(house: House) -> None:
    await anna(house)
    await guess_from_everywhere(house)
    assert (await sign_in(browser_at(house, "192.168.1.20"))).status_code == 200


async def test_a_device_is_known_by_a_cookie_of_an_earlier_version(house: House) -> None:
    """Cookies of other ports are named by the port today."""
    await anna(house)
    await sign_in(phone := browser_at(house, "203.0.113.77"))
    token = phone.cookies["tawny_device"]
    await guess_from_everywhere(house)
    base = f"{phone.base_url.scheme}://{phone.base_url.host}:8000"
    headers = {"Cookie": f"tawny_device={token}", "Origin": base, "Host": f"{phone.base_url.host}:8000"}
    again = browser_at(house, "203.0.113.77")
    login = {"name": "Anna", "password": PASSWORD}
    assert (await again.post("/api/v1/sign-in", json=login, headers=headers)).status_code == 200


async def test_a_known_device_has_a_limit_of_its_own(house: House) -> None:
    await anna(house)
    phone = browser_at(house, "203.0.113.77")
    await sign_in(phone)
    assert [await refuse(phone) for _ in range(6)] == [401] * 5 + [429]
    assert (await sign_in(phone)).status_code == 429
    house.clock.advance(30)
    assert (await sign_in(phone)).status_code == 200


async def test_a_device_is_known_to_its_own_account_only(house: House) -> None:
    await anna(house)
    house.accounts.put_person("Ben", Role.VIEWER, await house.site.passwords.hash(PASSWORD))
    bens = browser_at(house, "203.0.113.77")
    await sign_in(bens, "Ben")
    await guess_from_everywhere(house)
    assert (await sign_in(bens)).status_code == 429
    assert (await sign_in(bens, "Ben")).status_code == 200


async def test_a_new_password_forgets_known_devices(house: House) -> None:
    await anna(house)
    phone = browser_at(house, "203.0.113.77")
    await sign_in(phone)
    await anna(house)
    await guess_from_everywhere(house)
    assert (await sign_in(phone)).status_code == 429


async def test_the_devices_cookie_is_a_secret(house: House) -> None:
    await anna(house)
    answer = await sign_in(browser_at(house, "203.0.113.77"))
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("tawny_device="))
    assert {"HttpOnly", "SameSite=strict", "Path=/api/v1/sign-in", "Max-Age=34560000"} <= set(cookie.split("; "))
    secret = cookie.partition("=")[2].partition(";")[0]
    with house.accounts.file.reading() as db:
        assert secret.encode() not in b"".join(row[0] for row in db.execute("SELECT hash FROM tokens"))


async def test_many_names_from_many_addresses_keep_the_owner_out_for_no_second(house: House) -> None:
    """Each password is hashed: 161 at once take seconds of the recorder's processor."""
    await anna(house)
    phone = browser_at(house, "203.0.113.77")
    await sign_in(phone)
    browsers = [browser_at(house, f"198.51.100.{number}") for number in range(161)]
    got = await asyncio.gather(*(refuse(one, f"name {number}") for number, one in enumerate(browsers)))
    assert got.count(401) <= 60
    assert (await sign_in(phone)).status_code == 200


async def test_a_known_device_does_not_wait_for_the_hashes_of_strangers(house: House) -> None:
    await anna(house)
    phone, turns = browser_at(house, "203.0.113.77"), house.site.passwords.turns
    await sign_in(phone)
    async with turns, turns:
        assert (await asyncio.wait_for(sign_in(phone), 5)).status_code == 200


async def test_two_people_can_share_a_device(house: House) -> None:
    await anna(house)
    house.accounts.put_person("Ben", Role.VIEWER, await house.site.passwords.hash(PASSWORD))
    tablet = browser_at(house, "203.0.113.77")
    for name in ("Anna", "Ben"):
        await sign_in(tablet, name)
    await guess_from_everywhere(house)
    await guess_from_everywhere(house, "Ben")
    assert [(await sign_in(tablet, name)).status_code for name in ("Anna", "Ben")] == [200, 200]


async def test_known_devices_are_forgotten_in_time_and_in_number(house: House) -> None:
    await anna(house)
    found = house.accounts.find("Anna")
    assert found
    first = house.site.devices.remember("", found[0])
    house.clock.advance(1)
    others = [house.site.devices.remember("", found[0]) for _ in range(MOST_DEVICES - 1)]
    assert house.site.devices.key_of(first, found[0])
    others.append(house.site.devices.remember("not one of ours", found[0]))
    assert not house.site.devices.key_of(first, found[0])
    assert all(house.site.devices.key_of(one, found[0]) for one in others)
    house.clock.advance(401 * 86_400)
    assert not house.site.devices.key_of(others[0], found[0])
    for purpose in (TokenPurpose.CLAIM, TokenPurpose.LINK):
        assert not house.accounts.is_good(others[0], purpose)


async def test_guessing_a_shared_links_code_is_limited_over_all_addresses(house: House) -> None:
    owner, code = house.accounts.put_person("Anna", Role.OWNER), await house.site.passwords.hash("4711")
    span = Span(house.clock.now_ms() - 60_000, house.clock.now_ms())
    _, token = house.site.shares.make(owner, PORCH, span, house.clock.now_ms() + 86_400_000, code=code)
    got: Counter[int] = Counter()
    for number in range(ADDRESSES):
        browser = browser_at(house, f"203.0.{number // 250}.{number % 250}")
        got[(await browser.post(f"/api/v1/shared/{token}", json={"code": f"{number:04}"})).status_code] += 1
    assert got == {401: ACCOUNT_TRIES, 429: ADDRESSES - ACCOUNT_TRIES}
