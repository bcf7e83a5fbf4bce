"""A hub that is reached through a NATS server: who may connect, what is noticed, and what is never sent or lost."""

import asyncio
import base64
import json
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nkeys
import pytest
from nats.aio.client import Client

from tawny.config.fleet import FleetSettings, HubNatsSettings, NatsLogin
from tawny.fleet import nats_link
from tawny.fleet.box import FleetMember, MemberState
from tawny.fleet.identity import save_key
from tawny.fleet.message_link import LineClosed
from tawny.fleet.nats_link import (
    FIRST_WINDOW_BYTES,
    LEAST_WINDOW_BYTES,
    MOST_WINDOW_BYTES,
    NatsLink,
    NatsListener,
    SendWindow,
)
from tests.api.fakes import House
from tests.delivery.certificates import self_signed
from tests.fleet.rig import BoxRig, event_line, eventually, hub_rig
from tests.support.nats import NatsServer, nats_server

HUB = "h" * 43
PASSWORD = "open-sesame-4711"
NO_ONE = NatsLogin()
BOXES_ONLY = f"""
authorization {{ users = [
  {{ user: hub, password: "{PASSWORD}", permissions: {{
    subscribe: ["tawny.*.dial", "tawny.*.line.*"], publish: ["tawny.*.box.*"] }} }}
  {{ user: box, password: "{PASSWORD}", permissions: {{
    subscribe: ["tawny.*.box.*"], publish: ["tawny.*.dial", "tawny.*.line.*"] }} }}
] }}
"""
"""As in docs/how-to/nats.md."""


@asynccontextmanager
async def member(
    rig_url: str, mark: str, box: BoxRig, folder: Path, login: NatsLogin = NO_ONE
) -> AsyncIterator[FleetMember]:
    save_key(folder, box.key)
    settings = FleetSettings(hub=rig_url, hub_key=mark, nats=login)
    made = FleetMember(folder, lambda: settings, box.offer)
    made.start()
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def listening(address: str, login: NatsLogin = NO_ONE) -> AsyncIterator[list[NatsLink]]:
    """A hub that answers each message with the same one. Yields its ends of lines."""
    ends: list[NatsLink] = []

    async def answer(link: NatsLink) -> None:
        ends.append(link)
        try:
            while True:
                await link.send(await link.receive())
        except LineClosed:
            return

    settings = HubNatsSettings(address=address, **login.model_dump())
    listener = NatsListener(settings, HUB, answer)  # type: ignore[arg-type]
    listener.start()
    await eventually(lambda: listener.is_listening, "the hub to listen")
    try:
        yield ends
    finally:
        await listener.close()


async def answered(link: NatsLink) -> bool:
    try:
        await link.send(b"anyone?")
        return await asyncio.wait_for(link.receive(), 10) == b"anyone?"
    finally:
        await link.close()


async def test_a_server_that_is_restarted_costs_no_line_and_repeats_none(
    house: House, box: BoxRig, tmp_path: Path
) -> None:
    with nats_server() as server:
        async with hub_rig("nats", house, nats=HubNatsSettings(address=server.address)) as rig:
            box.write(event_line("e1", 1000))
            await rig.join(box)
            async with member(rig.url, rig.mark, box, tmp_path) as joined:
                await eventually(lambda: rig.events() == ["e1"], "the first event")
                server.kill()
                await eventually(lambda: not rig.hub.is_online("shed"), "the hub to miss the box")
                await eventually(lambda: joined.state is MemberState.OFFLINE, "the box to miss the hub")
                box.write(event_line("e2", 2000) + event_line("e3", 3000))
                server.start()
                await eventually(lambda: rig.events() == ["e3", "e2", "e1"], "what happened meanwhile", 60)
                size = (box.folder / "history" / "2026-11-20.jsonl").stat().st_size
                assert list(rig.index.cursors("shed", box.offer().history.book()).values()) == [size]


async def test_sc8_a_silent_server_is_noticed_on_both_sides_within_seconds(
    house: House, box: BoxRig, tmp_path: Path
) -> None:
    with nats_server() as server:
        async with hub_rig("nats", house, nats=HubNatsSettings(address=server.address)) as rig:
            await rig.join(box)
            async with member(rig.url, rig.mark, box, tmp_path) as joined:
                await eventually(lambda: rig.hub.is_online("shed"), "the line")
                server.send_signal(signal.SIGSTOP)  # its connections stay open
                began_s = asyncio.get_running_loop().time()
                try:
                    await eventually(lambda: not rig.hub.is_online("shed"), "the hub to notice")
                    assert asyncio.get_running_loop().time() - began_s < 6
                    await eventually(lambda: joined.state is MemberState.OFFLINE, "the box to notice")
                finally:
                    server.send_signal(signal.SIGCONT)
                await eventually(lambda: rig.hub.is_online("shed"), "the line again", 60)


