"""Write docs/how-it-works/reliability.md from the figures that the fault tests measured. `--check` exits with 1 if it
is stale.

.venv/bin/python scripts/reliability.py [--take] [--check]

--take: first copy the figures of the newest runs from `.test/figures/*.jsonl` into reliability.jsonl beside the page.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "how-it-works" / "reliability.md"
FIGURES: Final = ROOT / "docs" / "how-it-works" / "reliability.jsonl"
MEASURED: Final = ROOT / ".test" / "figures"
MACHINE: Final = "two shared x86-64 cores, ext4"


@dataclass(frozen=True)
class Promise:
    """A row. figures: what the suite wrote of it, and how to say that; test: where it is shown, below tests/."""

    fault: str
    promise: str
    figures: tuple[tuple[str, str], ...]
    test: str


PROMISES: Final = (
    Promise(
        "tawny is killed (SIGKILL) at any instant",
        "at most the last second",
        (
            (
                "kill",
                "{kills} kills: median {median_s:.2f} s, worst {worst_own_s:.2f} s "
                "({worst_s:.2f} s on a machine that stood still)",
            ),
        ),
        "faults/test_kill.py",
    ),
    Promise(
        "the same at any disk operation, on a simulated disk",
        "at most the last second; nothing that was reported as saved",
        (("kill-model", "{kills} instants: median {median_s:.2f} s, worst {worst_s:.2f} s"),),
        "faults/test_power.py",
    ),
    Promise(
        "tawny restarts (including systemd's delay of 1 s)",
        "within 5 s",
        (("kill-again", "{median_s:.1f} s until the first frame is on disk, {work_s:.1f} s of it tawny's own start"),),
        "faults/test_kill.py",
    ),
    Promise(
        "tawny is killed repeatedly while it uploads events",
        "nothing: each event arrives once, complete, under its name",
        (("delivery-killed", "{kills} kills; none missing, none twice"),),
        "faults/test_delivery_killed.py",
    ),
    Promise(
        "power cut, on a simulated disk",
        "at most the last 2 s; nothing that was reported as saved",
        (("power", "{cuts} cuts: median {median_s:.2f} s, worst {worst_s:.2f} s"),),
        "faults/test_power.py",
    ),
    Promise(
        "power cut, on a real ext4 file system with every block logged",
        "at most the last 2 s; nothing that was reported as saved; fsck clean",
        (
            (
                "power-ext4",
                "{cuts} cuts, {unflushed} during a write: median {median_s:.2f} s, worst {worst_s:.2f} s",
            ),
        ),
        "faults/test_ext4.py",
    ),
    Promise(
        "the same, encrypted, with an event whose picture gets better twice a second",
        "at most the last 2 s, and 1 s that only the key can read; the signed history lists what is there",
        (
            (
                "power-ext4-sealed",
                "{cuts} cuts, {unflushed} during a write: median {median_s:.2f} s, worst {worst_s:.2f} s",
            ),
        ),
        "faults/test_ext4.py",
    ),
    Promise(
        "the same on a disk whose every flush takes 20 and 100 ms, as on a cheap SD card",
        "at most the last 2 s; on a slower disk the health page says how much",
        (
            ("power-slow-0.02", "20 ms: {cuts} cuts, worst {worst_s:.2f} s"),
            ("power-slow-0.1", "100 ms: {cuts} cuts, worst {worst_s:.2f} s"),
        ),
        "faults/test_slow_disk.py",
    ),
    Promise(
        "the first start on such a disk, until the first frame is on it",
        "at most 12 flushes of the disk",
        (
            ("slow-disk-a-fresh-start-0.1", "100 ms: {flushes} flushes, {seconds:.1f} s"),
            ("slow-disk-a-fresh-start-0.2", "200 ms: {flushes}, {seconds:.1f} s"),
        ),
        "faults/test_slow_disk.py",
    ),
    Promise(
        "a start after a kill on such a disk",
        "at most 12 flushes of the disk",
        (
            ("slow-disk-a-start-after-a-kill-0.1", "100 ms: {flushes} flushes, {seconds:.1f} s"),
            ("slow-disk-a-start-after-a-kill-0.2", "200 ms: {flushes}, {seconds:.1f} s"),
        ),
        "faults/test_slow_disk.py",
    ),
    Promise(
        "control: the same recorder without sync",
        "must fail these tests",
        (
            ("power-unsynced", "{failed} of {cuts} cuts failed on the simulated disk"),
            ("power-ext4-unsynced", "{failed} of {cuts} on ext4"),
        ),
        "faults/test_power.py",
    ),
    Promise(
        "a camera disconnects and comes back",
        "notification within 60 s; recording again within 5 s; other cameras lose nothing",
        (("camera-away", "notified after {alarmed_s:.0f} s, recording after {again_s:.1f} s; others: 0 s lost"),),
        "faults/test_camera.py",
    ),
    Promise(
        "the network of 16 cameras fails for 5 min; their cards have it, half of them with a clock that is 90 s wrong",
        "at most 0.1 s is missing afterwards; live video loses nothing while it is fetched",
        (("card", "{lost_s:.1f} s missing; all filled in after {filled_s:.0f} s, placed within {off_ms:.0f} ms"),),
        "app/test_gap_filling.py",
    ),
    Promise(
        "the disk is full all the time",
        "the oldest video is deleted; recording never stops",
        (("disk-full", "{recorded_s:.0f} s on a full disk: {lost_s:.0f} s lost"),),
        "faults/test_disk_full.py",
    ),
    Promise(
        "other programs fill the disk for 2 min",
        "memory buffers 1 min; notification within 60 s",
        (("disk-filled-by-others", "{lost_s:.0f} s lost, notified after {alarmed_s:.0f} s"),),
        "faults/test_disk.py",
    ),
    Promise(
        "the disk stalls for 20 s",
        "nothing",
        (("disk-stall", "{lost_s:.0f} s lost"),),
        "faults/test_disk.py",
    ),
    Promise(
        "the disk stalls for 150 s",
        "what exceeds 1 min of memory; notification within 60 s",
        (("disk-long-stall", "{lost_s:.0f} s lost, notified after {alarmed_s:.0f} s"),),
        "faults/test_disk.py",
    ),
    Promise(
        "a real disk hangs for 1 min (every process that touches it hangs); with a fallback disk",
        "nothing; recording continues on the fallback disk after 8 s, and returns automatically",
        (
            (
                "disk-hang",
                "{lost_s:.0f} s lost; on the fallback after {went_s:.1f} s, back {came_back_s:.1f} s after recovery",
            ),
        ),
        "faults/test_hang.py",
    ),
    Promise(
        "a real disk hangs for 40 s; no fallback disk",
        "nothing: memory buffers 1 min",
        (("disk-hang-memory", "{lost_s:.0f} s lost"),),
        "faults/test_hang.py",
    ),
    Promise(
        "writes or syncs fail for 40 s (EIO)",
        "the unfinished end of the file, up to a keyframe",
        (
            ("disk-error-append", "{lost_s:.1f} s (writes)"),
            ("disk-error-sync", "{lost_s:.1f} s (syncs)"),
        ),
        "faults/test_disk.py",
    ),
    Promise(
        "creating, renaming or listing files fails for 40 s",
        "nothing",
        (
            ("disk-error-create", "{lost_s:.1f} s"),
            ("disk-error-rename", "{lost_s:.1f} s"),
            ("disk-error-sync-folder", "{lost_s:.1f} s lost"),
        ),
        "faults/test_disk.py",
    ),
    Promise(
        "the disk becomes read-only for 2 min",
        "what exceeds 1 min of memory; notification within 60 s",
        (("disk-read-only", "{lost_s:.0f} s lost, notified after {alarmed_s:.0f} s"),),
        "faults/test_disk.py",
    ),
    Promise(
        "the disk is unplugged, and plugged in again 40 s later",
        "the unfinished end of the file, up to a keyframe",
        (("disk-vanishes", "{lost_s:.1f} s lost"),),
        "faults/test_disk.py",
    ),
    Promise(
        "the clock jumps: 1 h forward, 1 h back, a day forward, a leap second",
        "nothing; the timeline shows it",
        (
            ("clock-+3600-s", "{lost_s:.0f}"),
            ("clock--3600-s", "{lost_s:.0f}"),
            ("clock-+86400-s", "{lost_s:.0f}"),
            ("clock--1-s", "{lost_s:.0f} s lost"),
        ),
        "faults/test_clock.py",
    ),
    Promise(
        "daylight saving time begins and ends",
        "nothing; days of 23 and 25 hours",
        (("clock-summer-time", "{lost_s:.0f}"), ("clock-winter-time", "{lost_s:.0f} s lost")),
        "faults/test_clock.py",
    ),
    Promise(
        "the index is deleted, truncated, zeroed or scrambled",
        "nothing: it is rebuilt from the files",
        (("index", "{harms} kinds of damage, {differences} differences after the rebuild"),),
        "faults/test_index.py",
    ),
    Promise(
        "5,000 idle, slow and never-reading connections from one address and from 5,000, beside 16 cameras",
        "nothing; at most 50 MB more memory; pages are back within 1 s",
        (
            ("connections-1024-1", "1,024 open files: {lost_s:.0f} s lost, {more_mb:.0f} MB"),
            ("connections-1024-5000", "{lost_s:.0f} s, {more_mb:.0f} MB"),
            ("connections-20000-1", "20,000: {lost_s:.0f} s, {more_mb:.0f} MB"),
            ("connections-20000-5000", "{lost_s:.0f} s, {more_mb:.0f} MB"),
        ),
        "attacks/test_connections.py",
    ),
    Promise(
        "a detector crashes, hangs or uses all CPU",
        "nothing",
        (
            ("detector-crashes", "{lost_s:.0f}"),
            ("detector-hangs", "{lost_s:.0f}"),
            ("detector-spins", "{lost_s:.0f} s lost"),
        ),
        "faults/test_detector.py",
    ),
    Promise(
        "a custom `detect()` loops, raises, leaks, exits, crashes, prints endlessly or is replaced while running",
        "nothing",
        (
            (
                "own-detector",
                "{lost_s:.0f} s; error shown {told_s:.1f} s after the file was saved, at most {slowest_s:.1f} s, "
                "including its start and a timeout of 0.5 s",
            ),
        ),
        "faults/test_own_detector.py",
    ),
)


WEAR: Final = (
    Promise(
        "bytes that tawny writes per byte of video, with index and history",
        "little more than 1",
        (("wear", "{ratio:.3f} bytes at {rate_mbit:.0f} Mbit/s"),),
        "faults/test_wear.py",
    ),
    Promise(
        "bytes that ext4 writes to the disk for it, with its journal",
        "at most 1.25, although tawny syncs every 0.6 s",
        (("wear-ext4", "{ratio:.2f} bytes at {rate_mbit:.0f} Mbit/s"),),
        "faults/test_wear.py",
    ),
)


@dataclass(frozen=True)
class Crash:
    """What is on the disk when the program or the power ends between two writes, and who puts it right."""

    between: str
    left: str
    repaired: str
    test: str


CRASHES: Final = (
    Crash(
        "the folder is created · its name is durable",
        "an empty folder",
        "nothing to repair",
        "faults/test_power.py::test_a_power_cut_loses_nothing_acknowledged_and_at_most_two_seconds",
    ),
    Crash(
        "`folders.json.new` is written · renamed",
        "the old list, and a new file beside it",
        "the next write replaces it; without the list, all folders are read",
        "storage/test_recovery.py::test_without_the_list_of_folders_all_are_read",
    ),
    Crash(
        "the file is created · its header is synced",
        "an empty or torn file",
        "the next start deletes it: nothing in it was ever durable",
        "faults/test_power.py::test_a_power_cut_loses_nothing_acknowledged_and_at_most_two_seconds",
    ),
    Crash(
        "a fragment is written · synced",
        "a torn end, zeros, or nothing",
        "the next start cuts it off and closes the file; players open it before that, too "
        "(`tests/storage/test_torn_files.py`)",
        "storage/test_recovery.py::test_whatever_the_tail_all_whole_fragments_stay",
    ),
    Crash(
        "the last fragment is synced · the end is written",
        "an open file that plays",
        "the next start closes it and records the reason",
        "storage/test_recovery.py::test_an_open_segment_is_closed_and_listed",
    ),
    Crash(
        "the end is synced · the file is renamed",
        "an open file that contains its end",
        "the next start renames it",
        "storage/test_recovery.py::test_an_open_segment_is_closed_and_listed",
    ),
    Crash(
        "the file is renamed · the folder is synced",
        "either name",
        "as in the row above or below",
        "faults/test_disk.py::test_a_disk_that_fails_for_forty_seconds_costs_nothing_that_memory_can_hold",
    ),
    Crash(
        "the folder is synced · the row is in the index",
        "a closed file without a row",
        "the next start adds the row",
        "storage/test_recovery.py::test_a_closed_segment_without_a_row_gets_it",
    ),
    Crash(
        "an encrypted event picture is announced · written · renamed · the folder is synced · it is listed as signed",
        "the earlier picture or the better one, and perhaps a new file beside it",
        "the next start lists the one that is there",
        "faults/test_power_sealed.py::test_after_a_cut_all_that_was_acknowledged_is_there_and_opens",
    ),
    Crash(
        "a gap or event is in the history · in the index",
        "the history has more entries than the index",
        "the next start reads the newest history into the index",
        "storage/test_recovery.py::test_the_index_catches_up_with_the_history",
    ),
    Crash(
        "a line of the history is written · synced",
        "a torn line, or none",
        "it is skipped when read; the next line begins on its own",
        "storage/test_history.py::test_a_power_cut_takes_only_what_was_not_synced",
    ),
    Crash(
        "removal: gap written · row marked · file deleted · folder synced · row deleted",
        "a gap and a marked row, with or without the file",
        "the next start finishes the marked removals",
        "storage/test_retention.py::test_a_removal_that_is_interrupted_is_finished_by_the_next_start",
    ),
    Crash(
        "reduction to keyframes: small file written · renamed · listed · full file deleted",
        "one of the two files, or both",
        "the next start finishes or undoes it",
        "storage/test_thinning.py::test_a_thinning_that_is_interrupted_is_finished_or_undone_by_the_next_start",
    ),
    Crash(
        "the segments of an hour have rows · the hour is settled (counted; listed from its folder)",
        "either, never both: it is one database transaction",
        "nothing to repair",
        "faults/test_power_index.py::test_a_power_cut_while_hours_are_settled_and_removed_leaves_what_can_be_mended",
    ),
    Crash(
        "the index is rebuilt · it is renamed",
        "no index, or the old one",
        "the next start rebuilds it",
        "storage/test_rebuild.py::test_what_an_interrupted_try_left_does_no_harm",
    ),
)

HEAD: Final = f"""\
<!-- made by scripts/reliability.py from docs/how-it-works/reliability.jsonl; edit the script, not this page -->
# How much tawny can lose: measurements

