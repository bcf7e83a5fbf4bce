"""Cameras in a network of their own, which a cable joins to this computer: real ONVIF, RTSP and discovery."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
LETTERS: Final = "abfj"
"""Of the networks, one for each file whose tests use one at the same time."""


@dataclass(frozen=True)
class _Network:
    """name: of its namespace. near, far: ends of the cable. net: the first three numbers of its addresses."""

    name: str
    near: str
    far: str
    net: str


_laid: dict[str, _Network] = {}
"""By letter."""


@contextmanager
def networks_laid() -> Iterator[None]:
    """Lays all networks, where that is possible, for the processes that are forked meanwhile.

    Chromium breaks off all requests that wait for a connection when this computer gets or loses an address
    (ERR_NETWORK_CHANGED): no test may lay or remove a cable while others look at a page.
    """
    with ExitStack() as undo:
        if _is_possible():
            _laid.update({letter: undo.enter_context(_cable(letter)) for letter in LETTERS})
        undo.callback(_laid.clear)
        yield


def _is_possible() -> bool:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    probe = f"tawny-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode:
        return False
    subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return True


@contextmanager
def _cable(letter: str) -> Iterator[_Network]:
    number = os.getpid()
    net = f"10.{216 + ord(letter) - ord('a')}.{number % 250}"
    made = _Network(f"tawny-{letter}-{number}", f"tc{letter}{number}"[:15], f"td{letter}{number}"[:15], net)
    with ExitStack() as undo:
        _ip("netns", "add", made.name)
        undo.callback(subprocess.run, ["ip", "netns", "del", made.name], capture_output=True)
        # the namespace ends some time after it is deleted, and until then the next test can't have the cable's name
        undo.callback(subprocess.run, ["ip", "link", "del", made.near], capture_output=True)
        _ip("link", "add", made.near, "type", "veth", "peer", made.far, "netns", made.name)
        _ip("addr", "add", f"{net}.1/29", "dev", made.near)
        _ip("-n", made.name, "link", "set", "lo", "up")
        _ip("-n", made.name, "link", "set", made.far, "up")
        _ip("link", "set", made.near, "up")
        yield made


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def cabled_cameras(
    password: str, count: int = 1, letter: str = "a", **environment: str
) -> Iterator[tuple[str, list[str]]]:
    """Yields the network's namespace and the addresses of its cameras, at most five. Their user is `admin`.

    letter: of the network; two at the same time need two. environment: of `tests.support.onvif_device`. Skips the test
    where there are no network namespaces.
    """
    if not _laid and not _is_possible():
        pytest.skip("network namespaces need root and iproute2")
    with ExitStack() as undo:
        network = _laid.get(letter) or undo.enter_context(_cable(letter))
        there = [f"{network.net}.{end}" for end in range(2, count + 2)]
        inside = ["-n", network.name, "addr"]
        for one in there:
            undo.callback(_ip, *inside, "del", f"{one}/29", "dev", network.far)
            _ip(*inside, "replace", f"{one}/29", "dev", network.far)  # a test that died may have left it
        command = ["ip", "netns", "exec", network.name, sys.executable, "-m", "tests.support.onvif_device", *there]
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"CAMERA_PASSWORD": password} | environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        undo.callback(process.communicate, "", timeout=20)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield network.name, there
