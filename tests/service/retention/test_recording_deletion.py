"""Recordings that an owner deletes: half a minute later, unless it is undone."""

import json
import logging
import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.engine import InlineEngine
from tawny.model.errors import DiskFull, FolderUnwritable, NotDone, StorageError, TawnyError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import MotionFigure
from tawny.model.times import Span, stamp
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.retention.recording_deletion import EMPTY_S, DeletionScope, RecordingDeletion, StoredOfCamera
from tawny.service.retention.retention_service import StoredRecordings
from tawny.service.retention.volume_listing import VolumeListing
from tawny.storage.disk.disk import FolderEntry
from tawny.storage.disk.layout import SOUND, event_paths
from tawny.storage.disk.secondary_volumes import VolumeUse, attach_all, join
from tawny.storage.disk.volume import Volume
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.opening import rebuild_index
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.findings import wall_coverage
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.runner import CameraDeletion, Retention
from tests.storage.bench import PORCH, YARD, Site

ZONES = ("", "path", SOUND)
CONTRACT = RetentionContract(RetentionRule(free_share=0.0), {})


class Place:
    """A recorder's disk with an hour of two cameras, and settings that a test changes."""

    def __init__(self, folder: Path) -> None:
        self.site = site = Site(folder)
        self.old, self.new = site.put(60), site.put(1)
        site.put(60, camera=YARD)
        self.retention = Retention(site.volume, site.index, site.ledger, site.clock, CONTRACT)
        parts: Any = None
        self.stored = StoredRecordings(site.volume, site.index, self.retention, parts, parts, None)
        self.settings = Settings()
        self.forgotten: list[CameraId] = []
        self.fails: TawnyError | None = None
        self.deleting = self.reopened()

    def reopened(self) -> RecordingDeletion:
        """After a restart."""
        return RecordingDeletion(self.stored, self.site.clock, lambda: self.settings, self.forget)

    def forget(self, cameras: Collection[CameraId]) -> None:
        if self.fails:
            raise self.fails
        self.forgotten += cameras
        self.settings = Settings()

    def left(self, camera: CameraId = PORCH) -> int:
        return self.site.index.count(camera)

    def removed(self, **values: object) -> None:
        """PORCH was removed now."""
        due = datetime.fromtimestamp(self.site.clock.now_ms() / 1000 + 30, UTC)
        table = {"name": "Porch", "delete_after": due, "deleted_by": "Anna", **values}
        self.settings = Settings.model_validate({"removed_cameras": {PORCH: table}})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_waits_half_a_minute_and_spares_the_rest(place: Place) -> None:
    due_ms = place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    assert due_ms == place.site.clock.now_ms() + 30_000
    place.site.clock.advance(29)
    place.deleting.step()
    assert place.left() == 2
    newer = place.site.put(0.1)
    place.site.clock.advance(1)
    place.deleting.step()
    assert [one.id for one in place.site.index.all_segments() if one.camera == PORCH] == [newer.id]
    assert place.left(YARD) == 1


def test_periodic_snapshots_of_that_time_go_too(place: Place) -> None:
    before_ms, now_ms = place.old.start_ms - 1000, place.site.clock.now_ms()
    paths = [
        f"snapshots/{camera}/2026/11/20/{stamp(at_ms)}.jpg"
        for camera, at_ms in ((PORCH, before_ms), (PORCH, now_ms - 1000), (PORCH, now_ms), (YARD, now_ms - 1000))
    ]
    for path in paths:
        place.site.volume.write_whole(path, b"jpeg")
    place.deleting.delete(DeletionScope([PORCH], Span(place.old.start_ms, now_ms)), "Anna")
    place.site.clock.advance(31)
    place.deleting.step()
    assert [place.site.volume.disk.entry(path) is not None for path in paths] == [True, False, True, True]
    place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    place.site.clock.advance(31)
    place.deleting.step()
    assert [place.site.volume.disk.entry(path) is not None for path in paths] == [False, False, False, True]


def moved(place: Place, camera: CameraId, times: Sequence[int]) -> None:
    """Motion detection stores all that it has, and has written all but the last."""
    scores, grids, figures = place.retention.also.motion
    for number, at_ms in enumerate(times):
        if number == len(times) - 1:
            for each in place.retention.also.motion:
                each.flush()
        for zone in ZONES:
            scores.put(camera, at_ms, 80, zone)
        grids.put(camera, at_ms, 1)
        figures.put(camera, MotionFigure(at_ms, 742.0, 400.0, moves=True, things=()))


def told(place: Place, camera: CameraId, times: Sequence[int]) -> list[set[int]]:
    """What each of them tells of these times, before and after a restart."""
    scores, grids, figures = place.retention.also.motion
    all_of = Span(min(times), max(times) + 1)
    zones = [[at for at in times if scores.read(camera, Span(at, at + 1000), zone) == b"P"] for zone in ZONES]
    found = [set(one) for one in zones]
    found.append({at for at, _ in grids.read(camera, all_of)})
    return [*found, {one.at_ms for one in figures.read(camera, all_of)}]


