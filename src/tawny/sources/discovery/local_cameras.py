"""Cameras of this computer: USB cameras under names that stay the same, and a Raspberry Pi's own."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from tawny.model.errors import NoSuchDevice
from tawny.model.validation import device_label
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.sources.picamera import installed
from tawny.sources.v4l2 import V4l2Device, look_at

DEVICES: Final = Path("/dev")
_BY_ID, _BY_PATH = "by-id", "by-path"
_LIST_S: Final = 8.0
_LISTED: Final = re.compile(r"^\s*(\d+)\s*:\s*(\S+)\s*\[(\d+)x(\d+)", re.MULTILINE)
_KNOWN_FORMATS: Final = ("H264", "HEVC", "MJPG", "YUYV", "NV12", "YU12")
_USB_CLASSES: Final = "sys/bus/usb/devices/*/bInterfaceClass"
_VIDEO: Final = "0e"
"""The USB class of cameras."""
_LOAD: Final = "Run `sudo modprobe {0}`; to load it at each start, put `{0}` into /etc/modules-load.d/tawny.conf."
_OF_THE_PI: Final = re.compile(r"bcm2835|rp1-cfe|pispbe|unicam|rpivid", re.IGNORECASE)
"""Drivers of a Raspberry Pi's camera chain: its nodes deliver raw sensor data, and `picamera:` is the way to it."""


def usb_cameras(devices: Path = DEVICES, look: Callable[[str], V4l2Device] = look_at) -> list[FoundCamera]:
    """Return the cameras behind `/dev/video*`, each under its most lasting name: by identity, by socket, by number.

    Equal cameras without serial numbers have one identity between them: those are named by their sockets.
    """
    found: dict[Path, FoundCamera] = {}
    for path in _nodes(devices):
        node = path.resolve()
        if node in found:
            continue
        try:
            device = look(str(path))
        except NoSuchDevice as error:
            if "permission" in str(error):
                found[node] = FoundCamera(str(path), "usb", path.name, problem=error.detail)
            continue
        formats = tuple(one.fourcc for one in device.formats if one.fourcc in _KNOWN_FORMATS)
        if not formats or _OF_THE_PI.search(device.name):
            continue
        sizes = [size for one in device.formats if one.fourcc in formats for size in one.sizes]
        largest = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
        name = device_label(device.name) or path.name
        found[node] = FoundCamera(str(path), "usb", name, formats=formats, size=largest)
    unnamed = {one.name for one in found.values() if Path(one.place).parent.name != _BY_ID and not one.problem}
    sockets = {path.resolve(): path for path in reversed(_entries(devices / "v4l" / _BY_PATH))}
    return [
        replace(one, place=str(sockets[node])) if one.name in unnamed and node in sockets else one
        for node, one in found.items()
    ]


def _nodes(devices: Path) -> Iterator[Path]:
    for folder in (_BY_ID, _BY_PATH):
        yield from _entries(devices / "v4l" / folder)
    yield from sorted(devices.glob("video[0-9]*"), key=lambda path: (len(path.name), path.name))


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def pi_cameras(run: Callable[[list[str]], str] | None = None, program: str | None = None) -> list[FoundCamera]:
    """Return what Raspberry Pi's camera program lists; nothing without it. Blocks for up to 8 s."""
    program = program or installed()
    if program is None:
        return []
    output = (run or _output)([program, "--list-cameras"])
    return [
        FoundCamera(
            f"picamera:{number}",
            "pi",
            f"Raspberry Pi camera ({device_label(sensor)})",
            formats=("H264",),
            size=(int(width), int(height)),
        )
        for number, sensor, width, height in _LISTED.findall(output)
    ]


def missing_modules(root: Path = Path("/")) -> list[str]:
    """Return advice about cameras that are connected and that Linux shows no device of, one sentence each."""
    if any((root / "dev").glob("video[0-9]*")):
        return []
    advice = []
    kinds = [one.read_text("utf-8", "replace").strip() for one in root.glob(_USB_CLASSES) if one.is_file()]
    if _VIDEO in kinds:
        advice.append(f"A USB camera is connected, but its driver isn't loaded. {_LOAD.format('uvcvideo')}")
    model = root / "proc/device-tree/model"
    if model.is_file() and b"Raspberry Pi" in model.read_bytes():
        advice.append(
            "No camera of this Raspberry Pi is there. With an older system, the driver is missing: "
            f"{_LOAD.format('bcm2835-v4l2')} Otherwise check the ribbon cable; `rpicam-hello --list-cameras` must "
            "list the camera."
        )
    return advice


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LIST_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
