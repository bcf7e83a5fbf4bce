"""The first hour as a newcomer has it: an empty folder, `tawny run`, and from then on the browser alone."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tawny.delivery.notifiers.webpush import base64url_text
from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.delivery.notifiers.test_webpush import Phone
from tests.e2e.conftest import CHROMIUM, LINK, OURS, OWNER, WHOLE_CHROMIUM
from tests.e2e.rules import NONE, WIDTHS, as_wide_as, axe_script, barriers
from tests.e2e.test_phone import SUBSCRIBES
from tests.e2e.test_secure_address import trusting
from tests.support.cabled_camera import cabled_cameras
from tests.support.ports import free_port
from tests.support.processes import ended

pytestmark = pytest.mark.browser
PASSWORD = "k4mera+pässword/%"
WAIT_MS = 60_000
MOST_CLICKS = 10
"""From the link to moving images of the first camera."""
MOST_TOUCHES = 40
"""From the link to the last page, fields included."""
MOST_START_S = 5.0
"""From `tawny run` in an empty folder to the setup page, of processor time: others may need the processor, too."""
AS_USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups",
    "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]  # fmt: skip
"""Another user than root, whose folders are those of the system. They may read the program wherever it is installed."""
STEPS = ("cameras", "storage", "notifications", "outside")
PLAYS = """(camera) => {
  const frame = document.querySelector(`[data-camera="${camera}"]`);
  return frame !== null && frame.dataset.view === 'playing';
}"""


@dataclass(frozen=True)
class Recorder:
    """home: what was an empty folder before. log: all that it printed."""

    home: Path
    log: Path
    link: str
    base: str
    process: int

    @property
    def settings(self) -> Path:
        return next(self.home.rglob("tawny.toml"))


@contextmanager
def first_start(home: Path, listen: str = "127.0.0.1:0") -> Iterator[Recorder]:
    """`tawny run` in an empty folder, by somebody who has never started it before."""
    home.mkdir(exist_ok=True)
    log = home.with_suffix(".log")
    command = [str(Path(sys.executable).with_name("tawny")), "run", "--listen", listen]
    if os.geteuid() == 0:
        os.chown(home, 1000, 1000)
        command = [*AS_USER, *command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=home, env=os.environ | {"HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        until(lambda: LINK.search(log.read_text()) or process.poll() is not None, 120, "the one-time link")
        found = LINK.search(log.read_text())
        assert found, log.read_text()
        yield Recorder(home, log, found[0], found[1], process.pid)
    finally:
        code = ended(process)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


def answers(listen: str) -> bool:
    host, _, port = listen.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    with cabled_cameras(PASSWORD, letter="f") as (_, (address,)):
        yield address


@dataclass
class Hands:
    """What a person does on a page, counted. clicks: of these, presses of a button, link or key.

    is_checking: whether the pages of this walk are looked at for barriers; not where another test walks there.
    """

    page: Page
    clicks: int = 0
    fields: int = 0
    is_checking: bool = True
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("request", lambda request: self.asked.append(request.url))

    @property
    def touches(self) -> int:
        return self.clicks + self.fields

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def button(self, name: str) -> None:
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)
        self.fields += 1

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.clicks += 1

    def checked(self, name: str) -> None:
        """At either width: no barrier in either theme, and nothing wider than the page."""
        if not self.is_checking:
            return
        for width in WIDTHS:
            with as_wide_as(self.page, width):
                self.checked_as_shown(name)

    def checked_as_shown(self, name: str) -> None:
        assert barriers(self.page, axe_script()) == NONE, name
        if "SHOTS" in os.environ:
            width = (self.page.viewport_size or {"width": 0})["width"]
            for theme in ("dark", "light"):
                self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                to = f"{os.environ['SHOTS']}/{name}-{width}-{theme}.png"
                self.page.screenshot(path=to, animations="disabled")
        assert self.page.evaluate(
            "(document.querySelector('.door, .app') ?? document.body).scrollWidth <= innerWidth"
        ), name


@contextmanager
def browser_of(browser: Browser, width: int) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport={"width": width, "height": 800 if width > 400 else 844}, locale="en-US", has_touch=width < 400
    )
    yield context
    context.close()


@pytest.mark.shows("DY20")
def test_from_an_empty_folder_to_a_working_recorder(browser: Browser, tmp_path: Path, camera: str) -> None:
    hook = StandIn()
    with (
        served(hook),
        first_start(tmp_path / "home") as recorder,
        browser_of(browser, 390) as context,
    ):
        hands = Hands(context.new_page())
        make_account(hands, recorder)
        add_camera(hands, camera)
        hands.page.wait_for_function(PLAYS, arg="front-door")
        assert hands.clicks <= MOST_CLICKS, "from the link to moving images"
        hands.checked("cameras-added")
        assert PASSWORD not in hands.page.content()
        until(lambda: list(recorder.home.rglob("*front-door*/**/*.mp4")), 60, "a recording")
        hands.press("Enter")
        store(hands)
        notify(hands, hook)
        reach(hands)
        finish(hands)
        assert hands.touches <= MOST_TOUCHES
        assert not [one for one in hands.asked if PASSWORD in one or "k4mera" in one], "never in an address"
        texts = recorder.log.read_text() + recorder.settings.read_text() + hands.page.content()
        assert "k4mera" not in texts


def make_account(hands: Hands, recorder: Recorder) -> None:
    hands.page.goto(recorder.link)
    expect(hands.page.get_by_role("heading", level=1)).to_have_text("Create your account")
    hands.checked("account")
    hands.fill("Your name", OWNER["name"])
    hands.fill("Password", OWNER["password"])
    assert hands.page.get_by_label("Name of this recorder").input_value() == "Home"
    hands.press("Enter")
    hands.page.wait_for_url("**/setup/cameras")


def add_camera(hands: Hands, camera: str) -> None:
    hands.checked("cameras-search")
    hands.button("Search for cameras")
    found = hands.page.locator(".find-card").filter(has_text=f"{camera} ·")
    expect(found).to_be_visible()
    hands.checked("cameras-found")
    hands.click(found.get_by_role("checkbox"))
    hands.fill("User name", "admin")
    hands.fill("Password", PASSWORD)
    hands.press("Enter")
    expect(found.get_by_alt_text("Test picture of")).to_be_visible()
    hands.checked("cameras-tried")
    hands.fill(f"Name of the camera at {camera}", "Front door")
    hands.button("Add 1 camera")
    expect(hands.page.get_by_role("heading", level=1)).to_have_text("1 camera added")


def store(hands: Hands) -> None:
    hands.page.wait_for_url("**/setup/storage")
    expect(hands.page.get_by_text("In use now")).to_be_visible()
    hands.fill("Days", "30")
    hands.checked("storage")
    hands.button("Use this")


def notify(hands: Hands, hook: StandIn) -> None:
    hands.page.wait_for_url("**/setup/notifications")
    expect(hands.page.get_by_text("Needs https")).to_be_visible()
    hands.checked("notifications")
    hands.button("Set up Webhook")
    hands.fill("Address", f"{hook.base}/hook")
    hands.button("Save")
    row = hands.page.get_by_role("button", name=re.compile("^Send test to"))
    expect(row).to_be_visible()
    hands.click(row)
    expect(hands.page.get_by_text(re.compile(r"^Accepted after \d+\.\d s$"))).to_be_visible()
    assert [one.json["type"] for one in hook.asked if one.path == "/hook"], "the test has arrived"
    hands.checked("notifications-tested")
    hands.button("Continue")


def reach(hands: Hands) -> None:
    hands.page.wait_for_url("**/setup/outside")
    link = hands.page.get_by_role("link", name="Set it up")
    hands.checked("outside")
    hands.click(hands.page.get_by_text("Your own domain name", exact=True))
    hands.click(link)
    hands.page.wait_for_url("**/settings/address?from=setup&way=domain")
    expect(hands.page.get_by_role("button", name="Order certificate")).to_be_visible()
    hands.click(hands.page.get_by_role("link", name="Back to setup"))
    hands.page.wait_for_url("**/setup/outside")
    hands.click(hands.page.get_by_text("Keep the plain address", exact=True))
    hands.button("Finish")


def finish(hands: Hands) -> None:
    hands.page.wait_for_url("**/setup/done")
    expect(hands.page.get_by_role("heading", level=1)).to_have_text("Your camera is recording")
    hands.page.wait_for_function(PLAYS, arg="front-door")
    expect(hands.page.get_by_text("All five steps are done.")).to_be_visible()
    hands.checked("done")
    hands.button("Open live view")
    hands.page.wait_for_function(PLAYS, arg="front-door")
    expect(hands.page.get_by_role("link", name="Continue")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.long)])
def test_from_an_empty_folder_to_a_push_over_https(
    browser: Browser, service: StandIn, tmp_path: Path, camera: str, width: int
) -> None:
    """The certificate is installed in the second browser's own store; no error of it is ever ignored."""
    hook, listen = StandIn(), f"127.0.0.1:{free_port()}"
    with served(hook), first_start(tmp_path / "home", listen) as recorder:
        with browser_of(browser, width) as context:
            plain = Hands(context.new_page(), is_checking=False)
            make_account(plain, recorder)
            add_camera(plain, camera)
            until(lambda: list(recorder.home.rglob("*front-door*/**/*.mp4")), 60, "a recording")
            plain.press("Enter")
            store(plain)
            notify(plain, hook)
            plain.is_checking = True
            link, authority = secure_at_home(plain, tmp_path)
        trusting_browser = browser.browser_type.launch(
            executable_path=WHOLE_CHROMIUM, args=CHROMIUM, env=trusting(tmp_path / "browser", authority)
        )
        try:
            with browser_of(trusting_browser, width) as context:
                secure = Hands(subscribing(context, link, f"{service.base}/push/{width}", phone := Phone()))
                sockets: list[str] = []
                secure.page.on("websocket", lambda one: sockets.append(one.url))
                plain.clicks += 1  # the link to the secure address
                sign_in_again(secure, link)
                turn_on_push(secure, service, f"/push/{width}", phone)
                secure.button("Continue")
                secure.page.wait_for_url("**/setup/outside")
                secure.checked("outside-secure")
                secure.button("Finish")
                finish(secure)
                assert [one for one in sockets if one.startswith("wss://") and "/live" in one], sockets
        finally:
            trusting_browser.close()
        assert plain.touches + secure.touches <= MOST_TOUCHES, (plain, secure)
        assert not [one for one in plain.asked + secure.asked if "k4mera" in one], "never in an address"
        assert "k4mera" not in recorder.log.read_text() + recorder.settings.read_text()


