"""The interface in other languages with the real program: German, one of a file, and one from right to left."""

import json
import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.service.languages import Languages
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import as_wide_as, axe_script, violations

pytestmark = pytest.mark.browser
GERMAN = Languages(None).catalogue("de").texts
ENGLISH = {text: to for text, to in GERMAN.items() if isinstance(to, str) and to != text and "{" not in text}
SETTINGS = """
[cameras.porch]
source = "demo:front"
demo.small = true
name = "Windfang"
[cameras.gate]
source = "demo:gate"
demo.small = true
name = "Tor"
demo.quiet = true
"""
SCREENS = ("/", "/live/porch", "/timeline", "/events", "/health", "/settings", "/settings/cameras/porch")
MORE_SCREENS = (
    "/clips",
    "/find",
    "/settings/standby",
    "/settings/storage",
    "/settings/modes",
    "/settings/people",
    "/settings/system",
)
GERMAN_LOADING = re.compile("wird geladen|werden geladen", re.IGNORECASE)
SAID = """() => {
  const said = [...document.querySelectorAll('[aria-label], [title], [placeholder]')]
    .flatMap((one) => ['aria-label', 'title', 'placeholder'].map((name) => one.getAttribute(name)));
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) said.push(walk.currentNode.data);
  return said.filter(Boolean).map((one) => one.trim()).filter(Boolean);
}"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    folder = tmp_path_factory.mktemp("languages")
    own = folder / "data" / "languages"
    own.mkdir(parents=True)
    (own / "fr.json").write_text(json.dumps({"@name": "Français", "Events": "Événements", "Live": "Direct"}))
    (own / "he.json").write_text(json.dumps({"@name": "עברית", "Events": "אירועים", "Live": "שידור חי"}))
    yield from with_settings(folder, SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    made = owner_of(browser, house, 1280)
    yield made
    made.close()


WIDTHS = [pytest.param(1280, marks=pytest.mark.long), 390]
"""Words that are too long break the narrow one first."""


def speaks(browser: Browser, owner: BrowserContext, language: str, width: int) -> BrowserContext:
    """The owner's other browser, whose language is this one."""
    return browser.new_context(
        viewport={"width": width, "height": 844}, locale=language, storage_state=owner.storage_state()
    )


@pytest.fixture(params=WIDTHS)
def german(request: pytest.FixtureRequest, browser: Browser, owner: BrowserContext) -> Iterator[Page]:
    context = speaks(browser, owner, "de-DE", request.param)
    yield context.new_page()
    context.close()


def opened(page: Page, house: Tawny, path: str) -> None:
    page.goto(f"{house.base}{path}")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"\w"))
    expect(page.get_by_role("main").get_by_text(GERMAN_LOADING)).to_have_count(0)


@pytest.mark.parametrize("path", [*SCREENS, *(pytest.param(path, marks=pytest.mark.long) for path in MORE_SCREENS)])
def test_german_is_the_language_of_a_german_browser(german: Page, house: Tawny, path: str) -> None:
    opened(german, house, path)
    assert german.evaluate("document.documentElement.lang") == "de"
    assert [text for text in german.evaluate(SAID) if text in ENGLISH] == []
    assert violations(german, axe_script()) == []
    assert german.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


NARROW = (
    "/", "/live/porch", "/timeline", "/events", "/find", "/clips", "/health", "/settings",
    *(f"/settings/{one}" for one in ("notifications", "storage", "people", "integrations", "system", "all")),
    *(f"/settings/cameras/porch/{one}" for one in ("general", "motion", "recording")),
)  # fmt: skip
SIDEWAYS = """() => [document.documentElement, document.querySelector('main'), ...document.querySelectorAll('.legend')]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => `${one.className} ${one.scrollWidth} px`)"""


