"""Writes docs/reliability.md from the figures that the fault tests measured. `--check` says if it is stale (exit 1).

.venv/bin/python scripts/reliability.py [--take] [--check]

--take: first take over the figures of the newest runs, `.test/figures/*.jsonl`, into docs/reliability.jsonl.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "reliability.md"
FIGURES: Final = ROOT / "docs" / "reliability.jsonl"
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
                "({worst_s:.2f} s in a machine that stood still)",
            ),
        ),
        "faults/test_kill.py",
    ),
    Promise(
        "the same at any operation, on a model of the disk",
        "at most the last second; nothing that was acknowledged",
        (("kill-model", "{kills} instants: median {median_s:.2f} s, worst {worst_s:.2f} s"),),
        "faults/test_power.py",
    ),
    Promise(
        "it begins again (systemd's pause of 1 s included)",
        "within 5 s",
        (("kill-again", "{median_s:.1f} s until the first picture is durable, {work_s:.1f} s of it work"),),
        "faults/test_kill.py",
    ),
    Promise(
        "the same while events are sent off site, again and again",
        "nothing of what is sent: each event arrives once, whole, under its name",
        (("delivery-killed", "{kills} kills, none too few or too many"),),
        "faults/test_delivery_killed.py",
    ),
    Promise(
        "power cut, on a model of the disk",
        "at most the last 2 s; nothing that was acknowledged",
        (("power", "{cuts} cuts: median {median_s:.2f} s, worst {worst_s:.2f} s"),),
        "faults/test_power.py",
    ),
    Promise(
        "power cut, on a real ext4 with every block logged",
        "at most the last 2 s; nothing that was acknowledged; fsck clean",
        (
            (
                "power-ext4",
                "{cuts} cuts, {unflushed} with writes under way: median {median_s:.2f} s, worst {worst_s:.2f} s",
            ),
        ),
        "faults/test_ext4.py",
    ),
    Promise(
        "the same recorder without its syncs",
        "must be found out by these tests",
        (
            ("power-unsynced", "{failed} of {cuts} cuts failed on the model"),
            ("power-ext4-unsynced", "{failed} of {cuts} on ext4"),
        ),
        "faults/test_power.py",
    ),
    Promise(
        "a camera goes away and comes back",
        "told within 60 s; recorded again within 5 s; no other loses anything",
        (("camera-away", "told after {alarmed_s:.0f} s, recorded again after {again_s:.1f} s; others: 0 s lost"),),
        "faults/test_camera.py",
    ),
    Promise(
        "the disk is full, again and again",
        "the oldest goes; recording never stops",
        (("disk-full", "{recorded_s:.0f} s on a disk that is full all the time: {lost_s:.0f} s lost"),),
        "faults/test_disk_full.py",
    ),
    Promise(
        "the disk is filled by others for 2 min",
        "a minute waits in memory; told within 60 s",
        (("disk-filled-by-others", "{lost_s:.0f} s lost, told after {alarmed_s:.0f} s"),),
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
        "what a minute of memory cannot hold; told within 60 s",
        (("disk-long-stall", "{lost_s:.0f} s lost, told after {alarmed_s:.0f} s"),),
        "faults/test_disk.py",
    ),
    Promise(
        "a real disk hangs for 1 min: nobody who asks it gets an answer, nor can be killed; there is a spare",
        "nothing; recording goes on at the spare after 8 s, and comes back by itself",
        (
            (
                "disk-hang",
                "{lost_s:.0f} s lost; at the spare after {went_s:.1f} s, back {came_back_s:.1f} s after it answered",
            ),
        ),
        "faults/test_hang.py",
    ),
    Promise(
        "a real disk hangs for 40 s, and there is no spare",
        "nothing: a minute waits in memory",
        (("disk-hang-memory", "{lost_s:.0f} s lost"),),
        "faults/test_hang.py",
    ),
    Promise(
        "writes, or syncs, fail for 40 s (EIO)",
        "the file's open end, up to a keyframe",
        (
            ("disk-error-append", "{lost_s:.1f} s (writes)"),
            ("disk-error-sync", "{lost_s:.1f} s (syncs)"),
        ),
        "faults/test_disk.py",
    ),
    Promise(
        "making, renaming, listing files fails for 40 s",
        "nothing",
        (
            ("disk-error-create", "{lost_s:.1f} s"),
            ("disk-error-rename", "{lost_s:.1f} s"),
            ("disk-error-sync-folder", "{lost_s:.1f} s lost"),
        ),
        "faults/test_disk.py",
    ),
    Promise(
        "the disk turns read-only for 2 min",
        "what a minute of memory cannot hold; told within 60 s",
        (("disk-read-only", "{lost_s:.0f} s lost, told after {alarmed_s:.0f} s"),),
        "faults/test_disk.py",
    ),
    Promise(
        "the disk is pulled out and put back 40 s later",
        "the file's open end, up to a keyframe",
        (("disk-vanishes", "{lost_s:.1f} s lost"),),
        "faults/test_disk.py",
    ),
    Promise(
        "the clock jumps: 1 h on, 1 h back, a day on, a leap second",
        "nothing; the timeline says so",
        (
            ("clock-+3600-s", "{lost_s:.0f}"),
            ("clock--3600-s", "{lost_s:.0f}"),
            ("clock-+86400-s", "{lost_s:.0f}"),
            ("clock--1-s", "{lost_s:.0f} s lost"),
        ),
        "faults/test_clock.py",
    ),
    Promise(
        "summer time begins and ends",
        "nothing; days of 23 and 25 hours",
        (("clock-summer-time", "{lost_s:.0f}"), ("clock-winter-time", "{lost_s:.0f} s lost")),
        "faults/test_clock.py",
    ),
    Promise(
        "the index is deleted, cut short, zeroed, scrambled",
        "nothing: made again from the files",
        (("index", "{harms} kinds of harm, {differences} differences afterwards"),),
        "faults/test_index.py",
    ),
    Promise(
        "a detector crashes, hangs, or keeps the processor busy",
        "nothing",
        (
            ("detector-crashes", "{lost_s:.0f}"),
            ("detector-hangs", "{lost_s:.0f}"),
            ("detector-spins", "{lost_s:.0f} s lost"),
        ),
        "faults/test_detector.py",
    ),
    Promise(
        "an owner's `detect()` loops, raises, leaks, exits, crashes, prints without end, or is replaced while it runs",
        "nothing",
        (
            (
                "own-detector",
                "{lost_s:.0f} s; told {told_s:.1f} s after the file was saved, at most {slowest_s:.1f} s, "
                "its start and a deadline of 0.5 s included",
            ),
        ),
        "faults/test_own_detector.py",
    ),
)


WEAR: Final = (
    Promise(
        "what the program writes for a byte of video, with index and history",
        "little more than that byte",
        (("wear", "{ratio:.3f} bytes at {rate_mbit:.0f} Mbit/s"),),
        "faults/test_wear.py",
    ),
    Promise(
        "what ext4 writes to the disk for it, with its journal",
        "at most a quarter more, though it is synced every 0.6 s",
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
        "the folder is made · its name is in `history/folders.json`",
        "an empty folder",
        "nobody has to",
        "faults/test_power.py::test_a_power_cut_loses_nothing_acknowledged_and_at_most_two_seconds",
    ),
    Crash(
        "`folders.json.new` is written · renamed",
        "the old list, and a file beside it",
        "the next write replaces it; a lost list means that all folders are read",
        "storage/test_recovery.py::test_without_the_list_of_folders_all_are_read",
    ),
    Crash(
        "the file is made · its header is synced",
        "an empty or torn file",
        "the next start removes it: nothing in it was ever durable",
        "faults/test_power.py::test_a_power_cut_loses_nothing_acknowledged_and_at_most_two_seconds",
    ),
    Crash(
        "a fragment is written · synced",
        "a torn end, zeros, or nothing of it",
        "the next start cuts it off and closes the file",
        "storage/test_recovery.py::test_whatever_the_tail_all_whole_fragments_stay",
    ),
    Crash(
        "the last fragment is synced · the end is written",
        "an open file that plays",
        "the next start closes it and says why",
        "storage/test_recovery.py::test_an_open_segment_is_closed_and_listed",
    ),
    Crash(
        "the end is synced · the file is renamed",
        "an open file that says its end",
        "the next start gives it its name",
        "storage/test_recovery.py::test_an_open_segment_is_closed_and_listed",
    ),
    Crash(
        "it is renamed · the folder is synced",
        "either name",
        "as above, or as below",
        "faults/test_disk.py::test_a_disk_that_fails_for_forty_seconds_costs_nothing_that_memory_can_hold",
    ),
    Crash(
        "the folder is synced · the row is in the index",
        "a closed file without a row",
        "the next start lists it",
        "storage/test_recovery.py::test_a_closed_segment_without_a_row_gets_it",
    ),
    Crash(
        "a gap or event is in the history · in the index",
        "the history knows more",
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
        "removal: the gap is written · the row is marked · the file is removed · the folder is synced · the row goes",
        "a gap, a marked row, with or without its file",
        "the next start finishes what was marked",
        "storage/test_retention.py::test_a_removal_that_is_interrupted_is_finished_by_the_next_start",
    ),
    Crash(
        "thinning: the small file is written · named · listed · the large one is removed",
        "one of them, or both",
        "the next start finishes or undoes it",
        "storage/test_thinning.py::test_a_thinning_that_is_interrupted_is_finished_or_undone_by_the_next_start",
    ),
    Crash(
        "an hour's segments have rows · the hour is settled: counted, and listed from its folder",
        "either, never both: it is one change of the database",
        "nobody has to",
        "faults/test_power_index.py::test_a_power_cut_while_hours_are_settled_and_removed_leaves_what_can_be_mended",
    ),
    Crash(
        "the index is made again · it gets its name",
        "none, or the old one",
        "the next start makes it again",
        "storage/test_rebuild.py::test_what_an_interrupted_try_left_does_no_harm",
    ),
)

HEAD: Final = f"""\
<!-- made by scripts/reliability.py from docs/reliability.jsonl; edit the script, not this page -->
# What tawny can lose, as measured

