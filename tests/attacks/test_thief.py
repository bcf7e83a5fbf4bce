"""Everything a thief can do to an archive is found by `check` or by a witness, and named.

Each row is an attack; it is tried on an unencrypted archive, an encrypted one, and one of both kinds. `off` is what
names it before the recorder starts again, `on` afterwards: a start must not launder anything. `check` is `tawny check`,
`deep` is `tawny check --deep`, `start` is the problem that the recorder raises by itself, `visit` the one that it
raises when the owner's browser comes back, and `witness` is `tawny check --witness` with the text of a message.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tawny.storage.history.signed_files import FOLDER, NAMES
from tests.attacks.thief import KINDS, PORCH, TODAY, YARD, YESTERDAY, Loot, Thief, make_loot

# --- the kit ---------------------------------------------------------------------------------------------------------


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
    thief.replay_history()
    for path in thief.recordings(PORCH) + thief.recordings(YARD):
        if not (thief.older / path.relative_to(thief.folder)).exists():
            path.unlink()


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


def cut_cleanly(thief: Thief) -> None:
    """Nothing is left that the remaining statements don't list, and nothing is missing that they do."""
    thief.cut_history(4)
    listed = sum(path.read_bytes().count(b'["file",') for path in thief.history.glob("2026*.list"))
    cameras = [camera for camera in (PORCH, YARD) if thief.recordings(camera)]
    for camera in cameras:
        for path in thief.recordings(camera)[listed // len(cameras) :]:
            path.unlink()


def cut_cleanly_and_remove_state(thief: Thief) -> None:
    cut_cleanly(thief)
    thief.remove_state()


def cut_cleanly_and_remove_secrets(thief: Thief) -> None:
    """Then it looks like a mirror."""
    cut_cleanly_and_remove_state(thief)
    (thief.folder / NAMES).unlink()


def replace_sealed_by_plain(thief: Thief) -> None:
    sealed, plain = thief.recordings()[1], sorted(thief.plain.glob("porch/*/*/*/*/*Z.main.mp4"))[1]
    sealed.with_suffix(".mp4").write_bytes(plain.read_bytes())
    sealed.unlink()


def change_the_middle(thief: Thief) -> None:
    path = thief.recordings()[1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


# --- what names it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """off, on: who names the attack, and a part of the sentence."""

    attack: Callable[[Thief], None]
    off: tuple[str, str]
    on: tuple[str, str]
    kinds: tuple[str, ...] = tuple(KINDS)


OURS = "changed on the disk"
MISSING, NOT_LISTED = "signed, but neither present nor deleted", "not in the signed history"
ANEW, OLDER = "The recorder began a new signed history", "Recordings made in between may have been removed"
GONE, REPLACED = "the recorder's signing keys are missing", "All data may have been replaced"
CONTINUED = "It may be an older copy that was continued"
ROWS = (
    Row(change_the_middle, ("deep", OURS), ("deep", OURS)),
    Row(cut_newest_file, ("deep", "torn"), ("deep", "not what was stated")),
    Row(Thief.remove_newest, ("deep", MISSING), ("deep", MISSING)),
    Row(remove_newest_and_last_statement, ("deep", MISSING), ("deep", MISSING)),
    Row(remove_newest_and_statements, ("deep", "the signing keys follow a later one"), ("start", ANEW)),
    Row(remove_newest_statements_and_state, ("deep", GONE), ("start", ANEW)),
    Row(cut_cleanly, ("deep", "the signing keys follow a later one"), ("start", ANEW)),
    Row(cut_cleanly_and_remove_state, ("deep", GONE), ("start", ANEW)),
    Row(cut_cleanly_and_remove_state, ("witness", OLDER), ("visit", ANEW)),
    Row(cut_cleanly_and_remove_secrets, ("witness", OLDER), ("start", ANEW)),
    Row(remove_newest_and_history, ("deep", NOT_LISTED), ("deep", NOT_LISTED)),
    Row(remove_newest_and_history, ("witness", REPLACED), ("visit", REPLACED)),
    Row(remove_everything, ("witness", REPLACED), ("visit", REPLACED)),
    Row(roll_back_everything, ("witness", OLDER), ("visit", CONTINUED)),
    Row(roll_back_history, ("deep", NOT_LISTED), ("deep", NOT_LISTED)),
    Row(roll_back_history_and_remove_newest, ("witness", OLDER), ("visit", CONTINUED)),
    Row(replay_log, ("deep", "the signing keys follow a later one"), ("start", ANEW)),
    Row(cut_lists, ("deep", "2 lists are missing"), ("start", ANEW)),
    Row(remove_list, ("deep", "4 lists are missing"), ("deep", "4 lists are missing")),
    Row(remove_day, ("deep", "its statements are missing"), ("deep", "its statements are missing")),
    Row(remove_last_day, ("deep", GONE), ("start", ANEW)),
    Row(swap_files, ("check", "says it is another"), ("check", "says it is another")),
    Row(swap_days, ("check", "says it is another"), ("check", "says it is another")),
    Row(swap_statements_of_days, ("deep", "the chain of statements is broken"), ("deep", "the chain of statements is")),
    Row(swap_cameras, ("check", "damaged"), ("deep", MISSING), ("mixed",)),
    Row(replace_sealed_by_plain, ("deep", MISSING), ("deep", MISSING), ("sealed", "mixed")),
    Row(mix_file_of_other_recorder, ("deep", "its signature is not this recorder's"), ("deep", MISSING)),
    Row(mix_history_of_other_recorder, ("deep", MISSING), ("deep", NOT_LISTED)),
    Row(become_other_recorder, ("witness", REPLACED), ("visit", REPLACED)),
)
CELLS = [pytest.param(kind, row, id=f"{kind}-{row.attack.__name__}-{row.off[0]}") for row in ROWS for kind in row.kinds]
RAISED = [pytest.param(row, id=row.attack.__name__) for row in ROWS if row.on[0] in ("start", "visit")]


@pytest.fixture(scope="module")
def quick_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a sync costs nothing, if there is such a place: recordings have thousands of them."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path_factory.mktemp("disk")) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def loots(quick_disk: Path) -> Callable[[str], Loot]:
    """The archive of each kind, recorded once."""
    return cache(lambda kind: make_loot(quick_disk / kind, kind))


@pytest.fixture
def thief(kind: str, loots: Callable[[str], Loot], quick_disk: Path) -> Iterator[Thief]:
    with TemporaryDirectory(dir=quick_disk) as folder:
        yield Thief(loots(kind), Path(folder) / "data")


def told(thief: Thief, who: str) -> str:
    match who:
        case "start":
            return "\n".join(thief.start())
        case "visit":
            thief.start()
            return "\n".join(thief.visit())
        case "witness":
            return "\n".join(thief.check(with_witness=True))
    return "\n".join(thief.check(deep=who == "deep"))


@pytest.mark.parametrize("kind", KINDS)
def test_untouched_nothing_is_found(thief: Thief) -> None:
    assert thief.check(deep=True, with_witness=True) == []
    assert thief.start() == []
    assert thief.visit() == []
    assert thief.check(deep=True, with_witness=True) == []


@pytest.mark.parametrize(("kind", "row"), CELLS)
def test_thief_is_found_and_named(thief: Thief, row: Row) -> None:
    row.attack(thief)
    who, sentence = row.off
    assert sentence in told(thief, who)
    who, sentence = row.on
    if who in ("check", "deep"):
        thief.start()
    assert sentence in told(thief, who)


@pytest.mark.parametrize("kind", ["mixed"])
@pytest.mark.parametrize("row", RAISED)
def test_problem_lasts_until_the_owner_confirms(thief: Thief, row: Row) -> None:
    """Over restarts, for other browsers with the same witness, and for `check`."""
    row.attack(thief)
    thief.start()
    thief.visit()
    assert thief.start() != []
    assert thief.check() != []
    thief.confirm()
    assert thief.start() == []
    assert thief.visit() == [], "the browser's witness is older than the confirmation"
    assert not any("witness" in one for one in thief.check(with_witness=True))
