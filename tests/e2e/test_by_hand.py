"""A camera is turned, and what hangs on it switched, from its page, by those who may. It speaks ONVIF, on loopback."""

import tomllib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations
from tests.sources.onvif.fake_camera import FakeCamera, served

pytestmark = pytest.mark.browser
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def camera() -> Iterator[FakeCamera]:
    with served(FakeCamera(relays=("relay-1", "Siren_0"))) as made:
        yield made


@pytest.fixture(scope="module")
def silent() -> Iterator[RtspCamera]:
    """It sends a picture, and can nothing else."""
    with RtspCamera(made_clip(ClipSpec())) as made:
        yield made


@pytest.fixture(scope="module")
def house(camera: FakeCamera, silent: RtspCamera, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    text = (
        f'[cameras.yard]\nsource = "demo:garden"\nonvif = "{camera.url}"\ndetection.detector = "off"\n'
        f'[cameras.shed]\nsource = "rtsp://127.0.0.1:{silent.port}/stream"\ndetection.detector = "off"\n'
        '[relays.lamp]\ncamera = "yard"\n[relays.gate]\ncamera = "yard"\npulse = "0.3 s"\n'
    )
    yield from with_settings(tmp_path_factory.mktemp("hands"), text)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny, camera: FakeCamera) -> Iterator[Page]:
    made = owner.new_page()
    made.goto(f"{house.base}/live/yard")
    expect(made.get_by_role("button", name="Move", exact=True)).to_be_visible(timeout=WAIT_MS)
    camera.told.clear()
    yield made
    made.close()


def wait_for(camera: FakeCamera, name: str, **values: str) -> None:
    """Until the camera was told this."""
    data = {key.replace("_", "."): value for key, value in values.items()}
    until(
        lambda: any(text == name and data.items() <= about.items() for text, about in list(camera.told)),
        30,
        f"{name} {data} (was told: {camera.told})",
    )


def test_a_camera_that_cannot_has_no_such_section(page: Page, owner: BrowserContext, house: Tawny) -> None:
    """Nothing is shown switched off: no pan and tilt, no relays, no speaker, no sound."""
    assert page.get_by_role("link", name="Live").first.is_visible()
    plain = owner.new_page()
    plain.goto(f"{house.base}/live/shed")
    plain.wait_for_selector('[data-view="playing"]', timeout=WAIT_MS)
    asked = owner.request.get(f"{house.base}/api/v1/cameras/shed/controls").json()
    assert (asked["turns"], asked["relays"]) == (False, [])
    for name in ("Move", "Devices", "Hold to talk", "Talk"):
        expect(plain.get_by_role("button", name=name, exact=True)).to_have_count(0)
    plain.goto(f"{house.base}/settings/cameras/shed/general")
    tabs = plain.get_by_role("navigation", name="Camera settings")
    expect(tabs.get_by_role("link", name="General")).to_be_visible(timeout=WAIT_MS)
    assert tabs.get_by_role("link").all_inner_texts() == [
        "General", "Recording", "Image", "Motion", "Connection", "Danger zone",
    ]  # fmt: skip
    plain.close()


def test_it_turns_while_a_button_is_held(page: Page, camera: FakeCamera) -> None:
    page.get_by_role("button", name="Move", exact=True).click()
    button = page.get_by_role("button", name="Pan right")
    assert violations(page, axe_script()) == []
    button.hover()
    page.mouse.down()
    wait_for(camera, "ContinuousMove", PanTilt_x="0.5", PanTilt_y="0")
    page.mouse.up()
    wait_for(camera, "Stop")


def test_arrow_keys_turn_it_while_the_buttons_are_shown(page: Page, house: Tawny, camera: FakeCamera) -> None:
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("button", name="Tilt down")).to_be_visible(timeout=WAIT_MS)
    page.keyboard.down("ArrowDown")
    wait_for(camera, "ContinuousMove", PanTilt_x="0", PanTilt_y="-0.5")
    page.keyboard.up("ArrowDown")
    wait_for(camera, "Stop")
    assert page.url == f"{house.base}/live/yard"


def test_it_goes_to_a_stored_place(page: Page, camera: FakeCamera) -> None:
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_role("button", name="Door", exact=True).click()
    wait_for(camera, "GotoPreset", PresetToken="2")
    expect(page.get_by_text("yard is moving to Door.")).to_be_visible()


def test_a_position_is_saved_as_a_preset_and_removed(page: Page, camera: FakeCamera) -> None:
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_role("button", name="Save preset…").click()
    page.get_by_role("textbox", name="Name of the preset").fill("Door")
    expect(page.get_by_role("button", name="Replace")).to_be_visible()
    page.get_by_role("textbox", name="Name of the preset").press("Escape")
    page.get_by_role("button", name="Save preset…").click()
    page.get_by_role("textbox", name="Name of the preset").fill("Pond")
    page.get_by_role("button", name="Save", exact=True).click()
    wait_for(camera, "SetPreset", PresetName="Pond")
    presets = page.get_by_role("group", name="Presets")
    expect(presets.get_by_role("button", name="Pond", exact=True)).to_be_visible()
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Remove presets").click()
    presets.get_by_title("Remove Pond").click()
    expect(presets.get_by_role("button", name="Remove Pond?")).to_be_visible()
    assert not [name for name, _ in camera.told if name == "RemovePreset"]
    presets.get_by_title("Remove Pond").click()
    wait_for(camera, "RemovePreset", PresetToken="new-2")
    expect(presets.get_by_text("Pond")).to_have_count(0)
    page.get_by_role("button", name="Home position").click()
    wait_for(camera, "GotoHomePosition")


