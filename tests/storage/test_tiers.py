"""Segments move to other volumes whole; whatever interrupts it, each is on at least one, and read from there."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.model.errors import DiskReadOnly, StorageError
from tawny.model.events import Event
from tawny.model.ids import EventId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.sealed.sealer import RingLine, read_ring
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.layout import day_folder, keys_path
from tawny.storage.disk.secondary_volumes import VolumeUse, any_away, attach_all, is_volume_present, join
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import rebuild
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import CheckReport
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.planning import RemovalPlan, RemovalPlanner
from tawny.storage.retention.removal import Removal, finish_removals, remove_segments
from tawny.storage.retention.runner import Retention
from tawny.storage.retention.thinning import thin
from tawny.storage.retention.tiers import TierMover
from tawny.storage.segments.detection_files import MotionGrids, MotionScoreFile
from tests.storage.bench import MAIN, PORCH, SUB, Site, break_reads, keep_all

EVER = Span(0, 1 << 45)
HOUR_S = 3600.0
DAY_MIN = 24 * 60


class Tiered:
    """A site with a second volume, to which goes what is older than a day."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder / "first")
        self.tier = join(self.site.volume, folder / "tier", VolumeUse.TIER)
        self.mover = self.new_mover()

    def new_mover(self, after_s: float = 24 * HOUR_S) -> TierMover:
        return TierMover(lambda: [self.site.volume], self.tier, self.site.index, self.site.clock, after_s, keep_all)

    def check(self, *, repair: bool = False) -> CheckReport:
        site = self.site
        return check_volume(
            site.volume,
            site.index,
            site.clock,
            CheckScope(deep=True, beside_recorder=False),
            ledger=site.ledger if repair else None,
        )


@pytest.fixture
def tiered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiered:
    made = Tiered(tmp_path)
    for volume in made.site.volume.everywhere:
        monkeypatch.setattr(volume, "space", lambda: DiskCapacity(50_000, 100_000))
    return made


def _is_on(volume: Volume, segment: Segment) -> bool:
    return (volume.root / segment.path).is_file()


def test_a_disk_that_is_mounted_elsewhere_is_not_waited_for_at_its_former_place(tiered: Tiered, tmp_path: Path) -> None:
    site = tiered.site
    old = site.put(2 * DAY_MIN)
    assert tiered.mover.move() == 1
    (tmp_path / "tier").rename(tmp_path / "elsewhere")
    again = Volume.at(site.folder)
    moved = join(again, tmp_path / "elsewhere", VolumeUse.TIER)
    assert _is_on(moved, old)
    assert not any_away(again)
    assert attach_all(Volume.at(site.folder)) == []


def test_another_disk_is_still_waited_for(tiered: Tiered, tmp_path: Path) -> None:
    (tmp_path / "tier").rename(tmp_path / "unplugged")
    again = Volume.at(tiered.site.folder)
    join(again, tmp_path / "other", VolumeUse.TIER)
    assert any_away(again)


def test_what_is_old_enough_moves_and_is_read_from_there(tiered: Tiered) -> None:
    site = tiered.site
    old, young = site.put(2 * DAY_MIN), site.put(10)
    content = (site.folder / old.path).read_bytes()
    rows = list(site.index.all_segments())
    assert tiered.mover.move() == 1
    assert not _is_on(site.volume, old)
    assert site.volume.path(old.path).read_bytes() == content
    assert _is_on(site.volume, young)
    assert list(site.index.all_segments()) == rows
    assert tiered.check().findings == []
    assert tiered.check().segments == 2
    assert tiered.mover.move() == 0


def _put_sealed(site: Site, minutes_ago: float) -> Segment:
    plain = site.put(minutes_ago, listed=False)
    sealed = replace(plain, path=plain.path.replace(".mp4", ".tws"))
    (site.folder / plain.path).rename(site.folder / sealed.path)
    site.index.add_segment(sealed)
    return sealed


def _put_keys(volume: Volume, segment: Segment, *lines: RingLine) -> Path:
    path = volume.root / keys_path(PORCH, segment.start_ms)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line.text() for line in lines))
    return path


