"""Destinations as the settings have them: tried out, paused, in their hours, and swept."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from tawny.config.settings import CameraSettings, Settings
from tawny.config.targets import DestinationSettings
from tawny.delivery.courier import open_in_s
from tawny.delivery.delivery import DeliveryKind, DeliveryState, ReceivedAccess
from tawny.delivery.destination import RemoteFile
from tawny.delivery.destinations.folder import OpenFolder
from tawny.delivery.witness_files import witness_path
from tawny.engine import InlineEngine, ThreadEngine
from tawny.model.errors import ContentGone, DiskFull, IndexDamaged, SettingsError, StorageError, TargetRefused
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.messages import EventChanged
from tawny.model.times import Span, utc_from_text
from tawny.sealed.statements import Witness
from tawny.service.backup.restored_outbox import OUTBOX
from tawny.service.delivery.delivery_service import DeliveryService, budget_bytes
from tawny.service.delivery.event_forms import RECORDING_GONE, SEALED_PICTURE, SEALED_RECORDING
from tawny.service.delivery.uploads import SWEEP_AGAIN_S, SWEEP_FIRST_S, UNSWEPT_APART_S
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.index.sqlite_file import SmallDb
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.api.fakes import FakeRecorder
from tests.app.rig import settings
from tests.contracts.index import NOON, segment
from tests.delivery.carried import PORCH, clip, delivery

BERLIN = ZoneInfo("Europe/Berlin")
OLD = "porch/2026/07/01/20260701T055812345-1a2b3c4d.mp4"


class Bench:
    def __init__(self, root: Path, more: str = "", *, is_inline: bool = False, where: Path | str = ":memory:") -> None:
        self.nas, self.clock = root / "nas", FakeClock()
        self.nas.mkdir(exist_ok=True)
        text = f'[destinations.nas]\nurl = "folder:{self.nas}"\n{more}\n'
        self.recorder = FakeRecorder(root, self.clock)
        self.inline = InlineEngine(self.clock, lambda part, error: None)
        self.outward = DeliveryService(
            settings(text),
            where,
            self.recorder,
            PluginRegistry.opened(),
            self.clock,
            self.inline if is_inline else ThreadEngine(self.clock, lambda part, error: None),
        )
        self.outward.uploads.take_over(settings(text).destinations, {})

    def put(self, name: str) -> Path:
        path = self.nas / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a clip")
        return path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, 'retention = "90 days"')
    yield made
    made.outward.close()


def test_without_a_disk_a_start_gives_no_number_of_the_last_one(bench: Bench) -> None:
    assert bench.outward.outbox.number("nas", "a") > bench.clock.now_ms() // 1000


@pytest.mark.parametrize(("recorded_s", "is_raised"), [(-60, True), (1, False), (86_400, True)])
def test_counters_of_a_lost_queue_are_raised_where_a_recorder_has_recorded_before(
    tmp_path: Path, recorded_s: int, *, is_raised: bool
) -> None:
    """As after the damaged `outbox.db` was renamed by hand. At the first start, cameras record before this is made.

    What is recorded later than now is of before this start, too: the clock is behind.
    """
    clock = FakeClock()
    recorder, engine = FakeRecorder(tmp_path, clock), InlineEngine(clock, lambda part, error: None)
    recorder.index.add_segment(segment((recorder.started_ms - NOON) // 1000 + recorded_s))
    clock.advance(3600)
    made = DeliveryService(settings(""), tmp_path / OUTBOX, recorder, PluginRegistry.opened(), clock, engine)
    assert made.outbox.number("nas", "a") == (clock.now_ms() // 1000 if is_raised else 0) + 1
    made.close()


def test_counters_of_a_lost_queue_are_raised_while_the_index_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    recorder, engine = FakeRecorder(tmp_path, clock), InlineEngine(clock, lambda part, error: None)
    monkeypatch.setattr(recorder.index, "bounds", Mock(side_effect=IndexDamaged("tawny.db")))
    made = DeliveryService(settings(""), tmp_path / OUTBOX, recorder, PluginRegistry.opened(), clock, engine)
    assert made.outbox.number("nas", "a") == clock.now_ms() // 1000 + 1
    made.close()


@pytest.mark.parametrize(("since_start_s", "arrives"), [(2, True), (-2, False)])
def test_a_new_target_gets_what_happened_since_the_recorder_started(
    tmp_path: Path, since_start_s: int, *, arrives: bool
) -> None:
    """Cameras record before deliveries are loaded, some seconds on a slow computer."""
    bench = Bench(tmp_path)
    start_ms = bench.recorder.started_ms + since_start_s * 1000
    bench.clock.advance(8)
    event = Event(EventId("early"), PORCH, "person", start_ms, start_ms + 500, 50.0)
    bench.recorder.index.put_event(replace(event, picture_ms=start_ms, level="alert"))
    later = replace(event, id=EventId("later"), start_ms=bench.recorder.started_ms + 4000, end_ms=bench.clock.now_ms())
    bench.recorder.index.put_event(replace(later, picture_ms=later.start_ms, level="alert"))
    bench.outward.pause("nas", paused=True)
    bench.outward.start()

    def queued() -> set[EventId | None]:
        return {one.event for one in bench.outward.outbox.since("nas", 0)}

    until(lambda: len(queued()) == 1 + arrives)
    bench.outward.stop()
    assert queued() == {"later"} | ({"early"} if arrives else set())
    bench.outward.close()


def test_parts_stay_of_what_a_clip_does_not_have_because_the_picture_changed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, is_inline=True)
    event = Event(EventId("e"), PORCH, "person", bench.clock.now_ms(), None, 50.0)
    bench.recorder.record(event.start_ms - 10_000, seconds=10)
    bench.outward.start()
    bench.recorder.index.put_event(event)
    bench.recorder.bus.publish(EventChanged("started", event))
    for part in range(3):
        size = (128, 80) if part else None
        bench.recorder.record(event.start_ms + part * 6_000, seconds=6, size=size)
        bench.inline.run_for(6)
    over = event.ended(event.start_ms + 12_000)
    bench.recorder.index.put_event(over)
    bench.recorder.bus.publish(EventChanged("ended", over))
    bench.inline.run_for(120)
    left = sorted(one.name.partition(".")[2] for one in bench.nas.rglob("*.mp4"))
    assert left == ["002.mp4", "003.mp4", "mp4"]
    bench.outward.close()


def test_what_waits_is_dropped_once_nothing_of_it_is_recorded_any_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not what another recording still has something of, a message, or what is being sent."""
    bench = Bench(tmp_path, is_inline=True)
    index, outbox = bench.recorder.index, bench.outward.outbox
    gone, stays = segment(0), segment(60)
    index.add_segment(stays)

    def waits(name: str, what: DeliveryKind, span: Span, **about: Any) -> None:
        named = {"to": "nas", "size_bytes": 1000, "camera": gone.camera, "needs": span}
        outbox.add([delivery(name, what, span.begin_ms, **(named | about))])

    both = Span(gone.start_ms, stays.end_ms)
    waits("taken.mp4", DeliveryKind.PIECE, gone.span)
    assert outbox.take("nas")
    waits("gone.mp4", DeliveryKind.CLIP, gone.span)
    waits("partly.mp4", DeliveryKind.CLIP, both)
    waits("file.mp4", DeliveryKind.FOOTAGE, gone.span, content={"segment": gone.id})
    waits("other.mp4", DeliveryKind.FOOTAGE, stays.span, content={"segment": stays.id})
    waits("message", DeliveryKind.MESSAGE, gone.span)
    waits("phone.mp4", DeliveryKind.CLIP, gone.span, to="phone")
    bench.outward.drop_unrecorded([gone])
    dropped = [one for one in outbox.since("nas", 0) if one.state is DeliveryState.DROPPED]
    assert {(one.name, one.why) for one in dropped} == {
        (name, "Nothing left to send to nas: its recording was deleted.") for name in ("gone.mp4", "file.mp4")
    }
    assert (outbox.waiting("nas").size_bytes, outbox.waiting("phone").count) == (4000, 1)
    assert outbox.overflowed(0) == {}
    assert "dropped 2 that waited for nas: their recordings were deleted" in caplog.text
    bench.outward.close()


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_given_up_because_it_is_encrypted_is_trouble_of_its_destination_for_a_day(
    tmp_path: Path, count: int
) -> None:
    bench = Bench(tmp_path, is_inline=True)
    bench.outward.start()
    outbox = bench.outward.outbox
    for number in range(count):
        outbox.add([delivery(f"{number}.mp4", DeliveryKind.CLIP, 0, to="nas")])
    outbox.add([delivery("deleted.mp4", DeliveryKind.CLIP, 0, to="nas")])
    details = [*[SEALED_RECORDING, SEALED_PICTURE][:count], RECORDING_GONE]
    for one, detail in zip(outbox.since("nas", 0), details, strict=True):
        outbox.drop(one, ContentGone("nas", detail).message)
    many = "1 file was" if count == 1 else "2 files were"
    (problem,) = bench.outward.troubles()
    assert problem.detail.startswith(f"Within the last day, {many} not sent to nas, because")
    (listed,) = [one["trouble"] for one in bench.outward.overview() if one["name"] == "nas"]
    assert listed == problem.detail
    bench.clock.advance(86_401)
    assert (bench.outward.troubles(), bench.outward.overview()[0]["trouble"]) == ([], "")
    bench.outward.close()