@pytest.mark.parametrize("language", ["de-DE", "en-GB"])
def test_no_page_is_wider_than_the_window(browser: Browser, owner: BrowserContext, house: Tawny, language: str) -> None:
    """The timeline's legend has its longest text: browser and recorder are in different time zones."""
    context = browser.new_context(locale=language, timezone_id="Asia/Tokyo", storage_state=owner.storage_state())
    page, wide = context.new_page(), list[str]()
    for path in NARROW:
        opened(page, house, path)
        if path.endswith("/motion"):
            expect(page.locator(".gate")).to_be_visible(timeout=60_000)
        for width in (320, 390, 820):
            with as_wide_as(page, width):
                wide += [f"{path} at {width} px: {one}" for one in page.evaluate(SIDEWAYS)]
    assert wide == []
    context.close()


IS_OUT = """() => [...document.querySelectorAll('.door a, .door button, .door main, main .btn')]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
  .map((one) => `${one.innerText.slice(0, 40)} ${one.getBoundingClientRect().right} px`)"""


@pytest.mark.parametrize("german", [320, 360], indirect=True)
@pytest.mark.parametrize("path", ["/setup/storage", "/setup/notifications", "/setup/outside", "/settings/integrations"])
def test_nothing_sticks_out_of_a_small_phone(german: Page, house: Tawny, path: str) -> None:
    opened(german, house, path)
    assert german.evaluate(IS_OUT) == []
    rows = german.locator(".card > .row")
    assert rows.evaluate_all("all => all.filter((one) => one.scrollWidth > one.clientWidth)") == []


@pytest.mark.parametrize("german", [320, 360], indirect=True)
@pytest.mark.parametrize("path", ["/settings/notifications", "/settings/modes", "/settings/standby"])
def test_a_title_can_be_read_on_a_small_phone(german: Page, house: Tawny, path: str) -> None:
    opened(german, house, path)
    title = german.get_by_role("heading", level=1)
    german.locator(".mode-pill").wait_for()
    assert title.evaluate("one => one.scrollHeight <= one.clientHeight && one.scrollWidth <= one.clientWidth")
    assert german.evaluate(SIDEWAYS) == []


@pytest.mark.parametrize("german", [320], indirect=True)
@pytest.mark.parametrize("opens", [".mode-pill", ".mode-head"])
def test_a_panel_is_no_wider_than_a_small_phone(german: Page, house: Tawny, opens: str) -> None:
    opened(german, house, "/settings/modes")
    german.locator(opens).first.click()
    panel = german.locator(":popover-open")
    panel.get_by_role("button").nth(2).wait_for()
    assert panel.evaluate("one => one.scrollWidth - one.clientWidth") == 0


@pytest.mark.parametrize("german", [320], indirect=True)
def test_a_channel_is_no_wider_than_a_small_phone(german: Page, house: Tawny) -> None:
    channel = {
        "name": "phone", "kind": "notifier", "where": "ntfy.sh", "gets": "all events", "receives": "all", "shows": "",
        "paused": False, "trouble": "", "waiting": 0, "waiting_bytes": 0, "oldest_ms": None, "mutes": [], "last": [],
    }  # fmt: skip
    german.route("**/api/v1/targets", lambda route: route.fulfill(json={"items": [channel], "address": "x"}))
    opened(german, house, "/settings/notifications")
    german.get_by_role("article", name="phone").wait_for()
    assert german.evaluate(SIDEWAYS) == []
    assert german.evaluate(IS_OUT) == []


@pytest.mark.parametrize("german", [320], indirect=True)
def test_the_address_check_keeps_off_the_edges_of_a_phone(german: Page, house: Tawny) -> None:
    german.goto(f"{house.base}/check")
    german.get_by_role("heading", level=1).wait_for()
    lefts = german.locator("main > *").evaluate_all("all => all.map((one) => one.getBoundingClientRect().left)")
    assert min(lefts) == 16


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_command_in_a_toast_can_be_read(
    browser: Browser, owner: BrowserContext, house: Tawny, scheme: Literal["light", "dark"]
) -> None:
    """Axe can't tell: the colours of a toast are those of the page, swapped."""
    context = browser.new_context(locale="en-GB", color_scheme=scheme, storage_state=owner.storage_state())
    page = context.new_page()
    opened(page, house, "/settings")
    page.evaluate("""() => document.querySelector('.app').insertAdjacentHTML(
      'beforeend', '<div class="toasts"><div class="toast"><span>Run <code>tawny models</code>.</span></div></div>')""")
    assert violations(page, axe_script()) == []
    context.close()


