"""What a line by NATS costs against one by WebSocket: lines of history, requests, and long answers.

    python -m benchmarks.line_carriers [--rounds 3] [--lines 50000] [--requests 500] [--mb 64]

A hub with SQLite and a box in one process, connected by WebSocket and through a `nats-server` on this computer in turn.
Each ratio is the time by NATS to that by WebSocket in the same round; the median of the rounds counts. Then the time
until JetStream has stored messages of 16 kB, to the time until the other end of a line has them. Exit: 1 over a budget.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from nats.aio.client import Client

from benchmarks.peers import report
from tawny.config.fleet import HubNatsSettings, NatsLogin
from tawny.fleet.message_link import MessageLink
from tawny.fleet.nats_link import NatsLink, NatsListener
from tawny.fleet.session import Exchange, Kind, as_payload
from tests.api.fakes import make_house
from tests.fleet.rig import DAY, BoxRig, HubRig, event_line, eventually, hub_rig
from tests.support.nats import NatsServer, nats_server

WAYS = ("websocket", "nats")
MOST_LINES, MOST_LATENCY, MOST_BODY = 1.5, 2.5, 2.5
MESSAGE = bytes(16 * 1024)
MESSAGES = 4000
ASK = {"method": "GET", "path": "/x", "query": "1", "headers": [], "person": "Anna", "role": "owner"}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--lines", type=int, default=50_000)
    asked.add_argument("--requests", type=int, default=500)
    asked.add_argument("--mb", type=int, default=64)
    args = asked.parse_args()
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as made, nats_server(f'jetstream {{ store_dir: "{made}/store" }}\n') as server:
        for number in range(args.rounds):
            for way in WAYS:
                folder = Path(made) / f"{way}-{number}"
                found[way].append(asyncio.run(_round(way, server, folder, args)))
        stored_s, sent_s = asyncio.run(_by_jetstream(server)), asyncio.run(_by_line(server))
    for way in WAYS:
        one = {name: statistics.median(each[name] for each in found[way]) for name in found[way][0]}
        print(
            f"{way}: {args.lines / one['lines']:,.0f} lines a second, request {one['median'] * 1000:.2f} ms median and "
            f"{one['p95'] * 1000:.2f} ms p95, answers {args.mb / one['body']:.0f} MB a second"
        )
    print(
        f"{MESSAGES} messages of 16 kB: {MESSAGES / sent_s:,.0f} a second by a line, "
        f"{MESSAGES / stored_s:,.0f} a second stored by JetStream ({stored_s / sent_s:.1f} times as long)"
    )
    budgets = {"lines": MOST_LINES, "median": MOST_LATENCY, "p95": MOST_LATENCY, "body": MOST_BODY}
    within = []
    for name, budget in budgets.items():
        pairs = zip(found["nats"], found["websocket"], strict=True)
        ratio = statistics.median(ours[name] / theirs[name] for ours, theirs in pairs)
        within.append(report(f"nats_{name}", ratio, 1.0, "WebSocket", budget))
    return 0 if all(within) else 1


async def _round(way: str, server: NatsServer, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Return seconds: of all lines, a request (median and p95), and a long answer."""
    house = make_house(folder / "house")
    try:
        nats = HubNatsSettings(address=server.address)
        async with hub_rig(way, house, folder / "hub.db", nats=nats) as rig:
            box = BoxRig(folder / "box")
            await rig.join(box)
            box.write(b"".join(event_line(f"e{number}", number) for number in range(args.lines)))
            size, book = (box.folder / "history" / DAY).stat().st_size, box.offer().history.book()
            begun_s = perf_counter()
            async with rig.connected(box):
                await eventually(lambda: rig.index.cursors("shed", book).get(DAY) == size, "all lines", 600)
                lines_s = perf_counter() - begun_s
                took = [await _ask_s(rig) for _ in range(args.requests)]
                box.answer = _answer_of(args.mb)
                body_s = await _ask_s(rig)
    finally:
        house.accounts.close()
    return {
        "lines": lines_s,
        "median": statistics.median(took),
        "p95": sorted(took)[len(took) * 95 // 100],
        "body": body_s,
    }


async def _ask_s(rig: HubRig) -> float:
    begun_s = perf_counter()
    exchange = await rig.hub.ask("shed", ASK)
    await exchange.send(Kind.END)
    while (await exchange.receive()).kind is not Kind.END:
        pass
    exchange.close()
    return perf_counter() - begun_s


def _answer_of(megabytes: int) -> Any:
    async def answer(_: Mapping[str, Any], exchange: Exchange) -> None:
        await exchange.send(Kind.HEAD, as_payload({"status": 200, "headers": []}))
        for _number in range(megabytes):
            await exchange.send(Kind.DATA, bytes(1_000_000))

    return answer


async def _by_line(server: NatsServer) -> float:
    """Return seconds until the other end has all messages."""
    ends: asyncio.Queue[MessageLink] = asyncio.Queue()
    done = asyncio.Event()

    async def keep(link: MessageLink) -> None:
        ends.put_nowait(link)
        await done.wait()

    listener = NatsListener(HubNatsSettings(address=server.address), "h" * 43, keep)
    listener.start()
    await eventually(lambda: listener.is_listening, "the hub to listen")
    box = await NatsLink.open(server.address, "h" * 43, NatsLogin())
    hub = await ends.get()

    async def send() -> None:
        for _ in range(MESSAGES):
            await box.send(MESSAGE)

    begun_s = perf_counter()
    sending = asyncio.create_task(send())
    for _ in range(MESSAGES):
        await hub.receive()
    took_s = perf_counter() - begun_s
    await sending
    done.set()
    await box.close()
    await listener.close()
    return took_s


async def _by_jetstream(server: NatsServer) -> float:
    """Return seconds until the server has acknowledged all messages, 32 at a time; they are not received yet."""
    async with _client(server) as client:
        stream = client.jetstream()
        await stream.add_stream(name="lines", subjects=["lines.*"])
        begun_s = perf_counter()
        for _ in range(MESSAGES // 32):
            await asyncio.gather(*(stream.publish("lines.box", MESSAGE) for _ in range(32)))
        return perf_counter() - begun_s


@asynccontextmanager
async def _client(server: NatsServer) -> Any:
    client = Client()
    await client.connect(server.address)
    try:
        yield client
    finally:
        await client.close()


if __name__ == "__main__":
    sys.exit(main())