def test_a_queue_that_cannot_be_read_does_not_stop_a_removal(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bench.outward.outbox, "needing", Mock(side_effect=DiskFull("outbox.db")))
    bench.outward.drop_unrecorded([segment()])
    assert "may still count as waiting" in caplog.text


class CountedDb(SmallDb):
    """Counts queries and transactions."""

    uses = 0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        CountedDb.uses += 1
        with super().reading() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        CountedDb.uses += 1
        with super().writing() as db:
            yield db


def test_what_waits_is_dropped_at_once_after_many_recordings_were_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention waits for it while the disk is full. Not what is to be recorded between them."""
    monkeypatch.setattr("tawny.delivery.outbox.SmallDb", CountedDb)
    bench = Bench(tmp_path, is_inline=True)
    outbox = bench.outward.outbox
    every = [segment(60 * number) for number in range(60)]
    outbox.add(
        delivery(f"{one.start_ms}.mp4", DeliveryKind.CLIP, one.start_ms, to="nas", camera=one.camera, needs=one.span)
        for one in every
    )
    monkeypatch.setattr(CountedDb, "uses", 0)
    bench.outward.drop_unrecorded([*every[:30], *every[31:]])
    assert CountedDb.uses < 5
    left = [one.needs for one in outbox.since("nas", 0) if one.state is DeliveryState.WAITING]
    assert left == [every[30].span]
    bench.outward.close()


class OnceFull(SmallDb):
    """A file on a disk that is full once, when the second removal is written."""

    was_full = False

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with super().writing() as db:
            yield db
            (count,) = db.execute("SELECT count(*) FROM deliveries WHERE what = 'removal'").fetchone()
            if count > 1 and not OnceFull.was_full:
                OnceFull.was_full = True
                raise DiskFull("outbox.db")


@pytest.mark.parametrize("write_only", [False, True])
def test_parts_are_deleted_although_the_disk_here_was_full_when_the_clip_had_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, write_only: bool
) -> None:
    """Unless nothing can be deleted there."""
    monkeypatch.setattr("tawny.delivery.outbox.SmallDb", OnceFull)
    monkeypatch.setattr(OnceFull, "was_full", False)
    bench = Bench(tmp_path, f"write_only = {str(write_only).lower()}", is_inline=True)
    event = Event(EventId("e"), PORCH, "person", bench.clock.now_ms(), None, 50.0)
    bench.recorder.record(event.start_ms - 10_000, seconds=10)
    bench.outward.start()
    bench.recorder.index.put_event(event)
    bench.recorder.bus.publish(EventChanged("started", event))
    for part in range(3):
        bench.recorder.record(event.start_ms + part * 6_000, seconds=6)
        bench.inline.run_for(6)
    over = event.ended(event.start_ms + 12_000)
    bench.recorder.index.put_event(over)
    bench.recorder.bus.publish(EventChanged("ended", over))
    bench.inline.run_for(300)
    left = {one.name.partition(".")[2] for one in bench.nas.rglob("*.mp4")}
    parts = {"001.mp4", "002.mp4", "003.mp4"} if write_only else set()
    assert (left, OnceFull.was_full) == ({"mp4"} | parts, not write_only)
    bench.outward.close()


def test_a_paused_destination_gets_no_snapshot(tmp_path: Path) -> None:
    bench = Bench(tmp_path, is_inline=True)
    bench.outward.pause("nas", paused=True)
    bench.outward.outbox.add([delivery("a.jpg", DeliveryKind.PICTURE, to="nas")])
    bench.inline.run_for(120)
    assert bench.outward.outbox.waiting("nas").count == 1
    bench.outward.pause("nas", paused=False)
    bench.inline.run_for(1)
    assert bench.outward.outbox.waiting("nas").count == 0
    bench.outward.close()


def test_the_pause_of_a_destination_that_is_taken_out_of_the_settings_is_forgotten(tmp_path: Path) -> None:
    bench = Bench(tmp_path, where=tmp_path / "outbox.db")
    now = settings(f'[destinations.nas]\nurl = "folder:{bench.nas}"\n')
    bench.outward.start()
    bench.outward.pause("nas", paused=True)
    bench.outward.apply(now.model_copy(update={"destinations": {}}))
    bench.outward.apply(now)
    assert [one.is_paused for one in bench.outward.all_targets()] == [False]
    bench.outward.close()
    again = Bench(tmp_path, where=tmp_path / "outbox.db")
    assert [one.is_paused for one in again.outward.all_targets()] == [False]
    again.outward.close()


@pytest.mark.parametrize("resumed", [False, True])
def test_a_pause_outlasts_a_restart(tmp_path: Path, *, resumed: bool) -> None:
    bench = Bench(tmp_path, where=tmp_path / "outbox.db")
    bench.outward.pause("nas", paused=True)
    if resumed:
        bench.outward.pause("nas", paused=False)
    bench.outward.close()
    again = Bench(tmp_path, where=tmp_path / "outbox.db")
    assert [one.is_paused for one in again.outward.all_targets()] == [not resumed]
    again.outward.close()


def test_try_now_does_not_wait_until_the_destination_is_tried_again_anyway(tmp_path: Path) -> None:
    bench = Bench(tmp_path, is_inline=True)
    old = bench.put("old.mp4")
    away = bench.nas.rename(tmp_path / "away")
    bench.outward.outbox.add([delivery("old.mp4", DeliveryKind.REMOVAL, to="nas")])
    bench.inline.run_for(1)
    assert bench.outward.outbox.trouble("nas")
    away.rename(bench.nas)
    bench.outward.try_now("nas")
    bench.inline.run_for(1)
    assert not old.exists()
    bench.outward.close()


def test_a_full_disk_keeps_it_from_nothing_but_the_first_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(to: str, first_ms: int | None = None) -> int:
        raise StorageError("outbox.db", "No space left on device")

    bench = Bench(tmp_path)
    monkeypatch.setattr(bench.outward.outbox, "since_ms", is_full)
    bench.outward.start()
    assert [target.name for target in bench.outward.all_targets()] == ["nas"]
    bench.outward.close()


@pytest.mark.parametrize(("more", "zone"), [("", BERLIN), ('time_zone = "local"', BERLIN), ('time_zone = "utc"', UTC)])
def test_names_are_local_unless_utc_is_chosen(tmp_path: Path, more: str, zone: tzinfo) -> None:
    bench = Bench(tmp_path, more)
    assert [rule.zone for rule in bench.outward.uploads.rules()] == [zone]
    bench.outward.close()


def test_trying_it_out_leaves_nothing_there(bench: Bench) -> None:
    steps = bench.outward.test("nas")
    assert [(step.what, step.wrong) for step in steps] == [
        ("Connected", ""),
        ("Uploaded a test file", ""),
        ("Downloaded it again", ""),
        ("Deleted it", ""),
    ]
    assert list(bench.nas.iterdir()) == []


def test_what_is_wrong_is_said_with_what_to_do(bench: Bench) -> None:
    bench.nas.rmdir()
    (step,) = bench.outward.test("nas")
    assert (step.what, "the folder doesn't exist" in step.wrong, bool(step.do)) == ("Connect", True, True)


def test_what_is_too_old_is_listed_first_and_removed_in_its_turn(bench: Bench) -> None:
    old = bench.put(OLD)
    bench.put("porch/2026/11/19/20261119T055812345-1a2b3c4d.mp4")
    bench.put("porch/holiday.mp4")
    assert [there.name for there in bench.outward.uploads.too_old("nas")] == [old.relative_to(bench.nas).as_posix()]
    bench.outward.pause("nas", paused=True)  # its courier would take it before we look
    assert [there.name for there in bench.outward.uploads.sweep("nas")] == [old.relative_to(bench.nas).as_posix()]
    taken = bench.outward.outbox.take("nas")
    assert taken
    assert (taken.what, taken.name) == (DeliveryKind.REMOVAL, old.relative_to(bench.nas).as_posix())


def test_a_server_whose_clock_is_wrong_makes_no_upload_older(tmp_path: Path) -> None:
    """Where the name has no time, that of the file counts, which is the server's, unless it is known here."""
    bench = Bench(tmp_path, 'retention = "90 days"\nnames = "{camera}/{n:05}.{type}"', is_inline=True)
    for number in (1, 2):
        os.utime(bench.put(f"porch/0000{number}.mp4"), (10, 10))
    bench.outward.outbox.add([replace(clip("porch/00001.mp4", bench.clock.now_ms() - 1000), to="nas")])
    sent = bench.outward.outbox.take("nas")
    assert sent
    bench.outward.outbox.done(sent, "", 6)
    assert [one.name for one in bench.outward.uploads.too_old("nas")] == ["porch/00002.mp4"]
    bench.clock.advance(91 * 86_400)
    assert len(bench.outward.uploads.sweep("nas")) == 2
    assert len(bench.outward.uploads.too_old("nas")) == 2, "those about to be deleted are still there"
    bench.outward.close()


