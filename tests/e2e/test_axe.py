"""Every screen and every dialog by axe-core's rules, in both themes and in English and German, and at rest for those
who want no motion.

Each run looks at every second of them, the combinations of theme and language in turns; `--long` at all in all.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.service.languages import Languages
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, until_recorded, with_settings
from tests.e2e.rules import SHOWS, axe_script, narrow_fields, violations

pytestmark = pytest.mark.browser
SETTINGS = """
[notifiers.hook]
url = "webhook+http://127.0.0.1:9/hook"
[cameras.front]
name = "Front door"
source = "demo:front"
demo.small = true
[cameras.drive]
name = "Driveway"
source = "demo:drive"
demo.small = true
demo.quiet = true
"""
GERMAN = Languages(None).catalogue("de").texts


class Case(NamedTuple):
    """path: `{event}` is one that is over. steps: clicked one after the other; in quotation marks, a button's English
    name; `key:X` is pressed, `hover:X` pointed at. dialog: what is there then, at least."""

    name: str
    path: str
    steps: tuple[str, ...] = ()
    dialog: str = ""


SHEET, POP = "dialog[open]", "[popover]:popover-open"
SCREENS = (
    "/", "/live/front", "/timeline", "/events", "/events?tab=motion", "/events?only=all", "/events/{event}?only=all",
    "/find", "/find?q=person", "/clips", "/health", "/settings", "/settings?q=night", "/settings?q=xyzzy",
    "/settings/cameras", "/settings/detection", "/settings/integrations", "/settings/links", "/settings/look",
    "/settings/hub", "/settings/standby", "/settings/all", "/settings/storage", "/settings/modes", "/settings/people",
    "/settings/system", "/settings/notifications", "/settings/encryption", "/settings/address", "/settings/account",
    "/settings/add-camera", "/settings/cameras/front/general", "/settings/cameras/front/recording",
    "/settings/cameras/front/picture", "/settings/cameras/front/motion", "/settings/cameras/front/connection",
    "/settings/cameras/front/danger", "/settings/cameras/gone", "/setup/storage", "/setup/notifications",
    "/setup/outside", "/setup/done", "/nowhere",
)  # fmt: skip
ACTIONS = "section[aria-labelledby=actions-title] .setting .btn"
MASK = "/settings/cameras/front/motion?mask=.1,.1,.3,.3"
EVENT, DANGER = "/events/{event}?only=all", "/settings/cameras/front/danger"
DIALOGS = (
    Case("keys", "/", ("key:?",), SHEET),
    Case("modes pill", "/", (".mode-pill",), POP),
    Case("account menu", "/", (".avatar",), POP),
    Case("camera sheet", "/", ("hover:.tile.hero, .tile", "[data-act=more]"), SHEET),
    Case("privacy", "/live/front", ("[data-act=privacy]",), POP),
    Case("streams' figures", "/", ("key:i",), ".numbers"),
    Case("day picker", "/timeline", (".btn.day",), POP),
    Case("clip", "/timeline", ("key:[", "key:l", "key:]", "key:e"), SHEET),
    Case("timeline as a list", "/timeline", (".timeline-tools button",)),
    Case("share", EVENT, ('"Share"',), SHEET),
    Case("shared", EVENT, ('"Share"', ".share-make .pri"), "#share-link"),
    Case("delete an event", EVENT, (".drawer-delete",), SHEET),
    Case("why", EVENT, (".drawer summary, .why summary, .why button",)),
    Case("feedback", EVENT, ("[data-act=feedback]",), ".worth"),
    Case("false alarm", EVENT, ("[data-act=feedback]", "[data-act=false]"), ".worth-why"),
    Case("snooze an event", "/events?only=all", (".ec-acts [data-act=snooze]",), SHEET),
    Case("selection", "/events?only=all", ("hover:.ec", ".ec-select"), "[role=toolbar]"),
    Case("snooze all", "/settings/notifications", ("[data-act=snooze]",), SHEET),
    Case("add a channel", "/settings/notifications", ('"Add notification channel"',), SHEET),
    Case("add a destination", "/settings/notifications", ('"Add upload destination"',), SHEET),
    Case("add a folder", "/settings/notifications", ('"Add folder of files"',), SHEET),
    Case("edit a channel", "/settings/notifications", ('"Edit"',), SHEET),
    Case("motion mask", MASK, (), ".tu-bar"),
    Case("leave unsaved", MASK, ("hover:.tu-bar", ".rail a[href='/events']"), SHEET),
    Case("zone", "/settings/cameras/front/motion", ("key:z",), ".tu-bar"),
    Case("replace a camera", DANGER, ('"Replace…"',), SHEET),
    Case("delete recordings", DANGER, ('"Delete recordings"',), SHEET),
    Case("remove a camera", DANGER, ('"Remove camera"',), SHEET),
    Case("invite", "/settings/people", ('"Invite someone"',), ".access-form"),
    Case("a screen", "/settings/people", ('"Add a screen"',), ".access-form"),
    Case("a person", "/settings/people", (".access-one .btn.ghost",), ".access-rights"),
    Case("restart", "/settings/system", (f"{ACTIONS} >> nth=0",), SHEET),
    Case("stop recording", "/settings/system", (f"{ACTIONS} >> nth=1",), SHEET),
    Case("retention of a camera", "/settings/storage", ("main .btn.ghost",), SHEET),
    Case("delete everything", "/settings/storage", (".btn.bad",), SHEET),
    Case("a mode's cell", "/settings/modes", (".mode-cell",)),
    Case("a mode", "/settings/modes", (".mode-head",)),
    Case("a preset", "/settings/modes", ("button.card",), SHEET),
    Case("set up encryption", "/settings/encryption", (".sealing-do",)),
    Case("own certificate", "/settings/address", (".address-way:nth-of-type(3) summary",)),
    Case("password", "/settings/account", ('"Change password"',)),
    Case("a phone as a camera", "/settings/add-camera", ('"Use a phone"',)),
    Case("a token", "/settings/integrations", ('"Create access token"',), "form"),
)
CASES = (*(Case(path, path) for path in SCREENS), *DIALOGS)
LANGUAGES, THEMES, WIDTHS = ("en-GB", "de-DE"), ("dark", "light"), (1280, 390)
TURNS = [(language, theme, WIDTHS[0]) for language in LANGUAGES for theme in THEMES] + [("en-GB", "dark", WIDTHS[1])]
"""A theme's colors don't depend on the language or the width: these find what all eight would."""
DESK_ONLY = {
    "timeline as a list", "streams' figures", "leave unsaved", "day picker", "camera sheet", "clip", "account menu",
}  # fmt: skip
STILL = """() => new Promise((done) => {
  const main = document.querySelector('main, .door, body');
  let timer = setTimeout(done, 250, true);
  const again = () => { clearTimeout(timer); timer = setTimeout(done, 250, true); };
  new MutationObserver(again).observe(main, { childList: true, subtree: true });
  setTimeout(done, 3000, true);
})"""
"""The screen has come whole: for a moment nothing was added. Wait for it: a page whose code did not come in time loads
itself again."""
LONGEST_MOTION_MS = 10
MOVES = f"""() => document.getAnimations()
  .filter((one) => one.effect && one.effect.getComputedTiming().activeDuration > {LONGEST_MOTION_MS})
  .map((one) => `${{one.effect.target?.className}}: ${{one.animationName ?? one.transitionProperty}}`)"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("axe"), SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    yield context
    context.close()


