"""Hours that are settled: whatever happens in them, the index says what one says that knows every segment."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.model.errors import StorageError
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import GapReason, Segment
from tawny.model.times import Span
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import DAY_MS, HOUR_MS, SegmentName
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume
from tawny.storage.index import catalogue
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import index_to_read, rebuild_index
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import FindingKind
from tawny.storage.repair.recovery import put_in_order
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.runner import Retention, RetentionRule
from tawny.storage.retention.thinning import thin
from tests.storage.bench import MAIN, PORCH, SUB, YARD, Site, put_file

EVER = Span(0, 1 << 45)
MIDNIGHT_MS = 1_795_132_800_000


class Pair:
    """The index, and one that knows every segment; both are told the same, and the files stand where they say."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.volume = Volume.at(folder)
        self.index = SqliteIndex(folder / "tawny.db", Catalogue(self.volume))
        self.model = MemoryIndex()
        self.at_ms = {
            (camera, stream): MIDNIGHT_MS - self.dice.randrange(3 * HOUR_MS)
            for camera in (PORCH, YARD)
            for stream in (MAIN, SUB)
        }
        self.runs = 0

    def record(self) -> None:
        """A few segments of one stream; now and then another run, after a hole or with the clock set back."""
        (camera, stream), at_ms = self.dice.choice(list(self.at_ms.items()))
        if self.dice.random() < 0.4:
            self.runs += 1
            at_ms += self.dice.choice([-90_000, 5000, HOUR_MS])
        run = f"run-{self.runs if self.dice.random() < 0.9 else 0}"
        for _ in range(self.dice.randrange(1, 9)):
            end_ms = at_ms + self.dice.choice([60_000, 59_960, 700_000])
            self.put(camera, stream, run, Span(at_ms, end_ms))
            at_ms = end_ms
        self.at_ms[camera, stream] = at_ms

    def put(self, camera: CameraId, stream: StreamName, run: str, span: Span) -> None:
        path = SegmentName(camera, stream, span.begin_ms, span.end_ms).path
        size_bytes = 50_000 + self.dice.randrange(1000)
        made = Segment(
            camera, stream, RunId(run), span.begin_ms, span.end_ms, size_bytes, path, "avc1", 640, 360, "mp4a.40.2"
        )
        if self.model.segment(made.id) is None and made not in self.model.removing():
            put_file(self.volume, made)
        self.told("add_segment", made)

    def told(self, what: str, *given: object) -> None:
        for index in (self.index, self.model):
            getattr(index, what)(*given)

    def some(self, most: int) -> list[Segment]:
        listed = list(self.model.all_segments())
        return self.dice.sample(listed, min(len(listed), self.dice.randrange(1, most + 1)))

    def remove(self) -> None:
        gone = self.some(5) if self.dice.random() < 0.5 else list(self.model.all_segments())[: self.dice.randrange(40)]
        self.told("mark_removing", gone)
        if self.dice.random() < 0.5:
            self.told("settle", EVER.end_ms)
        for one in self.model.removing():
            self.volume.disk.unlink(one.path)
        self.told("drop_segments", self.model.removing())

    def remove_before_it_is_marked(self) -> None:
        """As when the disk is full."""
        gone = self.some(3)
        for one in gone:
            self.volume.disk.unlink(one.path)
        self.told("mark_removing", gone)
        self.told("drop_segments", gone)

    def thin(self) -> None:
        for one in self.some(6):
            name = SegmentName(one.camera, one.stream, one.start_ms, one.end_ms, is_thinned=True)
            if name.path == one.path:
                continue
            row = replace(one, path=name.path, size_bytes=9000, audio="")
            put_file(self.volume, row)
            for index in (self.index, self.model):
                with index.together():
                    index.drop_segments([row])
                    index.add_segment(row)
            self.volume.disk.unlink(one.path)

    def step(self) -> None:
        weights = {self.record: 5, self.remove: 2, self.remove_before_it_is_marked: 1, self.thin: 2}
        self.dice.choices(list(weights), list(weights.values()))[0]()
        if self.dice.random() < 0.6:
            before_ms = self.dice.choice([EVER.end_ms, max(self.at_ms.values()) - 2 * HOUR_MS])
            self.told("settle", before_ms)

    def compare(self) -> None:
        index, model = self.index, self.model
        assert list(index.all_segments()) == list(model.all_segments())
        assert index.removing() == model.removing()
        begin_ms = MIDNIGHT_MS + self.dice.randrange(-4 * HOUR_MS, 6 * HOUR_MS)
        within = Span(begin_ms, begin_ms + self.dice.choice([1, 60_000, HOUR_MS, DAY_MS]))
        for camera in (PORCH, YARD):
            assert index.bounds(camera) == model.bounds(camera)
            for stream in (MAIN, SUB, None):
                assert index.spans(camera, stream, EVER) == model.spans(camera, stream, EVER)
                assert index.spans(camera, stream, within) == model.spans(camera, stream, within)
                assert index.segments(camera, stream, within) == model.segments(camera, stream, within)
                assert index.size_bytes(camera, stream) == model.size_bytes(camera, stream)
                assert index.count(camera, stream) == model.count(camera, stream)
        for one in self.some(3) if model.count() else []:
            assert index.segment(one.id) == one
            assert index.oldest_segments(7, stream=one.stream, after=one) == model.oldest_segments(
                7, stream=one.stream, after=one
            )


