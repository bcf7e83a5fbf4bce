"""What recording costs, beside others that record the same cameras at the same time. Recording alone: nothing watched.

    python -m benchmarks.record [--cameras 1 8 16] [--seconds 300] [--peers ffmpeg pyav fallback] [--client auto]
                                [--earlier CHECKOUT]

The server is GStreamer's; a camera is 1080p, 15 pictures a second, 4 Mbit/s of H.264. tawny runs with its interface
and syncs every second. Its peers: `ffmpeg -c copy`, a process a camera, which never syncs; PyAV, one process with a
thread a camera, synced every second; with `fallback` tawny once more, reading through FFmpeg; and with `--earlier` the
tawny of another checkout, with its own `.venv`. CPU is user and system time of the processes, after the first 20 s.
Memory is resident at the end, without the ring (the last 20 s, which the bit rate decides).
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import CACHE, Counted, clip, report, running, tawny, watch_for
from benchmarks.rtsp_server import serving

ONE, MANY = 1, 16
BUDGET_OF_FFMPEG = {ONE: 1.0, MANY: 0.6}
"""By the number of cameras."""
BUDGET_OF_PYAV = {MANY: 0.5}
BUDGET_OF_EARLIER = 1.03
"""For any number of cameras."""
BUDGET_ONE_MB, BUDGET_MORE_MB = 120.0, 8.0
RING_S = 20.0
BIT_RATE = 4_000_000
WARM_UP_S = 20.0


class Measured(NamedTuple):
    """One peer: CPU seconds a camera-minute, and resident memory at the end."""

    cpu_s: float
    rss_mb: float


Start = Callable[[str, int, Path], list[contextlib.AbstractContextManager[Counted]]]
"""From the cameras' address, their number and a folder: the processes, not begun yet."""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--cameras", type=int, nargs="+", default=[ONE, 8, MANY])
    asked.add_argument("--seconds", type=float, default=300)
    asked.add_argument("--peers", nargs="*", choices=sorted(PEERS), default=["ffmpeg", "pyav"])
    asked.add_argument("--client", default="auto", help="who reads the cameras for tawny: auto, own or ffmpeg")
    asked.add_argument("--earlier", type=Path, metavar="CHECKOUT", help="another checkout of tawny, with its .venv")
    args = asked.parse_args()
    if shutil.which("ffmpeg") is None:  # it makes the film
        print("ffmpeg is not installed: apt-get install ffmpeg", file=sys.stderr)
        return 3
    film = clip("camera", "1920x1080", 15, "4M", 60 + round(args.seconds + WARM_UP_S))
    programs: dict[str, Start] = {"tawny": lambda *where: _tawny(tawny(), args.client, *where)}
    programs |= {name: PEERS[name] for name in args.peers}
    if args.earlier:
        programs["earlier"] = lambda *where: _tawny(str(args.earlier / ".venv/bin/tawny"), args.client, *where)
    found: dict[int, dict[str, Measured]] = {}
    for cameras in sorted(set(args.cameras)):
        found[cameras] = _measured(programs, film, cameras, args.seconds)
        parts = (f"{name} {one.cpu_s:.3f} s and {one.rss_mb:.0f} MB" for name, one in found[cameras].items())
        print(f"{cameras} cameras, CPU a camera-minute and memory: {', '.join(parts)}", flush=True)
    return 0 if all([*_cpu(found), *_memory(found)]) else 1


def _measured(programs: dict[str, Start], film: Path, cameras: int, seconds: float) -> dict[str, Measured]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=CACHE)))
        address = f"{stack.enter_context(serving({'cam': film}))}/cam"
        running_now: dict[str, list[Counted]] = {}
        for name, start in programs.items():
            (folder / name).mkdir()
            running_now[name] = [stack.enter_context(one) for one in start(address, cameras, folder / name)]
        watch_for(WARM_UP_S, f"{cameras} cameras: warming up")
        before = {name: _cpu_s(processes) for name, processes in running_now.items()}
        watch_for(seconds, f"{cameras} cameras: recording")
        if ended := [name for name, processes in running_now.items() if not all(one.is_running for one in processes)]:
            raise SystemExit(f"{' and '.join(ended)} ended before the time")
        minutes = cameras * seconds / 60
        return {
            name: Measured((_cpu_s(processes) - before[name]) / minutes, sum(one.rss_mb() for one in processes))
            for name, processes in running_now.items()
        }


def _cpu_s(processes: Sequence[Counted]) -> float:
    return sum(one.cpu_s() for one in processes)


def _cpu(found: dict[int, dict[str, Measured]]) -> list[bool]:
    """Lines with the ratios that have a budget; whether each is within it."""
    return [
        report(f"record_cpu_{cameras}_of_{peer}", peers["tawny"].cpu_s, peers[peer].cpu_s, of, budgets[cameras])
        for cameras, peers in found.items()
        for peer, of, budgets in (
            ("ffmpeg", "ffmpeg -c copy", BUDGET_OF_FFMPEG),
            ("pyav", "a recorder on PyAV", BUDGET_OF_PYAV),
            ("earlier", "the other checkout", dict.fromkeys(found, BUDGET_OF_EARLIER)),
        )
        if peer in peers and cameras in budgets
    ]


def _memory(found: dict[int, dict[str, Measured]]) -> list[bool]:
    ring_mb = RING_S * BIT_RATE / 8e6
    least, most = min(found), max(found)
    one_mb, most_mb = found[least]["tawny"].rss_mb, found[most]["tawny"].rss_mb
    within = []
    if least == ONE:
        alone = f"{BUDGET_ONE_MB:.0f} MB for one camera"
        within.append(report("record_memory_one", one_mb - ring_mb, BUDGET_ONE_MB, alone, 1.0))
    if most > least:
        more_mb = (most_mb - one_mb) / (most - least) - ring_mb
        further = f"{BUDGET_MORE_MB:.0f} MB for each further camera"
        within.append(report("record_memory_more", more_mb, BUDGET_MORE_MB, further, 1.0))
    return within


def _tawny(
    program: str, client: str, address: str, cameras: int, folder: Path
) -> list[contextlib.AbstractContextManager[Counted]]:
    settings = folder / "tawny.toml"
    table = '[cameras.cam-{n}]\nsource = "{address}"\ndetection.detector = "off"\nrtsp.client = "{client}"\n'
    settings.write_text("".join(table.format(n=n, address=address, client=client) for n in range(cameras)))
    words = ["run", "--config", str(settings), "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    return [running([program, *words])]


def _ffmpeg(address: str, cameras: int, folder: Path) -> list[contextlib.AbstractContextManager[Counted]]:
    quiet = ["ffmpeg", "-nostdin", "-loglevel", "error"]
    copy = ["-rtsp_transport", "tcp", "-i", address, "-c", "copy"]
    return [running([*quiet, *copy, str(folder / f"{number}.mkv")]) for number in range(cameras)]


def _pyav(address: str, cameras: int, folder: Path) -> list[contextlib.AbstractContextManager[Counted]]:
    return [running([sys.executable, "-m", "benchmarks.pyav_recorder", str(folder), *[address] * cameras])]


PEERS: dict[str, Start] = {
    "ffmpeg": _ffmpeg,
    "pyav": _pyav,
    "fallback": lambda *where: _tawny(tawny(), "ffmpeg", *where),
}

if __name__ == "__main__":
    sys.exit(main())
