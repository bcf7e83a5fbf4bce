"""Signing in by a provider that speaks OpenID Connect: Keycloak, Authentik, and hostile ones."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tawny.api.auth import oidc
from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Account, Role, TokenPurpose
from tawny.api.auth.signed_steps import STEP_S
from tawny.config.settings import WebSettings
from tawny.config.sign_in import SignInSettings
from tawny.model.ids import CameraId
from tawny.testing.clock import FakeClock
from tests.api.fakes import House
from tests.api.provider import (
    AUTHENTIK,
    CLIENT,
    KEYCLOAK,
    SECRET,
    StandInProvider,
    of_unknown_key,
    serve,
    signed_by_another,
    signed_with_public_key,
    unsigned,
    with_own_key,
)

BEGIN, CALLBACK = "/api/v1/sign-in/provider", "/api/v1/sign-in/provider/callback"


@pytest.fixture
def provider(house: House) -> Iterator[StandInProvider]:
    with serve(StandInProvider(now_s=lambda: house.clock.now_ms() // 1000)) as made:
        yield made


@pytest.fixture
def anna(house: House, provider: StandInProvider) -> Account:
    """Linked to `anna` at the provider."""
    configure(house, provider)
    person = house.accounts.put_person("Anna", Role.MEMBER)
    house.site.identities.link(person, "Anna ")
    return person


def configure(house: House, provider: StandInProvider, **more: Any) -> None:
    oidc = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, **more}
    house.site.apply(WebSettings(), SignInSettings.model_validate({"oidc": oidc}))
    house.site.names.configure(["tawny.test"])


async def begin(browser: httpx.AsyncClient, provider: StandInProvider) -> dict[str, str]:
    answer = await browser.post(BEGIN, json={})
    assert answer.status_code == 200, answer.text
    return provider.visit(answer.json()["url"])


async def sign_in(browser: httpx.AsyncClient, provider: StandInProvider) -> str:
    """Return where the browser is sent to."""
    back = await browser.get(CALLBACK, params=await begin(browser, provider))
    assert back.status_code == 303
    return str(back.headers["location"])


async def name_of(browser: httpx.AsyncClient) -> str:
    user = (await browser.get("/api/v1/session")).json()["user"]
    return str(user["name"]) if user else ""


@pytest.mark.parametrize(
    ("path", "claims", "algorithm"),
    [
        ("/realms/home", KEYCLOAK, "RS256"),
        ("/application/o/tawny/", AUTHENTIK, "RS256"),
        ("/application/o/tawny/", AUTHENTIK, "ES256"),
        ("", KEYCLOAK, "PS256"),
    ],
)
async def test_a_linked_user_signs_in(
    house: House, provider: StandInProvider, path: str, claims: dict[str, Any], algorithm: str
) -> None:
    provider.path, provider.claims, provider.algorithm = path.rstrip("/"), {"sub": "42", **claims}, algorithm
    provider.discovery = {"issuer": f"{provider.base}{path}"}
    provider.change = lambda token: token.update(iss=f"{provider.base}{path}")
    configure(house, provider, issuer=f"{provider.base}{path}")
    house.site.identities.link(house.accounts.put_person("Anna", Role.MEMBER), "anna@example.org")
    browser = house.browser()
    found = await begin(browser, provider)
    back = await browser.get(CALLBACK, params={**found, "iss": f"{provider.base}{path}"})
    assert back.headers["location"] == "/"
    assert await name_of(browser) == "Anna"
    assert [one.action for one in house.accounts.audit(1)] == ["sign-in by provider"]


async def test_the_link_is_bound_to_who_signed_in_first(house: House, provider: StandInProvider, anna: Account) -> None:
    assert await sign_in(house.browser(), provider) == "/"
    provider.claims = {"sub": "other", **KEYCLOAK}  # someone else has taken over the name there
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=unknown"
    provider.claims = {"sub": "42", **KEYCLOAK, "preferred_username": "anna.keller"}
    assert await sign_in(house.browser(), provider) == "/"


async def test_a_setup_link_ends_a_link_that_the_provider_has_bound(house: House, provider: StandInProvider) -> None:
    """As it ends the passkeys; until then, a proxy finds the user by that link only."""
    configure(house, provider)
    house.site.identities.link(house.accounts.put_person("Keller", Role.OWNER), "anna")
    assert await sign_in(house.browser(), provider) == "/"
    assert house.site.identities.named("keller") is None
    house.accounts.claim(house.accounts.new_token(TokenPurpose.CLAIM), "Keller", "hash")
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=unknown"
    assert house.site.identities.named("keller") == house.accounts.people()[0]


async def test_an_address_that_is_not_verified_is_nobodys(house: House, provider: StandInProvider) -> None:
    configure(house, provider)
    house.site.identities.link(house.accounts.put_person("Anna", Role.OWNER), "anna@example.org")
    provider.claims = {"sub": "1", "preferred_username": "eve", "email": "anna@example.org", "email_verified": False}
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=unknown"
    del provider.claims["email_verified"]
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=unknown"


async def test_strangers_get_no_account_unless_the_settings_say_so(house: House, provider: StandInProvider) -> None:
    configure(house, provider)
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=unknown"
    configure(house, provider, create_people=True)
    browser = house.browser()
    assert await sign_in(browser, provider) == "/"
    (made,) = house.accounts.people()
    assert (made.name, made.role, made.cameras) == ("anna", Role.VIEWER, frozenset())
    assert await sign_in(house.browser(), provider) == "/"
    assert len(house.accounts.people()) == 1


async def test_nobody_becomes_someone_who_is_there(house: House, provider: StandInProvider) -> None:
    configure(house, provider, create_people=True)
    house.accounts.put_person("Anna", Role.OWNER)
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=taken"


async def test_groups_give_role_and_cameras(house: House, provider: StandInProvider) -> None:
    groups = {"family": {"role": "member", "cameras": ["porch"]}, "parents": {"role": "owner"}}
    configure(house, provider, create_people=True, groups=groups)
    assert await sign_in(house.browser(), provider) == "/"
    (made,) = house.accounts.people()
    assert (made.role, made.cameras) == (Role.MEMBER, frozenset({"porch"}))
    provider.claims["groups"] = ["/family", "/parents"]
    assert await sign_in(house.browser(), provider) == "/"
    assert house.accounts.people()[0].role is Role.OWNER
    provider.claims["groups"] = ["/family"]
    assert await sign_in(house.browser(), provider) == "/"
    assert house.accounts.people()[0].role is Role.OWNER, "the only owner stays one"
    house.accounts.put_person("Ben", Role.OWNER)
    assert await sign_in(house.browser(), provider) == "/"
    assert next(one for one in house.accounts.people() if one.name == "anna").role is Role.MEMBER
    provider.claims["groups"] = ["/others"]
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=no-group"


async def test_what_groups_give_is_in_the_audit_log(house: House, provider: StandInProvider) -> None:
    groups = {"family": {"role": "member", "cameras": ["porch"]}, "parents": {"role": "owner"}}
    configure(house, provider, create_people=True, groups=groups)
    house.accounts.put_person("Ben", Role.OWNER)
    for names in (["/family"], ["/family", "/parents"], ["/family", "/parents"]):
        provider.claims["groups"] = names
        assert await sign_in(house.browser(), provider) == "/"
    noted = [(one.action, one.detail) for one in reversed(house.accounts.audit()) if one.action.startswith("user ")]
    assert noted == [
        ("user added", "anna: member, sees porch"),
        ("user changed", "anna: member -> owner, sees porch -> all cameras"),
    ]


@pytest.mark.parametrize("role", [Role.GUEST, Role.SCREEN])
async def test_groups_bring_back_no_ended_guest_and_make_no_user_of_a_screen(
    house: House, provider: StandInProvider, role: Role
) -> None:
    configure(house, provider, groups={"family": {"role": "member"}})
    house.accounts.put_person("Ben", Role.OWNER)
    ends_ms = house.clock.now_ms() - 1000 if role is Role.GUEST else None
    person = house.accounts.change_person(house.accounts.put_person("Anna", role), role, [CameraId("porch")], ends_ms)
    house.site.identities.link(person, "anna")
    provider.claims["groups"] = ["/family"]
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=ended"
    assert next(one for one in house.accounts.people() if one.name == "Anna") == person


async def test_roles_of_a_realm_are_groups_as_well(house: House, provider: StandInProvider) -> None:
    configure(
        house, provider, create_people=True, groups_claim="realm_access.roles", groups={"tawny": {"role": "viewer"}}
    )
    provider.claims["realm_access"] = {"roles": ["offline_access", "tawny"]}
    assert await sign_in(house.browser(), provider) == "/"


async def test_a_screen_and_a_guest_whose_time_is_over_do_not_get_in(house: House, provider: StandInProvider) -> None:
    configure(house, provider)
    person = house.accounts.change_person(
        house.accounts.put_person("G", Role.GUEST), Role.GUEST, None, house.clock.now_ms()
    )
    house.site.identities.link(person, "anna")
    assert await sign_in(house.browser(), provider) == "/sign-in#provider=ended"


TOKENS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another issuer": lambda token: token.update(iss="https://evil.example"),
    "another audience": lambda token: token.update(aud="another", azp="another"),
    "two audiences, for another": lambda token: token.update(aud=[CLIENT, "another"], azp="another"),
    "two audiences, none named": lambda token: (token.update(aud=[CLIENT, "another"]), token.pop("azp")),
    "another client's": lambda token: token.update(azp="another"),
    "another nonce": lambda token: token.update(nonce="of another sign-in"),
    "no nonce": lambda token: token.pop("nonce"),
    "expired": lambda token: token.update(exp=token["iat"] - 61),
    "without an end": lambda token: token.pop("exp"),
    "from tomorrow": lambda token: token.update(iat=token["iat"] + 86_400),
    "not yet": lambda token: token.update(nbf=token["iat"] + 86_400),
    "no subject": lambda token: token.pop("sub"),
    "an empty subject": lambda token: token.update(sub=""),
    "a subject that is none": lambda token: token.update(sub=["42"]),
}


@pytest.mark.parametrize("name", TOKENS)
async def test_a_token_that_is_not_for_this_sign_in(
    house: House, provider: StandInProvider, anna: Account, name: str
) -> None:
    provider.change = TOKENS[name]
    browser = house.browser()
    assert await sign_in(browser, provider) == "/sign-in#provider=failed"
    assert await name_of(browser) == ""


@pytest.mark.parametrize(
    "make",
    [unsigned, signed_with_public_key, signed_by_another, with_own_key, of_unknown_key],
    ids=lambda one: one.__name__,
)
async def test_a_token_that_the_provider_did_not_sign(
    house: House, provider: StandInProvider, anna: Account, make: Callable[..., str]
) -> None:
    provider.make_token = make
    browser = house.browser()
    assert await sign_in(browser, provider) == "/sign-in#provider=failed"
    assert await name_of(browser) == ""


async def test_keys_rotate(house: House, provider: StandInProvider, anna: Account) -> None:
    assert await sign_in(house.browser(), provider) == "/"
    provider.rotate()
    house.clock.advance(31)
    assert await sign_in(house.browser(), provider) == "/"
    count = len([one for one in provider.asked if one.endswith("/certs")])
    provider.make_token = of_unknown_key
    for _ in range(5):
        await sign_in(house.browser(), provider)
    assert len([one for one in provider.asked if one.endswith("/certs")]) == count, "not for each forged token"


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "authorization_endpoint", "issuer"])
async def test_all_addresses_have_the_host_of_the_issuer(house: House, provider: StandInProvider, name: str) -> None:
    configure(house, provider)
    for address in ("https://evil.example/x", "file:///etc/passwd", f"{provider.base}@evil.example/", None, 7):
        provider.discovery = {name: address}
        answer = await house.browser().post(BEGIN, json={})
        assert (answer.status_code, answer.json()["code"]) == (502, "provider_failed")


def test_an_issuer_with_an_ipv6_address_is_asked_at_the_port_of_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def connect(where: object, *_: object, **__: object) -> socket.socket:
        asked.append(where)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    settings = SignInSettings.model_validate(
        {"oidc": {"issuer": "https://[fd00::abcd]", "client_id": CLIENT, "client_secret": SECRET}}
    ).oidc
    with pytest.raises(oidc.ProviderFailed):
        oidc.OidcProvider(settings, FakeClock()).authorization_url("https://tawny.test", "state", "nonce", "verifier")
    assert asked == [("fd00::abcd", 443)]


async def test_redirects_are_not_followed(house: House, provider: StandInProvider) -> None:
    configure(house, provider)
    with serve(StandInProvider()) as other:
        provider.redirect = f"{other.issuer}/.well-known/openid-configuration"
        assert (await house.browser().post(BEGIN, json={})).status_code == 502
        assert other.asked == []


async def test_huge_answers_are_cut_off(house: House, provider: StandInProvider) -> None:
    configure(house, provider)
    provider.huge = True
    assert (await house.browser().post(BEGIN, json={})).status_code == 502


async def test_slow_answers_end(house: House, provider: StandInProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "ANSWER_S", 0.2)
    configure(house, provider)
    provider.slow_s = 30.0
    assert (await house.browser().post(BEGIN, json={})).status_code == 502


async def test_the_callback_works_once_and_in_the_browser_that_began(
    house: House, provider: StandInProvider, anna: Account
) -> None:
    browser, other = house.browser(), house.browser()
    found = await begin(browser, provider)
    assert (await other.get(CALLBACK, params=found)).headers["location"].endswith("expired")
    token = browser.cookies["tawny_provider"]
    assert (await browser.get(CALLBACK, params=found)).headers["location"] == "/"
    browser.cookies.set("tawny_provider", token)
    assert (await browser.get(CALLBACK, params=found)).headers["location"].endswith("expired")


async def test_a_sign_in_cannot_be_slipped_to_another_browser(
    house: House, provider: StandInProvider, anna: Account
) -> None:
    """Login CSRF: the attacker's code and state, in the victim's browser, which has begun a sign-in of its own."""
    attacker, victim = house.browser(), house.browser()
    slipped = await begin(attacker, provider)
    mine = await begin(victim, provider)
    for mixed in (slipped, {**slipped, "state": mine["state"][:-1] + "x"}):
        assert (await victim.get(CALLBACK, params=mixed)).headers["location"].endswith("expired")
    assert COOKIE not in victim.cookies


async def test_a_code_of_another_sign_in_is_refused(house: House, provider: StandInProvider, anna: Account) -> None:
    """PKCE and the nonce: the attacker's code with the victim's own state."""
    attacker, victim = house.browser(), house.browser()
    slipped, mine = await begin(attacker, provider), await begin(victim, provider)
    answer = await victim.get(CALLBACK, params={**mine, "code": slipped["code"]})
    assert answer.headers["location"].endswith("failed")


async def test_it_takes_too_long(house: House, provider: StandInProvider, anna: Account) -> None:
    browser = house.browser()
    found = await begin(browser, provider)
    house.clock.advance(STEP_S + 1)
    assert (await browser.get(CALLBACK, params=found)).headers["location"].endswith("expired")


async def test_an_answer_of_another_provider_is_refused(house: House, provider: StandInProvider, anna: Account) -> None:
    browser = house.browser()
    found = await begin(browser, provider) | {"iss": "https://evil.example"}
    assert (await browser.get(CALLBACK, params=found)).headers["location"].endswith("refused")


async def test_refusals_are_counted(house: House, provider: StandInProvider) -> None:
    configure(house, provider)
    await sign_in(house.browser(), provider)
    (entry,) = house.accounts.audit()
    assert (entry.action, entry.detail) == ("sign-in provider refused", "unknown: 1 time")


async def test_it_is_off_without_settings(house: House) -> None:
    assert (await house.browser().post(BEGIN, json={})).status_code == 404
    back = await house.browser().get(CALLBACK, params={"code": "x", "state": "y"})
    assert back.headers["location"] == "/sign-in#provider=expired"
    assert (await house.browser().get("/api/v1/session")).json()["provider"] == ""


async def test_other_sites_cannot_begin(house: House, provider: StandInProvider) -> None:
    configure(house, provider)
    headers = {"Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"}
    assert (await house.browser().post(BEGIN, json={}, headers=headers)).status_code == 403
