"""What people see of what is kept, and change: the plan is what the next run does, and by other rules what it would."""

from dataclasses import replace
from pathlib import Path

import pytest

from tawny.config.changes import retention_to_table
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.engine import InlineEngine
from tawny.model.errors import SettingsError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.recorder import DiskInfo
from tawny.service.retention import retention_service as web
from tawny.service.retention.forecast import FreeSpace
from tawny.service.retention.promises import contract
from tawny.service.retention.retention_service import RetentionService
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.retention.runner import Retention
from tests.storage.bench import MAIN, PORCH, Site, keep_all

DAY_MIN = 24 * 60
FILE = """\
[storage]
retention = { min = "1 days", max = "9 days", min_free = "0 %" }  # mine
[cameras.porch]
source = "demo:"
"""


class Bench:
    def __init__(self, folder: Path) -> None:
        self.site = Site(folder / "data")
        self.file = folder / "tawny.toml"
        self.file.write_text(FILE)
        self.settings: Settings = read_settings(self.file)
        site, kept = self.site, contract(self.settings)
        self.retention = Retention(site.volume, site.index, site.ledger, site.clock, kept)
        engine = InlineEngine(site.clock, lambda _, error: pytest.fail(str(error)))
        self.room = FreeSpace(site.volume, site.index, site.clock, lambda: self.settings, lambda: None, dict)
        self.room.figures = DiskInfo(1, 2, 3, None, 20.0, fits=True, outlook="")
        others = OtherVolumes(site.volume, [], site.index, site.clock, engine, keep_all)
        self.stored = web.StoredRecordings(site.volume, site.index, self.retention, self.room, others, None)
        self.keeping = self.keeping_with(self.file)

    def keeping_with(self, file: Path | None) -> RetentionService:
        changeable = ChangeableSettings(lambda: self.settings, self._apply, file)
        return RetentionService(self.stored, self.site.clock, changeable)

    def _apply(self, new: Settings, _file: str) -> None:
        self.settings = new
        self.retention.set_rules(contract(new))

    def asked(self, **words: object) -> web.RetentionRequest:
        return web.RetentionRequest({**retention_to_table(self.settings.storage.retention), **words}, {})


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setattr(made.room, "rates", lambda: {(PORCH, MAIN): (1000.0, 100.0)})
    monkeypatch.setattr(made.site.volume, "space", lambda: DiskCapacity(50_000, 100_000))
    return made


def test_the_plan_is_what_the_next_run_does(bench: Bench) -> None:
    old = [bench.site.put(days * DAY_MIN) for days in (12, 10)]
    bench.site.put(3 * DAY_MIN)
    plan = bench.keeping.plan(None, 0.0)
    assert [one.segment for one in plan.removals] == old
    done = bench.retention.run()
    assert [one.segment for one in done.removals] == old


def test_other_rules_are_tried_before_they_hold(bench: Bench) -> None:
    rows = [bench.site.put(days * DAY_MIN) for days in (8, 5, 2)]
    event = Event(EventId("e1"), PORCH, "person", rows[0].start_ms, rows[0].end_ms, 50.0, kept=True)
    bench.site.ledger.put_event(event)
    asked = bench.asked(max="4 days")
    tried = bench.keeping.plan(asked, 0.0)
    assert [one.segment for one in tried.removals] == [rows[1]]  # what is locked never goes
    assert bench.keeping.plan(None, 0.0).removals == []
    bench.keeping.change(asked)
    assert [one.segment for one in bench.retention.run().removals] == [rows[1]]
    assert "# mine" in bench.file.read_text()
    assert read_settings(bench.file).storage.retention.max == 4 * 86_400


@pytest.mark.parametrize("has_file", [True, False])
@pytest.mark.parametrize(("words", "stays"), [({}, False), ({"events": "30 days"}, True)])
def test_r3_what_was_shown_is_what_goes_also_of_events(
    bench: Bench, has_file: bool, words: dict[str, str], stays: bool
) -> None:
    """The page sends all values. Of events nothing was chosen until somebody changes it: then they outlast `max`."""
    if not has_file:
        bench.keeping = bench.keeping_with(None)
    row = bench.site.put(8 * DAY_MIN)
    bench.site.ledger.put_event(Event(EventId("e1"), PORCH, "person", row.start_ms, row.end_ms, 50.0))
    asked = bench.asked(max="4 days", **words)
    left = [] if stays else [row]
    assert [one.segment for one in bench.keeping.plan(asked, 0.0).removals] == left
    bench.keeping.change(asked)
    assert [one.segment for one in bench.retention.run().removals] == left


