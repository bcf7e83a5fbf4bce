"""Retention of dated folders written by other programs, by age, number of files or size.

Only files whose path below the folder contains a date are considered and removed: `2026-11-20/a.mp4`,
`2026/11/20/a.mp4`, `cam/20261120T055812.mp4`, `cam/20261120055812.mp4`. The date determines the age. Links are not
followed. Folders of recorders and what is in them are refused; such a folder below the one to clean up is left alone.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import Segment
from tawny.storage.disk.disk import DiskAccess, FolderEntry, parent_of
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.planning import RemovalPlan, RemovalPlanner
from tawny.storage.retention.removal import Removal

_DATE: Final = re.compile(r"(?<!\d)(\d{4})([-_/.]?)(\d\d)\2(\d\d)(?:(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)?(?!\d)")
"""Also with the time of day directly after it."""
_YEAR_OR_MONTH: Final = re.compile(r"(?:^|/)\d{4}(?:/\d\d)?$")
_FIRST_YEAR: Final = 1980
"""Earlier years are not dates of recordings."""
_NOBODY: Final = CameraId("folder")
_OURS: Final = ("tawny.db", "copies.db", "history/volume", "history/volumes.json", "history/signed")
"""One of them is in every folder with recordings: of a recorder, an archive disk, a mirror or copies on a hub."""


@dataclass(frozen=True, slots=True)
class DatedFile:
    path: str
    day: date
    size_bytes: int


def find(disk: DiskAccess) -> tuple[list[DatedFile], int]:
    """Return all dated files below the root, in order of day and name, and the number of those without a date.

    Those of recorders below it are left out. Raises NotDone if it is a recorder's own folder, or is in one.
    """
    if disk.entry("history") is not None:  # deeper, one without a mark may be of another program
        raise _refusal(disk.root)
    for folder in (disk.root, *disk.root.parents):
        if _is_of_recorder(folder):
            raise _refusal(folder)
    found, undated = list[DatedFile](), 0
    for path, entry in _files(disk, ""):
        if (day := dated(path)) is None:
            undated += 1
        else:
            found.append(DatedFile(path, day, entry.size_bytes))
    return sorted(found, key=lambda one: (one.day, one.path)), undated


def dated(path: str) -> date | None:
    """Return the first date in the path. None if it has none."""
    for year, _, month, day in _DATE.findall(path):
        try:
            found = date(int(year), int(month), int(day))
        except ValueError:
            continue
        if found.year >= _FIRST_YEAR:
            return found
    return None


def plan(
    disk: DiskAccess, keep: RetentionRule, now_ms: int, zone: tzinfo | None = UTC, newest_days: int | None = None
) -> tuple[RemovalPlan, int]:
    """Plan the removals. Also return the number of files that none removes, as their paths have no date.

    keep: uses `max_s`, `count` and `size_bytes`. zone: of the dates; None: the computer's own.

    newest_days: number of days that keep their files, counting only days with files; None: no limit.
    """
    index = MemoryIndex()
    found, undated = find(disk)
    kept = set(sorted({one.day for one in found}, reverse=True)[:newest_days])
    removals = list[Removal]()
    with index.together():
        for number, one in enumerate(found):
            after = datetime.combine(one.day + timedelta(days=1), datetime.min.time(), zone)
            end_ms = round(after.timestamp() * 1000) - len(found) + number  # keeps the order of names within a day
            segment = _as_segment(one, end_ms)
            if one.day in kept:
                index.add_segment(segment)
            else:
                removals.append(Removal(segment, "older than the newest days to keep"))
    planned = RemovalPlanner(RetentionContract(keep), index, disk.space(), now_ms).plan()
    return replace(planned, removals=removals + planned.removals), undated


def apply(disk: DiskAccess, made: RemovalPlan) -> None:
    """Carry out the plan and remove folders that become empty. Raises StorageError."""
    for one in made.removals:
        disk.unlink(one.segment.path)
        folder = parent_of(one.segment.path)
        while folder and _is_of_date(folder) and disk.remove_folder(folder):
            folder = parent_of(folder)


def _is_of_date(folder: str) -> bool:
    """Return whether a folder's path contains a date, or ends in the year or month of a tree by date."""
    return dated(f"{folder}/") is not None or _YEAR_OR_MONTH.search(folder) is not None


def _as_segment(one: DatedFile, end_ms: int) -> Segment:
    return Segment(
        camera=_NOBODY,
        stream=StreamName.MAIN,
        run=RunId(""),
        start_ms=end_ms - 1,
        end_ms=end_ms,
        size_bytes=one.size_bytes,
        path=one.path,
        video="",
        width=0,
        height=0,
    )


def _refusal(folder: Path) -> NotDone:
    return NotDone(
        f"{folder} is a recorder's folder.",
        "Nothing was deleted. Choose a folder that is no recorder's and isn't in one. "
        "`tawny prune --data` keeps it as its settings say.",
    )


def _is_of_recorder(folder: Path) -> bool:
    return any(os.path.lexists(folder / name) for name in _OURS)


def _files(disk: DiskAccess, folder: str) -> Iterator[tuple[str, FolderEntry]]:
    """Yield all files below a folder, except those of recorders."""
    for one in disk.entries(folder):
        path = f"{folder}/{one.name}" if folder else one.name
        if one.kind == "folder" and not _is_of_recorder(disk.root / path):
            yield from _files(disk, path)
        elif one.kind == "file":
            yield path, one
