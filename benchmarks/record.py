"""What recording costs, beside `ffmpeg -c copy` on the same cameras at the same time. Recording alone: nothing watched.

    python -m benchmarks.record [--cameras 8] [--seconds 300] [--client auto|own|ffmpeg]

The server is GStreamer's; a camera is 1080p, 15 pictures a second, 4 Mbit/s of H.264. tawny runs with its interface
and syncs every second, ffmpeg has a process a camera and never syncs. CPU is user and system time of the processes,
after the first 20 s. Memory is resident at the end, without the ring (the last 20 s, which the bit rate decides).
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.peers import CACHE, Counted, clip, report, running, tawny, watch_for
from benchmarks.rtsp_server import serving

BUDGET_CPU = 1.4
BUDGET_ONE_MB, BUDGET_MORE_MB = 120.0, 12.0
RING_S = 20.0
BIT_RATE = 4_000_000
WARM_UP_S = 20.0


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--cameras", type=int, default=8)
    asked.add_argument("--seconds", type=float, default=300)
    asked.add_argument("--client", default="auto", help="who reads the cameras: auto, own or ffmpeg")
    args = asked.parse_args()
    if shutil.which("ffmpeg") is None:
        print("ffmpeg is not installed: apt-get install ffmpeg", file=sys.stderr)
        return 3
    film = clip("camera", "1920x1080", 15, "4M", 60 + round(args.seconds + WARM_UP_S))
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, serving({"cam": film}) as address:
        ours, theirs, many_mb = _many(f"{address}/cam", args.cameras, args.client, args.seconds, Path(folder))
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, serving({"cam": film}) as address:
        one_mb = _one(f"{address}/cam", args.client, min(60.0, args.seconds), Path(folder))
    minutes = args.cameras * args.seconds / 60
    print(f"CPU s a camera-minute: tawny {ours / minutes:.3f}, ffmpeg {theirs / minutes:.3f}")
    ring_mb = RING_S * BIT_RATE / 8e6
    alone_mb = one_mb - ring_mb
    more_mb = (many_mb - one_mb) / (args.cameras - 1) - ring_mb if args.cameras > 1 else 0.0
    print(f"resident MB: one camera {one_mb:.0f}, {args.cameras} cameras {many_mb:.0f}; a ring is {ring_mb:.0f}")
    within = [
        report("record_cpu", ours, theirs, "ffmpeg -c copy", BUDGET_CPU),
        report("record_memory_one", alone_mb, BUDGET_ONE_MB, f"{BUDGET_ONE_MB:.0f} MB", 1.0),
        report("record_memory_more", more_mb, BUDGET_MORE_MB, f"{BUDGET_MORE_MB:.0f} MB a further camera", 1.0),
    ]
    return 0 if all(within) else 1


def _many(address: str, cameras: int, client: str, seconds: float, folder: Path) -> tuple[float, float, float]:
    """CPU seconds of tawny and of all ffmpegs over the time, and tawny's memory in MB at its end."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(_recorder(address, cameras, client, folder))
        theirs = [stack.enter_context(running(_copy(address, folder / f"{n}.mkv"))) for n in range(cameras)]
        watch_for(WARM_UP_S, "warming up")
        before = ours.cpu_s(), sum(each.cpu_s() for each in theirs)
        watch_for(seconds, "recording")
        return ours.cpu_s() - before[0], sum(each.cpu_s() for each in theirs) - before[1], ours.rss_mb()


def _one(address: str, client: str, seconds: float, folder: Path) -> float:
    with _recorder(address, 1, client, folder) as ours:
        watch_for(WARM_UP_S + seconds, "one camera")
        return ours.rss_mb()


def _recorder(address: str, cameras: int, client: str, folder: Path) -> contextlib.AbstractContextManager[Counted]:
    settings = folder / "tawny.toml"
    table = '[cameras.cam-{n}]\nsource = "{address}"\nwatch.detector = "off"\nrtsp.client = "{client}"\n'
    settings.write_text("".join(table.format(n=n, address=address, client=client) for n in range(cameras)))
    data = str(folder / "data")
    return running([tawny(), "run", "--config", str(settings), "--data", data, "--listen", "127.0.0.1:0"])


def _copy(address: str, path: Path) -> list[str]:
    return [
        "ffmpeg",
        "-nostdin",
        "-loglevel",
        "error",
        "-rtsp_transport",
        "tcp",
        "-i",
        address,
        "-c",
        "copy",
        str(path),
    ]


if __name__ == "__main__":
    sys.exit(main())
