import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Caller, Role
from tawny.api.server import WebServer
from tawny.live.stream_choice import choose_stream
from tawny.model.damage import DamagedSpan
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import (
    DamageFound,
    EventChanged,
    GapChanged,
    Message,
    PartDied,
    Scored,
    SegmentClosed,
    StatusChanged,
)
from tawny.model.observations import RecognisedText
from tawny.model.packets import VideoFormat
from tawny.model.segments import Gap, GapReason
from tawny.model.states import CameraState
from tawny.stream.hub import Hub
from tests.api.fakes import House
from tests.live.cameras import GOP, numbered, video
from tests.playback.archives import MAIN, PORCH, SUB

LIVE, STATE = "/api/v1/cameras/porch/live", "/api/v1/ws"
EVENT = Event(EventId("e"), PORCH, "person", 1000, None, 70.0)


@pytest.fixture
async def server(house: House) -> AsyncIterator[WebServer]:
    made = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await made.start()
    yield made
    await made.stop()


def session(house: House) -> str:
    person = house.accounts.put_person("Anna", Role.VIEWER)
    return house.accounts.begin_session(person, Caller("127.0.0.1"))


def opened(server: WebServer, path: str, token: str = "", origin: str | None = "") -> connect:
    headers = {"Cookie": f"{COOKIE}={token}"}
    if origin is not None:
        headers["Origin"] = origin or f"http://{server.address}"
    return connect(f"ws://{server.address}{path}", additional_headers=headers, proxy=None)


async def heard(socket: ClientConnection) -> Any:
    async with asyncio.timeout(10):
        message = await socket.recv()
    return message if isinstance(message, bytes) else json.loads(message)


async def subscribed(socket: ClientConnection, *channels: str) -> None:
    await socket.send(json.dumps({"sub": list(channels)}))


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code


def feed(hub: Hub, count: int, *, width: int = 64) -> None:
    for packet in numbered(video(count=count, width=width)):
        hub.append(packet)


# --- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LIVE, STATE])
async def test_without_a_session_a_socket_is_closed_with_a_code_that_a_page_can_read(
    server: WebServer, path: str
) -> None:
    async with opened(server, path) as socket:
        assert await close_code(socket) == 4401


