"""Every way to see or hear a camera, in one table: shut for strangers and for who may see another camera only, and over
within three seconds of the end of the right. A new route that hands out pictures or sound fails here until it is a row.
"""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import Request
from starlette.types import Message, Scope
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tawny.api.auth import access, unlocks
from tawny.api.auth.access import COOKIE, SIGNED_OUT, Access, check_routes, has_ended
from tawny.api.auth.accounts import Role
from tawny.api.live import hls_routes, live_socket, webrtc
from tawny.api.live.stream_access import PassAuthenticator
from tawny.api.past import media_responses
from tawny.api.server import WebServer
from tawny.live.rtsp_server.session import LOOK_S as RTSP_LOOK_S
from tawny.live.stream_choice import StreamChoice
from tawny.live.webrtc.viewer_session import InvalidPlaybackCommand, read_order
from tawny.model.ids import CameraId, SegmentId
from tawny.playback.packet_reel import PacketReel
from tawny.service.scoped_recorder import CameraHidden
from tawny.stream.hub import Hub
from tests.api.fakes import House, routes
from tests.api.test_sight import QUERY, SECRETS, YARD, Filled, fill
from tests.live.cameras import GOP, numbered, video
from tests.playback.archives import MAIN, PORCH

RULES = check_routes(routes())


class How(Enum):
    AT_ONCE = auto()
    """An answer that is over when it is given: the next request is looked at anew."""
    GOES_ON = auto()
    """Pieces without end, or many: the right is looked at while they are sent."""


TABLE = {
    "GET /api/v1/cameras/{camera}/snapshot": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/mjpeg": How.GOES_ON,
    "GET /api/v1/cameras/{camera}/from": How.GOES_ON,
    "GET /api/v1/cameras/{camera}/frame": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/picture": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/motion": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/sound": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/hls/index.m3u8": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/hls/{stream}/live.m3u8": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/hls/{stream}/header-{number}.mp4": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/hls/{stream}/segment-{number}.m4s": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/hls/{stream}/part-{number}-{part}.m4s": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/hls/past.m3u8": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/hls/past/{segment}/header.mp4": How.AT_ONCE,
    "GET /api/v1/cameras/{camera}/hls/past/{segment}/{zero_ms}-{first}-{count}.m4s": How.GOES_ON,
    "GET /api/v1/live/follow/mjpeg": How.GOES_ON,
    "GET /api/v1/live/follow/hls/index.m3u8": How.AT_ONCE,
    "GET /api/v1/live/follow/hls/header-{number}.mp4": How.AT_ONCE,
    "GET /api/v1/live/follow/hls/segment-{number}.m4s": How.AT_ONCE,
    "GET /api/v1/live/follow/hls/part-{number}-{part}.m4s": How.AT_ONCE,
    "GET /embed/{camera}": How.AT_ONCE,
    "GET /embed": How.AT_ONCE,
    "GET /api/v1/clip": How.GOES_ON,
    "GET /api/v1/clip/sheet": How.AT_ONCE,
    "GET /media/clips/{clip}": How.GOES_ON,
    "GET /media/clips.zip": How.GOES_ON,
    "GET /media/{segment}/play": How.GOES_ON,
    "GET /media/{segment}/stored": How.GOES_ON,
    "GET /media/{event}.jpg": How.AT_ONCE,
    "GET /media/{event}.mp4": How.GOES_ON,
    "GET /api/v1/events/{event}/loop": How.AT_ONCE,
    "GET /media/shared.mp4": How.GOES_ON,
    "WS /api/v1/cameras/{camera}/live": How.GOES_ON,
    "WS /api/v1/cameras/{camera}/pictures": How.GOES_ON,
    "POST /api/v1/cameras/{camera}/rtc": How.AT_ONCE,  # what it opens: `test_a_webrtc_connection_ends`
}
NO_PICTURES = {
    "OPTIONS /api/v1/cameras/{camera}/rtc": "says what a page may ask",
    "OPTIONS /api/v1/rtc/{key}": "says what a page may ask",
    "POST /api/v1/cameras/{camera}/picture-controls/{name}": "presses a button of the camera",
    "GET /api/v1/cameras/{camera}/frame/sealed": "sealed bytes alone; see `test_unlocking`",
    "GET /api/v1/plan/image": "the floor plan, which everyone signed in may see; see `test_plan`",
    "GET /api/v1/openapi.json": "what the interface can be asked",
    "PATCH /api/v1/rtc/{key}": "candidates of a connection that is there",
    "DELETE /api/v1/rtc/{key}": "ends a connection",
    "GET /api/v1/inbox/file": "gives another recorder its own files back",
    "WS /api/v1/ws": "words; see `test_sight`",
    "GET /api/v1/camera-previews/{preview}/picture": "for owners, before it is added; see `test_camera_setup`",
    "GET /api/v1/diagnostics/bundle": "for owners, without images; see `test_diagnostics`",
    "POST /api/v1/backup": "for owners, without recordings; see `test_backup`",
    "WS /api/v1/cameras/{camera}/talk": "takes sound and gives none; see `test_talking`",
    "WS /api/v1/standby/line": "of a recorder and its standby, by their keys; see `tests/fleet`",
    "WS /api/v1/fleet/line": "of recorders that have joined, by their keys; see `tests/fleet`",
    "DELETE /api/v1/fleet/boxes/{box}": "removes a recorder from this hub",
    "DELETE /api/v1/standby/recorders/{recorder}": "ends the protection of a recorder",
    "GET /api/v1/fleet/boxes/{box}/cameras/{camera}/picture": "of another recorder; see `tests/fleet`",
    "DELETE /api/v1/fleet/copies/{folder}": "deletes copies of another recorder",
    **{
        f"GET /api/v1/copies/{what}": "for the hub alone, not for people; see `tests/fleet`"
        for what in ("about", "days", "file", "history", "recordings")
    },
    "POST /api/v1/scans": "for the hub alone, not for people; see `tests/fleet`",
    "POST /api/v1/training": "for the hub alone, not for people; see `tests/fleet`",
    "POST /api/v1/updates": "for the hub alone, not for people; see `tests/fleet`",
    "WS /boxes/{box}/api/v1/{rest:path}": "of another recorder; see `tests/fleet`",
    "GET /boxes/{box}/media/{rest:path}": "of another recorder; see `tests/fleet`",
    **{
        f"{method} /boxes/{{box}}/api/v1/{{rest:path}}": "of another recorder; see `tests/fleet`"
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    },
}
"""Routes whose answers have no described shape, as pictures have none, and why there is nothing to see in them."""
HTTP = [route for route in TABLE if route.startswith("GET ")]
ENDED = (401, 404, 410)
WITHIN_S = 2.9


