"""`tawny cameras find` in a network of its own: ten ONVIF devices at ten addresses, and every packet counted."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.testing.waiting import until

ROOT = Path(__file__).parents[2]
HERE, DEVICES = "10.215.7.1", [f"10.215.7.{number}" for number in range(11, 21)]


@dataclass(frozen=True)
class Network:
    """Two namespaces joined by a cable: the recorder's and the cameras'."""

    recorder: str
    cameras: str
    interface: str

    def sent(self) -> int:
        """Packets that have left the recorder's machine, without those of IPv6's own housekeeping."""
        result = run("ip", "-n", self.recorder, "-j", "-s", "link", "show", self.interface)
        return int(json.loads(result)[0]["stats64"]["tx"]["packets"])


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


@pytest.fixture
def network() -> Iterator[Network]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    number = os.getpid()
    made = Network(f"tawny-r-{number}", f"tawny-c-{number}", f"twr{number}"[:15])
    with ExitStack() as undo:
        for name in (made.recorder, made.cameras):
            if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
                pytest.skip("no network namespaces here")
            undo.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
            run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        other = f"twc{number}"[:15]
        run(
            "ip",
            "-n",
            made.recorder,
            "link",
            "add",
            made.interface,
            "type",
            "veth",
            "peer",
            other,
            "netns",
            made.cameras,
        )
        run("ip", "-n", made.recorder, "addr", "add", f"{HERE}/24", "dev", made.interface)
        for address in DEVICES:
            run("ip", "-n", made.cameras, "addr", "add", f"{address}/24", "dev", other)
        for name, interface in ((made.recorder, made.interface), (made.cameras, other)):
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "link", "set", interface, "up")
        yield made


@pytest.fixture
def devices(network: Network) -> Iterator[None]:
    with answering(network, DEVICES):
        yield


@contextmanager
def answering(network: Network, addresses: list[str], **environment: str) -> Iterator[None]:
    """Stand-in cameras at these addresses, while this is active."""
    words = ["ip", "netns", "exec", network.cameras, sys.executable, "-m", "tests.support.onvif_device", *addresses]
    process = subprocess.Popen(
        words, cwd=ROOT, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.communicate("", timeout=20)


def command(network: Network, *words: str) -> list[str]:
    program = [sys.executable, "-c", "from tawny.cli.main import entry; entry()"]
    return ["ip", "netns", "exec", network.recorder, *program, *words]


def tawny(network: Network, folder: Path, *words: str, says: str = "") -> str:
    done = subprocess.run(command(network, *words), cwd=folder, capture_output=True, text=True, timeout=60, input=says)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.shows("DY23")
@pytest.mark.usefixtures("devices")
def test_ten_cameras_at_once_are_all_found(network: Network, tmp_path: Path) -> None:
    begun = time.monotonic()
    found = json.loads(tawny(network, tmp_path, "cameras", "find", "--for", "4", "--json"))
    took = time.monotonic() - begun
    ours = {one["place"]: one for one in found if one["kind"] == "network"}
    assert sorted(ours) == sorted(DEVICES)
    assert {one["model"] for one in ours.values()} == {f"NL-{n}" for n in range(10)}
    assert all(one["onvif"].startswith(f"http://{place}:") for place, one in ours.items())
    assert took < 30, "a hang, not a measurement"


@pytest.mark.shows("DY23", "SC38")
def test_nothing_is_sent_before_somebody_asks(network: Network, tmp_path: Path) -> None:
    """A recorder that records, its status, and the list of commands send nothing; a search does."""
    before = network.sent()
    (tmp_path / "tawny.toml").write_text(f'[storage]\npath = "{tmp_path / "data"}"\n[cameras.a]\nsource = "demo:"\n')
    recorder = subprocess.Popen(
        command(network, "run"), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        until(lambda: any((tmp_path / "data").rglob("*.tw*")) or any((tmp_path / "data").rglob("*.mp4")), 60)
    finally:
        recorder.terminate()
        recorder.communicate(timeout=30)
    assert network.sent() == before
    tawny(network, tmp_path, "cameras", "find", "--for", "1")
    assert network.sent() > before


def test_a_camera_with_a_new_address_is_found_and_used(network: Network, tmp_path: Path) -> None:
    """As after a router's restart: same device, other address. Its password is not entered again."""
    data, config = tmp_path / "data", tmp_path / "tawny.toml"
    config.write_text(f'[storage]\npath = "{data}"\n')
    camera = {"CAMERA_PASSWORD": "s3cret/pw", "CAMERA_PORT": "8000"}
    old, new = DEVICES[0], DEVICES[5]
    with answering(network, [old], **camera):
        words = ("cameras", "add", "front-door", old, "--user", "admin", "--skip-test")
        tawny(network, tmp_path, *words, says="s3cret/pw\n")
        assert re.search(r'^mac = "[0-9a-f:]{17}"$', config.read_text(), re.MULTILINE)
        assert 'serial = "SN0"' in config.read_text()
        recorder = subprocess.Popen(
            command(network, "run"), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        until(lambda: any(data.rglob("*.mp4")), 40, "a recording")
    try:
        with answering(network, [new], **camera):
            result = tawny(network, tmp_path, "cameras", "find", "--for", "2")
            assert f"Front door now answers at {new}. Use this address?  tawny cameras move front-door {new}" in result
            before = {path.name for path in data.rglob("*.mp4")}
            result = tawny(network, tmp_path, "cameras", "move", "front-door", new)
            assert new in result
            assert old not in config.read_text()
            assert config.read_text().count(f"@{new}:") == 3
            until(lambda: {path.name for path in data.rglob("*.mp4")} - before, 60, "a recording from the new address")
            assert "now answers" not in tawny(network, tmp_path, "cameras", "find", "--for", "1")
    finally:
        recorder.terminate()
        recorder.communicate(timeout=30)
    assert "s3cret" not in config.read_text()
