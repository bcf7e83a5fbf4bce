"""Controls of a V4L2 device by ioctl (linux/videodev2.h): read, set, and pressed. Does not stream; any thread may ask.

A control is known by its name in lower case with `_`, as `v4l2-ctl` writes it: `brightness`, `power_line_frequency`.
"""

import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from struct import pack_into, unpack_from
from typing import Final

from tawny.model.errors import NoSuchDevice, NotDone
from tawny.model.validation import device_label
from tawny.sources.picture_controls import ControlKind, PictureControl

Ioctl = Callable[[int, int, bytearray], object]
"""Fills the buffer. Raises OSError; EINVAL marks the end of a list."""
QUERYCTRL, QUERYMENU, G_CTRL, S_CTRL = 0xC0445624, 0xC02C5625, 0xC008561B, 0xC008561C
_QUERY_BYTES, _MENU_BYTES, _VALUE_BYTES = 68, 44, 8
NEXT: Final = 0x80000000
"""Asks for the control after an ID."""
INTEGER, BOOLEAN, MENU, BUTTON, INTEGER_MENU, BITMASK = 1, 2, 3, 4, 9, 8
_DISABLED, _READ_ONLY, _INACTIVE, _WRITE_ONLY = 0x1, 0x4, 0x10, 0x40
_MOST_CONTROLS, _MOST_CHOICES = 128, 64
_KINDS: Final[Mapping[int, ControlKind]] = {
    INTEGER: "number", BOOLEAN: "switch", MENU: "choice", INTEGER_MENU: "choice", BUTTON: "button", BITMASK: "number",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class V4l2Control:
    """A control as the driver describes it. name: as in the settings. label: the driver's own.

    choices: values and names of a menu. is_inactive: another control, such as an automatic, decides now.
    """

    id: int
    name: str
    label: str
    kind: ControlKind
    least: int
    most: int
    step: int
    default: int
    choices: tuple[tuple[int, str], ...] = ()
    is_inactive: bool = False

    def allows(self, value: int) -> bool:
        if self.kind == "choice":
            return value in dict(self.choices)
        return self.least <= value <= self.most and (value - self.least) % max(1, self.step) == 0

    @property
    def allowed(self) -> str:
        if self.kind == "choice":
            return ", ".join(f"{value} ({label})" for value, label in self.choices)
        return f"{self.least} to {self.most}" + (f" in steps of {self.step}" if self.step > 1 else "")


@contextmanager
def opened(path: str) -> Iterator[int]:
    """Open a device for questions. Raises NoSuchDevice if it is missing, not permitted, or unplugged meanwhile."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NoSuchDevice(path, "not connected") from error
    except PermissionError as error:
        if error.errno == errno.EPERM:  # by the device rules of systemd or a container, not by the file
            raise NoSuchDevice(path, "this service or container isn't allowed to use it; restart it") from error
        raise NoSuchDevice(path, "this user has no permission; add it to the group `video`") from error
    except OSError as error:
        raise NoSuchDevice(path, (error.strerror or "it cannot be opened").lower()) from error
    try:
        yield fd
    except OSError as error:  # unplugged while it was asked
        raise NoSuchDevice(path, (error.strerror or "it doesn't answer").lower()) from error
    finally:
        os.close(fd)


def read_controls(path: str, ioctl: Ioctl = fcntl.ioctl) -> list[tuple[V4l2Control, int]]:
    """Return what a device offers, with the values now; 0 for buttons. Raises NoSuchDevice."""
    with opened(path) as fd:
        return [(one, _value(fd, one, ioctl)) for one in _listed(fd, ioctl)]


def write_controls(path: str, values: Mapping[str, int], ioctl: Ioctl = fcntl.ioctl) -> list[str]:
    """Set controls; return what could not be set, one sentence each. Raises NoSuchDevice.

    Automatics first: with them on, the values that they decide can't be set.
    """
    refused = []
    with opened(path) as fd:
        offered = {one.name: one for one in _listed(fd, ioctl)}
        for name in sorted(values, key=lambda name: name not in offered or offered[name].kind == "number"):
            one = offered.get(name)
            if one is None:
                refused.append(f"The camera has no control {name}.")
            elif not one.allows(values[name]):
                refused.append(f"{name} can't be {values[name]}; allowed: {one.allowed}.")
            elif not _set(fd, one.id, values[name], ioctl):
                refused.append(f"The camera didn't take {name} = {values[name]}.")
    return refused


def press_control(path: str, name: str, ioctl: Ioctl = fcntl.ioctl) -> None:
    """Press a button. Raises NoSuchDevice, and NotDone if the device has none of this name."""
    with opened(path) as fd:
        one = next((one for one in _listed(fd, ioctl) if one.name == name and one.kind == "button"), None)
        if one is None or not _set(fd, one.id, 0, ioctl):
            raise NotDone(f"This camera has no button {name}.", "Reload the page.")


def described(offered: list[tuple[V4l2Control, int]], wanted: Mapping[str, int]) -> list[PictureControl]:
    """Return controls for people. wanted: values of the settings."""
    found = []
    for one, value in offered:
        choices = tuple((str(at), label) for at, label in one.choices)
        shown = wanted.get(one.name, value)
        why_not = "Decided by an automatic of the camera." if one.is_inactive else ""
        as_kind = str if one.kind == "choice" else bool if one.kind == "switch" else float
        found.append(
            PictureControl(
                one.name, one.kind, as_kind(shown), as_kind(one.default), one.least, one.most, max(1, one.step),
                choices, one.label, why_not=why_not,
            )
        )  # fmt: skip
    return found


def _listed(fd: int, ioctl: Ioctl) -> Iterator[V4l2Control]:
    at, names = 0, set[str]()
    for _ in range(_MOST_CONTROLS):
        entry = bytearray(_QUERY_BYTES)
        pack_into("<I", entry, 0, at | NEXT)
        try:
            ioctl(fd, QUERYCTRL, entry)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise
        at, kind = unpack_from("<II", entry)
        label = device_label(entry[8:40].split(b"\0")[0].decode("utf-8", "replace"))
        least, most, step, default, flags = unpack_from("<iiiiI", entry, 40)
        name = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")
        if kind not in _KINDS or flags & (_DISABLED | _READ_ONLY) or not name or name in names:
            continue
        names.add(name)
        choices = tuple(_choices(fd, at, kind, range(least, most + 1), ioctl)) if _KINDS[kind] == "choice" else ()
        yield V4l2Control(at, name, label, _KINDS[kind], least, most, step, default, choices, bool(flags & _INACTIVE))


def _choices(fd: int, control: int, kind: int, indices: range, ioctl: Ioctl) -> Iterator[tuple[int, str]]:
    """Yield what a menu has; its indices may have holes."""
    for index in indices[:_MOST_CHOICES]:
        entry = bytearray(_MENU_BYTES)
        pack_into("<II", entry, 0, control, index)
        try:
            ioctl(fd, QUERYMENU, entry)
        except OSError:
            continue
        if kind == INTEGER_MENU:
            yield index, str(unpack_from("<q", entry, 8)[0])
        else:
            yield index, device_label(entry[8:40].split(b"\0")[0].decode("utf-8", "replace"))


def _value(fd: int, one: V4l2Control, ioctl: Ioctl) -> int:
    entry = bytearray(_VALUE_BYTES)
    pack_into("<Ii", entry, 0, one.id, 0)
    try:
        ioctl(fd, G_CTRL, entry)
    except OSError:
        return one.default if one.kind != "button" else 0  # buttons have none, and some can only be written
    return int(unpack_from("<i", entry, 4)[0])


def _set(fd: int, control: int, value: int, ioctl: Ioctl) -> bool:
    entry = bytearray(_VALUE_BYTES)
    pack_into("<Ii", entry, 0, control, value)
    try:
        ioctl(fd, S_CTRL, entry)
    except OSError:
        return False
    return True
