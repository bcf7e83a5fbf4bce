"""Ways of signing in, in real browsers against the real program: passkeys by a virtual authenticator, codes, a phone by
its QR code, a screen on the wall, a guest whose time ends, and the list of sessions.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from tests.e2e.conftest import OURS, OWNER, Tawny, owner_of, signed_in_again, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
PASSWORD = OWNER["password"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    text = '[cameras.yard]\nsource = "demo:garden"\ndetection.detector = "off"\n'
    yield from with_settings(tmp_path_factory.mktemp("sign-in"), text)


@pytest.fixture(scope="module")
def base(house: Tawny) -> str:
    """Under this name, browsers have passkeys without https."""
    return house.base.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def anna(browser: Browser, house: Tawny, base: str) -> Iterator[BrowserContext]:
    """The owner's desktop."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    token = house.link.partition("#token=")[2]
    claimed = context.request.post(
        f"{base}/api/v1/setup/claim", data={"token": token, **OWNER}, headers={**OURS, "Origin": base}
    )
    assert claimed.ok, claimed.text()
    yield context
    context.close()


@pytest.fixture
def page(anna: BrowserContext) -> Iterator[Page]:
    """Of the owner."""
    made = anna.new_page()
    made.on("dialog", lambda dialog: dialog.accept())
    yield made
    made.close()


@dataclass(frozen=True)
class Member:
    """Somebody of one test alone, whose ways of signing in it may change."""

    name: str
    page: Page


NAMES = iter(("Ben", "Cleo", "Dora", "Emil", "Finn", "Greta"))


@pytest.fixture
def member(browser: Browser, anna: BrowserContext, base: str) -> Iterator[Member]:
    name, headers = next(NAMES), {**OURS, "Origin": base}
    invited = anna.request.post(f"{base}/api/v1/people", data={"name": name, "role": "member"}, headers=headers)
    assert invited.ok, invited.text()
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    token = invited.json()["link"].partition("#link=")[2]
    entered = context.request.post(f"{base}/api/v1/sign-in/link", data={"token": token}, headers=headers)
    assert entered.ok, entered.text()
    chosen = context.request.put(f"{base}/api/v1/me/password", data={"password": PASSWORD}, headers=headers)
    assert chosen.ok, chosen.text()
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    yield Member(name, page)
    context.close()


