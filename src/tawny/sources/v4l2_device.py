"""Queries the capabilities of a V4L2 device by ioctl (linux/videodev2.h). Does not stream."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import pack, pack_into, unpack_from

from tawny.model.errors import NoSuchDevice

Ioctl = Callable[[int, int, bytearray], object]
"""Fills the buffer. Raises OSError; EINVAL marks the end of a list."""

QUERYCAP, ENUM_FMT, ENUM_FRAMESIZES = 0x80685600, 0xC0405602, 0xC02C564A
_CAPABILITY_BYTES, _FORMAT_BYTES, _SIZE_BYTES = 104, 64, 44
_CAPTURE, _OWN_CAPS = 0x1, 0x80000000
_BUFFER_CAPTURE = 1
_DISCRETE = 1
_MOST_LISTED = 64


@dataclass(frozen=True, slots=True)
class DeviceFormat:
    """fourcc: such as `H264`, `MJPG`, `YUYV`. sizes: width and height, px; for a range its minimum and maximum."""

    fourcc: str
    sizes: tuple[tuple[int, int], ...]
    is_range: bool = False


@dataclass(frozen=True, slots=True)
class V4l2Device:
    """Query result. name: reported by the device."""

    name: str
    formats: tuple[DeviceFormat, ...]


def look_at(path: str, ioctl: Ioctl = fcntl.ioctl) -> V4l2Device:
    """Query a device. Raises NoSuchDevice if it is missing, not permitted, or no capture device."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NoSuchDevice(path, "not connected") from error
    except PermissionError as error:
        raise NoSuchDevice(path, "this user has no permission; add it to the group `video`") from error
    except OSError as error:
        raise NoSuchDevice(path, (error.strerror or "it cannot be opened").lower()) from error
    try:
        return _ask(fd, path, ioctl)
    finally:
        os.close(fd)


def _ask(fd: int, path: str, ioctl: Ioctl) -> V4l2Device:
    said = bytearray(_CAPABILITY_BYTES)
    try:
        ioctl(fd, QUERYCAP, said)
    except OSError as error:
        raise NoSuchDevice(path, "it isn't a video device") from error
    can, of_this_node = unpack_from("<II", said, 84)
    if not (of_this_node if can & _OWN_CAPS else can) & _CAPTURE:
        raise NoSuchDevice(path, "it is a video device but has no capture mode")
    name = said[16:48].split(b"\0")[0].decode("utf-8", "replace")
    return V4l2Device(name, tuple(_formats(fd, ioctl)))


def _formats(fd: int, ioctl: Ioctl) -> Iterator[DeviceFormat]:
    for entry in _listed(fd, ioctl, ENUM_FMT, lambda index: pack("<II", index, _BUFFER_CAPTURE), _FORMAT_BYTES):
        fourcc = bytes(entry[44:48])
        sizes: list[tuple[int, int]] = []
        is_range = False
        for size in _listed(fd, ioctl, ENUM_FRAMESIZES, _size_request(fourcc), _SIZE_BYTES):
            if unpack_from("<I", size, 8)[0] == _DISCRETE:
                sizes.append(unpack_from("<II", size, 12))
                continue
            low_w, high_w, _, low_h, high_h, _ = unpack_from("<IIIIII", size, 12)
            sizes, is_range = [(low_w, low_h), (high_w, high_h)], True
            break
        yield DeviceFormat(fourcc.decode("ascii", "replace").strip(), tuple(sizes), is_range)


def _size_request(fourcc: bytes) -> Callable[[int], bytes]:
    return lambda index: pack("<I", index) + fourcc


def _listed(fd: int, ioctl: Ioctl, request: int, asked: Callable[[int], bytes], size: int) -> Iterator[bytearray]:
    """Yield the list entries 0, 1, 2 … until the device reports the end."""
    for index in range(_MOST_LISTED):
        entry = bytearray(size)
        head = asked(index)
        pack_into(f"{len(head)}s", entry, 0, head)
        try:
            ioctl(fd, request, entry)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise
        yield entry