@pytest.mark.parametrize("is_event", [False, True])
def test_the_motion_of_a_deleted_time_goes_too(place: Place, is_event: bool) -> None:
    """Of the rest of its files too, from the disk and from what waits for it; that of other times stays."""
    begin_ms, end_ms = place.old.start_ms, place.old.end_ms
    put_event(place, "wanted", begin_ms + 20_000)
    gone = [begin_ms, begin_ms + 20_000, begin_ms + 30_000, end_ms - 1000]
    left = [begin_ms - 86_400_000, begin_ms - 1000, end_ms, place.new.start_ms]
    times = [*left, *gone]
    moved(place, PORCH, times)
    moved(place, YARD, times)
    assert told(place, PORCH, times) == [set(times)] * 5
    span = Span(begin_ms + 20_000, begin_ms + 21_000)
    delete(place, DeletionScope(events=(EventId("wanted"),)) if is_event else DeletionScope([PORCH], span))
    assert told(place, PORCH, times) == [set(left)] * 5
    assert told(place, YARD, times) == [set(times)] * 5
    for each in place.retention.also.motion:
        each.flush()
    again = Retention(place.site.volume, place.site.index, place.site.ledger, place.site.clock, CONTRACT)
    place.retention = again
    assert told(place, PORCH, times) == [set(left)] * 5


def test_the_motion_of_kept_events_stays_and_that_without_a_recording_goes(place: Place) -> None:
    put_event(place, "kept", place.old.start_ms, kept=True)
    times = [place.old.start_ms - 90_000_000, place.old.start_ms, place.old.end_ms, place.new.start_ms]
    moved(place, PORCH, times)
    delete(place, DeletionScope([PORCH]))
    assert told(place, PORCH, times) == [{place.old.start_ms}] * 5
    delete(place, DeletionScope([PORCH], with_kept=True))
    assert told(place, PORCH, times) == [set()] * 5


def test_it_can_be_undone_until_then(place: Place) -> None:
    place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    assert place.deleting.cancel(PORCH)
    assert not place.deleting.cancel(PORCH)
    place.site.clock.advance(60)
    place.deleting.step()
    assert place.left() == 2


def test_it_can_not_be_undone_once_it_has_begun(place: Place) -> None:
    """Although it is repeated, as a file of that time is still open: what is gone is gone."""
    begun, _ = place.deleting.delete(DeletionScope([PORCH], Span(place.old.start_ms, place.new.end_ms)), "Anna")
    place.site.clock.advance(30)
    place.deleting.step()
    other, _ = place.deleting.delete(DeletionScope([YARD]), "Anna")
    for deleting in (place.deleting, place.reopened()):
        assert not deleting.cancel(begun)
        assert [deleting.is_too_late(key) for key in (begun, other, "never")] == [True, False, False]
    assert place.deleting.cancel(other)
    place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    place.site.clock.advance(300)
    place.deleting.step()
    assert place.deleting.is_too_late(PORCH)
    place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    assert place.deleting.cancel(PORCH), "another one of the same camera"


def test_what_a_removal_wants_is_done_once_it_is_due_also_after_a_restart(place: Place) -> None:
    place.removed()
    place.deleting.step()
    assert place.left() == 2
    place.site.clock.advance(30)
    place.deleting.step()
    assert place.left() == 0
    (gap,) = {gap.detail for gap in place.site.index.gaps(PORCH, place.old.span)}
    assert gap == "deleted by Anna, with its camera"


def test_a_camera_that_is_back_keeps_its_recordings(place: Place) -> None:
    place.removed()
    cameras = Settings.model_validate({"cameras": {PORCH: {"source": "demo:"}}}).cameras
    place.settings = place.settings.model_copy(update={"cameras": cameras})
    place.site.clock.advance(60)
    place.deleting.step()
    assert place.left() == 2


def test_a_removal_that_keeps_deletes_nothing(place: Place) -> None:
    place.removed(delete_after=None)
    place.site.clock.advance(1_000)
    place.deleting.step()
    assert place.left() == 2


def test_what_failed_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.removed()
    place.site.clock.advance(31)
    right = place.retention.delete_recordings

    def full(_: CameraDeletion) -> bool:
        raise DiskFull("/data", "no space left on device")

    monkeypatch.setattr(place.retention, "delete_recordings", full)
    with pytest.raises(DiskFull):
        place.deleting.step()
    monkeypatch.setattr(place.retention, "delete_recordings", right)
    place.deleting.step()
    assert place.left() == 0


def test_what_is_stored_of_a_camera(place: Place) -> None:
    assert place.deleting.stored(CameraId("none")) == StoredOfCamera(0, 0, None)
    begin_ms = place.old.span.begin_ms
    place.site.ledger.put_event(Event(EventId("e"), PORCH, "motion", begin_ms, begin_ms + 1000, 9.0, kept=True))
    found = place.deleting.stored(PORCH)
    assert found == StoredOfCamera(place.old.size_bytes + place.new.size_bytes, 1, begin_ms)


