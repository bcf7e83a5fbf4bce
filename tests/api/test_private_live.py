"""What nobody is to see is in no live video that goes to programs: they hold a pass, and no page of ours covers it."""

import asyncio
import io
import re

import av
import numpy as np
import pytest

from tawny.api.auth.accounts import Role
from tawny.api.live.stream_access import sees_unmasked, stream_for_session
from tawny.model.geometry import Polygon
from tests.api.fakes import House
from tests.api.test_sight import Filled, fill
from tests.live.cameras import GOP, numbered, video
from tests.playback.archives import MAIN, PORCH

LEFT = Polygon.of([(0, 0), (0.5, 0), (0.5, 1), (0, 1)])
RIGHT = Polygon.of([(0.5, 0), (1, 0), (1, 1), (0.5, 1)])
HLS = "/api/v1/cameras/porch/hls"
Grey = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@pytest.fixture
def filled(house: House) -> Filled:
    made = fill(house)
    house.recorder.hubs[(PORCH, MAIN)].private = (LEFT,)
    return made


def with_pass(filled: Filled) -> str:
    return f"?pass={filled.house.passes.make('TV', [PORCH])[1]}"


async def pictures(filled: Filled, query: str, sends: dict[str, str], listed: str) -> list[Grey]:
    """The first pictures of a list, grey, while the camera goes on."""
    house, browser, number = filled.house, filled.house.browser(), 1000
    async with asyncio.timeout(60):
        while True:
            start_ms = house.clock.now_ms() + 200 * (number // GOP)
            for packet in numbered(video(start_ms=start_ms, count=GOP), first=number):
                house.recorder.hubs[(PORCH, MAIN)].append(packet)
            number += GOP
            text = (await browser.get(f"{HLS}/{listed}/live.m3u8{query}", headers=sends)).text
            header = re.search(r"header-\d+\.mp4", text)
            parts = re.findall(r'PART:[^\n]*URI="(part-[0-9-]+\.m4s)', text)
            if header and parts:
                break
            await asyncio.sleep(0.05)
        names = (header[0], parts[0])
        data = [(await browser.get(f"{HLS}/{listed}/{name}{query}", headers=sends)).content for name in names]
    with av.open(io.BytesIO(b"".join(data)), "r") as film:
        return [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in film.decode(video=0)]


async def test_a_program_gets_it_black(filled: Filled) -> None:
    shown = (await pictures(filled, with_pass(filled), {}, "auto"))[0]
    wide = shown.shape[1]
    assert shown[:, : wide // 2 - 2].mean() < 12
    assert shown[:, wide // 2 + 2 :].mean() > 20
    await filled.house.site.close()


async def test_a_further_mask_covers_the_seconds_before_it_as_well(filled: Filled) -> None:
    query, hub = with_pass(filled), filled.house.recorder.hubs[(PORCH, MAIN)]
    before = (await pictures(filled, query, {}, "auto"))[0]
    assert before[:, before.shape[1] // 2 + 2 :].mean() > 20
    hub.private = (LEFT, RIGHT)
    assert (await pictures(filled, query, {}, "auto"))[0].mean() < 12
    await filled.house.site.close()


async def test_a_program_is_offered_nothing_else(filled: Filled) -> None:
    listed = (await filled.house.browser().get(f"{HLS}/index.m3u8{with_pass(filled)}")).text
    assert re.findall(r"(\w+)/live\.m3u8", listed) == ["auto"]


async def test_who_is_signed_in_gets_it_as_it_comes_and_covers_it(filled: Filled) -> None:
    sends = {"cookie": f"tawny_session={filled.session([PORCH])}"}
    shown = (await pictures(filled, "", sends, "main"))[0]
    assert shown[:, : shown.shape[1] // 2 - 2].mean() > 20
    await filled.house.site.close()


async def test_what_becomes_private_ends_what_shows_it(filled: Filled) -> None:
    house = filled.house
    hub = house.recorder.hubs[(PORCH, MAIN)]
    hub.private = ()
    holder = house.passes.session(house.passes.make("TV", [PORCH])[1])
    viewer = house.accounts.session(filled.session([PORCH]))
    assert holder and viewer
    assert viewer.person.role is Role.VIEWER
    bare = stream_for_session(house.site, holder, PORCH, "main", ["h264"])
    assert bare and not bare.turns and not sees_unmasked(holder, bare)
    hub.private = (LEFT,)
    assert sees_unmasked(holder, bare)
    assert not sees_unmasked(viewer, bare)
    covered = stream_for_session(house.site, holder, PORCH, "main", ["h264"])
    assert covered and covered.turns and not sees_unmasked(holder, covered)