async def test_three_boxes_share_a_server_and_each_line_arrives_once(
    house: House, nats: NatsServer, tmp_path: Path
) -> None:
    async with hub_rig("nats", house, nats=HubNatsSettings(address=nats.address)) as rig:
        boxes = [BoxRig(tmp_path / f"box-{number}") for number in range(3)]
        for number, one in enumerate(boxes):
            one.write(b"".join(event_line(f"b{number}-e{event}", event * 1000) for event in range(30)))
            await rig.join(one)
        async with rig.connected(boxes[0]), rig.connected(boxes[1]), rig.connected(boxes[2]):
            await eventually(lambda: len(rig.events()) == 90, "all events")
            assert len(set(rig.events())) == 90


async def test_more_lines_than_one_connection_carries_have_further_ones(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server drops a connection to which too much is under way: an installer's 300 homes need several."""
    monkeypatch.setattr(nats_link, "LINES_A_CONNECTION", 2)
    opened: list[str] = []

    class Counted(nats_link.NatsConnection):
        def __init__(self, host: str) -> None:
            opened.append(host)
            super().__init__(host)

    async with listening(nats.address):
        monkeypatch.setattr(nats_link, "NatsConnection", Counted)
        links = [await NatsLink.open(nats.address, HUB, NO_ONE) for _ in range(5)]
        assert len(opened) == 5 + 2  # the boxes' own, and two of the hub besides its first one
        assert await asyncio.gather(*map(answered, links)) == [True] * 5
        again = [await NatsLink.open(nats.address, HUB, NO_ONE) for _ in range(2)]
        assert await asyncio.gather(*map(answered, again)) == [True] * 2


async def test_a_hub_that_is_not_there_is_said_at_once(nats: NatsServer) -> None:
    with pytest.raises(LineClosed, match="the hub isn't connected to the NATS server"):
        await NatsLink.open(nats.address, "n" * 43, NO_ONE)


async def test_a_server_that_is_not_there_is_said_with_its_address() -> None:
    with pytest.raises(LineClosed, match=r"cannot connect to nats://127.0.0.1:9: .*failed"):
        await NatsLink.open("nats://127.0.0.1:9", HUB, NO_ONE)


async def test_a_peer_that_vanishes_is_noticed_by_what_is_sent(nats: NatsServer) -> None:
    """It says nothing: its process was killed. The server knows that no one listens."""
    hub, client = "v" * 43, Client()
    await client.connect(nats.address)
    own = f"tawny.{hub}.line.{'x' * 22}"

    async def accept(msg: object) -> None:
        await client.publish(msg.reply, b"\x01" + own.encode())  # type: ignore[attr-defined]

    await client.subscribe(own)
    await client.subscribe(f"tawny.{hub}.dial", cb=accept)
    await client.flush()
    link = await NatsLink.open(nats.address, hub, NO_ONE)
    await client.close()
    with pytest.raises(LineClosed, match="the other side is gone"):
        async with asyncio.timeout(10):
            while True:  # as a session does with its heartbeats; the server may still be about to notice
                await link.send(b"anyone?")
                await asyncio.sleep(0.05)
    await link.close()


async def test_a_message_that_is_missing_ends_the_line(nats: NatsServer) -> None:
    hub, client = "m" * 43, Client()
    await client.connect(nats.address)

    async def skip_one(msg: object) -> None:
        peer = msg.reply  # type: ignore[attr-defined]
        own = f"tawny.{hub}.line.{'x' * 22}"
        await client.publish(peer, b"\x01" + own.encode())
        for number in (0, 2):
            await client.publish(peer, b"\x02" + number.to_bytes(8) + b"text")

    await client.subscribe(f"tawny.{hub}.dial", cb=skip_one)
    await client.flush()
    link = await NatsLink.open(nats.address, hub, NO_ONE)
    assert await asyncio.wait_for(link.receive(), 10) == b"text"
    with pytest.raises(LineClosed, match="a message was lost"):
        await asyncio.wait_for(link.receive(), 10)
    await link.close()
    await client.close()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"\x02" + (1).to_bytes(8) + bytes(300_000), "more than was asked for"),
        (b"\x03" + (1 << 40).to_bytes(8), "couldn't be understood"),  # has read what was never sent
        (b"\x03", "couldn't be understood"),
        (b"\x63", "couldn't be understood"),
        (b"", "couldn't be understood"),
    ],
)
async def test_nonsense_ends_the_line(nats: NatsServer, message: bytes, why: str) -> None:
    async with listening(nats.address) as ends:
        client = Client()
        await client.connect(nats.address)
        inbox, box_subject = f"tawny.{HUB}.line.*", list[str]()

        async def watch(msg: object) -> None:
            box_subject.append(msg.reply)  # type: ignore[attr-defined]

        await client.subscribe(inbox, cb=watch)
        await client.flush()
        link = await NatsLink.open(nats.address, HUB, NO_ONE)
        await link.send(b"a first message")
        await eventually(lambda: bool(box_subject and ends), "the subject")
        assert await link.receive() == b"a first message"
        await client.publish(box_subject[0], message)
        with pytest.raises(LineClosed, match=why):
            await asyncio.wait_for(link.receive(), 10)
        await link.close()
        await client.close()


