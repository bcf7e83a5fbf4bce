"""The real program for hours of bad luck: viewers who come, stall and go, cameras that fail, settings that change.

One hour has as many faults as a day with ten an hour. Whatever happens is drawn from a seed.
"""

import asyncio
import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import losing
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, OWNER, Tawny, with_settings
from tests.faults.figures import note
from tests.support.ports import free_port

CLIP = made_clip(ClipSpec(fps=10, seconds=6, sound="aac", detail=20))
AGAIN_S = 60.0
"""Within this time after a fault the camera is recorded again, and after the viewers usage is as before."""
VIEWERS = 6
GROWTH_BYTES = 24_000_000
"""Most that resident memory may grow after the warm-up, with nobody looking."""
SPARE_FILES, SPARE_THREADS = 10, 6
"""Pools that were not full after the warm-up may still fill."""

SETTINGS = """\
[web]
rtsp = "127.0.0.1:{port}"
name = "{name}"
[storage.retention]
min_free = "0 %"
max_files = 30
[cameras.porch]
source = "{porch}"
detection.detector = "off"
[cameras.yard]
source = "{yard}"
"""
GARDEN = '[cameras.garden]\nsource = "demo:garden"\ndetection.detector = "off"\n'
INVALID = '[cameras.garden]\nsource = "nothing://that is known"\n'


@dataclass(frozen=True)
class Length:
    """fault_s: mean time between the faults of a camera."""

    seconds: float
    warm_up_s: float
    fault_s: float


class Usage(NamedTuple):
    """Of the program and its children."""

    resident_bytes: int
    files: int
    threads: int


# What fails in a camera; `mended` ends it.


def stall(camera: RtspCamera) -> None:
    camera.faults.stall = True


def say_goodbye(camera: RtspCamera) -> None:
    camera.faults.bye = True


def stop_in_a_frame(camera: RtspCamera) -> None:
    camera.faults.stop_in_unit = True


def lose_packets(camera: RtspCamera) -> None:
    camera.faults.packets = losing(0.2)


def jitter(camera: RtspCamera) -> None:
    camera.faults.jitter_s = 0.3


def step_clock(camera: RtspCamera) -> None:
    camera.faults.clock_step_s = 3.0


FAULTS: tuple[Callable[[RtspCamera], None], ...] = (
    RtspCamera.down,
    stall,
    RtspCamera.kick,
    RtspCamera.hang_up,
    say_goodbye,
    stop_in_a_frame,
    lose_packets,
    jitter,
    step_clock,
)
"""The first two, a restart and a stall, come first in every run."""


def mended(camera: RtspCamera, fault: Callable[[RtspCamera], None]) -> None:
    if fault is RtspCamera.down:
        camera.up()
    faults = camera.faults
    faults.stall = faults.bye = faults.stop_in_unit = False
    faults.packets, faults.jitter_s = None, 0.0
    for viewer in camera.viewers:
        viewer.sent.clear()  # nobody compares them here, and an hour of them is large


