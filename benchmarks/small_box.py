"""Whether a Raspberry Pi Zero 2 W is enough: one camera recorded in both streams, watched on the small one.

    python -m benchmarks.small_box [--seconds 90] [--share 0.1667] [--memory 400] [--detection off|motion]

tawny and all that it starts get one core at a sixth of its speed (`--share`), and 400 MB of memory (`--memory`), of
which the kernel's cache of their files is a part. How they are limited is printed: by control groups (v2, or `cpu` and
`memory` of v1) if they can be made here. Otherwise they are stopped and continued 50 times a second, which is coarser
and therefore harder, and memory is only measured: what is resident, libraries that others use too in full. (A limit of
addresses is none of memory: threads and mapped files take addresses that cost nothing.)

The camera is GStreamer's: 1280x720, 15 pictures a second, 2 Mbit/s, and 640x360, 5 a second. What is recorded is
compared with what it sent, slice by slice.

Exit: 1 if a picture was lost or a limit exceeded.
"""

import argparse
import contextlib
import hashlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from benchmarks.latency import LINK
from benchmarks.memory import resident_mb
from benchmarks.peers import CACHE, TICKS_A_SECOND, clip, report, tawny
from benchmarks.rtsp_server import serving
from tawny.api.auth.access import COOKIE
from tawny.media.codec.nal import nal_type, split_annexb, split_lengths

V2 = V1 = Path("/sys/fs/cgroup")
PEAKS, KILLS = ("memory.peak", "memory.max_usage_in_bytes"), ("memory.events", "memory.oom_control")
PERIOD_US = 100_000
TURN_S = 0.02
SETTLED_S, START_S, LOOK_S = 45.0, 240.0, 1.0
FPS, SUB_FPS = 15, 5


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=float, default=90)
    asked.add_argument("--share", type=float, default=1 / 6, help="of one core")
    asked.add_argument("--memory", type=float, default=400, help="MB")
    asked.add_argument("--detection", choices=("off", "motion"), default="motion")
    args = asked.parse_args()
    length_s = round(args.seconds + SETTLED_S + START_S)
    films = {
        "main": clip("box-main", "1280x720", FPS, "2M", length_s),
        "sub": clip("box-sub", "640x360", SUB_FPS, "300k", length_s),
    }
    with tempfile.TemporaryDirectory(dir=CACHE) as made, serving(films) as address:
        folder = Path(made)
        off = 'detection.detector = "off"\n' if args.detection == "off" else ""
        (folder / "tawny.toml").write_text(f'[cameras.yard]\nsource = "{address}/main"\nsub = "{address}/sub"\n{off}')
        with _limits(args.share, args.memory) as limits:
            most_mb, share, watched, began_s = _run(folder, args.share, args.seconds, limits)
            taken = limits.taken()
        lost = {stream: _lost(folder / "data", films[stream], stream) for stream in films}
    fps = watched / args.seconds
    print(f"start: {began_s:.0f} s; CPU: {share:.1%} of a core; watched: {fps:.2f} pictures a second of {SUB_FPS}")
    for stream, (count, missing) in lost.items():
        print(f"{stream}: {count} pictures recorded, {missing} lost")
    if taken is not None:
        print(f"memory group: at most {taken[0]:.0f} MB with the cache of files; {taken[1]} processes killed for it")
    within = report("small_box_memory", most_mb, args.memory, f"{args.memory:.0f} MB", 1.0)
    is_whole = not any(missing for _, missing in lost.values()) and not (taken and taken[1])
    return 0 if within and is_whole and fps > SUB_FPS * 0.95 else 1


def _run(folder: Path, share: float, seconds: float, limits: "_Limits") -> tuple[float, float, int, float]:
    """Return the most MB, the share of a core, how many pictures a viewer got, and the seconds to start."""
    command = [tawny(), "run", "--config", str(folder / "tawny.toml"), "--data", str(folder / "data")]
    log, begun_s = folder / "log", time.monotonic()
    with log.open("wb") as out, _limited([*command, "--listen", "127.0.0.1:0"], share, out.fileno(), limits) as process:
        while not (found := LINK.search(log.read_text())):
            if time.monotonic() - begun_s > START_S or process.poll() is not None:
                raise SystemExit(f"tawny did not begin:\n{log.read_text()}")
            time.sleep(0.2)
        began_s = time.monotonic() - begun_s
        viewer = _Viewer(found[0])
        time.sleep(SETTLED_S)
        most_mb, from_s, before, cpu_s = 0.0, time.monotonic(), viewer.pictures, _cpu_s(process.pid)
        while time.monotonic() - from_s < seconds:
            most_mb = max(most_mb, resident_mb(process.pid))
            time.sleep(LOOK_S)
        used = (_cpu_s(process.pid) - cpu_s) / (time.monotonic() - from_s)
        count = viewer.pictures - before
        viewer.close()
    return most_mb, used, count, began_s


