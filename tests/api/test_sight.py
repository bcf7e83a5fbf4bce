"""Who may see one camera sees nothing of another, however it is asked for: every route and socket is tried."""

import asyncio
import inspect
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tawny.api.auth.access import COOKIE, NOT_THERE, Access, check_routes, why_not
from tawny.api.auth.accounts import Account, Caller, LoginSession, Role
from tawny.api.server import WebServer
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, SegmentId
from tawny.model.messages import EventChanged
from tawny.model.observations import ObjectPath, PathPoint
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.playback.exports import ExportKind, ExportOptions
from tawny.playback.packet_reel import PacketReel
from tawny.playback.recordings import RecordingIndex
from tawny.service.recorder import DetectionTuningApi, RecorderService
from tawny.service.scoped_recorder import CameraHidden, scope_recorder
from tawny.storage.index.memory_index import MemoryIndex
from tests.api.fakes import FakeRecorder, House, routes
from tests.live.cameras import numbered, video
from tests.playback.archives import MAIN, PORCH

YARD = CameraId("yard")
SECRETS = ("porch", "Front door", "a-secret-event", "a secret reason")
RULES = check_routes(routes())
ASKED = sorted(
    route.removeprefix("GET ")
    for route, access in RULES.items()
    if route.startswith("GET ")
    and access in (Access.WALL, Access.VIEW, Access.SEE)
    and not route.startswith(("GET /boxes/", "GET /api/v1/fleet"))  # of other recorders: see `tests/fleet`
    and not route.startswith("GET /api/v1/copies/")  # for hubs alone: see `tests/fleet`
)
QUERY = "?from_ms={0}&to_ms={1}&at_ms={0}&width=320&x0=0&y0=0&x1=1&y1=1&reason=shadow&q=person+event&box=0,0,1,1"
QUERY += "&events=a-secret-event"
NAMED_BY_QUERY = {"/api/v1/clips/zip", "/media/clips.zip", "/api/v1/clip", "/api/v1/clip/sheet", "/api/v1/days"}
OF_NO_CAMERA = {"/api/v1/time", "/api/v1/openapi.json", "/api/v1/live/servers", "/api/v1/live/clock"}
OF_NO_CAMERA |= {"/api/v1/me/phone/{link}", "/api/v1/plan", "/api/v1/plan/image"}


@dataclass
class Filled:
    """A porch with footage, a gap, an event with its pictures, and packets that come."""

    house: House
    event: Event
    segment: str
    clip: str
    listed: str = ""
    """`&cameras=porch`, or nothing: all there are."""

    def path(self, route: str) -> str:
        names = {
            "{camera}": "porch",
            "{event}": self.event.id,
            "{segment}": self.segment,
            "{clip}": self.clip,
            "{key}": "none",
        }
        names |= {"{link}": "0" * 64, "{stream}": "main", "{number}": "0", "{part}": "0"}
        names |= {"{zero_ms}": "0", "{first}": "0", "{count}": "1"}
        for part, value in names.items():
            route = route.replace(part, value)
        now_ms = self.house.clock.now_ms()
        named = "&camera=porch" if route in NAMED_BY_QUERY else self.listed
        return route + QUERY.format(now_ms - 60_000, now_ms) + named

    def scoped(self, *cameras: CameraId) -> RecorderService:
        return scope_recorder(self.house.recorder, frozenset(cameras))

    def browser(self, cameras: list[CameraId] | None, role: Role = Role.VIEWER) -> httpx.AsyncClient:
        return self.house.browser(self.session(cameras, role))

    def session(self, cameras: list[CameraId] | None, role: Role = Role.VIEWER) -> str:
        person = self.house.accounts.put_person("Ben", role)
        session = self.house.accounts.begin_session(person, Caller("127.0.0.1"))
        self.house.accounts.change_person(person, role, cameras)
        return session


@pytest.fixture
def filled(house: House) -> Filled:
    return fill(house)


def fill(house: House) -> Filled:
    start_ms = house.clock.now_ms() - 30_000
    segment = house.recorder.record(start_ms, seconds=10)
    event = Event(EventId("a-secret-event"), PORCH, "person", start_ms, start_ms + 900, 70.0, picture_ms=start_ms)
    house.recorder.index.put_event(event)
    house.recorder.index.put_gap(Gap(PORCH, start_ms - 5000, start_ms, GapReason.UNREACHABLE, "a secret reason"))
    house.recorder.event_pictures[event.id] = house.recorder.event_loops[event.id] = b"\xff\xd8 a picture"
    seen = ObjectPath(7, "person", "a secret person", 0.9, (PathPoint(start_ms, (0.1, 0.2, 0.3, 0.4)),))
    house.recorder.event_paths[event.id] = (seen,)
    for packet in numbered(video(start_ms=house.clock.now_ms() - 4000)):
        house.recorder.hubs[(PORCH, MAIN)].append(packet)
    return Filled(house, event, segment.id, clip_of_the_porch(house, Span(start_ms, start_ms + 9000)))


