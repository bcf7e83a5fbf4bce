"""tawny on a phone: installed, offline, updated, and its push notifications from the camera to the click on them.

Chromium's own push service is left out: the page subscribes with keys of this test, a stand-in on loopback gets what
the recorder sends, and what it decrypts is handed to the real service worker.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.api.static_files import BUILT, StaticFiles
from tawny.delivery.notifiers.webpush import base64url_bytes, base64url_text
from tawny.testing.http_service import ReceivedRequest, StandIn
from tawny.testing.waiting import until
from tests.app.rig import settings
from tests.delivery.notifiers.test_webpush import Phone
from tests.e2e.conftest import WHOLE_CHROMIUM, Tawny, chromium, owner_of, signed_in_again, with_settings
from tests.e2e.live_server import live_server, signed_browser
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_S = 60
SETTINGS = """
[notifiers.browsers]
url = "webpush:me@example.org"
min_interval = "0 s"
[cameras.front]
source = "demo:front"
name = "Front door"
detection.detector = "off"
"""
WITHOUT_CHANNEL = """# my cameras
[cameras.front]  # at the door
source = "demo:front"
name = "Front door"
post = "2 s"
[cameras.bedroom]
source = "demo:garden"
name = "Bedroom"
"""
SUBSCRIBES = """
const told = { endpoint: %s, keys: { p256dh: %s, auth: %s } };
const made = { endpoint: told.endpoint, toJSON: () => told, unsubscribe: async () => true };
PushManager.prototype.subscribe = async () => (localStorage.setItem("test", "on"), made);
PushManager.prototype.getSubscription = async () => (localStorage.getItem("test") ? made : null);
"""
COUNTS = """() => {
  if (self.finished !== undefined) return;
  self.finished = 0;
  const show = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = function (...given) {
    return show.apply(this, given).finally(() => { self.finished += 1; });
  };
}"""
"""Counts, in a service worker, the notifications that it has shown."""
NOTIFICATIONS = """async () => {
  const worker = await navigator.serviceWorker.ready;
  const shown = await worker.getNotifications();
  return shown.map((one) => ({ title: one.title, body: one.body, image: one.image, icon: one.icon, tag: one.tag,
    actions: one.actions.map((each) => each.title) }));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The whole one, which shows notifications."""
    yield from chromium(WHOLE_CHROMIUM)


@pytest.fixture(scope="module")
def house(service: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("phone"), SETTINGS)


@pytest.fixture(scope="module")
def phone() -> Phone:
    return Phone()


@pytest.fixture(scope="module")
def context(browser: Browser, house: Tawny, service: StandIn, phone: Phone) -> Iterator[BrowserContext]:
    made = owner_of(browser, house, 1280)
    made.grant_permissions(["notifications"], origin=house.base)
    endpoint = json.dumps(f"{service.base}/push/abc")
    keys = json.dumps(base64url_text(phone.point)), json.dumps(base64url_text(phone.auth))
    made.add_init_script(SUBSCRIBES % (endpoint, *keys))
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, house: Tawny) -> Iterator[Page]:
    """Whatever a test leaves, the next one finds: online, signed in, no other page open, nothing snoozed."""
    cookies: Any = context.cookies()
    yield context.new_page()
    context.set_offline(False)
    context.clear_cookies()
    context.add_cookies(cookies)
    for one in context.pages:
        one.close()
    snoozes = f"{house.base}/api/v1/snoozes"
    for made in context.request.get(snoozes).json()["items"]:
        context.request.delete(f"{snoozes}?camera={made['camera']}", headers={"X-Tawny": "1", "Origin": house.base})


class Worker:
    """The service worker of a page: what Chromium's developer tools do with it."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.page, self._origin = page, page.evaluate("location.origin")
        page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
        self._tools = context.new_cdp_session(page)
        self._registrations: list[dict[str, Any]] = []
        self._tools.on("ServiceWorker.workerRegistrationUpdated", self._updated)
        self._tools.send("ServiceWorker.enable")
        until(self._has_come, WAIT_S, "a service worker")
        self.inside = context.service_workers[-1]
        self.inside.evaluate(COUNTS)

    def _has_come(self) -> bool:
        self.page.wait_for_timeout(20)
        return bool(self._registrations)

    def _updated(self, data: dict[str, Any]) -> None:
        self._registrations += data["registrations"]

    def push(self, data: str) -> list[dict[str, Any]]:
        """Deliver a message, and return what is shown then; what was shown before is swept away."""
        self.inside.evaluate("async () => (await self.registration.getNotifications()).map((one) => one.close())")
        until(lambda: not self._shown(), WAIT_S, "no notification")
        answer = {"origin": self._origin, "registrationId": self._registrations[-1]["registrationId"], "data": data}
        return self.shown_after(lambda: self._tools.send("ServiceWorker.deliverPushMessage", answer))

    def shown_after(self, act: Callable[[], object]) -> list[dict[str, Any]]:
        """Act, and return what is shown once one more notification is. Nobody asks before: whoever asks Chromium for
        its notifications while it is showing one makes it forget that one."""
        before = self._finished()
        act()
        until(lambda: self._finished() > before, WAIT_S, "a notification")
        return self._shown()

    def _finished(self) -> int:
        return int(self.inside.evaluate("self.finished"))

    def _shown(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate(NOTIFICATIONS)
        return found

    def click(self, action: str = "") -> None:
        """On the only notification."""
        self.inside.evaluate(
            """async (action) => {
              const [notification] = await self.registration.getNotifications();
              self.dispatchEvent(new NotificationEvent("notificationclick", { notification, action }));
            }""",
            action,
        )


def told_of_an_event(page: Page, house: Tawny, service: StandIn, phone: Phone) -> dict[str, Any]:
    """Somebody comes to the door: the push about it, decrypted."""
    address = somebody_comes(page, house)
    until(lambda: address in pushes(service, phone), 60, "a push about an event")
    return pushes(service, phone)[address]


def pushes(service: StandIn, phone: Phone) -> dict[str, dict[str, Any]]:
    """All so far, decrypted, by the address that they lead to; the newest of each."""
    return {one["url"]: one for one in (json.loads(phone.opens(asked.body)) for asked in service.asked)}


def somebody_comes(page: Page, house: Tawny) -> str:
    """Another program says so. Returns the page of the event."""
    event = ordered(page, house, command="event.open", camera="front", kind="person")["event"]
    ordered(page, house, command="event.close", event=event)
    return f"/events/{event}"


def ordered(page: Page, house: Tawny, **order: Any) -> dict[str, Any]:
    answer = page.request.post(
        f"{house.base}/api/v1/orders", data=order, headers={"X-Tawny": "1", "Origin": house.base}
    )
    assert answer.ok, answer.text()
    found: dict[str, Any] = answer.json()
    return found


def is_signed_for(asked: ReceivedRequest, service: StandIn, key: str) -> bool:
    scheme, _, rest = asked.headers["authorization"].partition(" ")
    token, given = (part.strip().partition("=")[2] for part in rest.split(","))
    head, _, signature = token.rpartition(".")
    raw = base64url_bytes(signature)
    coded = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), base64url_bytes(given))
    point.verify(coded, head.encode(), ec.ECDSA(hashes.SHA256()))
    claims = json.loads(base64url_bytes(head.split(".")[1]))
    return (scheme, given, claims["aud"]) == ("vapid", key, service.base)