def secure_at_home(hands: Hands, place: Path) -> tuple[str, Path]:
    """The address of the setup over https, and the certificate of the recorder's authority."""
    hands.page.wait_for_url("**/setup/outside")
    hands.click(hands.page.get_by_text("Secure at home", exact=True))
    hands.click(hands.page.get_by_role("link", name="Set it up"))
    hands.page.wait_for_url("**/settings/address?from=setup&way=own")
    card = hands.page.locator("details", has_text="At home only")
    card.get_by_label("Name or address").select_option("localhost")
    hands.fields += 1
    hands.click(card.get_by_role("button", name="Set up"))
    go_on = hands.page.get_by_role("link", name="Continue setup over https")
    link = go_on.get_attribute("href") or ""
    hands.checked("address-own")
    with hands.page.expect_popup() as opened:
        hands.click(hands.page.get_by_role("link", name="Install the certificate"))
    other = Hands(opened.value)
    expect(other.page.get_by_role("heading", name="Trust this recorder")).to_be_visible()
    other.checked("authority")
    with other.page.expect_download() as begun:
        other.click(other.page.get_by_role("link", name="Download certificate").first)
    begun.value.save_as(place / "tawny.crt")
    hands.clicks += other.clicks
    return link, place / "tawny.crt"


def subscribing(context: BrowserContext, link: str, endpoint: str, phone: Phone) -> Page:
    """A page whose notifications go by the stand-in, and are allowed."""
    context.grant_permissions(["notifications"], origin=link.partition("/setup")[0])
    keys = json.dumps(base64url_text(phone.point)), json.dumps(base64url_text(phone.auth))
    context.add_init_script(SUBSCRIBES % (json.dumps(endpoint), *keys))
    return context.new_page()


