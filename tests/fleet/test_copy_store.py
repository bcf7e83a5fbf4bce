"""Copies of a box in the folder of its hub: limits of space, former copies, and files that a box may make up."""

import json
import threading
from pathlib import Path

import pytest

from tawny.config.fleet import CopySettings
from tawny.fleet import copies, copy_volume
from tawny.fleet.copy_source import CopySource, SourceFile
from tawny.fleet.copy_store import UNREADABLE, CopyStore
from tawny.fleet.copy_volume import CopyVolume
from tawny.model.errors import DiskFull, StorageError
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.observations import RecognisedText
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span, stamp_ms
from tawny.service.copied_recorder import CopiedRecorder
from tawny.storage.disk.disk import RealDisk
from tawny.storage.history.ledger import event_record, gap_record
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.segments.detection_files import EventFiles
from tawny.testing.clock import FakeClock
from tests.fleet.recorded import EVER, JPEG, PORCH, Recorded
from tests.storage.bench import break_reads


def test_old_copies_make_room_for_new_ones_within_their_own_limits(tmp_path: Path) -> None:
    """By age and by size; what is older than what there is room for isn't copied again."""
    clock = FakeClock()
    recorded = Recorded(tmp_path / "box", clock)
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    copied = store.of_box("shed", b"k", "Shed", recorded.signed.genesis).copied
    for _ in range(3):
        recorded.record(60)
        clock.advance(3600)
    source = CopySource(recorded.volume, lambda: False)
    files = copied.missing(source.recordings(PORCH, Span(clock.now_ms() - 4 * 3_600_000, clock.now_ms())), None)
    for file in files:
        copied.put(file.path, 0, source.read(file.path, 0, 1 << 20) or b"")
        copied.accept(file.path)
    rows = copied.index.segments(PORCH, None, EVER)
    one_hour = sum(row.size_bytes for row in rows if row.path.startswith(rows[-1].path.rpartition("/")[0]))
    copies.trim(copied, [CopySettings(max="90 min")], "shed", clock.now_ms())
    assert len(copied.index.segments(PORCH, None, EVER)) < len(rows)
    rule = CopySettings(max_size=f"{one_hour} B")
    assert not copies.admit(store, copied, (rule, [PORCH]), files[-1])
    copies.trim(copied, [rule], "shed", clock.now_ms())
    left = copied.index.segments(PORCH, None, EVER)
    assert {row.path.rpartition("/")[0] for row in left} == {rows[-1].path.rpartition("/")[0]}
    assert [str(one.relative_to(copied.volume.root)) for one in sorted(copied.volume.root.rglob("*.mp4"))] == [
        row.path for row in left
    ]
    store.close()


