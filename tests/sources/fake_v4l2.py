"""A camera's controls as the kernel shows them through ioctl, without a camera."""

import errno
import os
from dataclasses import dataclass, field
from struct import pack_into, unpack_from

from tawny.sources.v4l2_controls import (
    BOOLEAN,
    BUTTON,
    G_CTRL,
    INTEGER,
    INTEGER_MENU,
    MENU,
    NEXT,
    QUERYCTRL,
    QUERYMENU,
    S_CTRL,
)

CLASS, STRING = 6, 7


@dataclass
class Row:
    """flags: as the kernel's. choices: by index, names or, of whole numbers, numbers."""

    id: int
    kind: int
    name: str
    least: int = 0
    most: int = 1
    step: int = 1
    default: int = 0
    flags: int = 0
    choices: dict[int, str | int] = field(default_factory=dict)


ROWS = (
    Row(0x980001, CLASS, "User Controls", flags=0x44),
    Row(0x980900, INTEGER, "Brightness", -64, 64, 2, 0),
    Row(0x98090C, BOOLEAN, "White Balance, Automatic", default=1),
    Row(0x980918, MENU, "Power Line Frequency", 0, 3, default=1, choices={0: "Disabled", 1: "50 Hz", 3: "Auto"}),
    Row(0x98091A, INTEGER, "White Balance Temperature", 2800, 6500, 1, 4600, flags=0x10),
    Row(0x980920, INTEGER, "Switched off", flags=0x1),
    Row(0x980930, INTEGER_MENU, "Bandwidth", 0, 1, choices={0: 480, 1: -1}),
    Row(0x980940, STRING, "Serial"),
    Row(0x9A0901, INTEGER, "Read only", flags=0x4),
    Row(0x9A0910, BUTTON, "Focus once", flags=0x40),
)


class FakeV4l2:
    """An ioctl of one camera. values: by ID, as set now; log: what was set, by name."""

    def __init__(self, rows: tuple[Row, ...] = ROWS) -> None:
        self.rows, self.log = rows, list[tuple[str, int]]()
        self.values: dict[int, int] = {}
        self.refuses: set[str] = set()

    def unplug(self) -> None:
        """Forget what was set, as a camera does without power."""
        self.values.clear()
        self.log.clear()

    def __call__(self, fd: int, request: int, data: bytearray) -> int:
        assert os.fstat(fd)
        asked = unpack_from("<I", data)[0]
        if request == QUERYCTRL:
            row = next((one for one in self.rows if one.id > asked & ~NEXT), None)
            if row is None:
                raise OSError(errno.EINVAL, "no more")
            pack_into("<II32s", data, 0, row.id, row.kind, row.name.encode())
            pack_into("<iiiiI", data, 40, row.least, row.most, row.step, row.default, row.flags)
            return 0
        row = next(one for one in self.rows if one.id == asked)
        if request == QUERYMENU:
            return self._choice(row, data)
        if request == G_CTRL:
            if row.flags & 0x40:
                raise OSError(errno.EACCES, "write only")
            pack_into("<i", data, 4, self.values.get(row.id, row.default))
            return 0
        assert request == S_CTRL
        if row.name in self.refuses:
            raise OSError(errno.EIO, "the camera failed")
        value = unpack_from("<i", data, 4)[0]
        self.values[row.id] = value
        self.log.append((row.name, value))
        return 0

    def _choice(self, row: Row, data: bytearray) -> int:
        choice = row.choices.get(unpack_from("<I", data, 4)[0])
        if choice is None:
            raise OSError(errno.EINVAL, "a hole")
        if row.kind == INTEGER_MENU:
            assert isinstance(choice, int)
            pack_into("<q", data, 8, choice)
        else:
            pack_into("32s", data, 8, str(choice).encode())
        return 0