def put_event(place: Place, name: str, start_ms: int, *, kept: bool = False, end_ms: int | None = 0) -> Event:
    event = Event(EventId(name), PORCH, "motion", start_ms, start_ms + 1000 if end_ms == 0 else end_ms, 9.0, kept=kept)
    place.site.ledger.put_event(event)
    return event


def delete(place: Place, wanted: DeletionScope) -> str:
    key, due_ms = place.deleting.delete(wanted, "Anna")
    assert due_ms == place.site.clock.now_ms() + 30_000
    place.site.clock.advance(30)
    place.deleting.step()
    return key


def test_an_event_goes_with_its_file_and_what_else_is_in_it(place: Place) -> None:
    begin_ms = place.old.start_ms
    put_event(place, "wanted", begin_ms)
    put_event(place, "beside", begin_ms + 30_000)
    put_event(place, "elsewhere", place.new.start_ms)
    wanted = DeletionScope(events=(EventId("wanted"),))
    size = place.deleting.measure(wanted)
    assert (size.bytes, size.files, size.events, size.kept) == (place.old.size_bytes, 1, 2, 0)
    assert (size.from_ms, size.to_ms) == (place.old.start_ms, place.old.end_ms)
    delete(place, wanted)
    assert [one.id for one in place.site.index.all_segments() if one.camera == PORCH] == [place.new.id]
    left = place.site.index.events(Span(0, place.site.clock.now_ms())).events
    assert [one.id for one in left] == ["elsewhere"]
    (gap,) = {gap.detail for gap in place.site.index.gaps(PORCH, place.old.span)}
    assert gap == "deleted by Anna"


def test_an_event_without_a_recording_goes_too(place: Place) -> None:
    put_event(place, "alone", place.old.start_ms - 9_000_000)
    delete(place, DeletionScope(events=(EventId("alone"),)))
    assert place.site.index.event(EventId("alone")) is None
    assert place.left() == 2


@pytest.mark.parametrize("with_kept", [False, True])
def test_kept_events_stay_unless_they_are_wanted(place: Place, with_kept: bool) -> None:
    put_event(place, "kept", place.old.start_ms, kept=True)
    wanted = DeletionScope(events=(EventId("kept"),), with_kept=with_kept)
    size = place.deleting.measure(wanted)
    assert (size.kept, size.kept_bytes) == (1, place.old.size_bytes)
    assert size.bytes == (place.old.size_bytes if with_kept else 0)
    delete(place, wanted)
    assert (place.site.index.event(EventId("kept")) is None) == with_kept
    assert place.left() == (1 if with_kept else 2)


def test_a_time_of_one_camera_takes_whole_files_that_have_some_of_it(place: Place) -> None:
    span = Span(place.old.start_ms + 50_000, place.old.end_ms + 100_000)
    delete(place, DeletionScope([PORCH], span))
    assert (place.left(), place.left(YARD)) == (1, 1)


def test_everything_of_all_cameras_also_of_removed_ones(place: Place) -> None:
    total = sum(one.size_bytes for one in place.site.index.all_segments())
    before_s = wall_coverage(place.site.index, [PORCH, YARD], place.site.clock.now_ms()).unexplained_s
    size = place.deleting.measure(DeletionScope())
    assert (size.bytes, size.files) == (total, 3)
    delete(place, DeletionScope())
    assert list(place.site.index.all_segments()) == []
    assert wall_coverage(place.site.index, [PORCH, YARD], place.site.clock.now_ms()).unexplained_s == before_s


@pytest.mark.parametrize("camera", ["gate", "removed-long-ago"])
def test_everything_includes_the_images_of_a_camera_without_video(place: Place, camera: str) -> None:
    place.settings = Settings.model_validate({"cameras": {"gate": {"source": "demo:"}}})
    image = f"snapshots/{camera}/2026/11/20/{stamp(place.old.start_ms)}.jpg"
    place.site.volume.write_whole(image, b"jpeg")
    total = sum(one.size_bytes for one in place.site.index.all_segments())
    size = place.deleting.measure(DeletionScope())
    assert (size.images, size.files, size.bytes) == (1, 3, total + len(b"jpeg"))
    assert place.deleting.stored(CameraId(camera)).size_bytes == len(b"jpeg")
    delete(place, DeletionScope())
    assert place.site.volume.disk.entry(image) is None


@pytest.mark.parametrize("table", [{"cameras": {"gate": {"source": "demo:gate"}}}, {"removed_cameras": {"gate": {}}}])
def test_everything_includes_the_events_of_a_camera_that_never_had_a_file(place: Place, table: dict[str, Any]) -> None:
    event = Event(EventId("ring"), CameraId("gate"), "doorbell", place.old.start_ms, place.old.end_ms, 9.0)
    place.site.ledger.put_event(event)
    place.settings = Settings.model_validate(table)
    assert place.deleting.measure(DeletionScope()).events == 1
    delete(place, DeletionScope())
    assert place.site.index.event(event.id) is None


