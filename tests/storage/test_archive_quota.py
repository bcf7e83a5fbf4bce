"""An archive disk that refuses copies, as at a quota: retention makes room there, once until a copy succeeds."""

import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from tawny.model.errors import StorageError
from tawny.model.segments import Segment
from tawny.storage.disk.disk import DiskCapacity, QuotaReached
from tawny.storage.disk.secondary_volumes import spaces
from tawny.storage.disk.volume import Volume, copy
from tawny.storage.retention import runner, tiers
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.runner import RemovalPlan, Retention
from tawny.storage.retention.tiers import TierFull, TierMover
from tests.storage.bench import SUB
from tests.storage.test_tiers import DAY_MIN, HOUR_S, FullTier, Tiered


def _is_on(volume: Volume, segment: Segment) -> bool:
    return (volume.root / segment.path).is_file()


class LimitedTier(FullTier):
    """Its disk says that it has space, but a quota is reached after `most` recordings, as at a Btrfs subvolume."""

    def __init__(self, tiered: Tiered, patched: pytest.MonkeyPatch) -> None:
        super().__init__(tiered, patched)
        self.free_bytes, self.rules, self.tried = 90_000, RetentionContract(RetentionRule(free_share=0.1)), 0
        self.most = 10

        def limited(source: Volume, target: Volume, path: str) -> int:
            self.tried += 1
            if sum(_is_on(self.tier, one) for one in self.site.index.all_segments()) >= self.most:
                raise QuotaReached(path)
            return copy(source, target, path)

        patched.setattr(tiers, "copy", limited)
        self.woken: list[None] = []
        site = self.site
        self.mover = TierMover(
            lambda: [site.volume], self.tier, site.index, site.clock, 24 * HOUR_S, lambda: self.rules, self.wake
        )

    def wake(self) -> None:
        self.woken.append(None)

    def round(self) -> None:
        """Retention runs, then the mover."""
        self.runs()
        self.mover.step()


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LimitedTier:
    made = Tiered(tmp_path)
    for volume in made.site.volume.everywhere:
        monkeypatch.setattr(volume, "space", lambda: DiskCapacity(50_000, 100_000))
    return LimitedTier(made, monkeypatch)


def test_a_quota_of_an_archive_disk_makes_retention_delete_there(full: LimitedTier) -> None:
    due = full.site.put(2 * DAY_MIN, stream=SUB)
    full.mover.step()
    full.mover.step()
    assert (full.mover.problem, full.tried, full.woken) == (None, 1, [None]), "retention hasn't run yet"
    full.runs()
    full.mover.step()
    assert _is_on(full.tier, due)
    older = [_is_on(full.tier, one) for one in full.older]
    assert older == sorted(older), "the oldest"
    assert 0 < older.count(False) <= 1 + 100_000 // 20 // due.size_bytes
    assert all(one in [*full.older, due] for one in full.site.index.all_segments())
    left = full.all_left()
    full.runs()
    assert full.all_left() == left, "no more than was asked for"


def test_a_quota_that_deleting_does_not_help_is_a_problem(full: LimitedTier) -> None:
    full.site.put(2 * DAY_MIN, stream=SUB)
    full.mover.step()
    full.tier.refused_bytes = 0  # retention ran in vain
    full.mover.step()
    assert isinstance(full.mover.problem, QuotaReached)


def test_a_disk_that_refuses_everything_loses_recordings_once(full: LimitedTier) -> None:
    full.most = 0
    full.site.put(2 * DAY_MIN, stream=SUB)
    full.mover.step()
    full.round()
    left, tried = full.all_left(), full.tried
    assert left < 11
    for minute in range(60):
        full.site.clock.advance(60)
        full.round()
        assert (full.all_left(), type(full.mover.problem)) == (left, QuotaReached), minute
    assert full.tried - tried == 6, "every ten minutes"


def test_a_disk_that_takes_copies_again_may_lose_recordings_at_its_next_quota(full: LimitedTier) -> None:
    full.most = 0
    due = full.site.put(2 * DAY_MIN, stream=SUB)
    full.mover.step()
    full.round()
    full.most = 10
    full.site.clock.advance(600)
    full.round()
    assert (_is_on(full.tier, due), full.mover.problem) == (True, None)
    full.most = 0
    full.site.put(2 * DAY_MIN - 1, stream=SUB)
    left = full.all_left()
    full.mover.step()
    full.round()
    assert full.all_left() < left


