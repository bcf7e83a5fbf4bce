"""The first disk is not there at the start: the spare stands in, and all of that is taken over when it is back."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tawny.app import program
from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings, read_settings
from tawny.config.settings import Settings
from tawny.engine import InlineEngine
from tawny.model.errors import DiskFull, DiskMissing, StorageError
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.observations import MotionFigure
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span, SystemClock, missing_spans
from tawny.service.health.checks import IndexWatch
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.service.sealing.policy import DiskSealedExport
from tawny.service.storage_setup import VolumeChoice
from tawny.storage.disk.failover import fail_over, move_back
from tawny.storage.disk.layout import event_paths, keys_path, picture_path, scores_path, sealed_path
from tawny.storage.disk.secondary_volumes import VolumeUse, attach_all, join
from tawny.storage.disk.volume import DiskGone, Volume, copy
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.opening import index_to_read
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.retention.removal import drop_event
from tawny.storage.segments.detection_files import UNKNOWN, EventFiles, MotionFigures, MotionGrids, MotionScoreFile
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.waiting import until
from tests.app.rig import EVER
from tests.faults.child import CAMERA, Film
from tests.storage.bench import PORCH, Site, break_reads, keep_all
from tests.support.dead_disk import DEATHS, dead

CLOCK = SystemClock()


def _settings(spare: Path) -> Settings:
    text = f'storage.spare = "{spare}"\nstorage.retention.min_free = "0 %"\n'
    text += f'[cameras.{CAMERA}]\nsource = "film:"\ndetection.detector = "off"\n'
    made, problems = parse_settings(text, {})
    assert made is not None, problems
    return made


@pytest.fixture
def plugins() -> Iterator[PluginRegistry]:
    yield PluginRegistry({"film": Film(list(made_clip(ClipSpec(seconds=20.0)).packets), 20.0)}, {})


def _live(running: RecorderRuntime, cause: str) -> None:
    running.begin()
    running.begin_housekeeping()
    try:
        until(lambda: running.open_segments(CAMERA), 60, "something is durable")
    finally:
        running.close(cause)


def test_what_was_recorded_meanwhile_is_part_of_all_when_the_disk_is_back(
    tmp_path: Path, plugins: PluginRegistry
) -> None:
    first, spare, chosen = tmp_path / "first", tmp_path / "spare", _settings(tmp_path / "spare")
    _live(RecorderRuntime.open(chosen, first, CLOCK, plugins), "person")
    meanwhile = RecorderRuntime.open(program.standing_in(chosen, spare), spare, CLOCK, plugins, stands_for=first)
    assert any("is missing. Recording to" in one.message for one in meanwhile.warnings())
    _live(meanwhile, "disk")
    assert (spare / "tawny.db").exists()
    again = RecorderRuntime.open(chosen, first, CLOCK, plugins)
    again.close("person")
    assert not (spare / "tawny.db").exists()
    volume = Volume.at(first)
    assert attach_all(volume) == []
    with index_to_read(first) as index:
        rows = index.segments(CAMERA, None, EVER)
        report = check_volume(volume, index, CLOCK, CheckScope(deep=True, with_wall=True, beside_recorder=False))
        gaps = index.gaps(CAMERA, EVER)
    assert [(first / row.path).is_file() for row in rows] == [True, False]
    assert report.findings == []
    assert {gap.reason for gap in gaps} == {GapReason.RECORDER_OFF}
    assert [gap.detail for gap in gaps if gap.detail == "its disk was not there"]
    whole = Span(rows[0].start_ms, rows[-1].end_ms)
    assert missing_spans([*(row.span for row in rows), *(gap.span(0) for gap in gaps)], whole) == []


def test_without_a_spare_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    chosen = _settings(tmp_path / "spare").model_copy(update={"storage": Settings().storage})
    with pytest.raises(DiskMissing) as raised:
        program.record(chosen, tmp_path / "first", lambda *_: None, why_missing=lambda _: "no disk is mounted there")
    assert raised.value.exit_code == 36
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", DEATHS)
def test_a_main_disk_that_is_gone_while_it_is_mounted_is_called_that(tmp_path: Path, kind: str) -> None:
    first = tmp_path / "first"
    first.mkdir()
    chosen = _settings(tmp_path / "spare").model_copy(update={"storage": Settings().storage})
    with dead(first, kind), pytest.raises(DiskGone, match=f"The disk at {first} doesn't answer"):
        program.record(chosen, first, lambda *_: None, why_missing=lambda _: "")


def test_the_spare_stands_in_for_a_main_disk_that_is_gone_while_it_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, spare = tmp_path / "first", tmp_path / "spare"
    first.mkdir()
    (spare / "history").mkdir(parents=True)
    (spare / "history" / "volume").write_text("mark")
    ran, mounted = list[tuple[Path, bool]](), ExitStack()

    class Ran:
        """A program that runs until the disk is back."""

        def __init__(self, _settings: Settings, folder: Path, **more: Any) -> None:
            self.came_back = self.restarts = False
            self._folder, self._until = folder, more.get("until", lambda: False)

        def run(self, _tell: object) -> None:
            is_early = self._until()
            mounted.close()
            self.came_back = self._until()
            ran.append((self._folder, is_early))

    monkeypatch.setattr(program, "Program", Ran)
    with mounted:
        mounted.enter_context(dead(first, "calls"))
        program.record(_settings(spare), first, lambda *_: None, why_missing=lambda _: "")
    assert ran == [(spare, False), (first, False)]


def test_a_main_disk_behind_a_symbolic_link_is_asked_where_it_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mountinfo lists no links: a disk that hung would never be asked again after another mount."""
    link, spare = tmp_path / "link", tmp_path / "spare"
    (tmp_path / "first").mkdir()
    link.symlink_to(tmp_path / "first")
    (spare / "history").mkdir(parents=True)
    (spare / "history" / "volume").write_text("mark")
    asked, away = list[Path](), [True]

    class Ran:
        """A program that runs until the disk is back."""

        def __init__(self, *_: object, **more: Any) -> None:
            self.restarts, self._until = False, more.get("until", lambda: False)

        def run(self, _show: object) -> None:
            away[0] = False
            self.came_back = self._until()

    monkeypatch.setattr(program, "Program", Ran)
    monkeypatch.setattr(program, "mounted_at", asked.append)
    program.record(
        _settings(spare), link, lambda *_: None, why_missing=lambda at: "away" if away[0] and at == link else ""
    )
    assert asked == [tmp_path / "first"]


