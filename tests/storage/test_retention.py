"""What goes first, and why; and that whatever interrupts a removal, nothing is half there."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tawny.model.damage import DamagedSpan
from tawny.model.errors import FileDamaged, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span, missing_spans
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.layout import event_paths
from tawny.storage.disk.volume import Reserve, Volume
from tawny.storage.history.ledger import HistoryLine, replay
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.retention.contract import RetentionContract, duration_words, size_words
from tawny.storage.retention.runner import DOUBTED_S, CameraDeletion, RemovalPlan, Retention, RetentionRule
from tawny.storage.segments.detection_files import EventFiles
from tests.storage.bench import MAIN, PORCH, SUB, YARD, Site

EVER = Span(0, 1 << 45)
DAY_MIN = 24 * 60
ALL = RetentionRule(free_share=0.0)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path)
    monkeypatch.setattr(made.volume, "space", lambda: DiskCapacity(50_000, 100_000))
    return made


def _retention(site: Site, keep: RetentionRule, cameras: dict[CameraId, RetentionRule] | None = None) -> Retention:
    return Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(keep, cameras or {}))


def _gone(plan: RemovalPlan) -> list[Segment]:
    return [removal.segment for removal in plan.removals]


def _event(site: Site, minutes_ago: float, name: str = "e1", *, kept: bool = False) -> Event:
    start_ms = site.clock.now_ms() - round(minutes_ago * 60_000)
    event = Event(EventId(name), PORCH, "motion", start_ms, start_ms + 5000, 50.0, kept=kept)
    site.ledger.put_event(event)
    return event


def test_nothing_goes_while_there_is_room(site: Site) -> None:
    site.put(10)
    assert _retention(site, RetentionRule(free_share=0.5)).plan() == RemovalPlan()


def test_a_clock_that_is_wrong_for_a_while_makes_nothing_older(site: Site) -> None:
    old, *_ = [site.put(minutes_ago) for minutes_ago in (4 * DAY_MIN, 300, 200)]
    retention = _retention(site, replace(ALL, max_s=3 * 86_400))
    for jump_days in (400, 0, -400):
        site.clock.jump_utc(jump_days * 86_400)
        site.clock.advance(3600)
        assert _gone(retention.plan()) == [old]


def test_a_clock_that_stays_set_forward_is_believed_after_a_day(site: Site) -> None:
    recorded = [site.put(minutes_ago) for minutes_ago in (400, 300, 200)]
    retention = _retention(site, replace(ALL, max_s=3 * 86_400))
    site.clock.jump_utc(7 * 86_400)
    site.clock.advance(60)
    assert _gone(retention.plan()) == []
    site.clock.advance(DOUBTED_S - 60)
    assert _gone(retention.plan()) == []
    site.clock.advance(60)
    assert _gone(retention.plan()) == recorded


def test_a_wrong_clock_does_not_keep_a_disk_full(site: Site) -> None:
    oldest, *others = [site.put(minutes_ago, size_bytes=4_000) for minutes_ago in (400, 300, 200)]
    retention = _retention(site, RetentionRule(free_share=0.54, min_s=30 * 86_400))
    site.clock.jump_utc(400 * 86_400)
    assert _gone(retention.plan()) == [oldest]
    late = [site.put(minutes_ago, size_bytes=4_000) for minutes_ago in (180, 90)]
    retention.set_rules(RetentionContract(RetentionRule(free_share=0.66)))
    assert _gone(retention.plan()) == [oldest, *others, late[0]]


def test_what_waits_to_be_brought_elsewhere_stays_until_it_is_there(site: Site) -> None:
    waits, other = site.put(91 * DAY_MIN), site.put(92 * DAY_MIN)
    retention = _retention(site, replace(ALL, max_s=90 * 86_400))
    held = [(PORCH, waits.span)]
    retention.hold_back(lambda: held)
    assert _gone(retention.plan()) == [other]
    held.clear()
    assert _gone(retention.plan()) == [other, waits]


def test_what_waits_to_be_brought_elsewhere_goes_last_where_space_is_short(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    waits, _, *others = [site.put(minutes_ago, size_bytes=4_000) for minutes_ago in (500, 400, 300, 200)]
    _event(site, 400, kept=True)
    retention = _retention(site, RetentionRule(free_share=0.55))
    retention.hold_back(lambda: [(PORCH, waits.span)])
    assert _gone(retention.plan()) == others
    assert retention.unsent() == 0
    retention.set_rules(RetentionContract(RetentionRule(free_share=0.95)))
    plan = retention.run()
    assert _gone(plan) == [*others, waits]
    assert plan.removals[-1].why == "to keep 95 % of the disk free, before it was uploaded"
    assert not plan.breaks_promise
    assert retention.unsent() == 1
    assert _retention(site, ALL).unsent() == 1, "a restart forgets it"
    assert "removed 1 recordings (4 kB) before they were uploaded" in caplog.text
    site.clock.advance(86_401)
    assert retention.unsent() == _retention(site, ALL).unsent() == 0


def test_what_was_removed_before_its_upload_adds_up_over_restarts(site: Site) -> None:
    for _ in range(2):
        waits = site.put(500, size_bytes=4_000)
        retention = _retention(site, RetentionRule(free_share=0.95))
        retention.hold_back(lambda waits=waits: [(PORCH, waits.span)])  # type: ignore[misc]
        retention.run()
        site.clock.advance(3600)
    assert _retention(site, ALL).unsent() == 2


def test_what_was_removed_while_the_clock_was_ahead_is_not_of_the_last_day(site: Site) -> None:
    site.clock.jump_utc(300 * 86_400)
    site.ledger.removed_unsent(7)
    site.clock.jump_utc(-300 * 86_400)
    site.ledger.removed_unsent(2)
    assert _retention(site, ALL).unsent() == 2


def test_what_waited_is_handed_on_once_it_had_to_go(site: Site) -> None:
    waits, _ = site.put(500, size_bytes=4_000), site.put(400, size_bytes=4_000)
    retention = _retention(site, RetentionRule(free_share=0.95))
    gone = list[Segment]()
    retention.hold_back(lambda: [(PORCH, waits.span)], gone.extend)
    retention.run()
    assert gone == [waits]


def test_a_history_that_cannot_be_read_does_not_stop_retention(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def lines(newest_files: int | None = None) -> Iterator[HistoryLine]:
        raise FileDamaged("history", "it can't be read")

    monkeypatch.setattr(site.history, "lines", lines)
    assert _retention(site, ALL).unsent() == 0
    assert "may not be reported" in caplog.text


def test_what_is_too_old_goes(site: Site) -> None:
    old, _ = site.put(91 * DAY_MIN), site.put(89 * DAY_MIN)
    plan = _retention(site, replace(ALL, max_s=90 * 86_400)).plan()
    assert _gone(plan) == [old]
    assert [one.why for one in plan.removals] == ["older than 90 days"]
    assert not plan.breaks_promise


def test_the_oldest_go_until_the_size_fits(site: Site) -> None:
    segments = [site.put(minutes_ago, size_bytes=10_000) for minutes_ago in (50, 40, 30, 20)]
    plan = _retention(site, replace(ALL, size_bytes=25_000)).plan()
    assert _gone(plan) == segments[:2]
    assert plan.removals[0].why == "to use at most 25 kB"
    assert plan.missing_bytes == 0


@pytest.mark.shows("RP13")
def test_free_space_is_made(site: Site) -> None:
    segments = [site.put(minutes_ago, size_bytes=4_000) for minutes_ago in (500, 400, 300, 200)]
    plan = _retention(site, RetentionRule(free_share=0.55)).plan()
    assert _gone(plan) == segments[:2]
    assert plan.removals[0].why == "to keep 55 % of the disk free"


def test_what_is_past_its_promise_goes_first_and_a_broken_one_is_said(site: Site) -> None:
    young = site.put(5 * DAY_MIN, size_bytes=10_000)
    old = site.put(20 * DAY_MIN, size_bytes=10_000, camera=YARD)
    keep = replace(ALL, min_s=14 * 86_400, size_bytes=15_000)
    plan = _retention(site, keep).plan()
    assert (_gone(plan), plan.breaks_promise) == ([old], False)
    plan = _retention(site, replace(keep, size_bytes=5_000)).plan()
    assert (_gone(plan), plan.breaks_promise) == ([old, young], True)


def test_r5_quiet_time_goes_before_events(site: Site) -> None:
    eventful = site.put(60, size_bytes=10_000)
    _event(site, 59.5)
    quiet = site.put(30, size_bytes=10_000)
    plan = _retention(site, replace(ALL, size_bytes=15_000)).plan()
    assert _gone(plan) == [quiet]
    assert _gone(_retention(site, replace(ALL, size_bytes=5_000)).plan()) == [quiet, eventful]


def test_events_are_promised_for_longer(site: Site) -> None:
    site.put(20 * DAY_MIN, size_bytes=10_000)
    _event(site, 20 * DAY_MIN - 0.5)
    keep = replace(ALL, min_s=14 * 86_400, events_s=60 * 86_400, size_bytes=5_000)
    assert _retention(site, keep).plan().breaks_promise


@pytest.mark.shows("RP13")
def test_r3_e3_what_is_kept_never_goes(site: Site) -> None:
    site.put(200 * DAY_MIN, size_bytes=10_000)
    _event(site, 200 * DAY_MIN - 0.5, kept=True)
    plan = _retention(site, RetentionRule(max_s=86_400, size_bytes=1_000, free_share=0.9)).plan(urgent=True)
    assert plan.removals == []
    assert plan.missing_bytes > 0


def test_large_video_goes_before_small(site: Site) -> None:
    site.put(60, stream=SUB, size_bytes=5_000)
    main = site.put(30, stream=MAIN, size_bytes=10_000)
    assert _gone(_retention(site, replace(ALL, size_bytes=8_000)).plan()) == [main]


def test_a_camera_may_have_its_own_rules(site: Site) -> None:
    porch = site.put(3 * DAY_MIN, camera=PORCH)
    site.put(3 * DAY_MIN, camera=YARD)
    plan = _retention(site, replace(ALL, max_s=90 * 86_400), {PORCH: replace(ALL, max_s=2 * 86_400)}).plan()
    assert _gone(plan) == [porch]
    both = [site.put(minutes_ago, camera=YARD, size_bytes=9_000) for minutes_ago in (50, 40)]
    plan = _retention(site, ALL, {YARD: replace(ALL, size_bytes=12_000)}).plan()
    assert both[1] not in _gone(plan)
    assert both[0] in _gone(plan)


def test_somebody_elses_data_does_not_eat_the_last_hour(site: Site) -> None:
    old, _ = site.put(90), site.put(30)
    retention = _retention(site, RetentionRule(free_share=0.99))
    assert _gone(retention.plan()) == [old]
    assert len(_gone(retention.plan(urgent=True))) == 2


def test_on_a_disk_that_is_full_of_files_few_recordings_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has space, of which a share would not be enough."""
    site = Site(tmp_path)
    rows = [site.put(minutes_ago) for minutes_ago in range(45, 0, -1)]
    now = os.statvfs_result((4096, 4096, 100_000, 90_000, 90_000, 160, 0, 0, 0, 255, 0))
    monkeypatch.setattr(os, "statvfs", lambda _: now)
    plan = _retention(site, ALL).plan(urgent=True)
    assert _gone(plan) == rows[:3]
    assert {one.why for one in plan.removals} == {"no more files fit on the disk"}