def test_an_absent_archive_disk_is_reported_though_it_awaits_retention(full: LimitedTier) -> None:
    full.site.put(2 * DAY_MIN, stream=SUB)
    full.mover.step()
    shutil.rmtree(full.tier.root)
    full.mover.step()
    assert isinstance(full.mover.problem, StorageError)


def test_a_quota_gives_up_nothing_within_its_minimum(full: LimitedTier) -> None:
    full.rules = RetentionContract(RetentionRule(free_share=0.1, min_s=90 * 24 * HOUR_S))
    due = full.site.put(2 * DAY_MIN, stream=SUB)
    for _ in range(3):
        full.mover.step()
        full.runs()
    assert isinstance(full.mover.problem, TierFull)
    assert (full.all_left(), _is_on(full.site.volume, due), full.tried) == (11, True, 1)
    full.site.clock.advance(600)
    full.mover.step()
    assert full.tried == 2


def test_a_quota_takes_nothing_that_should_go_later(full: LimitedTier) -> None:
    due = full.site.put(2 * DAY_MIN)
    full.mover.step()
    full.runs()
    assert (full.mover.problem, full.all_left(), _is_on(full.site.volume, due)) == (None, 11, True)


def test_room_asked_for_while_retention_plans_is_made_by_its_next_run(
    full: LimitedTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    due, plan = full.site.put(2 * DAY_MIN, stream=SUB), Retention.plan

    def refused_meanwhile(retention: Retention, *, urgent: bool) -> RemovalPlan:
        made = plan(retention, urgent=urgent)
        full.mover.step()
        return made

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Retention, "plan", refused_meanwhile)
        full.runs()
    full.round()
    assert _is_on(full.tier, due)


def test_room_asked_for_is_made_after_a_run_that_failed(full: LimitedTier, monkeypatch: pytest.MonkeyPatch) -> None:
    due = full.site.put(2 * DAY_MIN, stream=SUB)
    full.mover.step()
    with monkeypatch.context() as failing:
        failing.setattr(runner, "remove_segments", Mock(side_effect=StorageError("/archive", "bad sector")))
        with pytest.raises(StorageError):
            full.runs()
    full.round()
    assert _is_on(full.tier, due)


def test_room_asked_for_on_a_disk_that_does_not_respond_is_made_later(
    full: LimitedTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = full.site.put(2 * DAY_MIN, stream=SUB)
    full.mover.step()
    with monkeypatch.context() as away:
        away.setattr(runner, "spaces", lambda volume: spaces(volume)[:1])
        full.runs()
    full.round()
    assert _is_on(full.tier, due)


def test_a_quota_that_is_reached_by_a_folder_makes_retention_delete_there(
    full: LimitedTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    due, left = full.site.put(2 * DAY_MIN, stream=SUB), full.all_left()

    def refused(folder: str) -> None:
        raise QuotaReached(folder)

    with monkeypatch.context() as patched:
        patched.setattr(full.tier.open_folders, "enter", refused)
        full.mover.step()
    full.round()
    assert full.all_left() < left
    assert _is_on(full.tier, due)


def test_a_quota_that_is_reached_by_keys_makes_retention_delete_there(
    full: LimitedTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    due, left = full.site.put(2 * DAY_MIN, stream=SUB), full.all_left()

    def refused(path: str, _source: Volume, _target: Volume) -> None:
        raise QuotaReached(path)

    with monkeypatch.context() as patched:
        patched.setattr(tiers, "is_sealed", lambda _: True)
        patched.setattr(tiers, "copy_keys", refused)
        full.most = 20
        full.mover.step()
    full.round()
    assert full.all_left() < left
    assert _is_on(full.tier, due)


def test_rules_that_change_while_a_disk_refuses_do_not_keep_retention_from_deleting_there(full: LimitedTier) -> None:
    full.site.put(2 * DAY_MIN, stream=SUB)
    rules, asked = full.rules, 0

    def changing() -> RetentionContract:
        nonlocal asked
        asked += 1
        return replace(rules, everyone=replace(rules.everyone, min_s=float(asked)))

    mover = TierMover(
        lambda: [full.site.volume], full.tier, full.site.index, full.site.clock, 24 * HOUR_S, changing, full.wake
    )
    mover.step()
    assert full.tier.refused_bytes