def test_a_clock_that_was_set_far_forward_removes_nothing_at_a_destination(bench: Bench) -> None:
    bench.put("porch/2026/11/19/20261119T055812345-1a2b3c4d.mp4")
    bench.clock.jump_utc(100 * 86_400)
    assert bench.outward.uploads.too_old("nas") == []


class WithParts(OpenFolder):
    """A folder with the parts of an upload that was cut off."""

    may_abort = True

    def unfinished(self) -> Iterator[tuple[RemoteFile, str]]:
        for name in () if (self.root / "aborted").exists() else (OLD,):
            yield RemoteFile(name, 0, 1), "upload"

    def abort(self, name: str, upload: str) -> None:
        if not self.may_abort:
            raise TargetRefused(self.public, "not allowed")
        (self.root / "aborted").touch()


@pytest.mark.parametrize("may_abort", [True, False])
def test_old_parts_are_deleted_where_the_login_may(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, may_abort: bool
) -> None:
    uploads, old = bench.outward.uploads, bench.put(OLD)
    monkeypatch.setattr(WithParts, "may_abort", may_abort)
    monkeypatch.setattr(uploads, "_connect", lambda name, one: WithParts(bench.nas, name))
    assert [there.name for there in uploads.too_old("nas")] == [OLD]
    assert not (bench.nas / "aborted").exists()
    assert [there.name for there in uploads.sweep("nas")] == [old.relative_to(bench.nas).as_posix()]
    assert (bench.nas / "aborted").exists() == may_abort


