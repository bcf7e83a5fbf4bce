"""Live pictures elsewhere: a card that any page may frame, and a picture that follows what happens."""

import asyncio
import base64
import hashlib
import re
from email.utils import parsedate_to_datetime

import pytest

from tawny.api.auth.access import Access, check_routes
from tawny.api.auth.accounts import Role
from tawny.api.live.follow import STAYS_S, FollowSelector
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import EventChanged
from tawny.model.packets import VideoFormat
from tawny.model.states import CameraState, CameraStatus
from tawny.service.recorder import CameraView
from tawny.service.visits import OngoingEvents
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tests.api.fakes import FakeRecorder, House, routes
from tests.live.cameras import numbered, video
from tests.playback.archives import MAIN, PORCH, SUB

YARD = CameraId("yard")


def event(camera: CameraId, start_ms: int, end_ms: int | None = None) -> Event:
    return Event(EventId(f"{camera}-{start_ms}"), camera, "person", start_ms, end_ms, 70.0)


def sends(house: House, camera: CameraId = PORCH, stream: StreamName = MAIN, width: int = 64) -> int:
    """It sends four seconds up to now. Return the time of the last picture, ms UTC."""
    hub = house.recorder.hubs[(camera, stream)]
    packets = video(start_ms=house.clock.now_ms() - 4000, width=width)
    for packet in numbered(packets, first=hub.newest.number + 1 if hub.newest else 0):
        hub.append(packet)
    return packets[-1].at_ms


def add_yard(house: House) -> None:
    """A second camera. Its pictures are 128 px wide."""
    house.recorder.listed.append(CameraView(CameraStatus(YARD, "Yard", CameraState.RECORDING, 0), (MAIN,)))
    house.recorder.hubs[(YARD, MAIN)] = Hub()
    sends(house, YARD, width=128)


async def width_followed(house: House) -> int:
    """The width of what a TV shows first that follows what happens."""
    with house.site.follows.of(house.site).opened() as hub:
        async with asyncio.timeout(10):
            while hub.newest is None:
                await asyncio.sleep(0.01)
        assert isinstance(hub.newest.format, VideoFormat)
        return hub.newest.format.width


async def test_the_card_may_stand_in_any_page_and_no_other_page_may(house: House) -> None:
    _, secret = house.passes.make("Blog", [PORCH])
    stranger = house.browser()
    card = await stranger.get(f"/embed/porch?pass={secret}&fps=5")
    assert (card.status_code, "Front door" in card.text) == (200, True)
    assert f"/api/v1/cameras/porch/mjpeg?width=960&amp;fps=5&amp;pass={secret}" in card.text
    assert "frame-ancestors *" in card.headers["content-security-policy"]
    assert "x-frame-options" not in card.headers
    for path in ("/", "/healthz", f"/api/v1/cameras/porch/snapshot?pass={secret}"):
        answer = await stranger.get(path)
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_without_a_good_pass_there_is_no_card(house: House) -> None:
    made, secret = house.passes.make("Blog", [YARD])
    stranger = house.browser()
    assert (await stranger.get("/embed/porch")).status_code == 401
    assert (await stranger.get(f"/embed/porch?pass={secret}")).status_code == 404
    house.passes.take_back(made.id)
    assert (await stranger.get(f"/embed/yard?pass={secret}")).status_code == 401


async def test_a_name_is_words_and_no_markup(house: House) -> None:
    _, secret = house.passes.make("<script>", [PORCH])
    answer = await house.browser().get(f'/embed/porch?pass={secret}&width=320"')
    assert answer.status_code == 422
    assert (await house.browser().get(f"/embed/porch?pass={secret}")).text.count("<script") == 1, "the card's own"


@pytest.mark.parametrize("path", ["/embed/porch", "/embed"])
async def test_the_card_has_one_script_which_its_policy_allows_to_ask_for_the_image_again(
    house: House, path: str
) -> None:
    sends(house)
    card = await asyncio.wait_for(house.signed_in(Role.VIEWER).get(path), 30)
    (script,) = re.findall("(?s)<script>(.*?)</script>", card.text)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = card.headers["content-security-policy"].split("; ")
    assert {f"script-src 'sha256-{allowed}'", "connect-src 'self'"} < set(policy)
    assert "unsafe" not in str(policy)
    assert 'image.src = address + "&try="' in script
    assert re.search("<img.*<script>", card.text), "the script finds its image"


