"""ONVIF cameras in a network of their own, which a cable joins to this computer. Needs root and `ip`."""

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
def cabled_cameras(password: str, count: int = 1) -> Iterator[list[str]]:
    """Yields their addresses, at most five. Their user is `admin`. Skips the test without network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    number = os.getpid()
    here, *there = (f"10.216.{number % 250}.{end}" for end in range(1, count + 2))
    name, cable, other = f"tawny-a-{number}", f"tca{number}"[:15], f"tcb{number}"[:15]
    with ExitStack() as undo:
        if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
            pytest.skip("no network namespaces here")
        undo.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
        for words in (
            ["link", "add", cable, "type", "veth", "peer", other, "netns", name],
            ["addr", "add", f"{here}/29", "dev", cable],
            *(["-n", name, "addr", "add", f"{one}/29", "dev", other] for one in there),
            ["-n", name, "link", "set", "lo", "up"],
            ["-n", name, "link", "set", other, "up"],
            ["link", "set", cable, "up"],
        ):
            subprocess.run(["ip", *words], check=True)
        command = ["ip", "netns", "exec", name, sys.executable, "-m", "tests.support.onvif_device", *there]
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"CAMERA_PASSWORD": password}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        undo.callback(process.communicate, "", timeout=20)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield there