For everyone who wants to check the promises. Every row is a test that breaks something on purpose. The figures are
from the newest run on {MACHINE}, busy with other work, so recorders with the
computer to themselves do better. `./test` runs a sample of each test, `./test --long` all of it. After every fault,
`tawny check --deep --wall` must prove that recorded and explained time add up to the wall-clock time, and every file
must play.
"""

NOT_YET: Final = """\
## Not measured yet

- 16 cameras watched by 20 people for an hour. `benchmarks/record.py` and `benchmarks/watch.py` measure parts of it.
"""


def page(figures: Mapping[str, Mapping[str, Any]]) -> str:
    return "\n".join([HEAD, *_promises(figures), "", *_wear(figures), "", *_crashes(), "", NOT_YET])


def _promises(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Faults\n\n| what happens | maximum loss | measured | test |\n|---|---|---|---|"
    yield from (_line(row, figures) for row in PROMISES)


def _wear(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Disk wear\n\n| what | promised | measured | test |\n|---|---|---|---|"
    yield from (_line(row, figures) for row in WEAR)


def _line(row: Promise, figures: Mapping[str, Mapping[str, Any]]) -> str:
    found = [form.format(**figures[name]) for name, form in row.figures if name in figures]
    return f"| {row.fault} | {row.promise} | {' / '.join(found) or 'not measured yet'} | `tests/{row.test}` |"


def _crashes() -> Iterator[str]:
    yield "## Interrupted between two writes\n"
    yield "Order of a write: data, sync, rename, sync of the folder, index row."
    yield "Order of a removal: gap, mark, unlink, sync of the folder, index row."
    yield "\n| interrupted between | state on disk | repaired by | test |\n|---|---|---|---|"
    for row in CRASHES:
        yield f"| {row.between} | {row.left} | {row.repaired} | `tests/{row.test}` |"


def read(*paths: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for path in paths if path.exists() for line in path.read_text("utf-8").splitlines()]
    return {str(one["name"]): one for one in lines}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--take", action="store_true")
    asked.add_argument("--check", action="store_true")
    args = asked.parse_args()
    figures = read(FIGURES)
    if args.take:
        figures |= read(*sorted(MEASURED.glob("*.jsonl")))
        known = [figures[name] for row in (*PROMISES, *WEAR) for name, _ in row.figures if name in figures]
        FIGURES.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in known), "utf-8")
    text = page(figures)
    if args.check:
        return 0 if PAGE.read_text("utf-8") == text else 1
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