def test_an_unexpected_error_at_one_destination_keeps_no_other_from_being_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = list[str]()

    def sweep(name: str) -> None:
        swept.append(name)
        if name == "nas":
            raise UnicodeDecodeError("utf-8", b"\xfc", 0, 1, "invalid start byte")

    kept = 'retention = "90 days"'
    bench = Bench(tmp_path, f'{kept}\n[destinations.second]\nurl = "folder:{tmp_path}/second"\n{kept}', is_inline=True)
    monkeypatch.setattr(bench.outward.uploads, "sweep", sweep)
    bench.outward.start()
    bench.inline.run_for(300)
    assert swept == ["nas", "second"]
    bench.inline.run_for(SWEEP_AGAIN_S)
    assert swept == ["nas", "second", "nas"]
    bench.outward.close()


def unswept(root: Path) -> Bench:
    """A destination that was away at the first look for expired files."""
    bench = Bench(root, 'retention = "90 days"', is_inline=True)
    bench.outward.start()
    bench.nas.rmdir()
    bench.inline.run_for(SWEEP_FIRST_S + 1)
    return bench


def test_a_sweep_that_fails_twice_is_a_problem_until_one_succeeds(tmp_path: Path) -> None:
    bench = unswept(tmp_path)
    assert bench.outward.troubles() == []
    bench.inline.run_for(SWEEP_AGAIN_S + SWEEP_FIRST_S)
    (problem,) = bench.outward.troubles()
    assert (problem.what, "Expired uploads stay at nas: Not found at nas" in problem.detail) == ("sweep", True)
    bench.nas.mkdir()
    bench.inline.run_for(SWEEP_AGAIN_S + SWEEP_FIRST_S)
    assert bench.outward.troubles() == []
    bench.outward.close()