def clip_of_the_porch(house: House, span: Span) -> str:
    owner = house.accounts.put_person("Anna", Role.OWNER)
    wish = ExportOptions(ExportKind.MP4, (PORCH,), span)
    (made,) = house.site.jobs.ask(owner, house.recorder, house.site.clips, [(wish, "Front door.mp4")])
    assert house.site.jobs.work()
    return made.id


@pytest.mark.shows("SC2")
@pytest.mark.parametrize("listed", ["", "&cameras=porch"])
@pytest.mark.parametrize("route", ASKED)
async def test_p1_nothing_of_another_camera_is_told(filled: Filled, route: str, listed: str) -> None:
    filled.listed = listed
    answer = await asyncio.wait_for(filled.browser([YARD]).get(filled.path(route)), 30)
    if route in OF_NO_CAMERA:
        return
    assert not [secret for secret in SECRETS if secret.encode() in answer.content]
    assert not answer.headers.get("content-type", "").startswith(("image/", "video/", "multipart/"))
    if "{" in route or route in NAMED_BY_QUERY:
        assert answer.status_code == 404


@pytest.mark.parametrize("route", [route for route in ASKED if not route.endswith("/mjpeg")])
async def test_who_may_see_it_is_told_what_the_others_are_not(filled: Filled, route: str) -> None:
    answer = await asyncio.wait_for(filled.browser([PORCH]).get(filled.path(route)), 30)
    no_such = route in ("/api/v1/rtc/{key}", "/api/v1/sealed/ways/{way}") or ("/hls/" in route and "{number}" in route)
    assert answer.status_code == 200 or no_such or answer.json()["code"] in {"no_way", "no_picture"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/v1/events/a-secret-event", {"kept": True}),
        ("POST", "/api/v1/events/bulk", {"ids": ["a-secret-event"], "kept": True}),
        ("POST", "/api/v1/events/a-secret-event/feedback", {"false_alarm": "shadow"}),
        ("POST", "/api/v1/cameras/porch/threshold-preview", {"level": 40}),
        ("POST", "/api/v1/cameras/porch/rtc", "v=0"),
        ("POST", "/api/v1/clips", {"cameras": ["porch"], "from_ms": 1_795_000_000_000, "to_ms": 1_795_000_009_000}),
        ("PATCH", "/api/v1/clips/{clip}", {"kept": True}),
        ("PUT", "/api/v1/clips/{clip}/name", {"name": "Mine"}),
        ("DELETE", "/api/v1/clips/{clip}", None),
        ("POST", "/api/v1/shares", {"camera": "yard", "from_ms": 1000, "to_ms": 2000, "clip": "{clip}"}),
    ],
)
async def test_nothing_of_another_camera_is_changed(filled: Filled, method: str, path: str, body: object) -> None:
    if isinstance(body, dict) and "clip" in body:
        body = {**body, "clip": filled.clip}
    answer = await filled.browser([YARD], Role.MEMBER).request(method, path.replace("{clip}", filled.clip), json=body)
    assert answer.status_code == 404 or answer.json() == {"items": []}
    assert filled.house.recorder.index.event(filled.event.id) == filled.event
    assert [one.kept for one in filled.house.site.jobs.seen_by(Account("anna", "Anna", Role.OWNER))] == [False]


def test_recordings_of_another_camera_are_not_played_by_webrtc_either(filled: Filled) -> None:
    recorder, at_ms = filled.house.recorder, filled.house.clock.now_ms() - 30_000
    assert PacketReel(scope_recorder(recorder, frozenset({PORCH})), PORCH, MAIN, at_ms, codec="h264").next()
    with pytest.raises(CameraHidden):
        PacketReel(scope_recorder(recorder, frozenset({YARD})), PORCH, MAIN, at_ms, codec="h264").next()


