"""What every link promises, in memory, by WebSocket and by NATS: whole messages in order, and an end on both sides."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from tawny.api.auth.accounts import Role
from tawny.api.server import WebServer
from tawny.config.fleet import HubNatsSettings, NatsLogin
from tawny.fleet.message_link import MAX_MESSAGE_BYTES, LineClosed, MemoryLink, MessageLink, WebSocketLink
from tawny.fleet.nats_link import NatsLink, NatsListener
from tawny.fleet.session import CREDIT_BYTES, Exchange, Kind, LineFrame, LineSession
from tests.api.fakes import House
from tests.fleet.rig import eventually

HUB = "h" * 43
SIZES = (0, 1, 100, 16_384, 65_536, MAX_MESSAGE_BYTES)
Ends = tuple[MessageLink, MessageLink]


class Accepting:
    """A hub that only keeps the ends of its lines, each until it is closed."""

    def __init__(self) -> None:
        self.ends: list[MessageLink] = []
        self._over = asyncio.Event()

    async def accept(self, link: MessageLink, note_known: Callable[[], None] = lambda: None) -> None:
        self.ends.append(link)
        await self._over.wait()

    async def close(self) -> None:
        self._over.set()
        for end in self.ends:
            await end.close()


@asynccontextmanager
async def opened(accepting: Accepting, dial: Callable[[], Awaitable[MessageLink]]) -> AsyncIterator[Ends]:
    box = await dial()
    await eventually(lambda: len(accepting.ends) == 1, "the hub's end")
    try:
        yield box, accepting.ends[0]
    finally:
        await box.close()
        await accepting.close()


async def test_an_answer_that_is_no_line_ends_the_try_however_deep_its_json_is() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n" + b"[" * 100_000)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(LineClosed):
        await WebSocketLink.open(f"http://127.0.0.1:{port}")
    server.close()


@pytest.fixture(params=["memory", "websocket", "nats"])
async def ends(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Ends]:
    """The box's end and the hub's."""
    accepting = Accepting()
    if request.param == "memory":
        yield MemoryLink.pair()
    elif request.param == "websocket":
        house.accounts.put_person("Anna", Role.OWNER)
        house.site.hub = accepting  # type: ignore[assignment]
        server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
        await server.start()
        async with opened(accepting, lambda: WebSocketLink.open(f"http://{server.address}")) as made:
            yield made
        await server.stop()
    else:
        address = request.getfixturevalue("nats").address
        listener = NatsListener(HubNatsSettings(address=address), HUB, accepting.accept)
        listener.start()
        await eventually(lambda: listener.is_listening, "the hub to listen")
        async with opened(accepting, lambda: NatsLink.open(address, HUB, NatsLogin())) as made:
            yield made
        await listener.close()


async def test_messages_of_all_sizes_arrive_whole_and_in_order(ends: Ends) -> None:
    messages = [bytes([number]) * size for number, size in enumerate(SIZES * 3)]

    async def travel(sender: MessageLink, receiver: MessageLink) -> None:
        async def send() -> None:
            for message in messages:
                await sender.send(message)

        sending = asyncio.create_task(send())
        assert [await receiver.receive() for _ in messages] == messages
        await sending

    box, hub = ends
    await asyncio.wait_for(asyncio.gather(travel(box, hub), travel(hub, box)), 30)


async def test_a_slow_receiver_holds_up_the_sender_and_loses_nothing(ends: Ends) -> None:
    """32 MB, of which nothing is read before the sender waits: at most what lies between the two may be under way."""
    sender, receiver = ends
    sent = 0

    async def send() -> None:
        nonlocal sent
        for number in range(2000):
            await sender.send(number.to_bytes(4) + bytes(16_000))
            sent += 1

    async def stands_still() -> None:
        seen = -1
        while seen != sent:
            seen = sent
            await asyncio.sleep(0.2)

    sending = asyncio.create_task(send())
    await asyncio.wait_for(stands_still(), 20)
    assert 0 < sent < 1000
    for number in range(2000):
        assert int.from_bytes((await asyncio.wait_for(receiver.receive(), 20))[:4]) == number
    await sending


async def test_many_small_messages_are_not_held_up(ends: Ends) -> None:
    sender, receiver = ends

    async def send() -> None:
        for number in range(3000):
            await sender.send(number.to_bytes(4))

    sending = asyncio.create_task(send())
    for number in range(3000):
        assert int.from_bytes(await asyncio.wait_for(receiver.receive(), 20)) == number
    await sending


@pytest.mark.parametrize("by_hub", [False, True])
async def test_close_ends_both_sides_after_what_was_sent(ends: Ends, by_hub: bool) -> None:
    closing, other = reversed(ends) if by_hub else ends
    await closing.send(b"last words")
    await closing.close()
    await closing.close()
    assert await asyncio.wait_for(other.receive(), 10) == b"last words"
    for link in (other, closing):
        with pytest.raises(LineClosed):
            await asyncio.wait_for(link.receive(), 10)
    with pytest.raises(LineClosed):
        for _ in range(3):
            await asyncio.wait_for(other.send(b"too late"), 10)
            await asyncio.sleep(0)


async def test_a_side_that_waits_is_woken_by_the_end(ends: Ends) -> None:
    box, hub = ends
    waiting = asyncio.create_task(hub.receive())
    await asyncio.sleep(0)
    await box.close()
    with pytest.raises(LineClosed):
        await asyncio.wait_for(waiting, 10)


async def test_a_message_that_is_too_large_ends_the_line(ends: Ends) -> None:
    box, hub = ends
    with pytest.raises(LineClosed):
        await box.send(bytes(MAX_MESSAGE_BYTES + 1))
        await asyncio.wait_for(hub.receive(), 10)
    with suppress(LineClosed):
        await box.close()


class OneMessage:
    """A link on which one message arrives when the test wants it, and then nothing."""

    def __init__(self) -> None:
        self.message = asyncio.get_running_loop().create_future()

    async def send(self, message: bytes) -> None:
        raise AssertionError("nothing is sent")

    async def receive(self) -> bytes:
        if self.message.done():
            await asyncio.Event().wait()
        found: bytes = await self.message
        return found

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize("ticks", range(6))
async def test_a_line_that_is_ended_ends_also_if_a_message_arrives_at_that_moment(ticks: int) -> None:
    """Else it went on for 4 s, and a revoked recorder with it."""
    link = OneMessage()
    session = LineSession(link)

    async def read() -> None:
        while True:
            await session.receive_frame()

    task = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    link.message.set_result(LineFrame(Kind.BEAT, 0, b"").encoded())
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=2)
    assert task.cancelled()


@pytest.mark.parametrize(("answer_bytes", "most_reports"), [(10_000, 0), (10 * CREDIT_BYTES, 10)])
async def test_what_was_read_is_reported_seldom(answer_bytes: int, most_reports: int) -> None:
    """A report is a message of its own: with one for each, a short request would be twice as many messages."""
    here, there = MemoryLink.pair()
    kinds: list[Kind] = []

    class Counting(LineSession):
        async def receive_frame(self) -> LineFrame:
            frame = await super().receive_frame()
            kinds.append(frame.kind)
            return frame

    sessions = [Counting(here), Counting(there)]
    asking, answering = (one.exchanges.setdefault(1, Exchange(one, 1)) for one in sessions)
    running = [asyncio.create_task(one.run()) for one in sessions]

    async def answer() -> None:
        while (await answering.receive()).kind is not Kind.END:
            pass
        await answering.send(Kind.DATA, bytes(answer_bytes))
        await answering.send(Kind.END)

    answered = asyncio.create_task(answer())
    await asking.send(Kind.DATA, b"{}")
    await asking.send(Kind.END)
    received = 0
    while (frame := await asyncio.wait_for(asking.receive(), 20)).kind is Kind.DATA:
        received += len(frame.payload)
    await answered
    assert received == answer_bytes
    assert kinds.count(Kind.CREDIT) <= most_reports
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