def sign_in_again(hands: Hands, link: str) -> None:
    hands.page.goto(link)
    expect(hands.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert hands.page.evaluate("isSecureContext")
    hands.checked("sign-in-secure")
    hands.fill("Name", OWNER["name"])
    hands.fill("Password", OWNER["password"])
    hands.press("Enter")


def turn_on_push(hands: Hands, service: StandIn, path: str, phone: Phone) -> None:
    card = hands.page.get_by_role("region", name="Notifications on this device")
    expect(card).to_be_visible()
    hands.checked("notifications-secure")
    with hands.page.expect_response(lambda one: one.url.endswith("/api/v1/push") and one.request.method == "POST"):
        hands.click(card.get_by_role("button", name="On", exact=True))
    hands.click(hands.page.get_by_role("button", name="Send test to browsers"))
    until(
        lambda: [json.loads(phone.opens(one.body))["title"] for one in service.asked if one.path == path], 60, "a push"
    )
    expect(hands.page.get_by_text(re.compile(r"^Accepted after"))).to_be_visible()
    hands.checked("notifications-push")


def cpu_s(process: int) -> float:
    """User and system time of a process so far: what a start costs, however busy this computer is."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_setup_is_served_within_five_seconds_each_time_and_the_exit_code_is_0(tmp_path: Path) -> None:
    """In an empty folder, and again where nobody has finished the setup."""
    for _ in range(2):
        with first_start(tmp_path / "home") as recorder:
            answer = httpx.get(f"{recorder.base}/setup", headers={"Accept": "text/html"})
            assert (answer.status_code, "<html" in answer.text) == (200, True)
            assert cpu_s(recorder.process) <= MOST_START_S


def other_browser(browser: Browser, recorder: Recorder) -> BrowserContext:
    """The owner signs in on another device."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-US")
    answer = context.request.post(
        f"{recorder.base}/api/v1/sign-in", data=OWNER, headers={**OURS, "Origin": recorder.base}
    )
    assert answer.ok, answer.text()
    return context