@pytest.mark.shows("SC33")
def test_a_push_from_the_camera_to_the_snooze(
    context: BrowserContext, page: Page, house: Tawny, service: StandIn, phone: Phone
) -> None:
    page.goto(f"{house.base}/settings/notifications")
    card = page.get_by_role("region", name="Notifications on this device")
    with page.expect_response(lambda data: data.request.method == "POST" and data.url.endswith("/api/v1/push")):
        card.get_by_role("button", name="On", exact=True).click()
    result = told_of_an_event(page, house, service, phone)
    key = page.request.get(f"{house.base}/api/v1/push").json()["key"]
    assert is_signed_for(service.last, service, key)
    assert result["badge"] >= 1
    picture = page.request.get(house.base + result["image"])
    assert picture.body()[:2] == b"\xff\xd8"

    worker = Worker(context, page)
    (shown,) = worker.push(json.dumps(result))
    assert (shown["title"], shown["tag"]) == (result["title"], result["tag"])
    assert shown["title"].endswith(" at Front door")
    assert re.fullmatch(r"\d\d:\d\d\..*", shown["body"])
    assert shown["image"] == house.base + result["image"]
    assert shown["actions"] == ["Live", "Snooze 1 h"]

    page.goto(f"{house.base}/")
    worker.click()
    page.wait_for_url(f"**{result['url']}", timeout=WAIT_S * 1000)

    worker.push(json.dumps(result))
    worker.click("live")
    page.wait_for_url("**/live/front", timeout=WAIT_S * 1000)

    snoozes = f"{house.base}/api/v1/snoozes"
    worker.push(json.dumps(result))
    (confirmation,) = worker.shown_after(lambda: worker.click("snooze"))
    (made,) = page.request.get(snoozes).json()["items"]
    assert (made["camera"], made["everyone"], made["mine"]) == ("front", False, True)
    assert confirmation["title"].startswith("Snoozed until")
    expect(page.get_by_role("button", name="Snoozed until")).to_be_visible(timeout=WAIT_S * 1000)

    worker.click("undo")
    until(lambda: not page.request.get(snoozes).json()["items"], WAIT_S, "no snooze")

    worker.push(json.dumps(result))
    worker.shown_after(lambda: worker.click("snooze"))
    assert page.request.get(snoozes).json()["items"]
    snoozed = somebody_comes(page, house)
    page.request.delete(f"{snoozes}?camera=front", headers={"X-Tawny": "1", "Origin": house.base})
    told_of_an_event(page, house, service, phone)
    assert snoozed not in pushes(service, phone), "the next was told, so that this one never will be"