def test_an_image_that_two_deleted_events_share_is_measured_once(place: Place) -> None:
    image = f"snapshots/{PORCH}/2026/11/20/{stamp(place.old.start_ms)}.jpg"
    place.site.volume.write_whole(image, b"jpeg")
    events = [put_event(place, name, place.old.start_ms).id for name in ("first", "second")]
    assert place.deleting.measure(DeletionScope(events=events)).images == 1


def test_images_are_looked_for_only_on_the_days_of_what_is_deleted_and_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two years of images take seconds to list."""
    for day in ("2024/11/20", "2026/11/19", "2026/11/20"):
        place.site.volume.write_whole(f"snapshots/{PORCH}/{day}/{day.replace('/', '')}T040000.000Z.jpg", b"jpeg")
    events = [put_event(place, name, place.old.start_ms).id for name in ("first", "second")]
    disk, listed = place.site.volume.disk, list[str]()
    entries = disk.entries

    def noted(folder: str) -> list[FolderEntry]:
        listed.append(folder)
        return entries(folder)

    monkeypatch.setattr(disk, "entries", noted)
    place.deleting.measure(DeletionScope(events=events))
    porch = f"snapshots/{PORCH}"
    assert listed == [porch, f"{porch}/2026", f"{porch}/2026/11", f"{porch}/2026/11/20"]


def test_what_the_index_knows_is_shown_where_the_disk_cannot_be_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(folder: str) -> list[FolderEntry]:
        raise StorageError(folder, "input/output error")

    monkeypatch.setattr(place.site.volume.disk, "entries", unreadable)
    size_bytes = place.old.size_bytes + place.new.size_bytes
    assert place.deleting.stored(PORCH).size_bytes == size_bytes
    assert place.deleting.measure(DeletionScope([PORCH])).bytes == size_bytes


def test_queued_motion_of_a_camera_without_files_goes_too(place: Place) -> None:
    camera, times = CameraId("gate"), [place.old.start_ms]
    moved(place, camera, times)
    delete(place, DeletionScope([camera]))
    assert told(place, camera, times) == [set()] * 5


def test_an_image_of_a_deleted_time_goes_of_a_camera_without_files(place: Place) -> None:
    """Every minute, while its event lasts."""
    ring = Event(EventId("ring"), CameraId("gate"), "doorbell", place.old.start_ms, None, 9.0)
    place.site.ledger.put_event(ring)
    delete(place, DeletionScope([ring.camera]))
    minutes(place, 3)
    place.site.ledger.put_event(replace(ring, picture_ms=ring.start_ms))
    minutes(place, 1)
    assert place.site.index.event(ring.id) == ring


def test_what_was_still_being_recorded_goes_when_its_file_is_closed(place: Place) -> None:
    now_ms = place.site.clock.now_ms()
    delete(place, DeletionScope([PORCH], Span(now_ms - 10_000, now_ms)))
    assert place.left() == 1
    place.site.put(0.6)  # was open: it began before the end of that time
    place.site.clock.advance(120)
    place.deleting.step()
    assert place.left() == 1
    assert place.reopened().measure(DeletionScope([PORCH])).files == 1


@pytest.mark.parametrize("step_s", [-3 * 3600, 3600])
def test_it_waits_as_long_if_the_clock_is_set_meanwhile(place: Place, step_s: int) -> None:
    place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    place.site.clock.jump_utc(step_s)
    for passed_s, left in ((29, 2), (1, 0)):
        place.site.clock.advance(passed_s)
        place.deleting.step()
        assert place.left() == left


@pytest.mark.parametrize("step_s", [-3 * 3600, 3600])
def test_what_is_stored_of_a_removed_camera_waits_as_long_if_the_clock_is_set(place: Place, step_s: int) -> None:
    place.removed()
    place.deleting.step()
    place.site.clock.jump_utc(step_s)
    for passed_s, left in ((29, 2), (1, 0)):
        place.site.clock.advance(passed_s)
        place.deleting.step()
        assert place.left() == left


def test_a_deletion_after_which_the_clock_is_set_back_ends(place: Place) -> None:
    """What is recorded by the clock that is right is of the deleted time, too."""
    place.deleting.delete(DeletionScope(), "Anna")
    place.site.clock.jump_utc(-3 * 3600)
    for passed_s in (30, 120):
        place.site.clock.advance(passed_s)
        place.deleting.step()
    assert place.deleting.step() > 1


def test_a_start_with_a_clock_that_is_behind_deletes_what_waits(place: Place) -> None:
    place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    place.site.clock.jump_utc(-3 * 3600)
    again = place.reopened()
    place.site.clock.advance(120)
    again.step()
    assert place.left() == 0


def test_a_kill_halfway_is_finished_by_the_next_start(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.deleting.delete(DeletionScope(), "Anna")
    place.site.clock.advance(31)
    right, calls = place.retention.delete_recordings, []

    def killed(wanted: CameraDeletion) -> bool:
        calls.append(wanted.camera)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return right(wanted)

    monkeypatch.setattr(place.retention, "delete_recordings", killed)
    with pytest.raises(KeyboardInterrupt):
        place.deleting.step()
    assert len(list(place.site.index.all_segments())) in (1, 2)
    monkeypatch.setattr(place.retention, "delete_recordings", right)
    place.reopened().step()
    assert list(place.site.index.all_segments()) == []
    place.site.clock.advance(121)
    place.reopened().step()
    assert place.reopened().step() > 1, "and it is forgotten then"


def test_it_is_undone_by_its_id_also_after_a_restart(place: Place) -> None:
    key, _ = place.deleting.delete(DeletionScope(), "Anna")
    again = place.reopened()
    assert again.cancel(key)
    assert not again.cancel(key)
    place.site.clock.advance(60)
    place.reopened().step()
    assert place.left() == 2


def test_a_full_disk_delays_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise DiskFull("/data", "no space left on device")

    monkeypatch.setattr(place.site.volume, "write_whole", full)
    delete(place, DeletionScope())
    assert place.left() == 0


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"d1": {}}', b'{"d1": {"due_ms": 1, "parts": [{}], "is_last": 1}}']
)
def test_a_damaged_list_deletes_nothing(place: Place, content: bytes) -> None:
    place.site.volume.write_whole("history/deletions.json", content)
    place.reopened().step()
    assert place.left() == 2


def test_what_cannot_be_deleted_says_why(place: Place) -> None:
    put_event(place, "open", place.new.start_ms, end_ms=None)
    now_ms = place.site.clock.now_ms()
    for wanted, why in (
        (DeletionScope(events=(EventId("none"),)), "Event not found"),
        (DeletionScope(events=(EventId("open"),)), "isn't over"),
        (DeletionScope([PORCH], Span(now_ms + 5, now_ms + 9)), "isn't over"),
    ):
        with pytest.raises(NotDone, match=why):
            place.deleting.delete(wanted, "Anna")


def hours(place: Place, count: int) -> None:
    for _ in range(count):
        place.site.clock.advance(EMPTY_S)
        place.deleting.step()


def test_a_removed_camera_is_forgotten_once_nothing_of_it_is_stored(place: Place) -> None:
    place.removed(delete_after=None)
    hours(place, 3)
    assert place.forgotten == [], "its recordings stay for their retention"
    place.removed(delete_after=datetime.fromtimestamp(place.site.clock.now_ms() / 1000, UTC))
    place.deleting.step()
    assert (place.left(), place.forgotten) == (0, []), "an index that is made again is empty for a while, too"
    place.fails = FolderUnwritable("/etc/tawny", "read-only")
    hours(place, 1)
    place.fails = None
    place.deleting.step()
    assert place.forgotten == [], "tried again later"
    hours(place, 1)
    assert place.forgotten == [PORCH]
    hours(place, 2)
    assert place.forgotten == [PORCH]


def test_a_removed_camera_is_not_forgotten_while_images_of_it_are_stored(place: Place) -> None:
    place.removed(delete_after=datetime.fromtimestamp(place.site.clock.now_ms() / 1000, UTC))
    place.deleting.step()
    image = f"snapshots/{PORCH}/2026/11/20/{stamp(place.old.start_ms)}.jpg"
    place.site.volume.write_whole(image, b"jpeg")
    hours(place, 3)
    assert (place.left(), place.forgotten) == (0, [])
    place.site.volume.disk.unlink(image)
    hours(place, 2)
    assert place.forgotten == [PORCH]


def test_a_removed_camera_is_not_forgotten_while_a_saved_clip_shows_it(place: Place) -> None:
    saved = {PORCH}
    place.deleting.forget_not_while(saved.__contains__)
    place.removed()
    hours(place, 3)
    assert (place.left(), place.forgotten) == (0, [])
    saved.clear()
    hours(place, 2)
    assert place.forgotten == [PORCH]


def test_the_settings_file_forgets_it_and_keeps_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "tawny.toml"
    file.write_text('# mine\n[removed_cameras.porch]\nname = "Porch"\n[removed_cameras.gate] # soon\nname = "Gate"\n')
    applied: list[Settings] = []
    settings = ChangeableSettings(lambda: read_settings(file), lambda new, _: applied.append(new), file)
    settings.forget_removed(["porch", "unknown"])
    assert file.read_text() == '# mine\n[removed_cameras.gate] # soon\nname = "Gate"\n'
    assert list(applied[0].removed_cameras) == ["gate"]
    settings.forget_removed(["gate"])
    assert file.read_text().strip() == "# mine"


def test_others_forget_a_removed_camera_before_the_settings_do(place: Place) -> None:
    told: list[CameraId] = []

    def forget(cameras: Collection[CameraId]) -> None:
        assert place.forgotten == []
        if not told:
            told.append(CameraId("failed"))
            raise StorageError("accounts.db", "it is locked")
        told.extend(cameras)

    place.deleting.forget_before(forget)
    place.removed()
    for _ in range(8):
        place.site.clock.advance(EMPTY_S)
        place.deleting.step()
    assert (told, place.forgotten) == ([CameraId("failed"), PORCH], [PORCH])


def put_long(place: Place, *, end_ms: int | None) -> Event:
    """An event with an image that began in the old recording and goes on after it."""
    begin_ms = place.old.end_ms - 5000
    event = Event(EventId("long"), PORCH, "person", begin_ms, end_ms, 9.0, picture_ms=begin_ms + 1000)
    write_again(place, event)
    return event


def write_again(place: Place, event: Event) -> None:
    """As its watcher does until it ends."""
    for path in event_paths(event):
        place.site.volume.write_whole(path, b"shows it")
    place.site.ledger.put_event(event)


def files_left(place: Place, event: Event) -> int:
    return sum(place.site.volume.disk.entry(path) is not None for path in event_paths(event))


def test_only_events_that_go_are_counted(place: Place) -> None:
    put_event(place, "inside", place.old.start_ms)
    put_event(place, "running", place.old.start_ms, end_ms=None)
    place.site.put(59)
    put_long(place, end_ms=place.old.end_ms + 5000)
    size = place.deleting.measure(DeletionScope([PORCH], place.old.span))
    assert (size.files, size.events) == (1, 1)
    delete(place, DeletionScope([PORCH], place.old.span))
    left = place.site.index.events(Span(0, place.site.clock.now_ms())).events
    assert sorted(one.id for one in left) == ["long", "running"]


def test_an_event_that_two_wanted_events_share_is_counted_once_it_goes(place: Place) -> None:
    place.site.put(59)
    put_event(place, "wanted", place.old.start_ms)
    put_long(place, end_ms=place.old.end_ms + 5000)
    size = place.deleting.measure(DeletionScope(events=(EventId("wanted"), EventId("long"))))
    assert (size.files, size.events) == (2, 2)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_a_running_event_writes_of_a_deleted_time_goes_when_it_has_ended(
    place: Place, *, is_restarted: bool
) -> None:
    event = put_long(place, end_ms=None)
    delete(place, DeletionScope([PORCH], place.old.span))
    newer = place.site.put(58.9)
    place.site.clock.advance(3 * 3600)
    place.deleting.step()
    if is_restarted:
        place.deleting = place.reopened()
    ended = event.ended(newer.end_ms)
    write_again(place, ended)
    if is_restarted:
        place.site.clock.advance(60)
    place.deleting.step()
    assert files_left(place, event) == 0
    assert place.site.index.event(event.id) == replace(ended, picture_ms=None)


def test_a_running_event_does_not_keep_the_open_file_of_a_deleted_time(place: Place) -> None:
    now_ms = place.site.clock.now_ms()
    put_event(place, "running", now_ms - 20_000, end_ms=None)
    put_event(place, "short", now_ms - 20_000, end_ms=None)
    delete(place, DeletionScope([PORCH], Span(now_ms - 10_000, now_ms)))
    place.site.ledger.put_event(Event(EventId("short"), PORCH, "motion", now_ms - 20_000, now_ms, 9.0))
    place.deleting.step()
    place.site.put(0.6)  # was open
    place.site.clock.advance(120)
    place.deleting.step()
    assert place.left() == 1


def test_a_deletion_is_done_once_its_last_running_event_has_ended(place: Place) -> None:
    event = put_long(place, end_ms=None)
    delete(place, DeletionScope([PORCH], place.old.span))
    assert place.deleting.step() == 1.0
    write_again(place, event.ended(place.old.end_ms + 5000))
    place.site.clock.advance(60)
    assert place.deleting.step() > 1
    assert place.reopened().step() > 1


def minutes(place: Place, count: int) -> None:
    for _ in range(count):
        place.site.clock.advance(60)
        place.deleting.step()


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_kept_event_loses_its_star_and_nothing_else_while_another_still_lasts(
    place: Place, *, is_restarted: bool
) -> None:
    kept = put_event(place, "kept", place.old.start_ms + 1000, kept=True)
    put_event(place, "running", place.new.start_ms, end_ms=None)
    delete(place, DeletionScope([PORCH], Span(place.old.start_ms, place.site.clock.now_ms())))
    minutes(place, 3)
    if is_restarted:
        place.deleting = place.reopened()
    unkept = replace(kept, kept=False)
    place.site.ledger.put_event(unkept)
    minutes(place, 3)
    place.site.ledger.put_event(Event(EventId("running"), PORCH, "motion", place.new.start_ms, place.new.end_ms, 9.0))
    minutes(place, 1)
    assert (place.site.index.event(kept.id), place.left()) == (unkept, 1)


def test_a_running_event_that_is_kept_loses_its_star_and_not_its_image(place: Place) -> None:
    event = replace(put_long(place, end_ms=None), kept=True)
    write_again(place, event)
    delete(place, DeletionScope([PORCH], place.old.span))
    minutes(place, 3)
    unkept = replace(event, kept=False)
    place.site.ledger.put_event(unkept)
    minutes(place, 3)
    assert (place.site.index.event(event.id), files_left(place, event), place.left()) == (unkept, 3, 2)


def test_an_image_of_a_deleted_time_goes_every_minute_until_its_event_ends(place: Place) -> None:
    event = put_long(place, end_ms=None)
    delete(place, DeletionScope([PORCH], place.old.span))
    minutes(place, 3)
    write_again(place, event)
    minutes(place, 1)
    assert place.site.index.event(event.id) == replace(event, picture_ms=None)


def test_a_deletion_is_not_told_again_while_an_event_lasts(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    put_long(place, end_ms=None)
    delete(place, DeletionScope([PORCH], place.old.span))
    minutes(place, 3)
    with caplog.at_level(logging.INFO):
        minutes(place, 3)
    assert caplog.messages == []


def test_what_an_earlier_version_stored_is_deleted(place: Place) -> None:
    part = {"camera": PORCH, "until_ms": place.old.end_ms, "why": "deleted by Anna", "with_kept": False}
    part |= {"is_gone": False, "begin_ms": place.old.start_ms, "event": ""}
    stored = {"d1": {"due_ms": place.site.clock.now_ms(), "parts": [part], "is_last": True}}
    place.site.volume.write_whole("history/deletions.json", json.dumps(stored).encode())
    place.reopened().step()
    assert place.left() == 1


def test_an_event_without_video_goes_alone_and_with_the_time_that_it_is_in(place: Place) -> None:
    begin_ms = place.old.start_ms - 3 * 3_600_000
    put_event(place, "short", begin_ms + 1_800_000)
    put_event(place, "hour", begin_ms, end_ms=begin_ms + 3_600_000)

    def goes(wanted: DeletionScope) -> int:
        count = place.deleting.measure(wanted).events
        delete(place, wanted)
        return count

    assert goes(DeletionScope(events=(EventId("short"),))) == 1
    assert place.site.index.event(EventId("short")) is None
    assert place.site.index.event(EventId("hour")) is not None
    assert goes(DeletionScope(cameras=(PORCH,), span=Span(begin_ms, begin_ms + 60_000))) == 0
    assert place.site.index.event(EventId("hour")) is not None
    assert goes(DeletionScope(cameras=(PORCH,), span=Span(begin_ms, begin_ms + 3_600_001))) == 1
    assert place.site.index.event(EventId("hour")) is None


class _Tiered(Place):
    """All of PORCH is on a tier, in settled hours, as two hours after it was moved."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "first")
        site, self.tier = self.site, folder / "tier"
        site.index = SqliteIndex(site.folder / "tawny.db", Catalogue(site.volume))
        for row in (self.old, self.new):
            site.index.add_segment(row)
        site.clock.advance(3 * 3600)
        site.index.settle(site.clock.now_ms())
        site.index.set_volume_listed(join(site.volume, self.tier, VolumeUse.TIER).mark or "")
        shutil.move(site.folder / PORCH, self.tier / PORCH)
        self.site.ledger = type(site.ledger)(site.history, site.index, site.clock)
        self.start()

    def start(self) -> None:
        site = self.site
        site.volume = Volume.at(site.folder)
        attach_all(site.volume)
        site.index.close()
        site.index = SqliteIndex(site.folder / "tawny.db", Catalogue(site.volume))
        site.ledger = type(site.ledger)(site.history, site.index, site.clock)
        self.retention = Retention(site.volume, site.index, site.ledger, site.clock, CONTRACT)
        parts: Any = None
        self.stored = StoredRecordings(site.volume, site.index, self.retention, parts, parts, None)
        self.deleting = self.reopened()

    def make_index_again(self) -> None:
        self.site.index.close()
        (self.site.folder / "tawny.db").unlink()
        rebuild_index(self.site.volume, self.site.history)
        self.start()

    def list_tier(self, steps: int) -> None:
        listing = VolumeListing(self.site.volume.others[0], self.site.index)
        for _ in range(steps):
            listing.step()

    def run(self, seconds: float) -> None:
        self.site.clock.advance(seconds)
        self.deleting.step()

    def files(self) -> int:
        return len(list(self.tier.rglob("*.mp4")))


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_is_on_a_disk_that_is_away_is_deleted_when_it_is_back(tmp_path: Path, *, is_restarted: bool) -> None:
    place = _Tiered(tmp_path)
    away = place.tier.rename(tmp_path / "away")
    place.start()
    everything = DeletionScope([PORCH])
    assert place.deleting.measure(everything).away == (str(place.tier),)
    place.deleting.delete(everything, "Anna")
    place.run(31)
    place.run(120)
    away.rename(place.tier)
    if is_restarted:
        place.start()
    else:
        attach_all(place.site.volume)
    assert place.files() == 2
    place.run(61)
    assert (place.files(), place.left()) == (0, 0)
    assert json.loads(place.site.volume.disk.read("history/deletions.json")) == {}