Every row is a test that breaks the thing on purpose; the figures are those of its newest run on
{MACHINE}, busy with other work, so that they are worse than what a
recorder alone would show. `./test` runs a sample of each, `./test --long` all of it. After every fault
`tawny check --deep --wall` must prove that recorded and explained time make up all of the wall's time, and every file
must play.
"""

NOT_YET: Final = """\
## What is promised and not shown yet

- 16 cameras watched by 20 people for an hour: `benchmarks/record.py` and `benchmarks/watch.py` measure parts of it.
"""


def page(figures: Mapping[str, Mapping[str, Any]]) -> str:
    return "\n".join([HEAD, *_promises(figures), "", *_wear(figures), "", *_crashes(), "", NOT_YET])


def _promises(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Nothing lost\n\n| what happens | at most lost | measured | shown by |\n|---|---|---|---|"
    yield from (_line(row, figures) for row in PROMISES)


def _wear(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Wear\n\n| what | promised | measured | shown by |\n|---|---|---|---|"
    yield from (_line(row, figures) for row in WEAR)


def _line(row: Promise, figures: Mapping[str, Mapping[str, Any]]) -> str:
    told = [form.format(**figures[name]) for name, form in row.figures if name in figures]
    return f"| {row.fault} | {row.promise} | {' / '.join(told) or 'not measured yet'} | `tests/{row.test}` |"


def _crashes() -> Iterator[str]:
    yield "## Between two writes\n"
    yield "The order of writes is data, sync, rename, sync of the folder, row."
    yield "The order of a removal is gap, mark, unlink, sync of the folder, row."
    yield "\n| it ends between | what is left | who puts it right | shown by |\n|---|---|---|---|"
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
