"""What the first disk lost or let rot is put back from the mirror, and that is written down."""

import errno
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.media.mp4.segment_reader import read_segment
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.service.health.self_test import SelfTester
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume, copy
from tawny.storage.repair import healing
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import FindingKind
from tawny.storage.repair.healing import Healer, heal, wrong_with
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.segments.detection_files import EventFiles
from tests.storage.bench import PORCH, Site
from tests.support.bad_sector import bad_sector

EVER = Span(0, 1 << 45)


class Mirrored:
    def __init__(self, folder: Path) -> None:
        self.site = Site(folder / "first")
        self.mirror = Mirror(
            self.site.volume,
            self.site.index,
            self.site.clock,
            folder / "second",
            RetentionContract(RetentionRule(free_share=0.0)),
        )

    def run(self) -> None:
        while self.mirror.step() == 0:
            pass

    @property
    def rows(self) -> list[Segment]:
        return self.site.index.segments(PORCH, None, EVER)

    def healed(self) -> list[str]:
        return [str(line.record["path"]) for line in self.site.history.lines() if line.what == "healed"]


@pytest.fixture
def both(tmp_path: Path) -> Mirrored:
    made = Mirrored(tmp_path)
    made.site.record(130)
    made.run()
    return made


def _flip(path: Path) -> bytes:
    """A bit of a picture in the middle; what was there before."""
    before, fragments = path.read_bytes(), read_segment(path).fragments
    middle = fragments[len(fragments) // 2]
    at = middle.offset + middle.size - 1
    path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
    return before


def test_a_file_that_rotted_is_mended_when_it_is_played(both: Mirrored) -> None:
    row = both.rows[0]
    path = both.site.folder / row.path
    before = _flip(path)
    healer = Healer(both.site.volume, both.site.ledger)
    assert healer.sound_path(row.path) == path
    assert path.read_bytes() == before
    assert both.healed() == [row.path]
    _flip(path)  # what was looked at once is not read again
    healer.sound_path(row.path)
    assert both.healed() == [row.path]


def test_two_requests_at_once_mend_a_file_once(both: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    row = both.rows[0]
    path = both.site.folder / row.path
    before = _flip(path)
    healer, played = Healer(both.site.volume, both.site.ledger), list[bytes]()
    second = threading.Thread(target=lambda: played.append(healer.sound_path(row.path).read_bytes()))

    def copy_meanwhile(source: Volume, target: Volume, copied: str) -> int:
        if second.ident is None:
            second.start()
            second.join(0.5)
        return copy(source, target, copied)

    monkeypatch.setattr(healing, "copy", copy_meanwhile)
    played.append(healer.sound_path(row.path).read_bytes())
    second.join(10)
    assert played == [before, before]
    assert both.healed() == [row.path]


@pytest.mark.parametrize("is_attached", [True, False])
def test_a_file_on_a_disk_that_is_away_is_played_from_the_mirror_and_not_copied(
    both: Mirrored, tmp_path: Path, *, is_attached: bool
) -> None:
    site, row = both.site, both.rows[0]
    tier = join(site.volume, tmp_path / "tier", VolumeUse.TIER)
    copy(site.volume, tier, row.path)
    (site.folder / row.path).unlink()
    (tmp_path / "tier").rename(tmp_path / "away")
    others, healer = site.volume.others, Healer(site.volume, site.ledger)
    site.volume.others = others if is_attached else ()
    assert healer.sound_path(row.path) == tmp_path / "second" / row.path
    assert not (site.folder / row.path).exists()
    (tmp_path / "away").rename(tmp_path / "tier")
    site.volume.others = others
    before = _flip(tmp_path / "tier" / row.path)
    assert healer.sound_path(row.path) == tmp_path / "tier" / row.path
    assert (tmp_path / "tier" / row.path).read_bytes() == before, "it is verified when its disk is back"


def test_a_file_on_a_bad_sector_is_mended_when_it_is_played(both: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    row = both.rows[0]
    path = both.site.folder / row.path
    before = path.read_bytes()
    bad_sector(monkeypatch, path)
    assert Healer(both.site.volume, both.site.ledger).sound_path(row.path) == path
    assert path.read_bytes() == before
    assert both.healed() == [row.path]


def test_a_file_is_not_mended_because_too_many_are_open(both: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    row = both.rows[0]
    path = both.site.folder / row.path
    bad_sector(monkeypatch, path, errno.EMFILE)
    assert Healer(both.site.volume, both.site.ledger).sound_path(row.path) == path
    assert both.healed() == []


def test_check_mends_what_rotted_and_what_is_gone(both: Mirrored) -> None:
    first, second, *_ = both.rows
    before = _flip(both.site.folder / first.path)
    (both.site.folder / second.path).unlink()
    site = both.site
    looked = check_volume(site.volume, site.index, site.clock, CheckScope(deep=True, beside_recorder=False))
    assert {(one.what, one.repaired) for one in looked.findings} == {
        (FindingKind.CHANGED, False),
        (FindingKind.ROW_WITHOUT_FILE, False),
    }
    done = check_volume(
        site.volume, site.index, site.clock, CheckScope(deep=True, beside_recorder=False), ledger=site.ledger
    )
    assert all(one.repaired for one in done.findings)
    assert (site.folder / first.path).read_bytes() == before
    assert check_volume(site.volume, site.index, site.clock, CheckScope(deep=True, beside_recorder=False)).ok
    assert both.healed() == [first.path, second.path]


@pytest.mark.parametrize("is_gone", [True, False])
def test_what_was_lost_while_the_mirror_was_away_is_put_back_when_it_is_here(both: Mirrored, *, is_gone: bool) -> None:
    site, row = both.site, both.rows[0]
    path = site.folder / row.path
    before = path.read_bytes()
    path.unlink()
    if not is_gone:
        path.write_bytes(b"\xa7" * 5000)
    copies, site.volume.copies = site.volume.copies, ()
    for attached, repaired in (((), False), (copies, True)):
        site.volume.copies = attached
        (found,) = check_volume(
            site.volume, site.index, site.clock, CheckScope(beside_recorder=False), ledger=site.ledger
        ).findings
        assert (found.path, found.repaired) == (row.path, repaired)
        assert row in both.rows
    assert path.read_bytes() == before
    assert both.healed() == [row.path]
    assert site.index.gaps(PORCH, EVER) == []


def test_what_rotted_on_both_is_left_and_told(both: Mirrored, tmp_path: Path) -> None:
    row = both.rows[0]
    _flip(both.site.folder / row.path)
    rotten = (both.site.folder / row.path).read_bytes()
    _flip(tmp_path / "second" / row.path)
    assert "fragments" in wrong_with(both.site.volume, row.path)
    assert not heal(both.site.volume, both.site.ledger, row.path, "it rotted")
    assert (both.site.folder / row.path).read_bytes() == rotten
    assert both.healed() == []


def test_the_self_test_mends_and_still_tells(both: Mirrored) -> None:
    site = both.site
    for row in both.rows:
        _flip(site.folder / row.path)
    tester = SelfTester(
        site.volume,
        site.index,
        site.clock,
        ZoneInfo("UTC"),
        lambda: [PORCH],
        mend=lambda path, why: heal(site.volume, site.ledger, path, why),
    )
    tester.ask()
    while tester.is_running:
        tester.step()
    (healed,) = both.healed()
    assert healed in {row.path for row in both.rows}
    assert tester.last
    assert "restored from the mirror" in tester.last.problems[-1]


def test_scores_and_pictures_are_mirrored_and_read_from_there(both: Mirrored, tmp_path: Path) -> None:
    site, row = both.site, both.rows[0]
    day = row.path.rpartition("/")[0].rpartition("/")[0]
    for name in ("scores", "scores.path", "grids"):
        (site.folder / day / name).write_bytes(name.encode())
    event = Event(EventId("20261120T050010000-0a1b2c3d"), PORCH, "person", row.start_ms, row.end_ms, 50.0)
    EventFiles(site.volume).write_picture(event, b"picture")
    EventFiles(site.volume).write_loop(event, b"loop")
    EventFiles(site.volume).add_objects(event, b"[1,0,0,0,9,9]\n")
    EventFiles(site.volume).end_objects(event)
    site.ledger.put_event(event)
    both.mirror.finish()
    both.run()
    for name in ("scores", "scores.path", "grids"):
        assert (tmp_path / "second" / day / name).read_bytes() == name.encode()
    site.volume.remove_picture(event)
    assert site.volume.read_picture(event) == b"picture"
    assert site.volume.read_loop(event) == b"loop"
    assert site.volume.read_objects(event) == b"[1,0,0,0,9,9]\n"
