"""Where everyone must have a second step, a password alone gets nobody in, and nobody's codes are known to another."""

from typing import Any

import httpx
import pyotp
import pytest

from tawny.api.auth.accounts import Role, TokenPurpose
from tawny.api.auth.signed_steps import STEP_S
from tests.api.fakes import PASSWORD, House

SETUP = "/api/v1/sign-in/second-step/setup"


@pytest.fixture
def strict(house: House) -> House:
    house.site.requires_second_step = True
    return house


async def first_step(house: House, name: str = "Anna", browser: httpx.AsyncClient | None = None) -> dict[str, Any]:
    """What a right password gets: no session, and what to set up."""
    browser = browser or house.browser()
    answer = await browser.post("/api/v1/sign-in", json={"name": name, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"], dict(answer.cookies)) == (401, "second_step", {})
    assert (await browser.get("/api/v1/cameras")).status_code == 401
    step: dict[str, Any] = answer.json()["second_step"]
    return step


def sent(step: dict[str, Any], house: House, **changed: str) -> dict[str, str]:
    code = pyotp.TOTP(step["secret"]).at(house.clock.now_ms() // 1000)
    return {"token": step["token"], "name": step["name"], "after": step["after"], "code": code} | changed


async def person(house: House, name: str = "Anna", role: Role = Role.VIEWER) -> None:
    house.accounts.put_person(name, role, await house.site.passwords.hash(PASSWORD))


async def test_codes_are_set_up_on_the_way_in(strict: House) -> None:
    await person(strict)
    browser = strict.browser()
    step = await first_step(strict, browser=browser)
    done = await browser.post(SETUP, json=sent(step, strict))
    assert (done.status_code, done.json()["user"]["name"], len(done.json()["codes"])) == (200, "Anna", 10), done.text
    assert (await browser.get("/api/v1/cameras")).status_code == 200
    again = await strict.browser().post("/api/v1/sign-in", json={"name": "Anna", "password": PASSWORD})
    assert again.json()["second_step"].keys() == {"token", "name", "after"}, "from now on they are asked for"
    assert ("sign-in", "two-step codes set up") in [(one.action, one.detail) for one in strict.accounts.audit()]


async def test_a_token_is_good_once_and_for_its_own_person_way_and_step(strict: House) -> None:
    await person(strict)
    await person(strict, "Ben")
    step = await first_step(strict)
    for changed in ({"name": "Ben"}, {"after": "sign-in by link"}, {"token": "A" + step["token"][1:-2] + "AA"}):
        assert (await strict.browser().post(SETUP, json=sent(step, strict, **changed))).json()["code"] == "too_late"
    other = await strict.browser().post("/api/v1/sign-in/second-step", json=sent(step, strict))
    assert other.json()["code"] == "too_late", "nor does it stand for codes that are there"
    assert (await strict.browser().post(SETUP, json=sent(step, strict, code="000000"))).json()["code"] == "wrong_code"
    assert (await strict.browser().post(SETUP, json=sent(step, strict))).status_code == 200
    assert (await strict.browser().post(SETUP, json=sent(step, strict))).json()["code"] == "too_late"


async def test_a_thief_of_the_password_learns_no_codes_of_the_owner(strict: House) -> None:
    """Both begin; whoever finishes first has codes, and what the other one was shown is worth nothing."""
    await person(strict)
    thief, owner = await first_step(strict), await first_step(strict)
    assert thief["secret"] != owner["secret"]
    assert (await strict.browser().post(SETUP, json=sent(owner, strict))).status_code == 200
    assert (await strict.browser().post(SETUP, json=sent(thief, strict))).json()["code"] in ("too_late", "wrong_code")
    asked = (await strict.browser().post("/api/v1/sign-in", json={"name": "Anna", "password": PASSWORD})).json()
    step = asked["second_step"] | {"secret": thief["secret"]}
    strict.clock.advance(60)
    refused = await strict.browser().post("/api/v1/sign-in/second-step", json=sent(step, strict))
    assert refused.json()["code"] == "wrong_code"


async def test_a_changed_password_and_time_end_it(strict: House) -> None:
    await person(strict)
    step = await first_step(strict)
    found = strict.accounts.find("Anna")
    assert found
    strict.accounts.set_password(found[0], await strict.site.passwords.hash("another password of hers"))
    assert (await strict.browser().post(SETUP, json=sent(step, strict))).json()["code"] == "too_late"
    strict.accounts.set_password(found[0], await strict.site.passwords.hash(PASSWORD))
    step = await first_step(strict)
    strict.clock.advance(STEP_S + 1)
    assert (await strict.browser().post(SETUP, json=sent(step, strict))).json()["code"] == "too_late"


async def test_an_invitation_alone_gets_nobody_in(strict: House) -> None:
    made = strict.accounts.put_person("Ben", Role.VIEWER)
    owner = strict.accounts.put_person("Anna", Role.OWNER)
    token = strict.accounts.new_token(TokenPurpose.LINK, made, made_by=owner)
    browser = strict.browser()
    answer = await browser.post("/api/v1/sign-in/link", json={"token": token})
    assert (answer.status_code, answer.json()["code"]) == (401, "second_step")
    assert (await browser.get("/api/v1/cameras")).status_code == 401
    step = answer.json()["second_step"]
    assert (await browser.post(SETUP, json=sent(step, strict))).status_code == 200
    assert (await browser.get("/api/v1/cameras")).status_code == 200


async def test_ended_access_is_not_set_up(strict: House) -> None:
    await person(strict, "Gus", Role.GUEST)
    found = strict.accounts.find("Gus")
    assert found
    strict.accounts.change_person(found[0], Role.GUEST, None, strict.clock.now_ms() + 60_000)
    step = await first_step(strict, "Gus")
    strict.clock.advance(61)
    assert (await strict.browser().post(SETUP, json=sent(step, strict))).status_code in (401, 403)


async def test_the_computer_itself_is_never_locked_out(strict: House) -> None:
    """Who can run commands on the recorder gets in by a setup link, and open sessions go on."""
    await person(strict, role=Role.OWNER)
    open_one, browser = strict.signed_in(Role.OWNER), strict.browser()
    token = strict.accounts.new_token(TokenPurpose.CLAIM)
    claimed = {"token": token, "name": "Anna", "password": PASSWORD}
    assert (await browser.post("/api/v1/setup/claim", json=claimed)).status_code == 200
    assert (await browser.get("/api/v1/people")).json()["requires_second_step"] is True
    assert (await open_one.get("/api/v1/cameras")).status_code == 200


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_only_owners_change_the_rule(strict: House, role: Role) -> None:
    answer = await strict.signed_in(role).put("/api/v1/people/second-step", json={"required": False})
    assert (answer.status_code, strict.site.requires_second_step) == (403, True)


async def test_an_owner_who_signed_in_long_ago_confirms_first(strict: House) -> None:
    browser = strict.signed_in(Role.OWNER)
    strict.clock.advance(3600)
    answer = await browser.put("/api/v1/people/second-step", json={"required": False})
    assert answer.json()["code"] == "confirm_first"
