"""What is thinned keeps its time and its keyframes; whatever interrupts it, nothing that plays is lost."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.damage import DamagedSpan
from tawny.model.errors import ArchiveAway, DiskFull, StorageError, TooManyFiles
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.disk.disk import OpenFile
from tawny.storage.disk.layout import is_thinned
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import rebuild
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import FindingKind
from tawny.storage.retention import planning
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.runner import Retention, RetentionPace
from tawny.storage.retention.thinning import thin
from tests.storage.bench import MAIN, PORCH, Site, break_reads

EVER = Span(0, 1 << 45)
THIN = RetentionRule(free_share=0.0, thin_s=3600)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.record(150)
    made.volume.open_folders.clear()
    return made


@pytest.fixture
def short(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.record(4)
    made.volume.open_folders.clear()
    return made


def _rows(site: Site) -> list[Segment]:
    return site.index.segments(PORCH, None, EVER)


def _is_well(site: Site) -> bool:
    report = check_volume(
        site.volume, site.index, site.clock, CheckScope(deep=True, with_wall=True, beside_recorder=False)
    )
    return report.findings == []


def test_no_damage_is_left_where_only_whole_pictures_are(short: Site) -> None:
    full = _rows(short)[0]
    short.ledger.put_damage([DamagedSpan(PORCH, MAIN, full.start_ms + 100, full.start_ms + 900, 2, 5)])
    assert thin(short.volume, short.index, full) is not None
    assert short.index.damage(PORCH, EVER) == []
    again = MemoryIndex()
    rebuild(short.volume, again, short.history)
    assert again.damage(PORCH, EVER) == []


def test_only_keyframes_stay_byte_for_byte_and_all_time_is_kept(site: Site) -> None:
    full = _rows(site)[0]
    before = read_segment(site.volume.path(full.path))
    keyframes = [one for one in samples(before, before.fragments) if one.is_keyframe]
    thinned = thin(site.volume, site.index, full)
    assert thinned is not None
    row = site.index.segment(full.id)
    assert row == thinned
    assert row is not None
    assert (row.span, row.run, is_thinned(row)) == (full.span, full.run, True)
    after = read_segment(site.volume.path(row.path))
    kept = list(samples(after, after.fragments))
    assert [(one.data, one.pts) for one in kept] == [(one.data, one.pts) for one in keyframes]
    assert kept[0].pts + sum(one.duration for one in kept) == round(full.span.seconds * 90_000)
    assert not after.torn
    assert after.end == {"end_ms": full.end_ms, "why": "thinned"}
    assert row.size_bytes < full.size_bytes
    assert not (site.folder / full.path).exists()
    assert _is_well(site)


def test_time_that_is_thinned_is_no_gap(site: Site) -> None:
    spans = site.index.spans(PORCH, None, EVER)
    for row in _rows(site):
        thin(site.volume, site.index, row)
    assert site.index.spans(PORCH, None, EVER) == spans
    assert site.index.gaps(PORCH, EVER) == []
    assert check_volume(site.volume, site.index, site.clock, CheckScope(beside_recorder=False)).thinned == 3


@pytest.mark.parametrize("first", [0, 2])
def test_a_file_that_cannot_be_read_keeps_no_other_from_being_thinned(
    site: Site, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    bad, *others = _rows(site)
    content = (site.folder / bad.path).read_bytes()
    break_reads(monkeypatch, site.volume.disk, bad.path, first=first)
    site.clock.advance(2 * 3600)
    Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(THIN)).run()
    assert [is_thinned(one) for one in _rows(site)] == [False, *(True for _ in others)]
    assert (site.folder / bad.path).read_bytes() == content
    assert list(site.folder.rglob("*.new")) == []


@pytest.mark.parametrize("error", [DiskFull("here"), ArchiveAway("there"), TooManyFiles("here")])
def test_what_concerns_every_file_ends_the_thinning(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: StorageError
) -> None:
    create = site.volume.disk.create

    def fails(path: str) -> OpenFile:
        if path.endswith(".thin.mp4.new"):
            raise error
        return create(path)

    monkeypatch.setattr(site.volume.disk, "create", fails)
    site.clock.advance(2 * 3600)
    with pytest.raises(type(error)):
        Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(THIN)).run()


def test_thinning_twice_is_thinning_once(site: Site) -> None:
    full = _rows(site)[0]
    thin(site.volume, site.index, full)
    assert thin(site.volume, site.index, _rows(site)[0]) is None
    assert thin(site.volume, site.index, full) is None


def test_the_index_made_again_knows_what_is_thinned(site: Site) -> None:
    thin(site.volume, site.index, _rows(site)[0])
    rows = _rows(site)
    site.forget_index()
    rebuild(site.volume, site.index, site.history)
    assert _rows(site) == rows


def test_a_damaged_file_is_left_alone(site: Site) -> None:
    full = _rows(site)[0]
    (site.folder / full.path).write_bytes(b"\xa7" * 5000)
    retention = Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(THIN))
    site.clock.advance(2 * 3600)
    retention.run()
    assert [is_thinned(row) for row in _rows(site)] == [False, True, True]
    assert retention.plan().thinnings == []


def test_a_thinned_file_that_cannot_be_read_does_not_stop_the_start(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = _rows(site)[0]
    content = (site.folder / full.path).read_bytes()
    thinned = thin(site.volume, site.index, full)
    assert thinned is not None
    (site.folder / full.path).write_bytes(content)  # as if it had been interrupted before it was deleted
    site.volume.open_folders.enter(full.path.rpartition("/")[0])
    site.volume.open_folders.save()
    break_reads(monkeypatch, site.volume.disk, thinned.path)
    site.recover(cameras=())
    assert (site.folder / full.path).read_bytes() == content
    assert (site.folder / thinned.path).is_file()


def test_retention_thins_what_is_old_and_not_kept_nor_promised_for_its_events(site: Site) -> None:
    first, second, third = _rows(site)
    for number, (row, kept) in enumerate(((first, False), (third, True))):
        at_ms = row.start_ms if row is first else row.end_ms
        site.ledger.put_event(Event(EventId(f"e{number}"), PORCH, "person", at_ms, at_ms, 50.0, kept=kept))
    keep = RetentionRule(free_share=0.0, thin_s=3600, kinds_s={"person": 7200})
    retention = Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(keep))
    assert retention.plan().thinnings == []
    site.clock.advance(3700)
    plan = retention.plan()
    assert [(one.segment, one.why) for one in plan.thinnings] == [(second, "older than 1 hour: keyframes only")]
    assert retention.run() == plan
    site.clock.advance(3600)
    assert [one.segment for one in retention.run().thinnings] == [first]
    site.clock.advance(36_000)
    assert retention.run().thinnings == []
    assert [is_thinned(row) for row in _rows(site)] == [True, True, False]
    assert _is_well(site)


def test_a_recording_whose_event_is_kept_no_more_is_thinned_within_a_day(site: Site) -> None:
    kept = Event(EventId("e"), PORCH, "person", _rows(site)[0].start_ms, _rows(site)[0].end_ms, 50.0, kept=True)
    site.ledger.put_event(kept)
    retention = Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(THIN))
    site.clock.advance(7200)
    retention.run()
    assert [is_thinned(row) for row in _rows(site)] == [False, False, True]
    site.ledger.put_event(replace(kept, kept=False))
    for _ in range(25):
        site.clock.advance(3600)
        retention.run()
    assert all(is_thinned(row) for row in _rows(site))


def test_an_urgent_plan_reduces_nothing_and_another_goes_on_in_parts(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    retention = Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(THIN))
    site.clock.advance(7200)
    assert retention.plan(urgent=True).thinnings == []
    monkeypatch.setattr(planning, "MOST_EXAMINED", 2)
    plans = [retention.run() for _ in range(3)]
    assert [(len(plan.thinnings), plan.goes_on) for plan in plans] == [(2, True), (1, True), (0, False)]


def test_a_trial_of_other_rules_counts_what_later_runs_reduce(site: Site) -> None:
    pace, thin = RetentionPace(thin_at_once=1), RetentionContract(THIN)
    retention = Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule()), pace)
    site.clock.advance(7200)
    assert len(retention.plan(chosen=thin).thinnings) == 3
    retention.set_rules(thin)
    assert [len(retention.run().thinnings) for _ in range(4)] == [1, 1, 1, 0]


def test_a_trial_isnt_ended_by_recordings_that_are_reduced_already(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MOST_EXAMINED", 3)
    retention = Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(THIN))
    site.clock.advance(7200)
    assert len(retention.run().thinnings) == 3
    site.put(100)
    assert len(retention.plan(chosen=RetentionContract(THIN)).thinnings) == 1


STEPS = 9
"""Calls of one thinning to disk and index that can fail."""


def test_what_was_thinned_is_stated_and_told_by_check(site: Site) -> None:
    site.clock.advance(7200)
    rows = _rows(site)
    plan = Retention(site.volume, site.index, site.ledger, site.clock, RetentionContract(THIN)).run()
    assert len(plan.thinnings) == len(rows)
    stated = [line.record for line in site.history.lines() if line.what == "thinned"]
    assert [one["path"] for record in stated for one in record["segments"]] == [row.path for row in _rows(site)]
    assert stated[0]["why"] == "older than 1 hour: keyframes only"
    report = check_volume(site.volume, site.index, site.clock, CheckScope(beside_recorder=False))
    (span,) = report.thinned_spans[PORCH]
    assert (span.begin_ms, span.end_ms) == (rows[0].start_ms, rows[-1].end_ms)


@pytest.mark.parametrize("step", range(STEPS + 1))
@pytest.mark.parametrize("index_lost", [False, True])
def test_a_thinning_that_is_interrupted_is_finished_or_undone_by_the_next_start(
    short: Site, monkeypatch: pytest.MonkeyPatch, step: int, *, index_lost: bool
) -> None:
    site = short
    full = _rows(site)[0]
    calls = _break_at(site, monkeypatch, step)
    try:
        thin(site.volume, site.index, full)
        assert step == STEPS, f"{calls} of it can fail"
    except StorageError:
        assert step < STEPS
    monkeypatch.undo()
    (now,) = [row for row in _rows(site) if row.id == full.id]
    assert not read_segment(site.volume.path(now.path)).torn, "what the row leads to plays at any moment"
    if index_lost:
        site.forget_index()
        rebuild(site.volume, site.index, site.history)
    site.recover(cameras=())
    assert _is_well(site)
    assert len(list(site.folder.rglob("*.mp4*"))) == 1


def _break_at(site: Site, monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    """Let the call number `step`, to disk or index, fail and all after it: that is the end of the process."""
    made: list[str] = []

    def breaking(name: str, do: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **more: object) -> object:
            made.append(name)
            if len(made) > step:
                raise StorageError("here", "interrupted")
            return do(*given, **more)

        return call

    for part, names in (
        (site.index, ("drop_segments", "add_segment")),
        (site.volume.disk, ("make_folder", "create", "rename", "unlink", "sync_folder")),
    ):
        for name in names:
            monkeypatch.setattr(part, name, breaking(name, getattr(part, name)))
    return made


def test_check_finds_and_mends_what_is_there_twice(site: Site) -> None:
    full = _rows(site)[0]
    content = (site.folder / full.path).read_bytes()
    thin(site.volume, site.index, full)
    (site.folder / full.path).write_bytes(content)
    found = check_volume(site.volume, site.index, site.clock, CheckScope(beside_recorder=False))
    assert [one.what for one in found.findings] == [FindingKind.HALF_THINNED]
    found = check_volume(site.volume, site.index, site.clock, CheckScope(beside_recorder=False), ledger=site.ledger)
    assert [one.repaired for one in found.findings] == [True]
    assert _is_well(site)