def test_what_goes_tomorrow_is_foreseen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    row = bench.site.put(8.5 * DAY_MIN)
    assert bench.keeping.plan(None, 0.0).removals == []
    assert [one.segment for one in bench.keeping.plan(None, 86_400.0).removals] == [row]
    monkeypatch.setattr(bench.site.volume, "space", lambda: DiskCapacity(3_600_000, 100_000_000))
    older = bench.site.put(8 * DAY_MIN)
    kept = contract(bench.settings)
    bench.retention.set_rules(replace(kept, everyone=replace(kept.everyone, max_s=None)))
    assert bench.keeping.plan(None, 3500.0).removals == []
    assert {one.segment.id for one in bench.keeping.plan(None, 3602.0).removals} <= {row.id, older.id}


def test_a_rate_that_is_not_known_foresees_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the outlook: a young recorder does not say how far back anything goes, or what it deletes for space."""
    bench.site.put(60)
    monkeypatch.setattr(bench.site.volume, "space", lambda: DiskCapacity(3_600_000, 100_000_000))
    asked = bench.asked(min_free="1 %")
    assert bench.keeping.plan(asked, 86_400.0).missing_bytes
    assert bench.keeping.now().cameras[0].fits_s is not None
    bench.room.figures = DiskInfo(1, 2, 3, None, None, None, "")
    assert not bench.keeping.plan(asked, 86_400.0).missing_bytes
    assert bench.keeping.now().cameras[0].fits_s is None


def test_recording_beyond_the_space_limit_takes_no_more_space(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.site.put(60)
    monkeypatch.setattr(bench.site.volume, "space", lambda: DiskCapacity(3_600_000, 100_000_000))
    asked = bench.asked(min_free="1 %", max_size="2 MB")
    assert not bench.keeping.plan(asked, 86_400.0).missing_bytes


def test_rules_that_cannot_be_used_change_nothing(bench: Bench) -> None:
    with pytest.raises(SettingsError):
        bench.keeping.change(bench.asked(min="20 days"))  # longer than max
    assert bench.file.read_text() == FILE
    assert bench.settings.storage.retention.min == 86_400


@pytest.mark.parametrize("has_file", [True, False])
def test_a_change_of_what_has_changed_meanwhile_is_refused(bench: Bench, has_file: bool) -> None:
    keeping = bench.keeping if has_file else bench.keeping_with(None)
    shown, older = keeping.now().request.version, bench.asked()
    keeping.change(bench.asked(max="30 days"), "Ben", shown)
    with pytest.raises(web.RetentionConflict) as refused:
        keeping.change(older, "Anna", shown)
    assert (refused.value.by, bench.settings.storage.retention.max) == ("Ben", 30 * 86_400)
    changed = Settings.model_validate({"storage": {"retention": {"max": "20 days"}}})  # such as in the file
    bench.settings = bench.settings.model_copy(update={"storage": changed.storage})
    with pytest.raises(web.RetentionConflict) as refused:
        keeping.change(older, "Anna", shown)
    assert refused.value.by == ""
    keeping.change(older, "Anna")
    assert bench.settings.storage.retention.max == 9 * 86_400


def test_removed_cameras_are_told_while_recordings_are_left(bench: Bench) -> None:
    gate = CameraId("gate")
    bench.site.put(60, camera=gate, size_bytes=5000)
    left = {"name": "Gate"}
    bench.settings = Settings.model_validate({"removed_cameras": {gate: left, "shed": left}})
    assert bench.keeping.now().removed == {gate: 5000}


def test_it_tells_what_is_kept_and_what_that_takes(bench: Bench) -> None:
    row = bench.site.put(60, size_bytes=7000)
    bench.site.ledger.put_event(Event(EventId("e1"), PORCH, "person", row.start_ms, row.start_ms + 1, 50.0, kept=True))
    now = bench.keeping.now()
    assert now.request.everyone["min"] == "1 day"
    assert (now.locked, now.locked_bytes) == (1, 7000)
    (camera,) = now.cameras
    assert camera.day_bytes == 86_400_000.0
    assert (camera.promised_s, camera.fits_s) == (86_400.0, 9 * 86_400.0)
    (volume,) = now.volumes
    assert (volume.use, volume.free_bytes) == ("first", 50_000)
