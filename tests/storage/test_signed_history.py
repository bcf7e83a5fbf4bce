"""The signed history on a disk: whatever cuts it off, it goes on with the same bytes, and what it said stays said."""

import threading
from pathlib import Path

import pytest

from tawny.model.errors import StorageError
from tawny.model.ids import CameraId
from tawny.model.times import utc_from_text, utc_text
from tawny.sealed.statements import DAYS, Statement, read_days, read_lists, read_statements
from tawny.storage.disk.disk import DiskAccess, RealDisk
from tawny.storage.history.signed_files import FOLDER, NAMES, STATE, lists_of
from tawny.storage.history.signed_history import SignedHistory, SignedRow
from tests.support.disk import MemoryDisk, State

START = utc_from_text("2026-11-20T23:35:00Z")
TEN_MINUTES = 600_000


def row(history: SignedHistory, camera: str = "porch") -> SignedRow:
    return SignedRow(history.camera(CameraId(camera)), 1, 0)


def proved(disk: DiskAccess, genesis: str) -> dict[int, tuple[Statement, list[object]]]:
    """All statements with their items, by number, as a stranger would prove them."""
    found: dict[int, tuple[Statement, list[object]]] = {}
    for day in read_days(disk.read(f"{FOLDER}/{DAYS}"), genesis).values():
        statements, lists = lists_of(day.day)
        known = read_statements(day, disk.read(statements))
        listed = {statement.n: items for statement, items in read_lists(disk.read(lists), known)}
        found |= {one.n: (one, list(listed[one.n])) for one in known}
    return found


def numbers(disk: DiskAccess, genesis: str) -> list[object]:
    return [item[4] for _, items in proved(disk, genesis).values() for item in items if item[0] == "file"]  # type: ignore[index]


def record(history: SignedHistory, content: bytes = b"d") -> int:
    """A file is begun, and closed."""
    place = history.take_place(row(history))
    with history.signing():
        history.add_file(row(history), place.number, content * 32, "signed")
    return place.number


def loaded(left: State) -> MemoryDisk:
    disk = MemoryDisk()
    for path, data in left.items():
        disk.make_folder(path.rpartition("/")[0])
        file = disk.create(path)
        file.append([data])
        file.sync()
        disk.sync_folder(path.rpartition("/")[0])
    return disk


def test_what_was_recorded_is_stated_once_also_over_midnight_and_starts() -> None:
    disk = MemoryDisk()
    genesis = ""
    for hour in range(3):
        history = SignedHistory.opened(disk, START)
        genesis = genesis or history.genesis
        history.all_found()
        for ten in range(3):
            record(history)
            assert history.state(START + (hour * 6 + ten + 1) * TEN_MINUTES)
    assert numbers(disk, genesis) == list(range(9))
    assert [one.n for one, _ in proved(disk, genesis).values()] == list(range(10))
    assert len(read_days(disk.read(f"{FOLDER}/{DAYS}"), genesis)) == 2


def test_a_file_names_the_one_before() -> None:
    history = SignedHistory.opened(MemoryDisk(), START)
    assert history.take_place(row(history)).prev == bytes(32)
    history.add_file(row(history), 0, b"0" * 32, "signed")
    assert history.take_place(row(history)).prev == b"0" * 32
    assert history.take_place(row(history)).prev == bytes(32), "the one before is not closed"
    assert history.take_place(row(history, "yard")).number == 0


def test_a_statement_waits_for_the_file_that_is_being_signed() -> None:
    history = SignedHistory.opened(MemoryDisk(), START)
    with history.signing() as signer:
        assert not history.state(START + 1, wait_s=0)
        assert signer.statement == 1
    assert history.state(START + 2, wait_s=0)


def test_a_file_that_is_being_signed_can_write_its_items_while_a_statement_waits_for_it() -> None:
    disk = MemoryDisk()
    history = SignedHistory.opened(disk, START)
    stated: list[bool] = []
    stating = threading.Thread(target=lambda: stated.append(history.state(START + 1, wait_s=20)))
    with history.signing():
        stating.start()
        history.announce_picture("porch/a.tws", [])
        assert not stated, "the announcement did not wait for the statement"
    stating.join()
    assert stated == [True]


def test_a_file_that_is_open_is_stated_when_it_is_closed() -> None:
    disk = MemoryDisk()
    history = SignedHistory.opened(disk, START)
    place = history.take_place(row(history))
    later = history.take_place(row(history))
    history.add_file(row(history), later.number, b"1" * 32, "signed")
    history.state(START + 1)
    again = SignedHistory.opened(disk, START + 2)
    assert not again.is_stated(row(again), place.number)
    assert again.is_stated(row(again), later.number)
    again.add_file(row(again), place.number, b"0" * 32, "torn")
    again.add_file(row(again), later.number, b"1" * 32, "signed")
    again.state(START + 3)
    assert sorted(map(str, numbers(disk, again.genesis))) == ["0", "1"]