def undescribed() -> set[str]:
    """The routes that could hand out anything."""
    found: set[str] = set()
    for context in iter_route_contexts(routes().routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            found.add(f"WS {context.path}")
        elif route.response_field is None:
            found |= {f"{method} {context.path}" for method in route.methods or () if method != "HEAD"}
    return {route for route in found if RULES[route] is not Access.PUBLIC}


def test_every_way_to_see_is_in_the_table() -> None:
    missing = undescribed() - set(TABLE) - set(NO_PICTURES)
    assert not missing, f"is there anything to be seen in {missing}? Then it needs a row in TABLE"
    assert set(TABLE) | set(NO_PICTURES) <= undescribed()


@dataclass
class Who:
    """Somebody who may see the porch. sends, query: what lets them in."""

    sends: dict[str, str]
    query: str
    ends: Callable[[], object]
    """Their right is over."""


def signed_in(filled: Filled, how: str) -> Who:
    house, token = filled.house, filled.session([PORCH])
    session = house.accounts.session(token)
    assert session
    ways: dict[str, Callable[[], object]] = {
        "signed out": lambda: house.accounts.end_session(session.key),
        "removed": lambda: house.accounts.remove_person(session.person),
        "sees another camera now": lambda: house.accounts.change_person(session.person, Role.VIEWER, [YARD]),
    }
    return Who({"cookie": f"{COOKIE}={token}"}, "", ways[how])


def with_pass(filled: Filled, how: str) -> Who:
    house = filled.house
    lasts_ms = 1000 if how == "over" else 86_400_000
    made, secret = house.passes.make("TV", [PORCH], house.clock.now_ms() + lasts_ms)
    ways: dict[str, Callable[[], object]] = {
        "taken back": lambda: house.passes.take_back(made.id),
        "over": lambda: house.clock.advance(1),
    }
    return Who({}, f"&pass={secret}", ways[how])


def with_cast(filled: Filled, how: str) -> Who:
    house, session = filled.house, filled.house.accounts.session(filled.session([PORCH]))
    assert session
    made = house.passes.cast(session, PORCH, 60)
    assert made
    ways: dict[str, Callable[[], object]] = {
        "maker signed out": lambda: house.accounts.end_session(session.key),
        "time over": lambda: house.clock.advance(60),
    }
    return Who({}, f"&pass={made[1]}", ways[how])


def with_link(filled: Filled, how: str) -> Who:
    house, maker = filled.house, filled.house.accounts.put_person("Anna", Role.OWNER)
    shares = house.site.shares
    now_ms = house.clock.now_ms()
    segment = house.recorder.index.segment(SegmentId(filled.segment))
    assert segment
    share, _ = shares.make(maker, PORCH, segment.span, now_ms + (1000 if how == "over" else 86_400_000))
    ticket, _ = shares.open(share)
    ways: dict[str, Callable[[], object]] = {
        "taken back": lambda: shares.take_back(share.id),
        "over": lambda: house.clock.advance(1),
    }
    return Who({}, f"&ticket={ticket}", ways[how])


Made = Callable[[Filled, str], Who]
SESSIONS: list[tuple[Made, str]] = [(signed_in, how) for how in ("signed out", "removed", "sees another camera now")]
PASSES: list[tuple[Made, str]] = [(with_pass, how) for how in ("taken back", "over")]
CASTS: list[tuple[Made, str]] = [(with_cast, how) for how in ("maker signed out", "time over")]
LINKS: list[tuple[Made, str]] = [(with_link, how) for how in ("taken back", "over")]
RIGHTS: dict[Access, list[tuple[Made, str]]] = {
    Access.VIEW: SESSIONS,
    Access.SEE: [*SESSIONS, *PASSES, *CASTS],
    Access.SHARED: LINKS,
}


def rows(how: How, kind: str) -> list[Any]:
    return [
        pytest.param(route, made, end, id=f"{route.partition(' ')[2]} {end}")
        for route in TABLE
        if TABLE[route] is how and route.startswith(kind)
        for made, end in RIGHTS[RULES[route]]
    ]


@pytest.fixture
def filled(house: House) -> Filled:
    return fill(house)


def send_more(house: House, number: int) -> None:
    """A second more of the porch, live."""
    start_ms = house.clock.now_ms()
    for packet in numbered(video(start_ms=start_ms - 900, count=GOP), first=number):
        house.recorder.hubs[(PORCH, MAIN)].append(packet)


async def path_of(filled: Filled, route: str, who: Who) -> str:
    """With what is there: parts of a list are taken out of that list."""
    path = filled.path(route.partition(" ")[2]) + who.query
    if route.endswith(("/from", "/frame", "/picture")):
        path = path.replace("&at_ms=", f"&at_ms={filled.house.clock.now_ms() - 25_000}&was=")
    if "{number}" not in route:
        return path
    folder = "/api/v1/live/follow/hls/" if "follow" in route else "/api/v1/cameras/porch/hls/main/"
    listed = folder + ("index.m3u8" if "follow" in route else "live.m3u8")
    kind = route.rpartition("/")[2].partition("-")[0]
    found: list[str] = []
    async with asyncio.timeout(30):
        while not found:
            result = await asked(filled, listed + QUERY.format(0, 1) + who.query, who)
            found = re.findall(rf"{kind}-[0-9-]+\.[a-z0-9]+", result.text)
    return f"{folder}{found[0]}{QUERY.format(0, 1)}{who.query}"


async def asked(filled: Filled, path: str, who: Who, method: str = "GET") -> httpx.Response:
    async with asyncio.timeout(30):
        return await filled.house.browser().request(
            method, path, headers=who.sends, content="v=0" if method == "POST" else b""
        )


def shows_nothing(answer: httpx.Response) -> bool:
    kind = answer.headers.get("content-type", "")
    return not kind.startswith(("image/", "video/", "multipart/", "application/vnd")) and not [
        secret for secret in SECRETS if secret.encode() in answer.content
    ]


@pytest.mark.parametrize(("route", "made", "end"), [*rows(How.AT_ONCE, "GET"), *rows(How.AT_ONCE, "POST")])
async def test_once_the_right_is_over_nothing_more_is_given(filled: Filled, route: str, made: Made, end: str) -> None:
    who, method = made(filled, end), route.partition(" ")[0]
    path = await path_of(filled, route, who)
    before = await asked(filled, path, who, method)
    assert before.status_code == (400 if method == "POST" else 200), before.text
    who.ends()
    after = await asked(filled, path, who, method)
    assert shows_nothing(after)
    assert after.status_code in ENDED or route == "GET /embed"
    await filled.house.site.close()


@pytest.mark.parametrize(("route", "made", "end"), rows(How.GOES_ON, "GET"))
async def test_what_goes_on_is_broken_off(
    filled: Filled, route: str, made: Made, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_responses, "PART_BYTES", 500)
    await breaks_off(filled, route, made(filled, end))


def begin_anew(house: House, *, shows: bool = False) -> None:
    """The porch's settings were changed. shows: it has sent something since."""
    hubs = {stream: Hub() for stream in house.recorder.hubs}
    for packet in numbered(video(start_ms=house.clock.now_ms(), count=1 if shows else 0)):
        hubs[(PORCH, MAIN)].append(packet)
    house.recorder.hubs = hubs


async def test_motion_jpeg_ends_when_its_camera_begins_anew(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_responses, "PART_BYTES", 500)
    who = Who(signed_in(filled, "removed").sends, "", lambda: begin_anew(filled.house))
    await breaks_off(filled, "GET /api/v1/cameras/{camera}/mjpeg", who)


async def test_what_follows_goes_over_to_a_camera_that_began_anew(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_routes, "AGAIN_S", 0.05)
    who, house = signed_in(filled, "removed"), filled.house
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    async with (
        asyncio.timeout(30),
        httpx.AsyncClient(headers=who.sends, trust_env=False) as browser,
        browser.stream("GET", f"http://{server.address}/api/v1/live/follow/mjpeg") as moving,
    ):
        pieces = moving.aiter_raw()
        while b"X-At-Ms" not in await anext(pieces):
            pass
        house.clock.advance(60)
        begin_anew(house, shows=True)
        newest = house.recorder.hubs[(PORCH, MAIN)].newest
        assert newest
        while f"X-At-Ms: {newest.at_ms}".encode() not in await anext(pieces):
            pass
    await server.stop()


async def test_pictures_end_when_their_camera_begins_anew(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "PING_S", 0.05)
    who, house = signed_in(filled, "removed"), filled.house
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    address, headers = f"{server.address}/api/v1/cameras/porch/pictures", {"Origin": f"http://{server.address}"}
    async with asyncio.timeout(30):
        async with connect(f"ws://{address}", additional_headers=who.sends | headers, proxy=None) as socket:
            await socket.recv()
            begin_anew(house)
            await socket.send("{}")
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
    await server.stop()
    assert closed.value.rcvd and closed.value.rcvd.code == access.BEGIN_AGAIN


async def breaks_off(filled: Filled, route: str, who: Who) -> None:
    """The right ends at the second piece; nothing comes after the third second."""
    house, came = filled.house, list[Message]()
    path, _, query = (await path_of(filled, route, who)).partition("?")

    async def send(message: Message) -> None:
        came.append(message)
        if message.get("body") and sum(1 for each in came if each.get("body")) == 2:
            who.ends()
            house.clock.advance(WITHIN_S)
            send_more(house, 1000)

    async def receive() -> Message:
        if not came:
            return {"type": "http.request", "body": b"", "more_body": False}
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    sends = [(name.encode(), value.encode()) for name, value in who.sends.items()]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": sends,
        "server": ("tawny.test", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    async with asyncio.timeout(30):
        await house.app(scope, receive, send)
    assert came[0]["status"] == 200
    bodies = [each["body"] for each in came[1:]]
    assert len([each for each in bodies if each]) == 2
    whole = next((int(value) for name, value in came[0]["headers"] if name == b"content-length"), None)
    assert whole is None or sum(map(len, bodies)) < whole
    assert whole is None or came[-1]["more_body"], "who gets it must see that it is not whole"


@pytest.mark.parametrize(("route", "made", "end"), rows(How.GOES_ON, "WS"))
async def test_a_socket_is_closed(
    filled: Filled, route: str, made: Made, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "LOOK_S", 0.05)
    code = access.BEGIN_AGAIN if end == "sees another camera now" else SIGNED_OUT
    await is_closed(filled, route, made(filled, end), code)


async def is_closed(filled: Filled, route: str, who: Who, code: int = SIGNED_OUT) -> None:
    house = filled.house
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    path = await path_of(filled, route, who)
    headers = {**who.sends, "Origin": f"http://{server.address}"}
    async with asyncio.timeout(30):
        async with connect(f"ws://{server.address}{path}", additional_headers=headers, proxy=None) as socket:
            await socket.recv()
            who.ends()
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await socket.recv()
    await server.stop()
    assert closed.value.rcvd and closed.value.rcvd.code == code


@pytest.mark.parametrize("route", HTTP)
async def test_strangers_get_nothing(filled: Filled, route: str) -> None:
    answer = await asked(filled, filled.path(route.partition(" ")[2]), Who({}, "", lambda: None))
    assert answer.status_code in (401, 410)
    assert shows_nothing(answer)


@pytest.mark.parametrize("with_a_pass", [False, True])
@pytest.mark.parametrize("route", [route for route in HTTP if RULES[route] is not Access.SHARED])
async def test_who_may_see_another_camera_gets_nothing(filled: Filled, route: str, with_a_pass: bool) -> None:
    if with_a_pass:
        who = Who({}, f"&pass={filled.house.passes.make('TV', [YARD])[1]}", lambda: None)
    else:
        who = Who({"cookie": f"{COOKIE}={filled.session([YARD])}"}, "", lambda: None)
    answer = await asked(filled, filled.path(route.partition(" ")[2]) + who.query, who)
    assert shows_nothing(answer)
    assert answer.status_code in ENDED or route == "GET /embed"


class Peer:
    """A WebRTC connection."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    def end(self, why: str) -> None:
        self.ended.set()


@pytest.mark.parametrize(("made", "end"), RIGHTS[Access.SEE])
async def test_a_webrtc_connection_ends(filled: Filled, made: Made, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "LOOK_S", 0.01)
    who, house = made(filled, end), filled.house
    token, secret = who.sends.get("cookie", "").partition("=")[2], who.query.partition("=")[2]
    session = house.accounts.session(token) if token else house.passes.session(secret)
    request = Request({"type": "http", "app": house.app, "state": {"session": session}})
    peer, choice = Peer(), StreamChoice(MAIN, house.recorder.hubs[(PORCH, MAIN)])
    task = asyncio.create_task(webrtc.while_allowed(request, peer, choice, lambda: True))  # type: ignore[arg-type]
    assert not await has_ended(request)
    assert not peer.ended.is_set()
    who.ends()
    async with asyncio.timeout(30):
        await peer.ended.wait()
        await task


async def test_a_webrtc_connection_ends_with_its_stream(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "LOOK_S", 0.01)
    house = filled.house
    session = house.accounts.session(filled.session([PORCH]))
    request = Request({"type": "http", "app": house.app, "state": {"session": session}})
    peer, there = Peer(), iter([True, False])
    choice = StreamChoice(MAIN, house.recorder.hubs[(PORCH, MAIN)])
    async with asyncio.timeout(30):
        await webrtc.while_allowed(request, peer, choice, lambda: next(there))  # type: ignore[arg-type]
    assert peer.ended.is_set()


def test_the_data_channel_reaches_no_other_camera(filled: Filled) -> None:
    """It cannot be told one, and what it shows is taken from those that may be seen."""
    with pytest.raises(InvalidPlaybackCommand):
        read_order(json.dumps({"camera": "porch", "at_ms": 1000}))
    ben = filled.house.accounts.put_person("Ben", Role.VIEWER)
    filled.house.accounts.change_person(ben, Role.VIEWER, [YARD])
    seen = filled.house.site.of_person(next(one for one in filled.house.accounts.people() if one.name == "Ben"))
    with pytest.raises(CameraHidden):
        PacketReel(seen.recorder, PORCH, MAIN, filled.house.clock.now_ms() - 30_000, codec="h264").next()


@pytest.mark.parametrize("end", ["taken back", "over"])
async def test_rtsp_is_for_who_holds_a_pass_and_as_long(filled: Filled, end: str) -> None:
    who, door = with_pass(filled, end), PassAuthenticator(filled.house.site)
    user = filled.house.passes.all()[0].id
    assert await door.may_see(user, PORCH)
    assert not await door.may_see(user, CameraId("yard"))
    assert await door.followed(user)
    who.ends()
    assert not await door.may_see(user, PORCH)
    assert await door.digest_of(user, "127.0.0.1") is None
    assert await door.followed(user) is None


def test_rights_are_looked_at_at_least_every_second() -> None:
    assert max(access.LOOK_S, webrtc.LOOK_S, media_responses.LOOK_S, unlocks.LOOK_S, RTSP_LOOK_S) <= 1.0