@pytest.mark.parametrize("stamp", ["", "&stamp=true"])
async def test_a_small_picture_is_of_the_large_stream_while_the_small_one_sends_nothing(
    house: House, stamp: str
) -> None:
    path, viewer = f"/api/v1/cameras/porch/snapshot?width=320{stamp}", house.signed_in(Role.VIEWER)
    was_ms = sends(house, stream=SUB)
    house.clock.advance(60)
    old = await viewer.get(path)
    assert was_ms - 1000 <= int(old.headers["x-at-ms"]) <= was_ms, "the last picture of a camera that is offline"
    now_ms = sends(house)
    assert int((await viewer.get(path)).headers["x-at-ms"]) > now_ms - 2000


async def test_a_snapshot_tells_when_it_is_from(house: House) -> None:
    sends(house)
    house.clock.advance(600)
    answer = await house.signed_in(Role.VIEWER).get("/api/v1/cameras/porch/snapshot")
    result = parsedate_to_datetime(answer.headers["last-modified"])
    assert result.timestamp() == int(answer.headers["x-at-ms"]) // 1000
    assert answer.headers["cache-control"] == "no-store", "browsers would keep an old image for a tenth of its age"


async def test_where_no_camera_shows_anything_there_is_nothing_to_follow(house: House) -> None:
    viewer = house.signed_in(Role.VIEWER)
    assert (await viewer.get("/api/v1/live/follow/mjpeg")).status_code == 404
    sends(house)
    assert (await asyncio.wait_for(viewer.get("/embed"), 30)).status_code == 200


async def test_a_tv_that_is_switched_on_leaves_out_a_camera_that_is_offline(house: House) -> None:
    sends(house)
    house.clock.advance(60)
    add_yard(house)
    assert await width_followed(house) == 128


async def test_a_tv_that_is_switched_on_in_an_outage_of_all_cameras_shows_the_last_one(house: House) -> None:
    sends(house)
    house.clock.advance(60)
    add_yard(house)
    house.clock.advance(60)
    assert await width_followed(house) == 128


async def test_a_tv_that_is_switched_on_during_an_event_shows_its_camera(house: House) -> None:
    sends(house)
    add_yard(house)
    house.recorder.bus.publish(EventChanged("started", event(YARD, 1)))
    assert await width_followed(house) == 128


def test_they_need_a_right() -> None:
    rules = check_routes(routes())
    for route in ("/embed", "/embed/{camera}", "/api/v1/live/follow/mjpeg", "/api/v1/live/follow/hls/index.m3u8"):
        assert rules[f"GET {route}"] is Access.SEE


class Watched:
    """What follows events on two cameras."""

    def __init__(self, recorder: FakeRecorder, clock: FakeClock) -> None:
        self.recorder, self.clock = recorder, clock
        self.showing = [PORCH, YARD]
        ongoing = OngoingEvents()
        recorder.bus.subscribe(EventChanged, ongoing.on_event)
        self.follow = FollowSelector(ongoing, clock, lambda: self.showing)

    def begins(self, camera: CameraId, at_ms: int) -> None:
        self.recorder.bus.publish(EventChanged("started", event(camera, at_ms)))

    def ends(self, camera: CameraId, at_ms: int) -> None:
        self.recorder.bus.publish(EventChanged("ended", event(camera, at_ms, at_ms + 1)))

    def later(self) -> CameraId | None:
        self.clock.advance(STAYS_S)
        return self.follow.camera()


def test_it_goes_where_something_happens_and_stays_there(house: House) -> None:
    watched = Watched(house.recorder, house.clock)
    assert watched.later() == PORCH  # the first, while nothing has happened
    watched.begins(YARD, 1)
    assert watched.later() == YARD
    watched.ends(YARD, 1)
    assert watched.later() == YARD
    watched.begins(PORCH, 5)
    watched.begins(YARD, 3)
    assert watched.later() == PORCH  # the newest


def test_it_leaves_an_event_that_is_over_although_an_update_comes_late(house: House) -> None:
    watched = Watched(house.recorder, house.clock)
    watched.begins(YARD, 1)
    watched.ends(YARD, 1)
    house.recorder.bus.publish(EventChanged("updated", event(YARD, 1)))
    assert watched.later() == PORCH


def test_it_does_not_flicker_between_two(house: House) -> None:
    watched = Watched(house.recorder, house.clock)
    watched.begins(YARD, 1)
    assert watched.later() == YARD
    watched.begins(PORCH, 2)
    assert watched.follow.camera() == YARD
    assert watched.later() == PORCH


def test_it_leaves_a_camera_that_shows_nothing_any_more(house: House) -> None:
    watched = Watched(house.recorder, house.clock)
    watched.begins(YARD, 1)
    assert watched.later() == YARD
    watched.showing = [PORCH]
    assert watched.follow.camera() == PORCH
    watched.showing = []
    assert watched.later() is None
