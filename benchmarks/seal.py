"""What sealing costs: tawny sealed, plain with hashes, and without any, recording the same cameras at the same time.

    python -m benchmarks.seal [--cameras 4] [--seconds 120]

Cameras are as in `benchmarks.record`: 1080p, 15 pictures a second, 4 Mbit/s of H.264 over RTSP, synced every second.
CPU is user and system time of the processes, after the first 20 s.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.peers import CACHE, Counted, clip, report, running, tawny, watch_for
from benchmarks.record import WARM_UP_S
from benchmarks.rtsp_server import serving
from tawny.sealed.key_wrapping import Identity

BUDGET_OF_HASHED: Final = 1.15
BUDGET_OF_HASHING: Final = 1.3
PLAIN: Final = '[cameras.cam-{n}]\nsource = "{address}"\ndetection.detector = "off"\n'


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--cameras", type=int, default=4)
    asked.add_argument("--seconds", type=float, default=120)
    args = asked.parse_args()
    film = clip("camera", "1920x1080", 15, "4M", 60 + round(args.seconds + WARM_UP_S))
    programs: dict[str, Callable[[str, Path], contextlib.AbstractContextManager[Counted]]] = {
        "sealed": lambda address, folder: _tawny([tawny()], _sealed(), address, args.cameras, folder),
        "hashed": lambda address, folder: _tawny([tawny()], "", address, args.cameras, folder),
        "unhashed": lambda address, folder: _tawny(
            [sys.executable, "-m", "benchmarks.unhashed"], "", address, args.cameras, folder
        ),
    }
    CACHE.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=CACHE)))
        address = f"{stack.enter_context(serving({'cam': film}))}/cam"
        begun: dict[str, Counted] = {}
        for name, start in programs.items():
            (folder / name).mkdir()
            begun[name] = stack.enter_context(start(address, folder / name))
        watch_for(WARM_UP_S, "warming up")
        before = {name: one.cpu_s() for name, one in begun.items()}
        watch_for(args.seconds, f"{args.cameras} cameras: recording")
        if ended := [name for name, one in begun.items() if not one.is_running]:
            raise SystemExit(f"{' and '.join(ended)} ended before the time")
        minutes = args.cameras * args.seconds / 60
        cpu_s = {name: (one.cpu_s() - before[name]) / minutes for name, one in begun.items()}
        written = {name: sum(1 for _ in (folder / name / "data").rglob("*.main.*")) for name in programs}
    assert all(written.values()), written
    print(", ".join(f"{name} {each:.3f} s" for name, each in cpu_s.items()), "of CPU a camera-minute", flush=True)
    of_hashed = report("seal_of_hashed", cpu_s["sealed"], cpu_s["hashed"], "plain with hashes", BUDGET_OF_HASHED)
    of_plain = report("hashed_of_unhashed", cpu_s["hashed"], cpu_s["unhashed"], "without hashes", BUDGET_OF_HASHING)
    return 0 if of_hashed and of_plain else 1


def _sealed() -> str:
    keys = [Identity.new().recipient for _ in range(2)]
    return f'[storage]\nencrypt = true\n[encryption]\nrecipients = ["{keys[0]}"]\nrecovery = "{keys[1]}"\n'


def _tawny(
    program: list[str], first: str, address: str, cameras: int, folder: Path
) -> contextlib.AbstractContextManager[Counted]:
    settings = folder / "tawny.toml"
    settings.write_text(first + "".join(PLAIN.format(n=n, address=address) for n in range(cameras)))
    words = ["run", "--config", str(settings), "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    return running([*program, *words])


if __name__ == "__main__":
    sys.exit(main())