@pytest.mark.parametrize("path", [LIVE, STATE])
@pytest.mark.parametrize("origin", [None, "http://evil.test", "null", "http://127.0.0.1:1", "http://["])
async def test_another_sites_page_opens_no_socket(
    house: House, server: WebServer, path: str, origin: str | None
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(server, path, session(house), origin):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", [LIVE, STATE])
async def test_who_signs_out_sees_nothing_more(house: House, server: WebServer, path: str) -> None:
    token, hub = session(house), house.recorder.hubs[PORCH, MAIN]
    feed(hub, 2)
    async with opened(server, path, token) as socket:
        await socket.send('{"sub": ["state"]}')
        await heard(socket)
        found = house.accounts.session(token)
        assert found
        house.accounts.end_session(found.key)
        house.clock.advance(5.1)
        feed(hub, 3)
        house.recorder.bus.publish(StatusChanged(house.recorder.listed[0].status))
        assert await close_code(socket) == 4401


@pytest.mark.parametrize("path", [LIVE, STATE])
async def test_who_may_see_other_cameras_connects_again_and_stays_signed_in(
    house: House, server: WebServer, path: str
) -> None:
    """Programs take 4401 for the end of their session."""
    token, hub = session(house), house.recorder.hubs[PORCH, MAIN]
    feed(hub, 2)
    async with opened(server, path, token) as socket:
        await socket.send('{"sub": ["state"]}')
        await heard(socket)
        found = house.accounts.session(token)
        assert found
        house.accounts.change_person(found.person, Role.VIEWER, [CameraId("yard"), PORCH])
        house.clock.advance(5.1)
        assert await close_code(socket) == 1012
    async with opened(server, path, token) as socket:
        await socket.send('{"sub": ["state"]}')
        await heard(socket)


async def test_what_is_not_understood_ends_the_socket(house: House, server: WebServer) -> None:
    async with opened(server, STATE, session(house)) as socket:
        await socket.send("hello")
        assert await close_code(socket) == 1008


async def test_a_flood_of_text_ends_the_socket(house: House, server: WebServer) -> None:
    async with opened(server, STATE, session(house)) as socket:
        await socket.send("[" * 100_000)
        assert await close_code(socket) == 1009


# --- live ------------------------------------------------------------------------------------------------------------


async def test_the_first_picture_comes_at_once(house: House, server: WebServer) -> None:
    feed(house.recorder.hubs[PORCH, MAIN], GOP + 3)
    async with opened(server, f"{LIVE}?stream=main", session(house)) as socket:
        about, init, fragment = [await heard(socket) for _ in range(3)]
    assert set(about) == {"mime", "stream", "start_ms", "width", "height", "turned"}
    assert (about["stream"], about["width"]) == ("main", 64)
    assert (init[4:8], fragment[4:8]) == (b"ftyp", b"moof")


async def test_what_comes_later_follows(house: House, server: WebServer) -> None:
    hub = house.recorder.hubs[PORCH, SUB]
    async with opened(server, f"{LIVE}?stream=sub", session(house)) as socket:
        assert (await heard(socket))["waiting"] is True
        threading.Thread(target=feed, args=(hub, 5)).start()
        kinds = [type(await heard(socket)) for _ in range(6)]
    assert kinds == [dict, bytes, bytes, bytes, bytes, bytes]


async def test_a_camera_that_sends_nothing_says_why(house: House, server: WebServer) -> None:
    house.recorder.set_state(CameraState.REFUSED, "Check the password.")
    async with opened(server, LIVE, session(house)) as socket:
        assert await heard(socket) == {"waiting": True, "state": "refused", "detail": "Check the password."}


@pytest.mark.parametrize(
    ("query", "stream"),
    [("", "main"), ("?can=h264", "main"), ("?can=h265", "main"), ("?stream=sub", "sub"), ("?stream=auto", "main")],
)
async def test_the_large_picture_is_shown_if_it_can_be(
    house: House, server: WebServer, query: str, stream: str
) -> None:
    feed(house.recorder.hubs[PORCH, MAIN], 3)
    feed(house.recorder.hubs[PORCH, SUB], 3)
    async with opened(server, LIVE + query, session(house)) as socket:
        assert (await heard(socket))["stream"] == stream


@pytest.mark.parametrize(("can", "stream"), [("h264", "sub"), ("h264,h265", "main"), ("h265", "main")])
def test_what_the_browser_cannot_play_is_replaced_by_the_small_picture(house: House, can: str, stream: str) -> None:
    for packet in numbered(video(count=3)):
        assert isinstance(packet.format, VideoFormat)
        house.recorder.hubs[PORCH, MAIN].append(replace(packet, format=replace(packet.format, codec="h265")))
    feed(house.recorder.hubs[PORCH, SUB], 3)
    choice = choose_stream(house.site.hubs(PORCH), "auto", can.split(","), house.clock.now_ms())
    assert choice
    assert (choice.name, choice.turns) == (stream, False)


async def test_only_the_small_picture_is_coming(house: House, server: WebServer) -> None:
    feed(house.recorder.hubs[PORCH, SUB], 3)
    async with opened(server, LIVE, session(house)) as socket:
        assert (await heard(socket))["stream"] == "sub"


async def test_the_small_picture_is_shown_while_the_large_one_sends_nothing(house: House, server: WebServer) -> None:
    feed(house.recorder.hubs[PORCH, MAIN], 3)
    house.clock.advance(3600)
    for packet in numbered(video(start_ms=house.clock.now_ms(), count=3)):
        house.recorder.hubs[PORCH, SUB].append(packet)
    async with opened(server, LIVE, session(house)) as socket:
        assert (await heard(socket))["stream"] == "sub"


async def test_viewers_are_counted_while_they_look(house: House, server: WebServer) -> None:
    feed(house.recorder.hubs[PORCH, MAIN], 3)
    async with opened(server, LIVE, session(house)) as socket:
        await heard(socket)
        assert house.recorder.viewers == [(PORCH, MAIN, 1)]
    async with asyncio.timeout(10):
        while len(house.recorder.viewers) < 2:
            await asyncio.sleep(0.01)
    assert house.recorder.viewers[-1] == (PORCH, MAIN, 0)


async def test_a_paused_page_is_sent_nothing(house: House, server: WebServer) -> None:
    hub = house.recorder.hubs[PORCH, MAIN]
    packets = list(numbered(video()))
    hub.append(packets[0])
    async with opened(server, LIVE, session(house)) as socket:
        assert "mime" in await heard(socket)
        assert (await heard(socket))[4:8] == b"ftyp"
        await socket.send('{"pause": true}')
        await (await socket.ping())  # both are answered in order
        for packet in packets[1 : GOP + 2]:
            hub.append(packet)
        await socket.send('{"pause": false}')
        assert (await heard(socket))[4:8] == b"moof"  # the first after the newest keyframe


async def test_a_recorder_that_is_no_hub_has_no_sockets_of_others(
    house: House, server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(server, "/boxes/cabin/api/v1/ws", session(house)) as socket:
        assert await close_code(socket) == 4404
    assert [line for line in caplog.records if line.levelname == "ERROR"] == []


async def test_there_is_no_live_picture_of_no_camera(house: House, server: WebServer) -> None:
    async with opened(server, "/api/v1/cameras/nobody/live", session(house)) as socket:
        assert await close_code(socket) == 4404


# --- what changes ----------------------------------------------------------------------------------------------------


async def test_who_subscribes_gets_all_of_the_state_first(house: House, server: WebServer) -> None:
    async with opened(server, STATE, session(house)) as socket:
        await subscribed(socket, "state")
        result = await heard(socket)
    assert (result["ch"], result["d"]["working"], result["t"]) == ("state", 1, house.clock.now_ms())


@pytest.mark.shows("SC9")
async def test_a_change_of_state_is_told(house: House, server: WebServer) -> None:
    async with opened(server, STATE, session(house)) as socket:
        await subscribed(socket, "state")
        await heard(socket)
        house.recorder.set_state(CameraState.OFFLINE)
        house.clock.advance(0.6)
        house.recorder.bus.publish(StatusChanged(house.recorder.listed[0].status))
        assert (await heard(socket))["d"]["cameras"][0]["state"] == "offline"


@pytest.mark.shows("SC9")
@pytest.mark.parametrize(
    ("message", "channel", "data"),
    [
        (GapChanged(Gap(PORCH, 5, None, GapReason.STALLED)), "gap", {"camera": "porch", "begin_ms": 5}),
        (
            DamageFound(DamagedSpan(PORCH, MAIN, 5, 9, 1, 2)),
            "damage",
            {"camera": "porch", "begin_ms": 5, "stream": "main"},
        ),
        (Scored(PORCH, 7000, 44), "motion", {"camera": "porch", "score": 44, "t": 7000}),
        (EventChanged("started", EVENT), "event", {"what": "started"}),
    ],
)
async def test_what_happens_is_told(
    house: House, server: WebServer, message: Message, channel: str, data: dict[str, object]
) -> None:
    async with opened(server, STATE, session(house)) as socket:
        await subscribed(socket, "state", channel)
        await heard(socket)
        house.recorder.bus.publish(PartDied("a part", "of no interest to browsers"))
        house.recorder.bus.publish(message)
        result = await heard(socket)
    assert result["ch"] == channel
    assert data.items() <= result["d"].items()


async def test_a_disk_that_hangs_delays_no_other_page(
    house: House, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of a recognized plate comes from the disk. Messages keep their order."""
    answers, answered = threading.Event(), list[bool]()

    def called(_read: object) -> str:
        answered.append(answers.wait(5))
        return "Anna"

    monkeypatch.setattr(house.recorder, "called", called)
    plate = replace(EVENT, reads=(RecognisedText("plates", "B-AB 123", 0.9, "anna"),))
    async with opened(server, STATE, session(house)) as socket:
        await subscribed(socket, "state", "event")
        await heard(socket)
        asyncio.get_running_loop().call_later(0.2, answers.set)
        house.recorder.bus.publish(EventChanged("started", plate))
        house.recorder.bus.publish(EventChanged("ended", EVENT.ended(2000)))
        assert [(await heard(socket))["d"]["what"] for _ in range(2)] == ["started", "ended"]
    assert answered and all(answered)


async def test_a_new_segment_is_told(house: House, server: WebServer) -> None:
    segment = house.recorder.record(1000)
    async with opened(server, STATE, session(house)) as socket:
        await subscribed(socket, "state", "segment")
        await heard(socket)
        house.recorder.bus.publish(SegmentClosed(segment))
        result = await heard(socket)
    assert result["d"] == {"camera": "porch", "stream": "main", "start_ms": 1000, "end_ms": 5000}


async def test_what_was_not_asked_for_is_not_told(house: House, server: WebServer) -> None:
    async with opened(server, STATE, session(house)) as socket:
        await subscribed(socket, "state", "event", "something newer")
        await heard(socket)
        house.recorder.bus.publish(Scored(PORCH, 7000, 44))
        house.recorder.bus.publish(EventChanged("ended", EVENT))
        assert (await heard(socket))["ch"] == "event"


async def test_a_screen_learns_which_camera_an_alert_is_about_and_no_more(house: House, server: WebServer) -> None:
    screen = house.accounts.put_person("Kitchen", Role.SCREEN)
    async with opened(server, STATE, house.accounts.begin_session(screen, Caller("127.0.0.1"))) as socket:
        await subscribed(socket, "state", "event", "segment", "alert")
        await heard(socket)
        for level in ("motion", "detection", "alert"):
            house.recorder.bus.publish(EventChanged("started", replace(EVENT, level=level, start_ms=len(level))))
        result = await heard(socket)
    assert (result["ch"], result["d"]) == ("alert", {"camera": "porch", "start_ms": 5, "going": True})


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER, Role.GUEST, Role.SCREEN])
async def test_alerts_are_only_of_cameras_that_a_person_may_see(house: House, server: WebServer, role: Role) -> None:
    yard = CameraId("yard")
    ben = house.accounts.put_person("Ben", role)
    ben = house.accounts.change_person(ben, role, [yard], house.clock.now_ms() + 86_400_000)
    async with opened(server, STATE, house.accounts.begin_session(ben, Caller("127.0.0.1"))) as socket:
        await subscribed(socket, "state", "alert")
        await heard(socket)
        alert = replace(EVENT, level="alert")
        for what, event in (("started", alert), ("updated", alert), ("ended", alert.ended(2000))):
            house.recorder.bus.publish(EventChanged(what, event))
        house.recorder.bus.publish(EventChanged("started", replace(alert, camera=yard, start_ms=7)))
        result = await heard(socket)
    assert (result["ch"], result["d"]) == ("alert", {"camera": "yard", "start_ms": 7, "going": True})


async def test_a_page_that_is_gone_is_not_told_any_more(house: House, server: WebServer) -> None:
    before = len(house.recorder.bus)
    async with opened(server, STATE, session(house)) as socket:
        await subscribed(socket, "state")
        await heard(socket)
    async with asyncio.timeout(10):
        while len(house.recorder.bus) > before:
            await asyncio.sleep(0.01)


async def test_a_sign_of_life_every_few_seconds(house: House, server: WebServer) -> None:
    async with opened(server, STATE, session(house)) as socket:
        await subscribed(socket, "state")
        await heard(socket)
        house.clock.advance(5.1)
        house.recorder.bus.publish(Scored(PORCH, 7000, 44))
        assert (await heard(socket))["ch"] == "ping"
