"""Steps of signing in, as browsers of good and bad people make them."""

from typing import Any

import httpx
import pyotp

from tawny.api.auth.access import COOKIE, SECURE_COOKIE
from tawny.api.auth.accounts import Account, Caller, Role
from tawny.config.settings import WebSettings
from tawny.config.sign_in import SignInSettings
from tests.api.authenticator import SoftwareKey
from tests.api.fakes import OURS, PASSWORD, House

SECURE = "https://tawny.test"
SIGN_IN, STEP = "/api/v1/sign-in", "/api/v1/sign-in/second-step"
AWAY, HOME, PROXY = "203.0.113.7", "192.168.1.20", "192.168.1.2"


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


def with_proxy(house: House, proxies: tuple[str, ...] = (PROXY,)) -> None:
    settings = SignInSettings(proxy_header="Remote-User")
    house.site.apply(WebSettings.model_validate({"proxies": proxies, "hosts": ["tawny.test"]}), settings)


def signed_in(house: House, one: Account, address: str = "127.0.0.1") -> httpx.AsyncClient:
    return browser(house, house.accounts.begin_session(one, Caller(address)), address)


async def proxied(house: House, name: str) -> str:
    """Whom the proxy signs in by this name."""
    client = browser(house, address=PROXY, **{"Remote-User": name})
    return str((await client.get("/api/v1/session")).json()["proxied"])


async def user_of(client: httpx.AsyncClient) -> str:
    user = (await client.get("/api/v1/session")).json()["user"]
    return str(user["name"]) if user else ""


def code_of(answer: httpx.Response) -> str:
    return str(answer.json().get("code", ""))


async def add_passkey(client: httpx.AsyncClient, key: SoftwareKey, name: str = "Phone") -> httpx.Response:
    begun = (await client.post("/api/v1/me/passkeys/options", json={})).json()
    sent = {"challenge": begun["challenge"], "credential": key.create(begun["options"]), "name": name}
    return await client.post("/api/v1/me/passkeys", json=sent)


async def use_passkey(client: httpx.AsyncClient, key: SoftwareKey) -> httpx.Response:
    begun = (await client.post(f"{SIGN_IN}/passkey/options", json={})).json()
    sent = {"challenge": begun["challenge"], "credential": key.get(begun["options"])}
    return await client.post(f"{SIGN_IN}/passkey", json=sent)


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
