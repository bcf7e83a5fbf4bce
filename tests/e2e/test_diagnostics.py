"""An owner checks the computer in the browser and saves diagnostics: with what was listed, without what is private."""

import io
import json
import re
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tawny.cli.main import main
from tests.e2e.conftest import Tawny, context_of, with_settings
from tests.e2e.rules import axe_script, unfit

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
SETTINGS = """
[modes]
location = [52.517, 13.388]

[notifiers.grandmas-phone]
url = "ntfy://127.0.0.1:9/smithtopic?token=${NTFY}&tls=no"

[cameras.nursery]
source = "rtsp://viewer:${CAMERA}@127.0.0.2:9/secretpath"
name = "Emma's room"

[cameras.yard]
source = "demo:garden"
detection.detector = "off"
"""
PLANTED = (
    "52.517", "grandma", "smithtopic", "tk_ntfytoken", "viewer", "k4mera", "secretpath", "nursery", "Emma", "yard",
    "Anna", "127.0.0.2:9",
)  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    folder = tmp_path_factory.mktemp("diagnostics")
    secrets = folder / "secrets.toml"
    secrets.write_text('NTFY = "tk_ntfytoken0815"\nCAMERA = "k4merapassw0rd"\n')
    secrets.chmod(0o600)
    yield from with_settings(folder, SETTINGS)


def test_y6_n28_owner_checks_and_saves(browser: Browser, house: Tawny, tmp_path: Path) -> None:
    context = context_of(browser, house, 390)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{house.base}/settings")
    page.locator("main").get_by_role("link", name="System").click()
    expect(page.get_by_text("Check this computer first")).to_be_visible()
    assert not [one for one in asked if "/diagnostics" in one], "nothing is checked before somebody asks"
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("link", name="Save archive")).to_be_visible(timeout=WAIT_MS)
    page.get_by_text("Everything that was checked").click()
    expect(page.get_by_text("H.264, H.265, AAC and JPEG can be decoded.")).to_be_visible()
    listed = page.locator(".system-files > li > code").all_inner_texts()
    assert {"README.txt", "doctor.txt", "settings.json", "health.json", "cameras/camera-1.txt"} <= set(listed)
    assert unfit(page, axe_script()) == []
    with page.expect_download() as begun:
        page.get_by_role("link", name="Save archive").click()
    assert re.fullmatch(r"tawny-diagnostics-.+\.zip", begun.value.suggested_filename)
    begun.value.save_as(tmp_path / "saved.zip")
    assert_private((tmp_path / "saved.zip").read_bytes(), listed)
    context.close()


def is_narrow_enough(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def assert_private(data: bytes, listed: list[str]) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        texts = [archive.read(name).decode().lower() for name in names]
    assert [name.removeprefix("tawny-diagnostics/") for name in names] == listed
    for planted in (*PLANTED, socket.gethostname()):
        for name, text in zip(names, texts, strict=True):
            assert planted.lower() not in f"{name}\n{text}", (planted, name)


def test_command_saves_what_the_running_recorder_knows(
    house: Tawny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, target = house.folder.parent / "tawny.toml", tmp_path / "out.zip"
    words = ["doctor", "--json", "--config", str(config), "--data", str(house.folder), "--bundle", str(target)]
    assert main(words) in (0, 1)
    data = json.loads(capsys.readouterr().out)
    listed = [one["name"] for one in data["bundle"]["files"]]
    assert "health.json" in listed
    assert_private(target.read_bytes(), listed)
