"""Masks burned into recordings, by the page: the cost first, then nothing else sees the area again."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
CAMERA = """
[cameras.front]
source = "demo:front"
demo.small = true
privacy_masks = [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]
"""
DARK = 40


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("burned"), CAMERA)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    yield context
    context.close()


def stored_halves(folder: Path) -> tuple[int, int]:
    """Return the brightest pixels of the left and the right half of the newest stored file's last frame."""
    newest = max(folder.glob("front/**/*.main*.mp4"), key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        return 255, 255
    try:
        with av.open(io.BytesIO(newest.read_bytes()), "r") as film:
            luma: Any = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)][-1]
    except (av.FFmpegError, IndexError):  # just begun
        return 255, 255
    middle = luma.shape[1] // 2
    return int(np.max(luma[:, : middle - 8])), int(np.max(luma[:, middle + 8 :]))


def test_the_cost_is_measured_first_and_then_files_hold_nothing_of_it(owner: BrowserContext, house: Tawny) -> None:
    page: Page = owner.new_page()
    page.goto(f"{house.base}/settings/cameras/front/picture")
    switch = page.get_by_role("switch", name="Burn privacy masks into recordings")
    expect(switch).to_have_attribute("aria-checked", "false")
    until(lambda: stored_halves(house.folder)[0] > DARK, 60, "the recording shows the area")
    switch.click()
    expect(page.get_by_text("of one processor core")).to_be_visible()
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Turn on").click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert "burn_in_masks = true" in (house.folder.parent / "tawny.toml").read_text()
    until(lambda: stored_halves(house.folder)[0] < DARK < stored_halves(house.folder)[1], 60, "the area is black")
    page.close()
