"""Others are let in, or shut out, without touching footage; whoever shall open it can, wherever it is cut off."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.errors import ArchiveAway, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.sealed.broken import WrongKey
from tawny.sealed.file_reader import FileEnding, InMemorySource, open_sealed, scan_file
from tawny.sealed.header import HEADER_BYTES
from tawny.sealed.key_wrapping import Identity, short_name
from tawny.sealed.sealer import RingLine, compact, read_ring
from tawny.storage.disk.layout import is_sealed
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_files import pass_items
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.retention.tiers import copy_keys
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.sealing.rewrap import Rewrapped, rewrap_camera
from tawny.testing.clock import FakeClock
from tests.storage.test_signed_history import loaded, proved
from tests.support.disk import MemoryDisk, State

PORCH = CameraId("porch")
OWNER, SHEET, GUEST = Identity.new(), Identity.new(), Identity.new()
PEOPLE = [OWNER, SHEET, GUEST, Identity.new(), Identity.new()]
MANY = [OWNER, SHEET, GUEST, *(Identity.new() for _ in range(6))]
PICTURE = b"a picture of somebody"
ALL_DAYS = "9999"


def recorded(recipients: Sequence[Identity], pictures: int = 3) -> State:
    """A few sealed files of two days, with their rings."""
    disk, clock = MemoryDisk(), FakeClock("2026-11-20T23:40:00Z")
    volume = Volume(disk)
    policy = CameraSealing(tuple(one.recipient for one in recipients))
    seals = EpochKeys(SignedHistory.opened(disk, clock.now_ms()), clock, lambda _: policy)
    for number in range(pictures):
        _keep(volume, seals, clock, number)
        clock.advance(900)
    seals.history.state(clock.now_ms())
    return disk.files


def _keep(volume: Volume, seals: EpochKeys, clock: Clock, number: int) -> None:
    path = f"porch/2026/11/{20 + (number > 1)}/05/e{number}.tws"
    assert seals.picture(volume, PORCH, clock.now_ms(), PICTURE, path)


def files(left: State) -> dict[str, bytes]:
    return {path: data for path, data in left.items() if is_sealed(path)}


def who_opens(left: State, people: Sequence[Identity] = PEOPLE) -> list[set[int]]:
    """Of each file: who, by the file itself or by a ring."""
    rings = read_ring(b"".join(data for path, data in left.items() if path.endswith(".keys")))
    found = []
    for data in files(left).values():
        file = scan_file(InMemorySource(data))
        assert file.ends is FileEnding.SIGNED
        line = rings.get(file.header.commit)
        can = {place for place, one in enumerate(people) if _opens(data, one, line.wrapped if line else b"")}
        found.append(can)
    assert found
    return found


def _opens(data: bytes, one: Identity, besides: bytes) -> bool:
    try:
        last = list(open_sealed(scan_file(InMemorySource(data)), [one], besides).contents())[1]
    except WrongKey:
        return False
    return last[1] == PICTURE


def rewrap(disk: MemoryDisk, by: Identity, to: Sequence[Identity], *, shuts_out: bool = True) -> Rewrapped:
    recipients = [one.recipient for one in to]
    return rewrap_camera(Volume(disk), PORCH, [by], recipients, shuts_out=shuts_out, before=ALL_DAYS)


def test_who_is_added_opens_what_exists_also_without_the_ring() -> None:
    disk = loaded(before := recorded([OWNER, SHEET]))
    done = rewrap(disk, SHEET, [OWNER, SHEET, GUEST], shuts_out=False)
    assert (done.keys >= 2, done.files, done.narrow) == (True, 3, 0)
    assert who_opens(before) == [{0, 1}] * 3
    assert who_opens(files(disk.files)) == [{0, 1, 2}] * 3


def test_who_is_added_to_files_without_room_opens_them_by_the_ring() -> None:
    disk = loaded(before := recorded([OWNER, SHEET]))
    done = rewrap(disk, SHEET, MANY, shuts_out=False)
    assert (done.files, done.narrow) == (0, 3)
    assert who_opens(disk.files, MANY) == [set(range(9))] * 3
    assert files(disk.files) == files(before)


def test_who_is_removed_opens_nothing_any_more_and_no_picture_is_touched() -> None:
    before = recorded([OWNER, SHEET, GUEST])
    disk = loaded(before)
    assert rewrap(disk, OWNER, [OWNER, SHEET]).files == 3
    assert who_opens(disk.files) == [{0, 1}] * 3
    for path, data in files(before).items():
        after = disk.files[path]
        begin = HEADER_BYTES + scan_file(InMemorySource(data)).header.wrap_bytes
        assert (after[:HEADER_BYTES], after[begin:]) == (data[:HEADER_BYTES], data[begin:])
        assert scan_file(InMemorySource(after)).digest == scan_file(InMemorySource(data)).digest
    again = rewrap(disk, OWNER, [OWNER, SHEET])
    assert again.files == 0, "what was done is not done again"


def test_a_file_without_room_for_all_opens_alone_for_the_first_three() -> None:
    disk = loaded(recorded([OWNER]))
    assert rewrap(disk, OWNER, MANY).narrow == 3
    assert who_opens(disk.files, MANY) == [set(range(9))] * 3
    assert who_opens(files(disk.files), MANY) == [{0, 1, 2}] * 3
    again = rewrap(disk, OWNER, MANY)
    assert (again.keys, again.files, again.narrow) == (0, 0, 3)


def test_files_that_an_earlier_version_left_without_a_key_get_one() -> None:
    disk = loaded(recorded([OWNER]))
    rewrap(disk, OWNER, MANY)
    _as_before(disk, MANY)
    for path in files(disk.files):
        disk.write_at(path, HEADER_BYTES, bytes(2))
    assert who_opens(files(disk.files), MANY) == [set()] * 3
    assert rewrap(disk, SHEET, MANY, shuts_out=False).files == 3
    assert who_opens(files(disk.files), MANY) == [{0, 1, 2}] * 3


def test_keys_that_could_not_be_opened_are_done_by_the_next_run_that_can() -> None:
    disk = loaded(_of_two_times())
    first = rewrap(disk, GUEST, [SHEET, GUEST])
    assert (first.keys, len(first.locked)) == (0, 1), "one was made for them"
    again = rewrap(disk, GUEST, [SHEET, GUEST])
    assert (again.keys, again.files, len(again.locked)) == (0, 0, 1)
    last = rewrap(disk, SHEET, [SHEET, GUEST])
    assert (last.keys, last.files, len(last.locked)) == (1, 1, 0)
    assert who_opens(files(disk.files)) == [{1, 2}] * 2


def test_a_ring_that_an_earlier_version_calls_done_is_done_completely() -> None:
    disk = loaded(_of_two_times())
    _as_before(disk, [SHEET, GUEST])
    assert rewrap(disk, SHEET, [SHEET, GUEST]).keys == 2
    assert who_opens(disk.files) == [{1, 2}] * 2
    assert rewrap(disk, SHEET, [SHEET, GUEST]).keys == 0


def _of_two_times() -> State:
    """A day with a key of the owner, who was then replaced by the guest, and one of the guest."""
    disk, clock = MemoryDisk(), FakeClock("2026-11-20T05:00:00Z")
    people = [OWNER, SHEET]
    seals = EpochKeys(
        SignedHistory.opened(disk, clock.now_ms()), clock, lambda _: CameraSealing(tuple(x.recipient for x in people))
    )
    for number in range(2):
        _keep(Volume(disk), seals, clock, number)
        clock.advance(900)
        people[0] = GUEST
    seals.history.state(clock.now_ms())
    return disk.files


def test_keys_that_were_made_for_the_recipients_are_done() -> None:
    disk = loaded(_of_two_times())
    done = rewrap(disk, OWNER, [SHEET, GUEST])
    assert (done.keys, done.files, len(done.locked)) == (1, 1, 0)
    assert who_opens(disk.files) == [{1, 2}] * 2


def test_a_file_that_retention_removes_meanwhile_is_skipped() -> None:
    disk = loaded(recorded([OWNER, SHEET]))
    first = next(iter(files(disk.files)))

    def before(operation: str, path: str) -> None:
        if (operation, path) == ("read", first) and first in disk.files:
            disk.unlink(first)

    disk.before = before
    done = rewrap(disk, OWNER, [SHEET, GUEST])
    assert (done.files, done.failed) == (2, {})
    assert who_opens(disk.files) == [{1, 2}] * 2


def test_what_a_volume_cannot_do_is_named_and_the_others_are_done() -> None:
    disk, other = loaded(whole := recorded([OWNER, SHEET])), loaded(whole)
    other.root = Path("/other")

    def before(_operation: str, path: str) -> None:
        if path.endswith(".keys"):
            raise StorageError(path, "a bad sector")

    other.before = before
    volume = Volume(disk)
    volume.add_other(Volume(other))
    done = rewrap_camera(volume, PORCH, [OWNER], [SHEET.recipient], shuts_out=True, before=ALL_DAYS)
    assert ([*done.failed], len(done.locked)) == (["/other"], 0)
    assert who_opens(disk.files) == [{1}] * 3


def test_a_volume_that_is_away_is_asked_once() -> None:
    disk, asked = loaded(recorded([OWNER, SHEET])), list[str]()

    def before(_operation: str, path: str) -> None:
        if path.endswith((".keys", ".tws")):
            asked.append(path)
            raise ArchiveAway("there", "it doesn't answer")

    disk.before = before
    assert [*rewrap(disk, OWNER, [SHEET]).failed] == ["/memory"]
    assert len(asked) == 1


def _on_another_day(left: State) -> State:
    """Files as of footage that was filled in later: the ring of their day lacks their keys."""
    return {path.replace("2026/11/2", "2026/11/1") if is_sealed(path) else path: data for path, data in left.items()}


def test_a_file_whose_key_is_in_the_ring_of_another_day_is_changed_once() -> None:
    disk = loaded(_on_another_day(recorded([OWNER, SHEET])))
    done = rewrap(disk, OWNER, [SHEET, GUEST])
    assert (done.files, len(done.locked)) == (3, 0)
    assert who_opens(files(disk.files)) == [{1, 2}] * 3
    again = rewrap(disk, SHEET, [SHEET, GUEST])
    assert (again.keys, again.files) == (0, 0)


def test_a_file_whose_key_no_ring_has_counts_as_locked_if_nothing_opens_it() -> None:
    alone = files(recorded([OWNER, SHEET]))
    assert rewrap(loaded(alone), GUEST, [GUEST]).locked
    assert not rewrap(disk := loaded(alone), OWNER, MANY).locked
    assert who_opens(disk.files, MANY) == [set(range(9))] * 3


def test_finished_keys_are_not_locked_for_one_that_was_replaced() -> None:
    disk = loaded(recorded([OWNER, SHEET]))
    rewrap(disk, OWNER, [SHEET, GUEST])
    again = rewrap(disk, OWNER, [SHEET, GUEST])
    assert (again.keys, again.files, len(again.locked)) == (0, 0, 0)
    path = next(iter(files(disk.files)))
    disk.write_at(path, HEADER_BYTES, bytes(2))
    assert len(rewrap(disk, OWNER, [SHEET, GUEST]).locked) == 1, "this file is not finished"


def test_a_ring_that_is_copied_to_another_disk_changes_no_finished_file() -> None:
    disk, other = loaded(whole := recorded([OWNER, SHEET])), loaded(whole)
    volume = Volume(disk)
    volume.add_other(tier := Volume(other))
    recipients = [SHEET.recipient, GUEST.recipient]
    rewrap_camera(volume, PORCH, [OWNER], recipients, shuts_out=True, before=ALL_DAYS)
    for path in disk.files:
        if path.endswith(".keys"):
            copy_keys(path, volume, tier)
    again = rewrap_camera(volume, PORCH, [SHEET], recipients, shuts_out=True, before=ALL_DAYS)
    assert (again.keys, again.files) == (0, 0)


def _as_before(disk: MemoryDisk, people: Sequence[Identity]) -> None:
    """Give the rings the first line that earlier versions wrote, whether or not all keys could be opened."""
    for path, data in disk.files.items():
        if path.endswith(".keys"):
            lines = [RingLine(one.commit, one.born_ms, one.wrapped).text() for one in read_ring(data).values()]
            first = {"for": sorted(short_name(one.recipient) for one in people), "keys": len(lines)}
            disk.unlink(path)
            file = disk.create(path)
            file.append([compact(first) + b"\n", *lines])
            file.close()


def test_a_key_is_not_cleared_on_a_disk_that_lacks_the_ring() -> None:
    whole = recorded([OWNER])
    disk, other = loaded({path: data for path, data in whole.items() if not is_sealed(path)}), loaded(files(whole))
    volume = Volume(disk)
    volume.add_other(Volume(other))
    rewrap_camera(volume, PORCH, [OWNER], [one.recipient for one in MANY], shuts_out=True, before=ALL_DAYS)
    assert who_opens(other.files, MANY) == [set(range(9))] * 3


def test_who_has_no_key_changes_nothing() -> None:
    disk = loaded(before := recorded([OWNER, SHEET]))
    done = rewrap(disk, GUEST, [GUEST])
    assert (done.keys, done.files, bool(done.locked)) == (0, 0, True)
    assert who_opens(disk.files) == who_opens(before) == [{0, 1}] * 3


def test_newer_days_are_left_to_a_recorder_that_runs() -> None:
    disk = loaded(recorded([OWNER, SHEET, GUEST]))
    people = [OWNER.recipient, SHEET.recipient]
    rewrap_camera(Volume(disk), PORCH, [OWNER], people, shuts_out=True, before="2026/11/21")
    assert sorted(map(len, who_opens(disk.files))) == [2, 2, 3]


@given(turns=st.lists(st.sets(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=4), adds=st.booleans())
def test_whatever_is_changed_in_turn_exactly_those_open_it_who_shall(turns: list[set[int]], adds: bool) -> None:
    disk = loaded(FIRST)
    can = {0, 1}
    for turn in turns:
        by, can = PEOPLE[min(can)], can | turn if adds else turn
        rewrap(disk, by, [PEOPLE[place] for place in sorted(can)], shuts_out=not adds)
        assert who_opens(disk.files) == [can] * 2


FIRST = recorded([OWNER, SHEET], pictures=2)


@pytest.mark.parametrize("seeds", [4, pytest.param(60, marks=pytest.mark.long)])
def test_the_power_is_cut_anywhere(seeds: int) -> None:
    """Owner and sheet open all of it whatever is left, and doing it again shuts the third one out."""
    disk = loaded(recorded([OWNER, SHEET, GUEST]))
    begin = disk.points
    rewrap(disk, OWNER, [OWNER, SHEET])
    dice, cuts = random.Random(7), 0
    for point in range(begin, disk.points + 1):
        for _ in range(seeds):
            left = disk.after_cut(point, dice.randrange(1 << 30))
            assert all({0, 1} <= can for can in who_opens(left)), f"cut at {point}"
            again = loaded(left)
            rewrap(again, SHEET, [OWNER, SHEET])
            assert who_opens(again.files) == [{0, 1}] * 3, f"cut at {point}"
            cuts += 1
    assert cuts >= 60


def test_the_next_statement_says_it() -> None:
    disk = loaded(recorded([OWNER]))
    pass_items(disk, [["rewrapped", "00" * 16, "9999", 2, 3, ["aa"]]])
    history = SignedHistory.opened(disk, 1 << 41)
    for _ in range(2):
        assert history.state(1 << 41)
    found = [item for _, items in proved(disk, history.genesis).values() for item in items if item[0] == "rewrapped"]  # type: ignore[index]
    assert found == [["rewrapped", "00" * 16, "9999", 2, 3, ["aa"]]]
    assert not [path for path in disk.files if "told-" in path]