@pytest.mark.parametrize("seed", range(6))
def test_it_says_what_an_index_says_that_knows_every_segment(tmp_path: Path, seed: int) -> None:
    pair = Pair(tmp_path, seed)
    with closing(pair.index):
        most = 0
        for _ in range(25):
            pair.step()
            pair.compare()
            most = max(most, pair.model.count())
        assert most >= 20


@pytest.mark.parametrize("seed", range(3))
def test_opened_again_and_made_again_it_says_the_same(tmp_path: Path, seed: int) -> None:
    site = Site(tmp_path)
    pair = Pair(tmp_path, seed)
    for _ in range(20):
        pair.step()
    pair.index.close()
    expected = list(pair.model.all_segments())
    with index_to_read(tmp_path) as index:
        assert list(index.all_segments()) == expected
    rebuild_index(site.volume, site.history)
    with index_to_read(tmp_path) as index:
        assert list(index.all_segments()) == expected
        for camera in (PORCH, YARD):
            assert index.spans(camera, None, EVER) == pair.model.spans(camera, None, EVER)


class Settled(Site):
    """A site whose index settles what is put into it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.open(Volume.at(folder))

    def open(self, volume: Volume) -> None:
        self.volume = volume
        self.index = SqliteIndex(self.folder / "tawny.db", Catalogue(volume))
        self.ledger = type(self.ledger)(self.history, self.index, self.clock)

    def minutes(self, count: int, hours_ago: int = 30) -> list[Segment]:
        """Of one run, in one hour, and settled."""
        made = [self.put(hours_ago * 60 - minute) for minute in range(count)]
        self.index.settle(self.clock.now_ms())
        assert sum(hour.files for hour in self.index.counted()) == self.index.count()
        return made

    def found(self, *, repair: bool = False) -> list[tuple[FindingKind, str, bool]]:
        """By a process that knows nothing yet."""
        self.index.close()
        self.open(self.volume)
        report = check_volume(
            self.volume,
            self.index,
            self.clock,
            CheckScope(beside_recorder=False),
            ledger=self.ledger if repair else None,
        )
        return [(one.what, one.path, one.repaired) for one in report.findings]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Settled]:
    made = Settled(tmp_path / "first")
    yield made
    made.index.close()


def test_a_file_that_went_by_itself_is_missed_and_its_time_explained(site: Settled) -> None:
    every = site.minutes(10)
    (site.folder / every[4].path).unlink()
    folder = every[4].path.rpartition("/")[0]
    assert site.found() == [(FindingKind.ROW_WITHOUT_FILE, folder, False)]
    assert site.found(repair=True) == [(FindingKind.ROW_WITHOUT_FILE, folder, True)]
    assert site.found() == []
    (gap,) = site.index.gaps(PORCH, EVER)
    assert (gap.begin_ms, gap.end_ms, gap.reason) == (every[4].start_ms, every[4].end_ms, GapReason.UNKNOWN)
    assert site.index.count() == 9
    assert site.index.size_bytes() == sum(one.size_bytes for one in every) - every[4].size_bytes


def test_a_file_that_became_another_is_told(site: Settled) -> None:
    every = site.minutes(10)
    with (site.folder / every[2].path).open("ab") as file:
        file.write(b"more")
    folder = every[2].path.rpartition("/")[0]
    assert site.found() == [(FindingKind.WRONG_SIZE, folder, False)]
    assert site.found(repair=True) == [(FindingKind.WRONG_SIZE, folder, True)]
    assert site.found() == []
    assert site.index.size_bytes() == sum(one.size_bytes for one in every) + 4


def test_a_file_that_came_by_itself_is_not_listed_until_it_is_told(site: Settled) -> None:
    every = site.minutes(10)
    stray = site.put(30 * 60 - 10, listed=False)
    again = site.put(30 * 60 - 3.5, run="run-2", minutes=0.25, listed=False)
    assert list(site.index.all_segments()) == every
    assert sorted(one[0] for one in site.found()) == [FindingKind.FILE_WITHOUT_ROW] * 2
    site.found(repair=True)
    assert site.found() == []
    assert [one.path for one in site.index.all_segments()] == [
        one.path for one in sorted([*every, stray, again], key=lambda one: one.end_ms)
    ]


def test_an_hour_with_more_files_than_a_recorder_makes_keeps_its_rows(
    site: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "MOST_FILES", 4)
    for minute in range(5):
        site.put(30 * 60 - minute)
    site.put(20 * 60)
    site.index.settle(site.clock.now_ms())
    assert [hour.files for hour in site.index.counted()] == [1]
    assert site.index.count() == len(list(site.index.all_segments())) == 6


def test_a_disk_that_is_away_takes_its_segments_along_and_brings_them_back(site: Settled) -> None:
    tier = join(site.volume, site.folder.parent / "tier", VolumeUse.TIER)
    every = site.minutes(10)
    for one in every[:5]:
        (tier.root / one.path).parent.mkdir(parents=True, exist_ok=True)
        (site.folder / one.path).rename(tier.root / one.path)
    assert list(site.index.all_segments()) == every
    assert site.found() == []
    away = tier.root.rename(tier.root.with_name("away"))
    site.index.close()
    site.open(Volume.at(site.folder))
    assert list(site.index.all_segments()) == every[5:]
    assert (site.index.count(), len(site.index.spans(PORCH, None, EVER))) == (10, 1)
    assert [one[2] for one in site.found(repair=True)] == [False]
    Retention(
        site.volume,
        site.index,
        site.ledger,
        site.clock,
        RetentionContract(RetentionRule(max_s=86_400 + 5.5 * 3600, free_share=0.0)),
    ).run()
    assert site.index.count() == 5
    away.rename(tier.root)
    join(site.volume, tier.root, VolumeUse.TIER)
    assert list(site.index.all_segments()) == every[:5]
    assert site.found() == []


def test_a_disk_that_comes_after_the_start_is_counted_once(site: Settled) -> None:
    tier = join(site.volume, site.folder.parent / "tier", VolumeUse.TIER)
    every = site.minutes(10)
    shutil.move(site.folder / PORCH, tier.root / PORCH)
    away = tier.root.rename(tier.root.with_name("away"))
    site.index.close()
    site.open(Volume.at(site.folder))
    assert list(site.index.all_segments()) == []
    away.rename(tier.root)
    folder = parent_of(every[0].path)
    join(site.volume, tier.root, VolumeUse.TIER, lambda volume: _put_in_order(volume, site, folder))
    assert (site.index.count(), list(site.index.all_segments())) == (10, every)
    assert site.found() == []


def _put_in_order(volume: Volume, site: Settled, folder: str) -> None:
    """As the recorder does with what the one before left."""
    put_in_order(volume, site.index, [folder], "found open")


def test_a_spare_takes_recordings_only_when_it_is_in_order(site: Settled) -> None:
    """A file that the recorder has open would be closed."""
    seen: list[tuple[int, int]] = []
    join(
        site.volume,
        site.folder.parent / "spare",
        VolumeUse.SPARE,
        lambda _: seen.append((len(site.volume.others), len(site.volume.spares))),
    )
    assert (seen, len(site.volume.spares)) == ([(1, 0)], 1)


def test_a_disk_that_cannot_be_put_in_order_is_not_used(site: Settled) -> None:
    def fails(_volume: Volume) -> None:
        raise StorageError("tier", "Input/output error")

    with pytest.raises(StorageError):
        join(site.volume, site.folder.parent / "tier", VolumeUse.TIER, fails)
    assert site.volume.others == ()


def test_retention_and_thinning_work_on_what_is_counted(site: Settled) -> None:
    site.record(130)
    site.index.settle(EVER.end_ms)
    recorded = site.index.segments(PORCH, MAIN, EVER)
    assert thin(site.volume, site.index, recorded[0]) is not None
    site.index.settle(EVER.end_ms)
    thinned = site.index.segments(PORCH, MAIN, EVER)
    assert [one.path.endswith(".thin.mp4") for one in thinned] == [True, False, False]
    assert site.found() == []
    site.clock.advance(3600)
    Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(count=1, free_share=0.0))
    ).run()
    assert list(site.index.all_segments()) == thinned[2:]
    assert site.found() == []
    assert site.index.gaps(PORCH, EVER)[0].reason is GapReason.REMOVED


@pytest.mark.parametrize("step", range(16))
@pytest.mark.parametrize("what", ["remove", "thin"])
def test_what_is_interrupted_is_finished_by_the_next_start(
    site: Settled, monkeypatch: pytest.MonkeyPatch, what: str, step: int
) -> None:
    first, *others = site.minutes(3)
    retention = Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(count=2, free_share=0.0))
    )
    _break_at(site, monkeypatch, step)
    try:
        if what == "remove":
            retention.run()
        else:
            thin(site.volume, site.index, first)
        assert step > 4
    except StorageError:
        assert step < 15
    monkeypatch.undo()
    site.index.close()
    site.open(Volume.at(site.folder))
    site.recover(cameras=())
    assert site.found() == []
    site.index.settle(site.clock.now_ms())
    assert site.found() == []
    assert site.index.removing() == []
    listed = site.index.segments(PORCH, MAIN, EVER)
    assert listed[-2:] == others
    assert len(listed) == len(list(site.folder.rglob("*.mp4")))


def _break_at(site: Settled, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """From the call number `step` on, to disk or index, nothing works any more: that is the end of the process."""
    calls = iter(range(1000))

    def breaking(do: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **more: object) -> object:
            if next(calls) >= step:
                raise StorageError("here", "interrupted")
            return do(*given, **more)

        return call

    for part, names in (
        (site.index, ("mark_removing", "drop_segments", "add_segment", "put_gap", "settle")),
        (site.volume.disk, ("make_folder", "create", "rename", "unlink", "sync_folder")),
    ):
        for name in names:
            monkeypatch.setattr(part, name, breaking(getattr(part, name)))


def test_retention_settles_hours_that_are_over(site: Settled) -> None:
    site.put(300)
    site.put(10)
    retention = Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(free_share=0.0))
    )
    retention.run()
    assert [hour.files for hour in site.index.counted()] == [1]
    site.clock.advance(3 * 3600)
    retention.run()
    assert [hour.files for hour in site.index.counted()] == [1, 1]
