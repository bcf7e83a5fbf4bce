"""Debian's `motion` on the same files. It plays a file at the file's own pace: a run takes as long as the file."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.scoring import Clip, Span, Spans

EVENT_GAP_S = 60
"""Its default: an event is told as over so long after the last motion; that is taken off again."""
SLOWER = 1.05
"""Playing that takes longer by more than this cannot be mapped to the file's time."""
_MARKS = {
    "opened": re.compile(r"netcam_rtsp_connect: .*Camera .* connected"),
    "finished": re.compile(r"End of file"),
    "started": re.compile(r"starting event"),
    "ended": re.compile(r"mlp_actions: End of event"),
}


class Ran(NamedTuple):
    alarms: Spans
    cpu_s: float


def is_installed() -> bool:
    return shutil.which("motion") is not None


def run(path: Path, clip: Clip, size: tuple[int, int]) -> Ran:
    """With its defaults. Raises RuntimeError when it failed, or could not keep the pace. size: width and height."""
    with tempfile.TemporaryDirectory(prefix="motion-") as folder:
        settings = _settings(path, clip, size, folder)
        file = Path(folder) / "motion.conf"
        file.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        marks, cpu_s = _until_end_of_file(["motion", "-n", "-c", str(file)], clip.length_s * 3 + 60)
    return Ran(_alarms(marks, clip, settings["framerate"]), cpu_s)


def _settings(path: Path, clip: Clip, size: tuple[int, int], folder: str) -> dict[str, Any]:
    rate = max(1, round(clip.fps))
    return {
        "daemon": "off",
        "setup_mode": "off",
        "log_level": 7,
        "log_file": "/dev/stderr",
        "target_dir": folder,
        "netcam_url": f"file://{path.resolve()}",
        "netcam_params": f"capture_rate={rate}",
        "width": size[0] // 8 * 8,
        "height": size[1] // 8 * 8,
        "framerate": rate,
        "threshold": 1500,
        "event_gap": EVENT_GAP_S,
        "despeckle_filter": "EedDl",
        "minimum_motion_frames": 1,
        "movie_output": "off",
        "picture_output": "off",
        "webcontrol_port": 0,
        "stream_port": 0,
    }


def _until_end_of_file(command: list[str], most_s: float) -> tuple[list[tuple[str, float]], float]:
    """What it logged and when, until the file ends; then it is stopped. And its CPU seconds."""
    marks: list[tuple[str, float]] = []
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    begun_s, is_stopped = time.monotonic(), False
    for line in child.stderr:
        now_s = time.monotonic()
        text = line.decode("utf-8", "replace")
        marks += [(what, now_s) for what, pattern in _MARKS.items() if pattern.search(text)]
        if not is_stopped and (now_s - begun_s > most_s or any(what == "finished" for what, _ in marks)):
            child.terminate()
            is_stopped = True
    child.stderr.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return marks, usage.ru_utime + usage.ru_stime


def _alarms(marks: list[tuple[str, float]], clip: Clip, rate: int) -> Spans:
    first = dict(reversed(marks))
    if not {"opened", "finished"} <= first.keys():
        raise RuntimeError(f"motion did not play {clip.file} to its end")
    took_s, should_s = first["finished"] - first["opened"], clip.length_s * clip.fps / rate
    if took_s > SLOWER * should_s + 1:
        raise RuntimeError(f"motion took {took_s:.0f} s for {should_s:.0f} s of {clip.file}: the machine is too busy")
    scale = clip.length_s / took_s
    alarms: Spans = []
    begun: float | None = None
    for what, at in marks:
        second = (min(at, first["finished"]) - first["opened"]) * scale
        if what == "started":
            begun = second
        elif what == "ended" and begun is not None and at <= first["finished"]:
            alarms.append(Span(begun, max(begun, second - EVENT_GAP_S * scale)))
            begun = None
    return alarms if begun is None else [*alarms, Span(begun, clip.length_s)]