def test_english_descriptions_of_settings_say_that_they_are(
    owner: BrowserContext, browser: Browser, house: Tawny
) -> None:
    context = speaks(browser, owner, "de-DE", 1280)
    page = context.new_page()
    opened(page, house, "/settings/all?key=storage.buffer")
    help_text = page.locator("[data-setting='storage.buffer'] .form-about .sub").first
    expect(help_text).to_have_attribute("lang", "en")
    context.close()


IS_CUT = """(one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return range.getBoundingClientRect().width > one.getBoundingClientRect().width;
}"""
"""By less than a px, too: the browser draws three dots for that."""


@pytest.mark.parametrize("path", ["/", "/settings/storage"])
@pytest.mark.parametrize("said", ["2 von 2", GERMAN["Checking…"], GERMAN["No connection"]])
def test_what_the_header_says_makes_no_page_wider_than_the_window(
    browser: Browser, owner: BrowserContext, house: Tawny, said: str, path: str
) -> None:
    """It says so for a moment only."""
    context = speaks(browser, owner, "de-DE", 320)
    page = context.new_page()
    opened(page, house, path)
    expect(page.locator(".mode-pill-name")).to_have_text("Zu Hause")
    page.locator(".truth .only-phone").evaluate("(one, said) => one.replaceChildren(said)", said)
    assert page.evaluate(SIDEWAYS) == []
    assert not page.locator(".mode-pill-name").evaluate(IS_CUT)
    context.close()


def test_another_year_is_said_on_the_timeline(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/timeline?cam=porch&t=1600000000")
    expect(page.locator(".pl-stamp")).to_contain_text("2020")
    expect(page.get_by_role("button", name="13 Sept 2020")).to_be_visible()
    page.close()


def test_the_choice_is_kept_on_this_device(browser: Browser, owner: BrowserContext, house: Tawny) -> None:
    context = speaks(browser, owner, "de-DE", 1280)
    page = context.new_page()
    opened(page, house, "/settings/look")
    page.get_by_label("Sprache", exact=True).select_option(label="English")
    expect(page.get_by_label("Language", exact=True)).to_have_value("en")
    page.reload()
    expect(page.get_by_label("Language", exact=True)).to_have_value("en")
    assert page.evaluate("document.documentElement.lang") == "en"
    context.close()


def test_a_file_adds_a_language(browser: Browser, owner: BrowserContext, house: Tawny) -> None:
    context = speaks(browser, owner, "fr-FR", 1280)
    page = context.new_page()
    opened(page, house, "/events")
    expect(page.get_by_role("navigation")).to_contain_text("Direct")
    expect(page.get_by_role("navigation")).to_contain_text("Timeline")  # what it lacks is English
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_right_to_left_is_not_broken(browser: Browser, owner: BrowserContext, house: Tawny, width: int) -> None:
    context = speaks(browser, owner, "he-IL", width)
    page = context.new_page()
    for path in ("/", "/events", "/settings", "/timeline"):
        opened(page, house, path)
        assert page.evaluate("document.documentElement.dir") == "rtl"
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
    context.close()


def test_errors_are_translated(browser: Browser, owner: BrowserContext, house: Tawny) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{house.base}/sign-in")
    page.get_by_label("Name").fill("Anna")
    page.get_by_label("Passwort", exact=True).fill("wrong password here")
    page.get_by_role("button", name="Anmelden", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Falscher Name oder falsches Passwort")
    context.close()
