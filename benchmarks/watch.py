"""What recording and watching cost together, beside Debian's `motion` on the same cameras at the same time.

    python -m benchmarks.watch [--cameras 4] [--seconds 180] [--quiet]

A camera has a large stream (1080p, 15 pictures a second, 4 Mbit/s) and a small one (640x360, 5 a second). tawny records
both and watches the small one; motion watches the small one and passes the large one through while something moves,
which is its cheapest way. The pictures are those of a demo place: wind, noise, somebody every 30 to 90 s (nobody with
`--quiet`). CPU is user and system time of the processes, after the first 20 s.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.films import films
from benchmarks.peers import CACHE, report, running, tawny, watch_for
from benchmarks.rtsp_server import serving

BUDGET = 1.0
WARM_UP_S = 20.0
CAMERA = """\
camera_id {n}
netcam_url {address}/sub
netcam_high_url {address}/main
netcam_params rtsp_transport=tcp
netcam_high_params rtsp_transport=tcp
width 640
height 360
framerate 5
movie_output on
movie_passthrough on
picture_output off
target_dir {folder}/motion-{n}
"""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--cameras", type=int, default=4)
    asked.add_argument("--seconds", type=float, default=180)
    asked.add_argument("--quiet", action="store_true", help="nobody comes by")
    args = asked.parse_args()
    if shutil.which("motion") is None:
        print("motion is not installed: apt-get install motion", file=sys.stderr)
        return 3
    length_s = 60 + round(args.seconds + WARM_UP_S)
    shown = films("drive", length_s, quiet=args.quiet)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, serving(shown) as address:
        ours, theirs = _both(address, args.cameras, args.seconds, Path(folder))
    minutes = args.cameras * args.seconds / 60
    print(f"CPU s a camera-minute: tawny {ours / minutes:.3f}, motion {theirs / minutes:.3f}")
    return 0 if report("watch_cpu", ours, theirs, "motion", BUDGET) else 1


def _both(address: str, cameras: int, seconds: float, folder: Path) -> tuple[float, float]:
    """CPU seconds of tawny and of motion over the same time."""
    settings = folder / "tawny.toml"
    table = '[cameras.cam-{n}]\nsource = "{address}/main"\nsub = "{address}/sub"\n'
    settings.write_text("".join(table.format(n=n, address=address) for n in range(cameras)))
    words = [tawny(), "run", "--config", str(settings), "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(running(words))
        theirs = stack.enter_context(
            running(["motion", "-n", "-c", str(_motion(address, cameras, folder))], cwd=folder)
        )
        watch_for(WARM_UP_S, "warming up")
        before = ours.cpu_s(), theirs.cpu_s()
        watch_for(seconds, "recording and watching")
        return ours.cpu_s() - before[0], theirs.cpu_s() - before[1]


def _motion(address: str, cameras: int, folder: Path) -> Path:
    """motion's settings: its defaults but for what a camera needs; no interface, no log."""
    lines = ["webcontrol_port 0", "stream_port 0", "log_level 1", f"log_file {folder}/motion.log"]
    for n in range(cameras):
        (folder / f"motion-{n}").mkdir()
        one = folder / f"camera-{n}.conf"
        one.write_text(CAMERA.format(n=n + 1, address=address, folder=folder).replace(f"motion-{n + 1}", f"motion-{n}"))
        lines.append(f"camera {one}")
    path = folder / "motion.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
