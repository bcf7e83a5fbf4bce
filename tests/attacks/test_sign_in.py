"""Attacks on the other ways of signing in: sessions, phones, guests, screens, proxies, and pages of other sites."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tawny.api.auth.access import COOKIE, SECURE_COOKIE
from tawny.api.auth.accounts import RECENT_MS, SCREEN_SESSION_MS, Caller, Role, TokenPurpose
from tawny.api.auth.signed_steps import STEP_S, SignedSteps
from tawny.config.settings import Settings, WebSettings
from tawny.config.sign_in import SignInSettings
from tawny.testing.clock import FakeClock
from tests.api.fakes import OURS, PASSWORD, House, make_house
from tests.attacks.sign_in_steps import (
    AWAY,
    HOME,
    PROXY,
    SIGN_IN,
    browser,
    code_of,
    person,
    proxied,
    signed_in,
    user_of,
    with_proxy,
)
from tests.playback.archives import PORCH


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.accounts.close()


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


@pytest.mark.parametrize("ends", ["new link", "new link of a screen", "sign out everywhere"])
async def test_unused_links_end_with_a_new_one_and_with_all_sessions(house: House, ends: str) -> None:
    owner, of_a_screen = house.signed_in(), "screen" in ends
    body = {"name": "Ben", "role": "screen" if of_a_screen else "viewer"}
    first = (await owner.post("/api/v1/people", json=body)).json()
    path = f"/api/v1/people/{first['person']['id']}"
    again = await (owner.delete(f"{path}/sessions") if ends.startswith("sign") else owner.post(f"{path}/link", json={}))
    assert again.status_code == 200, again.text
    stranger = browser(house)
    assert (await stranger.post(f"{SIGN_IN}/link", json={"token": first["link"].partition("=")[2]})).status_code == 410
    if of_a_screen:
        assert (await stranger.post(f"{SIGN_IN}/code", json={"code": first["screen_code"]})).status_code == 401
        assert (await stranger.post(f"{SIGN_IN}/code", json={"code": again.json()["screen_code"]})).status_code == 200
    elif ends == "new link":
        token = again.json()["link"].partition("=")[2]
        assert (await stranger.post(f"{SIGN_IN}/link", json={"token": token})).status_code == 200


async def test_a_new_link_and_signing_out_leave_what_others_have(house: House) -> None:
    """Links of other people, and the phone link of one's own session when one signs out elsewhere."""
    anna, ben = await person(house), await person(house, "Ben")
    client = signed_in(house, anna)
    phone = (await client.post("/api/v1/me/phone", json={})).json()["link"].partition("#link=")[2]
    invitation = house.accounts.new_token(TokenPurpose.LINK, anna)
    house.accounts.new_token(TokenPurpose.LINK, ben)
    assert (await client.delete("/api/v1/me/sessions")).status_code == 200
    for token in (phone, invitation):
        assert (await browser(house).post(f"{SIGN_IN}/link", json={"token": token})).status_code == 200


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
    assert code_of(late) == "access_ended"
    path = f"/api/v1/people/{made['person']['id']}"
    extended = {"role": "guest", "ends_ms": house.clock.now_ms() + 60_000}
    assert (await owner.patch(path, json=extended)).status_code == 200
    assert (await guest.get("/api/v1/cameras")).status_code == 200


async def test_a_link_of_an_ended_guest_says_so_and_signs_in_once_extended(house: House) -> None:
    soon_ms = house.clock.now_ms() + 60_000
    guest = house.accounts.put_person("G", Role.GUEST, ends_ms=soon_ms)
    sent = {"token": house.accounts.new_token(TokenPurpose.LINK, guest, lasts_ms=600_000)}
    house.clock.advance(61)
    assert code_of(await browser(house).post(f"{SIGN_IN}/link", json=sent)) == "access_ended"
    assert not any(one.action == "sign-in link refused" for one in house.accounts.audit())
    house.accounts.change_person(guest, Role.GUEST, None, soon_ms + 60_000)
    assert (await browser(house).post(f"{SIGN_IN}/link", json=sent)).status_code == 200