def test_what_is_listed_after_the_disk_returned_is_deleted(tmp_path: Path) -> None:
    place = _Tiered(tmp_path)
    away = place.tier.rename(tmp_path / "away")
    place.start()
    place.deleting.delete(DeletionScope([PORCH]), "Anna")
    place.run(31)
    place.run(120)
    place.make_index_again()
    away.rename(place.tier)
    attach_all(place.site.volume)
    place.run(61)
    place.list_tier(3)
    assert (place.files(), place.left()) == (2, 2)
    place.run(61)
    assert (place.files(), place.left()) == (0, 0)
    assert json.loads(place.site.volume.disk.read("history/deletions.json")) == {}


@pytest.mark.parametrize("cameras", [[PORCH], []])
def test_a_deletion_takes_what_is_listed_later(tmp_path: Path, cameras: list[CameraId]) -> None:
    place, everything = _Tiered(tmp_path), DeletionScope(cameras)
    away = place.tier.rename(tmp_path / "away")
    place.start()
    place.make_index_again()
    away.rename(place.tier)
    attach_all(place.site.volume)
    assert place.deleting.measure(everything).away == (str(place.tier),)
    place.deleting.delete(everything, "Anna")
    place.run(31)
    place.run(120)
    place.list_tier(3)
    place.run(61)
    assert (place.files(), place.left()) == (0, 0)
    assert place.deleting.measure(everything).away == ()


