"""A recorder in a process of its own, its cameras here, and a crowd of connections in a third process."""

import json
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import assert_all_recorded

PAGES = ("/", "/sign-in", "/api/v1/session", "/api/v1/cameras", "/manifest.webmanifest")
_BROWSER = build_opener(ProxyHandler({}))
_clock = SystemClock()


@dataclass
class Lines:
    """What a child prints."""

    child: "subprocess.Popen[str]"
    heard: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.heard.append(json.loads(line))

    def values(self, name: str) -> list[Any]:
        return [one[name] for one in list(self.heard) if name in one]

    def end(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait(60)
        self.close()

    def close(self) -> None:
        """What it still prints is read first."""
        self.child.kill()
        self.child.wait(60)
        self._reader.join(10)
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.close()
        self.child.stdout.close()


@dataclass
class Attacked:
    folder: Path
    cameras: list[RtspCamera]
    lines: Lines
    log: Path

    @property
    def ports(self) -> list[int]:
        """Of the web interface and of RTSP."""
        result = next(one for one in self.lines.heard if "address" in one)
        return [int(str(result[key]).rpartition(":")[2]) for key in ("address", "rtsp")]

    @property
    def resident_bytes(self) -> int:
        """But for the ring buffers of its cameras, which fill in the first minute."""
        pages = int(Path(f"/proc/{self.lines.child.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() - int(self.lines.values("rings")[-1])

    @property
    def files(self) -> int:
        return len(list(Path(f"/proc/{self.lines.child.pid}/fd").iterdir()))

    def slowest_page_s(self, within_s: float) -> float:
        """The longest that a page took."""
        longest_s = 0.0
        for page in PAGES:
            begun_s = _clock.mono_s()
            try:
                with _BROWSER.open(f"http://127.0.0.1:{self.ports[0]}{page}", timeout=within_s) as answer:
                    answer.read()
            except HTTPError as refused:
                assert refused.code in (401, 404), f"{page}: {refused.code}"
            longest_s = max(longest_s, _clock.mono_s() - begun_s)
        return longest_s

    def end(self) -> None:
        self.lines.end()
        assert self.lines.child.returncode == 0


@contextmanager
def attacked(folder: Path, cameras: int, *, files: int, hard: int = 0, segment_s: float = 4.0) -> Iterator[Attacked]:
    """files, hard: the limits of open files at its start; hard: 0 for the same."""
    clip = made_clip(ClipSpec(seconds=4))
    log = folder / "log"
    with ExitStack() as stack:
        made = [stack.enter_context(RtspCamera(clip)) for _ in range(cameras)]
        command = [sys.executable, "-m", "tests.attacks.recorder_child", str(folder / "data"), str(files)]
        command += [str(hard or files), str(segment_s), *(camera.address for camera in made)]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stack.enter_context(log.open("w")), text=True
        )
        lines = Lines(child)
        stack.callback(lines.close)
        found = Attacked(folder / "data", made, lines, log)
        until(lambda: any("address" in one for one in lines.heard), 60, "the web interface")
        until(lambda: max(lines.values("behind_s")[-1:], default=9) < 2, 60, "all cameras are recorded")
        yield found


@contextmanager
def crowd(ports: list[int], kind: str, count: int, *, addresses: int = 1) -> Iterator[Lines]:
    command = [sys.executable, "-m", "tests.attacks.crowd", kind, str(count), str(addresses), *map(str, ports)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = Lines(child)
    try:
        until(lambda: bool(lines.values("open")), 60, "the crowd")
        yield lines
    finally:
        lines.end()


def assert_nothing_lost(here: Attacked) -> None:
    """Every picture that a camera sent is recorded, byte for byte, but for those of the last moments before the end."""
    sent = [list(camera.playing[0].sent) for camera in here.cameras]
    until(lambda: max(here.lines.values("behind_s")[-1:]) < 2, 60, "the disk has all")
    here.lines.heard.append({"before_end": True})
    threading.Event().wait(3.0)
    here.end()
    for number, camera in enumerate(here.cameras):
        assert_all_recorded(camera, here.folder, sent[number], CameraId(f"cam-{number}"))
