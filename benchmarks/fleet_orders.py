"""How long an order to a recorder takes through its hub, how soon one that is offline is said to be, and a revocation.

    python -m benchmarks.fleet_orders [--orders 500] [--only websocket|nats]

A hub and two recorders with a camera each, in processes of their own, by WebSocket and by a NATS server in turn. An
order is `record now` of a camera by its owner's HTTP request, which is decided, carried out and stored by the recorder
before it is answered; the same order is given at the recorder itself in turn. Then one recorder is killed, and asked as
often while it is offline. At last the other one is revoked: until the hub refuses it, and until it knows itself. Its
files must not name the first one. p99 of all. Exit: 1 over a limit.
"""

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.peers import CACHE, Counted, clip, report, running, tawny
from tawny.testing.waiting import until
from tests.support.nats import nats_server

MOST_ORDER_MS, MOST_OFFLINE_MS, MOST_REVOKED_MS = 20.0, 50.0, 1000.0
OWNER = {"name": "Anna", "password": "correct horse battery"}
SHARES = "health,events,live,clips,orders"
NAMES = ("quarry", "orchard")
PATIENCE_S = 60.0


@dataclass
class Recorder:
    """A recorder in a process, and its owner's browser."""

    folder: Path
    program: Counted
    pages: httpx.Client

    def command(self, *words: str) -> dict[str, Any]:
        done = subprocess.run(
            [tawny(), *words, *_place(self.folder), "--json"],
            capture_output=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: {(done.stdout + done.stderr).decode()}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextlib.contextmanager
def recorder(folder: Path, settings: str) -> Iterator[Recorder]:
    """Run a recorder with an owner."""
    folder.mkdir()
    (folder / "tawny.toml").write_text(settings)
    base = f"http://127.0.0.1:{_free_port()}"
    with running([tawny(), "run", *_place(folder), "--listen", base[7:]]) as program:
        until(lambda: (folder / "data" / "control").exists(), PATIENCE_S, "the recorder")
        headers = {"X-Tawny": "1", "Origin": base}
        with httpx.Client(base_url=base, headers=headers, timeout=PATIENCE_S) as pages:
            made = Recorder(folder, program, pages)
            token = made.command("setup-link")["token"]
            pages.post("/api/v1/setup/claim", json={"token": token, **OWNER}).raise_for_status()
            yield made


def measured(by: str, nats: str, orders: int) -> list[bool]:
    film = clip("orders", "640x360", 10, "300k", 60)
    camera = f'[cameras.front]\nsource = "file:{film}"\nfile.loop = true\ndetection.detector = "off"\n'
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=CACHE)))
        line = f'[hub.nats]\naddress = "{nats}"\n' if nats else ""
        hub = stack.enter_context(recorder(folder / "hub", f"[hub]\nenabled = true\n{line}"))
        one, other = (stack.enter_context(recorder(folder / name, camera)) for name in NAMES)
        for each in (one, other):
            each.command(
                "fleet", "join", hub.command("hub", "link")["link"], "--allow", SHARES, "--name", each.folder.name
            )
        until(lambda: _online(hub) == set(NAMES), PATIENCE_S, "both recorders to be online")
        direct, through = [], []
        for number in range(orders):
            direct.append(_took_ms(partial(_order, one, "", number)))
            through.append(_took_ms(partial(_order, hub, f"/boxes/{NAMES[0]}", number)))
        direct_ms, order_ms = _p99(f"{by}: an order at the recorder", direct), _p99("the same through the hub", through)
        print(
            f"  the hub adds {_median(through) - _median(direct):.1f} ms (median), {order_ms - direct_ms:.1f} ms (p99)"
        )
        one.program.process.kill()
        one.program.process.wait()
        until(lambda: NAMES[0] not in _online(hub), PATIENCE_S, "the recorder to be offline")
        offline_ms = _p99("asked while it is offline", [_took_ms(lambda: _is_offline(hub)) for _ in range(orders)])
        refused_ms, known_ms = _revoked(hub, other)
        print(f"revoked: refused by the hub after {refused_ms:.0f} ms, known to the recorder after {known_ms:.0f} ms")
        found = [path for path in _files(other.folder) if NAMES[0].encode() in path.read_bytes()]
        print(f"files of a recorder that name the other one: {[str(path) for path in found] or 'none'}")
        return [
            report(f"fleet_order_{by}_p99", order_ms, MOST_ORDER_MS, f"{MOST_ORDER_MS:g} ms", 1.0),
            report(f"fleet_offline_{by}_p99", offline_ms, MOST_OFFLINE_MS, f"{MOST_OFFLINE_MS:g} ms", 1.0),
            report(f"fleet_revoked_{by}", max(refused_ms, known_ms), MOST_REVOKED_MS, f"{MOST_REVOKED_MS:g} ms", 1.0),
            not found,
        ]


def _order(at: Recorder, prefix: str, number: int) -> None:
    body = {"what": "none"} if number % 2 else {"what": "record", "for_s": 60}
    at.pages.put(f"{prefix}/api/v1/cameras/front/hold", json=body).raise_for_status()


def _is_offline(hub: Recorder) -> None:
    answer = hub.pages.put(f"/boxes/{NAMES[0]}/api/v1/cameras/front/hold", json={"what": "none"})
    if answer.status_code != 503 or answer.json()["code"] != "recorder_offline":
        raise SystemExit(f"an offline recorder answered {answer.status_code}: {answer.text}")


def _revoked(hub: Recorder, box: Recorder) -> tuple[float, float]:
    """Revoke a recorder; return ms until the hub refuses requests to it, and until it knows that itself."""
    begun_s = time.perf_counter()
    hub.pages.delete(f"/api/v1/fleet/boxes/{NAMES[1]}").raise_for_status()
    refused = hub.pages.get(f"/boxes/{NAMES[1]}/api/v1/health").status_code
    refused_ms = (time.perf_counter() - begun_s) * 1000
    if refused not in (403, 404, 503):
        raise SystemExit(f"a revoked recorder answered {refused}")
    until(lambda: box.pages.get("/api/v1/fleet/membership").json()["state"] != "online", PATIENCE_S, "the recorder")
    return refused_ms, (time.perf_counter() - begun_s) * 1000


def _online(hub: Recorder) -> set[str]:
    return {one["id"] for one in hub.pages.get("/api/v1/fleet").json()["boxes"] if one["online"]}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _took_ms(act: Callable[[], None]) -> float:
    begun_s = time.perf_counter()
    act()
    return (time.perf_counter() - begun_s) * 1000


def _median(took: list[float]) -> float:
    return sorted(took)[len(took) // 2]


def _p99(what: str, took: list[float]) -> float:
    found = sorted(took)[int(len(took) * 0.99)]
    print(f"{what}: p50 {_median(took):.1f} ms, p99 {found:.1f} ms")
    return found


def _place(folder: Path) -> list[str]:
    return ["--config", str(folder / "tawny.toml"), "--data", str(folder / "data")]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--orders", type=int, default=500)
    asked.add_argument("--only", choices=("websocket", "nats"))
    args = asked.parse_args()
    within = []
    if args.only != "nats":
        within += measured("websocket", "", args.orders)
    if args.only != "websocket":
        with nats_server() as server:
            within += measured("nats", server.address, args.orders)
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