def test_setup_goes_on_in_another_browser_and_may_be_skipped_as_a_whole(browser: Browser, tmp_path: Path) -> None:
    with first_start(tmp_path / "home") as recorder, browser_of(browser, 1280) as context:
        hands = Hands(context.new_page())
        make_account(hands, recorder)
        other = other_browser(browser, recorder).new_page()
        other.set_default_timeout(WAIT_MS)
        for step in STEPS:
            other.goto(f"{recorder.base}/setup")
            other.wait_for_url(f"**/setup/{step}")
            hands.page.goto(f"{recorder.base}/")
            hands.click(hands.page.get_by_role("link", name="Continue"))
            hands.page.wait_for_url(f"**/setup/{step}")
            skip = "Continue without cameras" if step == "cameras" else "Skip for now"
            hands.button(skip)
        hands.page.wait_for_url("**/setup/done")
        expect(hands.page.get_by_role("heading", level=1)).to_have_text("tawny is running")
        expect(hands.page.get_by_role("link", name=re.compile("^Set up:"))).to_have_count(4)
        hands.checked("done-skipped")
        hands.button("Open live view")
        expect(hands.page.get_by_text("Setup: 1 of 5 steps done")).to_be_visible()
        expect(hands.page.get_by_role("link", name="Add a camera")).to_be_visible()
        hands.checked("wall-empty")
        hands.button("Hide setup")
        other.goto(f"{recorder.base}/")
        expect(other.get_by_role("link", name="Add a camera")).to_be_visible()
        expect(other.get_by_text("Setup:")).to_have_count(0)
        other.context.close()


def test_another_folder_takes_effect_and_setup_goes_on(browser: Browser, tmp_path: Path) -> None:
    home, listen = tmp_path / "home", f"127.0.0.1:{free_port()}"
    with first_start(home, listen) as recorder, browser_of(browser, 1280) as context:
        hands = Hands(context.new_page())
        make_account(hands, recorder)
        hands.button("Continue without cameras")
        other = home / "recordings"
        hands.click(hands.page.get_by_text("Another folder", exact=True))
        hands.fill("Folder", "/proc/nowhere")
        hands.button("Use this")
        expect(hands.page.get_by_text("/proc/nowhere").last).to_be_visible()
        assert hands.page.url.endswith("/setup/storage"), "refused, and the form is kept"
        hands.fill("Folder", str(other))
        hands.button("Use this")
        hands.page.wait_for_url("**/setup/notifications")
        until(lambda: (other / "history").is_dir() and answers(listen), 60, "a new start in the new folder")
        expect(hands.page.get_by_role("button", name="Set up ntfy")).to_be_visible()
        hands.page.goto(f"{recorder.base}/setup")
        hands.page.wait_for_url("**/setup/notifications")
        data = context.request.get(f"{recorder.base}/api/v1/setup").json()["steps"]
        assert [one["state"] for one in data] == ["done", "skipped", "done", "open", "open"]


def test_who_comes_without_the_link_or_late_is_told_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with first_start(tmp_path / "home") as recorder, browser_of(browser, 390) as context:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{recorder.base}/setup#token={'x' * 43}")
        page.get_by_label("Your name").fill("Mallory")
        page.get_by_label("Password", exact=True).fill("correct horse battery")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("tawny setup-link")
        assert page.get_by_label("Your name").input_value() == "Mallory", "what was typed is kept"
        hands = Hands(context.new_page())
        make_account(hands, recorder)
        late = browser.new_context().new_page()
        late.goto(f"{recorder.base}/setup/storage")
        expect(late.get_by_role("heading", level=1)).to_have_text("Sign in")
        late.get_by_label("Name", exact=True).fill(OWNER["name"])
        late.get_by_label("Password", exact=True).fill(OWNER["password"])
        late.keyboard.press("Enter")
        expect(late.get_by_role("heading", level=1)).to_have_text("Where should recordings be stored?")
        assert late.url.endswith("/setup/storage")
        late.context.close()
