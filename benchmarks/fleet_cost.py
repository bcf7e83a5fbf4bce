"""What a hub costs a recorder that has joined it, in every state of the hub; and how long a recorder behind NAT takes.

    python -m benchmarks.fleet_cost [--seconds 60] [--rounds 3] [--cameras 2] [--live 20] [--alone]

Recorders with the same cameras (files of 720p, 2 Mbit/s) run at the same time, so that load of the machine meets them
all, with motion detection or `--alone` without: without a hub; with one that is connected, and looks at nothing; with
one that is absent (a closed port); with one that is slow (accepts, and neither answers nor reads); with one that lies
(another key); with one that answers garbage, and with one that is full (a hub whose files can't grow any more, while
the recorder has 2 MB of history for it). CPU is user and system time of the recorder after 20 s, its ratio that
to the recorder without a hub; each round begins anew, and the median of the rounds counts. Memory is resident at the
end. Then every recording is checked by `tawny check --wall`.

With root, nftables and network namespaces: a recorder behind NAT joins by the QR code before its camera (limit 10 s),
and is asked for live video `--live` times (p95, limit 1 s). Exit: 1 over a limit.
"""

import argparse
import contextlib
import json
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.memory import resident_mb
from benchmarks.peers import CACHE, Counted, clip, report, running, tawny, watch_for
from tawny.testing.waiting import until
from tests.e2e.test_behind_nat import home_at_hub, join, live_after_s
from tests.support.behind_nat import missing

WARM_UP_S = 20.0
MOST_CPU, MOST_MB = 1.02, 16.0
MOST_JOIN_S, MOST_LIVE_S = 10.0, 1.0
NOT_OURS = "http://127.0.0.1:{port}"
NO_KEY = "n" * 43


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--cameras", type=int, default=2)
    asked.add_argument("--live", type=int, default=20)
    asked.add_argument("--alone", action="store_true", help="record without detection")
    args = asked.parse_args()
    film = clip("fleet", "1280x720", 15, "2M", 60)
    cpu: dict[str, list[float]] = {}
    mb: dict[str, list[float]] = {}
    whole = True
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory(dir=CACHE) as made:
            folder = Path(made)
            found = _round(folder, _cameras(film, args.cameras, is_alone=args.alone), args.seconds)
            for name, (cpu_s, rss_mb) in found.items():
                cpu.setdefault(name, []).append(cpu_s)
                mb.setdefault(name, []).append(rss_mb)
            checked = [_is_whole(folder / name, name) for name in found]
            whole = whole and all(checked)
    within = [whole]
    for name in cpu:
        ratio = statistics.median(ours / alone for ours, alone in zip(cpu[name], cpu["none"], strict=True))
        more_mb = statistics.median(ours - alone for ours, alone in zip(mb[name], mb["none"], strict=True))
        cpu_s = statistics.median(cpu[name]) / args.seconds * 60
        print(f"{name}: {cpu_s:.2f} CPU s a minute, {statistics.median(mb[name]):.0f} MB ({more_mb:+.1f} MB)")
        if name != "none":
            within += [report(f"fleet_cpu_{name}", ratio, 1.0, "none", MOST_CPU)]
            within += [report(f"fleet_mb_{name}", max(0.0, more_mb), MOST_MB, f"{MOST_MB:g} MB", 1.0)]
    return 0 if all([*within, *_behind_nat(args.live)]) else 1


def _round(folder: Path, cameras: str, seconds: float) -> dict[str, tuple[float, float]]:
    """Run all recorders; return CPU seconds and memory of each by the state of its hub."""
    with contextlib.ExitStack() as stack:
        made: dict[str, tuple[str, str]] = {
            "none": ("", ""),
            "absent": (NOT_OURS.format(port=_closed_port()), NO_KEY),
            "slow": (NOT_OURS.format(port=stack.enter_context(_serving(_say_nothing))), NO_KEY),
            "garbage": (NOT_OURS.format(port=stack.enter_context(_serving(_answer_garbage))), NO_KEY),
        }
        url = stack.enter_context(_hub(folder))
        made |= {"lying": (url, NO_KEY)}
        programs = {
            name: stack.enter_context(_recorder(folder / name, cameras, hub, key)) for name, (hub, key) in made.items()
        }
        programs["connected"] = stack.enter_context(_joined(folder, cameras, "hub", "connected"))
        programs["full"] = stack.enter_context(_at_full_hub(folder, cameras))
        watch_for(WARM_UP_S, "warming up")
        before = {name: one.cpu_s() for name, one in programs.items()}
        watch_for(seconds, "measuring")
        return {name: (one.cpu_s() - before[name], resident_mb(one.process.pid)) for name, one in programs.items()}


def _cameras(film: Path, number: int, *, is_alone: bool) -> str:
    more = 'detection.detector = "off"\n' if is_alone else ""
    return "".join(f'[cameras.cam-{at}]\nsource = "file:{film}"\nfile.loop = true\n{more}' for at in range(number))


