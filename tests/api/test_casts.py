"""A camera on a TV: by an address that ends with its time, with Stop, and with the right of who made it."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from tawny.api.auth.accounts import Role
from tawny.api.auth.passes import MOST_CASTS
from tawny.api.live.webrtc import WebRtcSessions
from tawny.model.events import Event
from tawny.model.ids import EventId
from tests.api.fakes import House
from tests.api.test_embed import sends
from tests.playback.archives import PORCH

HOUR_S = 3600


async def begun(browser: httpx.AsyncClient, camera: str = "porch", **asked: object) -> dict[str, object]:
    answer = await browser.post(f"/api/v1/cameras/{camera}/casts", json=asked)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert isinstance(made, dict)
    return made


async def plays(house: House, made: dict[str, object]) -> int:
    """What a TV gets, which has the address and nothing else."""
    return (await house.browser().get(str(made["video"]))).status_code


async def test_a_tv_gets_that_camera_live_and_nothing_else(house: House) -> None:
    sends(house)
    made = await begun(house.signed_in(Role.VIEWER))
    listed = await house.browser().get(str(made["video"]))
    assert (listed.status_code, "live.m3u8?pass=" in listed.text) == (200, True)
    assert (await house.browser().get(str(made["page"]))).status_code == 200
    secret = str(made["video"]).partition("pass=")[2]
    for path in ("cameras/yard/hls/index.m3u8", "cameras/porch/frame?at_ms=0", "cameras", "events", "casts"):
        other = await house.browser().get(f"/api/v1/{path}", params={"pass": secret})
        assert other.status_code in (401, 403, 404)


async def test_a_player_that_is_a_web_page_may_read_what_comes_by_the_address_alone(house: House) -> None:
    sends(house)
    anna = house.signed_in(Role.VIEWER)
    made = await begun(anna)
    by_address = await house.browser().get(str(made["video"]), headers={"Origin": "https://tv.example"})
    by_cookie = await anna.get("/api/v1/cameras/porch/hls/index.m3u8")
    assert by_address.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in by_cookie.headers


@pytest.mark.parametrize(
    "path",
    [
        "cameras/porch/snapshot", "cameras/porch/hls/index.m3u8", "cameras/porch/hls/main/live.m3u8",
        "live/follow/hls/index.m3u8",
    ],
)  # fmt: skip
async def test_players_may_ask_for_the_head(house: House, path: str) -> None:
    sends(house)
    secret = str((await begun(house.signed_in(Role.VIEWER)))["video"]).partition("pass=")[2]
    whole, head = [await house.browser().request(method, f"/api/v1/{path}?pass={secret}") for method in ("GET", "HEAD")]
    assert (whole.status_code, head.status_code) == (200, 200)
    assert head.headers["content-type"] == whole.headers["content-type"]
    await house.site.close()


async def test_a_webrtc_player_on_another_page_may_read_where_its_connection_is(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def begin(*_: object) -> tuple[str, str]:
        return "key", "v=0"

    sends(house)
    monkeypatch.setattr(WebRtcSessions, "begin", begin)
    secret = str((await begun(house.signed_in(Role.VIEWER)))["video"]).partition("pass=")[2]
    answer = await house.browser().post(f"/api/v1/cameras/porch/rtc?pass={secret}", content=b"m=video H264/90000")
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/rtc/key?pass={secret}")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == "Location"
    await house.site.close()


@pytest.mark.parametrize("path", ["cameras/porch/rtc", "rtc/0"])
async def test_a_webrtc_player_on_another_page_may_ask_with_the_address_alone(house: House, path: str) -> None:
    sends(house)
    secret = str((await begun(house.signed_in(Role.VIEWER)))["video"]).partition("pass=")[2]
    asks = {"Origin": "https://tv.example", "Access-Control-Request-Method": "POST"}
    anna = house.signed_in(Role.VIEWER)
    by_address = await house.browser().options(f"/api/v1/{path}?pass={secret}", headers=asks)
    by_nothing = await house.browser().options(f"/api/v1/{path}", headers=asks)
    by_cookie = await anna.options(f"/api/v1/{path}?pass={secret}", headers=asks)
    assert [one.status_code for one in (by_address, by_nothing, by_cookie)] == [204, 401, 204]
    assert by_address.headers["access-control-allow-origin"] == "*"
    assert by_address.headers["access-control-allow-methods"] == "POST, PATCH, DELETE"
    assert by_address.headers["access-control-allow-headers"] == "Content-Type"
    for other in (by_nothing, by_cookie):
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("end", ["time", "stop", "owner's stop", "sign-out", "other cameras", "removed"])
async def test_it_ends(house: House, end: str) -> None:
    sends(house)
    anna = house.signed_in(Role.VIEWER)
    made = await begun(anna, lasts_s=HOUR_S)
    assert await plays(house, made) == 200
    accounts, cast = house.accounts, made["cast"]
    assert isinstance(cast, dict)
    person = next(one for one in accounts.people() if one.role is Role.VIEWER)

    async def stop(browser: httpx.AsyncClient) -> None:
        assert (await browser.delete(f"/api/v1/casts/{cast['id']}")).status_code == 200

    ends: dict[str, Callable[[], object]] = {
        "time": lambda: house.clock.advance(HOUR_S),
        "sign-out": lambda: accounts.end_sessions(person),
        "other cameras": lambda: accounts.change_person(person, Role.VIEWER, []),
        "removed": lambda: accounts.remove_person(person),
    }
    if end == "stop":
        await stop(anna)
    elif end == "owner's stop":
        await stop(house.signed_in(Role.OWNER))
    else:
        ends[end]()
    assert await plays(house, made) == 401
    assert (await house.signed_in(Role.OWNER).get("/api/v1/casts")).json()["items"] == []


async def test_everyone_sees_and_ends_their_own_and_owners_all(house: House) -> None:
    anna, ben = house.signed_in(Role.VIEWER), house.signed_in(Role.VIEWER)
    made = (await begun(anna))["cast"]
    assert isinstance(made, dict)
    owner = house.signed_in(Role.OWNER)
    assert [one["made_by"] for one in (await owner.get("/api/v1/casts")).json()["items"]] == ["viewer 0"]
    assert (await ben.get("/api/v1/casts")).json()["items"] == []
    assert (await ben.delete(f"/api/v1/casts/{made['id']}")).status_code == 404


async def test_the_audit_log_says_who_showed_which_camera_and_never_the_secret(house: House) -> None:
    made = await begun(house.signed_in(Role.VIEWER), lasts_s=HOUR_S)
    entry = house.accounts.audit(limit=1)[0]
    assert (entry.person, entry.action, entry.detail) == ("viewer 0", "shown on a TV", "Front door, 60 min")
    assert str(made["video"]).partition("pass=")[2] not in str(entry)


async def test_one_more_than_allowed_is_refused(house: House) -> None:
    anna = house.signed_in(Role.VIEWER)
    for _ in range(MOST_CASTS):
        await begun(anna)
    refused = await anna.post("/api/v1/cameras/porch/casts", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many")


@pytest.mark.parametrize("lasts_s", [0, 13 * HOUR_S, "long"])
async def test_a_time_that_is_none_is_refused(house: House, lasts_s: object) -> None:
    answer = await house.signed_in(Role.VIEWER).post("/api/v1/cameras/porch/casts", json={"lasts_s": lasts_s})
    assert answer.status_code == 422


def recorded(house: House) -> tuple[int, int]:
    """Return when a recording of the porch begins and ends, ms UTC."""
    begin_ms = house.clock.now_ms() - 20_000
    house.recorder.record(begin_ms, seconds=10)
    return begin_ms, begin_ms + 10_000


async def test_a_tv_gets_one_recording_and_nothing_else(house: House) -> None:
    begin_ms, end_ms = recorded(house)
    made = await begun(house.signed_in(Role.VIEWER), from_ms=begin_ms, to_ms=end_ms)
    answer = await house.browser().get(str(made["video"]), headers={"Origin": "https://tv.example"})
    assert (answer.status_code, answer.headers["content-type"], made["type"]) == (200, "video/mp4", "video/mp4")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert (await house.browser().get(str(made["video"]), headers={"Range": "bytes=0-9"})).status_code == 206
    secret = str(made["video"]).partition("ticket=")[2]
    span = f"from_ms={begin_ms}&to_ms={end_ms}"
    for path in ("cameras/porch/hls/index.m3u8", f"clip?camera=porch&{span}", "cameras/porch/snapshot", "events"):
        for name in ("pass", "ticket"):
            other = await house.browser().get(f"/api/v1/{path}", params={name: secret})
            assert other.status_code in (401, 403, 404, 422), path


@pytest.mark.parametrize("end", ["time", "stop", "sign-out", "other cameras"])
async def test_a_recording_on_a_tv_ends_too(house: House, end: str) -> None:
    begin_ms, end_ms = recorded(house)
    anna = house.signed_in(Role.VIEWER)
    made = await begun(anna, from_ms=begin_ms, to_ms=end_ms, lasts_s=HOUR_S)
    assert await plays(house, made) == 200
    person = next(one for one in house.accounts.people() if one.role is Role.VIEWER)
    cast = made["cast"]
    assert isinstance(cast, dict)
    if end == "time":
        house.clock.advance(HOUR_S)
    elif end == "stop":
        assert (await anna.delete(f"/api/v1/casts/{cast['id']}")).status_code == 200
    elif end == "sign-out":
        house.accounts.end_sessions(person)
    else:
        house.accounts.change_person(person, Role.VIEWER, [])
    assert await plays(house, made) == 410


async def test_a_recording_without_a_span_or_of_another_camera_is_refused(house: House) -> None:
    begin_ms, _ = recorded(house)
    anna = house.signed_in(Role.VIEWER)
    backward = await anna.post("/api/v1/cameras/porch/casts", json={"from_ms": begin_ms, "to_ms": begin_ms})
    assert backward.status_code == 400
    gone = await anna.post("/api/v1/cameras/porch/casts", json={"clip": "none"})
    assert gone.status_code == 404


async def test_an_event_is_shown_with_the_cameras_own_time_around(house: House) -> None:
    begin_ms, end_ms = recorded(house)
    house.recorder.index.put_event(Event(EventId("visit"), PORCH, "person", begin_ms + 4_000, end_ms - 4_000, 70.0))
    house.recorder.listed[0] = replace(house.recorder.listed[0], pre_s=2.0, post_s=3.0)
    anna = house.signed_in(Role.VIEWER)
    made = await begun(anna, from_ms=begin_ms + 4_000, to_ms=end_ms - 4_000, event="visit")
    assert isinstance(made["cast"], dict)
    assert made["cast"]["from_ms"] == begin_ms + 2_000
    other = await anna.post("/api/v1/cameras/porch/casts", json={"event": "gone"})
    assert other.status_code == 404


@pytest.mark.parametrize("end", ["from_ms", "to_ms"])
async def test_half_a_span_is_refused_and_never_shows_live_video(house: House, end: str) -> None:
    begin_ms, _ = recorded(house)
    anna = house.signed_in(Role.VIEWER)
    assert (await anna.post("/api/v1/cameras/porch/casts", json={end: begin_ms})).status_code == 400
    assert (await anna.get("/api/v1/casts")).json()["items"] == []


async def test_a_clip_is_shown_as_one_of_its_own_camera_only(house: House) -> None:
    begin_ms, end_ms = recorded(house)
    anna = house.signed_in(Role.VIEWER)
    wish = {"cameras": ["porch"], "from_ms": begin_ms + 1000, "to_ms": end_ms - 1000}
    clip = (await anna.post("/api/v1/clips", json=wish)).json()["items"][0]["id"]
    assert house.site.jobs.work()
    refused = await anna.post("/api/v1/cameras/yard/casts", json={"clip": clip})
    assert refused.status_code == 404
    assert await plays(house, await begun(anna, clip=clip)) == 200