def with_authenticator(page: Page) -> None:
    """A fingerprint reader that always recognizes its user."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def fresh(browser: Browser, width: int = 390) -> BrowserContext:
    return browser.new_context(viewport={"width": width, "height": 844}, locale="en-GB")


def sign_in(page: Page, base: str, name: str, password: str = PASSWORD) -> None:
    page.goto(f"{base}/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def is_inside(page: Page) -> None:
    """The cameras are shown, or what is shown in their place is told."""
    try:
        expect(page.locator("[data-camera]")).to_have_count(1, timeout=WAIT_MS)
    except AssertionError as error:
        raise AssertionError(f"no camera at {page.url}, but: {page.locator('body').inner_text()}") from error


@pytest.mark.parametrize("width", [1280, 390])
def test_everyone_sets_up_a_second_step_at_the_next_sign_in(browser: Browser, tmp_path: Path, width: int) -> None:
    shots = Path(os.environ.get("SHOTS", tmp_path))
    for recorder in with_settings(tmp_path, "# mine\n"):
        owner = owner_of(browser, recorder, width).new_page()
        owner.goto(f"{recorder.base}/settings/people")
        rule = owner.get_by_role("group", name="Everyone must use a second step")
        rule.get_by_role("button", name="On").click()
        expect(rule.get_by_role("button", name="On")).to_have_attribute("aria-pressed", "true")
        owner.screenshot(path=str(shots / f"require-second-step-{width}.png"), full_page=True)
        assert violations(owner, axe_script()) == []
        text = (tmp_path / "tawny.toml").read_text()
        assert "# mine" in text and "require_second_step = true" in text
        owner.reload()
        expect(rule.get_by_role("button", name="On")).to_have_attribute("aria-pressed", "true")

        context = fresh(browser, width)
        page = context.new_page()
        sign_in(page, recorder.base, OWNER["name"], OWNER["password"])
        expect(page.get_by_role("heading", name="Set up two-step codes")).to_be_visible(timeout=WAIT_MS)
        page.screenshot(path=str(shots / f"set-up-second-step-{width}.png"), full_page=True)
        assert violations(page, axe_script()) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_label("Code from the app").fill("000000")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("This code isn't right.")
        secret = page.locator("code.secret").inner_text().replace(" ", "")
        page.get_by_label("Code from the app").fill(pyotp.TOTP(secret).now())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("Save your recovery codes")).to_be_visible(timeout=WAIT_MS)
        recovery = page.locator(".codes li").first.inner_text()
        page.screenshot(path=str(shots / f"second-step-codes-{width}.png"), full_page=True)
        page.get_by_role("button", name="I’ve saved them").click()
        expect(page.get_by_text("Setup: 1 of 5 steps done")).to_be_visible(timeout=WAIT_MS)
        context.clear_cookies()
        sign_in(page, recorder.base, OWNER["name"], OWNER["password"])
        page.get_by_label("Code", exact=True).fill(recovery)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("Setup: 1 of 5 steps done")).to_be_visible(timeout=WAIT_MS)
        context.close()
        owner.context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_have_no_barriers(browser: Browser, anna: BrowserContext, base: str, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        locale="en-GB",
        color_scheme="dark" if width == 390 else "light",
        storage_state=anna.storage_state(),
    )
    page = context.new_page()
    for path, region in (("/settings/account", "Two-step codes"), ("/settings/people", "Access log")):
        page.goto(base + path)
        expect(page.get_by_role("region", name=region)).to_be_visible(timeout=WAIT_MS)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert violations(page, axe_script()) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_the_first_account_gets_a_passkey_with_one_tick(browser: Browser, tmp_path: Path) -> None:
    for recorder in with_settings(tmp_path, ""):
        link = recorder.link.replace("127.0.0.1", "localhost")  # browsers have passkeys for names alone
        context = fresh(browser)
        page = context.new_page()
        with_authenticator(page)
        page.goto(link)
        page.get_by_label("Your name").fill("Anna")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Also add a passkey for this device").check()
        assert violations(page, axe_script()) == []
        page.get_by_role("button", name="Create account").click()
        page.wait_for_url("**/setup/cameras", timeout=WAIT_MS)
        expect(page.get_by_role("button", name="Search for cameras")).to_be_visible(timeout=WAIT_MS)
        context.clear_cookies()
        page.goto(link.partition("/setup")[0] + "/sign-in")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("Setup: 1 of 5 steps done")).to_be_visible(timeout=WAIT_MS)
        plain = fresh(browser).new_page()
        plain.goto(f"{recorder.base}/setup#token=x")
        expect(plain.get_by_text("it needs the secure address")).to_be_visible()
        plain.context.close()
        context.close()


def test_n25_a_passkey_is_added_used_and_removed(member: Member, base: str) -> None:
    page = member.page
    with_authenticator(page)
    page.goto(f"{base}/settings/account")
    mine = page.get_by_role("region", name="Passkeys")
    mine.get_by_role("button", name="Add a passkey").click()
    mine.get_by_label("Name of the device").fill("Desktop")
    mine.get_by_role("button", name="Add a passkey").last.click()
    expect(mine.get_by_text("Desktop")).to_be_visible(timeout=WAIT_MS)
    expect(mine.get_by_text("Not used yet")).to_be_visible()
    page.context.clear_cookies()
    page.goto(f"{base}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    is_inside(page)
    page.goto(f"{base}/settings/account")
    expect(mine.get_by_text("Last used")).to_be_visible(timeout=WAIT_MS)
    mine.get_by_role("button", name="Remove: Desktop").click()
    expect(mine.get_by_text("Desktop")).to_have_count(0)
    page.context.clear_cookies()
    page.goto(f"{base}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("This passkey doesn’t open tawny here.".replace("’", "'"))


def test_a_device_without_a_passkey_says_so_and_what_to_do(browser: Browser, base: str) -> None:
    context = fresh(browser)
    page = context.new_page()
    with_authenticator(page)  # it has none
    page.goto(f"{base}/sign-in")
    button = page.get_by_role("button", name="Sign in with a passkey")
    button.click()
    result = page.get_by_role("alert")
    expect(result).to_contain_text("No passkey was used", timeout=WAIT_MS)
    expect(result).to_contain_text("sign in with your password")
    expect(button).to_be_enabled()
    assert violations(page, axe_script()) == []
    context.close()


def test_no_passkeys_are_offered_where_browsers_have_none(browser: Browser, house: Tawny) -> None:
    context = fresh(browser)
    page = context.new_page()
    page.goto(f"{house.base}/sign-in")  # an IP address
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
    page.get_by_text("Can’t sign in?").click()
    expect(page.get_by_text("tawny setup-link")).to_be_visible()
    assert violations(page, axe_script()) == []
    context.close()


def test_n25_two_step_codes_are_set_up_asked_for_and_turned_off(member: Member, browser: Browser, base: str) -> None:
    page = member.page
    page.goto(f"{base}/settings/account")
    codes = page.get_by_role("region", name="Two-step codes")
    codes.get_by_role("button", name="Set up").click()
    expect(codes.get_by_role("img", name="QR code for your authenticator app")).to_be_visible(timeout=WAIT_MS)
    secret = codes.locator(".secret").inner_text().replace(" ", "")
    codes.get_by_label("Code", exact=True).fill("000000")
    codes.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("This code isn't right.")).to_be_visible()
    codes.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    codes.get_by_role("button", name="Turn on").click()
    expect(codes.locator(".codes li")).to_have_count(10, timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    recovery = codes.locator(".codes li").all_inner_texts()
    codes.get_by_role("button", name="I’ve saved them").click()
    other = fresh(browser)
    there = other.new_page()
    sign_in(there, base, member.name)
    expect(there.get_by_role("heading", name="Enter a code")).to_be_visible(timeout=WAIT_MS)
    there.get_by_label("Code").fill("123456")
    there.get_by_role("button", name="Sign in").click()
    expect(there.get_by_role("alert")).to_contain_text("This code isn't right.")
    assert violations(there, axe_script()) == []
    there.get_by_label("Code").fill(recovery[0].lower())
    there.get_by_role("button", name="Sign in").click()
    is_inside(there)
    other.clear_cookies()
    sign_in(there, base, member.name)
    there.get_by_label("Code").fill(recovery[0])
    there.get_by_role("button", name="Sign in").click()
    expect(there.get_by_role("alert")).to_contain_text("This code isn't right.")
    other.close()
    page.reload()
    expect(codes.get_by_text("9 recovery codes left")).to_be_visible(timeout=WAIT_MS)
    codes.get_by_role("button", name="Turn off").click()
    expect(codes.get_by_role("button", name="Set up")).to_be_visible(timeout=WAIT_MS)


def test_p3_n24_a_phone_is_signed_in_by_its_code_and_signed_out_again(
    member: Member, browser: Browser, base: str
) -> None:
    page = member.page
    links: list[str] = []

    def keep(answer: object) -> None:
        if getattr(answer, "url", "").endswith("/me/phone"):
            links.append(answer.json()["link"])  # type: ignore[attr-defined]

    page.on("response", keep)
    page.goto(f"{base}/settings/account")
    phone = page.get_by_role("region", name="Sign in on a phone")
    phone.get_by_role("button", name="Show the code").click()
    expect(phone.get_by_role("img", name="QR code that signs in one phone")).to_be_visible(timeout=WAIT_MS)
    expect(phone.get_by_text("Waiting for your phone")).to_be_visible()
    assert violations(page, axe_script()) == []
    other = browser.new_context(
        viewport={"width": 390, "height": 844},
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 Version/17.5 Safari/604.1",
    )
    there = other.new_page()
    there.goto(links[0])
    is_inside(there)
    assert links[0].partition("#link=")[2] not in there.url
    expect(phone.get_by_text("Connected: Safari, iPhone.")).to_be_visible(timeout=WAIT_MS)
    again = fresh(browser)
    twice = again.new_page()
    twice.goto(links[0])
    expect(twice.get_by_role("alert")).to_contain_text("already used", timeout=WAIT_MS)
    again.close()
    sessions = page.get_by_role("region", name="Where you’re signed in")
    sessions.get_by_role("button", name="Sign out: Safari, iPhone").click()
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible(timeout=5_000)
    other.close()


def test_a_password_is_changed_and_ends_the_other_sessions(member: Member, browser: Browser, base: str) -> None:
    page = member.page
    other = fresh(browser)
    there = other.new_page()
    sign_in(there, base, member.name)
    is_inside(there)
    page.goto(f"{base}/settings/account")
    mine = page.get_by_role("region", name="Password")
    mine.get_by_role("button", name="Change password").click()
    mine.get_by_label("New password").fill("short")
    mine.get_by_role("button", name="Save password").click()
    expect(page.get_by_text("too easy to guess")).to_be_visible()
    mine.get_by_label("New password").fill(PASSWORD + "!")
    mine.get_by_role("button", name="Save password").click()
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible(timeout=5_000)
    sign_in(there, base, member.name)
    expect(there.get_by_role("alert")).to_contain_text("Wrong name or password.")
    sign_in(there, base, member.name, PASSWORD + "!")
    is_inside(there)
    other.close()


def test_a_page_keeps_nothing_when_another_person_signs_in(
    member: Member, browser: Browser, house: Tawny, base: str
) -> None:
    context = signed_in_again(browser, house, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto(f"{house.base}/settings/cameras/yard/general")
    page.locator("main input").first.fill("Not saved")
    page.evaluate("window.kept = 'of Anna'")
    data = {"name": member.name, "password": PASSWORD}
    headers = {**OURS, "Origin": house.base}
    assert context.request.post(f"{house.base}/api/v1/sign-in", data=data, headers=headers).ok
    page.get_by_role("button", name=f"signed in as {member.name}").wait_for(timeout=WAIT_MS)
    assert (page.evaluate("window.kept"), asked) == (None, [])
    context.close()


def test_a_screen_signs_in_by_its_code_and_shows_nothing_but_live(page: Page, browser: Browser, base: str) -> None:
    page.goto(f"{base}/settings/people")
    people = page.get_by_role("region", name="People")
    people.get_by_role("button", name="Add a screen").click()
    people.get_by_label("Name of the screen").fill("Kitchen")
    people.get_by_role("button", name="Create invitation").click()
    code = people.locator(".big-code").inner_text()
    assert re.fullmatch(r"[A-Z2-9]{4}-[A-Z2-9]{4}", code)
    assert violations(page, axe_script()) == []
    wall = fresh(browser, 1024)
    screen = wall.new_page()
    refused: list[str] = []
    screen.on("response", lambda answer: refused.append(answer.url) if answer.status == 403 else None)
    screen.goto(f"{base}/sign-in")
    screen.get_by_role("button", name="Enter a code").click()
    screen.get_by_label("Code").fill(code.lower())
    screen.get_by_role("button", name="Sign in").click()
    is_inside(screen)
    for path in ("/settings", "/timeline", "/events"):
        screen.goto(base + path)
        is_inside(screen)
        expect(screen.get_by_role("link", name="Timeline")).to_have_count(0)
    assert refused == []
    assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.reload()
    people.get_by_role("button", name="Edit: Kitchen").click()
    people.get_by_role("button", name="Sign out everywhere").last.click()
    expect(screen.get_by_role("heading", name="Sign in")).to_be_visible(timeout=5_000)
    wall.close()


def test_p2_n23_a_guest_watches_until_the_owner_ends_it(page: Page, browser: Browser, base: str) -> None:
    page.goto(f"{base}/settings/people")
    people = page.get_by_role("region", name="People")
    people.get_by_role("button", name="Invite someone").click()
    people.get_by_label("Name").fill("House-sitter")
    people.get_by_role("button", name="Guest").click()
    expect(people.get_by_label("Until")).to_be_visible()
    people.get_by_role("button", name="Create invitation").click()
    link = people.locator(".access-address input").input_value()
    expect(people.get_by_text("Guest until")).to_be_visible()
    other = fresh(browser)
    there = other.new_page()
    there.goto(link)
    is_inside(there)
    people.get_by_role("button", name="Edit: House-sitter").click()
    people.get_by_role("button", name="End now").click()
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible(timeout=5_000)
    expect(people.get_by_text("access ended")).to_be_visible()
    other.close()


def test_the_access_log_shows_who_signed_in_and_what_was_refused(page: Page, browser: Browser, base: str) -> None:
    other = fresh(browser)
    there = other.new_page()
    sign_in(there, base, "Mallory", "guessing away")
    expect(there.get_by_role("alert")).to_contain_text("Wrong name or password.")
    other.close()
    page.goto(f"{base}/settings/people")
    log = page.get_by_role("region", name="Access log")
    expect(log.get_by_text("created the owner’s account").first).to_be_visible(timeout=WAIT_MS)
    log.get_by_role("button", name="Refused").click()
    expect(log.get_by_text("Mallory")).to_be_visible(timeout=WAIT_MS)


def test_nothing_secret_is_in_the_log(house: Tawny, base: str) -> None:
    text = house.folder.with_suffix(".log").read_text() if house.folder.with_suffix(".log").exists() else ""
    assert PASSWORD not in text
    assert Path(house.folder / "accounts.db").stat().st_mode & 0o077 == 0
