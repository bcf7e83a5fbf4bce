"""Players with different codecs watch one camera by HLS: each has the stream that was chosen for it, and keeps it."""

import asyncio
import re
from dataclasses import replace
from typing import Literal

import httpx
import pytest

from tawny.api.live import hls_routes
from tawny.model.ids import RunId
from tawny.model.packets import Packet, VideoCodec
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tests.api.fakes import House
from tests.live.cameras import numbered, sound, video
from tests.playback.archives import MAIN, PORCH, SUB

AUTO = "/api/v1/cameras/porch/hls/auto"
PLAYERS = {"h264,h265": "hvc1", "h264": "avc1"}
"""What players say they can, and the codec that each plays best."""


class Camera:
    """A camera that sends a clip again and again, in one stream of each codec."""

    def __init__(self, house: House, codecs: tuple[VideoCodec, ...]) -> None:
        self._clips = [made_clip(ClipSpec(codec=codec, seconds=2.0)).packets for codec in codecs]
        self._hubs = [Hub() for _ in codecs]
        self._start_ms, self._count = house.clock.now_ms(), 0
        house.recorder.hubs = {(PORCH, name): hub for name, hub in zip((MAIN, SUB), self._hubs, strict=False)}

    def send(self) -> None:
        """Send two seconds more."""
        for clip, hub in zip(self._clips, self._hubs, strict=True):
            pictures = [one for one in clip if one.is_video]
            for number, one in enumerate(pictures, self._count * len(pictures)):
                pts = one.pts + self._count * 180_000
                at_ms = self._start_ms + pts // 90
                hub.append(Packet(RunId("run"), number, one.format, one.data, pts, at_ms, one.is_keyframe))
        self._count += 1


async def reload(browser: httpx.AsyncClient, camera: Camera, can: str) -> tuple[str, str]:
    """Load the playlist, and its first header and part as a player does. Return the header's URI and MIME type."""
    async with asyncio.timeout(60):
        while True:
            camera.send()
            text = (await browser.get(f"{AUTO}/live.m3u8", params={"can": can})).text
            header, part = (re.search(rf'#EXT-X-{tag}:[^\n]*URI="([^"]+)"', text) for tag in ("MAP", "PART"))
            if header and part:
                break
            await asyncio.sleep(0.05)
    answers = [await browser.get(f"{AUTO}/{found[1]}") for found in (header, part)]
    assert [answer.status_code for answer in answers] == [200, 200]
    return header[1], answers[0].headers["X-Mime"]


@pytest.mark.parametrize("codecs", [("h265", "h264"), ("h265",)])
async def test_players_with_other_codecs_leave_each_other_alone(house: House, codecs: tuple[VideoCodec, ...]) -> None:
    camera, browser = Camera(house, codecs), house.signed_in()
    headers: dict[str, set[str]] = {can: set() for can in PLAYERS}
    for _ in range(3):
        for can, codec in PLAYERS.items():
            header, mime = await reload(browser, camera, can)
            assert codec in mime
            headers[can].add(header)
    assert [len(found) for found in headers.values()] == [1, 1], "a feed that began again has another header"
    await house.site.close()


async def test_the_first_list_has_a_whole_segment_for_players_that_ignore_parts(house: House) -> None:
    camera, browser = Camera(house, ("h264",)), house.signed_in()
    camera.send()
    loading = asyncio.ensure_future(browser.get(f"{AUTO}/live.m3u8"))
    parts = (await browser.get(f"{AUTO}/live.m3u8", params={"parts": 1})).text
    assert "#EXT-X-PART:" in parts
    assert "#EXTINF:" not in parts
    assert not loading.done()
    camera.send()
    camera.send()
    assert "#EXTINF:" in (await loading).text
    await house.site.close()


async def test_a_list_of_a_camera_that_went_offline_has_nothing_old(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_routes, "WAIT_S", 0.05)
    camera, browser = Camera(house, ("h264",)), house.signed_in()
    camera.send()
    house.clock.advance(60)
    assert (await browser.get(f"{AUTO}/live.m3u8")).status_code == 503
    await house.site.close()


async def test_a_stream_that_ended_is_not_offered_while_the_other_one_goes_on(house: House) -> None:
    Camera(house, ("h264", "h264")).send()
    house.clock.advance(60)
    old, house.recorder.hubs = house.recorder.hubs, {}
    Camera(house, ("h264",)).send()
    house.recorder.hubs[PORCH, SUB] = old[PORCH, SUB]
    listed = (await house.signed_in().get("/api/v1/cameras/porch/hls/index.m3u8")).text
    assert re.findall(r"(\w+)/live\.m3u8", listed) == ["main"]


@pytest.mark.parametrize(("gop_s", "claimed"), [(2, True), (30, True), (90, False)])
async def test_segments_are_said_to_begin_with_keyframes_where_they_do(house: House, gop_s: int, claimed: bool) -> None:
    hub, begin_ms = house.recorder.hubs[PORCH, MAIN], house.clock.now_ms() - 70_000
    for at, packet in enumerate(numbered(video(count=1050))):
        is_keyframe = at % (gop_s * 15) == 0
        hub.append(replace(packet, at_ms=begin_ms + at * 1000 // 15, pts=at * 6000, is_keyframe=is_keyframe))
    listed = (await house.signed_in().get("/api/v1/cameras/porch/hls/index.m3u8")).text
    assert "main/live.m3u8" in listed
    assert ("#EXT-X-INDEPENDENT-SEGMENTS" in listed) == claimed


@pytest.mark.parametrize("codec", ["aac", "pcmu"])
async def test_the_list_of_streams_names_the_codec_of_the_sound(house: House, codec: Literal["aac", "pcmu"]) -> None:
    """Some players don't play sound that isn't named."""
    hub, start_ms = house.recorder.hubs[PORCH, MAIN], house.clock.now_ms() - 4000
    for packet in numbered(video(start_ms=start_ms), sound(codec, start_ms=start_ms)):
        hub.append(packet)
    listed = (await house.signed_in().get("/api/v1/cameras/porch/hls/index.m3u8")).text
    assert re.findall(r'CODECS="avc1\.\w+,([^"]+)"', listed) == ["mp4a.40.2"]
