"""One of sixteen cameras sends anything at all, in every way there is, again and again: the fifteen others are recorded
without a picture missing, and memory stays what it was. A sample of seconds; `./test --long` has the whole minute."""

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tawny.model.ids import CameraId
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraFaults, endless, random_bytes, random_payloads
from tawny.testing.waiting import until
from tests.app.rig import hashed, on_disk

CAMERAS = 16
MOST_GROWTH_BYTES = 24_000_000
"""Of the whole program, rings apart, while one camera sends anything."""
MOST_FILES = 12
"""More of them open than before."""
_STEP_S = 0.25


@dataclass
class Child:
    """What the recorder's process said, line by line."""

    process: subprocess.Popen[str]
    said: list[dict[str, int]] = field(default_factory=list)
    gaps: dict[str, list[str]] = field(default_factory=dict)

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            data = json.loads(line)
            if "gaps" in data:
                self.gaps = data["gaps"]
            else:
                self.said.append(data)

    def most(self, name: str, begin: int) -> int:
        """From its line `begin` on; of memory, what no ring holds."""
        return max(self.value(line, name) for line in self.said[begin:])

    @staticmethod
    def value(line: dict[str, int], name: str) -> int:
        return line["rss"] - line["rings"] if name == "memory" else line[name]


@pytest.fixture
def cameras() -> Iterator[list[RtspCamera]]:
    specs = [ClipSpec(seconds=4), ClipSpec("h265", seconds=4), ClipSpec(seconds=4, slices=3, sound="aac")]
    with ExitStack() as stack:
        yield [stack.enter_context(RtspCamera(made_clip(specs[n % len(specs)]))) for n in range(CAMERAS)]


def ways(seed: int) -> Iterator[Callable[[RtspCamera], None]]:
    """Ever other ways to send nonsense; each begins with a camera whose faults are all off."""
    luck = random.Random(seed)

    def answers(camera: RtspCamera) -> None:
        camera.faults.answers = {name: luck.randbytes(luck.randrange(3000)) for name in ("DESCRIBE", "SETUP", "PLAY")}
        camera.kick()

    def described(camera: RtspCamera) -> None:
        camera.faults.sdp = b"v=0\r\n" + bytes(luck.choices(b"ma=:/ 0123456789\r\nvideoRTPHAVP\xff", k=20_000))
        camera.kick()

    def heads(camera: RtspCamera) -> None:
        camera.faults.answers = {"*": b"", "OPTIONS": b"RTSP/1.0 200 OK\r\nX: " + luck.randbytes(60_000)}
        camera.kick()

    def between(camera: RtspCamera) -> None:
        camera.faults.between = luck.randbytes(luck.choice((3, 500, 60_000)))

    def framed(camera: RtspCamera) -> None:
        """Frames of any channel and length, mostly not what follows."""
        camera.faults.between = b"".join(b"$" + luck.randbytes(3) + luck.randbytes(200) for _ in range(50))

    def packets(camera: RtspCamera) -> None:
        kind = luck.choice((random_payloads, random_bytes, endless))
        camera.faults.packets = kind(luck.randrange(1000))

    while True:
        yield luck.choice((answers, described, heads, between, framed, packets, RtspCamera.kick))


def misbehave(camera: RtspCamera, seconds: float, pause: threading.Event) -> int:
    """Returns how often it began to."""
    times = 0
    for way in ways(7):
        if times * _STEP_S >= seconds:
            break
        camera.faults = CameraFaults()
        way(camera)
        times += 1
        pause.wait(_STEP_S)
    camera.faults = CameraFaults()
    return times


@pytest.mark.parametrize("seconds", [6.0, pytest.param(60.0, marks=pytest.mark.long)])
def test_one_that_sends_anything_leaves_fifteen_others_whole(
    seconds: float, cameras: list[RtspCamera], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.app.many_child", str(tmp_path), *(camera.address for camera in cameras)]
    here = Path(__file__).parents[3]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=here) as process:
        child = Child(process)
        listener = threading.Thread(target=child.listen)
        listener.start()
        until(lambda: all(len(camera.playing) == 1 for camera in cameras), 60, "all play")
        until(lambda: all(len(camera.playing[0].sent) > 60 for camera in cameras), 60, "all have sent for a while")
        begun = len(child.said)
        until(lambda: len(child.said) > begun, 60, "it says how much memory it has")
        times = misbehave(cameras[0], seconds, threading.Event())
        ended = [len(camera.playing[0].sent) for camera in cameras]
        until(lambda: all(len(c.playing[0].sent) > n + 30 for c, n in zip(cameras[1:], ended[1:], strict=True)), 60)
        before = child.said[begun]
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
        listener.join()
    grown = child.most("memory", begun) - child.value(before, "memory")
    print(f"\n{times} times nonsense within {seconds:g} s: memory grew by {grown / 1e6:.1f} MB, rings apart")
    assert grown < MOST_GROWTH_BYTES
    assert child.most("files", begun) - before["files"] <= MOST_FILES
    for number in range(1, CAMERAS):
        assert child.gaps[f"cam-{number}"] == []
        assert len(cameras[number].playing) == 1, "it was never begun again"
        sent = [unit.data for unit in cameras[number].playing[0].sent if unit.is_video]
        recorded = on_disk(tmp_path, CameraId(f"cam-{number}"), is_video=True)
        assert [hashed(data) for data in recorded] == [hashed(data) for data in sent][: len(recorded)]
        assert len(recorded) > sum(unit.is_video for unit in cameras[number].playing[0].sent[: ended[number]]) - 30
    assert len(cameras[0].viewers) > 1, "it was found out, and tried again"


def test_the_ways_to_send_nonsense_are_all_tried() -> None:
    tried = {way.__name__ for way, _ in zip(ways(7), range(24), strict=False)}
    assert len(tried) == 7
    assert any(one is not other for one, other in pairwise(list(tried)))