def test_a_camera_is_snoozed_by_a_key_for_everyone_and_again_not(page: Page, house: Tawny) -> None:
    snoozes = f"{house.base}/api/v1/snoozes"
    page.goto(f"{house.base}/live/front")
    expect(page.get_by_role("button", name="Snooze 1 h", exact=True)).to_be_visible(timeout=WAIT_S * 1000)
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Snoozed until")).to_be_visible(timeout=WAIT_S * 1000)
    page.keyboard.press("z")
    sheet = page.get_by_role("dialog", name="Snooze Front door")
    sheet.get_by_role("button", name="Resume").click()
    sheet.get_by_role("button", name="Everyone’s").click()
    assert violations(page, axe_script()) == []
    sheet.get_by_role("button", name="1 h").click()
    expect(page.get_by_role("button", name="Snoozed until")).to_be_visible(timeout=WAIT_S * 1000)
    (made,) = page.request.get(snoozes).json()["items"]
    assert (made["camera"], made["everyone"]) == ("front", True)
    page.goto(f"{house.base}/")
    expect(page.locator(".tile").get_by_role("button", name="Snoozed until")).to_be_visible(timeout=WAIT_S * 1000)
    page.goto(f"{house.base}/settings/notifications")
    card = page.get_by_role("region", name="Snoozed")
    expect(card.get_by_text("for everyone, by you")).to_be_visible()
    card.get_by_role("button", name="Resume").click()
    expect(card.get_by_text("Nothing is snoozed")).to_be_visible()
    assert page.request.get(snoozes).json()["items"] == []


def test_who_is_signed_out_snoozes_nothing(context: BrowserContext, page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}/settings/notifications")
    worker = Worker(context, page)
    worker.push(json.dumps({"title": "Person", "body": "x", "tag": "t", "url": "/", "camera": "front", "badge": 1}))
    cookies: Any = context.cookies()
    context.clear_cookies()
    (refusal,) = worker.shown_after(lambda: worker.click("snooze"))
    assert refusal["title"] == "Not snoozed"
    context.add_cookies(cookies)
    assert page.request.get(f"{house.base}/api/v1/snoozes").json()["items"] == []


@pytest.mark.shows("SC33")
def test_chromium_would_install_it(context: BrowserContext, page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}/")
    Worker(context, page)
    tools = context.new_cdp_session(page)
    errors = tools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # a window without a profile, as tests have, is never installed from; nothing else may be missing
    assert [one["errorId"] for one in errors if one["errorId"] != "in-incognito"] == []
    manifest = json.loads(tools.send("Page.getAppManifest")["data"])
    assert manifest["id"] == manifest["scope"] == "/"
    pictures = [
        *manifest["icons"],
        *manifest["screenshots"],
        *(icon for one in manifest["shortcuts"] for icon in one["icons"]),
    ]
    for one in pictures:
        answer = page.request.get(house.base + one["src"])
        assert (answer.status, answer.headers["content-type"]) == (200, one["type"])
    assert [page.request.get(house.base + one["url"]).status for one in manifest["shortcuts"]] == [200, 200]


