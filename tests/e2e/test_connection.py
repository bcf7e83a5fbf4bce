"""An owner mends a camera's password on its page: tried against the camera, in force without a restart."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(user="anna", password="new one", login="md5")) as made:
        yield made


@pytest.fixture(scope="module")
def house(camera: RtspCamera, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    source = f"rtsp://anna:old@127.0.0.1:{camera.port}/stream"
    text = f'[cameras.door]\nsource = "{source}"\ndetection.detector = "off"\n'
    yield from with_settings(tmp_path_factory.mktemp("connection"), text)


@pytest.fixture(scope="module")
def page(browser: Browser, house: Tawny) -> Iterator[Page]:
    context = owner_of(browser, house, 1280)
    made = context.new_page()
    made.goto(f"{house.base}/settings/cameras/door/connection")
    yield made
    context.close()


def save(page: Page, password: str) -> None:
    page.get_by_label("New password").fill(password)
    page.get_by_role("button", name="Test and save").click()


def test_a_wrong_password_changes_nothing(page: Page, house: Tawny) -> None:
    settings = (house.folder.parent / "tawny.toml").read_text()
    expect(page.get_by_role("button", name="Test and save")).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    save(page, "a wrong one")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed", timeout=WAIT_MS)
    assert (house.folder.parent / "tawny.toml").read_text() == settings


def test_the_right_one_holds_at_once_and_is_never_shown(page: Page, house: Tawny) -> None:
    save(page, "new one")
    expect(page.get_by_text("Saved. The camera sends H264")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_label("New password")).to_have_value("")
    assert "new one" not in page.content()
    text = (house.folder.parent / "tawny.toml").read_text()
    assert "anna:${CAMERA_DOOR}@" in text

    def records() -> bool:
        return bool(page.request.get(f"{house.base}/api/v1/health").json()["working"] == 1)

    until(records, 60, "it is recorded with the new password")
