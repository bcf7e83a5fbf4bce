"""A stranger between hub and box, a box in wrong hands, and a hub that lies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.api.auth.accounts import Role
from tawny.engine import connections
from tawny.fleet import fleet_index
from tawny.fleet.box import HubConnection, greet
from tawny.fleet.fleet_index import EventQuestion
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.identity import JoinLink, fingerprint, load_or_make_key
from tawny.fleet.message_link import LineClosed, MemoryLink, SecureLink, open_as_box, open_as_hub
from tawny.fleet.session import Exchange, Kind, LineFrame, as_payload
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.model.errors import UsageError
from tawny.testing.clock import FakeClock
from tests.api.fakes import House
from tests.fleet.rig import DAY, BoxRig, HubRig, event_line, eventually, hub_rig

HUB, BOX = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
CODE = f"{'a' * 22}.{'b' * 43}"
MARK = fingerprint(HUB.public_key().public_bytes_raw())
Meddle = Callable[[MemoryLink, bytes], Awaitable[None]]


async def line_through(meddle: Meddle) -> tuple[SecureLink, SecureLink, asyncio.Task[None]]:
    """Return both ends of a line, of which a stranger passes on the box's messages."""
    box_end, stranger_box = MemoryLink.pair()
    stranger_hub, hub_end = MemoryLink.pair()

    async def to_hub() -> None:
        count = 0
        while True:
            message = await stranger_box.receive()
            count += 1
            await (stranger_hub.send(message) if count <= 2 else meddle(stranger_hub, message))  # after the handshake

    async def to_box() -> None:
        while True:
            await stranger_box.send(await stranger_hub.receive())

    async def stand_between() -> None:
        await asyncio.gather(to_hub(), to_box())

    task = asyncio.create_task(stand_between())
    box, hub = await asyncio.gather(open_as_box(box_end, BOX, MARK), open_as_hub(hub_end, HUB))
    return box, hub, task


async def changed(to: MemoryLink, message: bytes) -> None:
    await to.send(message[:-1] + bytes([message[-1] ^ 1]))


async def repeated(to: MemoryLink, message: bytes) -> None:
    await to.send(message)
    await to.send(message)


async def cut(to: MemoryLink, message: bytes) -> None:
    await to.send(message[:10])


async def test_a_line_is_encrypted_and_known_by_its_keys() -> None:
    seen: list[bytes] = []

    async def read(to: MemoryLink, message: bytes) -> None:
        seen.append(message)
        await to.send(message)

    box, hub, task = await line_through(read)
    await box.send(b"a secret")
    assert await hub.receive() == b"a secret"
    assert hub.peer == BOX.public_key().public_bytes_raw()
    assert not any(b"secret" in one for one in seen)
    task.cancel()


@pytest.mark.parametrize("meddle", [changed, repeated, cut])
async def test_a_changed_or_repeated_message_ends_the_line(meddle: Meddle) -> None:
    box, hub, task = await line_through(meddle)
    await box.send(b"an order")
    with pytest.raises(LineClosed):
        for _ in range(2):
            await hub.receive()
    task.cancel()


async def test_messages_of_another_line_open_nothing() -> None:
    """A replayed connection: the hub's fresh key differs, so that old messages cannot be read."""
    recorded: list[bytes] = []
    box_end, tap = MemoryLink.pair()
    hub_side, hub_end = MemoryLink.pair()

    async def relay() -> None:
        recorded.append(await tap.receive())
        await hub_side.send(recorded[0])
        await tap.send(await hub_side.receive())
        recorded.append(await tap.receive())
        await hub_side.send(recorded[1])

    await asyncio.gather(open_as_box(box_end, BOX, MARK), open_as_hub(hub_end, HUB), relay())
    stranger, again = MemoryLink.pair()
    opening = asyncio.create_task(open_as_hub(again, HUB))
    await stranger.send(recorded[0])
    await stranger.receive()
    await stranger.send(recorded[1])
    with pytest.raises(LineClosed, match="changed"):
        await opening


@pytest.mark.parametrize("greeting", [b"", b"GET / HTTP/1.1", b"tawny line 1" + bytes(32), b"x" * 44])
async def test_nonsense_opens_nothing(greeting: bytes) -> None:
    stranger, end = MemoryLink.pair()
    opening = asyncio.create_task(open_as_hub(end, HUB))
    await stranger.send(greeting)
    with pytest.raises(LineClosed):
        await asyncio.wait_for(opening, 10)


@pytest.fixture
async def rig(house: House) -> AsyncIterator[HubRig]:
    async with hub_rig("memory", house) as made:
        yield made