async def test_an_ended_guest_gets_no_new_link(house: House) -> None:
    guest = house.accounts.put_person("G", Role.GUEST, ends_ms=house.clock.now_ms())
    answer = await house.signed_in().post(f"/api/v1/people/{guest.id}/link", json={})
    assert answer.status_code == 400
    assert answer.json()["message"] == "The access of G has ended."


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


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
async def test_a_proxy_names_users_in_utf_8_and_in_latin_1(house: House, encoding: str) -> None:
    with_proxy(house)
    await person(house, "Özlem")
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=(PROXY, 5))
    named = {b"Remote-User": "özlem".encode(encoding)}
    client = httpx.AsyncClient(transport=transport, base_url="http://tawny.test", headers=named)
    assert (await client.get("/api/v1/session")).json()["proxied"] == "Özlem"


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ("KARL", "Karl"),
        ("\u212aarl", ""),
        ("STRAUSS", "Strauss"),
        ("Strauß", ""),
        ("ſtrauss", ""),
        ("ZOË", "Zoe\u0308"),
    ],
)
@pytest.mark.parametrize("is_linked", [False, True])
async def test_a_proxy_names_no_one_whose_name_only_folds_alike(
    house: House, named: str, shown: str, is_linked: bool
) -> None:
    """The Kelvin sign, ß and the long s: who has such a name at the proxy is another user there."""
    with_proxy(house)
    for name in ("Karl", "Strauss", "Zoe\u0308"):
        made = await person(house, name)
        if is_linked:
            house.site.identities.link(made, name)
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=(PROXY, 5))
    headers = {b"Remote-User": named.encode()}
    client = httpx.AsyncClient(transport=transport, base_url="http://tawny.test", headers=headers)
    assert (await client.get("/api/v1/session")).json()["proxied"] == shown


async def test_a_linked_user_is_signed_in_by_the_link_only(house: House) -> None:
    with_proxy(house)
    house.site.identities.link(await person(house), "anna.schmidt")
    assert [await proxied(house, name) for name in ("anna", "anna.schmidt")] == ["", "Anna"]


@pytest.mark.parametrize("ends", ["time", "removed"])
async def test_a_name_of_who_may_no_longer_sign_in_is_of_no_other_user(house: House, ends: str) -> None:
    with_proxy(house)
    await person(house)
    guest = house.accounts.put_person("Sitter", Role.GUEST, ends_ms=house.clock.now_ms() + 60_000)
    house.site.identities.link(guest, "anna")
    assert await proxied(house, "anna") == "Sitter"
    if ends == "time":
        house.clock.advance(61)
    else:
        house.accounts.remove_person(guest)
    assert await proxied(house, "anna") == ""


@pytest.mark.parametrize("corrected", ["", "ben"])
async def test_an_owner_who_corrects_a_link_gives_the_name_back(house: House, corrected: str) -> None:
    with_proxy(house)
    await person(house)
    ben = await person(house, "Ben")
    for name in ("anna", corrected):
        house.site.identities.link(ben, name)
    assert [await proxied(house, name) for name in ("anna", "ben")] == ["Anna", "Ben"]


async def test_a_removed_user_can_be_invited_again_under_their_own_name(house: House) -> None:
    with_proxy(house)
    await person(house)
    ben = await person(house, "Ben")
    house.site.identities.link(ben, "ben")
    house.accounts.remove_person(ben)
    await person(house, "Ben")
    assert await proxied(house, "ben") == "Ben"


async def test_a_setup_link_leaves_the_link_for_the_proxy(house: House) -> None:
    """Else another user of the proxy, who is called as this owner is here, would be this owner."""
    with_proxy(house)
    house.site.identities.link(await person(house), "anna.schmidt")
    house.accounts.claim(house.accounts.new_token(TokenPurpose.CLAIM), "Anna", "hash")
    assert [await proxied(house, name) for name in ("anna", "anna.schmidt")] == ["", "Anna"]


async def test_a_user_whose_own_name_was_linked_is_found_by_it_again(house: House) -> None:
    with_proxy(house)
    anna = await person(house)
    for name in ("anna", ""):
        house.site.identities.link(anna, name)
        assert await proxied(house, "anna") == "Anna"


async def test_an_owner_can_link_a_name_whose_link_has_ended(house: House) -> None:
    with_proxy(house)
    anna, ben = await person(house), await person(house, "Ben")
    house.site.identities.link(ben, "anna")
    house.accounts.remove_person(ben)
    for name in ("anna", ""):
        house.site.identities.link(anna, name)
        assert await proxied(house, "anna") == "Anna"


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


async def test_a_device_of_the_tailnet_can_not_name_a_user(house: House) -> None:
    await person(house)
    secure = {"way": "tailscale", "domain": "pi.tail1234.ts.net"}
    settings = SignInSettings(proxy_header="Remote-User")
    web = {"proxies": [PROXY], "secure": secure, "hosts": ["tawny.test"]}
    house.site.apply(WebSettings.model_validate(web), settings)
    forwarded = {
        "Remote-User": "Anna", "X-Forwarded-For": "100.101.1.9", "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "pi.tail1234.ts.net",
    }  # fmt: skip
    client = browser(house, address="127.0.0.1", **forwarded)
    assert (await client.get("/api/v1/session")).json()["proxied"] == ""
    (entry,) = [one for one in house.accounts.audit() if one.action == "proxy header refused"]
    assert entry.address == "100.101.1.9"


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
