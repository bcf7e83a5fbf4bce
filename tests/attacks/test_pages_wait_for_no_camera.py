"""Pages while a camera does not answer, or answers with what is made to be searched for ever."""

import asyncio
import resource
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from tawny.delivery.scripts import ScriptRunner
from tawny.engine.blocking_calls import MAX_AT_ONCE, MAX_WAITING, BlockingCalls
from tawny.model.errors import NotDone
from tawny.model.times import SystemClock
from tawny.service.integrations.device_control import DeviceControl
from tests.api.fakes import House, make_house
from tests.app.rig import settings
from tests.attacks.hostile_onvif import HostileCamera, hostile, nested, response
from tests.playback.archives import PORCH

VIEWS, MOST_PAGE_S, MOST_GROWTH_BYTES = 12, 3.0, 50_000_000
CAMERAS = {
    "nested": HostileCamera(response(nested(360_000)) * 2, is_endless=True),
    "silent": HostileCamera(is_silent=True),
    "slow": HostileCamera(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50, byte_pause_s=0.05),
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return make_house(tmp_path)


def device_control(camera: HostileCamera) -> DeviceControl:
    chosen = settings(f'[cameras.{PORCH}]\nsource = "demo:"\nonvif = "{camera.url}"\n')
    return DeviceControl(lambda: chosen, ScriptRunner(None, 1, SystemClock()), SystemClock())


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("kind", CAMERAS)
async def test_twelve_views_of_a_hostile_camera_delay_no_page(
    house: House, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They once took all threads of the pages: every page timed out."""
    monkeypatch.setattr("tawny.sources.onvif.OPERATION_S", 4.0)
    with hostile(CAMERAS[kind]) as camera:
        house.site.orders = Mock(controls=device_control(camera).controls)
        browser = house.signed_in()
        (await browser.get("/api/v1/health")).raise_for_status()
        before = resident_bytes()
        views = [asyncio.create_task(browser.get(f"/api/v1/cameras/{PORCH}/controls")) for _ in range(VIEWS)]
        await asyncio.sleep(0.2)
        for path in ("/api/v1/health", "/api/v1/cameras", "/api/v1/events") * 3:
            begun_s = time.monotonic()
            answer = await browser.get(path)
            assert answer.status_code == 200, answer.text
            assert time.monotonic() - begun_s < MOST_PAGE_S
            assert resident_bytes() - before < MOST_GROWTH_BYTES
        answers = await asyncio.wait_for(asyncio.gather(*views), 10)
        assert {answer.status_code for answer in answers} == {200}
        assert resident_bytes() - before < MOST_GROWTH_BYTES


async def test_a_lane_has_few_threads_and_a_limited_queue() -> None:
    calls, is_over = BlockingCalls(), asyncio.Event()
    loop = asyncio.get_running_loop()
    running = 0

    def call() -> int:
        nonlocal running
        running += 1
        asyncio.run_coroutine_threadsafe(is_over.wait(), loop).result(10)
        running -= 1
        return running

    tasks = [asyncio.create_task(calls.run("camera porch", call)) for _ in range(MAX_AT_ONCE + MAX_WAITING + 5)]
    other = await asyncio.wait_for(calls.run("camera yard", lambda: 7), 2)
    await asyncio.sleep(0.05)
    assert (other, running) == (7, MAX_AT_ONCE)
    is_over.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, NotDone) for one in ended) == 5
    assert await calls.run("camera porch", lambda: 8) == 8
    assert calls.held == 0


async def test_a_shared_call_runs_once_and_survives_who_leaves() -> None:
    calls, is_over, count = BlockingCalls(), asyncio.Event(), 0
    loop = asyncio.get_running_loop()

    def call() -> str:
        nonlocal count
        count += 1
        asyncio.run_coroutine_threadsafe(is_over.wait(), loop).result(10)
        return "answer"

    tasks = [asyncio.create_task(calls.share("controls porch", call)) for _ in range(12)]
    await asyncio.sleep(0.05)
    tasks[0].cancel()
    is_over.set()
    assert await asyncio.gather(*tasks[1:]) == ["answer"] * 11
    assert count == 1
    assert await calls.share("controls porch", lambda: "again") == "again"


async def test_an_error_reaches_whoever_asked() -> None:
    def fail() -> None:
        raise NotDone("It is broken.")

    calls = BlockingCalls()
    for ask in (calls.run, calls.share):
        with pytest.raises(NotDone, match="broken"):
            await ask("camera porch", fail)
    assert calls.held == 0


async def test_a_caller_that_leaves_frees_its_place_only_when_the_call_ends() -> None:
    calls, is_over = BlockingCalls(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def call() -> None:
        asyncio.run_coroutine_threadsafe(is_over.wait(), loop).result(10)

    tasks = [asyncio.create_task(calls.run("camera porch", call)) for _ in range(MAX_AT_ONCE + 1)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert calls.count("camera porch") == MAX_AT_ONCE
    is_over.set()
    assert await asyncio.wait_for(calls.run("camera porch", lambda: 1), 2) == 1
