"""What recording only around events costs, beside recording everything, on the same cameras at the same time.

    python -m benchmarks.recording_modes [--cameras 4] [--seconds 120] [--quiet]

Two recorders read the same streams: 1080p, 15 pictures a second, 4 Mbit/s, with a sub stream, which both watch. One
has `record = "continuous"`, the other `record = "events"`. Prints the ratio of their processor time, and of what they
wrote. Exit: 1 if the second takes more than the first.
"""

import argparse
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.films import films
from benchmarks.peers import CACHE, running, tawny
from benchmarks.rtsp_server import serving
from benchmarks.watch import SCENE

WARM_UP_S = 40.0
BUDGET = 1.0
WAYS = ("continuous", "events")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--cameras", type=int, default=4)
    asked.add_argument("--seconds", type=float, default=120.0)
    asked.add_argument("--quiet", action="store_true", help="nobody comes by")
    args = asked.parse_args()
    shown = films(SCENE, round(WARM_UP_S + args.seconds + 60), quiet=args.quiet)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, serving(shown) as address:
        cpu_s, written = _both(address, args.cameras, args.seconds, Path(folder))
    minutes = args.cameras * args.seconds / 60
    for way in WAYS:
        print(f"{way}: CPU s a camera-minute {cpu_s[way] / minutes:.3f}, MB written {written[way] / 1e6:.1f}")
    ratio = cpu_s["events"] / cpu_s["continuous"]
    print(f"CPU of events, of continuous: {ratio:.2f} (budget {BUDGET:.2f})")
    print(f"bytes of events, of continuous: {written['events'] / max(1, written['continuous']):.3f}")
    return int(ratio > BUDGET)


def _both(address: str, cameras: int, seconds: float, folder: Path) -> tuple[dict[str, float], dict[str, int]]:
    """Processor seconds, and bytes of recordings, of both over the same time."""
    with running(_words(address, "continuous", cameras, folder)) as one, (
        running(_words(address, "events", cameras, folder))
    ) as other:  # fmt: skip
        time.sleep(WARM_UP_S)
        before = one.cpu_s(), other.cpu_s()
        sizes = [_size_bytes(folder / way) for way in WAYS]
        time.sleep(seconds)
        after = one.cpu_s(), other.cpu_s()
        if not (one.is_running and other.is_running):
            sys.exit("one of them ended")
        grown = [_size_bytes(folder / way) - size for way, size in zip(WAYS, sizes, strict=True)]
    used = [late - early for early, late in zip(before, after, strict=True)]
    return dict(zip(WAYS, used, strict=True)), dict(zip(WAYS, grown, strict=True))


def _words(address: str, way: str, cameras: int, folder: Path) -> list[str]:
    settings = folder / f"{way}.toml"
    settings.write_text(
        "".join(
            f'[cameras.cam-{n}]\nsource = "{address}/main"\nsub = "{address}/sub"\nrecord = "{way}"\n'
            for n in range(cameras)
        )
    )
    return [tawny(), "run", "--config", str(settings), "--data", str(folder / way), "--listen", "127.0.0.1:0"]


def _size_bytes(folder: Path) -> int:
    size_bytes = 0
    for path in folder.rglob("*.mp4"):
        with suppress(FileNotFoundError):  # an open file that gets its last name
            size_bytes += path.stat().st_size
    return size_bytes


if __name__ == "__main__":
    sys.exit(main())