async def test_a_hub_sends_to_no_subject_that_a_stranger_names(nats: NatsServer) -> None:
    async with listening(nats.address) as ends:
        client, heard = Client(), list[bytes]()
        await client.connect(nats.address)

        async def hear(msg: object) -> None:
            heard.append(msg.data)  # type: ignore[attr-defined]

        await client.subscribe("orders.>", cb=hear)
        for data, reply in ((b"tawny line by NATS 1", "orders.of.another"), (b"hello", f"tawny.{HUB}.box.{'x' * 22}")):
            await client.publish(f"tawny.{HUB}.dial", data, reply)
        await client.flush()
        assert await answered(await NatsLink.open(nats.address, HUB, NO_ONE))  # dialled afterwards
        assert (len(ends), heard) == (1, [])
        await client.close()


async def test_a_server_with_small_messages_is_refused_with_what_to_do() -> None:
    text = "at most 65,536 bytes; set max_payload to 1MB"
    with nats_server("max_payload: 64KB\n") as server, pytest.raises(LineClosed, match=text):
        await NatsLink.open(server.address, HUB, NO_ONE)


async def test_passwords_and_rights_by_subject_as_documented(
    house: House, box: BoxRig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    own, wrong = NatsLogin(user="box", password=PASSWORD), NatsLogin(user="box", password="wrong-" + PASSWORD)
    with nats_server(BOXES_ONLY) as server:
        for login in (wrong, NO_ONE):
            with pytest.raises(LineClosed, match="Authorization Violation"):
                await NatsLink.open(server.address, HUB, login)
        async with listening(server.address, NatsLogin(user="hub", password=PASSWORD)):
            assert await answered(await NatsLink.open(server.address, HUB, own))
            with pytest.raises(LineClosed, match=r"(?i)permissions violation"):
                await NatsLink.open(server.address, HUB, NatsLogin(user="hub", password=PASSWORD))
        settings = HubNatsSettings(address=server.address, user="hub", password=PASSWORD)
        async with hub_rig("nats", house, nats=settings, login=own) as rig:
            box.write(event_line("e1"))
            await rig.join(box)
            async with member(rig.url, rig.mark, box, tmp_path, own):
                await eventually(lambda: rig.events() == ["e1"], "the event")
    assert PASSWORD not in caplog.text


async def test_the_seed_of_an_nkey_signs_in(tmp_path: Path) -> None:
    pair = nkeys.from_seed(seed := nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER))
    file = tmp_path / "box.nk"
    file.write_bytes(bytes(seed) + b"\n")
    login = NatsLogin(credentials=str(file))
    with nats_server(f"authorization {{ users = [ {{ nkey: {pair.public_key.decode()} }} ] }}\n") as server:
        async with listening(server.address, login):
            assert await answered(await NatsLink.open(server.address, HUB, login))


def jwt(issuer: nkeys.KeyPair, subject: nkeys.KeyPair, kind: str, **claims: object) -> str:
    """A token as `nsc` writes it."""

    def coded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    nats = {"type": kind, "version": 2, **claims}
    answer = {"jti": kind, "iat": 1_700_000_000, "name": kind, "nats": nats}
    answer |= {"iss": issuer.public_key.decode(), "sub": subject.public_key.decode()}
    text = f"{coded(json.dumps({'typ': 'JWT', 'alg': 'ed25519-nkey'}).encode())}.{coded(json.dumps(answer).encode())}"
    return f"{text}.{coded(issuer.sign(text.encode()))}"