def test_outputs_that_the_camera_reports_are_devices(page: Page, house: Tawny, camera: FakeCamera) -> None:
    """They need no settings: the camera is asked. One that the settings name isn't listed twice."""
    page.get_by_role("button", name="Devices", exact=True).click()
    siren = page.get_by_role("group", name="Siren")
    siren.get_by_role("button", name="On", exact=True).click()
    wait_for(camera, "SetRelayOutputState", RelayOutputToken="Siren_0", LogicalState="active")
    siren.get_by_role("button", name="Off", exact=True).click()
    wait_for(camera, "SetRelayOutputState", RelayOutputToken="Siren_0", LogicalState="inactive")
    asked = page.request.get(f"{house.base}/api/v1/cameras/yard/controls").json()["relays"]
    assert [one["name"] for one in asked] == ["lamp", "gate", "yard/Siren_0"]


def test_what_it_does_while_no_one_moves_it_is_set_on_its_page(
    page: Page, owner: BrowserContext, house: Tawny, camera: FakeCamera
) -> None:
    page.goto(f"{house.base}/settings/cameras/yard/general")
    page.get_by_role("textbox", name="Name of the camera").fill("Half typed")
    page.get_by_role("link", name="Pan and tilt").click()
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    dialog.get_by_role("button", name="Leave").click()
    kinds = page.get_by_role("group", name="Afterwards")
    expect(kinds.get_by_role("button", name="Stay")).to_have_attribute("aria-pressed", "true")
    kinds.get_by_role("button", name="Go back").click()
    page.get_by_role("combobox", name="Preset").select_option(label="Door")
    page.get_by_role("combobox", name="Back after").select_option(label="5 min")
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    file = house.folder.parent / "tawny.toml"
    written = tomllib.loads(file.read_text())["cameras"]["yard"]["ptz"]
    assert written == {"return_to": "Door", "return_after": "5 min"}

    kinds.get_by_role("button", name="Patrol").click()
    for preset in ("Door", "Gate"):
        page.get_by_role("button", name=f"Add {preset}").click()
    page.get_by_role("button", name="Move Gate forward").click()
    page.get_by_role("combobox", name="Time at each preset").select_option(label="1 min")
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    written = tomllib.loads(file.read_text())["cameras"]["yard"]["ptz"]
    assert written == {"return_after": "5 min", "patrol": ["Gate", "Door"], "dwell": "1 min"}
    kinds.get_by_role("button", name="Stay").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.get_by_role("button", name="Set current position as home").click()
    wait_for(camera, "SetHomePosition")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_another_person_waits_while_one_steers(
    page: Page, browser: Browser, owner: BrowserContext, house: Tawny, camera: FakeCamera
) -> None:
    sent = {**OURS, "Origin": house.base}
    made = owner.request.post(f"{house.base}/api/v1/people", data={"name": "Ben", "role": "member"}, headers=sent)
    context = browser.new_context()
    theirs = context.new_page()
    theirs.goto(house.base + made.json()["link"])
    theirs.wait_for_selector("[data-camera]", timeout=WAIT_MS)
    move = {"command": "ptz", "camera": "yard", "pan": 0.5, "for": 0.2}
    assert owner.request.post(f"{house.base}/api/v1/orders", data=move, headers=sent).ok
    refused = context.request.post(f"{house.base}/api/v1/orders", data=move, headers=sent)
    assert (refused.status, refused.json()["message"]) == (409, "Anna is steering this camera.")
    controls = context.request.get(f"{house.base}/api/v1/cameras/yard/controls").json()
    assert controls["steered_by"] == "Anna"
    until(lambda: context.request.post(f"{house.base}/api/v1/orders", data=move, headers=sent).ok, 60, "its turn")
    context.close()


def test_what_hangs_on_it_is_switched(page: Page, camera: FakeCamera) -> None:
    page.get_by_role("button", name="Devices", exact=True).click()
    lamp = page.get_by_role("group", name="Lamp")
    lamp.get_by_role("button", name="On", exact=True).click()
    wait_for(camera, "SetRelayOutputState", LogicalState="active")
    lamp.get_by_role("button", name="Off", exact=True).click()
    wait_for(camera, "SetRelayOutputState", LogicalState="inactive")
    camera.told.clear()
    page.get_by_role("button", name="Gate", exact=True).last.click()
    wait_for(camera, "SetRelayOutputState", LogicalState="active")
    wait_for(camera, "SetRelayOutputState", LogicalState="inactive")


def test_who_may_only_look_is_shown_none_of_it(page: Page, browser: Browser, house: Tawny, camera: FakeCamera) -> None:
    for role, may in (("member", True), ("viewer", False)):
        asked = {"name": role, "role": role}
        sent = {**OURS, "Origin": house.base}
        made = page.request.post(f"{house.base}/api/v1/people", data=asked, headers=sent)
        context = browser.new_context(viewport={"width": 390, "height": 844})
        theirs = context.new_page()
        theirs.goto(house.base + made.json()["link"])
        theirs.wait_for_selector("[data-camera]", timeout=WAIT_MS)
        theirs.goto(f"{house.base}/live/yard")
        theirs.wait_for_selector("[data-view=playing]", timeout=WAIT_MS)
        answer = context.request.get(f"{house.base}/api/v1/cameras/yard/controls")
        assert answer.status == (200 if may else 403)
        expect(theirs.get_by_role("button", name="Move", exact=True)).to_have_count(1 if may else 0)
        move = {"command": "ptz", "camera": "yard", "pan": 0.5, "for": 0.2}
        expected = {200} if may else {403}  # 409 while another person steers

        def answers(context: BrowserContext = context, move: object = move, expected: set[int] = expected) -> bool:
            headers = {**OURS, "Origin": house.base}
            return context.request.post(f"{house.base}/api/v1/orders", data=move, headers=headers).status in expected

        until(answers, 60, "its turn")
        context.close()