def test_try_now_sweeps_where_the_last_sweep_failed(tmp_path: Path) -> None:
    bench = unswept(tmp_path)
    bench.inline.run_for(UNSWEPT_APART_S)
    for wrong in (1, 0):
        bench.outward.try_now("nas")
        bench.inline.run_for(1)
        assert len(bench.outward.troubles()) == wrong
        bench.nas.mkdir(exist_ok=True)
    old = bench.put(OLD)
    bench.outward.try_now("nas")  # the next one is due tomorrow
    bench.inline.run_for(SWEEP_AGAIN_S)
    assert old.exists()
    bench.outward.close()


def test_sweeps_that_fail_within_minutes_count_as_one(tmp_path: Path) -> None:
    """A NAS is still starting, and a user tries again a few times."""
    bench = unswept(tmp_path)
    for paused in (True, False):
        bench.outward.pause("nas", paused=paused)
        bench.outward.try_now("nas")
        bench.inline.run_for(60)
    assert bench.outward.troubles() == []
    bench.outward.close()


def test_a_paused_destination_is_not_swept_until_it_is_resumed(tmp_path: Path) -> None:
    bench = unswept(tmp_path)
    bench.nas.mkdir()
    old = bench.put(OLD)
    bench.outward.pause("nas", paused=True)
    bench.inline.run_for(2 * SWEEP_AGAIN_S)
    bench.outward.pause("nas", paused=False)
    bench.inline.run_for(SWEEP_FIRST_S - 5)
    assert old.exists()  # though its last sweep failed: its `retention` may be a new one
    bench.inline.run_for(2 * SWEEP_FIRST_S)
    assert not old.exists()
    bench.outward.close()