async def test_a_file_of_credentials_signs_in(tmp_path: Path) -> None:
    kinds = (nkeys.PREFIX_BYTE_OPERATOR, nkeys.PREFIX_BYTE_ACCOUNT, nkeys.PREFIX_BYTE_USER)
    seeds = [bytes(nkeys.encode_seed(bytes([number]) * 32, kind)) for number, kind in enumerate(kinds, 1)]
    operator, account, user = (nkeys.from_seed(bytearray(seed)) for seed in seeds)
    most = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    accounts = jwt(operator, account, "account", limits={**most, "wildcards": True})
    settings = (
        f"operator: {jwt(operator, operator, 'operator')}\nresolver: MEMORY\n"
        f"resolver_preload: {{ {account.public_key.decode()}: {accounts} }}\n"
    )
    file = tmp_path / "box.creds"
    file.write_text(
        f"-----BEGIN NATS USER JWT-----\n{jwt(account, user, 'user', subs=-1, data=-1, payload=-1)}\n"
        f"------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{seeds[2].decode()}\n"
        "------END USER NKEY SEED------\n"
    )
    login = NatsLogin(credentials=str(file))
    with nats_server(settings) as server:
        async with listening(server.address, login):
            assert await answered(await NatsLink.open(server.address, HUB, login))
        with pytest.raises(LineClosed, match="Authorization Violation"):
            await NatsLink.open(server.address, HUB, NO_ONE)


@pytest.mark.parametrize(
    ("text", "why"), [(None, "can't be read"), ("", "holds neither"), ("-----BEGIN NATS USER JWT-----\n", "neither")]
)
async def test_a_file_without_credentials_is_named(
    nats: NatsServer, tmp_path: Path, text: str | None, why: str
) -> None:
    file = tmp_path / "box.creds"
    if text is not None:
        file.write_text(text)
    with pytest.raises(LineClosed, match=f"{file} {why}|{file} holds {why}"):
        await NatsLink.open(nats.address, HUB, NatsLogin(credentials=str(file)))


async def test_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    both = self_signed(tmp_path)
    tls = f'tls {{ cert_file: "{both}", key_file: "{both}" }}\n'
    with nats_server(tls) as server:
        address = server.address.replace("nats://", "tls://")
        login = NatsLogin(authority=str(both))
        async with listening(address, login):
            assert await answered(await NatsLink.open(address, HUB, login))
            with pytest.raises(LineClosed, match="certificate verify failed"):
                await NatsLink.open(address, HUB, NO_ONE)
    with pytest.raises(LineClosed, match="can't be used as the authority"):
        await NatsLink.open(address, HUB, NatsLogin(authority=str(tmp_path / "none.pem")))


async def test_no_password_leaves_in_clear_text_if_tls_is_wanted() -> None:
    """A server in the middle that says that it doesn't encrypt."""
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"INFO " + json.dumps({"server_id": "x", "version": "2.9.0", "max_payload": 1048576}).encode() + b"\r\n"
        )
        while data := await reader.read(4096):
            heard.extend(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(LineClosed, match="doesn't encrypt"):
        await NatsLink.open(address, HUB, NatsLogin(user="box", password=PASSWORD))
    server.close()
    assert PASSWORD.encode() not in heard


async def test_what_stands_in_the_way_of_recorders_is_told_while_it_lasts() -> None:
    with nats_server() as server:
        server.stop()
        listener = NatsListener(HubNatsSettings(address=server.address), HUB, never)
        listener.start()
        await eventually(lambda: "cannot connect" in listener.problem, "the problem")
        server.start()
        await eventually(lambda: listener.is_listening, "the hub to listen")
        assert listener.problem == ""
        await listener.close()


async def never(_: object) -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("took_s", "window_bytes"), [(0.01, MOST_WINDOW_BYTES), (0.9, FIRST_WINDOW_BYTES), (2.0, LEAST_WINDOW_BYTES)]
)
def test_the_window_follows_how_quickly_messages_are_read(took_s: float, window_bytes: int) -> None:
    window, now_s, total = SendWindow(), 0.0, 0
    for _ in range(100):
        before = total
        while window.is_open:
            window.note_sent(8192, now_s)
            total += 8192
        now_s += took_s
        assert total - before <= MOST_WINDOW_BYTES
        window.note_read(total, now_s)
    assert window.size_bytes == window_bytes


def test_a_recorder_that_does_not_use_it_imports_nothing_of_it() -> None:
    text = "import sys, tawny.app.web_interface, tawny.cli.fleet; print([m for m in sys.modules if m[:4] == 'nats'])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
