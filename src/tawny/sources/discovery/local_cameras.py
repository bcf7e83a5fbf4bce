"""Cameras of this computer: USB cameras under names that stay the same, and a Raspberry Pi's own."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tawny.model.errors import NoSuchDevice
from tawny.model.validation import device_label
from tawny.sources.picamera import installed
from tawny.sources.v4l2 import V4l2Device, look_at

DEVICES: Final = Path("/dev")
_LIST_S: Final = 8.0
_LISTED: Final = re.compile(r"^\s*(\d+)\s*:\s*(\S+)\s*\[(\d+)x(\d+)", re.MULTILINE)
_KNOWN_FORMATS: Final = ("H264", "HEVC", "MJPG", "YUYV", "NV12", "YU12")
_OF_THE_PI: Final = re.compile(r"bcm2835|rp1-cfe|pispbe|unicam|rpivid", re.IGNORECASE)
"""Drivers of a Raspberry Pi's camera chain: its nodes deliver raw sensor data, and `picamera:` is the way to it."""


@dataclass(frozen=True, slots=True)
class LocalCamera:
    """source: for the settings. formats: such as `H264`. size: the largest one, px; (0, 0): unknown."""

    source: str
    name: str
    formats: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    problem: str = ""
    """Why it cannot be used now; empty if it can."""


def usb_cameras(devices: Path = DEVICES, look: Callable[[str], V4l2Device] = look_at) -> list[LocalCamera]:
    """Return the cameras behind `/dev/video*`, each under its most lasting name: by identity, by socket, by number."""
    found: dict[Path, LocalCamera] = {}
    for path in _nodes(devices):
        node = path.resolve()
        if node in found:
            continue
        try:
            device = look(str(path))
        except NoSuchDevice as error:
            if "permission" in str(error):
                found[node] = LocalCamera(str(path), path.name, problem=error.detail)
            continue
        formats = tuple(one.fourcc for one in device.formats if one.fourcc in _KNOWN_FORMATS)
        if not formats or _OF_THE_PI.search(device.name):
            continue
        sizes = [size for one in device.formats if one.fourcc in formats for size in one.sizes]
        largest = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
        found[node] = LocalCamera(str(path), device_label(device.name) or path.name, formats, largest)
    return list(found.values())


def _nodes(devices: Path) -> Iterator[Path]:
    for folder in ("v4l/by-id", "v4l/by-path"):
        with suppress(OSError):
            yield from sorted((devices / folder).iterdir())
    yield from sorted(devices.glob("video[0-9]*"), key=lambda path: (len(path.name), path.name))


def pi_cameras(run: Callable[[list[str]], str] | None = None, program: str | None = None) -> list[LocalCamera]:
    """Return what Raspberry Pi's camera program lists; nothing without it. Blocks for up to 8 s."""
    program = program or installed()
    if program is None:
        return []
    said = (run or _output)([program, "--list-cameras"])
    return [
        LocalCamera(
            f"picamera:{number}", f"Raspberry Pi camera ({device_label(sensor)})", ("H264",), (int(width), int(height))
        )
        for number, sensor, width, height in _LISTED.findall(said)
    ]


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LIST_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