class _Viewer:
    """Someone who is signed in and watches the small stream over a WebSocket, outside the limit."""

    def __init__(self, link: str) -> None:
        base, _, token = link.partition("/setup#token=")
        headers = {"Origin": base, "X-Tawny": "1"}
        claim = {"token": token, "name": "Watcher", "password": "a long one for a while"}
        with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
            client.post("/api/v1/setup/claim", json=claim).raise_for_status()
            cookie = f"{COOKIE}={client.cookies[COOKIE]}"
        at = f"{base.replace('http', 'ws')}/api/v1/cameras/yard/live?stream=sub"
        self._socket = connect(
            at, additional_headers={"Cookie": cookie}, origin=Origin(base), proxy=None, max_size=None, open_timeout=60
        )
        self.pictures = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in self._socket:
                if isinstance(message, bytes) and b"moof" in message[:64]:
                    self.pictures += 1

    def close(self) -> None:
        self._socket.close()
        self._thread.join(5)


# The limit


class _Limits(NamedTuple):
    """Control groups; None: can't be made here. Both may be the same."""

    cpu: Path | None
    memory: Path | None

    def taken(self) -> tuple[float, int] | None:
        """Return the most MB that the memory group had, and how many processes were killed; None without one."""
        if self.memory is None:
            return None
        most = next(self.memory / one for one in PEAKS if (self.memory / one).exists())
        events = next(self.memory / one for one in KILLS if (self.memory / one).exists())
        killed = dict(line.split() for line in events.read_text().splitlines()).get("oom_kill", "0")
        return int(most.read_text()) / 1e6, int(killed)


@contextlib.contextmanager
def _limits(share: float, memory_mb: float) -> Iterator[_Limits]:
    quota, room = str(round(share * PERIOD_US)), str(round(memory_mb * 1e6))
    cpu = _group(((V2, "cpu.max", f"{quota} {PERIOD_US}"), (V1 / "cpu", "cpu.cfs_quota_us", quota)))
    memory = _group(((V2, "memory.max", room), (V1 / "memory", "memory.limit_in_bytes", room)))
    print(f"CPU: {f'control group {cpu}' if cpu else 'stopped and continued 50 times a second'}")
    print(f"memory: {f'control group {memory}' if memory else 'measured only, no control group can be made here'}")
    try:
        yield _Limits(cpu, memory)
    finally:
        for one in {group for group in (cpu, memory) if group is not None}:
            with contextlib.suppress(OSError):  # what it started may still be ending
                one.rmdir()


@contextlib.contextmanager
def _limited(command: Sequence[str], share: float, out: int, limits: _Limits) -> Iterator[subprocess.Popen[bytes]]:
    """A process and all below it, with a share of one core."""
    group = limits.cpu
    core = max(os.sched_getaffinity(0))

    def join() -> None:
        os.sched_setaffinity(0, {core})
        for one in {group for group in limits if group is not None}:
            (one / "cgroup.procs").write_text(str(os.getpid()))

    process = subprocess.Popen(
        list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=join, start_new_session=True
    )
    over = threading.Event()
    turns = threading.Thread(target=_take_turns, args=(process.pid, share, over), daemon=True)
    if group is None:
        turns.start()
    try:
        yield process
    finally:
        over.set()
        if group is None:
            turns.join(5)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _group(ways: Iterable[tuple[Path, str, str]]) -> Path | None:
    """Make a control group with a limit in the first of these ways that is possible here; None if none is."""
    for folder, name, text in ways:
        group = folder / f"tawny-small-box-{os.getpid()}"
        with contextlib.suppress(OSError):
            is_new = not group.exists()
            group.mkdir(exist_ok=True)
            if (group / name).exists():  # else the folder is none of control groups
                (group / name).write_text(text)
                return group
            if is_new:
                group.rmdir()
    return None


def _take_turns(pid: int, share: float, over: threading.Event) -> None:
    """Let a session run for its share of each turn only."""
    with contextlib.suppress(ProcessLookupError):
        while not over.is_set():
            os.killpg(pid, signal.SIGCONT)
            time.sleep(TURN_S * share)
            os.killpg(pid, signal.SIGSTOP)
            time.sleep(TURN_S * (1 - share))
        os.killpg(pid, signal.SIGCONT)


def _cpu_s(pid: int) -> float:
    """User and system seconds of a process and all below it that still run."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
    return total


# What was lost


def _lost(data: Path, film: Path, stream: str) -> tuple[int, int]:
    """Return how many pictures are recorded, and how many of the film are missing between the first and the last."""
    sent = list(_pictures(film))
    kept = [one for path in _recordings(data, stream) for one in _pictures(path)]
    if not kept:
        return 0, len(sent)
    begin = next((at for at in range(len(sent)) if sent[at : at + 3] == kept[:3]), None)
    if begin is None:
        return len(kept), len(sent)
    at, missing = begin, 0
    for one in kept:
        found = sent.index(one, at)
        missing += found - at
        at = found + 1
    return len(kept), missing


def _recordings(data: Path, stream: str) -> list[Path]:
    files = [path for path in data.rglob("*.mp4") if ("sub" in path.relative_to(data).as_posix()) == (stream == "sub")]
    return sorted(files)


def _pictures(path: Path) -> Iterator[str]:
    """Yield a digest of the slices of each picture."""
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if not packet.size:
                continue
            data = bytes(packet)
            units = split_annexb(data) if data.startswith(b"\0\0\0\1") else split_lengths(data)
            yield hashlib.sha1(b"".join(one for one in units if nal_type("h264", one) in (1, 5))).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
