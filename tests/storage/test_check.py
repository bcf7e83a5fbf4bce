"""Whatever is wrong with a folder is found, and what can be is repaired; nothing that plays is lost by it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tawny.media.mp4.segment_reader import read_segment
from tawny.model.damage import DamagedSpan, DamageSum
from tawny.model.errors import StorageError
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span
from tawny.sealed.header import HEADER_BYTES, MAGIC, VERSION
from tawny.storage.disk.layout import SegmentName
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume, copy
from tawny.storage.index.opening import rebuild
from tawny.storage.repair import check
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import CheckReport, FindingKind, wall_coverage
from tests.storage.bench import MAIN, PORCH, SUB, YARD, Site

EVER = Span(0, 1 << 45)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    for minutes_ago in (3, 2, 1):
        made.put(minutes_ago)
    return made


def _check(
    site: Site, *, repair: bool = False, deep: bool = False, beside: bool = False, with_wall: bool = True
) -> CheckReport:
    ledger = site.ledger if repair else None
    return check_volume(
        site.volume,
        site.index,
        site.clock,
        CheckScope(deep=deep, with_wall=with_wall, beside_recorder=beside),
        ledger=ledger,
    )


def _found(report: CheckReport) -> list[FindingKind]:
    return [finding.what for finding in report.findings]


def _segments(site: Site) -> list[Segment]:
    return site.index.segments(PORCH, None, EVER)


def test_all_is_well(site: Site) -> None:
    report = _check(site, deep=True)
    assert report.ok
    assert report.segments == 3
    assert report.seconds == 180
    assert report.wall is not None
    assert report.wall.recorded_s == 180
    assert report.wall.unexplained_s == 0


def _lose_row(site: Site, segment: Segment) -> None:
    site.index.drop_segments([segment])


def _lose_file(site: Site, segment: Segment) -> None:
    (site.folder / segment.path).unlink()


def _grow(site: Site, segment: Segment) -> None:
    with (site.folder / segment.path).open("ab") as file:
        file.write(bytes(100))


def _empty(site: Site, segment: Segment) -> None:
    (site.folder / segment.path).write_bytes(b"")


def _zero(site: Site, segment: Segment) -> None:
    (site.folder / segment.path).write_bytes(bytes(segment.size_bytes))


def _garble(site: Site, segment: Segment) -> None:
    (site.folder / segment.path).write_bytes(b"\xa7" * segment.size_bytes)


def _exchange(site: Site, segment: Segment) -> None:
    other = next(one for one in _segments(site) if one != segment)
    (site.folder / segment.path).write_bytes((site.folder / other.path).read_bytes()[: segment.size_bytes])


def _link(site: Site, segment: Segment) -> None:
    (site.folder / segment.path).parent.joinpath("20261120T050000.000Z.main.open.mp4").symlink_to("/etc/passwd")


def _foreign(site: Site, segment: Segment) -> None:
    (site.folder / segment.path).with_name("holiday.mp4").write_bytes(b"sun")


@pytest.mark.parametrize(
    ("harm", "what", "after"),
    [
        (_lose_row, FindingKind.FILE_WITHOUT_ROW, []),
        (_lose_file, FindingKind.ROW_WITHOUT_FILE, []),
        (_grow, FindingKind.WRONG_SIZE, []),
        (_empty, FindingKind.EMPTY, []),
        (_zero, FindingKind.ZEROS, []),
        (_garble, FindingKind.DAMAGED, []),
        (_exchange, FindingKind.WRONG_NAME, [FindingKind.WRONG_NAME]),
        (_link, FindingKind.LINK, [FindingKind.LINK]),
        (_foreign, FindingKind.FOREIGN, [FindingKind.FOREIGN]),
    ],
)
def test_harm_is_found_and_repaired_as_far_as_can_be(
    site: Site, harm: Callable[[Site, Segment], None], what: FindingKind, after: list[FindingKind]
) -> None:
    harm(site, _segments(site)[1])
    found = [one for one in _found(_check(site)) if one is not FindingKind.UNEXPLAINED]
    assert found == [what]
    repaired = [one.repaired for one in _check(site, repair=True).findings if one.what is what]
    assert repaired == [not after], "repaired means that the next check doesn't find it"
    last = _check(site)
    assert _found(last) == after
    assert last.wall is not None
    assert last.wall.unexplained_s == 0
    assert last.wall.recorded_s + last.wall.explained_s == 180


def test_time_whose_file_is_gone_is_written_down(site: Site) -> None:
    segment = _segments(site)[1]
    _lose_file(site, segment)
    _check(site, repair=True)
    assert site.index.gaps(PORCH, EVER) == [
        Gap(PORCH, segment.start_ms, segment.end_ms, GapReason.UNKNOWN, "its file is gone")
    ]


def test_what_was_left_open_is_closed(site: Site) -> None:
    site.record(10, stop=False)
    assert _found(_check(site)) == [FindingKind.LEFT_OPEN]
    report = _check(site, repair=True, with_wall=False)
    assert [finding.repaired for finding in report.findings] == [True]
    assert _check(site, with_wall=False).ok
    assert len(_segments(site)) == 4


def test_beside_a_recorder_its_open_files_are_left_alone(site: Site) -> None:
    site.record(10, stop=False)
    (path,) = site.folder.rglob("*.open.mp4")
    assert _check(site, repair=True, beside=True).ok
    assert path.exists()


@pytest.mark.parametrize(
    ("beside", "ended_s_ago", "found"),
    [
        (True, 0, []),
        (True, 59, []),
        (True, 61, [FindingKind.FILE_WITHOUT_ROW]),
        (False, 0, [FindingKind.FILE_WITHOUT_ROW]),
    ],
)
def test_a_file_that_a_recorder_has_just_finished_may_wait_for_its_row(
    site: Site, beside: bool, ended_s_ago: float, found: list[FindingKind]
) -> None:
    site.put(ended_s_ago / 60 + 0.25, minutes=0.25, camera=YARD, listed=False)
    assert _found(_check(site, beside=beside, with_wall=False)) == found


def test_beside_a_recorder_no_row_is_dropped(site: Site) -> None:
    _lose_file(site, _segments(site)[1])
    report = _check(site, repair=True, beside=True)
    assert [(one.what, one.repaired) for one in report.findings] == [(FindingKind.ROW_WITHOUT_FILE, False)]
    assert len(_segments(site)) == 3


def test_a_recorder_is_noticed_by_its_lock(site: Site) -> None:
    site.record(10, stop=False)
    lock = site.volume.lock(site.clock)
    assert check_volume(site.volume, site.index, site.clock).ok
    lock.release()
    assert not check_volume(site.volume, site.index, site.clock).ok


def test_rot_inside_is_found_by_reading_all(site: Site) -> None:
    site.clock.advance(0.001)
    site.record(10)
    segment = _segments(site)[-1]
    path = site.folder / segment.path
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    report = _check(site, repair=True, deep=True, with_wall=False)
    assert [(one.what, one.repaired) for one in report.findings] == [(FindingKind.TORN, False)]
    assert segment in _segments(site)


def test_a_hole_in_time_is_found(site: Site) -> None:
    begin_ms = site.clock.now_ms()
    site.clock.advance(60)
    site.record(5)
    report = _check(site)
    assert _found(report) == [FindingKind.UNEXPLAINED]
    assert report.wall is not None
    hole = report.wall.unexplained[0][1]
    assert hole.end_ms == begin_ms + 60_000
    site.index.put_gap(Gap(PORCH, hole.begin_ms, hole.end_ms, GapReason.STALLED))
    assert _check(site).ok


def test_damage_is_counted_and_is_no_finding(site: Site) -> None:
    begin_ms = _segments(site)[0].start_ms + 100
    site.ledger.put_damage(
        [
            DamagedSpan(PORCH, stream, begin_ms + at, begin_ms + at + 500, 1, 4)
            for stream in (MAIN, SUB)
            for at in (0, 900)
        ]
    )
    report = check_volume(site.volume, site.index, site.clock)
    assert report.ok
    assert report.damage == {PORCH: DamageSum(4, 2.0, 4, 16)}


def test_pictures_and_scores_belong_there(site: Site) -> None:
    folder = site.folder / _segments(site)[0].path.rpartition("/")[0]
    (folder / "20261120T050000000-ab12cd34.jpg").write_bytes(b"jpeg")
    (folder.parent / "scores").write_bytes(b"\xff" * 86_400)
    assert _check(site).ok


def test_progress_is_told(site: Site) -> None:
    counts: list[int] = []
    check_volume(site.volume, site.index, site.clock, progress=counts.append)
    assert counts == [1, 2, 3]


def test_the_wall_counts_each_second_once(site: Site) -> None:
    now_ms = site.clock.now_ms()
    site.index.put_gap(Gap(PORCH, now_ms - 60_000, now_ms + 60_000, GapReason.DISK_ERROR))
    site.index.put_gap(Gap(YARD, now_ms - 5000, None, GapReason.OFF))
    result = wall_coverage(site.index, [PORCH, YARD], now_ms + 30_000)
    covered_s = (now_ms + 30_000 - _segments(site)[0].start_ms) / 1000
    assert result.recorded_s + result.explained_s == pytest.approx(covered_s + 35)
    assert result.unexplained_s == 0


def _set_aside(site: Site) -> list[str]:
    return sorted(str(path.relative_to(site.folder)) for path in site.folder.rglob("*.damaged*"))


@pytest.mark.parametrize("harm", [_empty, _zero, _garble])
@pytest.mark.parametrize("listed", [True, False])
def test_what_has_nothing_to_play_is_set_aside_once(
    site: Site, harm: Callable[[Site, Segment], None], *, listed: bool
) -> None:
    segment = _segments(site)[1]
    harm(site, segment)
    content = (site.folder / segment.path).read_bytes()
    if not listed:
        _lose_row(site, segment)
    report = _check(site, repair=True)
    assert [one.repaired for one in report.findings if one.what is not FindingKind.UNEXPLAINED] == [True]
    assert _set_aside(site) == [f"{segment.path}.damaged"] == list(report.set_aside)
    assert (site.folder / f"{segment.path}.damaged").read_bytes() == content, "other programs may find something in it"
    for deep in (False, True):
        later = _check(site, repair=deep, deep=deep)
        assert later.ok
        assert list(later.set_aside) == [f"{segment.path}.damaged"]
    assert site.index.gaps(PORCH, EVER) == [
        Gap(PORCH, segment.start_ms, segment.end_ms, GapReason.UNKNOWN, "its file is damaged")
    ]


def test_an_index_is_made_again_without_what_was_set_aside(site: Site) -> None:
    segment = _segments(site)[1]
    _garble(site, segment)
    _check(site, repair=True)
    site.forget_index()
    assert rebuild(site.volume, site.index, site.history).left_out == []
    assert _check(site).ok


def test_nothing_that_was_set_aside_is_replaced(site: Site) -> None:
    segment = _segments(site)[1]
    for times in (1, 2):
        (site.folder / segment.path).write_bytes(b"\xa7" * (100 * times))
        assert [one.repaired for one in _check(site, repair=True).findings] == [True]
    kept = [f"{segment.path}.damaged", f"{segment.path}.damaged.damaged"]
    assert [(site.folder / path).stat().st_size for path in kept] == [100, 200]
    assert list(_check(site).set_aside) == kept


def test_beside_a_recorder_and_without_repair_nothing_is_set_aside(site: Site) -> None:
    _garble(site, _segments(site)[1])
    for repair, beside in ((True, True), (False, False)):
        report = _check(site, repair=repair, beside=beside)
        assert [(one.what, one.repaired) for one in report.findings] == [(FindingKind.DAMAGED, False)]
    assert _set_aside(site) == []


def test_a_file_that_may_play_as_another_is_left_for_a_person(site: Site) -> None:
    segment = _segments(site)[1]
    _exchange(site, segment)
    for _ in range(2):
        found = [one for one in _check(site, repair=True).findings if one.what is FindingKind.WRONG_NAME]
        assert [(one.path, one.repaired) for one in found] == [(segment.path, False)]
    assert _set_aside(site) == []


def test_a_whole_copy_on_another_disk_takes_the_place_of_a_damaged_file(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tier = join(site.volume, tmp_path_factory.mktemp("tier"), VolumeUse.TIER)
    segment = _segments(site)[1]
    copy(site.volume, tier, segment.path)
    _garble(site, segment)
    _check(site, repair=True)
    assert _check(site, deep=True).ok
    assert segment in _segments(site)
    assert site.index.gaps(PORCH, EVER) == []


def test_a_disk_that_refuses_keeps_the_finding(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(old: str, new: str) -> None:
        raise StorageError(new, "Read-only file system")

    _garble(site, _segments(site)[1])
    monkeypatch.setattr(site.volume.disk, "rename", refuse)
    report = _check(site, repair=True, with_wall=False)
    assert [(one.what, one.repaired) for one in report.findings] == [(FindingKind.DAMAGED, False)]


def _mistake_itself(path: Path) -> None:
    """Change one byte of tawny's own box: it is read, and says nothing."""
    path.write_bytes(path.read_bytes().replace(b'"start_ms"', b'"sTart_ms"', 1))