def test_motion_and_keys_of_a_day_outlive_its_move_and_go_with_its_last_recording(tiered: Tiered) -> None:
    site = tiered.site
    first, second = _put_sealed(site, 2 * DAY_MIN), _put_sealed(site, 2 * DAY_MIN - 120)
    scores, grids = MotionScoreFile(site.volume, site.clock), MotionGrids(site.volume, site.clock)
    scores.put(PORCH, first.start_ms, 80)
    grids.put(PORCH, first.start_ms, 0b101)
    scores.flush()
    grids.flush()
    old, new, other = (RingLine(commit * 32, first.start_ms, wrapped) for commit, wrapped in _KEYS)
    _put_keys(site.volume, first, new)
    there = _put_keys(tiered.tier, first, old, other)
    assert tiered.mover.move() == 2
    assert scores.read(PORCH, Span(first.start_ms, first.start_ms + 1000)) == b"P"
    assert grids.read(PORCH, first.span) == [(first.start_ms, 0b101)]
    assert list(read_ring(there.read_bytes()).values()) == [new, other]
    day = day_folder(PORCH, first.start_ms)
    keep = RetentionRule(max_s=(2 * DAY_MIN - 60) * 60.0, free_share=0.0)
    Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(keep)).run()
    assert [_is_on(tiered.tier, one) for one in (first, second)] == [False, True]
    assert (site.folder / day).is_dir(), "a recording of the day remains"
    keep = RetentionRule(max_s=86_400, free_share=0.0)
    Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(keep)).run()
    assert not (site.folder / day).exists()
    assert not (tiered.tier.root / day).exists()


_KEYS = ((b"a", b"for the one before"), (b"a", b"for the one now"), (b"b", b"only there"))


def test_motion_of_a_day_stays_while_only_its_tier_has_recordings(tiered: Tiered) -> None:
    """Also when what goes is the last that the first disk has of the day."""
    site = tiered.site
    moved, left = site.put(2 * DAY_MIN), site.put(2 * DAY_MIN - 120)
    scores = MotionScoreFile(site.volume, site.clock)
    scores.put(PORCH, moved.start_ms, 80)
    scores.flush()
    tiered.new_mover((2 * DAY_MIN - 60) * 60.0).move()
    removal = Removal(left, "by hand")
    remove_segments(site.volume, site.index, site.ledger, site.clock, [removal])
    assert [_is_on(site.volume, left), _is_on(tiered.tier, moved)] == [False, True]
    assert scores.read(PORCH, Span(moved.start_ms, moved.start_ms + 1000)) == b"P"


