"""Recordings that an owner deletes: half a minute later, unless it is undone."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import DiskFull, FolderUnwritable, TawnyError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.retention.recording_deletion import EMPTY_S, RecordingDeletion, StoredOfCamera
from tawny.service.retention.retention_service import StoredRecordings
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.runner import CameraDeletion, Retention
from tests.storage.bench import PORCH, YARD, Site


class Place:
    """A recorder's disk with an hour of two cameras, and settings that a test changes."""

    def __init__(self, folder: Path) -> None:
        self.site = site = Site(folder)
        self.old, self.new = site.put(60), site.put(1)
        site.put(60, camera=YARD)
        contract = RetentionContract(RetentionRule(free_share=0.0), {})
        self.retention = Retention(site.volume, site.index, site.ledger, site.clock, contract)
        parts: Any = None
        stored = StoredRecordings(site.volume, site.index, self.retention, parts, parts, None)
        self.settings = Settings()
        self.forgotten: list[CameraId] = []
        self.fails: TawnyError | None = None
        self.deleting = RecordingDeletion(stored, site.clock, lambda: self.settings, self.forget)

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
    due_ms = place.deleting.ask(PORCH, "Anna", with_kept=False)
    assert due_ms == place.site.clock.now_ms() + 30_000
    place.site.clock.advance(29)
    place.deleting.step()
    assert place.left() == 2
    newer = place.site.put(0.1)
    place.site.clock.advance(1)
    place.deleting.step()
    assert [one.id for one in place.site.index.all_segments() if one.camera == PORCH] == [newer.id]
    assert place.left(YARD) == 1


def test_it_can_be_undone_until_then(place: Place) -> None:
    place.deleting.ask(PORCH, "Anna", with_kept=False)
    assert place.deleting.cancel(PORCH)
    assert not place.deleting.cancel(PORCH)
    place.site.clock.advance(60)
    place.deleting.step()
    assert place.left() == 2


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
    right = place.retention.delete_camera

    def full(_: CameraDeletion) -> bool:
        raise DiskFull("/data", "no space left on device")

    monkeypatch.setattr(place.retention, "delete_camera", full)
    with pytest.raises(DiskFull):
        place.deleting.step()
    monkeypatch.setattr(place.retention, "delete_camera", right)
    place.deleting.step()
    assert place.left() == 0


def test_what_is_stored_of_a_camera(place: Place) -> None:
    assert place.deleting.stored(CameraId("none")) == StoredOfCamera(0, 0, None)
    begin_ms = place.old.span.begin_ms
    place.site.ledger.put_event(Event(EventId("e"), PORCH, "motion", begin_ms, begin_ms + 1000, 9.0, kept=True))
    found = place.deleting.stored(PORCH)
    assert found == StoredOfCamera(place.old.size_bytes + place.new.size_bytes, 1, begin_ms)


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