def _break_its_box(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'{"camera"', b'\xff"camera"', 1))


def _lose_header(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(b"\xa7" * read_segment(path).init_bytes + data[read_segment(path).init_bytes :])


def _lose_first_block(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(bytes(4096) + data[4096:])


@pytest.mark.parametrize("harm", [_mistake_itself, _break_its_box, _lose_header, _lose_first_block])
@pytest.mark.parametrize("deep", [False, True])
def test_a_damaged_file_with_video_in_it_keeps_its_name_and_row(
    tmp_path: Path, harm: Callable[[Path], None], *, deep: bool
) -> None:
    site = Site(tmp_path)
    site.record(130)
    segment = _segments(site)[0]
    harm(site.folder / segment.path)
    for _ in range(2):
        (found,) = _check(site, repair=True, deep=deep, with_wall=False).findings
        assert (found.what, found.path, found.repaired) == (FindingKind.DAMAGED, segment.path, False)
        assert found.detail.endswith("; kept, because there is video in it")
    assert _set_aside(site) == []
    assert segment in _segments(site)
    assert site.index.gaps(PORCH, EVER) == []


def test_headers_without_their_video_are_nothing_to_play(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.record(60)
    segment = _segments(site)[0]
    path = site.folder / segment.path
    data = bytearray(path.read_bytes())
    for one in read_segment(path).fragments:
        begin = data.index(b"mdat", one.offset) + 4
        data[begin : one.offset + one.size] = bytes(one.offset + one.size - begin)
    path.write_bytes(b"\xa7" * 100 + data[100:])
    assert [one.repaired for one in _check(site, repair=True, with_wall=False).findings] == [True]
    assert _set_aside(site) == [f"{segment.path}.damaged"]


@pytest.mark.parametrize(
    ("version", "is_whole", "is_kept"), [(VERSION + 1, True, True), (VERSION, True, False), (VERSION + 1, False, False)]
)
def test_an_encrypted_file_of_another_version_is_left_as_it_is(
    site: Site, version: int, *, is_whole: bool, is_kept: bool
) -> None:
    begin_ms = _segments(site)[0].start_ms - 600_000
    name = SegmentName(PORCH, MAIN, begin_ms, None, is_sealed=True).closed(begin_ms + 60_000)
    path = site.folder / name.path
    path.parent.mkdir(parents=True, exist_ok=True)
    magic = MAGIC if is_whole else MAGIC[::-1]
    path.write_bytes(magic + bytes([version]) + b"\1" * HEADER_BYTES + b"cipher" * 1000)
    (found,) = _check(site, repair=True, with_wall=False).findings
    assert found.repaired is not is_kept
    assert path.exists() is is_kept
    assert found.detail.endswith("another version of tawny may read it") is is_kept


def test_a_whole_copy_on_another_disk_takes_the_place_of_one_with_video_left(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = Site(tmp_path)
    site.record(130)
    tier = join(site.volume, tmp_path_factory.mktemp("tier"), VolumeUse.TIER)
    segment = _segments(site)[0]
    copy(site.volume, tier, segment.path)
    _mistake_itself(site.folder / segment.path)
    _check(site, repair=True)
    assert _set_aside(site) == [f"{segment.path}.damaged"]
    assert _check(site, deep=True).ok
    assert segment in _segments(site)


@pytest.mark.parametrize("use", [VolumeUse.TIER, VolumeUse.MIRROR])
@pytest.mark.parametrize("harm", [_empty, _zero, _garble, _exchange])
def test_while_a_disk_that_may_have_a_copy_is_away_nothing_is_set_aside(
    site: Site, tmp_path_factory: pytest.TempPathFactory, harm: Callable[[Site, Segment], None], use: VolumeUse
) -> None:
    other = join(site.volume, tmp_path_factory.mktemp("other"), use)
    copies, others, segment = site.volume.copies, site.volume.others, _segments(site)[1]
    harm(site, segment)
    site.volume.copies = site.volume.others = ()
    (found,) = _check(site, repair=True).findings
    assert not found.repaired
    assert found.path == segment.path
    assert found.detail.endswith(f"connected: {other.root}")
    assert ("mirror" in found.detail) is (use is VolumeUse.MIRROR)
    assert _set_aside(site) == []
    assert segment in _segments(site)
    assert site.index.gaps(PORCH, EVER) == []
    site.volume.copies, site.volume.others = copies, others
    assert _check(site, repair=True).findings[0].repaired is (harm is not _exchange)


def test_a_bad_sector_behind_the_header_sets_nothing_aside(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(volume: Volume, path: str) -> str:
        raise StorageError(path, "Input/output error")

    _garble(site, _segments(site)[1])
    monkeypatch.setattr(check, "use_of", refuse)
    (found,) = _check(site, repair=True, with_wall=False).findings
    assert (found.what, found.repaired) == (FindingKind.DAMAGED, False)
    assert found.detail.endswith("can't be read: Input/output error")
    assert _set_aside(site) == []
