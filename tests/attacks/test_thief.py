"""Everything a thief can do to an archive is found by `check` or by a witness, and named."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from tests.attacks.thief import FOLDER, PORCH, TODAY, YARD, YESTERDAY, Thief


@dataclass(frozen=True)
class Attack:
    do: Callable[[Thief], None]
    kinds: tuple[str, ...] = ()
    """The archives that it is possible with; empty: all."""


def cut_newest_file(thief: Thief) -> None:
    path = thief.recordings()[-1]
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def remove_newest_and_last_statement(thief: Thief) -> None:
    thief.remove_newest()
    thief.cut_history(1)


def remove_newest_and_statements(thief: Thief) -> None:
    thief.remove_newest()
    thief.cut_history(4)


def remove_newest_statements_and_state(thief: Thief) -> None:
    remove_newest_and_statements(thief)
    thief.remove_state()


def remove_newest_and_history(thief: Thief) -> None:
    thief.remove_newest()
    shutil.rmtree(thief.history)


def remove_everything(thief: Thief) -> None:
    shutil.rmtree(thief.folder)
    thief.folder.mkdir()


def roll_back_everything(thief: Thief) -> None:
    shutil.rmtree(thief.folder)
    shutil.copytree(thief.older, thief.folder)


def roll_back_history(thief: Thief) -> None:
    thief.replay_history()


def roll_back_history_and_remove_newest(thief: Thief) -> None:
    shutil.copytree(thief.history, thief.folder / "aside")
    thief.replay_history()
    for path in thief.recordings(PORCH) + thief.recordings(YARD):
        if not (thief.older / path.relative_to(thief.folder)).exists():
            path.unlink()
    shutil.rmtree(thief.folder / "aside")


def replay_log(thief: Thief) -> None:
    thief.replay("days.jsonl", f"{YESTERDAY}.jsonl", f"{YESTERDAY}.list", f"{TODAY}.jsonl", f"{TODAY}.list")


def cut_lists(thief: Thief) -> None:
    path = thief.history / f"{TODAY}.list"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))


def remove_list(thief: Thief) -> None:
    (thief.history / f"{TODAY}.list").unlink()


def remove_day(thief: Thief) -> None:
    """Yesterday: its recordings and its statements."""
    for camera in (PORCH, YARD):
        shutil.rmtree(thief.folder / camera / "2026" / "11" / "19", ignore_errors=True)
    for name in (f"{YESTERDAY}.jsonl", f"{YESTERDAY}.list"):
        (thief.history / name).unlink()


def remove_last_day(thief: Thief) -> None:
    """Today: its recordings, its statements, its line among the days, and the keys."""
    for camera in (PORCH, YARD):
        shutil.rmtree(thief.folder / camera / "2026" / "11" / "20", ignore_errors=True)
    for name in (f"{TODAY}.jsonl", f"{TODAY}.list"):
        (thief.history / name).unlink()
    days = thief.history / "days.jsonl"
    days.write_bytes(days.read_bytes().splitlines(keepends=True)[0])
    thief.remove_state()


def swap_files(thief: Thief) -> None:
    one, other = thief.recordings()[1:3]
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def swap_days(thief: Thief) -> None:
    """The recordings of yesterday's last hour and of today's first one under each other's names."""
    yesterday, today = ([one for one in thief.recordings() if f"/{day}/" in str(one)] for day in ("19", "20"))
    for one, other in zip(yesterday, today, strict=False):
        data = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(data)


def swap_statements_of_days(thief: Thief) -> None:
    for end in ("jsonl", "list"):
        one, other = thief.history / f"{YESTERDAY}.{end}", thief.history / f"{TODAY}.{end}"
        data = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(data)


def mix_file_of_other_recorder(thief: Thief) -> None:
    ours, theirs = thief.recordings()[2], sorted(thief.other.glob("porch/*/*/*/*/*Z.main.*"))[2]
    ours.write_bytes(theirs.read_bytes())


def mix_history_of_other_recorder(thief: Thief) -> None:
    shutil.rmtree(thief.history)
    shutil.copytree(thief.other / FOLDER, thief.history)


def become_other_recorder(thief: Thief) -> None:
    shutil.rmtree(thief.folder)
    shutil.copytree(thief.other, thief.folder)


def swap_cameras(thief: Thief) -> None:
    one, other = thief.recordings(PORCH)[1], thief.recordings(YARD)[1]
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


ATTACKS = {
    one.__name__: Attack(one)
    for one in (
        cut_newest_file,
        *(remove_newest_and_last_statement, remove_newest_and_statements, remove_newest_statements_and_state),
        *(remove_newest_and_history, remove_everything, roll_back_everything, roll_back_history),
        *(roll_back_history_and_remove_newest, replay_log, cut_lists, remove_list, remove_day, remove_last_day),
        *(swap_files, swap_days, swap_statements_of_days, mix_file_of_other_recorder, mix_history_of_other_recorder),
        become_other_recorder,
    )
} | {"remove_newest": Attack(Thief.remove_newest), "swap_cameras": Attack(swap_cameras, ("mixed",))}
