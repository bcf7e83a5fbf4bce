"""Cameras in a network of their own, which a cable joins to this computer: real ONVIF, RTSP and discovery."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def cabled_cameras(
    password: str, count: int = 1, letter: str = "a", **environment: str
) -> Iterator[tuple[str, list[str]]]:
    """Yields the network's namespace and the addresses of its cameras, at most five. Their user is `admin`.

    letter: of the network; two at the same time need two. environment: of `tests.support.onvif_device`. Skips the test
    where there are no network namespaces.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    number = os.getpid()
    here, *there = (f"10.{216 + ord(letter) - ord('a')}.{number % 250}.{end}" for end in range(1, count + 2))
    name, near, far = f"tawny-{letter}-{number}", f"tc{letter}{number}"[:15], f"td{letter}{number}"[:15]
    with ExitStack() as undo:
        if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
            pytest.skip("no network namespaces here")
        undo.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
        # the namespace ends some time after it is deleted, and until then the next test can't have the cable's name
        undo.callback(subprocess.run, ["ip", "link", "del", near], capture_output=True)
        for words in (
            ["link", "add", near, "type", "veth", "peer", far, "netns", name],
            ["addr", "add", f"{here}/29", "dev", near],
            *(["-n", name, "addr", "add", f"{one}/29", "dev", far] for one in there),
            ["-n", name, "link", "set", "lo", "up"],
            ["-n", name, "link", "set", far, "up"],
            ["link", "set", near, "up"],
        ):
            subprocess.run(["ip", *words], check=True)
        command = ["ip", "netns", "exec", name, sys.executable, "-m", "tests.support.onvif_device", *there]
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"CAMERA_PASSWORD": password} | environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        undo.callback(process.communicate, "", timeout=20)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield name, there