def test_room_made_while_a_file_is_listed_leaves_no_entry_without_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another box needs the space of this hour."""
    clock = FakeClock()
    recorded = Recorded(tmp_path / "box", clock)
    recorded.record(60)
    source = CopySource(recorded.volume, lambda: False)
    copied = CopyVolume(tmp_path / "shed", clock)
    file, *_ = copied.missing(source.recordings(PORCH, Span(clock.now_ms() - 3_600_000, clock.now_ms())), None)
    folder, add_segment = file.path.rpartition("/")[0], copied.index.add_segment
    other = threading.Thread(target=copied.remove_hour, args=(PORCH, folder))

    def add_meanwhile(row: Segment) -> None:
        other.start()
        other.join(0.5)
        add_segment(row)

    monkeypatch.setattr(copied.index, "add_segment", add_meanwhile)
    copied.put(file.path, 0, source.read(file.path, 0, 1 << 20) or b"")
    copied.accept(file.path)
    other.join(10)
    assert [
        copied.size(row.path) for row in copied.index.segments(PORCH, None, EVER) if not copied.size(row.path)
    ] == []
    copied.remove_hour(PORCH, folder)
    assert copied.size_bytes([PORCH]) == 0
    copied.close()


def test_a_box_that_began_anew_leaves_its_former_copies_as_they_are(tmp_path: Path) -> None:
    clock = FakeClock()
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    store.of_box("shed", b"k", "Shed", "aaaaaaaaaaaa")
    store.of_box("shed", b"k", "Shed", "aaaaaaaaaaaa")
    assert [one.state.folder for one in store.all()] == ["shed"]
    store.of_box("shed", b"k", "Shed", "bbbbbbbbbbbb")
    assert sorted((one.state.folder, one.state.is_former) for one in store.all()) == [
        ("shed", False), ("shed--aaaaaaaa", True),
    ]  # fmt: skip
    store.close()
    again = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    assert sorted((one.state.folder, one.state.is_former) for one in again.all()) == [
        ("shed", False), ("shed--aaaaaaaa", True),
    ]  # fmt: skip
    again.close()


@pytest.mark.parametrize("begin_ms", ["1e999", "1" + "0" * 30, "-5", '"x"'])
def test_a_line_that_cannot_be_stored_is_left_out_and_the_hub_starts(tmp_path: Path, begin_ms: str) -> None:
    clock = FakeClock()
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    copied = store.of_box("shed", b"k", "Shed", "aa").copied
    gap = Gap(PORCH, clock.now_ms(), clock.now_ms() + 1000, GapReason.WIFI)
    good = {"at_ms": 1, "what": "gap", "gap": gap_record(gap)}
    bad = json.dumps(good).replace(str(gap.begin_ms), begin_ms).replace(str(gap.end_ms), begin_ms)
    copied.grow_history("history/2026-11-20.jsonl", 0, f"{bad}\n{json.dumps(good)}\n".encode())
    copied.take_history()
    assert copied.index.gaps(PORCH, EVER) == [gap]
    store.close()
    again = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    assert [one.state.folder for one in again.all()] == ["shed"]
    again.close()


def test_copies_that_cannot_be_read_disable_only_themselves(tmp_path: Path) -> None:
    clock = FakeClock()
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    for box in ("barn", "shed"):
        store.of_box(box, b"k", box, "aa")
    store.close()
    (tmp_path / "copies/barn/copies.db").write_bytes(b"rubbish" * 1000)
    again = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    assert [one.state.folder for one in again.all()] == ["shed"]
    assert {name: state.problem for name, state in again.unreadable.items()} == {"barn": UNREADABLE}
    assert again.remove("barn")
    assert not again.unreadable
    again.close()


@pytest.mark.parametrize("genesis", ["/../../x", "../../hub", "", "AB/..", "a\x00b"])
def test_former_copies_stay_in_the_folder_of_copies(tmp_path: Path, genesis: str) -> None:
    """The box may say any text as the fingerprint of its history."""
    store = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0)
    store.of_box("shed", b"k", "Shed", genesis)
    store.of_box("shed", b"k", "Shed", "bbbb")
    assert sorted(one.state.folder for one in store.all()) == ["shed", "shed--before"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copies"]
    store.close()


@pytest.mark.parametrize(
    "path",
    [
        "porch/0000/00/00/00/x.jpg",
        "porch/2026/13/01/00/x.jpg",
        "porch/2026/11/20/24/x.jpg",
        "porch/1969/01/01/00/x.jpg",
    ],
)  # fmt: skip
def test_files_of_hours_that_do_not_exist_are_not_copied_nor_in_the_way(tmp_path: Path, path: str) -> None:
    store = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0)
    copied = store.of_box("shed", b"k", "Shed", "aa").copied
    assert copied.missing([SourceFile(path, 3), SourceFile("porch/2026/11/20/05/x.jpg", 3)], None) == [
        SourceFile("porch/2026/11/20/05/x.jpg", 3)
    ]
    for each in (path, "porch/2026/11/20/05/x.jpg"):
        (copied.volume.root / each).parent.mkdir(parents=True)
        (copied.volume.root / each).write_bytes(b"old")
    found = copied.oldest_hour()
    assert found is not None
    assert found[2] == "porch/2026/11/20/05"
    store.close()


def test_every_file_of_a_box_counts_for_its_limit(tmp_path: Path) -> None:
    """Snapshots, files of days and what has arrived in part, also after a restart of the hub."""
    clock = FakeClock()
    store = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    copied = store.of_box("shed", b"k", "Shed", "aa").copied
    assert copied.size_bytes([PORCH]) == 0
    sound = "porch/2026/11/20/sound"
    for path, count in (("porch/2026/11/20/05/x.jpg", 100), (sound, 30), (sound, 50)):
        copied.put(path, 0, bytes(count))
        copied.accept(path)
    copied.put("porch/2026/11/20/06/y.jpg", 0, bytes(7))
    copied.put("yard/2026/11/20/06/y.jpg", 0, bytes(1000))
    assert copied.size_bytes([PORCH]) == 157
    store.close()
    again = CopyStore(tmp_path / "copies", clock, lambda: 0.0)
    found = again.find("shed")
    assert found is not None
    assert found.copied.size_bytes([PORCH]) == 157
    rule = CopySettings(max_size="160 B")
    assert copies.admit(again, found.copied, (rule, [PORCH]), SourceFile("porch/2026/11/20/06/y.jpg", 10))
    assert not copies.admit(again, found.copied, (rule, [PORCH]), SourceFile("porch/2026/11/20/04/z.jpg", 10))
    assert copies.admit(again, found.copied, (rule, [PORCH]), SourceFile("porch/2026/11/20/06/z.jpg", 10))
    assert found.copied.size("porch/2026/11/20/05/x.jpg") == 0
    assert found.copied.size_bytes([PORCH]) <= 57
    again.close()


def test_few_files_that_arrived_in_part_are_kept(tmp_path: Path) -> None:
    copied = CopyVolume(tmp_path / "shed", FakeClock())
    paths = [f"porch/2026/11/20/05/x{number:02}.jpg" for number in range(12)]
    for path in paths:
        copied.put(path, 0, b"part")
    copied.drop_partial()
    assert [path for path in paths if copied.arrived(path)] == paths[4:]
    copied.close()


def test_the_history_of_a_box_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_volume, "MOST_HISTORY_BYTES", 100)
    monkeypatch.setattr(copy_volume, "MOST_HISTORY_FILES", 2)
    copied = CopyVolume(tmp_path / "shed", FakeClock())
    first, second, third = (f"history/2026-11-{day}.jsonl" for day in (18, 19, 20))
    copied.grow_history(first, 0, bytes(60))
    assert copied.has_room_for_history(SourceFile(first, 100))
    assert not copied.has_room_for_history(SourceFile(first, 101))
    assert not copied.has_room_for_history(SourceFile(second, 41))
    copied.grow_history(second, 0, bytes(10))
    assert not copied.has_room_for_history(SourceFile(third, 1))
    copied.close()


def test_an_empty_list_of_facts_as_a_power_failure_leaves_it_is_made_again(tmp_path: Path) -> None:
    CopyVolume(tmp_path / "shed", FakeClock()).close()
    (tmp_path / "shed/copies.db").write_bytes(b"")
    copied = CopyVolume(tmp_path / "shed", FakeClock())
    assert copied.notes.about() == {}
    copied.close()


async def test_masks_that_cannot_be_understood_hide_everything(tmp_path: Path) -> None:
    copied = CopyVolume(tmp_path / "shed", FakeClock())
    copied.notes.say({"cameras": [{"id": "porch", "masks": [[[0, 0], [2, 0], [2, 2]]]}]})
    [mask] = CopiedRecorder(copied, "Shed", FakeClock(), lambda: True).private(PORCH)
    assert mask.points == ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    copied.close()


@pytest.mark.parametrize("sealed", [False, True])
def test_an_image_that_was_stored_again_with_the_same_size_is_copied_again(tmp_path: Path, *, sealed: bool) -> None:
    clock = FakeClock()
    recorded, copied = Recorded(tmp_path / "box", clock, sealed=sealed), CopyVolume(tmp_path / "shed", clock)
    event = Event(EventId("e-1"), PORCH, "person", clock.now_ms(), None, 80.0, picture_ms=clock.now_ms())
    files, source = EventFiles(recorded.volume, recorded.seals), CopySource(recorded.volume, lambda: False)
    within = Span(clock.now_ms() - 3_600_000, clock.now_ms() + 1)
    for image in (JPEG, JPEG if sealed else JPEG[:-1] + b"x"):
        files.write_picture(event, image)
        [listed] = copied.missing(source.recordings(PORCH, within), None)
        copied.drop(listed.path)
        copied.put(listed.path, 0, source.read(listed.path, 0, 1 << 20) or b"")
        copied.accept(listed.path)
    assert copied.missing(source.recordings(PORCH, within), None) == []
    recorded.state()
    for file in source.history():
        copied.grow_history(file.path, 0, source.read(file.path, 0, 1 << 20) or b"")
    assert check_volume(copied.volume, copied.index, clock, CheckScope(deep=True)).findings == []
    copied.close()


def test_a_box_of_an_earlier_version_that_says_no_digest_is_compared_by_size(tmp_path: Path) -> None:
    copied, path = CopyVolume(tmp_path / "shed", FakeClock()), "porch/2026/11/20/05/x.jpg"
    copied.put(path, 0, b"old")
    copied.accept(path)
    files = [SourceFile(path, 3), SourceFile(path, 4), SourceFile(path, 3, "another")]
    assert copied.missing(files, None) == files[1:]
    copied.close()


HISTORY = "history/2026-11-20.jsonl"
HOUR, NEXT_HOUR = "porch/2026/11/20/05", "porch/2026/11/20/06"


def _with_two_events(folder: Path) -> CopyVolume:
    """Copies of one hour, and the history of two with an event each, which the box deleted."""
    copied, path = CopyVolume(folder, FakeClock()), f"{HOUR}/x.jpg"
    begin_ms = stamp_ms("20261120T050000.000Z")
    for name, at_ms in (("copied", begin_ms + 1000), ("other", begin_ms + 3_600_000)):
        reads = (RecognisedText("plates", f"plate of {name}", 0.9, ""),)
        event = Event(EventId(name), PORCH, "car", at_ms, at_ms + 5000, 80.0, reads=reads)
        for what, record in (("event", event_record(event)), ("event_dropped", {"id": name})):
            line = json.dumps({"at_ms": 1, "what": what, what: record}, separators=(",", ":"))
            copied.grow_history(HISTORY, copied.size(HISTORY), f"{line}\n".encode())
    copied.take_history()
    copied.put(path, 0, b"jpeg")
    copied.accept(path)
    return copied


def test_what_the_copied_history_says_of_an_event_goes_with_its_copies(tmp_path: Path) -> None:
    copied = _with_two_events(tmp_path / "shed")
    size = copied.size(HISTORY)
    copied.remove_hour(PORCH, HOUR)
    copied.tidy()
    left = copied.volume.disk.read(HISTORY)
    assert (b"plate of copied" in left, b"plate of other" in left) == (False, True)
    assert len(left) == size  # what the box adds goes on there
    copied.close()


def test_the_copied_history_is_read_once_for_many_removed_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied, read, reads = _with_two_events(tmp_path / "shed"), RealDisk.read, list[str]()

    def noting(disk: RealDisk, path: str, offset: int = 0, size: int | None = None) -> bytes:
        reads.append(path)
        return read(disk, path, offset, size)

    monkeypatch.setattr(RealDisk, "read", noting)
    copied.put(f"{NEXT_HOUR}/x.jpg", 0, b"jpeg")
    copied.accept(f"{NEXT_HOUR}/x.jpg")
    for folder in (HOUR, NEXT_HOUR):
        copied.remove_hour(PORCH, folder)
    assert HISTORY not in reads  # other threads wait for the removal
    for _ in range(3):
        copied.tidy()
    assert reads.count(HISTORY) == 2  # for both hours, the second time just before it is written
    assert b"plate of" not in copied.volume.disk.read(HISTORY)
    copied.close()


def test_a_file_of_the_copied_history_that_cannot_be_read_keeps_no_other_from_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied, next_day = _with_two_events(tmp_path / "shed"), "history/2026-11-21.jsonl"
    copied.grow_history(next_day, 0, copied.volume.disk.read(HISTORY))
    break_reads(monkeypatch, copied.volume.disk, HISTORY)
    copied.remove_hour(PORCH, HOUR)
    copied.tidy()
    assert b"plate of copied" not in copied.volume.disk.read(next_day)
    copied.close()


def test_what_the_copied_history_says_goes_later_if_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, content: bytes) -> None:
        raise DiskFull(path)

    copied = _with_two_events(tmp_path / "shed")
    copied.remove_hour(PORCH, HOUR)
    with monkeypatch.context() as patched:
        patched.setattr(copied.volume, "write_whole", full)
        copied.tidy()
    assert b"plate of copied" in copied.volume.disk.read(HISTORY)
    copied.tidy()
    assert b"plate of copied" not in copied.volume.disk.read(HISTORY)
    copied.close()


def test_history_that_arrives_lists_no_events_of_removed_hours_again(tmp_path: Path) -> None:
    copied = _with_two_events(tmp_path / "shed")
    copied.remove_hour(PORCH, HOUR)
    copied.take_history()
    assert [event.id for event in copied.index.events(EVER).events] == ["other"]
    copied.close()


def test_an_event_that_the_box_deleted_goes_where_nothing_of_its_hour_is_copied(tmp_path: Path) -> None:
    copied = _with_two_events(tmp_path / "shed")
    copied.forget_deleted()
    left = copied.volume.disk.read(HISTORY)
    assert (b"plate of copied" in left, b"plate of other" in left) == (True, False)
    assert [event.id for event in copied.index.events(EVER).events] == ["copied"]
    copied.close()


def test_copies_are_closed_also_if_some_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0)
    made = [store.of_box(name, b"k", name, "genesis").copied for name in ("barn", "shed", "yard")]

    def refuse() -> None:
        raise StorageError("copies.db", "the disk is gone")

    monkeypatch.setattr(made[1], "close", refuse)
    with pytest.raises(StorageError, match="the disk is gone"):
        store.close()
    assert store.all() == []


def test_copies_that_were_closed_meanwhile_are_not_put_aside(tmp_path: Path) -> None:
    store = CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0)
    store.of_box("shed", b"k", "Shed", "genesis")
    store.close()
    with pytest.raises(StorageError, match="closed or deleted"):
        store.put_aside("shed")