@contextlib.contextmanager
def _recorder(folder: Path, cameras: str, hub: str, key: str) -> Iterator[Counted]:
    folder.mkdir()
    lines = [cameras]
    if hub:
        lines.append(f'[fleet]\nhub = "{hub}"\nhub_key = "{key}"\n')
        _make_key(folder / "data")
    (folder / "tawny.toml").write_text("".join(lines))
    words = ["run", "--config", str(folder / "tawny.toml"), "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    with running([tawny(), *words]) as program:
        yield program


@contextlib.contextmanager
def _joined(folder: Path, cameras: str, hub: str, name: str) -> Iterator[Counted]:
    link = _asked("hub", "link", folder=folder / hub)["link"]
    with _recorder(folder / name, cameras, "", "") as program:
        where = folder / name
        until(lambda: (where / "data" / "control").exists(), 60, "the recorder")
        _asked("fleet", "join", str(link), folder=where)
        yield program


@contextlib.contextmanager
def _at_full_hub(folder: Path, cameras: str) -> Iterator[Counted]:
    with _running_hub(folder / "full-hub") as (_, hub), _joined(folder, cameras, "full-hub", "full") as program:
        resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (0, 0))
        history = folder / "full" / "data" / "history" / "2026-01-01.jsonl"
        history.write_bytes(b"".join(_event_line(number) for number in range(8000)))
        yield program
        with contextlib.closing(sqlite3.connect(folder / "full-hub" / "data" / "hub.db")) as index:
            [stored] = index.execute("SELECT count(*) FROM events").fetchone()
        if stored or not hub.is_running:
            raise SystemExit(f"the full hub has stored {stored} events, or has ended")


def _event_line(number: int) -> bytes:
    record = {
        "id": f"old-{number}", "camera": "cam-0", "kind": "person", "start_ms": number * 1000, "end_ms": number * 1000,
        "score": 80.5, "box": None, "zones": [], "objects": [], "kept": False, "reviewed": False, "picture_ms": None,
    }  # fmt: skip
    return json.dumps({"at_ms": number * 1000, "what": "event", "event": record}).encode() + b"\n"


@contextlib.contextmanager
def _hub(folder: Path) -> Iterator[str]:
    with _running_hub(folder / "hub") as (url, _):
        setup = _asked("setup-link", folder=folder / "hub")
        claim = json.dumps({"token": setup["token"], "name": "Anna", "password": "correct horse battery"}).encode()
        _post(url, "/api/v1/setup/claim", claim)
        yield url


@contextlib.contextmanager
def _running_hub(folder: Path) -> Iterator[tuple[str, Counted]]:
    port = _closed_port()
    folder.mkdir()
    (folder / "tawny.toml").write_text("[hub]\nenabled = true\n")
    where = ["--config", str(folder / "tawny.toml"), "--data", str(folder / "data")]
    with running([tawny(), "run", *where, "--listen", f"127.0.0.1:{port}"]) as program:
        until(lambda: (folder / "data" / "control").exists(), 60, "the hub")
        yield NOT_OURS.format(port=port), program


def _post(base: str, path: str, body: bytes) -> None:
    import httpx

    headers = {"X-Tawny": "1", "Origin": base, "Content-Type": "application/json"}
    httpx.post(base + path, content=body, headers=headers, timeout=60).raise_for_status()


def _asked(*words: str, folder: Path) -> dict[str, object]:
    line = [tawny(), *words, "--config", str(folder / "tawny.toml"), "--data", str(folder / "data"), "--json"]
    done = subprocess.run(line, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {(done.stdout + done.stderr).decode()}")
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _make_key(data: Path) -> None:
    from tawny.fleet.identity import load_or_make_key

    data.mkdir(exist_ok=True)
    load_or_make_key(data)


def _closed_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


@contextlib.contextmanager
def _serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections, and keep them until the end. Yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as kept:

        def accept() -> None:
            while True:
                try:
                    serve(kept.enter_context(listening.accept()[0]))
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def _say_nothing(_: socket.socket) -> None:
    """The connection stays open."""


def _answer_garbage(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000))


def _is_whole(folder: Path, name: str) -> bool:
    done = subprocess.run([tawny(), "check", "--wall", "--data", str(folder / "data")], capture_output=True, text=True)
    if done.returncode:
        print(f"{name}: {done.stdout}{done.stderr}", file=sys.stderr)
    return done.returncode == 0


def _behind_nat(times: int) -> list[bool]:
    if why_not := missing():
        print(f"behind NAT: not measured: {why_not}")
        return []
    with tempfile.TemporaryDirectory(dir=CACHE) as made, home_at_hub(Path(made)) as home:
        until(lambda: home.recorded_bytes() > 0, 60, "the camera to be recorded")
        join(home)
        took_s = sorted(live_after_s(home) for _ in range(times))
        p95_s = took_s[min(len(took_s) - 1, round(0.95 * len(took_s)))]
        print(f"live video: median {took_s[len(took_s) // 2]:.2f} s, p95 {p95_s:.2f} s of {times}")
        return [
            report("fleet_join", home.took_s, MOST_JOIN_S, f"{MOST_JOIN_S:g} s", 1.0),
            report("fleet_live_p95", p95_s, MOST_LIVE_S, f"{MOST_LIVE_S:g} s", 1.0),
        ]


if __name__ == "__main__":
    raise SystemExit(main())