@dataclass
class Soak:
    """A running recorder with its cameras. cookie: the owner's; login: an access token for RTSP."""

    house: Tawny
    cameras: dict[str, RtspCamera]
    port: int
    cookie: dict[str, str] = field(default_factory=dict)
    login: str = ""
    came: Counter[str] = field(default_factory=Counter)
    """Bytes by way of viewing."""
    counts: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0
    """Longest until a camera was recorded again."""

    def __post_init__(self) -> None:
        headers = {**OURS, "Origin": self.house.base}
        token = self.house.link.partition("#token=")[2]
        claim = httpx.post(f"{self.house.base}/api/v1/setup/claim", json={"token": token, **OWNER}, headers=headers)
        assert claim.status_code == 200, claim.text
        self.cookie = {"Cookie": claim.headers["Set-Cookie"].partition(";")[0], **headers}
        made = json.loads(command(self.house.folder, "tokens", "create", "TV", "--json").stdout)
        self.login = f"{made['id']}:{made['secret']}"

    def put_settings(self, name: str, more: str = "") -> None:
        addresses = {camera: one.address for camera, one in self.cameras.items()}
        text = SETTINGS.format(port=self.port, name=name, **addresses) + more
        (self.house.folder.parent / "tawny.toml").write_text(text, encoding="utf-8")

    def is_recorded_since(self, camera: str, at_s: float) -> bool:
        """Whether its open file has grown since."""
        assert self.house.process.poll() is None, "tawny has ended"
        for path in self.house.folder.rglob("*.open.mp4"):
            with suppress(FileNotFoundError):
                if camera in path.parts and path.stat().st_mtime > at_s:
                    return True
        return False

    def usage(self) -> Usage:
        files = threads = pages = 0
        for process in (self.house.process.pid, *below(self.house.process.pid)):
            with suppress(OSError):
                folder = Path(f"/proc/{process}")
                pages += int((folder / "statm").read_text().split()[1])
                files += len(list((folder / "fd").iterdir()))
                threads += len(list((folder / "task").iterdir()))
        return Usage(pages * os.sysconf("SC_PAGESIZE"), files, threads)

    # Ways to look at a camera: each yields what comes, endlessly, unless the camera is away.

    async def by_socket(self, camera: str) -> AsyncGenerator[bytes]:
        address = f"{self.house.base.replace('http', 'ws')}/api/v1/cameras/{camera}/live?stream=main"
        async with connect(address, additional_headers=self.cookie, proxy=None, max_size=None) as socket:
            async for message in socket:
                if isinstance(message, bytes):
                    yield message

    async def by_mjpeg(self, camera: str) -> AsyncGenerator[bytes]:
        address = f"{self.house.base}/api/v1/cameras/{camera}/mjpeg?width=320&fps=5"
        async with (
            httpx.AsyncClient(headers=self.cookie, trust_env=False, timeout=30) as client,
            client.stream("GET", address) as answer,
        ):
            async for piece in answer.aiter_raw():
                yield piece

    async def by_hls(self, camera: str) -> AsyncGenerator[bytes]:
        folder = f"{self.house.base}/api/v1/cameras/{camera}/hls/main"
        async with httpx.AsyncClient(headers=self.cookie, trust_env=False, timeout=30) as client:
            while (listed := await client.get(f"{folder}/live.m3u8")).status_code == 200:
                hint = listed.text.rpartition('URI="')[2].partition('"')[0]
                part = await client.get(f"{folder}/{hint}")
                if part.status_code == 200:
                    yield part.content

    async def by_rtsp(self, camera: str) -> AsyncGenerator[bytes]:
        address = f"rtsp://{self.login}@127.0.0.1:{self.port}/{camera}"
        words = ["-v", "error", "-rtsp_transport", "tcp", "-probesize", "32", "-i", address]
        words += ["-map", "0:v", "-c", "copy", "-f", "h264", "-flush_packets", "1", "-"]
        player = await asyncio.create_subprocess_exec(
            "ffmpeg", *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert player.stdout is not None
            while piece := await player.stdout.read(4096):
                yield piece
        finally:
            with suppress(ProcessLookupError):
                player.send_signal(signal.SIGKILL)  # even if it is stalled
            await player.communicate()  # `wait` alone never returns while what it wrote isn't read

    @property
    def ways(self) -> tuple[Callable[[str], AsyncGenerator[bytes]], ...]:
        return self.by_socket, self.by_mjpeg, self.by_hls, self.by_rtsp

    # What happens side by side, each until that time.

    async def viewer(self, number: int, luck: random.Random, end_s: float) -> None:
        """Joins, looks or stalls, leaves without a word, and joins again by another way."""
        way, is_first = self.ways[number % len(self.ways)], True
        while time.monotonic() < end_s:
            camera, stalls = luck.choice(list(self.cameras)), not is_first and luck.random() < 0.3
            look_s = luck.uniform(3, 6) if is_first else luck.uniform(0.1, 5)
            with suppress(TimeoutError, httpx.HTTPError, WebSocketException, OSError):
                async with asyncio.timeout(look_s), aclosing(way(camera)) as coming:
                    async for piece in coming:
                        self.came[way.__name__] += len(piece)
                        if stalls:
                            await asyncio.Future()  # takes no more, until the timeout
            self.counts["views"] += 1
            await pause(luck.uniform(0.05, 0.5))
            way, is_first = luck.choice(self.ways), False

    async def trouble(self, camera: str, luck: random.Random, end_s: float, mean_s: float) -> None:
        """One fault after the other; each time, the camera must be recorded again."""
        source, coming = self.cameras[camera], list(FAULTS[:2])
        while time.monotonic() < end_s:
            fault = coming.pop() if coming else luck.choice(FAULTS)
            lasts_s = luck.uniform(0.1, 0.7) * mean_s
            await asyncio.to_thread(fault, source)
            await pause(lasts_s)
            await asyncio.to_thread(mended, source, fault)
            self.counts["faults"] += 1
            at_s = time.time()
            what = f"{camera} recorded again after {fault.__name__} of {lasts_s:.1f} s"
            await asyncio.to_thread(until, partial(self.is_recorded_since, camera, at_s), AGAIN_S, what)
            self.worst_s = max(self.worst_s, time.time() - at_s)
            await pause(luck.uniform(0.1, 1.1) * mean_s)

    async def changes(self, luck: random.Random, end_s: float) -> None:
        """Another name, one camera more or less, an invalid file."""
        while time.monotonic() < end_s:
            await pause(luck.uniform(2, 6))
            self.put_settings(f"House {luck.randrange(100)}", luck.choice(["", GARDEN, GARDEN, INVALID]))
            self.counts["changes"] += 1

    async def disturbed(self, name: str, seconds: float, mean_s: float) -> None:
        end_s = time.monotonic() + seconds
        async with asyncio.TaskGroup() as side_by_side:
            for number in range(VIEWERS):
                side_by_side.create_task(self.viewer(number, random.Random(f"{name} viewer {number}"), end_s))
            for camera in self.cameras:
                side_by_side.create_task(self.trouble(camera, random.Random(f"{name} {camera}"), end_s, mean_s))
            side_by_side.create_task(self.changes(random.Random(f"{name} settings"), end_s))
        self.put_settings("House")


async def pause(seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Future(), seconds)


def below(process: int) -> Iterator[int]:
    """Its children, and theirs."""
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                yield child
                yield from below(child)


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [str(Path(sys.executable).with_name("tawny")), *words, "--data", str(folder)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@contextmanager
def soak_in(folder: Path) -> Iterator[Soak]:
    with RtspCamera(CLIP) as porch, RtspCamera(CLIP) as yard:
        cameras, port = {"porch": porch, "yard": yard}, free_port()
        text = SETTINGS.format(port=port, name="House", porch=porch.address, yard=yard.address)
        with contextmanager(with_settings)(folder, text) as house:
            made = Soak(house, cameras, port)
            for camera in cameras:
                until(partial(made.is_recorded_since, camera, 0), AGAIN_S, f"{camera} recorded")
            yield made


def is_flat(after: Usage, before: Usage) -> bool:
    return (
        after.resident_bytes <= before.resident_bytes + GROWTH_BYTES
        and after.files <= before.files + SPARE_FILES
        and after.threads <= before.threads + SPARE_THREADS
    )


@pytest.mark.shows("SC35")
# Viewers leave in the middle of connecting. With Python before 3.11.4 that leaks their socket in this process.
@pytest.mark.filterwarnings(
    r"ignore:Exception ignored in. <(function _Selector|socket\.socket):pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    "length",
    [
        pytest.param(Length(20, warm_up_s=10, fault_s=2.5), id="a sample"),
        pytest.param(Length(3600, warm_up_s=300, fault_s=30), id="an hour", marks=pytest.mark.long),
    ],
)
def test_viewers_faults_and_changes_end_nothing_and_leave_nothing_behind(length: Length, tmp_path: Path) -> None:
    with soak_in(tmp_path) as soak:
        begun_s = time.time()
        asyncio.run(soak.disturbed("warm-up", length.warm_up_s, length.fault_s))
        before = soak.usage()
        asyncio.run(soak.disturbed("soak", length.seconds, length.fault_s))
        gc.collect()  # what leaked warns here, not in another test
        until(lambda: is_flat(soak.usage(), before), AGAIN_S, f"usage as before: {before}, was {soak.usage()}")
        after, lasted_s = soak.usage(), time.time() - begun_s
        assert soak.house.process.poll() is None
        assert min(soak.came[way.__name__] for way in soak.ways) > 0, soak.came
    wall = json.loads(command(soak.house.folder, "check", "--wall", "--deep", "--json").stdout)["wall"]
    assert wall["unexplained_s"] == 0
    assert wall["recorded_s"] + wall["explained_s"] >= len(soak.cameras) * lasted_s
    note(
        f"soak-{length.seconds:g}",
        views=soak.counts["views"],
        faults=soak.counts["faults"],
        changes=soak.counts["changes"],
        again_s=soak.worst_s,
        limit_s=AGAIN_S,
        grown_mb=(after.resident_bytes - before.resident_bytes) / 1e6,
        files=after.files - before.files,
        threads=after.threads - before.threads,
    )