async def test_a_box_can_only_speak_of_itself(rig: HubRig, box: BoxRig, tmp_path: Path) -> None:
    box.write(event_line("mine"))
    other = BoxRig(tmp_path / "other")
    other.write(event_line("mine", 9999, kind="vehicle"))
    await rig.join(box)
    await rig.join(other)
    async with rig.connected(box), rig.connected(other):
        await eventually(lambda: len(rig.events()) == 2, "both events")
    found = {one.box: one.event.kind for one in rig.index.find(EventQuestion(("shed", "shed-2")))}
    assert found == {"shed": "person", "shed-2": "vehicle"}


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\n", b"[" * 5000 + b"\n", b'{"what": "event"}\n', b'{"what": "event", "event": null}\n', b"\n\n\n",
        event_line("../../x"), event_line("x" * 100), event_line("big", 10**30), event_line("early", -5),
        event_line("e", kind="k" * 100_000), b'{"what": "event_dropped", "event_dropped": {"id": "\\ud800"}}\n',
        event_line("e", camera="\ud800"),
    ],
)  # fmt: skip
def test_any_line_of_a_box_is_stored_or_left_out(line: bytes) -> None:
    index = SqliteFleetIndex(":memory:", FakeClock())
    code, _ = index.invite()
    assert index.join(code, "Shed", b"k" * 32, "words")
    data = line + event_line("good")
    assert index.add("shed", HistoryPiece(DAY, 0, len(data), data)) == len(data)
    assert [one.event.id for one in index.find(EventQuestion(("shed",)))] == ["good"]
    index.close()


@pytest.mark.parametrize(
    "piece",
    [
        HistoryPiece("../../etc/passwd", 0, 5, b"abcd\n"), HistoryPiece(DAY, 7, 12, b"abcd\n"),
        HistoryPiece(DAY, 0, 0, b""), HistoryPiece(DAY, 0, -5, b""), HistoryPiece("x" * 9999, 0, 5, b"abcd\n"),
        HistoryPiece(DAY, 0, 2**70, b""), HistoryPiece(DAY, 0, 99, b"abcd\n"),
    ],
)  # fmt: skip
def test_lines_out_of_place_move_no_cursor(piece: HistoryPiece) -> None:
    index = SqliteFleetIndex(":memory:", FakeClock())
    code, _ = index.invite()
    index.join(code, "Shed", b"k" * 32, "words")
    assert index.add("shed", piece) == 0
    assert index.cursors("shed", "") == {}
    index.close()


def test_a_box_that_stays_connected_keeps_the_newest_events_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_index, "MOST_EVENTS", 3)
    index = SqliteFleetIndex(":memory:", FakeClock())
    code, _ = index.invite()
    index.join(code, "Shed", b"k" * 32, "words")
    data = b"".join(event_line(f"e{number}", 1000 + number) for number in range(9))
    index.add("shed", HistoryPiece(DAY, 0, len(data), data))
    index.note("shed", "1", (), {})
    assert [one.event.id for one in index.find(EventQuestion(("shed",)))] == ["e8", "e7", "e6"]
    index.close()


@pytest.mark.parametrize("said", [b'{"summary": "\\ud800"}', b'{"allow": ["\\udfff"]}', b"[" * 5000, b"[]", b"\xff"])
def test_what_no_page_can_show_ends_the_line(said: bytes) -> None:
    """Half a character can be neither stored nor sent to a browser: the page of all recorders would fail."""
    with pytest.raises(LineClosed):
        _ = LineFrame(Kind.STATUS, 0, said).json


@pytest.mark.parametrize(
    "head",
    [
        {"status": 200, "headers": [["content-type", "text/html"]]},
        {"status": 200, "headers": [["content-type", "text/javascript"]]},
        {"status": 200, "headers": [["content-type", "image/svg+xml"]]},
        {"status": 302, "headers": [["content-type", "text/plain"], ["location", "https://evil.example"]]},
        {"status": "200", "headers": []},
        {"status": 99, "headers": []},
        {"status": 200, "headers": [["content-type", "text/plain"], ["content-length", "many"]]},
    ],
)
async def test_a_box_sends_no_pages_scripts_or_redirects(
    rig: HubRig, box: BoxRig, house: House, head: dict[str, Any]
) -> None:
    async def evil(_: Mapping[str, Any], exchange: Exchange) -> None:
        await exchange.send(Kind.HEAD, as_payload(head))
        await exchange.send(Kind.DATA, b"<script>alert(1)</script>")

    box.answer = evil
    await rig.join(box)
    async with rig.connected(box):
        answer = await house.signed_in(Role.OWNER).get("/boxes/shed/api/v1/health")
    assert answer.status_code == 503
    assert "script" not in answer.text


async def test_who_only_looks_at_a_box_stays_signed_in_at_the_hub(rig: HubRig, box: BoxRig, house: House) -> None:
    await rig.join(box)
    async with rig.connected(box):
        answer = await house.signed_in(Role.OWNER).get("/boxes/shed/api/v1/health")
    assert answer.headers["set-cookie"].startswith("tawny_session=")