def test_what_is_listed_shows_for_a_minute_while_the_listing_goes_on(tmp_path: Path) -> None:
    place = _Tiered(tmp_path)
    away = place.tier.rename(tmp_path / "away")
    place.start()
    place.make_index_again()
    away.rename(place.tier)
    attach_all(place.site.volume)
    place.deleting.delete(DeletionScope([PORCH]), "Anna")
    place.run(31)
    place.run(120)
    place.site.index.add_segment(place.old)  # as the listing does, which isn't over yet
    place.run(61)
    assert (place.files(), place.left()) == (1, 0)
    place.list_tier(3)
    place.run(61)
    assert (place.files(), place.left()) == (0, 0)


def test_nothing_is_done_again_while_the_disk_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, asked = _Tiered(tmp_path), list[CameraDeletion]()
    place.tier.rename(tmp_path / "away")
    place.start()
    place.deleting.delete(DeletionScope([PORCH]), "Anna")
    place.run(31)
    place.run(120)
    monkeypatch.setattr(place.retention, "delete_recordings", asked.append)
    place.run(61)
    place.run(61)
    assert asked == []


def test_a_deletion_that_waits_for_a_disk_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, written = _Tiered(tmp_path), list[str]()
    place.tier.rename(tmp_path / "away")
    place.start()
    place.deleting.delete(DeletionScope([PORCH]), "Anna")
    place.run(31)
    place.run(120)
    assert PORCH in place.site.volume.disk.read("history/deletions.json").decode()
    monkeypatch.setattr(Volume, "write_whole", lambda _volume, path, _content: written.append(path))
    for _ in range(5):
        place.run(61)
    assert written == []


