"""How long a start takes until the camera sends: what a restart or a power failure misses beyond the outage itself.

    python -m benchmarks.start [--times 5]

A camera on loopback notes when each program has asked it to play: `tawny run` in a folder that has recorded before, and
FFmpeg, which copies the stream to a file. Both are compared with Python loading the libraries that recording needs
(numpy, PyAV, pydantic). Printed are medians, the time until the web page is served too.

Exit: 1 if tawny takes more than BUDGET of the loading.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.peers import report, tawny
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until

BUDGET: Final = 6.5
WAIT_S: Final = 60.0


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--times", type=int, default=5)
    args = asked.parse_args()
    found: dict[str, list[float]] = {"play": [], "page": [], "ffmpeg": [], "libraries": []}
    with tempfile.TemporaryDirectory() as made, RtspCamera(made_clip(ClipSpec(seconds=8))) as camera:
        folder = Path(made)
        (folder / "tawny.toml").write_text(
            f'[web]\nlisten = "127.0.0.1:0"\n[cameras.door]\nsource = "{camera.address}"\n', encoding="utf-8"
        )
        _start_tawny(folder, camera)  # creates the folder, and reads all files once
        for _ in range(args.times):
            play_s, page_s = _start_tawny(folder, camera)
            found["play"].append(play_s)
            found["page"].append(page_s)
            found["ffmpeg"].append(_start_ffmpeg(folder, camera))
            found["libraries"].append(_load_libraries())
    play_s, page_s, ffmpeg_s, libraries_s = (median(found[name]) for name in ("play", "page", "ffmpeg", "libraries"))
    print(f"the camera sends after {play_s:.2f} s, the page is there after {page_s:.2f} s (FFmpeg: {ffmpeg_s:.2f} s)")
    return 0 if report("start", play_s, libraries_s, "loading numpy, PyAV and pydantic", BUDGET) else 1


def _start_tawny(folder: Path, camera: RtspCamera) -> tuple[float, float]:
    """Return after how many seconds the camera was asked to play, and the page was there."""
    log = folder / "log"
    command = [tawny(), "run", "--config", str(folder / "tawny.toml"), "--data", str(folder / "data")]
    with _running(command, log, camera) as playing:
        play_s = playing()
        begun_s = time.monotonic()
        until(lambda: "http://" in log.read_text(), WAIT_S, "the address")
        return play_s, play_s + time.monotonic() - begun_s


def _start_ffmpeg(folder: Path, camera: RtspCamera) -> float:
    copy = ["-nostdin", "-y", "-rtsp_transport", "tcp", "-i", camera.address, "-c", "copy", str(folder / "copy.mkv")]
    with _running(["ffmpeg", *copy], folder / "log", camera) as playing:
        return playing()


@contextmanager
def _running(command: list[str], log: Path, camera: RtspCamera) -> Iterator[Callable[[], float]]:
    """Run a program while entered. The function returns after how many seconds the camera was asked to play."""
    known = len(camera.viewers)
    begun_s = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def playing() -> float:
        until(lambda: any(one.is_playing for one in camera.viewers[known:]), WAIT_S, "PLAY")
        return time.monotonic() - begun_s

    try:
        yield playing
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _load_libraries() -> float:
    begun_s = time.monotonic()
    subprocess.run([sys.executable, "-c", "import av, numpy, pydantic"], check=True)
    return time.monotonic() - begun_s


if __name__ == "__main__":
    sys.exit(main())
