"""All that stands in the cameras' folders of a volume, told apart by where and how it stands. No link is followed."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from tawny.storage.disk import Entry
from tawny.storage.layout import SegmentName, is_camera, is_of_day, picture_event, segment_name
from tawny.storage.reclose import DAMAGED
from tawny.storage.volume import Volume


class Kind(Enum):
    CLOSED = auto()
    OPEN = auto()
    SET_ASIDE = auto()
    OTHER_OF_OURS = auto()
    """Pictures and scores, and what is not whole yet."""
    FOREIGN = auto()
    LINK = auto()


class Found(NamedTuple):
    kind: Kind
    path: str
    entry: Entry
    name: SegmentName | None = None


_LEVELS: Final = (re.compile(r"\d{4}"), re.compile(r"\d\d"), re.compile(r"\d\d"), re.compile(r"\d\d"))
_DAY: Final = 3


def walk(volume: Volume) -> Iterator[Found]:
    """In order of names."""
    for path, entry in volume.files(""):
        if is_camera(entry.name) and entry.kind == "folder":
            yield from _below(volume, path, 0)
        elif is_camera(entry.name) and entry.kind == "link":
            yield Found(Kind.LINK, path, entry)


def _below(volume: Volume, folder: str, level: int) -> Iterator[Found]:
    for path, entry in volume.files(folder):
        if entry.kind == "folder" and level < len(_LEVELS) and _LEVELS[level].fullmatch(entry.name):
            yield from _below(volume, path, level + 1)
        else:
            yield _found(path, entry, level)


def _found(path: str, entry: Entry, level: int) -> Found:
    if entry.kind == "link":
        return Found(Kind.LINK, path, entry)
    if entry.kind == "file" and level == len(_LEVELS):
        if (name := segment_name(path)) is not None:
            return Found(Kind.OPEN if name.end_ms is None else Kind.CLOSED, path, entry, name)
        if segment_name(path.removesuffix(DAMAGED)) is not None:
            return Found(Kind.SET_ASIDE, path, entry)
        if picture_event(path.removesuffix(".new")) is not None or segment_name(path.removesuffix(".new")) is not None:
            return Found(Kind.OTHER_OF_OURS, path, entry)
    if entry.kind == "file" and level == _DAY and is_of_day(entry.name):
        return Found(Kind.OTHER_OF_OURS, path, entry)
    return Found(Kind.FOREIGN, path, entry)