HUNG = """
import os, signal, sys, threading
from pathlib import Path
from tawny.app import program
from tawny.config.loader import parse_settings

class Unused:
    def is_due(self):
        return False

program.LOOK_EVERY_S, program.UnusedMemory = 0.05, Unused
program.find_library_pages = program.return_unused_memory = lambda *_: None  # slow on a busy machine
settings, _ = parse_settings('[web]\\nlisten = "127.0.0.1:0"', {})
asked, other = threading.Event(), []
def until():
    other.append(threading.current_thread().name)
    asked.set()
    threading.Event().wait()
def end():
    asked.wait()
    os.kill(os.getpid(), signal.SIGTERM)
def show(*_):
    threading.Thread(target=end, daemon=True).start()
program.Program(settings, Path(sys.argv[1]), stands_for=Path(sys.argv[2]), until=until).run(show)
print("ended", *other, flush=True)
os._exit(0)
"""
"""A recorder on the fallback disk, which is stopped while the main disk hangs."""


def test_a_main_disk_that_hangs_holds_up_no_stop(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HUNG, str(tmp_path / "spare"), str(tmp_path / "first")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.communicate(timeout=60)[0] == "ended main disk\n"
        finally:
            child.kill()


def test_what_objects_look_like_is_not_written_into_an_empty_mount_point(tmp_path: Path) -> None:
    """That database is opened late, when the disk may be gone."""
    folder, gone = tmp_path / "disk", tmp_path / "gone"
    running = RecorderRuntime.open(Settings(), folder, CLOCK, PluginRegistry({}, {}))
    folder.rename(gone)
    folder.mkdir()
    with pytest.raises(StorageError, match="the disk that should be there is not"):
        running.appearance.search().looks(EVER)
    assert list(folder.iterdir()) == []
    folder.rmdir()
    gone.rename(folder)
    running.close("person")


def test_a_spare_that_was_never_one_is_not_taken_for_it(tmp_path: Path) -> None:
    chosen = _settings(tmp_path / "spare")
    (tmp_path / "spare").mkdir()
    with pytest.raises(DiskMissing):
        program.record(chosen, tmp_path / "first", lambda *_: None, why_missing=lambda _: "it is away")


@pytest.mark.parametrize("kind", DEATHS)
def test_a_spare_that_is_gone_while_it_is_mounted_is_not_taken_for_one(tmp_path: Path, kind: str) -> None:
    (tmp_path / "spare").mkdir()
    with dead(tmp_path / "spare", kind), pytest.raises(DiskMissing):
        program.record(
            _settings(tmp_path / "spare"), tmp_path / "first", lambda *_: None, why_missing=lambda _: "it is away"
        )


def test_nobody_from_outside_is_let_in_where_nobody_could_sign_in(tmp_path: Path) -> None:
    chosen = _settings(tmp_path).model_copy(
        update={"web": Settings().web.model_copy(update={"listen": "0.0.0.0:8000"})}
    )
    assert program.standing_in(chosen, tmp_path).web.listen == "127.0.0.1:8000"
    (tmp_path / "accounts.db").touch()
    assert program.standing_in(chosen, tmp_path).web.listen == "0.0.0.0:8000"


def test_it_goes_back_by_itself_with_the_settings_as_they_are_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare, file = tmp_path / "spare", tmp_path / "tawny.toml"
    (spare / "history").mkdir(parents=True)
    (spare / "history" / "volume").write_text("mark")
    file.write_text(f'[storage]\nspare = "{spare}"\n[cameras.door]\nsource = "film:"\n')
    away, ran = [True], list[tuple[Path, Path | None, int]]()

    class Ran:
        """A program that runs until the disk is back."""

        def __init__(self, settings: Settings, folder: Path, **more: Any) -> None:
            self.came_back = self.restarts = False
            self._until = more.get("until", lambda: False)
            ran.append((folder, more.get("stands_for"), len(settings.cameras)))

        def run(self, _tell: object) -> None:
            file.write_text(file.read_text() + '[cameras.yard]\nsource = "film:"\n')
            away[0] = False
            self.came_back = self._until()

    monkeypatch.setattr(program, "Program", Ran)
    first = tmp_path / "first"
    program.record(
        read_settings(file),
        first,
        lambda *_: None,
        config=file,
        why_missing=lambda at: "away" if away[0] and at == first else "",
    )
    assert ran == [(spare, first, 1), (first, None, 2)]


def test_it_starts_again_on_the_spare_for_a_new_index_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spare = tmp_path / "spare"
    (spare / "history").mkdir(parents=True)
    (spare / "history" / "volume").write_text("mark")
    watches: list[IndexWatch] = []

    class Ran:
        """A program whose index is damaged in its first run."""

        def __init__(self, *_: object, index_watch: IndexWatch, **_more: object) -> None:
            watches.append(index_watch)
            self.came_back, self.restarts = False, len(watches) == 1

        def run(self, _tell: object) -> None:
            """Nothing is recorded."""

    monkeypatch.setattr(program, "Program", Ran)
    first = tmp_path / "first"
    program.record(_settings(spare), first, lambda *_: None, why_missing=lambda at: "away" if at == first else "")
    assert len(watches) == 2
    assert watches[0] is watches[1]  # which keeps to once an hour


class _Meanwhile:
    """A main disk with what its last day has, and a spare that stood in for it and recorded an event."""

    def __init__(self, folder: Path) -> None:
        self.site, self.stood_in = Site(folder / "first"), Site(folder / "spare")
        fail_over(self.stood_in.volume, self.site.clock.now_ms() - 600_000)
        self.spare = join(self.site.volume, folder / "spare", VolumeUse.SPARE)
        at_ms = self.stood_in.put(5).start_ms
        self.event = Event(EventId("e1"), PORCH, "person", at_ms, at_ms + 1000, 50.0, picture_ms=at_ms)
        self.stood_in.ledger.put_event(self.event)
        files = EventFiles(self.stood_in.volume)
        files.write_picture(self.event, b"picture")
        files.write_loop(self.event, b"loop")
        self.engine: InlineEngine | None = None
        self.use = VolumeUse.SPARE

    def move_back(self) -> None:
        """As at a start, before recording."""
        move_back(self.site.volume, self.site.index, self.site.ledger, [PORCH], self.site.clock.now_ms())

    def is_refused_at_first(self) -> None:
        """A start at which the main disk is full."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self.site.history, "write", _full)
            self.move_back()
            self.run(60)

    def run(self, seconds: float) -> None:
        if self.engine is None:
            self.engine = InlineEngine(self.site.clock, lambda name, error: pytest.fail(f"{name}: {error}"))
            is_former = self.use is not VolumeUse.SPARE
            chosen = [VolumeChoice(self.spare.root, self.use, volume=self.spare, is_former=is_former)]
            OtherVolumes(self.site.volume, chosen, self.site.index, self.site.clock, self.engine, keep_all).start()
        self.engine.run_for(seconds)

    def images(self, disk: str) -> list[str]:
        return sorted(path.name for path in (self.spare.root.parent / disk).rglob("*.jpg"))


def test_images_of_events_move_to_the_main_disk(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    volume, event = meanwhile.site.volume, meanwhile.event
    snapshot = f"snapshots/{PORCH}/2026/11/20/20261120T045500.000Z.jpg"
    meanwhile.spare.write_whole(snapshot, b"hourly")
    meanwhile.move_back()
    meanwhile.run(60)
    assert meanwhile.site.index.event(event.id) == event
    assert (volume.read_picture(event), volume.read_loop(event)) == (b"picture", b"loop")
    assert volume.disk.read(snapshot) == b"hourly"
    assert list(meanwhile.spare.root.rglob("*.jpg")) == []


def test_what_is_stored_of_a_day_is_one_with_that_of_the_main_disk(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    before, after = meanwhile.site, meanwhile.stood_in
    at_ms = meanwhile.event.start_ms
    for site, second_ms, number in ((before, at_ms - 60_000, 1.0), (after, at_ms, 2.0)):
        scores, grids = MotionScoreFile(site.volume, site.clock), MotionGrids(site.volume, site.clock)
        figures = MotionFigures(site.volume, site.clock)
        scores.put(PORCH, second_ms, 40)
        grids.put(PORCH, second_ms, 0b101)
        figures.put(PORCH, MotionFigure(second_ms, number, 1.0, True, ()))
        for stored in (scores, grids, figures):
            stored.flush()
    meanwhile.move_back()
    scores, grids = MotionScoreFile(before.volume, before.clock), MotionGrids(before.volume, before.clock)
    span = Span(at_ms - 60_000, at_ms + 1000)
    assert scores.read(PORCH, span) == bytes([40, *[UNKNOWN] * 59, 40])
    assert grids.read(PORCH, span) == [(at_ms - 60_000, 0b101), (at_ms, 0b101)]
    assert [one.number for one in MotionFigures(before.volume, before.clock).read(PORCH, span)] == [1.0, 2.0]
    assert not (meanwhile.spare.root / scores_path(PORCH, at_ms)).exists()


def test_recording_does_not_wait_for_images_which_are_shown_from_the_fallback_disk(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    meanwhile.move_back()
    assert meanwhile.images("first") == []
    assert meanwhile.site.volume.read_picture(meanwhile.event) == b"picture"


def test_an_encrypted_image_is_uploaded_from_the_fallback_disk(tmp_path: Path) -> None:
    meanwhile, unused = _Meanwhile(tmp_path), cast("Any", None)
    meanwhile.spare.write_whole(sealed_path(picture_path(meanwhile.event)), b"sealed")
    meanwhile.move_back()
    export = DiskSealedExport(meanwhile.site.volume, unused, unused)
    assert export.sealed_picture(meanwhile.event) == b"sealed"


def _full(*_: object) -> int:
    raise DiskFull("first")


def test_a_full_main_disk_gets_the_images_an_hour_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile = _Meanwhile(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("tawny.storage.disk.failover.copy", _full)
        meanwhile.move_back()
        meanwhile.run(60)
    assert meanwhile.images("first") == []
    meanwhile.run(3600)
    assert meanwhile.images("first") == ["e1.jpg", "e1.loop.jpg"]
    assert not (meanwhile.spare.root / "history" / "moving").exists()


def test_what_a_full_main_disk_refuses_is_imported_at_the_next_start(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    meanwhile.is_refused_at_first()
    meanwhile.site.ledger = HistoryLedger(meanwhile.site.history, meanwhile.site.index, meanwhile.site.clock)
    meanwhile.move_back()
    meanwhile.run(3600)
    assert meanwhile.site.index.event(meanwhile.event.id) == meanwhile.event
    assert (meanwhile.images("first"), meanwhile.images("spare")) == (["e1.jpg", "e1.loop.jpg"], [])


def test_images_wait_until_all_events_are_imported_also_after_an_earlier_failover(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    (meanwhile.spare.root / "history" / "moving").touch()
    meanwhile.is_refused_at_first()
    assert meanwhile.images("spare") == ["e1.jpg", "e1.loop.jpg"]


def test_an_event_that_is_deleted_before_the_import_is_repeated_stays_deleted(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    meanwhile.is_refused_at_first()
    assert meanwhile.site.ledger.flush()
    drop_event(meanwhile.site.volume, meanwhile.site.ledger, meanwhile.event)
    meanwhile.move_back()
    assert meanwhile.site.index.event(meanwhile.event.id) is None
    assert not (meanwhile.spare.root / "history" / "standing-in").exists()


def test_images_that_are_deleted_before_they_moved_do_not_come_back(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    meanwhile.move_back()
    meanwhile.site.volume.remove_event_files(event_paths(meanwhile.event), "deleted by Anna")
    meanwhile.run(60)
    assert (meanwhile.images("first"), meanwhile.images("spare")) == ([], [])


def test_a_snapshot_that_is_deleted_while_the_fallback_disk_is_away_does_not_come_back(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    meanwhile.move_back()
    meanwhile.site.ledger.put_event(replace(meanwhile.event, picture_ms=None))
    meanwhile.run(60)
    assert (meanwhile.images("first"), meanwhile.images("spare")) == (["e1.loop.jpg"], [])


def test_keys_that_a_full_main_disk_refuses_are_copied_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile = _Meanwhile(tmp_path)
    keys = keys_path(PORCH, meanwhile.event.start_ms)
    meanwhile.spare.write_whole(keys, b"ring\n")
    with monkeypatch.context() as patched:
        patched.setattr("tawny.storage.disk.failover.copy_keys", _full)
        meanwhile.move_back()
        meanwhile.run(60)
    assert (meanwhile.spare.root / "history" / "moving").exists()
    meanwhile.run(3600)
    assert meanwhile.site.volume.disk.read(keys) == b"ring\n"
    assert not (meanwhile.spare.root / "history" / "moving").exists()


def test_images_move_also_from_a_disk_that_is_no_longer_the_fallback_disk(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    site, event = meanwhile.site, meanwhile.event
    meanwhile.move_back()
    site.volume.spares = ()
    scores = scores_path(PORCH, event.start_ms)
    meanwhile.spare.write_whole(scores, b"scores")
    meanwhile.move_back()
    assert (site.volume.read_picture(event), site.volume.disk.read(scores)) == (b"picture", b"scores")
    meanwhile.use = VolumeUse.TIER
    meanwhile.run(60)
    assert (meanwhile.images("first"), meanwhile.images("spare")) == (["e1.jpg", "e1.loop.jpg"], [])


def test_an_event_that_is_deleted_before_its_images_moved_stays_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = _Meanwhile(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("tawny.storage.disk.failover.copy", _full)
        meanwhile.move_back()
    drop_event(meanwhile.site.volume, meanwhile.site.ledger, meanwhile.event)
    meanwhile.move_back()
    meanwhile.run(60)
    assert meanwhile.site.index.event(meanwhile.event.id) is None
    assert (meanwhile.images("first"), meanwhile.images("spare")) == ([], [])


def test_an_event_that_is_deleted_during_the_move_has_no_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = _Meanwhile(tmp_path)

    def slow(source: Volume, target: Volume, path: str) -> int:
        size_bytes = copy(source, target, path)
        meanwhile.site.ledger.drop_event(meanwhile.event.id)
        return size_bytes

    meanwhile.move_back()
    monkeypatch.setattr("tawny.storage.disk.failover.copy", slow)
    meanwhile.run(60)
    assert (meanwhile.images("first"), meanwhile.images("spare")) == ([], [])


def test_a_file_that_can_not_be_moved_stays_until_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile = _Meanwhile(tmp_path)
    at_ms = meanwhile.event.start_ms
    for site, second_ms in ((meanwhile.site, at_ms - 60_000), (meanwhile.stood_in, at_ms)):
        scores = MotionScoreFile(site.volume, site.clock)
        scores.put(PORCH, second_ms, 40)
        scores.flush()
    stays = meanwhile.spare.root / scores_path(PORCH, at_ms)
    with monkeypatch.context() as patched:
        break_reads(patched, meanwhile.site.volume.disk, scores_path(PORCH, at_ms))
        meanwhile.move_back()
    meanwhile.run(60)
    assert stays.exists()
    meanwhile.move_back()
    assert not stays.exists()
    meanwhile.run(3600)
    assert not (meanwhile.spare.root / "history" / "moving").exists()


def test_a_file_in_the_place_of_a_folder_keeps_no_other_image_from_its_place(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    (tmp_path / "first" / "snapshots").write_text("")
    meanwhile.spare.write_whole(f"snapshots/{PORCH}/2026/11/20/20261120T045500.000Z.jpg", b"hourly")
    meanwhile.move_back()
    meanwhile.run(60)
    assert meanwhile.images("first") == ["e1.jpg", "e1.loop.jpg"]
    assert meanwhile.images("spare") == ["20261120T045500.000Z.jpg"]


def _gaps(meanwhile: _Meanwhile) -> list[tuple[GapReason, str]]:
    return [(one.reason, one.detail) for one in meanwhile.site.index.gaps(PORCH, EVER)]


def test_an_import_that_is_repeated_explains_the_outage_and_undoes_nothing(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    begin_ms = meanwhile.event.start_ms + 200_000
    meanwhile.stood_in.ledger.put_gap(Gap(PORCH, begin_ms, begin_ms + 30_000, GapReason.UNREACHABLE, "away"))
    meanwhile.site.put(30)
    meanwhile.is_refused_at_first()
    assert _gaps(meanwhile) == []
    meanwhile.site.ledger.put_gap(Gap(PORCH, begin_ms, begin_ms + 30_000, GapReason.FILLED, "from the card"))
    meanwhile.move_back()
    assert (GapReason.RECORDER_OFF, "its disk was not there") in _gaps(meanwhile)
    assert [one for one in _gaps(meanwhile) if one[0] is not GapReason.RECORDER_OFF] == [
        (GapReason.FILLED, "from the card")
    ]


def test_a_disk_that_is_no_longer_the_fallback_disk_is_imported_too(tmp_path: Path) -> None:
    meanwhile = _Meanwhile(tmp_path)
    meanwhile.site.volume.spares = ()
    meanwhile.use = VolumeUse.TIER
    meanwhile.move_back()
    meanwhile.run(60)
    assert meanwhile.site.index.event(meanwhile.event.id) == meanwhile.event
    assert meanwhile.images("first") == ["e1.jpg", "e1.loop.jpg"]


def test_an_archive_disk_without_a_failover_is_not_asked_for_images(tmp_path: Path) -> None:
    site = Site(tmp_path / "first")
    tier = join(site.volume, tmp_path / "tier", VolumeUse.TIER)
    event = Event(EventId("e1"), PORCH, "person", 1_795_150_500_000, 1_795_150_501_000, 50.0)
    EventFiles(tier).write_picture(event, b"of another time")
    assert site.volume.read_picture(event) is None
    site.volume.remove_picture(event)
    assert tier.read_picture(event) is not None