@pytest.mark.parametrize("way", ["its first retention", "set again", "paused at the start"])
def test_there_is_time_before_the_first_sweep(tmp_path: Path, way: str) -> None:
    """A mistyped `retention` would delete files before `uploads clean --dry-run` can show them."""
    kept = 'retention = "90 days"'
    bench = Bench(tmp_path, "" if way == "its first retention" else kept, is_inline=True)
    if way == "paused at the start":
        bench.outward.pause("nas", paused=True)
    bench.outward.start()
    old = bench.put(OLD)
    if way == "set again":
        bench.inline.run_for(SWEEP_FIRST_S / 2)
        bench.outward.apply(settings(f'[destinations.nas]\nurl = "folder:{bench.nas}"\n'))
        bench.inline.run_for(SWEEP_FIRST_S)
    if way == "paused at the start":
        bench.outward.pause("nas", paused=False)
    else:
        bench.outward.apply(settings(f'[destinations.nas]\nurl = "folder:{bench.nas}"\n{kept}\n'))
    bench.inline.run_for(SWEEP_FIRST_S - 5)
    assert old.exists()
    bench.inline.run_for(2 * SWEEP_FIRST_S)
    assert not old.exists()
    bench.outward.close()


def test_after_a_pause_failed_sweeps_are_counted_again(tmp_path: Path) -> None:
    bench = unswept(tmp_path)
    bench.inline.run_for(SWEEP_AGAIN_S + SWEEP_FIRST_S)
    assert bench.outward.troubles()
    for paused in (True, False):
        bench.outward.pause("nas", paused=paused)
        bench.inline.run_for(UNSWEPT_APART_S)
    assert bench.outward.troubles() == []
    bench.inline.run_for(SWEEP_AGAIN_S)
    assert len(bench.outward.troubles()) == 1
    bench.outward.close()


def test_a_sweep_that_fails_as_its_destination_is_paused_is_forgotten_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user pauses it while a listing hangs."""
    bench = unswept(tmp_path)
    real = bench.outward.uploads.sweep

    def sweep(name: str) -> list[RemoteFile]:
        bench.outward.pause(name, paused=True)
        return real(name)

    monkeypatch.setattr(bench.outward.uploads, "sweep", sweep)
    bench.inline.run_for(SWEEP_AGAIN_S + 2 * SWEEP_FIRST_S)
    assert bench.outward.uploads.has_failed("nas")
    bench.outward.pause("nas", paused=False)
    assert not bench.outward.uploads.has_failed("nas")
    bench.outward.close()


def test_try_now_during_a_sweep_makes_another_one_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user corrects the login and tries again while a listing hangs."""
    bench, swept = Bench(tmp_path, 'retention = "90 days"', is_inline=True), list[str]()

    def sweep(name: str) -> list[RemoteFile]:
        swept.append(name)
        if len(swept) == 1:
            bench.outward.try_now(name)
            raise TargetRefused(name, "The former login was refused.")
        return []

    monkeypatch.setattr(bench.outward.uploads, "sweep", sweep)
    bench.outward.start()
    bench.inline.run_for(2 * SWEEP_FIRST_S + 10)
    assert swept == ["nas", "nas"]
    bench.outward.close()


@pytest.mark.parametrize("change", ['retention = "90 days"\nlimit = "1 MB"', 'retention = "91 days"'])
def test_changed_settings_end_the_problem_of_failed_sweeps_only_after_a_sweep(tmp_path: Path, change: str) -> None:
    bench = unswept(tmp_path)
    bench.inline.run_for(SWEEP_AGAIN_S + SWEEP_FIRST_S)
    bench.nas.mkdir()
    bench.outward.apply(settings(f'[destinations.nas]\nurl = "folder:{bench.nas}"\n{change}\n'))
    (shown,) = bench.outward.all_targets()
    assert (len(bench.outward.troubles()), "Expired uploads stay at nas: " in shown.unswept) == (1, True)
    bench.inline.run_for(1)  # it is looked at once
    assert bench.outward.troubles() == []
    bench.outward.close()


def test_without_a_retention_failed_sweeps_are_no_problem(tmp_path: Path) -> None:
    bench = unswept(tmp_path)
    bench.inline.run_for(SWEEP_AGAIN_S + SWEEP_FIRST_S)
    bench.outward.apply(settings(f'[destinations.nas]\nurl = "folder:{bench.nas}"\n'))
    assert bench.outward.troubles() == []
    bench.outward.close()


