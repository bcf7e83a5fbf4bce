"""What a recorder left is put in order by the next one, and the time without one is explained."""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FolderUnwritable, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.storage.disk.disk import FolderEntry
from tawny.storage.disk.layout import is_hour_folder
from tawny.storage.disk.lock import LockHolder
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.history.ledger import HistoryLine
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.repair.findings import wall_coverage
from tawny.storage.repair.recovery import cause_of, recover, recover_files
from tests.storage.bench import PORCH, YARD, Site, break_reads

EVER = Span(0, 1 << 45)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def _open_file(site: Site) -> Path:
    (path,) = site.folder.rglob("*.open.mp4")
    return path


def test_after_a_clean_stop_there_is_nothing_to_do(site: Site) -> None:
    site.record(70)
    found = site.recover()
    assert (found.reclosed, found.listed, found.removed, found.damaged) == ([], 0, 0, [])


def test_an_open_segment_is_closed_and_listed(site: Site) -> None:
    site.record(70, stop=False)
    open_path = _open_file(site)
    found = site.recover()
    (reclosed,) = found.reclosed
    assert reclosed.cut_bytes == 0
    assert reclosed.segment is not None
    assert not open_path.exists()
    segment = site.index.segments(PORCH, None, EVER)[-1]
    assert segment == reclosed.segment
    read = read_segment(site.folder / segment.path)
    assert read.end == {"end_ms": segment.end_ms, "why": "found open"}
    assert (site.folder / segment.path).stat().st_size == segment.size_bytes
    assert site.recover().reclosed == []


def _slow_site(site: Site, monkeypatch: pytest.MonkeyPatch, folder_s: float) -> None:
    """A volume without its list of folders. folder_s: how long each of two looks into a folder takes."""
    for hours in range(1, 9):
        site.put(hours * 60)
    monkeypatch.setattr(site.volume.open_folders, "left_over", lambda: None)
    files = site.volume.files

    def slow(folder: str) -> object:
        site.clock.advance(folder_s)
        return files(folder)

    monkeypatch.setattr(site.volume, "files", slow)