@pytest.fixture(scope="module")
def event(owner: BrowserContext, house: Tawny) -> str:
    """One that is over and has a box, if there is one by then."""
    page = owner.new_page()
    until_recorded(page, house, 8)
    page.close()
    orders, headers = f"{house.base}/api/v1/orders", {**OURS, "Origin": house.base}
    begin = {"command": "event.open", "camera": "front", "kind": "person"}
    made: str = owner.request.post(orders, data=begin, headers=headers).json()["event"]
    owner.request.post(orders, data={"command": "event.close", "event": made}, headers=headers)
    over = f"{house.base}/api/v1/events/{made}"
    until(lambda: owner.request.get(over).json()["end_ms"], 60, "its end")
    return made


@pytest.fixture(scope="module")
def pages(browser: Browser, owner: BrowserContext) -> Iterator[dict[str, Page]]:
    """One page in each language."""
    state = owner.storage_state()
    contexts = [browser.new_context(locale=one, storage_state=state) for one in LANGUAGES]
    yield {language: context.new_page() for language, context in zip(LANGUAGES, contexts, strict=True)}
    for context in contexts:
        context.close()


def combinations() -> Iterator[object]:
    for number, case in enumerate(CASES):
        for turn, (language, theme, width) in enumerate(TURNS):
            if width < WIDTHS[0] and case.name in DESK_ONLY:
                continue
            is_now = number % 2 == 0 and turn == number // 2 % len(TURNS[:4])
            marks = () if is_now else pytest.mark.long
            yield pytest.param(case, language, theme, width, id=f"{case.name} {language} {theme} {width}", marks=marks)


def opened(page: Page, house: Tawny, case: Case, event: str) -> None:
    page.goto(house.base + case.path.format(event=event))
    page.wait_for_selector("main, .door")
    page.wait_for_function(STILL)
    is_german = page.locator("html").get_attribute("lang") == "de"
    for step in case.steps:
        how, _, what = step.partition(":")
        if how == "key":
            page.keyboard.press(what)
        elif how == "hover":
            page.locator(what).first.hover()
        elif step.startswith('"'):
            name = step.strip('"')
            page.get_by_role("button", name=str(GERMAN[name]) if is_german else name, exact=True).first.click()
        else:
            page.locator(f"{step} >> visible=true").first.click()
    if case.dialog:
        expect(page.locator(case.dialog).first).to_be_visible()
        page.wait_for_function(STILL)


@pytest.mark.parametrize(("case", "language", "theme", "width"), [*combinations()])
def test_no_barrier(
    pages: dict[str, Page], house: Tawny, event: str, case: Case, language: str, theme: str, width: int
) -> None:
    page = pages[language]
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    opened(page, house, case, event)
    page.wait_for_function(SHOWS, arg=theme)
    assert violations(page, axe_script()) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert narrow_fields(page) == []


MOVING = ("keys", "camera sheet", "privacy", "clip", "share", "selection", "snooze all", "a preset")
"""Dialogs that come in and go out; on the screens, loading and what is new move."""


def test_nothing_moves_for_those_who_want_no_motion(pages: dict[str, Page], house: Tawny, event: str) -> None:
    page = pages["en-GB"]
    page.set_viewport_size({"width": 1280, "height": 844})
    page.emulate_media(reduced_motion="reduce")
    some = [Case(path, path) for path in ("/", "/timeline", "/events", "/health", "/settings/modes", EVENT)]
    for case in [*some, *(one for one in DIALOGS if one.name in MOVING)]:
        opened(page, house, case, event)
        assert page.evaluate(MOVES) == [], case.name
        page.keyboard.press("t")  # the other theme, whose colors would fade in
        assert page.evaluate(MOVES) == [], case.name
    page.emulate_media(reduced_motion="no-preference")