def test_before_it_is_started_nothing_is_behind(bench: Bench) -> None:
    assert bench.outward.troubles() == []


def test_what_waits_for_a_destination_under_its_former_name_is_told_for_a_week(tmp_path: Path) -> None:
    bench = Bench(tmp_path, is_inline=True)
    bench.outward.start()
    bench.outward.pause("nas", paused=True)
    now_ms = bench.clock.now_ms()
    bench.outward.outbox.add([delivery(f"{number}.jpg", to="nas", at_ms=now_ms) for number in range(3)])
    assert bench.outward.summary()["waiting"] == 3
    bench.outward.apply(settings(f'[destinations.offsite]\nurl = "folder:{bench.nas}/other"\n'))
    (answer,) = bench.outward.troubles()
    assert (answer.detail, answer.about) == ("3 items are waiting for nas, which isn't in the settings.", "nas")
    assert bench.outward.summary() == {"waiting": 0, "oldest": None}
    bench.clock.advance(7 * 86_400)
    assert bench.outward.troubles() == []
    bench.outward.close()


def test_what_has_waited_for_long_is_told_for_a_week_when_its_destination_is_gone(tmp_path: Path) -> None:
    """Its name was changed while tawny was stopped, after the destination had been away for eight days."""
    bench = Bench(tmp_path, is_inline=True)
    bench.outward.outbox.add([delivery("0.jpg", to="former", at_ms=bench.clock.now_ms())])
    bench.clock.advance(8 * 86_400)
    bench.outward.start()
    assert [one.about for one in bench.outward.troubles()] == ["former"]
    bench.clock.advance(7 * 86_400)
    assert bench.outward.troubles() == []
    bench.outward.close()


def test_what_waits_is_told_no_longer_when_its_destination_is_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, is_inline=True)
    bench.outward.outbox.add([delivery("0.jpg", to="former", at_ms=bench.clock.now_ms())])
    bench.outward.start()
    bench.outward.apply(settings(f'[destinations.former]\nurl = "folder:{bench.nas}"\n'))
    assert bench.outward.troubles() == []
    bench.outward.apply(settings(f'[destinations.nas]\nurl = "folder:{bench.nas}"\n'))
    bench.clock.advance(7 * 86_400 - 1)
    assert [one.about for one in bench.outward.troubles()] == ["former"]
    bench.outward.close()


def test_what_others_upload_there_is_not_swept(bench: Bench) -> None:
    witness = Witness("3f2a91c0", 7, 1_700_000_000_000, "a" * 26)
    own = bench.put(witness_path(witness, bench.recorder.host))
    bench.put(witness_path(witness, "another"))
    bench.put(f"0123abcd/20231114/{'a' * 26}.tws")
    assert [there.name for there in bench.outward.uploads.too_old("nas")] == [own.relative_to(bench.nas).as_posix()]


def test_how_it_does_is_told(bench: Bench) -> None:
    bench.outward.pause("nas", paused=True)
    (target,) = bench.outward.all_targets()
    assert (target.name, target.where, target.is_paused) == ("nas", str(bench.nas), True)
    assert bench.outward.summary() == {"waiting": 0, "oldest": None}


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", 5_000_000_000),
        ('[outbox]\nbudget = "1 GB"\n', 1_000_000_000),
        ('[storage]\nmode = "memory"\nmemory = "64 MB"\n', 32_000_000),
        ('[storage]\nmode = "memory"\nmemory = "64 MB"\n[outbox]\nbudget = "10 MB"\n', 10_000_000),
    ],
)
def test_in_memory_what_waits_takes_at_most_half_of_it(table: str, expected: int) -> None:
    assert budget_bytes(settings(table)) == expected


@pytest.mark.parametrize(
    ("hours", "now", "expected_s"),
    [
        ("22:00-06:00", "2026-11-20T22:30:00Z", 0),  # 23:30 there
        ("22:00-06:00", "2026-11-20T04:59:00Z", 0),
        ("22:00-06:00", "2026-11-20T05:00:00Z", 16 * 3600),
        ("09:00-17:00", "2026-11-20T07:30:30Z", 1770),
        ("09:00-17:00", "2026-06-20T07:30:00Z", 0),  # summer time
        ("22:00-02:30", "2026-10-25T01:10:00Z", 71_400),  # 02:10 again: they ended at the first 02:30
        ("02:30-05:00", "2026-10-25T01:10:00Z", 0),
        ("02:15-02:45", "2026-03-29T00:50:00Z", 84_300),  # skipped that day
    ],
)
def test_hours_are_those_of_the_wall_clock(hours: str, now: str, expected_s: float) -> None:
    assert open_in_s(hours, utc_from_text(now), BERLIN) == expected_s


