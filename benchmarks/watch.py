"""What recording and watching cost together, beside Debian's `motion` on the same cameras at the same time.

    python -m benchmarks.watch [--cases sub-quiet sub-busy main-quiet main-busy] [--cameras 8] [--seconds 180]

A camera has a large stream (1080p, 15 pictures a second, 4 Mbit/s) and, in the cases called `sub`, a small one
(640x360, 5 a second). tawny records all there is and watches the small stream, or the large one; motion watches the
same one and passes the large one through while something moves, which is its cheapest way. The pictures are those of a
demo place: wind, noise, and in the cases called `busy` somebody every 30 to 90 s; each of these must become an event.
CPU is user and system time of the processes, from 20 s after every stream is recorded: a busy machine takes long to
get there. Each stream is a film that begins when it is asked for: who came by counts from the begin of the watched one.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.films import SCENE_SEED, films
from benchmarks.peers import CACHE, report, running, tawny, watch_for
from benchmarks.rtsp_server import serving
from tawny.model.events import Event
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.sources.demo.world import SCENES, DemoWorld, Passage
from tawny.storage.index.opening import index_to_read
from tawny.storage.index.protocol import Index

SCENE = "drive"
START_S, WARM_UP_S = 100.0, 20.0
"""So long the streams may take until all are recorded; and so long they are recorded before anything counts."""
LATE_MS = 2000
"""An event may begin so long after somebody came into the picture."""


class Case(NamedTuple):
    has_sub: bool
    is_quiet: bool
    budget: float
    """Of motion's CPU."""


CASES = {
    "sub-quiet": Case(True, True, 0.4),
    "sub-busy": Case(True, False, 0.8),
    "main-quiet": Case(False, True, 0.2),
    "main-busy": Case(False, False, 0.8),
}
MOTION = """\
camera_id {n}
movie_output on
movie_passthrough on
picture_output off
target_dir {folder}/motion-{n}
"""
SUB = """\
netcam_url {address}/sub
netcam_high_url {address}/main
netcam_params rtsp_transport=tcp
netcam_high_params rtsp_transport=tcp
width 640
height 360
framerate 5
"""
MAIN_ONLY = """\
netcam_url {address}/main
netcam_params rtsp_transport=tcp
width 1920
height 1080
framerate 15
"""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    asked.add_argument("--cameras", type=int, default=8)
    asked.add_argument("--seconds", type=float, default=180)
    args = asked.parse_args()
    if shutil.which("motion") is None:
        print("motion is not installed: apt-get install motion", file=sys.stderr)
        return 3
    within = [_is_within(name, args.cameras, args.seconds) for name in args.cases]
    return 0 if all(within) else 1


def _is_within(name: str, cameras: int, seconds: float) -> bool:
    """Run a case and print its lines; whether it is within its budget and missed nobody."""
    case = CASES[name]
    shown = films(SCENE, round(START_S + WARM_UP_S + seconds), quiet=case.is_quiet)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, serving(shown) as address:
        ours, theirs = _both(address, case, cameras, seconds, Path(folder))
        came, caught = (0, 0) if case.is_quiet else _caught(Path(folder) / "data", case, cameras)
    minutes = cameras * seconds / 60
    print(f"{name}: CPU s a camera-minute: tawny {ours / minutes:.3f}, motion {theirs / minutes:.3f}", flush=True)
    if came > caught:
        print(f"{name}: only {caught} of {came} who came by became events")
    return report(f"watch_{name}", ours, theirs, "motion", case.budget) and came == caught


def _caught(data: Path, case: Case, cameras: int) -> tuple[int, int]:
    """How many came by, at all cameras, while the watched stream was recorded; and how many of them are events."""
    came = caught = 0
    world = DemoWorld(SCENES[SCENE], 0.0, SCENE_SEED)
    with index_to_read(data) as index:
        for camera in (CameraId(f"cam-{n}") for n in range(cameras)):
            for shown in _showings(index, camera, StreamName.SUB if case.has_sub else StreamName.MAIN):
                events = index.events(shown, cameras=[camera], limit=1000).events
                for passage in world.truth(0.0, (shown.end_ms - shown.begin_ms) / 1000, shown.begin_ms):
                    if passage.end_ms <= shown.end_ms - LATE_MS:
                        came += 1
                        caught += any(_is_told(passage, event) for event in events)
    return came, caught


def _showings(index: Index, camera: CameraId, stream: StreamName) -> list[Span]:
    """The times of the stream's film: it begins anew with every connection."""
    runs: dict[RunId, list[Segment]] = {}
    for segment in index.segments(camera, stream, index.bounds(camera) or Span(0, 0)):
        runs.setdefault(segment.run, []).append(segment)
    return [Span(min(s.start_ms for s in run), max(s.end_ms for s in run)) for run in runs.values()]


def _is_told(passage: Passage, event: Event) -> bool:
    begun = event.start_ms <= passage.start_ms + LATE_MS
    return begun and (event.end_ms is None or event.end_ms >= passage.start_ms)


def _both(address: str, case: Case, cameras: int, seconds: float, folder: Path) -> tuple[float, float]:
    """CPU seconds of tawny and of motion over the same time."""
    settings = folder / "tawny.toml"
    table = '[cameras.cam-{n}]\nsource = "{address}/main"\n' + ('sub = "{address}/sub"\n' if case.has_sub else "")
    settings.write_text("".join(table.format(n=n, address=address) for n in range(cameras)))
    words = [tawny(), "run", "--config", str(settings), "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    theirs_words = ["motion", "-n", "-c", str(_motion(address, case, cameras, folder))]
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(running(words))
        theirs = stack.enter_context(running(theirs_words, cwd=folder))
        _until_all_recorded(folder / "data", cameras * (2 if case.has_sub else 1))
        watch_for(WARM_UP_S, "warming up")
        before = ours.cpu_s(), theirs.cpu_s()
        watch_for(seconds, "recording and watching")
        if not (ours.is_running and theirs.is_running):
            raise SystemExit("one of them ended before the time")
        return ours.cpu_s() - before[0], theirs.cpu_s() - before[1]


def _until_all_recorded(data: Path, streams: int) -> None:
    until_s = time.monotonic() + START_S
    while len(list(data.rglob("*.open.mp4"))) < streams:
        if time.monotonic() > until_s:
            raise SystemExit(f"not all {streams} streams are recorded after {START_S:g} s: the machine is too busy")
        time.sleep(0.5)


def _motion(address: str, case: Case, cameras: int, folder: Path) -> Path:
    """motion's settings: its defaults but for what a camera needs; no interface, no log."""
    lines = ["webcontrol_port 0", "stream_port 0", "log_level 1", f"log_file {folder}/motion.log"]
    for n in range(1, cameras + 1):
        (folder / f"motion-{n}").mkdir()
        one = folder / f"camera-{n}.conf"
        one.write_text((MOTION + (SUB if case.has_sub else MAIN_ONLY)).format(n=n, address=address, folder=folder))
        lines.append(f"camera {one}")
    path = folder / "motion.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
