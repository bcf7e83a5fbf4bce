"""Ropey-Cam's figures, REC and time on the picture: live, in the past, in exports, and for programs."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tawny.cli.main import main
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, browser, owner_of, pages_closed, until_recorded, with_settings
from tests.e2e.rules import axe_script, violations
from tests.playback.test_stamps import read

__all__ = ["browser", "pages_closed"]

FPS = 10
TITLE = "Yard <b>1</b>"
PATCH = "[0][1]overlay=x='mod(t*80,600)':y=200:enable='between(t,3,7)'"
SETTINGS = """
[cameras.yard]
name = "{title}"
source = "{clip}"
pre = "2 s"
post = "3 s"
[cameras.yard.file]
loop = true
[cameras.yard.detection]
detector = "framediff"
"""
FIGURES = re.compile(r"\d{6}/000400")


@dataclass(frozen=True)
class Yard:
    running: Tawny
    window: BrowserContext

    def page(self, path: str) -> Page:
        page = self.window.new_page()
        page.goto(f"{self.running.base}{path}")
        return page

    def get(self, path: str) -> httpx.Response:
        cookies = {one["name"]: one["value"] for one in self.window.cookies()}
        return httpx.get(f"{self.running.base}/api/v1{path}", cookies=cookies, timeout=20)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Yard]:
    home = tmp_path_factory.mktemp("ropey")
    clip = home / "patch.mp4"
    colours = [f"color=c=gray:s=640x360:r={FPS}:d=10", f"color=c=white:s=40x40:r={FPS}:d=10"]
    inputs = [word for one in colours for word in ("-f", "lavfi", "-i", one)]
    encoded = ["-filter_complex", PATCH, "-c:v", "libx264", "-g", str(FPS), "-bf", "0", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *encoded, str(clip)], check=True, timeout=60)
    for running in with_settings(home, SETTINGS.format(clip=clip, title=TITLE)):
        window = owner_of(browser, running, 1280)
        page = window.new_page()
        page.goto(f"{running.base}/")
        until_recorded(page, running, 15)
        page.close()
        yield Yard(running, window)
        window.close()


def shown(page: Page) -> tuple[int, str, str, bool]:
    """Time, first line, figures and REC of what is drawn over the picture."""
    found: Any = page.evaluate(
        """() => {
          const node = document.querySelector("[data-figures]");
          const text = name => node?.querySelector(name)?.textContent ?? "";
          return [Number(node?.dataset.atMs ?? 0), text("[data-time]"), text("[data-score]"), node?.dataset.rec];
        }"""
    )
    return found[0], found[1], found[2], found[3] == "true"


@pytest.fixture(scope="module")
def live(yard: Yard) -> Iterator[Page]:
    page = yard.page("/live/yard")
    page.wait_for_selector("[data-view=playing]", timeout=30_000)
    assert page.locator("[data-figures]").count() == 0
    page.click("[data-act=figures]")
    page.wait_for_selector("[data-figures]:not([hidden])", timeout=10_000)
    yield page
    page.close()


def test_rp4_live_figures_change_with_the_picture(live: Page) -> None:
    seen = list[tuple[int, str, str, bool]]()

    def is_over() -> bool:
        seen.append(shown(live))
        return any(int(one[2][:6] or 0) > 400 for one in seen) and len({one[0] for one in seen}) > 20

    until(is_over, 60, f"a number above 400 in {seen[-3:]}")
    figures = [one[2] for one in seen if one[2]]
    assert all(FIGURES.fullmatch(one) for one in figures), figures
    numbers = {one[2] for one in seen if int(one[2][:6] or 0) > 400}
    assert numbers


def test_rp4_the_figures_are_those_of_the_detector(yard: Yard, live: Page) -> None:
    at_ms = int(live.evaluate("Date.now()"))
    stored = yard.get(f"/cameras/yard/figures?from_ms={at_ms - 15_000}&to_ms={at_ms}").json()
    assert {one["level"] for one in stored["items"]} == {400}
    assert max(one["number"] for one in stored["items"]) > 400


def test_rp5_rec_is_shown_from_the_clips_first_to_its_last_second(yard: Yard, live: Page) -> None:
    until(lambda: not shown(live)[3], 60, "no clip")
    until(lambda: shown(live)[3], 60, "a clip")
    begun_ms = shown(live)[0]
    until(lambda: not shown(live)[3], 60, "its end")
    over_ms = shown(live)[0]
    now_ms = int(live.evaluate("Date.now()"))
    clips = yard.get(f"/cameras/yard/figures?from_ms={now_ms - 60_000}&to_ms={now_ms}").json()["clips"]
    ends = [abs(end - over_ms) for _, end in clips]
    assert min(ends) < 700, (over_ms, clips)
    assert any(begin <= begun_ms <= end for begin, end in clips)


@pytest.mark.usefixtures("live")  # which shows them
def test_rp6_the_past_shows_each_frames_own_time(yard: Yard) -> None:
    """The choice is remembered, and single steps go by the recording's."""
    now_ms = yard.get("/timeline?from_ms=0&to_ms=1").json()["now_ms"]
    page = yard.page(f"/timeline?cam=yard&t={(now_ms - 9000) / 1000:.2f}")
    page.wait_for_selector("[data-figures]:not([hidden])", timeout=30_000)
    until(lambda: page.evaluate("document.querySelector('[data-showing]')?.dataset.showing") == "video", 60, "video")
    if page.locator("[data-playing=true]").count():
        page.keyboard.press("Space")
        page.locator("[data-playing=true]").wait_for(state="detached")
    begun_ms = shown(page)[0]
    page.keyboard.press(".")
    until(lambda: shown(page)[0] > begun_ms, 60, "the first step")  # or two would count as one
    until(lambda: shown(page)[2], 60, "figures")
    times = list[int]()
    for _ in range(5):
        before = shown(page)[0]
        page.keyboard.press(".")
        until(lambda before=before: shown(page)[0] > before, 60, "the next frame")  # type: ignore[misc]
        at_ms, text, figures, _ = shown(page)
        assert text.startswith(f"{TITLE}  20"), text
        assert text.endswith(f"{at_ms % 1000:03d}"), (text, at_ms)
        assert FIGURES.fullmatch(figures)
        times.append(at_ms)
    assert all(abs(later - earlier - 1000 / FPS) <= 2 for earlier, later in pairwise(times)), times
    page.close()