def test_what_waits_is_not_lost_with_the_process() -> None:
    disk = MemoryDisk()
    history = SignedHistory.opened(disk, START)
    record(history)
    history.add(["gap", "porch", 1, 2, "stalled"])
    history.write_items()
    record(history)
    history.write_items()
    again = SignedHistory.opened(disk, START)
    assert again.take_place(row(again)).number == 2
    again.state(START + 1)
    assert numbers(disk, again.genesis) == [0, 1]


def test_names_lead_nowhere_without_the_key() -> None:
    disk = MemoryDisk()
    one, other = SignedHistory.opened(disk, START), SignedHistory.opened(MemoryDisk(), START)
    assert one.camera(CameraId("porch")) == SignedHistory.opened(disk, START).camera(CameraId("porch"))
    assert one.camera(CameraId("porch")) != other.camera(CameraId("porch"))
    assert len(one.recorder) == 16
    assert one.recorder != other.recorder


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    SignedHistory.opened(RealDisk(tmp_path), START)
    for path in (STATE, NAMES, f"{FOLDER}/{DAYS}"):
        assert (tmp_path / path).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["gone", "zeros", "shorter"])
def test_a_recorder_without_its_keys_begins_anew_and_says_so(damage: str) -> None:
    disk = MemoryDisk()
    old = SignedHistory.opened(disk, START).genesis
    files = disk.files
    if damage == "gone":
        del files[STATE]
    elif damage == "zeros":
        files[STATE] = bytes(len(files[STATE]))
    else:
        files[f"{FOLDER}/2026-11-20.list"] = b""
        record(history := SignedHistory.opened(disk, START))
        history.state(START + 1)
        files = disk.files | {f"{FOLDER}/2026-11-20.list": b""}
    disk = loaded(files)
    history = SignedHistory.opened(disk, START + 2)
    assert history.genesis != old
    (_, items), *_ = proved(disk, history.genesis).values()
    assert items[0][:2] == ["restored", old]  # type: ignore[index]
    before = [path for path in disk.files if "/before-" in path]
    assert len(before) == 3, "what was stated before is still there"


@pytest.mark.parametrize("left_out", ["nothing", "the line of the new day", "statements of the new day", "the new day"])
def test_keys_of_an_older_backup_write_over_nothing(left_out: str, caplog: pytest.LogCaptureFixture) -> None:
    """The history of a mirror was copied over that of the backup; some of it may not have come along."""
    disk = MemoryDisk()
    history = SignedHistory.opened(disk, START)
    keys, days = disk.files[STATE], disk.files[f"{FOLDER}/{DAYS}"]
    record(history)
    assert history.state(START + (1 if left_out == "the new day" else 3) * TEN_MINUTES)
    files = disk.files | {STATE: keys}
    if left_out == "the line of the new day":
        files[f"{FOLDER}/{DAYS}"] = days
    elif left_out == "statements of the new day":
        files = {path: data for path, data in files.items() if "2026-11-21" not in path}
    disk = loaded(files)
    again = SignedHistory.opened(disk, START + 4 * TEN_MINUTES)
    assert again.genesis != history.genesis
    assert "Starting a new signed history: it has statements that are newer than its keys" in caplog.text
    assert "or after a power cut on a disk that lost its newest write" in caplog.text
    aside = [data for path, data in disk.files.items() if "/before-" in path]
    assert sorted(aside) == sorted(data for path, data in files.items() if path.endswith((".jsonl", ".list")))


def test_a_history_that_went_another_way_is_not_written_over() -> None:
    """A backup was restored and its recorder went on; then the history of the mirror was copied over it."""
    disk = MemoryDisk()
    SignedHistory.opened(disk, START)
    left = disk.files
    for start in (one := loaded(left)), (other := loaded(left)):
        assert SignedHistory.opened(start, START + 1).state(START + 2)
    statements = f"{FOLDER}/2026-11-20.jsonl"
    assert len(one.files[statements]) == len(other.files[statements])
    disk = loaded(other.files | {statements: one.files[statements]})
    SignedHistory.opened(disk, START + 3)
    assert one.files[statements] in [data for path, data in disk.files.items() if "/before-" in path]


