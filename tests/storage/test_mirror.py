"""The mirror has what the first volume has, explains the rest, stands alone, and is read when the first has lost it."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.model.errors import DiskFull, StorageError
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.messages import EventChanged, GapChanged, SegmentClosed
from tawny.model.observations import RecognisedText
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span
from tawny.sealed.sealer import RingLine
from tawny.storage.disk import mirror
from tawny.storage.disk.disk import DiskCapacity, parent_of
from tawny.storage.disk.layout import keys_path, objects_path, scores_path
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.secondary_volumes import VolumeUse, away, forget_mirrors, join
from tawny.storage.disk.volume import Volume, copy
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.opening import index_to_read, index_to_write
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import CheckReport
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.runner import CameraDeletion, Retention
from tawny.storage.segments.detection_files import UNKNOWN, EventFiles, MotionScoreFile
from tests.storage.bench import PORCH, Site, break_reads

EVER = Span(0, 1 << 45)
EASY = RetentionContract(RetentionRule(free_share=0.0))


class Mirrored:
    def __init__(self, folder: Path) -> None:
        self.site = Site(folder / "first")
        self.root = folder / "second"
        self.mirror = self.open()

    def open(self, contract: RetentionContract = EASY) -> Mirror:
        self.mirror = Mirror(self.site.volume, self.site.index, self.site.clock, self.root, contract)
        return self.mirror

    def run(self) -> None:
        """Until there is nothing more to copy."""
        for _ in range(50):
            if self.mirror.step() > 0:
                return
        raise AssertionError("the mirror does not come to an end")

    def rows(self) -> list[Segment]:
        with index_to_read(self.root) as index:
            return index.segments(PORCH, None, EVER)

    def gaps(self) -> list[Gap]:
        with index_to_read(self.root) as index:
            return index.gaps(PORCH, EVER)

    def check(self) -> CheckReport:
        """As `tawny check --deep --wall --data` of the mirror."""
        with index_to_read(self.root) as index:
            return check_volume(Volume.at(self.root), index, self.site.clock, CheckScope(deep=True, with_wall=True))


@pytest.fixture
def both(tmp_path: Path) -> Mirrored:
    return Mirrored(tmp_path)


def _rows(site: Site) -> list[Segment]:
    return site.index.segments(PORCH, None, EVER)


def test_it_catches_up_and_stands_alone(both: Mirrored) -> None:
    both.site.record(150)
    both.run()
    assert both.rows() == _rows(both.site)
    both.mirror.finish()
    assert both.check().findings == []
    for row in both.rows():
        assert (both.root / row.path).read_bytes() == (both.site.folder / row.path).read_bytes()


def test_a_mirror_that_is_no_longer_configured_is_not_waited_for(both: Mirrored, tmp_path: Path) -> None:
    both.site.record(20)
    both.run()
    both.mirror.finish()
    forget_mirrors(both.site.volume, both.root)
    assert [one.path for one in away(both.site.volume)] == [str(both.root)]
    forget_mirrors(both.site.volume, tmp_path / "third")
    assert away(both.site.volume) == []
    both.open()  # as before, with what it holds
    assert both.rows() == _rows(both.site)


def test_an_encrypted_recording_has_its_days_keys_with_it(both: Mirrored) -> None:
    """Not only when the files of days are copied: the first disk may fail before."""
    both.run()
    both.site.record(20)
    (row,) = _rows(both.site)
    sealed, day = row.path.replace(".mp4", ".tws"), keys_path(PORCH, row.start_ms)
    both.site.volume.write_whole(sealed, b"sealed")
    both.site.volume.write_whole(day, RingLine(b"c" * 32, row.start_ms, b"wrapped").text())
    both.mirror.on_message(SegmentClosed(replace(row, path=sealed)))
    both.run()
    assert (both.root / sealed).read_bytes() == b"sealed"
    assert (both.root / day).read_bytes() == (both.site.folder / day).read_bytes()


def test_it_has_the_privacy_masks_of_cameras_of_other_recorders(both: Mirrored) -> None:
    both.site.volume.write_whole("history/borrowed-cameras.json", b"{}")
    both.run()
    assert (both.root / "history/borrowed-cameras.json").read_bytes() == b"{}"


def test_what_closes_later_follows_with_its_gaps_events_and_pictures(both: Mirrored) -> None:
    both.run()
    both.site.record(20)
    (row,) = _rows(both.site)
    gap = Gap(PORCH, row.end_ms, row.end_ms + 5000, GapReason.STALLED)
    event = Event(EventId("e1"), PORCH, "person", row.start_ms, row.end_ms, 50.0, kept=True)
    EventFiles(both.site.volume).write_picture(event, b"jpeg")
    for message in (SegmentClosed(row), GapChanged(gap), EventChanged("ended", event)):
        both.mirror.on_message(message)
    both.run()
    assert both.rows() == [row]
    assert both.gaps() == [gap]
    with index_to_read(both.root) as index:
        assert index.event(event.id) == event
    assert Volume.at(both.root).read_picture(event) == b"jpeg"


def test_an_event_whose_file_it_has_to_list_stays_when_it_finishes_a_removal(both: Mirrored) -> None:
    """Else it would be deleted here, and lost if the first disk failed before it is copied again."""
    old, new = both.site.put(60), both.site.put(59)
    event = Event(EventId("e1"), PORCH, "person", new.start_ms + 1000, new.start_ms + 6000, 50.0)
    both.site.ledger.put_event(event)
    both.run()
    both.mirror.finish()
    volume = Volume.at(both.root)
    history = HistoryJournal(volume.disk)
    with closing(history), closing(index_to_write(volume, history)) as index:
        index.mark_removing([old])
        index.drop_segments([new])
    volume.open_folders.enter(parent_of(new.path))
    volume.open_folders.save()
    both.open()
    both.run()
    with closing(HistoryJournal(volume.disk)) as history:
        assert not [line for line in history.lines() if line.what == "event_dropped"]


def test_what_the_first_has_lost_is_read_from_it(both: Mirrored) -> None:
    both.site.record(5)
    both.run()
    (row,) = _rows(both.site)
    content = (both.site.folder / row.path).read_bytes()
    (both.site.folder / row.path).unlink()
    assert both.site.volume.path(row.path).read_bytes() == content


def test_what_is_removed_here_is_kept_there(both: Mirrored) -> None:
    both.site.record(5)
    both.run()
    (row,) = _rows(both.site)
    both.site.index.drop_segments([row])
    both.mirror.on_message(GapChanged(Gap(PORCH, row.start_ms, row.end_ms, GapReason.REMOVED)))
    both.run()
    assert both.rows() == [row]
    assert both.gaps() == []


def test_a_deleted_time_goes_there_too_with_its_motion(both: Mirrored) -> None:
    both.site.record(5)
    (row,) = _rows(both.site)
    scores = MotionScoreFile(both.site.volume, both.site.clock)
    scores.put(PORCH, row.start_ms, 80)
    scores.flush()
    both.run()
    there, first = MotionScoreFile(Volume.at(both.root), both.site.clock), Span(row.start_ms, row.start_ms + 1000)
    assert there.read(PORCH, first) == b"P"
    both.mirror.delete_recordings(CameraDeletion(PORCH, row.end_ms, "deleted by Anna", begin_ms=row.start_ms))
    both.run()
    assert (both.rows(), there.read(PORCH, first)) == ([], bytes([UNKNOWN]))


def test_what_is_deleted_while_it_is_away_goes_there_too(both: Mirrored) -> None:
    both.site.record(5)
    (row,) = _rows(both.site)
    both.run()
    away = both.root.rename(both.root.with_name("away"))
    both.site.volume.disk.unlink(row.path)
    both.site.index.drop_segments([row])
    both.mirror.delete_recordings(CameraDeletion(PORCH, row.end_ms, "deleted by Anna", begin_ms=row.start_ms))
    both.mirror.step()
    assert both.mirror.problem is not None
    assert both.mirror.is_deleting
    away.rename(both.root)
    both.run()
    assert (both.rows(), both.mirror.is_deleting) == ([], False)


def test_a_file_that_cannot_be_deleted_keeps_nothing_from_being_copied(
    both: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.site.record(5)
    (row,) = _rows(both.site)
    both.run()
    both.mirror.delete_recordings(CameraDeletion(PORCH, row.end_ms, "deleted by Anna", begin_ms=row.start_ms))

    def stuck(*_: object) -> bool:
        raise StorageError(row.path, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(Retention, "delete_recordings", stuck)
        both.site.record(5)
        both.mirror.on_message(SegmentClosed(_rows(both.site)[1]))
        both.run()
    assert both.rows() == _rows(both.site)
    both.site.clock.advance(mirror.AGAIN_S)
    both.run()
    assert row not in both.rows()


def test_an_image_that_was_deleted_while_it_was_away_goes_there_too(both: Mirrored) -> None:
    both.site.record(20)
    (row,) = _rows(both.site)
    event = Event(EventId("e1"), PORCH, "person", row.start_ms, row.end_ms, 50.0, picture_ms=row.start_ms)
    both.site.ledger.put_event(event)
    EventFiles(both.site.volume).write_picture(event, b"jpeg")
    both.run()
    both.mirror.finish()
    both.site.volume.remove_picture(event)
    both.site.ledger.put_event(replace(event, picture_ms=None))
    both.open()
    both.run()
    assert Volume.at(both.root).read_picture(event) is None
    assert both.site.volume.read_picture(event) is None


def test_files_of_an_event_that_are_still_on_the_fallback_disk_are_copied_too(both: Mirrored, tmp_path: Path) -> None:
    both.site.record(20)
    (row,) = _rows(both.site)
    event = Event(EventId("e1"), PORCH, "person", row.start_ms, row.end_ms, 50.0)
    both.site.ledger.put_event(event)
    join(both.site.volume, tmp_path / "spare", VolumeUse.SPARE).write_whole(objects_path(event), b"paths")
    both.run()
    assert Volume.at(both.root).read_objects(event) == b"paths"


def test_its_retention_is_its_own(both: Mirrored) -> None:
    both.site.record(150)
    both.mirror = both.open(RetentionContract(RetentionRule(free_share=0.0, count=1)))
    both.run()
    both.site.clock.advance(61)
    both.run()
    assert len(both.rows()) == 1
    assert [gap.reason for gap in both.gaps()] == [GapReason.REMOVED]
    assert len(_rows(both.site)) == 3


def test_while_it_is_away_nothing_is_lost_and_it_catches_up(both: Mirrored) -> None:
    both.site.record(5)
    both.run()
    away = both.root.rename(both.root.with_name("away"))
    both.root.mkdir()
    both.site.record(5)
    both.mirror.on_message(SegmentClosed(_rows(both.site)[1]))
    both.mirror.step()
    assert both.mirror.problem is not None
    assert list(both.root.iterdir()) == []
    shutil.rmtree(both.root)
    away.rename(both.root)
    both.run()
    assert both.rows() == _rows(both.site)


def test_what_it_never_got_is_explained(both: Mirrored) -> None:
    both.site.record(150)
    first, second, third = _rows(both.site)
    both.site.index.drop_segments([second])
    (both.site.folder / second.path).unlink()
    both.run()
    both.site.clock.advance(1200)
    both.run()
    assert both.rows() == [first, third]
    (gap,) = both.gaps()
    assert (gap.begin_ms, gap.end_ms, gap.detail) == (
        second.start_ms,
        second.end_ms,
        "it was not copied to the mirror",
    )
    both.mirror.finish()
    assert both.check().findings == []


def test_a_disk_that_is_full_at_opening_is_tried_again(both: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    both.site.record(90)

    def full(*_: object) -> None:
        raise DiskFull("second")

    with monkeypatch.context() as patched:
        patched.setattr(mirror, "index_to_write", full)
        assert both.mirror.step() == mirror.AGAIN_S
        assert both.mirror.step() == mirror.AGAIN_S
    problem = both.mirror.problem
    assert isinstance(problem, DiskFull)
    assert both.site.volume.copies == ()
    both.run()
    assert both.mirror.problem is None
    assert both.rows() == _rows(both.site)


def test_a_full_mirror_is_told_by_its_folder(both: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the file that didn't fit, and not as the disk of `--data`."""
    both.site.record(90)

    def full(_: Volume, target: Volume, path: str) -> int:
        raise DiskFull(str(target.root / f"{path}.new"))

    monkeypatch.setattr(mirror, "copy", full)
    both.mirror.step()
    problem = both.mirror.problem
    assert isinstance(problem, DiskFull)
    assert problem.message == f"The mirror at {both.root} (`storage.mirror`) is full."
    assert problem.do == "Free up space there, or set `storage.mirror` to a larger disk."