def test_a_long_scan_says_how_far_it_is(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _slow_site(site, monkeypatch, 2)
    site.recover()
    assert [one.getMessage() for one in caplog.records] == [
        "checking recordings after a start: 2 of 8 folders",
        "checking recordings after a start: 5 of 8 folders",
    ]


def test_a_long_list_of_folders_says_how_far_it_is(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _slow_site(site, monkeypatch, 0)
    hour_folders = site.volume.hour_folders

    def slow(camera: CameraId) -> Iterator[str]:
        for folder in hour_folders(camera):
            site.clock.advance(4)
            yield folder

    monkeypatch.setattr(site.volume, "hour_folders", slow)
    site.recover()
    assert [one.getMessage() for one in caplog.records] == [
        "listing all folders of recordings: 1 so far",
        "listing all folders of recordings: 4 so far",
        "listing all folders of recordings: 7 so far",
    ]


def test_a_short_scan_says_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _slow_site(site, monkeypatch, 0.25)
    site.recover()
    assert caplog.records == []


def test_a_full_disk_does_not_keep_a_segment_open(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.record(10, stop=False)
    size_bytes = _open_file(site).stat().st_size

    def full(_fd: int, parts: list[memoryview]) -> int:
        if bytes(parts[0][4:8]) == b"uuid":
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(_fd, b"".join(parts))

    monkeypatch.setattr(os, "writev", full)
    (reclosed,) = site.recover().reclosed
    assert reclosed.segment is not None
    assert reclosed.segment.size_bytes == size_bytes
    assert (site.folder / reclosed.segment.path).stat().st_size == size_bytes


def test_a_closed_segment_without_a_row_gets_it(site: Site) -> None:
    site.record(130)
    segments = site.index.segments(PORCH, None, EVER)
    site.index.drop_segments([segments[1]])
    site.volume.open_folders.enter(segments[1].path.rpartition("/")[0])
    assert site.recover().listed == 1
    assert site.index.segments(PORCH, None, EVER) == segments


def test_only_folders_that_may_hold_open_segments_are_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.record(5)
    for minutes_ago in range(600, 6000, 60):
        site.put(minutes_ago)
    site.record(5, stop=False)
    read: list[str] = []
    entries = site.volume.disk.entries

    def noting(folder: str) -> list[FolderEntry]:
        read.append(folder)
        return entries(folder)

    monkeypatch.setattr(site.volume.disk, "entries", noting)
    site.recover()
    assert {folder for folder in read if is_hour_folder(folder)} == {"porch/2026/11/20/05"}


def test_without_the_list_of_folders_all_are_read(site: Site) -> None:
    site.record(5, stop=False)
    (site.folder / "history" / "folders.json").unlink(missing_ok=True)
    assert len(site.recover().reclosed) == 1


@given(cut=some.floats(0, 1), tail=some.sampled_from(["", "zeros", "garbage"]))
@settings(max_examples=40, deadline=None)
def test_whatever_the_tail_all_whole_fragments_stay(
    tmp_path_factory: pytest.TempPathFactory, cut: float, tail: str
) -> None:
    site = Site(tmp_path_factory.mktemp("site"))
    site.record(8, stop=False)
    path = _open_file(site)
    whole = read_segment(path)
    data = path.read_bytes()
    kept = round(cut * len(data))
    rest = len(data) - kept
    path.write_bytes(data[:kept] + {"": b"", "zeros": bytes(rest), "garbage": b"\xa7" * rest}[tail])
    fragments = [one for one in whole.fragments if one.offset + one.size <= kept]
    site.recover()
    segments = site.index.segments(PORCH, None, EVER)
    if fragments:
        read = read_segment(site.folder / segments[0].path)
        # inside of a small picture, bytes that are not the right ones look like any others
        assert len(fragments) <= len(read.fragments) <= len(fragments) + (tail != "")
        assert not read.torn
        assert segments[0].end_ms == segments[0].start_ms + round(read.fragments[-1].end_ticks / 90)
    elif tail == "":
        assert segments == []
        assert list(site.folder.rglob("*.mp4")) == []


@pytest.mark.shows("DY12")
def test_a_large_file_without_a_header_is_set_aside(site: Site) -> None:
    site.record(5, stop=False)
    path = _open_file(site)
    path.write_bytes(b"\xa7" * 200_000)
    (reclosed,) = site.recover().reclosed
    assert reclosed.segment is None
    assert path.with_name(f"{path.name}.damaged").stat().st_size == 200_000


def test_a_file_that_is_another_cameras_is_set_aside(site: Site) -> None:
    site.record(5, stop=False)
    path = _open_file(site)
    there = site.folder / "yard" / path.relative_to(site.folder / "porch")
    there.parent.mkdir(parents=True)
    path.replace(there)
    (site.folder / "history" / "folders.json").unlink(missing_ok=True)
    assert site.recover().reclosed[0].segment is None
    assert there.with_name(f"{there.name}.damaged").exists()


def test_a_foreign_or_damaged_closed_file_is_left_alone(site: Site) -> None:
    site.record(5)
    (segment,) = site.index.segments(PORCH, None, EVER)
    site.index.drop_segments([segment])
    (site.folder / segment.path).write_bytes(b"\0" * 5000)
    site.volume.open_folders.enter(segment.path.rpartition("/")[0])
    found = site.recover()
    assert len(found.damaged) == 1
    assert site.index.segments(PORCH, None, EVER) == []
    assert (site.folder / segment.path).exists()


# --- time


def _kill_and_wait(site: Site, seconds: float = 600) -> None:
    site.ledger.started("boot-1")
    site.record(20, stop=False)
    site.clock.advance(seconds)


@pytest.mark.parametrize(("boot", "detail"), [("boot-1", "crashed"), ("boot-2", "power cut")])
def test_the_time_without_a_recorder_is_a_gap_with_its_cause(site: Site, boot: str, detail: str) -> None:
    _kill_and_wait(site)
    found = site.recover(boot=boot)
    (segment,) = site.index.segments(PORCH, None, EVER)
    assert found.gaps == [Gap(PORCH, segment.end_ms, site.clock.now_ms(), GapReason.RECORDER_OFF, detail)]
    assert site.index.gaps(PORCH, EVER) == found.gaps
    assert wall_coverage(site.index, [PORCH], site.clock.now_ms()).unexplained == []


def test_after_a_stop_on_purpose_the_gap_says_so(site: Site) -> None:
    site.ledger.started("boot-1")
    site.record(20)
    site.ledger.stopped("update")
    site.clock.advance(60)
    assert [gap.detail for gap in site.recover(boot="boot-2").gaps] == ["updating"]


def test_a_gap_that_was_open_ends_with_the_recorder(site: Site) -> None:
    site.ledger.started("boot-1")
    site.record(10)
    begin_ms = site.index.segments(PORCH, None, EVER)[-1].end_ms
    site.ledger.put_gap(Gap(PORCH, begin_ms, None, GapReason.UNREACHABLE, "no answer"))
    alive_ms = site.clock.now_ms() + 300_000
    site.clock.advance(900)
    found = site.recover()
    first, second = site.index.gaps(PORCH, EVER)
    assert (first.reason, first.end_ms) == (GapReason.UNREACHABLE, second.begin_ms)
    assert (second.reason, second.end_ms) == (GapReason.RECORDER_OFF, site.clock.now_ms())
    assert found.alive_ms is not None
    assert found.alive_ms < alive_ms


def test_the_last_sign_of_life_ends_an_open_gap(site: Site) -> None:
    site.ledger.put_gap(Gap(PORCH, site.clock.now_ms(), None, GapReason.UNREACHABLE))
    alive_ms = site.clock.now_ms() + 300_000
    site.clock.advance(900)
    recover(
        site.volume,
        site.index,
        site.ledger,
        site.clock,
        before=LockHolder(1, "boot-1", alive_ms),
        boot="boot-1",
        cameras=[PORCH],
    )
    assert [gap.end_ms for gap in site.index.gaps(PORCH, EVER)] == [alive_ms, site.clock.now_ms()]


def test_what_was_left_ended_by_the_clock_of_its_end(site: Site) -> None:
    """An earlier recording, of a clock that was ahead, says nothing of it."""
    site.clock.jump_utc(30 * 86_400)
    site.record(10)
    site.clock.jump_utc(-30 * 86_400)
    _kill_and_wait(site)
    found = site.recover()
    assert found.alive_ms is not None
    assert found.left_ms < site.clock.now_ms() < found.alive_ms


def test_a_camera_that_is_new_has_no_gap(site: Site) -> None:
    _kill_and_wait(site)
    found = site.recover(cameras=(PORCH, YARD))
    assert [gap.camera for gap in found.gaps] == [PORCH]


def test_a_clock_that_went_back_makes_no_gap_of_negative_length(site: Site) -> None:
    _kill_and_wait(site, 0)
    site.clock.jump_utc(-3600)
    assert site.recover().gaps == []


def test_the_index_catches_up_with_the_history(site: Site) -> None:
    site.record(5)
    gap = Gap(PORCH, site.clock.now_ms(), site.clock.now_ms() + 5, GapReason.CLOCK)
    site.ledger.put_gap(gap)
    site.forget_index()
    site.recover(cameras=())
    assert site.index.gaps(PORCH, EVER) == [gap]


def test_an_event_that_was_deleted_after_the_clock_was_set_back_stays_deleted(site: Site) -> None:
    site.clock.jump_utc(86_400)
    event = Event(EventId("e1"), PORCH, "motion", site.clock.now_ms(), None, 50.0)
    site.ledger.put_event(event)
    site.clock.jump_utc(-86_400)
    site.ledger.drop_event(event.id)
    site.recover()
    assert site.index.event(event.id) is None


def test_the_cause_is_the_last_one_after_the_clock_was_set_back(site: Site) -> None:
    site.clock.jump_utc(86_400)
    site.ledger.stopped("update")
    site.clock.jump_utc(-86_400)
    site.ledger.started("boot-1")
    assert site.recover().cause == "crash"


@pytest.mark.parametrize(
    ("lines", "before", "boot", "cause"),
    [
        ([], None, "b", None),
        ([], LockHolder(1, "b", 5), "b", "crash"),
        ([], LockHolder(1, "a", 5), "b", "power"),
        ([("started", {"boot": "a"})], None, "b", "power"),
        ([("started", {"boot": "b"})], None, "b", "crash"),
        ([("started", {"boot": "a"}), ("stopped", {"cause": "person"})], None, "b", "person"),
        ([("stopped", {"cause": "whim"})], None, "b", "person"),
        ([("stopped", {"cause": "person"}), ("started", {"boot": "b"})], None, "b", "crash"),
    ],
)
def test_causes(
    lines: list[tuple[str, dict[str, str]]], before: LockHolder | None, boot: str, cause: str | None
) -> None:
    assert cause_of([HistoryLine(0, what, record) for what, record in lines], before, boot) == cause


def test_sizes_in_the_index_are_those_of_the_files_after_a_kill(site: Site) -> None:
    site.record(65, stop=False)
    site.recover()
    for segment in site.index.all_segments():
        assert replace(segment, size_bytes=(site.folder / segment.path).stat().st_size) == segment


def test_a_short_hole_whose_record_was_lost_is_explained(site: Site) -> None:
    """The pictures after a broken connection were durable before the gap was."""
    site.record(5)
    site.clock.advance(0.4)
    site.record(5, stop=False)
    found = site.recover(boot="boot-2")
    (hole,) = [gap for gap in found.gaps if gap.reason is GapReason.UNKNOWN]
    assert wall_coverage(site.index, [PORCH], site.clock.now_ms()).unexplained == []
    assert hole.end_ms is not None
    assert 0 < hole.end_ms - hole.begin_ms < 1000
    assert hole.detail
    assert site.recover(boot="boot-2").gaps == []


@pytest.mark.parametrize("use", [VolumeUse.TIER, VolumeUse.SPARE])
def test_a_read_only_disk_does_not_keep_the_recorder_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: VolumeUse
) -> None:
    site = Site(tmp_path / "first")
    other = join(site.volume, tmp_path / "other", use)
    Site(other.root).record(5, stop=False)
    listed = site.put(10, listed=False)

    def read_only(*_: object) -> None:
        raise FolderUnwritable(str(other.root), "Read-only file system")

    for name in ("create", "rename", "unlink"):
        monkeypatch.setattr(other.disk, name, read_only)
    recover_files(site.volume, site.index, site.ledger, site.clock, before=None, boot="boot-1", cameras=[PORCH])
    assert site.index.segment(listed.id) is not None


def test_an_unreadable_list_of_folders_on_another_disk_does_not_keep_the_recorder_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path / "first")
    other = join(site.volume, tmp_path / "other", VolumeUse.TIER)
    other.write_whole("history/folders.json", b"[]")
    break_reads(monkeypatch, other.disk, "history/folders.json")
    listed = site.put(10, listed=False)
    recover_files(site.volume, site.index, site.ledger, site.clock, before=None, boot="boot-1", cameras=[PORCH])
    assert site.index.segment(listed.id) is not None


def test_a_disk_whose_files_can_not_be_signed_does_not_keep_the_recorder_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path / "first")
    site.volume.signed = SignedHistory.opened(site.volume.disk, site.clock.now_ms(), tuple)
    other = join(site.volume, tmp_path / "other", VolumeUse.TIER)
    other.open_folders.clear()

    def broken(_: str) -> Iterator[FolderEntry]:
        raise StorageError(str(other.root), "Input/output error")

    monkeypatch.setattr(other.disk, "entries", broken)
    listed = site.put(10, listed=False)
    recover_files(site.volume, site.index, site.ledger, site.clock, before=None, boot="boot-1", cameras=[PORCH])
    assert site.index.segment(listed.id) is not None


def test_only_the_last_downtime_gets_the_cause_of_the_last_stop(site: Site) -> None:
    site.record(70)
    for _ in range(2):
        begin_ms = site.clock.now_ms()
        site.clock.advance(3600)
        site.ledger.put_gap(Gap(YARD, begin_ms, site.clock.now_ms(), GapReason.OFF, ""))
        site.clock.advance(7200)
    site.ledger.stopped("update")
    found = site.recover(cameras=(PORCH, YARD))
    assert [gap.detail for gap in found.gaps if gap.camera == YARD] == ["", "updating"]