def test_a_disk_that_was_given_up_before_this_version_is_not_waited_for(tmp_path: Path) -> None:
    place = _Tiered(tmp_path)
    file = place.site.folder / "history" / "volumes.json"
    file.write_text(file.read_text().replace(', "is_used": true', ""))
    place.tier.rename(tmp_path / "away")
    place.start()
    assert place.deleting.measure(DeletionScope([PORCH])).away == ()
    place.deleting.delete(DeletionScope([PORCH]), "Anna")
    place.run(31)
    place.run(120)
    assert json.loads(place.site.volume.disk.read("history/deletions.json")) == {}


class _AwayMirror:
    """Keeps what it is asked, until it is back."""

    def __init__(self) -> None:
        self.asked: list[CameraDeletion] = []

    def delete_recordings(self, wanted: CameraDeletion) -> None:
        self.asked.append(wanted)

    @property
    def is_deleting(self) -> bool:
        return bool(self.asked)


def test_a_mirror_that_is_away_is_told_again_after_a_restart(place: Place) -> None:
    mirror: Any = _AwayMirror()
    place.stored = replace(place.stored, mirror=mirror)
    place.deleting = place.reopened()
    place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    for _ in range(2):
        place.site.clock.advance(61)
        place.deleting.step()
    assert [one.camera for one in mirror.asked] == [PORCH]
    mirror.asked.clear()  # not in its memory after a restart
    place.deleting = place.reopened()
    place.deleting.start(InlineEngine(place.site.clock, lambda name, error: pytest.fail(f"{name}: {error}")))
    for _ in range(3):
        place.site.clock.advance(61)
        place.deleting.step()
    assert [one.camera for one in mirror.asked] == [PORCH]
    mirror.asked.clear()  # it is back
    place.site.clock.advance(61)
    place.deleting.step()
    assert json.loads(place.site.volume.disk.read("history/deletions.json")) == {}