@pytest.mark.shows("SC33")
def test_offline_is_said_in_words_and_nothing_private_is_kept(
    context: BrowserContext, page: Page, house: Tawny
) -> None:
    page.goto(f"{house.base}/")
    page.wait_for_selector('[data-view="playing"]', timeout=60_000)
    Worker(context, page)
    kept = page.evaluate(
        """async () => {
          const all = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
          return all.flat().map((one) => new URL(one.url).pathname);
        }"""
    )
    assert "/offline.html" in kept
    assert [
        one for one in kept if not one.startswith(("/assets/", "/offline.", "/favicon", "/icon-", "/history-"))
    ] == []
    context.set_offline(True)
    page.goto(f"{house.base}/events")
    expect(page.get_by_role("heading", name="tawny can’t be reached from here.")).to_be_visible()
    expect(page.get_by_text("Are you at home or on your private network?")).to_be_visible()
    context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    page.wait_for_url("**/events")
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")


def test_a_new_version_takes_over_at_the_next_visit(browser: Browser, tmp_path: Path) -> None:
    shutil.copytree(BUILT, tmp_path / "old", ignore=shutil.ignore_patterns("push.js.*"))
    worker = tmp_path / "old" / "push.js"
    text = worker.read_text()
    (new,) = re.findall(r'const BUILD = "(\w+)"', text)
    worker.write_text(text.replace(new, "old"))
    (tmp_path / "data").mkdir()
    with live_server(settings(""), tmp_path / "data") as served, signed_browser(browser, served.session()) as context:
        served.site.interface = StaticFiles.at(tmp_path / "old")
        page = context.new_page()

        def caches() -> list[str]:
            names: list[str] = page.evaluate("caches.keys()")
            return sorted(names)

        page.goto(served.base)
        until(lambda: page.evaluate("navigator.serviceWorker.controller?.state") == "activated", 60, "the old worker")
        assert caches() == ["shell-old"]
        page.evaluate("caches.open('tawny').then((one) => one.put('/history-witnesses', new Response('kept')))")
        served.site.interface = StaticFiles.at()
        page.reload()
        until(lambda: caches() == [f"shell-{new}", "tawny"], 60, "the new worker alone")
        assert page.evaluate("caches.match('/history-witnesses').then((one) => one.text())") == "kept"
        assert page.evaluate("document.scripts[0].src").endswith(".js")