@pytest.mark.parametrize(
    ("table", "path", "allowed"),
    [
        ('url = "gopher://nas"', "destinations.nas.url", "sftp:…"),
        ('url = "folder:relative"', "destinations.nas.url", "absolute path"),
        ('url = "folder:/mnt"\nnames = "{id}"', "destinations.nas.names", "{type}"),
        ('url = "folder:/mnt"\ncameras = ["yard"]', "destinations.nas.cameras", "cameras in these settings"),
        ('url = "folder:/mnt"\ncolour = "red"', "destinations.nas.url", "unknown key"),
    ],
)
def test_what_only_the_kind_knows_to_be_wrong_is_told(table: str, path: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as refused:
        PluginRegistry.opened().check(settings(f"[destinations.nas]\n{table}\n"), "tawny.toml")
    (problem,) = refused.value.problems
    assert (problem.path, allowed in problem.allowed) == (path, True), problem


@pytest.mark.shows("RC16")
def test_a_link_in_a_message_opens_the_clip_for_six_hours(tmp_path: Path) -> None:
    """It is made here, without asking the server; whoever has it needs nothing else."""
    url = "s3://key:pLantedS3cret@cam/tawny?endpoint=http%3A%2F%2F127.0.0.1%3A9&region=eu-central-1"
    bench = Bench(tmp_path, f'[destinations.cloud]\nurl = "{url}"', is_inline=True)
    outbox = bench.outward.outbox
    outbox.add([replace(clip("porch/e.mp4", 1000), to="cloud")])  # carried by hand: nothing runs the courier
    assert bench.outward.uploads.link(EventId("e")) == ""
    taken = outbox.take("cloud")
    assert taken
    outbox.done(taken, taken.name, 1)
    asked = urlsplit(bench.outward.uploads.link(EventId("e")))
    assert asked.path == "/cam/tawny/porch/e.mp4"
    assert parse_qs(asked.query)["X-Amz-Expires"] == [str(6 * 3600)]
    assert "pLantedS3cret" not in asked.query
    bench.outward.close()


@pytest.mark.parametrize(
    ("cameras", "receives"),
    [([], ReceivedAccess.CLEAR), (["porch"], ReceivedAccess.SEALED), (["porch", "yard"], ReceivedAccess.CLEAR)],
)
def test_what_a_destination_receives_is_sealed_where_all_its_cameras_are(
    bench: Bench, cameras: list[str], receives: ReceivedAccess
) -> None:
    porch = CameraSettings(source="demo:porch", encrypt=True)
    chosen = DestinationSettings(url=f"folder:{bench.nas}", cameras=tuple(cameras))
    known = {"porch": porch, "yard": CameraSettings(source="demo:yard")}
    changed = Settings().model_copy(update={"cameras": known, "destinations": {"nas": chosen}})
    bench.outward.apply(changed)
    (answer,) = bench.outward.all_targets()
    assert answer.receives is receives


def test_what_would_go_is_told_and_nothing_is_removed(bench: Bench) -> None:
    bench.outward.pause("nas", paused=True)
    bench.put("porch/2026/07/01/20260701T055812345-1a2b3c4d.mp4")
    result = bench.outward.swept("nas", dry_run=True)
    items = result["items"]
    assert isinstance(items, list)
    names = [(item["name"], item["size_bytes"]) for item in items]
    assert names == [("porch/2026/07/01/20260701T055812345-1a2b3c4d.mp4", 6)]
    assert (result["keep_s"], result["removed"]) == (90 * 86_400, False)
    assert bench.outward.outbox.waiting().count == 0
    again = bench.outward.swept("nas", dry_run=False)
    assert (again["items"], again["removed"]) == (result["items"], True)
    assert bench.outward.outbox.waiting().count == 1


def test_a_sweep_that_cannot_be_made_says_why(bench: Bench) -> None:
    assert bench.outward.swept("cloud", dry_run=True) == {"known": ["nas"]}
    bench.nas.rmdir()
    result = bench.outward.swept("nas", dry_run=False)
    assert result["error"]["code"] == "target_missing"  # type: ignore[index]


def test_what_waits_is_told_after_it_stopped(tmp_path: Path) -> None:
    """Retention goes on until recording has ended, and asks what it must keep."""
    bench = Bench(tmp_path)
    bench.outward.outbox.add([replace(clip("porch/e.mp4", 1000), to="nas")])
    bench.outward.stop()
    assert bench.outward.summary()["waiting"] == 1
    bench.outward.close()