async def test_a_box_sets_no_cookie_and_no_policy(rig: HubRig, box: BoxRig, house: House) -> None:
    headers = [["content-type", "application/json"], ["set-cookie", "tawny_session=evil"], ["etag", "a\r\nX: y"]]

    async def evil(_: Mapping[str, Any], exchange: Exchange) -> None:
        more = [["content-security-policy", "none"], ["access-control-allow-origin", "*"]]
        await exchange.send(Kind.HEAD, as_payload({"status": 200, "headers": headers + more}))
        await exchange.send(Kind.DATA, b"{}")

    box.answer = evil
    await rig.join(box)
    async with rig.connected(box):
        answer = await house.signed_in(Role.OWNER).get("/boxes/shed/api/v1/health")
    assert answer.status_code == 200
    assert not {"access-control-allow-origin", "etag", "x"} & set(answer.headers)
    assert "evil" not in str(answer.headers)
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("sent", [b"", b"torn", bytes(2_000_000)])
async def test_a_picture_of_another_length_than_said_is_not_kept(
    rig: HubRig, box: BoxRig, house: House, sent: bytes
) -> None:
    """One that is cut off, because the box goes offline, doesn't replace the last; one without end fills no memory."""

    async def answer(_: Mapping[str, Any], exchange: Exchange) -> None:
        headers = [["content-type", "image/jpeg"], ["content-length", "100"]]
        await exchange.send(Kind.HEAD, as_payload({"status": 200, "headers": headers}))
        await exchange.send(Kind.DATA, sent)

    box.answer = answer
    await rig.join(box)
    async with rig.connected(box):
        answered = await house.signed_in(Role.OWNER).get("/boxes/shed/api/v1/cameras/front/snapshot")
    assert answered.status_code == 503
    assert rig.index.picture_times() == {}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/sign-in"), ("POST", "/me/recent"), ("PUT", "/settings"), ("GET", "/settings")]
)
async def test_a_box_gets_no_request_that_none_answers(
    rig: HubRig, box: BoxRig, house: House, method: str, path: str
) -> None:
    """It may say that nobody is signed in: what is typed into the hub's own page must not reach it."""
    asked: list[Mapping[str, Any]] = []

    async def listen(request: Mapping[str, Any], exchange: Exchange) -> None:
        asked.append(request)
        await exchange.send(Kind.HEAD, as_payload({"status": 200, "headers": [["content-type", "application/json"]]}))

    box.answer = listen
    await rig.join(box)
    async with rig.connected(box):
        browser = house.signed_in(Role.OWNER)
        body = None if method == "GET" else {"password": "of the hub"}
        answer = await browser.request(method, f"/boxes/shed/api/v1{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed_by_recorder")
    assert asked == []


