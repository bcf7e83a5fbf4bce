"""Descriptors run out, although clients can't cause it: neither the gap nor the problem blames the disk."""

from pathlib import Path

from tawny.model.errors import TooManyFiles
from tawny.model.messages import Alarm, ProblemKind
from tawny.model.segments import GapReason
from tests.faults.world import PORCH, proved, world

LONG_S = 150.0
"""More than waits in memory for the disk."""


def test_files_that_cannot_be_opened_are_no_disk_error(quick_folder: Path) -> None:
    def refuse(operation: str, path: str) -> None:
        if operation == "create" and path.endswith(".mp4"):
            raise TooManyFiles(path, "Too many open files")

    with world(quick_folder) as bench:
        bench.run(30)
        bench.disk.before = refuse
        bench.run(LONG_S)
        bench.disk.before = lambda operation, path: None
        bench.run(60)
        gaps = bench.gaps_of(PORCH)
        assert [(gap.reason, gap.detail) for gap in gaps] == [(GapReason.OVERLOAD, "Too many open files")]
        alarms = [one for _, one in bench.heard if isinstance(one, Alarm)]
        assert ProblemKind.OPEN_FILES in {one.what for one in alarms}
        assert ProblemKind.DISK not in {one.what for one in alarms}
        assert "LimitNOFILE" in alarms[0].do
        bench.stop()
        proved(quick_folder, bench.clock)