@pytest.mark.parametrize("damage", ["removed", "emptied", "halved"])
@pytest.mark.parametrize("name", [DAYS, "2026-11-20.jsonl", "2026-11-20.list"])
def test_a_recorder_records_on_whatever_file_was_damaged(name: str, damage: str) -> None:
    disk = MemoryDisk()
    record(history := SignedHistory.opened(disk, START))
    history.state(START + 1)
    files = disk.files
    if damage == "removed":
        del files[f"{FOLDER}/{name}"]
    else:
        data = files[f"{FOLDER}/{name}"]
        files[f"{FOLDER}/{name}"] = data[: len(data) // 2] if damage == "halved" else b""
    for at_ms in (START + 2, START + 3):
        disk = loaded(files)
        record(history := SignedHistory.opened(disk, at_ms))
        assert history.state(at_ms + TEN_MINUTES)
        assert proved(disk, history.genesis)
        files = disk.files


def test_a_disk_that_refuses_loses_nothing() -> None:
    disk = MemoryDisk()
    history = SignedHistory.opened(disk, START)
    for operation in ("create", "append", "sync", "rename", "sync_folder", "extend", "entry"):
        record(history)

        def refuse(what: str, path: str, operation: str = operation) -> None:
            if what == operation and FOLDER in path:
                raise StorageError("disk", "no")

        disk.before = refuse
        for call in (history.write_items, lambda: history.state(START + 1)):
            try:
                call()
            except StorageError:
                continue
        disk.before = lambda _what, _path: None
        history.state(START + 2)
    again = SignedHistory.opened(disk, START + 3)
    assert again.genesis == history.genesis
    assert numbers(disk, history.genesis) == list(range(7))


def recorded() -> MemoryDisk:
    """Two starts, statements over midnight, and what each acknowledged noted among the writes."""
    disk = MemoryDisk()
    for start in range(2):
        history = SignedHistory.opened(disk, START + start * 1000)
        disk.note(("genesis", history.genesis))
        history.all_found()
        for ten in range(3):
            number = record(history, bytes([start * 3 + ten]))
            history.add(["clock", START, START + ten])
            history.write_items()
            disk.note(("waits", number))
            assert history.state(START + (start * 3 + ten + 1) * TEN_MINUTES)
            disk.note(("stated", number))
    return disk


def test_power_cuts_between_all_writes() -> None:
    disk = recorded()
    cuts = 0
    for point in range(disk.points + 1):
        for seed in range(3):
            cuts += 1
            look(disk, point, seed)
    assert cuts >= 100


def look(disk: MemoryDisk, point: int, seed: int) -> None:
    result = disk.notes(point)
    left = loaded(disk.after_cut(point, seed))
    now = START + 10 * TEN_MINUTES
    history = SignedHistory.opened(left, now)
    for what, value in result:
        if what == "genesis":
            assert history.genesis == value, f"keys were lost at {point}, {seed}"
    known = numbers(left, history.genesis)
    stated = [value for what, value in result if what == "stated"]
    assert known[: len(stated)] == stated, f"a statement was lost at {point}, {seed}"
    record(history)
    history.state(now + 1)
    all_stated = numbers(left, history.genesis)
    assert all_stated == list(range(len(all_stated))), f"stated twice, or not, at {point}, {seed}"
    waits = [value for what, value in result if what == "waits"]
    assert set(waits) <= set(all_stated), f"what waited was lost at {point}, {seed}"
    times = [one.time for one, _ in proved(left, history.genesis).values()]
    assert times == sorted(times)
    assert times[-1] == utc_text(now + 1)


def test_the_same_without_any_sync_would_be_found() -> None:
    """The test itself: a disk to which nobody says that something must last loses what was acknowledged."""
    disk = MemoryDisk(syncs=False)
    history = SignedHistory.opened(disk, START)
    disk.note(("genesis", history.genesis))
    for ten in range(3):
        disk.note(("stated", record(history)))
        history.state(START + ten)
    with pytest.raises(AssertionError):
        for seed in range(10):
            look(disk, disk.points, seed)


def test_whoever_waits_for_the_disk_holds_up_nobody_who_records() -> None:
    """The first disk hangs in the middle of a statement; files on another are begun and signed meanwhile."""
    disk = MemoryDisk()
    history = SignedHistory.opened(disk, START)
    record(history)
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(_what: str, path: str) -> None:
        if FOLDER in path and threading.current_thread() is not threading.main_thread():
            hangs.set()
            assert goes_on.wait(20)

    disk.before = hang
    stating = threading.Thread(target=history.state, args=(START + 1,))
    stating.start()
    assert hangs.wait(20)
    record(history)
    goes_on.set()
    stating.join(20)
    history.state(START + 2)
    assert numbers(disk, history.genesis) == [0, 1]