def test_a_file_that_cannot_be_read_keeps_no_other_from_moving(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tiered.site
    bad, *others = [site.put(2 * DAY_MIN - minutes) for minutes in (0, 10, 20)]
    with monkeypatch.context() as patched:
        break_reads(patched, site.volume.disk, bad.path)
        tiered.mover.step()
        assert [_is_on(tiered.tier, one) for one in (bad, *others)] == [False, True, True]
        assert _is_on(site.volume, bad)
        assert "Input/output error" in str(tiered.mover.problem)
    tiered.mover.step()
    assert not _is_on(tiered.tier, bad), "it is left alone for an hour"
    site.clock.advance(HOUR_S)
    assert _moves(tiered.mover)
    assert _is_on(tiered.tier, bad)


def test_a_first_disk_that_lacks_room_moves_more(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = [tiered.site.put(minutes, size_bytes=4000) for minutes in (50, 40, 30, 20)]
    monkeypatch.setattr(tiered.site.volume, "space", lambda: DiskCapacity(0, 250_000))
    assert tiered.mover.move() == 2
    assert [_is_on(tiered.tier, one) for one in segments] == [True, True, False, False]


@pytest.mark.parametrize(
    ("older_is_there", "min_days", "main_free_bytes", "moves"),
    [
        pytest.param(False, 30, 50_000, False, id="it would be deleted there itself"),
        pytest.param(True, 30, 50_000, False, id="what is there is promised"),
        pytest.param(True, 1, 50_000, True, id="what is there is past its minimum"),
        pytest.param(True, 30, 5_000, True, id="the main disk is full too, so the oldest go"),
        pytest.param(False, 30, 5_000, False, id="the main disk is full too, and this is the oldest"),
    ],
)
def test_a_recording_moves_only_if_it_can_stay_there(
    tiered: Tiered,
    monkeypatch: pytest.MonkeyPatch,
    older_is_there: bool,
    min_days: int,
    main_free_bytes: int,
    moves: bool,
) -> None:
    site = tiered.site
    if older_is_there:
        site.put(3 * DAY_MIN)
        assert tiered.mover.move() == 1
    due = site.put(2 * DAY_MIN)
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(main_free_bytes, 100_000))
    monkeypatch.setattr(tiered.tier, "space", lambda: DiskCapacity(11_000, 100_000))
    rules = RetentionContract(RetentionRule(min_s=min_days * 24 * HOUR_S, free_share=0.1))
    mover = TierMover(lambda: [site.volume], tiered.tier, site.index, site.clock, 24 * HOUR_S, lambda: rules)
    assert _moves(mover) == moves
    assert _is_on(tiered.tier, due) == moves
    assert moves or "has no space for older recordings" in str(mover.problem)


class FullTier:
    """The tier has ten recordings of two months ago, and no space for another."""

    def __init__(self, tiered: Tiered, patched: pytest.MonkeyPatch, stream: StreamName = SUB) -> None:
        self.site, self.tier = tiered.site, tiered.tier
        self.older = [self.site.put(60 * DAY_MIN - minutes, stream=stream) for minutes in range(10)]
        assert tiered.mover.move() == 10
        self.free_bytes = 10_000
        patched.setattr(self.tier, "space", lambda: DiskCapacity(self.free_bytes, 100_000))
        self.rules = RetentionContract(RetentionRule(free_share=0.1))
        clock, index = self.site.clock, self.site.index
        self.mover = TierMover(lambda: [self.site.volume], self.tier, index, clock, 24 * HOUR_S, lambda: self.rules)

    def runs(self) -> None:
        """Retention deletes what is to go."""
        Retention(self.site.volume, self.site.index, self.site.ledger, self.site.clock, self.rules).run()

    def all_left(self) -> int:
        return len(list(self.site.index.all_segments()))


def test_a_recording_that_would_go_before_what_is_there_stays(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    full = FullTier(tiered, monkeypatch)
    due = full.site.put(2 * DAY_MIN)
    full.mover.step()
    assert full.mover.problem is None, "it may be deleted, so nothing is wrong"
    full.runs()
    assert (full.all_left(), _is_on(full.site.volume, due)) == (11, True)


def test_what_stays_keeps_nothing_else_from_moving(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    full = FullTier(tiered, monkeypatch)
    first, later = full.site.put(3 * DAY_MIN), full.site.put(2 * DAY_MIN, stream=SUB)
    assert _moves(full.mover)
    assert (_is_on(full.site.volume, first), _is_on(full.tier, later)) == (True, True)
    full.free_bytes = 90_000
    full.site.clock.advance(600)
    assert _moves(full.mover)
    assert _is_on(full.tier, first)


def test_a_recording_stays_if_older_ones_with_events_are_there(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    full = FullTier(tiered, monkeypatch, MAIN)
    span = Span(full.older[0].start_ms, full.older[-1].end_ms)
    full.site.index.put_event(Event(EventId("e"), PORCH, "person", span.begin_ms, span.end_ms, 0.9))
    due = full.site.put(2 * DAY_MIN)
    full.mover.step()
    full.runs()
    assert (full.all_left(), _is_on(full.site.volume, due)) == (11, True)


@pytest.mark.parametrize("stream", [MAIN, SUB])
def test_a_recording_moves_if_its_like_go_before_it(
    tiered: Tiered, monkeypatch: pytest.MonkeyPatch, stream: StreamName
) -> None:
    full = FullTier(tiered, monkeypatch, stream)
    due = full.site.put(2 * DAY_MIN, stream=SUB)
    assert _moves(full.mover)
    full.free_bytes -= due.size_bytes
    full.runs()
    assert (full.all_left(), _is_on(full.tier, due)) == (10, True)


def test_a_full_disk_is_looked_through_again_when_something_changed(
    tiered: Tiered, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, plans = FullTier(tiered, monkeypatch), list[None]()
    full.rules = RetentionContract(RetentionRule(free_share=0.1, min_s=90 * 24 * HOUR_S))
    full.site.put(2 * DAY_MIN)
    plan = RemovalPlanner.plan

    def counted(planner: RemovalPlanner) -> RemovalPlan:
        plans.append(None)
        return plan(planner)

    monkeypatch.setattr(RemovalPlanner, "plan", counted)

    def plans_of_a_step() -> int:
        plans.clear()
        assert not _moves(full.mover)
        return len(plans)

    assert (plans_of_a_step(), plans_of_a_step()) == (1, 0)
    full.free_bytes += 1
    assert (plans_of_a_step(), plans_of_a_step()) == (1, 0)
    full.rules = RetentionContract(RetentionRule(free_share=0.1, min_s=80 * 24 * HOUR_S))
    assert (plans_of_a_step(), plans_of_a_step()) == (1, 0)
    full.site.clock.advance(600)
    assert (plans_of_a_step(), plans_of_a_step()) == (1, 0)


def test_the_index_made_again_knows_all_volumes(tiered: Tiered) -> None:
    site = tiered.site
    site.put(2 * DAY_MIN)
    site.put(10)
    tiered.mover.move()
    rows = list(site.index.all_segments())
    site.forget_index()
    rebuild(site.volume, site.index, site.history)
    assert list(site.index.all_segments()) == rows


def test_a_volume_opened_again_knows_its_others(tiered: Tiered) -> None:
    again = Volume.at(tiered.site.folder)
    assert attach_all(again) == []
    assert [other.root for other in again.others] == [tiered.tier.root]


def test_retention_removes_and_thins_there_too(tiered: Tiered) -> None:
    site = tiered.site
    oldest, older = site.put(3 * DAY_MIN), site.put(2 * DAY_MIN)
    tiered.mover.move()
    retention = Retention(
        site.volume,
        site.index,
        site.ledger,
        site.clock,
        RetentionContract(RetentionRule(max_s=2.5 * 86_400, free_share=0.0)),
    )
    assert [one.segment for one in retention.run().removals] == [oldest]
    assert not _is_on(tiered.tier, oldest)
    thinned = thin(site.volume, site.index, older)
    assert thinned is not None
    assert _is_on(tiered.tier, thinned)
    assert tiered.check().findings == []


def test_room_is_made_on_the_disk_that_needs_it(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tiered.site
    on_tier, on_first = site.put(3 * DAY_MIN, size_bytes=9000), site.put(300, size_bytes=9000)
    tiered.mover.move()
    retention = Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(free_share=0.1))
    )
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(5_000, 100_000))
    assert [one.segment for one in retention.plan().removals] == [on_first]
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(50_000, 100_000))
    monkeypatch.setattr(tiered.tier, "space", lambda: DiskCapacity(5_000, 100_000))
    assert [one.segment for one in retention.plan().removals] == [on_tier]


def test_no_more_is_given_up_on_a_disk_that_refuses_to_delete(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tiered.site
    oldest, *others = [site.put(3 * DAY_MIN - minutes, size_bytes=9000) for minutes in range(5)]
    tiered.mover.move()
    monkeypatch.setattr(tiered.tier, "space", lambda: DiskCapacity(5_000, 100_000))

    def refuses(path: str) -> None:
        raise DiskReadOnly(path)

    retention = Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(free_share=0.1))
    )
    with monkeypatch.context() as patched:
        patched.setattr(tiered.tier.disk, "unlink", refuses)
        for _ in range(3):
            with suppress(StorageError):
                retention.run()
    assert (site.index.removing(), list(site.index.all_segments())) == ([oldest], others)
    assert finish_removals(site.volume, site.index, site.ledger, site.clock) == 1
    assert [_is_on(tiered.tier, one) for one in (oldest, *others)] == [False, True, True, True, True]


STEPS = 19


@pytest.mark.parametrize("step", range(STEPS + 1))
def test_a_move_that_is_interrupted_loses_nothing(tiered: Tiered, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    site = tiered.site
    old = site.put(2 * DAY_MIN)
    made = _break_at(tiered, monkeypatch, step)
    try:
        tiered.mover.move()
        assert step == STEPS, f"{len(made)} can fail: {made}"
    except StorageError:
        assert step < STEPS
    monkeypatch.undo()
    assert site.volume.path(old.path).stat().st_size == old.size_bytes
    assert tiered.check().findings == []
    site.recover(cameras=())
    tiered.new_mover().move()
    assert _is_on(tiered.tier, old)
    assert not _is_on(site.volume, old)
    assert list(tiered.tier.root.rglob("*.new")) == []
    assert tiered.check().findings == []


def _break_at(tiered: Tiered, monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    """From the call number `step` on, to either disk, nothing works any more: that is the end of the process."""
    made: list[str] = []

    def breaking(name: str, do: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **more: object) -> object:
            made.append(name)
            if len(made) > step:
                raise StorageError("here", "interrupted")
            return do(*given, **more)

        return call

    for volume in tiered.site.volume.everywhere:
        for name in ("make_folder", "create", "rename", "unlink", "sync_folder"):
            monkeypatch.setattr(volume.disk, name, breaking(name, getattr(volume.disk, name)))
    return made


def _moves(mover: TierMover) -> bool:
    mover.step()
    return mover.problem is None


def test_an_empty_mount_point_is_not_the_disk(tiered: Tiered) -> None:
    """Nothing is moved to it, nothing there is taken for lost, and all goes on when the disk is back."""
    site = tiered.site
    old = site.put(2 * DAY_MIN)
    tiered.mover.move()
    away = tiered.tier.root.rename(tiered.tier.root.with_name("away"))
    tiered.tier.root.mkdir()
    other = site.put(2 * DAY_MIN - 10)
    assert not is_volume_present(tiered.tier)
    assert not _moves(tiered.mover)
    assert _is_on(site.volume, other)
    again = Volume.at(site.folder)
    assert len(attach_all(again)) == 1
    assert any_away(again)
    found = check_volume(again, site.index, site.clock, CheckScope(beside_recorder=False), ledger=site.ledger).findings
    assert [(one.path, one.repaired) for one in found] == [(old.path, False)]
    shutil.rmtree(tiered.tier.root)
    away.rename(tiered.tier.root)
    assert _moves(tiered.mover)
    assert _is_on(tiered.tier, other)
    assert tiered.check().findings == []


def test_what_is_on_a_disk_that_is_away_is_removed_when_it_is_back(tiered: Tiered) -> None:
    site = tiered.site
    old = site.put(2 * DAY_MIN)
    tiered.mover.move()
    away = tiered.tier.root.rename(tiered.tier.root.with_name("away"))
    retention = Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(max_s=86_400, free_share=0.0))
    )
    retention.run()
    assert site.index.removing() == [old]
    away.rename(tiered.tier.root)
    assert site.recover(cameras=()).removed == 1
    assert not _is_on(tiered.tier, old)
    assert site.index.removing() == []


def test_what_is_on_a_disk_that_was_away_at_the_start_is_removed_when_it_is_back(tiered: Tiered) -> None:
    site = tiered.site
    old = site.put(2 * DAY_MIN)
    tiered.mover.move()
    away = tiered.tier.root.rename(tiered.tier.root.with_name("away"))
    again = Volume.at(site.folder)
    assert len(attach_all(again)) == 1
    remove_segments(again, site.index, site.ledger, site.clock, [Removal(old, "deleted by Anna")])
    assert site.index.removing() == [old]
    away.rename(tiered.tier.root)
    assert attach_all(again) == []
    assert finish_removals(again, site.index, site.ledger, site.clock) == 1
    assert not _is_on(tiered.tier, old)


def test_what_is_on_a_disk_that_was_given_up_before_this_version_does_not_stay_listed(tiered: Tiered) -> None:
    site = tiered.site
    old = site.put(2 * DAY_MIN)
    tiered.mover.move()
    file = site.folder / "history" / "volumes.json"
    file.write_text(file.read_text().replace(', "is_used": true', ""))
    tiered.tier.root.rename(tiered.tier.root.with_name("away"))
    again = Volume.at(site.folder)
    remove_segments(again, site.index, site.ledger, site.clock, [Removal(old, "older than max")])
    assert (site.index.removing(), site.index.segment(old.id)) == ([], None)


def test_the_newest_names_win_when_a_segment_is_on_both(tiered: Tiered) -> None:
    """A copy that another disk has in another size is made again."""
    site = tiered.site
    old = site.put(2 * DAY_MIN)
    (tiered.tier.root / old.path).parent.mkdir(parents=True)
    (tiered.tier.root / old.path).write_bytes(b"half")
    tiered.mover.move()
    assert (tiered.tier.root / old.path).stat().st_size == old.size_bytes
    assert replace(old) == site.index.segment(old.id)


def test_a_tier_that_fails_keeps_nobody_from_making_room(tiered: Tiered, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tiered.site
    site.put(3 * DAY_MIN, size_bytes=9000)
    tiered.mover.move()
    on_first = site.put(300, size_bytes=9000)

    def fails(*_given: object) -> DiskCapacity:
        raise StorageError("tier", "Input/output error")

    monkeypatch.setattr(tiered.tier, "space", fails)
    monkeypatch.setattr(tiered.tier.disk, "entry", fails)
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(5_000, 100_000))
    retention = Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(free_share=0.1))
    )
    assert [one.segment for one in retention.run().removals] == [on_first]
    assert not _is_on(site.volume, on_first)
