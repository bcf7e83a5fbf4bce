"""A file on a bad sector costs that file: recovery, signing and retention go on with the others."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.errors import StorageError, TooManyFiles
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.layout import is_open
from tawny.storage.disk.volume import Volume
from tawny.storage.disk.volume_walk import walk
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.opening import index_to_write
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import FindingKind
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.runner import Retention, RetentionRule
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.stream.hub import Hub
from tawny.testing.packet_feed import PacketFeed
from tests.storage.bench import MAIN, PORCH, YARD, Site
from tests.support.bad_sector import bad_sector

EVER = Span(0, 1 << 45)
OWNER = Identity.new()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def _no_setting_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def renaming(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        if new.endswith(".damaged"):
            raise OSError(errno.EIO, "Input/output error")
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", renaming)


def _record_sealed(site: Site, seconds: int) -> None:
    """Encrypted files of two cameras in the signed history, left open as after a kill."""
    signed = SignedHistory.opened(site.volume.disk, site.clock.now_ms())
    seals = EpochKeys(signed, site.clock, lambda _: CameraSealing((OWNER.recipient,)))
    engine = InlineEngine(site.clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
    recorder = SegmentRecorder(site.volume, site.index, site.clock, Bus(), seals=seals)
    recorder.start(engine)
    feeds = []
    for camera in (PORCH, YARD):
        hub = Hub()
        recorder.add(camera, MAIN, hub)
        feeds.append(PacketFeed(hub, site.clock, fps=1, gop=4))
    for _ in range(seconds):
        for feed in feeds:
            feed.picture()
        engine.run_for(1)


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("can_set_aside", [True, False])
def test_an_open_file_that_cannot_be_read_does_not_stop_the_start(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, is_sealed: bool, can_set_aside: bool
) -> None:
    if is_sealed:
        _record_sealed(site, 20)
    else:
        site.record(20, stop=False, cameras=(PORCH, YARD))
    (bad,) = (site.folder / "porch").rglob("*.open.*")
    size_bytes = bad.stat().st_size
    bad_sector(monkeypatch, bad)
    if not can_set_aside:
        _no_setting_aside(monkeypatch)
    found = site.recover(cameras=(PORCH, YARD))
    assert [one.path for one in found.reclosed if one.segment is None] == [str(bad.relative_to(site.folder))]
    assert [one.camera for one in site.index.segments(YARD, None, EVER)] == [YARD]
    assert site.index.segments(PORCH, None, EVER) == []
    kept = bad.with_name(f"{bad.name}.damaged") if can_set_aside else bad
    assert kept.stat().st_size == size_bytes


@pytest.mark.parametrize("can_set_aside", [True, False])
def test_check_says_whether_an_open_file_was_set_aside(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, can_set_aside: bool
) -> None:
    site.record(20, stop=False)
    (bad,) = (site.folder / "porch").rglob("*.open.*")
    bad_sector(monkeypatch, bad)
    if not can_set_aside:
        _no_setting_aside(monkeypatch)
    report = check_volume(site.volume, site.index, site.clock, CheckScope(beside_recorder=False), ledger=site.ledger)
    assert [one.repaired for one in report.findings if one.what is FindingKind.LEFT_OPEN] == [can_set_aside]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("is_sealed", [False, True])
def test_check_goes_past_a_closed_file_that_cannot_be_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, deep: bool, is_sealed: bool
) -> None:
    if is_sealed:
        _record_sealed(site, 130)
    else:
        site.record(130, cameras=(PORCH, YARD))
    rows = site.index.segments(PORCH, None, EVER)
    bad = rows[0].path
    bad_sector(monkeypatch, site.folder / bad)
    scope = CheckScope(deep=deep, beside_recorder=False)
    report = check_volume(site.volume, site.index, site.clock, scope, ledger=site.ledger)
    found = {one.path: one for one in report.findings if one.what is not FindingKind.LEFT_OPEN}
    assert (found[bad].what, found[bad].detail) == (FindingKind.DAMAGED, "can't be read: Input/output error")
    assert not found[bad].repaired
    assert [path for path in found if path.startswith("yard")] == []
    assert rows[0] in site.index.segments(PORCH, None, EVER)


def test_check_passes_over_a_file_that_is_removed_meanwhile(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.record(130, cameras=(PORCH, YARD))
    gone = site.index.segments(YARD, None, EVER)[-1]

    def removing(count: int) -> None:
        if count == 1:
            site.index.drop_segments([gone])
            (site.folder / gone.path).unlink(missing_ok=True)

    monkeypatch.setattr("tawny.storage.repair.check.walk", lambda volume: list(walk(volume)))
    report = check_volume(site.volume, site.index, site.clock, ledger=None, progress=removing)
    assert report.findings == []


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_file_is_not_set_aside_because_too_many_are_open(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, is_sealed: bool
) -> None:
    if is_sealed:
        _record_sealed(site, 20)
    else:
        site.record(20, stop=False)
    (path,) = (site.folder / "porch").rglob("*.open.*")
    bad_sector(monkeypatch, path, errno.EMFILE)
    with pytest.raises(TooManyFiles):
        site.recover()
    assert path.exists()


def test_a_closed_file_without_a_row_that_cannot_be_read_does_not_stop_the_start(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.record(130, cameras=(PORCH, YARD))
    bad, other = site.index.segments(PORCH, None, EVER)[0], site.index.segments(YARD, None, EVER)[0]
    site.index.drop_segments([bad, other])
    for one in (bad, other):
        site.volume.open_folders.enter(one.path.rpartition("/")[0])
    bad_sector(monkeypatch, site.folder / bad.path)
    found = site.recover(cameras=(PORCH, YARD))
    assert found.listed == 1
    assert [error.where for error in found.damaged] == [str(site.folder / bad.path)]
    assert other in site.index.segments(YARD, None, EVER)
    assert (site.folder / bad.path).stat().st_size == bad.size_bytes


def test_the_index_is_rebuilt_without_a_file_that_cannot_be_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.record(130, cameras=(PORCH, YARD))
    bad, *others = site.index.all_segments()
    bad_sector(monkeypatch, site.folder / bad.path)
    with closing(index_to_write(site.volume, site.history)) as index:
        assert list(index.all_segments()) == others
    assert f"skipped {bad.path}" in caplog.text


def test_the_index_is_not_rebuilt_without_files_because_too_many_are_open(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.record(130)
    bad_sector(monkeypatch, site.folder / next(iter(site.index.all_segments())).path, errno.EMFILE)
    with pytest.raises(TooManyFiles):
        index_to_write(site.volume, site.history)


def test_a_signed_file_that_cannot_be_read_does_not_stop_the_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _record_sealed(site, 130)
    signed = SignedHistory.opened(site.volume.disk, site.clock.now_ms())
    site.volume = Volume(site.volume.disk, signed)
    (bad, *_) = (one for one in site.index.segments(PORCH, None, EVER) if not is_open(one))
    bad_sector(monkeypatch, site.folder / bad.path)
    found = site.recover(cameras=(PORCH, YARD))
    assert [one.segment.camera for one in found.reclosed if one.segment is not None] == [PORCH, YARD]
    assert (site.folder / bad.path).stat().st_size == bad.size_bytes
    assert signed.state(site.clock.now_ms())


def _three_to_remove(site: Site, monkeypatch: pytest.MonkeyPatch) -> tuple[Retention, list[Segment]]:
    """Closed files in a signed history that are larger than what retention keeps."""
    _record_sealed(site, 250)
    site.volume = Volume(site.volume.disk, SignedHistory.opened(site.volume.disk, site.clock.now_ms()))
    site.recover(cameras=(PORCH, YARD))
    site.clock.advance(7200)
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(50_000_000, 100_000_000))
    oldest = list(site.index.all_segments())[:3]
    most_bytes = sum(one.size_bytes for one in site.index.all_segments()) - sum(one.size_bytes for one in oldest)
    contract = RetentionContract(RetentionRule(free_share=0.0, size_bytes=most_bytes))
    return Retention(site.volume, site.index, site.ledger, site.clock, contract), oldest


def test_a_file_that_cannot_be_read_is_removed_when_its_time_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    retention, oldest = _three_to_remove(site, monkeypatch)
    bad_sector(monkeypatch, site.folder / oldest[0].path)
    retention.run()
    assert [one for one in oldest if (site.folder / one.path).exists()] == []
    assert [one for one in site.index.all_segments() if one in oldest] == []


def test_a_file_that_cannot_be_unlinked_does_not_keep_the_others(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    retention, oldest = _three_to_remove(site, monkeypatch)
    stuck, unlink = oldest[0], os.unlink
    number = (site.folder / stuck.path).stat().st_ino

    def unlinking(name: str, *, dir_fd: int) -> None:
        if os.stat(name, dir_fd=dir_fd).st_ino == number:
            raise OSError(errno.EIO, "Input/output error")
        unlink(name, dir_fd=dir_fd)

    with monkeypatch.context() as broken:
        broken.setattr(os, "unlink", unlinking)
        with pytest.raises(StorageError):
            retention.run()
        assert [one for one in oldest if (site.folder / one.path).exists()] == [stuck]
        assert site.index.removing() == [stuck]
        assert site.recover(cameras=(PORCH, YARD)).removed == 0, "and it does not stop the next start"
    assert site.recover(cameras=(PORCH, YARD)).removed == 1
    assert not (site.folder / stuck.path).exists()