def test_a_main_disk_that_is_full_is_not_told_as_the_mirror(both: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    both.site.record(90)

    def full(*_: object) -> None:
        raise DiskFull(str(both.site.folder))

    monkeypatch.setattr(mirror, "index_to_write", full)
    both.mirror.step()
    assert str(both.mirror.problem).startswith(f"The disk at {both.site.folder} is full.")


@pytest.mark.parametrize("error", [StorageError("second", "broken"), DiskFull("second")])
def test_a_copy_that_fails_is_made_later(both: Mirrored, monkeypatch: pytest.MonkeyPatch, error: StorageError) -> None:
    both.site.record(150)
    left = iter(range(4))

    def failing(source: Volume, target: Volume, path: str) -> int:
        if next(left, None) in (1, 2):
            raise error
        return copy(source, target, path)

    monkeypatch.setattr("tawny.storage.disk.mirror.copy", failing)
    for _ in range(5):
        both.mirror.step()
    assert both.rows()[-2:] == _rows(both.site)[-2:], "a full one has made room"
    assert both.mirror.problem is None


def test_a_file_that_cannot_be_read_keeps_no_other_from_its_copy(
    both: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.site.record(150)
    bad, *others = _rows(both.site)
    with monkeypatch.context() as patched:
        break_reads(patched, both.site.volume.disk, bad.path)
        both.run()
        assert both.rows() == others
        assert "Input/output error" in str(both.mirror.problem)
        assert both.mirror.has_caught_up
    assert (both.site.folder / bad.path).stat().st_size == bad.size_bytes
    both.site.clock.advance(3600)
    both.run()
    both.run()
    assert both.rows() == [bad, *others]
    assert both.mirror.problem is None


def test_a_closed_file_that_cannot_be_read_keeps_no_later_one_from_its_copy(
    both: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.run()
    both.site.record(150)
    bad, *others = _rows(both.site)
    break_reads(monkeypatch, both.site.volume.disk, bad.path)
    for row in (bad, *others):
        both.mirror.on_message(SegmentClosed(row))
    both.run()
    assert both.rows() == others


def test_day_files_that_cannot_be_read_keep_no_other_from_its_copy(
    both: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.site.record(5)
    (row,) = _rows(both.site)
    scores = MotionScoreFile(both.site.volume, both.site.clock)
    for zone in ("", "path"):
        scores.put(PORCH, row.start_ms, 80, zone)
    scores.flush()
    break_reads(monkeypatch, both.site.volume.disk, scores_path(PORCH, row.start_ms))
    both.run()
    first = Span(row.start_ms, row.start_ms + 1000)
    assert MotionScoreFile(Volume.at(both.root), both.site.clock).read(PORCH, first, "path") == b"P"


def test_what_its_retention_removed_is_not_copied_again_with_an_unreadable_file(
    both: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.site.record(150)
    bad, *_ = _rows(both.site)
    both.mirror = both.open(RetentionContract(RetentionRule(free_share=0.0, count=1)))
    with monkeypatch.context() as patched:
        break_reads(patched, both.site.volume.disk, bad.path)
        both.run()
        both.site.clock.advance(61)
        both.run()
    copied: list[str] = []

    def noting(source: Volume, target: Volume, path: str) -> int:
        copied.append(path)
        return copy(source, target, path)

    monkeypatch.setattr("tawny.storage.disk.mirror.copy", noting)
    both.site.clock.advance(3600)
    both.run()
    both.run()
    assert copied == [bad.path]


def test_what_its_retention_removed_is_not_copied_again_at_the_next_start(
    both: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.mirror.finish()
    both.site.record(150)
    used_bytes = [0]
    monkeypatch.setattr(Volume, "space", lambda self: DiskCapacity(10**6 - used_bytes[0], 10**6))
    small = RetentionContract(RetentionRule(free_share=0.5))
    both.open(small)
    both.run()
    used_bytes[0] = 500_001
    both.site.clock.advance(3600)
    both.mirror.step()
    assert len(both.rows()) < len(_rows(both.site))
    copied: list[str] = []

    def noting(source: Volume, target: Volume, path: str) -> int:
        copied.append(path)
        return copy(source, target, path)

    monkeypatch.setattr(mirror, "copy", noting)
    both.mirror.finish()
    both.site.record(10)
    newest = _rows(both.site)[-1]
    both.open(small)
    both.run()
    assert [path for path in copied if path.endswith(".mp4")] == [newest.path]
    both.mirror.finish()
    used_bytes[0] = 0  # a larger disk, or other files went
    both.open(small)
    both.run()
    assert both.rows() == _rows(both.site)


def test_a_file_that_is_removed_while_it_is_copied_is_no_problem(
    both: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.site.record(150)
    gone, *others = _rows(both.site)
    read = both.site.volume.disk.read

    def removing(path: str, offset: int = 0, size: int | None = None) -> bytes:
        if path == gone.path:
            (both.site.folder / path).unlink()
        return read(path, offset, size)

    monkeypatch.setattr(both.site.volume.disk, "read", removing)
    both.run()
    assert both.rows() == others
    assert both.mirror.problem is None


def test_what_a_kill_left_there_is_put_in_order(both: Mirrored) -> None:
    both.site.record(70)
    both.run()
    first, second = _rows(both.site)
    both.mirror.finish()
    with_index = both.root / second.path
    with_index.rename(with_index.with_name(with_index.name + ".new"))
    Volume.at(both.root).open_folders.enter(second.path.rpartition("/")[0])
    (both.root / "tawny.db").unlink()
    both.mirror = both.open()
    both.run()
    assert both.rows() == [first, second]
    both.mirror.finish()
    assert both.check().findings == []
    assert list(both.root.rglob("*.new")) == []


OLD = RetentionContract(RetentionRule(free_share=0.0, max_s=14 * 86_400))


def _seen(site: Site, segment: Segment, *, kept: bool = False) -> Event:
    """An event in a recording, with its image."""
    at_ms = segment.start_ms + 10_000
    event = Event(EventId("e1"), PORCH, "person", at_ms, at_ms + 10_000, 50.0, kept=kept, picture_ms=at_ms)
    EventFiles(site.volume).write_picture(event, b"jpeg")
    site.ledger.put_event(event)
    return event


def _is_there(both: Mirrored, segment: Segment) -> bool:
    return segment in both.rows() and (both.root / segment.path).exists()


def _event_there(both: Mirrored) -> Event | None:
    with index_to_read(both.root) as index:
        return index.event(EventId("e1"))


def _come_back(both: Mirrored, contract: RetentionContract = OLD) -> None:
    """The mirror was away, and is there for more than an hour."""
    both.open(contract)
    for _ in range(40):
        both.mirror.step()
        both.site.clock.advance(120)
    both.mirror.finish()


@pytest.mark.parametrize("is_mirrored", [True, False])
def test_the_video_of_an_event_that_was_kept_while_it_was_away_stays_there(both: Mirrored, is_mirrored: bool) -> None:
    """There is more to copy than one step does, so that retention runs there before all is copied."""
    site, segment = both.site, both.site.put(5)
    event = _seen(site, segment)
    if is_mirrored:
        both.run()
        both.mirror.finish()
    site.clock.advance(20 * 86_400)
    kept = replace(event, kept=True)
    site.ledger.put_event(kept)
    for minute in range(60):
        site.put(100 - minute)
    _come_back(both)
    assert _is_there(both, segment)
    assert _event_there(both) == kept
    assert Volume.at(both.root).read_picture(event) == b"jpeg"


def test_the_video_of_a_kept_event_that_it_has_no_record_of_stays_there(both: Mirrored) -> None:
    """The recording was copied, but the mirror was away when the event was reported."""
    site, segment = both.site, both.site.put(5)
    both.run()
    both.mirror.finish()
    event = _seen(site, segment, kept=True)
    site.clock.advance(20 * 86_400)
    for minute in range(60):
        site.put(100 - minute)
    _come_back(both)
    assert _is_there(both, segment)
    assert _event_there(both) == event
    assert Volume.at(both.root).read_picture(event) == b"jpeg"


@pytest.mark.parametrize("is_recorded", [True, False])
def test_an_event_that_starts_before_the_first_recording_has_its_image_there(both: Mirrored, is_recorded: bool) -> None:
    site, segment = both.site, both.site.put(5)
    begin_ms = segment.start_ms - 5000
    end_ms = begin_ms + (10_000 if is_recorded else 4000)  # else only its post-roll is recorded
    event = Event(EventId("e1"), PORCH, "person", begin_ms, end_ms, 50.0, picture_ms=begin_ms)
    EventFiles(site.volume).write_picture(event, b"jpeg")
    site.ledger.put_event(event)
    both.run()
    both.mirror.finish()
    assert _event_there(both) == event
    assert Volume.at(both.root).read_picture(event) == b"jpeg"


def test_video_that_is_kept_longer_for_its_events_stays_there_while_older_files_are_copied(both: Mirrored) -> None:
    site, segment = both.site, both.site.put(5)
    event = _seen(site, segment)
    site.clock.advance(20 * 86_400)
    for minute in range(60):
        site.put(100 - minute)
    _come_back(both, RetentionContract(RetentionRule(free_share=0.0, max_s=14 * 86_400, events_s=30 * 86_400)))
    assert _is_there(both, segment)
    assert _event_there(both) == event
    assert Volume.at(both.root).read_picture(event) == b"jpeg"


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_star_that_was_removed_while_it_was_away_is_removed_there(both: Mirrored, is_deleted: bool) -> None:
    site, segment = both.site, both.site.put(5)
    event = _seen(site, segment, kept=True)
    both.run()
    both.mirror.finish()
    site.clock.advance(20 * 86_400)
    site.ledger.put_event(replace(event, kept=False))
    if is_deleted:
        Retention(site.volume, site.index, site.ledger, site.clock, OLD).run()
        assert site.index.event(event.id) is None
    _come_back(both)
    assert not _is_there(both, segment)
    assert _event_there(both) is None


def test_a_main_disk_that_is_new_removes_no_star_there(both: Mirrored, tmp_path: Path) -> None:
    """The mirror has the only copy then."""
    segment = both.site.put(5)
    event = _seen(both.site, segment, kept=True)
    both.run()
    both.mirror.finish()
    clock, both.site = both.site.clock, Site(tmp_path / "new")
    both.site.clock.advance((clock.now_ms() - both.site.clock.now_ms()) / 1000 + 20 * 86_400)
    _come_back(both)
    assert _is_there(both, segment)
    assert _event_there(both) == event


def test_what_its_history_says_of_a_deleted_event_goes_there_too(both: Mirrored) -> None:
    segment = both.site.put(5)
    reads = (RecognisedText("plates", "AB 123", 0.9, ""),)
    both.site.ledger.put_event(replace(_seen(both.site, segment), reads=reads))
    both.run()
    both.mirror.finish()
    assert [path for path in both.root.glob("history/*.jsonl") if b"AB 123" in path.read_bytes()]
    both.site.clock.advance(20 * 86_400)
    _come_back(both)
    assert [path for path in both.root.glob("history/*.jsonl") if b"AB 123" in path.read_bytes()] == []
