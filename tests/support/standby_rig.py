"""Two recorders and their cameras: on this computer, or each in a network of its own whose cables can be pulled.

On this computer they use its address in the network: a standby takes over no camera at a loopback address.

As a program it is the camera: `python -m tests.support.standby_rig HOST`. Its video runs on, watched or not, so that
two recorders get the same frames.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tawny.fleet.identity import load_key
from tawny.model.ids import CameraId
from tawny.model.segments import Gap
from tawny.model.times import Span
from tawny.service.cameras.standby_cameras import id_at_standby
from tawny.storage.disk.volume import Volume
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_card import MemoryCard
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until
from tests.support.processes import ended

ROOT = Path(__file__).parents[2]
PASSWORD = "horse-battery-staple"
PATIENCE_S = 120.0
FRONT = CameraId("front")
_RUNS = re.compile(r"^(?:Open |.* Web interface: )http", re.M)
"""What it prints once it runs: without an owner, and with one."""
SETTLED_S = 6.5
"""After a connection: silence has no effect before."""


def serve_camera(host: str) -> None:
    """Serve until standard input ends."""
    clip = made_clip(ClipSpec(seconds=8.0))
    camera = RtspCamera(clip, CameraSetup(login="md5", password=PASSWORD), host)
    camera.card = MemoryCard()
    with camera:
        sys.stdout.write(camera.address + "\n")
        sys.stdout.flush()
        sys.stdin.read()


@dataclass
class Recorder:
    """A recorder in a process. namespace: its network; empty: this computer's. port: of its web interface.

    program: what runs `tawny`; empty: `tawny` itself.
    """

    name: str
    folder: Path
    host: str
    port: int
    namespace: str = ""
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0
    program: Sequence[str] = ()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def configure(self, cameras: str) -> None:
        self.folder.mkdir(parents=True)
        web = f'[web]\nname = "{self.name}"\nlisten = "{self.host}:{self.port}"\n'
        room = '[storage.retention]\nmin_free = "0 %"\n'
        (self.folder / "tawny.toml").write_text(web + room + cameras)

    def start(self) -> None:
        self.starts += 1
        with (self.folder / "log").open("ab") as out:
            self.process = subprocess.Popen(self._words("run"), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        until(lambda: len(_RUNS.findall(self.log)) == self.starts, PATIENCE_S, f"{self.name} to run")

    def kill(self) -> float:
        """Kill -9. Return when, s UTC."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        killed_s = time.time()
        self.process.wait()
        self.process = None
        return killed_s

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            ended(process)

    def command(self, *words: str) -> dict[str, Any]:
        """Run `tawny WORDS --json` in the recorder's network."""
        done = subprocess.run([*self._words(*words), "--json"], capture_output=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def gaps(self, camera: CameraId) -> list[Gap]:
        index = self._index()
        try:
            return index.gaps(camera, Span(0, 1 << 45))
        finally:
            index.close()

    def spans(self, camera: CameraId) -> list[Span]:
        """What the index has, and what lies in the files that are still open, by their last change."""
        index = self._index()
        try:
            return index.spans(camera, None, Span(0, 1 << 45))
        finally:
            index.close()

    def _index(self) -> SqliteIndex:
        return SqliteIndex(self.data / "tawny.db", Catalogue(Volume.at(self.data)), read_only=True)

    def _words(self, *words: str) -> list[str]:
        within = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        program = self.program or (str(Path(sys.executable).with_name("tawny")),)
        place = ["--config", str(self.folder / "tawny.toml"), "--data", str(self.data)]
        return [*within, *program, *words, *place]


@dataclass
class Rig:
    """house: the recorder with the camera. shed: its standby. networks: namespaces of the camera, house and shed."""

    house: Recorder
    shed: Recorder
    camera: str
    networks: Sequence[str] = field(default_factory=tuple)

    @property
    def at_shed(self) -> CameraId:
        """ID of the house's camera at the shed."""
        key = load_key(self.house.data)
        assert key is not None
        return id_at_standby("house", key.public_key().public_bytes_raw(), FRONT)

    def pair(self) -> dict[str, Any]:
        """Start both, and pair them. Return what joining said."""
        for one in (self.shed, self.house):
            one.start()
        link = self.shed.command("standby", "link")["link"]
        result = self.house.command("standby", "join", link)
        until(lambda: self.lease() == "held", PATIENCE_S, "the lease")
        return result

    def settle(self) -> None:
        """Wait until silence counts again."""
        [one] = self.shed.command("standby")["protected"]
        left_s = one["since_ms"] / 1000 + SETTLED_S - time.time()
        until(lambda: time.time() > one["since_ms"] / 1000 + SETTLED_S, left_s + 5, "the time after a connection")

    def lease(self) -> str:
        protected = self.shed.command("standby")["protected"]
        return protected[0]["lease"] if protected else ""

    def recorded_by_shed(self) -> list[str]:
        protected = self.shed.command("standby")["protected"]
        return protected[0]["recorded"] if protected else []

    def first_picture_s(self, since_s: float) -> float:
        """Wait until the standby has a picture; return when the first one was taken, s UTC."""
        found: list[float] = []

        def is_there() -> bool:
            for path in (self.shed.data / self.at_shed).rglob("*.main.*mp4"):
                begun = time.strptime(path.name[:15], "%Y%m%dT%H%M%S")
                begun_s = time.mktime(begun) - time.timezone + int(path.name[16:19]) / 1000
                if begun_s > since_s:
                    found.append(begun_s)
            return bool(found)

        until(is_there, PATIENCE_S, "a picture of the standby")
        return min(found)

    def pull_cable(self) -> None:
        """Of the house: neither camera nor standby is reached."""
        self._ip("-n", self.networks[0], "link", "set", "tohouse", "down")

    def plug_in(self) -> None:
        self._ip("-n", self.networks[0], "link", "set", "tohouse", "up")

    def cut_apart(self) -> None:
        """Both reach the camera, and not each other."""
        self._ip("-n", self.networks[0], "rule", "add", "iif", "tohouse", "to", "10.233.2.0/24", "blackhole")

    def join_again(self) -> None:
        self._ip("-n", self.networks[0], "rule", "del", "iif", "tohouse", "to", "10.233.2.0/24", "blackhole")

    @staticmethod
    def _ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)