@pytest.mark.parametrize(("free_share", "gone"), [(0.1, 2), (0.9, 5)])
def test_a_disk_that_holds_less_than_an_hour_keeps_its_free_space(
    site: Site, monkeypatch: pytest.MonkeyPatch, free_share: float, gone: int
) -> None:
    """Without waiting until it is full, and never the newest half of what it can hold: here ten minutes."""
    rows = [site.put(minutes_ago, size_bytes=3_000) for minutes_ago in range(15, 0, -1)]
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(1_000, 60_000))
    plan = _retention(site, RetentionRule(free_share=free_share)).plan()
    assert _gone(plan) == rows[:gone]


@pytest.mark.parametrize(("total_bytes", "wait_s"), [(60_000, 30.0), (600_000, 60.0), (6_000, 5.0)])
def test_a_small_disk_is_looked_at_more_often(
    site: Site, monkeypatch: pytest.MonkeyPatch, total_bytes: int, wait_s: float
) -> None:
    """Before half of the space to be kept free is written: here 3 kB a minute."""
    for minutes_ago in range(15, 0, -1):
        site.put(minutes_ago, size_bytes=3_000)
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(total_bytes, total_bytes))
    assert _retention(site, RetentionRule(free_share=0.05)).step() == pytest.approx(wait_s, rel=0.05)