def test_the_install_card_comes_with_the_second_visit_and_stays_away(browser: Browser, house: Tawny) -> None:
    context = signed_in_again(browser, house, is_mobile=True, has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    asks = 'Object.assign(new Event("beforeinstallprompt"), { prompt: async () => ({ outcome: "dismissed" }) })'
    page.add_init_script(f"addEventListener('load', () => dispatchEvent({asks}))")
    card = page.get_by_role("dialog", name="Put tawny on your home screen")

    def visit() -> None:
        page.goto(f"{house.base}/")
        page.wait_for_selector('[data-view="playing"]', timeout=60_000)
        counted = "Number((localStorage['tawny.visits'] ?? '').split(' ')[1]) > 1000"
        until(lambda: page.evaluate(counted), WAIT_S, "it is counted")

    visit()
    assert page.evaluate("localStorage['tawny.visits']").startswith("1 ")
    expect(card).to_have_count(0)
    page.evaluate("localStorage['tawny.visits'] = '1 1000'")  # long ago
    visit()
    expect(card).to_be_visible(timeout=WAIT_S * 1000)
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Not now").click()
    expect(card).to_have_count(0)
    page.evaluate("localStorage['tawny.visits'] = '2 1000'")
    visit()
    expect(card).to_have_count(0)
    page.evaluate("localStorage['tawny.install-later'] = String(Date.now() - 91 * 86400000)")
    visit()
    expect(card).to_be_visible(timeout=WAIT_S * 1000)
    page.get_by_role("link", name="Timeline").last.click()
    expect(card).to_have_count(0)
    context.close()


def test_an_iphone_is_told_the_three_steps_and_the_other_ways(browser: Browser, house: Tawny) -> None:
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Safari/604.1"
    context = signed_in_again(browser, house, user_agent=agent, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(f"{house.base}/settings/notifications")
    card = page.get_by_role("region", name="Notifications on this device")
    expect(card.get_by_role("listitem")).to_have_count(3)
    expect(card.get_by_text("Email, Telegram and ntfy")).to_be_visible()
    expect(page.get_by_role("button", name="Add notification channel")).to_be_visible()
    assert violations(page, axe_script()) == []
    context.close()


def test_a_viewers_phone_is_notified_with_one_press(browser: Browser, service: StandIn, tmp_path: Path) -> None:
    """Nobody has added a channel: it comes with the first phone, and its owner's settings keep their comments."""
    phone = Phone()

    def pushed() -> list[dict[str, Any]]:
        return [json.loads(phone.opens(one.body)) for one in service.asked if one.path == "/push/ben"]

    for recorder in with_settings(tmp_path, WITHOUT_CHANNEL):
        owner = owner_of(browser, recorder, 1280)
        ours = {"X-Tawny": "1", "Origin": recorder.base}
        person = {"name": "Ben", "role": "viewer", "cameras": ["front"]}
        link = owner.request.post(f"{recorder.base}/api/v1/people", data=person, headers=ours).json()["link"]
        context = browser.new_context(
            locale="en-GB", is_mobile=True, has_touch=True, viewport={"width": 390, "height": 844}
        )
        context.grant_permissions(["notifications"], origin=recorder.base)
        keys = json.dumps(base64url_text(phone.point)), json.dumps(base64url_text(phone.auth))
        context.add_init_script(SUBSCRIBES % (json.dumps(f"{service.base}/push/ben"), *keys))
        page = context.new_page()
        page.goto(recorder.base + link)
        page.wait_for_selector('[data-view="playing"]', timeout=60_000)
        page.evaluate("localStorage['tawny.visits'] = '1 1000'")  # long ago
        page.goto(f"{recorder.base}/")
        card = page.get_by_role("dialog", name="Get notifications on this phone")
        expect(card).to_be_visible(timeout=60_000)
        assert violations(page, axe_script()) == []
        shot(page, "notify-card")
        card.get_by_role("button", name="Turn on").click()
        expect(card).to_have_count(0)
        expect(page.get_by_text("Notifications are on.")).to_be_visible()

        text = (tmp_path / "tawny.toml").read_text()
        assert text.startswith(WITHOUT_CHANNEL.partition("[cameras.bedroom]")[0])
        assert '[notifiers.browsers]\nurl = "webpush:"' in text
        asked = owner.request.post(f"{recorder.base}/api/v1/targets/browsers/test", headers=ours)
        assert [step["wrong"] for step in asked.json()["steps"]] == [""]

        until(lambda: [one for one in pushed() if one["camera"]], 120, "a push about an event")
        assert {one["camera"] for one in pushed()} <= {"front", ""}, "only the camera that he may see"

        page.goto(f"{recorder.base}/settings/notifications")
        settings_card = page.get_by_role("region", name="Notifications on this device")
        switch = settings_card.get_by_role("button", name="On", exact=True)
        expect(switch).to_have_attribute("aria-pressed", "true")
        assert owner.request.delete(f"{recorder.base}/api/v1/targets/browsers", headers=ours).ok
        page.reload()
        expect(switch).to_have_attribute("aria-pressed", "false")
        switch.click()
        until(lambda: "[notifiers.browsers]" in (tmp_path / "tawny.toml").read_text(), WAIT_S, "the channel again")
        context.close()
        owner.close()


def test_not_now_for_notifications_is_kept_90_days(browser: Browser, house: Tawny) -> None:
    context = signed_in_again(browser, house, viewport={"width": 1280, "height": 800})
    context.add_init_script("Object.defineProperty(Notification, 'permission', { get: () => 'default' })")
    page = context.new_page()
    card = page.get_by_role("dialog", name="Get notifications on this computer")

    def visit() -> None:
        page.goto(f"{house.base}/")
        page.evaluate("localStorage['tawny.visits'] = '2 1000'")
        page.wait_for_selector('[data-view="playing"]', timeout=60_000)
        until(lambda: page.evaluate("localStorage['tawny.visits'] !== '2 1000'"), WAIT_S, "it is counted")

    visit()
    expect(card).to_be_visible(timeout=WAIT_S * 1000)
    shot(page, "notify-card")
    card.get_by_role("button", name="Not now").click()
    visit()
    expect(card).to_have_count(0)
    page.evaluate("localStorage['tawny.notify-later'] = String(Date.now() - 91 * 86400000)")
    visit()
    expect(card).to_be_visible(timeout=WAIT_S * 1000)
    context.close()


def shot(page: Page, name: str) -> None:
    if "SHOTS" in os.environ:
        width = (page.viewport_size or {"width": 0})["width"]
        page.screenshot(path=f"{os.environ['SHOTS']}/{name}-{width}.png", animations="disabled")
