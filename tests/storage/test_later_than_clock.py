"""Recordings that are dated later than the clock, which is behind now or was ahead: what is recorded now stays."""

from pathlib import Path

import pytest

from tawny.model.segments import Segment
from tawny.storage.disk.disk import DiskCapacity, FolderEntry, RealDisk
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.runner import Retention, RetentionRule
from tawny.storage.retention.tiers import TierMover
from tests.storage.bench import Site, keep_all

DAY_S, HOUR_S = 86_400.0, 3600.0
YEAR_S = 365 * DAY_S
TEN = RetentionRule(free_share=0.0, size_bytes=20_000, min_s=2 * DAY_S)
"""Room for ten files."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path)
    monkeypatch.setattr(made.volume, "space", lambda: DiskCapacity(50_000, 100_000))
    return made


def started(site: Site, rule: RetentionRule) -> Retention:
    return Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(rule))


def recorded(site: Site, retention: Retention, count: int) -> list[Segment]:
    """One file an hour, and a run of retention after each."""
    made = []
    for _ in range(count):
        site.clock.advance(HOUR_S)
        made.append(site.put(1))
        retention.run()
    return made


def test_a_start_with_a_clock_in_the_past_takes_the_oldest_of_before(site: Site) -> None:
    before = [site.put(minutes_ago) for minutes_ago in range(100, 0, -10)]
    site.clock.jump_utc(-6 * YEAR_S)
    retention = started(site, TEN)
    now = recorded(site, retention, 4)
    site.clock.jump_utc(6 * YEAR_S)
    assert site.index.oldest_segments(20) == [*now, *before[4:]]
    assert retention.last is not None
    assert not retention.last.breaks_promise


def test_files_of_a_clock_that_was_ahead_go_by_when_it_was_set_back(site: Site) -> None:
    """After what is older, before what is newer."""
    retention = started(site, TEN)
    before = recorded(site, retention, 4)
    site.clock.jump_utc(YEAR_S)
    ahead = recorded(site, retention, 4)
    site.clock.jump_utc(-YEAR_S)
    retention.run()
    now = recorded(site, retention, 4)
    assert site.index.oldest_segments(20) == [*before[2:], *now, *ahead]
    now += recorded(site, retention, 4)
    assert site.index.oldest_segments(20) == [*now, *ahead[2:]]


def test_their_age_is_how_long_that_was_noticed_whatever_the_clock_says(site: Site) -> None:
    recorded(site, retention := started(site, RetentionRule(free_share=0.0, max_s=3 * DAY_S)), 2)
    for years in (-6, 3, -3):
        site.clock.jump_utc(years * YEAR_S)
        retention = started(site, RetentionRule(free_share=0.0, max_s=3 * DAY_S))
        site.clock.advance(2 * DAY_S)
        retention.run()
        assert site.index.count() == 2
    site.clock.advance(DAY_S + 1)
    retention.run()
    assert site.index.count() == 0


def test_what_ends_just_now_is_no_older_for_it(site: Site) -> None:
    """A file may end some seconds later than the clock."""
    retention = started(site, RetentionRule(free_share=0.0, max_s=3 * DAY_S))
    site.clock.advance(9 * DAY_S)
    site.put(0.5)
    assert retention.plan().removals == []


def test_they_move_to_the_archive_disk_before_any_is_deleted(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _new = site.put(60), site.put(30)
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(1000, 100_000))
    tier = join(site.volume, tmp_path / "tier", VolumeUse.TIER)
    monkeypatch.setattr(tier, "space", lambda: DiskCapacity(50_000, 100_000))
    site.clock.jump_utc(-YEAR_S)
    mover = TierMover(lambda: [site.volume], tier, site.index, site.clock, DAY_S, keep_all)
    assert mover.move() == 1
    assert (tier.root / old.path).is_file()


def test_moving_goes_on_after_a_clock_that_was_ahead(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tier = join(site.volume, tmp_path / "tier", VolumeUse.TIER)
    monkeypatch.setattr(tier, "space", lambda: DiskCapacity(50_000, 100_000))
    mover = TierMover(lambda: [site.volume], tier, site.index, site.clock, DAY_S, keep_all)
    site.clock.jump_utc(YEAR_S)
    site.put(2 * 24 * 60)
    assert mover.move() == 1
    site.clock.jump_utc(-YEAR_S)
    site.put(2 * 24 * 60)
    assert mover.move() == 1


def test_what_was_moved_is_not_looked_for_at_each_step(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = [site.put(-YEAR_S / 60 - minutes) for minutes in range(5)]
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(0, 1_000_000))
    tier = join(site.volume, tmp_path / "tier", VolumeUse.TIER)
    monkeypatch.setattr(tier, "space", lambda: DiskCapacity(50_000, 100_000))
    mover = TierMover(lambda: [site.volume], tier, site.index, site.clock, DAY_S, keep_all)
    assert mover.move() == len(later)
    looked, real = list[str](), RealDisk.entry

    def entry(disk: RealDisk, path: str) -> FolderEntry | None:
        looked.append(path)
        return real(disk, path)

    monkeypatch.setattr(RealDisk, "entry", entry)
    assert (mover.move(), [path for path in looked if path.endswith(".mp4")]) == (0, [])
    newest = site.put(-YEAR_S / 60 - 10)
    assert mover.move() == 1
    assert (tier.root / newest.path).is_file()
