"""Cameras are found, tried, added, renamed and removed in the browser alone: real ONVIF and RTSP on a cable."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, expect

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, context_of, owner_of, with_settings
from tests.e2e.rules import axe_script, unfit, violations
from tests.support.cabled_camera import cabled_cameras

pytestmark = pytest.mark.browser
PASSWORD = "k4mera+pässword/%"
WAIT_MS = 60_000


HANG_S = 30.0
"""From right credentials to the test pictures: a hang, not a measurement; 0.9 s measured."""
WATCH_CARDS = """() => {
  window.cards = [];
  new MutationObserver((changes) => {
    const searching = document.querySelector("section.find > .row > button").disabled;
    const added = changes.flatMap((change) => [...change.addedNodes]).filter((node) => node.nodeType === 1);
    const cards = added.flatMap((node) => [node, ...node.querySelectorAll(".find-card")]);
    const found = cards.filter((node) => node.matches(".find-card"));
    window.cards.push(...found.map((card) => ({ text: card.innerText, searching })));
  }).observe(document.body, { childList: true, subtree: true });
}"""
"""Notes of each card whether the page still searched when it appeared."""


@pytest.fixture(scope="module")
def cameras() -> Iterator[list[str]]:
    with cabled_cameras(PASSWORD, 3) as (_, there):
        yield there


@pytest.fixture(scope="module")
def house(cameras: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    text = '# mine\n[cameras.yard]\nsource = "demo:garden"  # keep\ndetection.detector = "off"\n'
    yield from with_settings(tmp_path_factory.mktemp("adding"), text)


@pytest.mark.shows("DY27")
def test_from_nothing_to_a_recording_camera(browser: Browser, house: Tawny, cameras: list[str]) -> None:
    context = context_of(browser, house, 390)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url} {request.post_data or ''}"))
    config = house.folder.parent / "tawny.toml"
    page.goto(f"{house.base}/settings/cameras")
    page.get_by_role("link", name="Add a camera").click()
    assert not [one for one in asked if "camera-search" in one], "nothing is sent before somebody asks"
    page.get_by_role("button", name="Search for cameras").click()
    found = card(page, cameras[0])
    expect(found).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    found.get_by_role("button", name="Details of").click()
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("user name or password", timeout=WAIT_MS)
    assert page.get_by_label("User name").input_value() == "admin", "what was typed is kept"
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Try it").click()
    picture = page.get_by_alt_text("Picture from the camera")
    expect(picture).to_be_visible(timeout=WAIT_MS)
    assert picture.evaluate("img => img.naturalWidth") == 640
    expect(page.get_by_text("H.264, 640×360, 15 fps")).to_be_visible()
    expect(page.get_by_text("a day").first).to_be_visible()
    assert unfit(page, axe_script()) == []
    assert "[cameras.front-door" not in config.read_text(), "a try changes nothing"
    turn_picture(page)
    page.get_by_role("button", name="Front door").click()
    page.get_by_role("button", name="Add camera").click()
    page.wait_for_url("**/live/front-door*", timeout=WAIT_MS)
    camera = page.url.rpartition("/")[2]
    until(lambda: list(house.folder.rglob(f"*{camera}*/**/*.mp4")), 60, "a recording")
    text = config.read_text()
    assert "rotate = 90" in text
    assert "mirror" not in text
    assert text.startswith("# mine")
    assert "# keep" in text
    assert "${CAMERA_FRONT_DOOR" in text
    assert 'serial = "SN0"' in text
    assert PASSWORD not in page.content() + text + page.url
    assert not [one for one in asked if PASSWORD in one.partition(" ")[2].partition(" ")[0]], "never in an address"
    rename_and_remove(page, house, config, camera)
    context.close()


def turn_picture(page: Page) -> None:
    """It is shown as it will be, before it is added."""
    picture = page.get_by_alt_text("Picture from the camera")
    box = picture.bounding_box()
    assert box
    assert box["width"] > box["height"]
    page.get_by_role("group", name="Rotate").get_by_role("button", name="90°").click()
    page.get_by_role("switch", name="Mirror").click()
    page.get_by_role("switch", name="Mirror").click()
    box = picture.bounding_box()
    assert box
    assert box["height"] / box["width"] == pytest.approx(16 / 9, rel=0.02)
    assert unfit(page, axe_script()) == []


@pytest.fixture
def scene() -> Iterator[str]:
    """The address of a camera that repeats one scene."""
    with RtspCamera(made_clip(ClipSpec())) as camera:
        yield f"rtsp://127.0.0.1:{camera.port}/stream"


@pytest.fixture
def of_scene(scene: str, tmp_path: Path) -> Iterator[Tawny]:
    yield from with_settings(tmp_path, f'[cameras.yard]\nsource = "{scene}"\ndetection.detector = "off"\n')


@pytest.mark.long
def test_the_promised_size_of_a_day_is_what_a_day_takes(browser: Browser, of_scene: Tawny, scene: str) -> None:
    """A quarter of a minute stands for the day."""
    owner = owner_of(browser, of_scene, 1280)
    ours = {**OURS, "Origin": of_scene.base}
    answer = owner.request.post(f"{of_scene.base}/api/v1/camera-trial", data={"address": scene}, headers=ours)
    assert answer.ok, answer.text()
    promised = answer.json()["streams"]["main"]["day_bytes"]
    until(lambda: recorded_bytes(of_scene) > 0, 60, "a recording")
    before, since = recorded_bytes(of_scene), time.monotonic()
    until(lambda: time.monotonic() - since > 15, 60)
    measured = (recorded_bytes(of_scene) - before) / (time.monotonic() - since) * 86_400
    assert promised == pytest.approx(measured, rel=0.25)
    owner.close()


def recorded_bytes(recorder: Tawny) -> int:
    return sum(path.stat().st_size for path in (recorder.folder / "yard").rglob("*.mp4"))


def test_several_at_once_with_one_password(browser: Browser, house: Tawny, cameras: list[str]) -> None:
    """From the search to three moving pictures: few clicks, one sign-in each, names edited in place."""
    context = context_of(browser, house, 1280)
    page = context.new_page()
    clicks = Clicks()
    page.goto(f"{house.base}/settings/add-camera")
    begun = time.monotonic()
    page.evaluate(WATCH_CARDS)
    clicks.on(page.get_by_role("button", name="Search for cameras"))
    ours = [card(page, address) for address in cameras]
    for one in ours:
        expect(one).to_be_visible(timeout=WAIT_MS)
    seen = [one for one in page.evaluate("window.cards") if any(f"{address} ·" in one["text"] for address in cameras)]
    assert len(seen) == len(cameras)
    assert seen[0]["searching"], "cards come while the search still runs"
    expect(page.get_by_role("status").filter(has_text="cameras found")).to_be_visible()
    expect(page.get_by_role("button", name="Select all")).to_be_visible()
    for one in ours:  # another test's camera may be there too
        expect(one.get_by_text("Needs its password")).to_be_visible()
        clicks.on(one.get_by_role("checkbox"))
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Get 3 pictures").click()
    for one in ours:
        expect(one.get_by_text("Wrong password")).to_be_visible(timeout=WAIT_MS)
    assert page.get_by_label("User name").input_value() == "admin"
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    clicks.on(page.get_by_role("button", name="Get 3 pictures"))
    asked = time.monotonic()
    for address in cameras:
        expect(card(page, address).get_by_alt_text("Test picture of")).to_be_visible(timeout=WAIT_MS)
    shown_s = time.monotonic() - asked
    assert shown_s <= HANG_S
    first = card(page, cameras[0]).get_by_alt_text("Test picture of")
    before = first.get_attribute("src")
    until(lambda: first.get_attribute("src") != before, 60, "another picture")
    until(lambda: first.evaluate("img => img.naturalWidth") == 320, 60, "the test picture's size")
    assert unfit(page, axe_script()) == []
    page.get_by_label(f"Name of the camera at {cameras[0]}").fill("Gate")
    page.get_by_role("button", name="Only around events").click()
    assert unfit(page, axe_script()) == []
    page.get_by_role("button", name="Always").click()
    clicks.on(page.get_by_role("button", name="Add 3 cameras"))
    page.wait_for_url(f"{house.base}/", timeout=WAIT_MS)
    for name in ("Gate", "Northlight NL-1", "Northlight NL-2"):
        expect(page.get_by_role("link", name=re.compile(f"^{re.escape(name)}")).first).to_be_visible(timeout=WAIT_MS)
    assert clicks.count <= 10
    assert time.monotonic() - begun < 90
    ids = ["gate", "northlight-nl-1", "northlight-nl-2"]
    text = (house.folder.parent / "tawny.toml").read_text()
    assert 'record = "events"' not in text
    for made in ids:
        until(lambda made=made: list(house.folder.rglob(f"{made}*/**/*.mp4")), 60, f"a recording of {made}")  # type: ignore[misc]
    assert PASSWORD not in page.content() + text
    page.goto(f"{house.base}/settings/add-camera")
    page.get_by_role("button", name="Search for cameras").click()
    for one in ours:
        expect(one.get_by_text("Already added")).to_be_visible(timeout=WAIT_MS)
    remove_all_but_yard(page, house)
    context.close()


def test_a_wrong_clock_is_set_after_a_confirmation(browser: Browser, house: Tawny, cameras: list[str]) -> None:
    context = context_of(browser, house, 1280)
    page = context.new_page()
    page.goto(f"{house.base}/settings/add-camera")
    page.get_by_role("button", name="Search for cameras").click()
    card(page, cameras[2]).get_by_role("button", name="Details of").click(timeout=WAIT_MS)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("clock is 60 min ahead")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Set its clock").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("NTP")
    assert violations(page, axe_script()) == []
    dialog.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Nothing to change in the camera.")).to_be_visible(timeout=WAIT_MS)
    context.close()


def test_pictures_end_with_the_page(browser: Browser, house: Tawny, cameras: list[str]) -> None:
    context = context_of(browser, house, 1280)
    page = context.new_page()
    page.goto(f"{house.base}/settings/add-camera")
    page.get_by_role("button", name="Search for cameras").click()
    card(page, cameras[1]).get_by_role("checkbox").check(timeout=WAIT_MS)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Get its picture").click()
    expect(card(page, cameras[1]).get_by_alt_text("Test picture of")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("link", name="Health").first.click()
    page.get_by_role("button", name="Leave").click()  # a password is typed, and no camera added
    page.wait_for_url("**/health")
    with pytest.raises(Error), page.expect_request("**/api/v1/camera-previews*", timeout=2_500):
        pass  # they were asked for each second, and end some seconds after the last time
    context.close()


@pytest.mark.parametrize("waits", [False, pytest.param(True, marks=pytest.mark.long)])
def test_an_offline_camera_is_looked_for_and_its_new_address_used(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, *, waits: bool
) -> None:
    """Its owner asks after a minute; nothing is offered before, and the password is not entered again."""
    with cabled_cameras(PASSWORD, 1, "b", CAMERA_PORT="8000") as (name, (address,)):
        links = json.loads(subprocess.check_output(["ip", "-n", name, "-j", "link", "show"], text=True))
        mac = next(one["address"] for one in links if one["link_type"] == "ether")
        old = f"{address.rpartition('.')[0]}.6"
        folder = tmp_path_factory.mktemp("moved")
        secrets = folder / "secrets.toml"
        secrets.touch(0o600)
        secrets.write_text(f'DOOR = "{quote(PASSWORD, safe="")}"\n')
        text = (
            f'[cameras.door]\nsource = "rtsp://admin:${{DOOR}}@{old}:8001/main"\nmac = "{mac}"\nname = "Front door"\n'
        )
        running = with_settings(folder, text + 'detection.detector = "off"\n')
        house = next(running)
        context = context_of(browser, house, 390)
        page = context.new_page()
        page.goto(f"{house.base}/settings/cameras/door/connection")
        look = page.get_by_role("button", name="Look for it")
        expect(look).to_be_visible(timeout=WAIT_MS)
        look.click()
        expect(page.get_by_text("Not found at another address")).to_be_visible(timeout=WAIT_MS)
        offer = page.get_by_text(f"Front door now answers at {address}. Use this address?")
        if not waits:
            context.close()
            running.close()  # type: ignore[attr-defined]
            return
        until(lambda: offline_s(context, house) > 60, 120, "a minute without the camera")
        look.click()
        expect(offer).to_be_visible(timeout=WAIT_MS)
        assert violations(page, axe_script()) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Use this address").click()
        until(lambda: list(house.folder.rglob("*door*/**/*.mp4")), 60, "a recording")
        assert f"@{address}:8001/main" in (folder / "tawny.toml").read_text()
        context.close()
        running.close()  # type: ignore[attr-defined]


def offline_s(context: BrowserContext, house: Tawny) -> float:
    """How long the only camera has been offline; 0: it is not."""
    now = context.request.get(f"{house.base}/api/v1/health").json()
    (camera,) = now["cameras"]
    return (now["now_ms"] - camera["since_ms"]) / 1000 if camera["state"] == "offline" else 0.0


class Clicks:
    """Counts what a person clicks."""

    def __init__(self) -> None:
        self.count = 0

    def on(self, what: Locator) -> None:
        what.click(timeout=WAIT_MS)
        self.count += 1


def card(page: Page, address: str) -> Locator:
    return page.locator(".find-card").filter(has_text=f"{address} ·")


def rename_and_remove(page: Page, house: Tawny, config: Path, camera: str) -> None:
    """A new name makes no gap; a removal is undone, then done with its recordings kept."""
    page.goto(f"{house.base}/settings/cameras/{camera}/general")
    page.get_by_label("Name of the camera").fill("Garden gate")
    page.get_by_label("Group").select_option("Outside")
    page.get_by_role("button", name="Save").click()
    begun = time.monotonic()
    expect(page.get_by_role("heading", level=1)).to_have_text("Garden gate", timeout=WAIT_MS)
    assert time.monotonic() - begun < 20, "a hang, not a measurement"
    expect(page.get_by_text("Who can see it").first).to_be_visible()
    assert violations(page, axe_script()) == []
    page.goto(f"{house.base}/settings/cameras/{camera}/danger")
    expect(page.get_by_role("heading", name="Remove camera")).to_be_visible(timeout=WAIT_MS)
    assert unfit(page, axe_script()) == []
    before = config.read_text()
    for undoes in (True, False):
        page.get_by_role("button", name="Remove camera").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("Keep them")).to_be_checked()
        assert violations(page, axe_script()) == []
        dialog.get_by_role("button", name="Remove camera").click()
        page.wait_for_url("**/settings", timeout=WAIT_MS)
        expect(page.get_by_role("link", name="Garden gate")).to_have_count(0, timeout=WAIT_MS)
        assert f"[removed_cameras.{camera}]" in config.read_text()
        if undoes:
            page.get_by_role("button", name="Undo").click()
            expect(page.get_by_text("is back with its settings")).to_be_visible(timeout=WAIT_MS)
            assert config.read_text() == before
            page.goto(f"{house.base}/settings/cameras/{camera}/danger")
    secrets = config.parent / "secrets.toml"
    until(lambda: "CAMERA_FRONT_DOOR" not in secrets.read_text(), 60, "the end of what an undo needs")
    assert list(house.folder.rglob(f"*{camera}*/**/*.mp4")), "what was recorded stays"
    page.goto(f"{house.base}/timeline")
    expect(page.get_by_text("Garden gate (removed)").first).to_be_visible(timeout=WAIT_MS)


def remove_all_but_yard(page: Page, house: Tawny) -> None:
    """With their recordings, which the signed history explains; the bytes are gone half a minute later."""
    text = (house.folder.parent / "tawny.toml").read_text()
    removed = [one for one in re.findall(r"\[cameras\.([a-z0-9-]+)\]", text) if one != "yard"]
    for camera in removed:
        page.goto(f"{house.base}/settings/cameras/{camera}/danger")
        page.get_by_role("button", name="Remove camera").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Delete them now").check()
        dialog.get_by_role("button", name="Remove camera").click()
        page.wait_for_url("**/settings", timeout=WAIT_MS)
    for camera in removed:
        folder = house.folder / camera
        until(lambda folder=folder: not list(folder.rglob("*.mp4")), 90, f"an empty {camera}")  # type: ignore[misc]
