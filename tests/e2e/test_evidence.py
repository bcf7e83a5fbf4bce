"""Evidence from the browser to a stranger: asked for on the timeline, downloaded, verified where no recorder is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Page, expect

from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR, one_camera, rig
from tests.e2e.conftest import owner_of, with_settings

pytestmark = pytest.mark.browser
PROGRAM = Path(__file__).parents[2] / "docs" / "verify.py"
WAIT_MS = 120_000


def recorded(folder: Path, source: str) -> Segment:
    """In an earlier life of the recorder, which stated it as it ended."""
    with rig(one_camera(source), folder) as made:
        made.wait_for_seconds(3, DOOR)
    with rig(one_camera(source), folder) as made:
        return made.running.index.segments(DOOR, None, Span(0, 1 << 45))[0]


def asked_for(page: Page, base: str, segment: Segment) -> Path:
    """What the browser saves: the ZIP file of the evidence of that recording."""
    page.goto(f"{base}/timeline?cam=door&t={(segment.end_ms - 300) / 1000:.2f}&span=600")
    expect(page.locator('.pl.large[data-showing="video"]')).to_be_visible(timeout=WAIT_MS)
    page.keyboard.press("]")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("[")
    page.keyboard.press("e")
    sheet = page.get_by_role("dialog", name="Save a clip")
    sheet.get_by_role("button", name="Evidence", exact=True).click(timeout=WAIT_MS)
    sheet.get_by_role("button", name=re.compile("^Create$|Save in tawny")).click()
    row = page.locator(".saved-clip", has_text="Evidence")
    expect(row).to_have_attribute("data-state", "done", timeout=WAIT_MS)
    with page.expect_download() as saved:
        row.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename.endswith(".zip")
    return saved.value.path()


def verified(folder: Path, *words: str) -> tuple[int, str]:
    """By a program that is run where nothing of the recorder is."""
    ended = subprocess.run(words, cwd=folder, env={"HOME": str(folder)}, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_a_stranger_verifies_what_the_browser_saved(browser: Browser, tmp_path: Path) -> None:
    source = str(clip_file(ClipSpec(seconds=30)))
    segment = recorded(tmp_path / "house" / "data", source)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    for house in with_settings(
        tmp_path / "house", f'[cameras.door]\nsource = "{source}"\ndetection.detector = "off"\n'
    ):
        context = owner_of(browser, house, 1440)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        with ZipFile(asked_for(page, house.base, segment)) as packed:
            packed.extractall(stranger)
        fingerprint = page.request.get(f"{house.base}/api/v1/sealed").json()["fingerprint"]
        context.close()
    shutil.rmtree(tmp_path / "house")
    (proof,) = (path.parent.relative_to(stranger) for path in stranger.rglob("manifest.json"))
    tawny = str(Path(sys.executable).with_name("tawny"))
    ways = (
        (tawny, "verify", str(proof), "--recorder", fingerprint),
        (sys.executable, str(PROGRAM), str(proof), fingerprint),
    )
    for way in ways:
        assert verified(stranger, *way)[0] == 0, verified(stranger, *way)
    another = fingerprint[:-1] + ("0" if fingerprint[-1] != "0" else "1")
    assert verified(stranger, tawny, "verify", str(proof), "--recorder", another)[0] != 0, "it is of this recorder"
    film = stranger / proof / "000.mp4"
    data = bytearray(film.read_bytes())
    data[len(data) // 2] ^= 1
    film.write_bytes(data)
    for way in ways:
        code, answer = verified(stranger, *way)
        assert code != 0
        assert "000.mp4" in answer