@pytest.mark.parametrize("is_new", [False, True], ids=["by its key", "by a code"])
async def test_the_line_of_a_recorder_lasts(
    box: BoxRig, house: House, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    async with hub_rig("websocket", house) as rig:
        if not is_new:
            await rig.join(box)
        carrier = await rig.carrier()
        await box.greet(carrier, rig.mark, rig.index.invite()[0] if is_new else None)
        await eventually(lambda: any(one.is_signed_in for one in rig.connections), "the box to be known", 3)
        monkeypatch.setattr(connections, "UNSIGNED_S", -1.0)
        rig.connections.sweep()
        assert [one.is_signed_in for one in rig.connections] == [True]
        await carrier.close()


async def test_a_stranger_cannot_keep_a_line_open(box: BoxRig, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It proves a key, but none of a recorder here."""
    async with hub_rig("websocket", house) as rig:
        carrier = await rig.carrier()
        await open_as_box(carrier, box.key, rig.mark)
        assert [one.is_signed_in for one in rig.connections] == [False]
        monkeypatch.setattr(connections, "UNSIGNED_S", -1.0)
        rig.connections.sweep()
        assert len(rig.connections) == 0
        await carrier.close()


@pytest.mark.parametrize("code", [None, "of-another-recorder"])
async def test_a_refused_recorder_counts_as_a_stranger(
    box: BoxRig, house: House, monkeypatch: pytest.MonkeyPatch, code: str | None
) -> None:
    async with hub_rig("websocket", house) as rig:
        known: list[object] = []
        monkeypatch.setattr(connections.ClientConnection, "sign_in", known.append)
        with pytest.raises(LineClosed):
            await box.greet(await rig.carrier(), rig.mark, code)
        await eventually(lambda: not len(rig.connections), "the end of the line")
    assert known == []


async def lying_hub(box: BoxRig, frames: list[LineFrame], cursors: Mapping[str, object]) -> str:
    """Let a box connect to a hub that sends these frames. Return why the box ends the line."""
    hub_end, box_end = MemoryLink.pair()

    async def lie() -> None:
        link = await open_as_hub(hub_end, HUB)
        await link.receive()
        welcome = {"box": "b", "name": "b", "words": "w", "hub": "h", "cursors": cursors}
        await link.send(LineFrame(Kind.WELCOME, 0, as_payload(welcome)).encoded())
        for frame in frames:
            await link.send(frame.encoded())
        while True:
            await link.receive()

    task = asyncio.create_task(lie())
    try:
        secure = await open_as_box(box_end, BOX, MARK)
        welcome = await greet(secure, {"book": ""})
        with pytest.raises(LineClosed) as ended:
            await asyncio.wait_for(HubConnection(secure, box.offer(), dict(welcome.cursors)).serve(), 20)
        return str(ended.value)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (LineFrame(Kind.LINES, 0, b""), "wasn't asked for"),
        (LineFrame(Kind.OPEN, 1, b"no json"), "couldn't be understood"),
        (LineFrame(Kind.CURSOR, 0, as_payload({"file": DAY, "offset": -1})), "doesn't store"),
        (LineFrame(Kind.CURSOR, 0, as_payload({"file": "other", "offset": 99})), "doesn't store"),
    ],
)
async def test_a_lying_hub_ends_its_own_line_and_nothing_else(box: BoxRig, frame: LineFrame, why: str) -> None:
    box.write(event_line("e"))
    assert why in await lying_hub(box, [frame], {})


async def test_a_hub_that_asks_without_end_is_cut_off(box: BoxRig) -> None:
    async def never(_: Mapping[str, Any], exchange: Exchange) -> None:
        await asyncio.Event().wait()

    box.answer = never
    asked = [LineFrame(Kind.OPEN, number, as_payload({"path": "/"})) for number in range(1, 200)]
    assert "asks too much" in await lying_hub(box, asked, {"x": "y", "z": -4})


async def test_a_hub_that_opens_and_ends_without_reading_is_cut_off(box: BoxRig) -> None:
    """What is left to say to it must not pile up."""

    async def until_its_end(_: Mapping[str, Any], exchange: Exchange) -> None:
        while (await exchange.receive()).kind is not Kind.END:
            pass

    box.answer = until_its_end
    asked = [
        frame
        for number in range(1, 2000)
        for frame in (LineFrame(Kind.OPEN, number, as_payload({"path": "/"})), LineFrame(Kind.END, number, b""))
    ]
    assert await lying_hub(box, asked, {})


async def test_a_hub_that_sends_more_than_may_wait_is_cut_off(box: BoxRig) -> None:
    async def never(_: Mapping[str, Any], exchange: Exchange) -> None:
        await asyncio.Event().wait()

    box.answer = never
    flood = [LineFrame(Kind.DATA, 1, bytes(200_000))] * 10
    frames = [LineFrame(Kind.OPEN, 1, as_payload({"path": "/"})), *flood]
    assert "more than was asked for" in await lying_hub(box, frames, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://h/join",
        "ftp://h/join#a.b",
        f"http://h/else#{'a' * 22}.{'b' * 43}",
        f"http://h:99999/join#{'a' * 22}.{'b' * 43}",
    ],
)
def test_only_a_whole_link_is_one(text: str) -> None:
    with pytest.raises(UsageError):
        JoinLink.parse(text)


def test_a_link_keeps_address_code_and_key() -> None:
    link = JoinLink("https://hub.example:8443/cams", "a" * 22, MARK)
    assert JoinLink.parse(f" {link}\n") == link
    to_standby = replace(link, to="standby")
    assert JoinLink.parse(str(to_standby)) == to_standby


def test_a_link_to_a_hub_is_none_to_a_standby_and_the_other_way_round() -> None:
    link = JoinLink("https://hub.example", "a" * 22, MARK)
    assert link.needed("hub") == link
    with pytest.raises(UsageError, match="leads to a hub"):
        link.needed("standby")
    with pytest.raises(UsageError, match="leads to a standby"):
        replace(link, to="standby").needed("hub")


def test_an_invitation_expires_after_ten_minutes() -> None:
    clock = FakeClock()
    index = SqliteFleetIndex(":memory:", clock)
    code, _ = index.invite()
    clock.advance(601)
    assert index.join(code, "Shed", b"k" * 32, "words") is None
    index.close()


def test_the_key_is_readable_by_its_user_only(tmp_path: Path) -> None:
    key = load_or_make_key(tmp_path)
    assert (tmp_path / "fleet.key").stat().st_mode & 0o777 == 0o600
    assert load_or_make_key(tmp_path).private_bytes_raw() == key.private_bytes_raw()