def test_a_call_for_room_is_heard_while_room_is_made_and_after_a_failure(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else fills the disk as fast as room is made: every call counts."""
    for minutes_ago in range(10, 5, -1):
        site.put(minutes_ago, size_bytes=3_000)
    retention = _retention(site, ALL)
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(0, 60_000))
    unlink, calls = site.volume.disk.unlink, list[str]()

    def filled_again(path: str) -> None:
        unlink(path)
        if path.endswith(".mp4") and not calls:
            calls.append(path)
            retention.make_room()

    monkeypatch.setattr(site.volume.disk, "unlink", filled_again)
    monkeypatch.setattr(Reserve, "fill", lambda self: None)
    monkeypatch.setattr(Reserve, "size_bytes", 0)
    monkeypatch.setattr(Reserve, "is_disk_full", lambda self: True)
    retention.make_room()
    retention.step()
    left = site.index.count()
    retention.step()
    assert site.index.count() < left

    def refuses(path: str) -> None:
        raise StorageError(path, "Input/output error")

    monkeypatch.setattr(site.volume.disk, "unlink", refuses)
    site.put(4, size_bytes=3_000)
    retention.make_room()
    with pytest.raises(StorageError):
        retention.step()
    monkeypatch.setattr(site.volume.disk, "unlink", unlink)
    left = site.index.count()
    retention.step()
    assert site.index.count() < left


def test_a_call_for_room_deletes_nothing_while_the_disk_takes_a_trial(site: Site) -> None:
    """Its quota was raised meanwhile. A recorder that still has no room calls again, and that counts."""
    site.put(10)
    retention, left = _retention(site, ALL), list[int]()
    for _ in range(2):
        retention.make_room()
        for _ in range(2):  # of itself, on a small disk, it looks again soon
            retention.step()
        left.append(site.index.count())
    assert left == [1, 0]


def test_a_call_for_room_long_after_one_that_was_passed_over_is_tried_too(site: Site) -> None:
    site.put(10)
    retention = _retention(site, ALL)
    for _ in range(2):
        retention.make_room()
        retention.step()
        site.clock.advance(60)
    assert site.index.count() == 1


def test_a_trial_for_room_takes_little_from_those_who_write_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, written_bytes, free_bytes = site.volume.disk, list[int](), [33 << 20, 31 << 20]
    writev = os.writev

    def counted(fd: int, parts: Sequence[bytes]) -> int:
        written_bytes.append(writev(fd, parts))
        return written_bytes[-1]

    monkeypatch.setattr(os, "writev", counted)
    monkeypatch.setattr(disk, "space", lambda: DiskCapacity(free_bytes[0], 1 << 40))
    reserve = Reserve(disk)
    assert not reserve.is_disk_full()
    assert sum(written_bytes) == 1 << 20
    del free_bytes[0]
    assert reserve.is_disk_full()
    assert sum(written_bytes) == 1 << 20


def test_a_full_disk_gets_room_at_the_first_call(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put(10)
    refuse_all = Mock(side_effect=OSError(errno.EDQUOT, "Disk quota exceeded"))
    monkeypatch.setattr(os, "writev", refuse_all)  # the history is queued
    retention = _retention(site, ALL)
    retention.make_room()
    retention.step()
    assert site.index.count() == 0


def test_at_a_quota_the_reserve_is_left_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk says that it has space for it. Retention goes on."""
    reserve = Reserve(site.volume.disk)
    monkeypatch.setattr(site.volume.disk, "space", lambda: DiskCapacity(1 << 30, 1 << 30))
    with monkeypatch.context() as refusing:
        refusing.setattr(os, "writev", Mock(side_effect=OSError(errno.EDQUOT, "Disk quota exceeded")))
        reserve.fill()
    assert not (site.folder / "history/reserve").exists()
    reserve.fill()
    assert (site.folder / "history/reserve").exists()


def test_r1_a_dry_run_is_what_happens(site: Site) -> None:
    for minutes_ago in (500, 400, 300, 200, 100):
        site.put(minutes_ago, size_bytes=10_000)
    retention = _retention(site, replace(ALL, size_bytes=22_000))
    dry = retention.plan()
    before = {str(path.relative_to(site.folder)) for path in site.folder.rglob("*.mp4")}
    assert retention.run() == dry
    after = {str(path.relative_to(site.folder)) for path in site.folder.rglob("*.mp4")}
    assert before - after == {one.segment.path for one in dry.removals}
    assert list(site.index.all_segments()) == site.index.oldest_segments(2)
    assert retention.plan() == RemovalPlan()


def test_what_is_gone_is_one_gap_that_grows(site: Site) -> None:
    for minutes_ago in range(20, 10, -1):
        site.put(minutes_ago, size_bytes=10_000)
    begin_ms = site.clock.now_ms() - 20 * 60_000
    retention = _retention(site, replace(ALL, size_bytes=75_000))
    retention.run()
    retention.set_rules(RetentionContract(replace(ALL, size_bytes=55_000)))
    retention.run()
    assert [(gap.begin_ms, gap.detail) for gap in site.index.gaps(PORCH, EVER)] == [
        (begin_ms, "to use at most 75 kB"),
        (begin_ms + 180_000, "to use at most 55 kB"),
    ]
    site.put(5, size_bytes=10_000)
    retention.run()
    first, second = site.index.gaps(PORCH, EVER)
    assert first.end_ms == second.begin_ms
    assert second.end_ms == begin_ms + 360_000
    assert {gap.reason for gap in (first, second)} == {GapReason.REMOVED}


def test_what_is_missing_after_a_removed_file_keeps_its_reason(site: Site) -> None:
    """Filled from a camera's card up to a moment, as after a kill: both gaps begin at the same time."""
    filled = site.put(10)
    site.ledger.put_gap(Gap(PORCH, filled.start_ms, filled.end_ms + 90_000, GapReason.UNREACHABLE, "no route"))
    _retention(site, ALL).delete_recordings(CameraDeletion(PORCH, filled.end_ms, "Anna", begin_ms=filled.start_ms))
    removed, left = site.index.gaps(PORCH, EVER)
    assert (removed.reason, removed.begin_ms, removed.end_ms) == (GapReason.REMOVED, filled.start_ms, filled.end_ms)
    assert left == Gap(PORCH, filled.end_ms, filled.end_ms + 90_000, GapReason.UNREACHABLE, "no route")


def test_time_that_still_has_small_video_is_no_gap(site: Site) -> None:
    site.put(60, size_bytes=10_000)
    site.put(60, stream=SUB, size_bytes=1_000)
    retention = _retention(site, replace(ALL, size_bytes=5_000))
    retention.run()
    assert site.index.gaps(PORCH, EVER) == []
    retention.set_rules(RetentionContract(replace(ALL, size_bytes=100)))
    retention.run()
    assert [gap.reason for gap in site.index.gaps(PORCH, EVER)] == [GapReason.REMOVED]


def test_damage_goes_with_its_segment(site: Site) -> None:
    old, young = site.put(91 * DAY_MIN), site.put(10)
    for segment in (old, young):
        site.ledger.put_damage([DamagedSpan(PORCH, MAIN, segment.start_ms + 10, segment.start_ms + 20, 1, 1)])
    site.ledger.put_damage([DamagedSpan(PORCH, SUB, old.start_ms + 10, old.start_ms + 20, 1, 1)])
    _retention(site, replace(ALL, max_s=90 * 86_400)).run()
    assert [(one.stream, one.begin_ms) for one in site.index.damage(PORCH, EVER)] == [
        (SUB, old.start_ms + 10),
        (MAIN, young.start_ms + 10),
    ]


def test_an_event_goes_with_the_last_of_its_video(site: Site) -> None:
    site.put(60, size_bytes=10_000)
    site.put(60, stream=SUB, size_bytes=1_000)
    event = _event(site, 59.5)
    EventFiles(site.volume).write_picture(event, b"jpeg")
    retention = _retention(site, replace(ALL, size_bytes=5_000))
    retention.run()
    assert site.index.event(event.id) == event
    retention.set_rules(RetentionContract(replace(ALL, size_bytes=100)))
    retention.run()
    assert site.index.event(event.id) is None
    assert site.volume.read_picture(event) is None


@pytest.mark.parametrize("with_kept", [False, True])
def test_an_owner_deletes_all_of_a_camera(site: Site, *, with_kept: bool) -> None:
    """Kept events stay with their recordings unless they are wanted too; other cameras and newer time stay anyway."""
    old, kept, new = site.put(600), site.put(300), site.put(1)
    other = site.put(600, camera=YARD)
    _event(site, 599.5, "plain")
    _event(site, 299.5, "kept", kept=True)
    wanted = CameraDeletion(PORCH, site.clock.now_ms() - 3_600_000, "deleted by Anna", with_kept, is_gone=True)
    assert _retention(site, ALL).delete_recordings(wanted) is False
    left = {one.id for one in site.index.all_segments()}
    assert left == {new.id, other.id} | (set() if with_kept else {kept.id})
    assert site.volume.disk.entry(old.path) is None
    assert (site.index.event(EventId("kept")) is None) == with_kept
    assert site.index.event(EventId("plain")) is None
    gaps = [gap for gap in site.index.gaps(PORCH, EVER) if gap.reason is GapReason.REMOVED]
    assert {gap.detail for gap in gaps} == {"deleted by Anna"}
    assert len(gaps) == (2 if with_kept else 1)


def test_many_are_deleted_bit_by_bit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.storage.retention.runner._DELETED_AT_ONCE", 2)
    for minutes in range(100, 105):
        site.put(minutes)
    retention, wanted = _retention(site, ALL), CameraDeletion(PORCH, site.clock.now_ms(), "deleted by Anna")
    assert [retention.delete_recordings(wanted) for _ in range(3)] == [True, True, False]
    assert list(site.index.all_segments()) == []


def test_empty_folders_go_and_the_scores_of_empty_days(site: Site) -> None:
    old = site.put(10 * DAY_MIN)
    site.put(0.5)
    day = site.folder / old.path.rpartition("/")[0] / ".."
    (day / "scores").write_bytes(b"\xff" * 86_400)
    _retention(site, replace(ALL, max_s=86_400)).run()
    assert sorted(path.name for path in (site.folder / "porch" / "2026" / "11").iterdir()) == ["20"]


@pytest.mark.parametrize("step", range(12))
def test_a_removal_that_is_interrupted_is_finished_by_the_next_start(
    site: Site, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    for minutes_ago in (300, 240, 180, 120):
        site.put(minutes_ago, minutes=60, size_bytes=10_000)
    retention = _retention(site, replace(ALL, size_bytes=20_000))
    _break_at(site, monkeypatch, step)
    try:
        retention.run()
    except StorageError:
        monkeypatch.undo()
        site.recover(cameras=())
    monkeypatch.undo()
    assert (
        check_volume(
            site.volume, site.index, site.clock, CheckScope(deep=True, with_wall=True, beside_recorder=False)
        ).findings
        == []
    )
    assert site.index.removing() == []
    retention.run()
    assert [segment.size_bytes for segment in site.index.all_segments()] == [10_000, 10_000]


def _old_with_an_event(site: Site) -> Event:
    """Three old recordings, the last with an event and its image."""
    for minutes_ago in (5 * DAY_MIN + 60, 5 * DAY_MIN + 30, 5 * DAY_MIN):
        site.put(minutes_ago)
    event = _event(site, 5 * DAY_MIN - 0.5)
    EventFiles(site.volume).write_picture(event, b"jpeg")
    return event


def test_the_event_of_a_removal_that_is_interrupted_goes_with_the_next_start(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = _old_with_an_event(site)
    with monkeypatch.context() as killed:
        killed.setattr(site.index, "drop_segments", _fail)
        killed.setattr(site.ledger, "drop_event", _fail)
        with pytest.raises(StorageError):
            _retention(site, replace(ALL, max_s=86_400)).run()
    assert site.index.event(event.id) == event
    site.recover(cameras=())
    assert site.index.event(event.id) is None
    assert site.volume.read_picture(event) is None


def test_events_of_what_is_gone_go_although_a_later_removal_fails(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.storage.retention.removal._AT_ONCE", 3)
    event, mark, calls = _old_with_an_event(site), site.index.mark_removing, iter((True, False))
    later = site.put(4 * DAY_MIN)
    monkeypatch.setattr(site.index, "mark_removing", lambda some: mark(some) if next(calls) else _fail())
    with pytest.raises(StorageError):
        _retention(site, replace(ALL, max_s=86_400)).run()
    assert list(site.index.all_segments()) == [later]
    assert site.index.event(event.id) is None


def test_an_image_that_cannot_be_deleted_does_not_stop_the_next_start(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = site.put(5 * DAY_MIN)
    _event(site, 5 * DAY_MIN - 0.5)
    site.index.mark_removing([old])
    monkeypatch.setattr(site.volume, "remove_picture", _fail)
    assert site.recover(cameras=()).removed == 1


def test_an_event_whose_video_a_start_lists_stays_when_an_interrupted_removal_is_finished(site: Site) -> None:
    """Its file was open when the recorder was killed, right after the one that was deleted."""
    old = site.put(10)
    site.index.mark_removing([old])
    site.put(9, listed=False)
    event = _event(site, 8.9)
    EventFiles(site.volume).write_picture(event, b"jpeg")
    site.recover()
    assert site.index.event(event.id) == event
    assert site.volume.read_picture(event) == b"jpeg"


def test_an_image_that_cannot_be_deleted_waits_for_the_next_start_and_keeps_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.storage.retention.removal._AT_ONCE", 3)
    event = _old_with_an_event(site)
    site.put(4 * DAY_MIN)
    with monkeypatch.context() as refused:
        refused.setattr(site.volume, "remove_picture", _fail)
        _retention(site, replace(ALL, max_s=86_400)).run()
    assert (list(site.index.all_segments()), site.index.event(event.id)) == ([], event)
    site.recover(cameras=())
    assert (site.index.removing(), site.index.event(event.id)) == ([], None)
    assert site.volume.read_picture(event) is None


def test_others_forget_the_event_of_a_removal_that_a_volume_held_up(site: Site, tmp_path: Path) -> None:
    site.index.mark_removing([site.put(5 * DAY_MIN)])
    event = _event(site, 5 * DAY_MIN - 0.5)
    site.volume.add_other(Volume.at(tmp_path / "other"))
    retention, forgotten = _retention(site, ALL), list[EventId]()
    retention.also = replace(retention.also, forget=forgotten.append)
    retention.run()
    assert forgotten == [event.id]


def test_a_kept_event_stays_when_an_interrupted_removal_is_finished(site: Site) -> None:
    old = site.put(5 * DAY_MIN)
    event = _event(site, 5 * DAY_MIN - 0.5, kept=True)
    site.index.mark_removing([old])
    site.recover(cameras=())
    assert site.index.event(event.id) == event


def _fail(*_given: object) -> None:
    raise StorageError("here", "interrupted")


def _break_at(site: Site, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the call number `step`, to disk or index, fail."""
    calls = iter(range(1000))

    def breaking(do: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            if next(calls) == step:
                raise StorageError("here", "interrupted")
            return do(*given)

        return call

    for part, names in (
        (site.index, ("mark_removing", "drop_segments", "put_gap")),
        (site.volume.disk, ("unlink", "sync_folder", "remove_folder")),
    ):
        for name in names:
            monkeypatch.setattr(part, name, breaking(getattr(part, name)))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (90 * 86_400, "90 days"),
        (86_400, "1 day"),
        (129_600, "36 hours"),
        (300, "5 minutes"),
        (30, "30 seconds"),
        (1, "1 second"),
        (7261, "2 hours"),
        (3565, "59.4 minutes"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("size_bytes", "words"), [(200 * 10**9, "200 GB"), (1_500_000_000_000, "1.5 TB"), (12, "12 bytes")]
)
def test_sizes_in_words(size_bytes: int, words: str) -> None:
    assert size_words(size_bytes) == words


def test_max_is_for_quiet_time_and_events_have_a_promise_of_their_own(site: Site) -> None:
    quiet, eventful = site.put(20 * DAY_MIN), site.put(10 * DAY_MIN)
    _event(site, 10 * DAY_MIN - 0.5)
    keep = replace(ALL, max_s=7 * 86_400, events_s=60 * 86_400)
    retention = _retention(site, keep)
    assert _gone(retention.plan()) == [quiet]
    retention.run()
    retention.run()
    assert [one.id for one in site.index.all_segments()] == [eventful.id]
    site.clock.advance(51 * 86_400)
    for _ in range(2):  # the first after an hour finds out that its promise is over
        retention.run()
    assert list(site.index.all_segments()) == []


def test_a_run_looks_once_an_hour_at_old_video_that_stays(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        site.put((10 + number) * DAY_MIN)
        _event(site, (10 + number) * DAY_MIN - 0.5, f"e{number}")
    retention = _retention(site, replace(ALL, max_s=7 * 86_400, events_s=60 * 86_400))
    retention.run()
    retention.run()
    asked: list[object] = []
    events = site.index.events

    def noted(*args: Any, **named: Any) -> Any:
        asked.append(args)
        return events(*args, **named)

    monkeypatch.setattr(site.index, "events", noted)
    retention.run()
    assert asked == []


def test_a_deletion_covers_missing_time_too(site: Site) -> None:
    """Nothing is fetched for it later, as from a camera's card. The outage stays in the list, with its reason."""
    begin_ms = site.clock.now_ms() - 3_600_000
    site.put(90)
    outage = Gap(PORCH, begin_ms, begin_ms + 60_000, GapReason.UNREACHABLE)
    later = Gap(PORCH, begin_ms + 600_000, begin_ms + 660_000, GapReason.UNREACHABLE)
    for gap in (outage, later):
        site.ledger.put_gap(gap)
    wanted = CameraDeletion(PORCH, begin_ms + 630_000, "deleted by Anna", begin_ms=begin_ms + 10_000)
    assert _retention(site, ALL).delete_recordings(wanted) is False
    found = site.index.gaps(PORCH, EVER)
    assert {outage, later} <= set(found)
    removed = [(gap.begin_ms - begin_ms, gap.span(0).end_ms - begin_ms) for gap in found if gap not in (outage, later)]
    assert removed == [(10_000, 60_000), (600_001, 630_000)]


def _drops_often(site: Site, count: int) -> None:
    """A camera that waits for events and can't be reached in between."""
    begin_ms = site.clock.now_ms() - count * 10_000
    with site.ledger.together():
        for at_ms in range(begin_ms, begin_ms + count * 10_000, 10_000):
            site.ledger.put_gap(Gap(PORCH, at_ms, at_ms + 4_000, GapReason.UNREACHABLE))
            site.ledger.put_gap(Gap(PORCH, at_ms + 5_000, at_ms + 9_000, GapReason.WAITING))


def test_a_deletion_with_many_gaps_writes_them_in_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _drops_often(site, 2500)
    sizes, write = list[int](), site.ledger.history.write

    def counting(lines: list[HistoryLine]) -> None:
        sizes.append(len(lines))
        write(lines)

    monkeypatch.setattr(site.ledger.history, "write", counting)
    _retention(site, ALL).delete_recordings(CameraDeletion(PORCH, site.clock.now_ms(), "deleted by Anna"))
    assert sizes == [1000, 1000, 500], "other cameras write in between"


def test_a_deletion_compares_each_gap_only_with_those_around_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _drops_often(site, 200)
    compared = list[int]()

    def counting(spans: list[Span], within: Span) -> list[Span]:
        compared.append(len(spans))
        return missing_spans(spans, within)

    monkeypatch.setattr("tawny.storage.retention.runner.missing_spans", counting)
    _retention(site, ALL).delete_recordings(CameraDeletion(PORCH, site.clock.now_ms(), "deleted by Anna"))
    assert len(compared) == 201, "each gap, and the deleted time for events"
    assert sum(compared) <= 200


def test_a_deletion_leaves_chosen_time_within_a_gap(site: Site) -> None:
    begin_ms = site.clock.now_ms() - 600_000
    for gap in (
        Gap(PORCH, begin_ms, begin_ms + 500_000, GapReason.UNREACHABLE),
        Gap(PORCH, begin_ms + 100_000, begin_ms + 200_000, GapReason.OFF),
        Gap(PORCH, begin_ms + 150_000, begin_ms + 300_000, GapReason.WAITING),
    ):
        site.ledger.put_gap(gap)
    _retention(site, ALL).delete_recordings(CameraDeletion(PORCH, site.clock.now_ms(), "deleted by Anna"))
    removed = [gap for gap in site.index.gaps(PORCH, EVER) if gap.reason is GapReason.REMOVED]
    assert [(one.begin_ms - begin_ms, (one.end_ms or 0) - begin_ms) for one in removed] == [
        (1, 100_000), (300_000, 500_000),
    ]  # fmt: skip


def test_what_an_owner_deletes_is_told(site: Site) -> None:
    old, _ = site.put(60), site.put(1)
    retention, removed = _retention(site, ALL), list[Gap]()
    retention.also = replace(retention.also, tell=removed.append)
    retention.delete_recordings(CameraDeletion(PORCH, old.end_ms, "deleted by Anna", begin_ms=old.start_ms))
    assert removed == [Gap(PORCH, old.start_ms, old.end_ms, GapReason.REMOVED, "deleted by Anna")]


def test_what_goes_by_age_is_not_told(site: Site) -> None:
    site.put(91 * DAY_MIN)
    retention, removed = _retention(site, replace(ALL, max_s=90 * 86_400)), list[Gap]()
    retention.also = replace(retention.also, tell=removed.append)
    retention.run()
    assert (removed, site.index.count(PORCH)) == ([], 0)


def _pictured(site: Site, old: Segment, new: Segment, picture_ms: int | None, **values: Any) -> Event:
    """An event with all its files that began in one recording and lasted into the next."""
    event = Event(EventId("long"), PORCH, "person", old.end_ms - 5000, new.start_ms + 5000, 50.0, picture_ms=picture_ms)
    event = replace(event, **values)
    site.ledger.put_event(event)
    for path in event_paths(event):
        site.volume.write_whole(path, b"shows it")
    return event


def _files_left(site: Site, event: Event) -> list[bool]:
    """Whether the picture, the preview and the objects are there."""
    return [site.volume.disk.entry(path) is not None for path in event_paths(event)]


def _delete_of(site: Site, old: Segment) -> list[EventId]:
    """Delete this recording. Return the events that others are told to forget."""
    retention, forgotten = _retention(site, ALL), list[EventId]()
    retention.also = replace(retention.also, forget=forgotten.append)
    retention.delete_recordings(CameraDeletion(PORCH, old.end_ms, "deleted by Anna", begin_ms=old.start_ms))
    return forgotten


def test_an_image_of_a_deleted_time_goes_although_its_event_lasts_longer(site: Site) -> None:
    old, new = site.put(60), site.put(59)
    event = _pictured(site, old, new, old.end_ms - 1000)
    assert _delete_of(site, old) == [event.id]
    assert site.index.event(event.id) == replace(event, picture_ms=None)
    assert _files_left(site, event) == [False, False, False]


def test_the_history_says_that_the_image_is_gone(site: Site) -> None:
    old, new = site.put(60), site.put(59)
    event = _pictured(site, old, new, old.end_ms - 1000)
    _delete_of(site, old)
    site.forget_index()
    replay([*site.history.lines()], site.index)
    assert site.index.event(event.id) == replace(event, picture_ms=None)


def test_an_image_of_the_time_that_stays_is_kept_without_the_preview_of_all(site: Site) -> None:
    old, new = site.put(60), site.put(59)
    event = _pictured(site, old, new, new.start_ms + 1000)
    assert _delete_of(site, old) == []
    assert site.index.event(event.id) == event
    assert _files_left(site, event) == [True, False, False]


def test_an_image_from_before_its_event_goes_with_its_time(site: Site) -> None:
    old, new = site.put(60), site.put(59)
    event = _pictured(site, old, new, old.end_ms - 1000, start_ms=new.start_ms + 1000)
    _delete_of(site, old)
    assert site.index.event(event.id) == replace(event, picture_ms=None)
    assert _files_left(site, event) == [False, True, True]


def test_an_event_that_still_lasts_loses_its_image_and_stays(site: Site) -> None:
    old, new = site.put(60), site.put(59)
    event = _pictured(site, old, new, old.end_ms - 1000, end_ms=None)
    _delete_of(site, old)
    _delete_of(site, new)
    assert site.index.event(event.id) == replace(event, picture_ms=None)
    assert _files_left(site, event) == [False, True, True], "the rest is still written, and goes when it has ended"


def test_a_kept_event_in_a_deleted_time_keeps_its_image(site: Site) -> None:
    old, new = site.put(60), site.put(59)
    event = _pictured(site, old, new, old.end_ms - 1000, kept=True)
    _delete_of(site, old)
    assert site.index.event(event.id) == event
    assert _files_left(site, event) == [True, True, True]


def test_an_event_without_video_goes_with_its_deleted_time(site: Site) -> None:
    old, new = site.put(60), site.put(50)
    alone = _event(site, 55)
    wanted = CameraDeletion(PORCH, new.start_ms, "deleted by Anna", begin_ms=old.start_ms)
    _retention(site, ALL).delete_recordings(wanted)
    assert site.index.event(alone.id) is None


def test_retention_by_age_keeps_the_image_until_the_last_video_goes(site: Site) -> None:
    old, new = site.put(60), site.put(59)
    event = _pictured(site, old, new, old.end_ms - 1000)
    _retention(site, replace(ALL, max_s=58.5 * 60)).run()
    assert [one.id for one in site.index.all_segments()] == [new.id]
    assert site.index.event(event.id) == event
    assert _files_left(site, event) == [True, True, True]


@pytest.mark.parametrize(("days", "left"), [(8, {"kept", "recorded", "long", "runs"}), (31, {"kept", "runs"})])
def test_an_event_without_video_goes_when_its_video_would(site: Site, days: int, left: set[str]) -> None:
    """As of a camera with `record = "off"`; not while the clock is doubted."""
    rule = replace(ALL, max_s=7 * 86_400, kinds_s={"person": 30 * 86_400})
    retention, bare = _retention(site, rule), _event(site, 30, "bare")
    for name, changed in (("kept", {"kept": True}), ("long", {"kind": "person"}), ("runs", {"end_ms": None})):
        site.ledger.put_event(replace(bare, id=EventId(name), **changed))
    site.put(59)
    recorded = _event(site, 58.5, "recorded")
    site.ledger.put_event(replace(recorded, kind="person"))
    EventFiles(site.volume).write_picture(bare, b"jpeg")
    retention.run()
    site.clock.jump_utc(400 * 86_400)
    site.clock.advance(3601)
    retention.run()
    assert site.index.event(bare.id) is not None
    site.clock.jump_utc(-400 * 86_400)
    site.clock.advance(days * 86_400)
    retention.run()
    assert {one.id for one in site.index.events(EVER).events} == left
    assert site.volume.disk.entry(event_paths(bare)[0]) is None