def test_an_operation_that_is_added_later_is_refused(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    for interface, target in ((RecorderService, FakeRecorder), (RecordingIndex, MemoryIndex)):
        for name in ("diary", "diaries"):
            monkeypatch.setattr(interface, name, lambda *_: None, raising=False)
            monkeypatch.setattr(target, name, lambda _, *camera: [f"a secret of {camera}"], raising=False)
    blind: Any = filled.scoped(YARD)
    sighted: Any = filled.scoped(PORCH)
    for hidden, seen in ((blind, sighted), (blind.index, sighted.index)):
        for subject in (PORCH, filled.event):
            with pytest.raises(CameraHidden):
                hidden.diary(subject)
            assert seen.diary(subject)
        with pytest.raises(CameraHidden):
            seen.diaries()


@pytest.mark.shows("SC2")
@pytest.mark.parametrize("part", ["", "index", "tuning"])
def test_every_operation_refuses_another_camera(filled: Filled, part: str) -> None:
    scoped = filled.scoped(YARD)
    offered = getattr(scoped, part) if part else scoped
    interface = {"": RecorderService, "index": RecordingIndex, "tuning": DetectionTuningApi}[part]
    given = {
        "camera": PORCH,
        "event": filled.event,
        "segment": filled.house.recorder.index.segment(SegmentId(filled.segment)),
        "event_id": filled.event.id,
        "segment_id": filled.segment,
    }
    tried = []
    for name, operation in inspect.getmembers(interface, inspect.isfunction):
        _, *parameters = inspect.signature(operation).parameters.values()
        if not name.startswith("_") and parameters and parameters[0].name in given:
            tried.append(name)
            others = [None for one in parameters[1:] if one.kind is not one.KEYWORD_ONLY]
            with suppress(CameraHidden, NotDone):
                assert getattr(offered, name)(given[parameters[0].name], *others) is None, name
    assert len(tried) >= 3


def test_the_past_is_for_those_who_are_signed_in() -> None:
    holder, viewer = (LoginSession(Account("x", "X", role, None), b"", 0) for role in (Role.HOLDER, Role.VIEWER))
    assert why_not(holder, Access.VIEW)
    assert why_not(holder, Access.SEE) == why_not(viewer, Access.VIEW) == ""


@pytest.mark.parametrize("way", ["live", "live?stream=main", "pictures", "pictures?width=320"])
async def test_a_live_picture_of_another_camera_is_closed_at_once(filled: Filled, way: str) -> None:
    server = WebServer(filled.house.app, filled.house.accounts, "127.0.0.1", 0)
    await server.start()
    headers = {"Cookie": f"{COOKIE}={filled.session([YARD])}", "Origin": f"http://{server.address}"}
    async with asyncio.timeout(30):
        address = f"ws://{server.address}/api/v1/cameras/porch/{way}"
        async with connect(address, additional_headers=headers, proxy=None) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
    await server.stop()
    assert closed.value.rcvd and closed.value.rcvd.code == NOT_THERE


async def test_what_happens_elsewhere_is_not_told(filled: Filled) -> None:
    server = WebServer(filled.house.app, filled.house.accounts, "127.0.0.1", 0)
    await server.start()
    headers = {"Cookie": f"{COOKIE}={filled.session([YARD])}", "Origin": f"http://{server.address}"}
    async with asyncio.timeout(30):
        address = f"ws://{server.address}/api/v1/ws"
        async with connect(address, additional_headers=headers, proxy=None) as socket:
            await socket.send('{"sub": ["state", "event", "motion", "segment", "gap", "job", "alert"]}')
            first = await socket.recv()
            filled.house.recorder.bus.publish(EventChanged("started", filled.event))
            clip_of_the_porch(filled.house, Span(0, 1000))
            ours = Event(EventId("an-event-here"), YARD, "person", 0, None, 1.0)
            filled.house.recorder.bus.publish(EventChanged("started", ours))
            found = [str(first)]
            while "an-event-here" not in found[-1]:
                found.append(str(await socket.recv()))
    await server.stop()
    assert not [secret for secret in SECRETS for text in found if secret in text]


def test_every_way_to_see_is_tried() -> None:
    """Sockets and what is sent are listed by hand above: a new one must be added there."""
    sockets = {route for route in RULES if route.startswith("WS ")}
    assert sockets == {
        "WS /api/v1/ws",
        "WS /api/v1/address-check/socket",  # counts for a phone's check; nothing of a camera
        "WS /api/v1/standby/line",  # likewise
        "WS /api/v1/fleet/line",  # for recorders with their own key: tests/fleet
        "WS /boxes/{box}/api/v1/{rest:path}",  # another recorder's, by what it allows: tests/fleet
        *(f"WS /api/v1/cameras/{{camera}}/{way}" for way in ("live", "pictures", "talk")),
    }
