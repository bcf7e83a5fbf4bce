"""Walk over the camera folders of a volume, classifying each entry by path and name. Follows no links."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from tawny.storage.disk.disk import FolderEntry
from tawny.storage.disk.layout import SegmentName, is_camera, is_of_day, picture_event, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.repair.finalize_segment import DAMAGED


class FileKind(Enum):
    CLOSED = auto()
    OPEN = auto()
    SET_ASIDE = auto()
    OTHER_OF_OURS = auto()
    """Snapshots, scores and incomplete files."""
    FOREIGN = auto()
    LINK = auto()


class FoundFile(NamedTuple):
    kind: FileKind
    path: str
    entry: FolderEntry
    name: SegmentName | None = None


_LEVELS: Final = (re.compile(r"\d{4}"), re.compile(r"\d\d"), re.compile(r"\d\d"), re.compile(r"\d\d"))
_DAY: Final = 3


def walk(volume: Volume) -> Iterator[FoundFile]:
    """Yield all entries in order of names."""
    for path, entry in volume.files(""):
        if is_camera(entry.name) and entry.kind == "folder":
            yield from _below(volume, path, 0)
        elif is_camera(entry.name) and entry.kind == "link":
            yield FoundFile(FileKind.LINK, path, entry)


def _below(volume: Volume, folder: str, level: int) -> Iterator[FoundFile]:
    for path, entry in volume.files(folder):
        if entry.kind == "folder" and level < len(_LEVELS) and _LEVELS[level].fullmatch(entry.name):
            yield from _below(volume, path, level + 1)
        else:
            yield _found(path, entry, level)


def _found(path: str, entry: FolderEntry, level: int) -> FoundFile:
    if entry.kind == "link":
        return FoundFile(FileKind.LINK, path, entry)
    if entry.kind == "file" and level == len(_LEVELS):
        if (name := segment_name(path)) is not None:
            return FoundFile(FileKind.OPEN if name.end_ms is None else FileKind.CLOSED, path, entry, name)
        if path.endswith(DAMAGED) and segment_name(path[: path.index(DAMAGED)]) is not None:
            return FoundFile(FileKind.SET_ASIDE, path, entry)
        if picture_event(path.removesuffix(".new")) is not None or segment_name(path.removesuffix(".new")) is not None:
            return FoundFile(FileKind.OTHER_OF_OURS, path, entry)
    if entry.kind == "file" and level == _DAY and is_of_day(entry.name):
        return FoundFile(FileKind.OTHER_OF_OURS, path, entry)
    return FoundFile(FileKind.FOREIGN, path, entry)
