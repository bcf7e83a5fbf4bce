"""The sheet beside a clip: it is about that very file."""

import hashlib

import httpx
import pytest

from tawny.api.auth.accounts import Role
from tawny.model.geometry import Polygon
from tawny.model.segments import Gap, GapReason
from tests.api.fakes import House
from tests.playback.archives import PORCH


@pytest.fixture
def browser(house: House) -> httpx.AsyncClient:
    return house.signed_in(Role.VIEWER)


async def both(house: House, browser: httpx.AsyncClient, more: str = "") -> tuple[httpx.Response, httpx.Response]:
    """The clip, and its sheet."""
    start_ms = house.clock.now_ms() - 60_000
    house.recorder.record(start_ms, audio="aac")
    house.recorder.index.put_gap(Gap(PORCH, start_ms + 4_000, start_ms + 9_000, GapReason.WIFI))
    asked = f"camera=porch&from_ms={start_ms}&to_ms={start_ms + 6_000}{more}"
    return await browser.get(f"/api/v1/clip?{asked}"), await browser.get(f"/api/v1/clip/sheet?{asked}")


async def test_the_sheet_has_the_hash_the_times_and_what_is_missing(house: House, browser: httpx.AsyncClient) -> None:
    clip, sheet = await both(house, browser)
    assert sheet.headers["content-type"] == "text/plain; charset=utf-8"
    assert ".txt" in sheet.headers["content-disposition"]
    assert hashlib.sha256(clip.content).hexdigest() in sheet.text
    assert f"{len(clip.content)} bytes" in sheet.text
    assert "Front door (porch)" in sheet.text
    assert "Wi-Fi lost" in sheet.text
    assert "not re-encoded" in sheet.text


async def test_of_a_silent_or_covered_clip_it_is_another(house: House, browser: httpx.AsyncClient) -> None:
    clip, sheet = await both(house, browser, "&sound=false")
    assert hashlib.sha256(clip.content).hexdigest() in sheet.text
    assert b"mp4a" not in clip.content
    house.recorder.hidden = (Polygon.of([(0, 0), (0.5, 0), (0.5, 1)]),)
    covered, sheet = await both(house, browser, "&sound=false")
    assert covered.content != clip.content
    assert hashlib.sha256(covered.content).hexdigest() in sheet.text
    assert "privacy masks are blacked out" in sheet.text
