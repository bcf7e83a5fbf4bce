"""Headers of proxies count from configured proxies only, never from loopback by itself."""

import logging
from ipaddress import ip_network

import httpx
import pytest
from starlette.datastructures import Headers

from tawny.api.auth.accounts import Caller, Role
from tawny.api.client_address import MOST_PROXIES, TrustedProxies, network_of
from tawny.api.server import WebServer
from tests.api.fakes import OURS, PASSWORD, House
from tests.attacks.web.test_guessing import anna
from tests.attacks.web.test_refused_sign_ins import browser_at, rows_of

FORGED = {
    "X-Forwarded-For": "198.51.100.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "cam.example.org",
    "Forwarded": "for=198.51.100.9;proto=https;host=cam.example.org",
    "X-Real-IP": "198.51.100.9",
}


def trusted(*networks: str) -> TrustedProxies:
    return TrustedProxies(ip_network(one) for one in networks)


async def fail(browser: httpx.AsyncClient, headers: dict[str, str]) -> int:
    asked = {"name": "Anna", "password": "wrong horse battery"}
    return (await browser.post("/api/v1/sign-in", json=asked, headers=headers)).status_code


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "192.168.1.66", "203.0.113.5"])
async def test_forged_headers_change_nothing(house: House, peer: str) -> None:
    """With another address in each request, nobody had to wait before."""
    await anna(house)
    browser = browser_at(house, peer)
    got = [await fail(browser, FORGED | {"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(161)]
    assert got == [401] * 5 + [429] * 156
    assert {row.address for row in rows_of(house.accounts)} == {peer.removeprefix("::ffff:")}
    answer = await browser.post(
        "/api/v1/sign-in", json={"name": "Ben", "password": PASSWORD}, headers={"X-Forwarded-Host": "evil.example"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.168.1.66"])
async def test_a_forged_scheme_makes_no_secure_cookie_and_hands_over_no_key(house: House, peer: str) -> None:
    await anna(house)
    browser = browser_at(house, peer)
    answer = await browser.post("/api/v1/sign-in", json={"name": "Anna", "password": PASSWORD}, headers=FORGED)
    assert "Secure" not in answer.headers["set-cookie"]
    result = await browser.get("/api/v1/sealed", headers=FORGED)
    assert not result.json()["can_hand_over"]


async def test_a_configured_proxy_is_believed(house: House) -> None:
    await anna(house)
    house.site.proxies = trusted("127.0.0.1")
    browser = browser_at(house, "127.0.0.1")
    for number in range(3):
        headers = {"X-Forwarded-For": f"198.51.100.{number}", "X-Forwarded-Proto": "https"}
        assert await fail(browser, headers) == 401
    assert {row.address for row in rows_of(house.accounts)} == {f"198.51.100.{number}" for number in range(3)}
    headers = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
    answer = await browser.post("/api/v1/sign-in", json={"name": "Anna", "password": PASSWORD}, headers=headers)
    assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"X-Forwarded-For": "198.51.100.7"}, "198.51.100.7"),
        ({"X-Forwarded-For": "6.6.6.6, 198.51.100.7"}, "198.51.100.7"),
        ({"X-Forwarded-For": "6.6.6.6, 198.51.100.7, 172.30.32.9"}, "198.51.100.7"),
        ({"X-Forwarded-For": "172.30.32.9, 172.30.32.8"}, "172.30.32.9"),
        ({"X-Forwarded-For": "198.51.100.7:4711"}, "198.51.100.7"),
        ({"X-Forwarded-For": "[2001:db8::7]:4711"}, "2001:db8::7"),
        ({"X-Forwarded-For": "::ffff:198.51.100.7"}, "198.51.100.7"),
        ({"X-Forwarded-For": "198.51.100.7, unknown"}, "172.30.32.2"),
        ({"X-Forwarded-For": "x" * 1000}, "172.30.32.2"),
        ({"X-Forwarded-For": ""}, "172.30.32.2"),
        ({"Forwarded": 'for="[2001:db8::7]:4711";proto=https'}, "2001:db8::7"),
        ({"Forwarded": "for=6.6.6.6, For=198.51.100.7"}, "198.51.100.7"),
        ({"Forwarded": "for=_hidden"}, "172.30.32.2"),
        ({"Forwarded": "for=198.51.100.7", "X-Forwarded-For": "198.51.100.7"}, "198.51.100.7"),
        ({"Forwarded": "for=198.51.100.7", "X-Forwarded-For": "6.6.6.6"}, "172.30.32.2"),
        ({"X-Real-IP": "6.6.6.6"}, "172.30.32.2"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_counts(headers: dict[str, str], address: str) -> None:
    assert trusted("172.30.32.0/24").origin("172.30.32.2", Headers(headers)).address == address


def test_all_lines_of_a_header_count() -> None:
    raw = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"198.51.100.7")]
    assert trusted("172.30.32.2").origin("172.30.32.2", Headers(raw=raw)).address == "198.51.100.7"


async def test_the_name_behind_a_proxy(house: House) -> None:
    """The proxy's own short name for tawny, or its address, is not what the browser has."""
    house.site.proxies = trusted("172.30.32.2")
    house.site.names.configure(["cam.example.org"])
    browser = browser_at(house, "172.30.32.2")

    async def get(host: str, forwarded: str = "") -> int:
        headers = {"Host": host} | ({"X-Forwarded-Host": forwarded} if forwarded else {})
        return (await browser.get("/api/v1/session", headers=headers)).status_code

    assert await get("tawny:8000", "cam.example.org") == 200
    assert await get("127.0.0.1:8000", "cam.example.org") == 200
    assert await get("cam.example.org") == 200
    assert await get("tawny:8000") == 421
    assert await get("tawny:8000", "evil.example") == 421
    assert await get("127.0.0.1:8000", "evil.example") == 421
    assert await get("evil.example", "cam.example.org") == 421
    assert await get("cam.example.org", "evil.example") == 421


async def test_the_origin_is_compared_with_the_name_behind_a_proxy(house: House) -> None:
    house.site.proxies = trusted("172.30.32.2")
    house.site.names.configure(["cam.example.org"])
    token = house.accounts.begin_session(house.accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    browser = browser_at(house, "172.30.32.2")
    browser.cookies.set("tawny_session", token)
    behind = {"Host": "tawny:8000", "X-Forwarded-Host": "cam.example.org"}
    assert (await browser.post("/api/v1/sign-out", headers=behind | {"Origin": "https://evil.example"})).is_error
    assert (await browser.post("/api/v1/sign-out", headers=behind | {"Origin": "https://cam.example.org"})).is_success


async def test_an_unknown_proxy_is_reported_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    token = house.accounts.begin_session(house.accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    await browser_at(house, "127.0.0.1").get("/api/v1/session", headers=FORGED)
    assert not house.site.unknown_proxies.recent(), "strangers bring no address to the owner's attention"
    for number in range(10):
        browser = browser_at(house, f"127.0.0.{number}")
        browser.cookies.set("tawny_session", token)
        for _ in range(3):
            assert (await browser.get("/api/v1/cameras", headers=FORGED)).status_code == 200
    found = [record.getMessage() for record in caplog.records if "proxy" in record.getMessage()]
    assert len(found) == MOST_PROXIES
    assert found[0] == (
        "a proxy at 127.0.0.0 forwards requests, but isn't in `web.proxies`: its headers are ignored. If it is yours, "
        'add `proxies = ["127.0.0.0"]` under [web] in tawny.toml'
    )
    assert house.site.unknown_proxies.recent() == [f"127.0.0.{number}" for number in range(MOST_PROXIES)]
    house.clock.advance(86_401)
    assert not house.site.unknown_proxies.recent()


def test_an_ipv6_customer_is_one_network() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert network_of("") == ""


async def test_the_real_server_believes_nobody_on_this_computer(house: House) -> None:
    await anna(house)
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    try:
        origin = f"http://{server.address}"
        async with httpx.AsyncClient(base_url=origin, headers=OURS | {"Origin": origin}, trust_env=False) as browser:
            got = [await fail(browser, FORGED | {"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(10)]
    finally:
        await server.stop()
    assert got == [401] * 5 + [429] * 5
    assert {row.address for row in rows_of(house.accounts)} == {"127.0.0.1"}