def test_rp6_an_export_has_title_time_and_figures(
    yard: Yard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = yard.running.folder, tmp_path / "stamped.mp4"
    words = ["export", "--data", str(folder), "--config", str(folder.parent / "tawny.toml"), "--camera", "yard"]

    def is_made() -> bool:
        out.unlink(missing_ok=True)
        return main([*words, "--from", "5 min ago", "--to", "now", "-o", str(out), "--stamp", "--json"]) == 0

    until(is_made, 90, "a closed recording")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["stamped"] is True
    with av.open(str(out), "r") as file:
        frames = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
    texts = [read(luma) for luma in frames]
    assert all(text.startswith(f"{TITLE}  20") for text in texts), texts[:3]
    numbers = {read(luma, 1) for luma in frames}
    assert all(FIGURES.fullmatch(one) for one in numbers), numbers
    assert max(int(one[:6]) for one in numbers) > 400


def test_rp6_a_clip_made_in_the_browser_is_stamped_on_request(yard: Yard, tmp_path: Path) -> None:
    now_ms = yard.get("/timeline?from_ms=0&to_ms=1").json()["now_ms"]
    page = yard.page(f"/timeline?cam=yard&t={(now_ms - 12_000) / 1000:.2f}")
    page.wait_for_selector("[data-showing=video]", timeout=30_000)
    page.keyboard.press("Space")
    page.keyboard.press("]")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("[")
    page.keyboard.press("e")
    page.get_by_label("Burn in time, figures and boxes").check()
    page.get_by_role("button", name="Create").click()
    until(lambda: [one["state"] for one in yard.get("/clips").json()["items"]] == ["done"], 60, "the clip")
    (made,) = yard.get("/clips").json()["items"]
    cookies = {one["name"]: one["value"] for one in yard.window.cookies()}
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(httpx.get(f"{yard.running.base}{made['file']}", cookies=cookies, timeout=20).content)
    with av.open(str(clip), "r") as file:
        assert read(next(file.decode(video=0)).to_ndarray(format="gray")).startswith(f"{TITLE}  20")
    page.close()


def test_sc31_a_snapshot_has_the_clock_on_request(yard: Yard) -> None:
    image = first_jpeg(yard, "/cameras/yard/snapshot?stamp=true&width=640")
    assert re.fullmatch(rf"{TITLE}  \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{{3}} [+-]\d{{4}}", read(image))
    assert FIGURES.fullmatch(read(image, 1))


def test_pk3_motion_jpeg_has_the_clock_and_detection_does_not_see_it(yard: Yard) -> None:
    assert read(first_jpeg(yard, "/cameras/yard/mjpeg?stamp=true")).startswith(f"{TITLE}  20")
    plain = first_jpeg(yard, "/cameras/yard/mjpeg")
    assert read(plain) == "", "what is recorded and detected has no clock"


def first_jpeg(yard: Yard, path: str) -> Any:
    """The first image of an answer, in shades of gray."""
    cookies = {one["name"]: one["value"] for one in yard.window.cookies()}
    data = b""
    with httpx.stream("GET", f"{yard.running.base}/api/v1{path}", cookies=cookies, timeout=30) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_bytes():
            data += piece
            if b"\xff\xd9" in data:
                break
    whole = data[data.index(b"\xff\xd8") : data.index(b"\xff\xd9") + 2]
    return cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_rp7_a_title_is_shown_literally(yard: Yard, live: Page) -> None:
    assert live.title().startswith(TITLE)
    assert live.locator("h1").inner_text() == TITLE
    assert shown(live)[1].startswith(f"{TITLE}  20")


def test_rp4_the_switch_is_for_everyone(live: Page) -> None:
    """With a screen reader, and on a phone: nothing is wider than the screen."""
    assert violations(live, axe_script()) == []
    assert live.get_by_role("button", name="Hide figures").get_attribute("aria-pressed") == "true"
    live.set_viewport_size({"width": 390, "height": 844})
    assert live.get_by_role("button", name="Figures", exact=True).get_attribute("aria-pressed") == "true"
    assert live.evaluate("document.documentElement.scrollWidth") == 390
    live.set_viewport_size({"width": 1280, "height": 900})


def test_sc28_boxes_are_drawn_live_and_in_the_past(yard: Yard, live: Page) -> None:
    def boxes(page: Page) -> list[str]:
        return page.locator("[data-figures] svg text").all_text_contents()

    until(lambda: any(re.fullmatch(r"Motion \d+", one) for one in boxes(live)), 60, "a box, live")
    now_ms = int(live.evaluate("Date.now()"))
    stored = yard.get(f"/cameras/yard/figures?from_ms={now_ms - 20_000}&to_ms={now_ms - 3_000}").json()["items"]
    at_ms = next(one["at_ms"] for one in stored if one["things"])
    page = yard.page(f"/timeline?cam=yard&t={(at_ms + 100) / 1000:.2f}")
    page.wait_for_selector("[data-figures]:not([hidden])", timeout=30_000)
    until(lambda: boxes(page), 60, "a box, in the past")
    page.close()