SETTINGS = """[cameras.front]
name = "Front door"
source = "{camera}"
detection.detector = "off"
"""


@contextmanager
def rig(folder: Path, *, with_networks: bool = False, more: str = "") -> Iterator[Rig]:
    """Yield two recorders that are configured, but not started. more: settings of the house."""
    with ExitStack() as undo:
        networks = _networks(undo) if with_networks else ("", "", "")
        hosts = ("10.233.1.1", "10.233.1.2", "10.233.2.2") if with_networks else (own_address(),) * 3
        camera = _start_camera(undo, networks[0], hosts[0])
        ports = (8000, 8000) if with_networks else _free_ports(hosts[0])
        house = Recorder("House", folder / "house", hosts[1], ports[0], networks[1])
        shed = Recorder("Shed", folder / "shed", hosts[2], ports[1], networks[2])
        house.configure(SETTINGS.format(camera=camera) + more)
        shed.configure("")
        for one in (house, shed):
            undo.callback(one.stop)
        yield Rig(house, shed, camera, networks if with_networks else ())


def _start_camera(undo: ExitStack, network: str, host: str) -> str:
    within = ["ip", "netns", "exec", network] if network else []
    process = subprocess.Popen(
        [*within, sys.executable, "-m", "tests.support.standby_rig", host],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    undo.callback(process.communicate, "", timeout=30)
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _networks(undo: ExitStack) -> tuple[str, str, str]:
    """Make three networks: the camera's, which leads from the house to the shed, and theirs. Skips without root."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    made = tuple(f"tawny-{name}-{os.getpid()}" for name in ("way", "house", "shed"))
    for name in made:
        if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
            pytest.skip("no network namespaces here")
        undo.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
    way, house, shed = made
    for name in made:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    for number, (name, near) in enumerate(((house, "tohouse"), (shed, "toshed")), 1):
        for words in (
            ["-n", way, "link", "add", near, "type", "veth", "peer", "eth0", "netns", name],
            ["-n", way, "addr", "add", f"10.233.{number}.1/24", "dev", near],
            ["-n", way, "link", "set", near, "up"],
            ["-n", name, "addr", "add", f"10.233.{number}.2/24", "dev", "eth0"],
            ["-n", name, "link", "set", "eth0", "up"],
            ["-n", name, "route", "add", "default", "via", f"10.233.{number}.1"],
        ):
            subprocess.run(["ip", *words], check=True)
    forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
    subprocess.run(["ip", "netns", "exec", way, "sh", "-c", forward], check=True)
    return way, house, shed


def own_address() -> str:
    """Return the address of this computer in its network. Skips without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # sends nothing: the system only chooses an address
        except OSError:
            pytest.skip("this computer has no network")
        found: str = asking.getsockname()[0]
        return found


def _free_ports(host: str) -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind((host, 0))
        return one.getsockname()[1], other.getsockname()[1]


if __name__ == "__main__":
    serve_camera(sys.argv[1])
