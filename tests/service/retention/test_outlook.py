"""Whether the disk suffices is computed once and said in one sentence, which a young recorder does not know yet."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from tawny.api.auth.accounts import Role
from tawny.cli import status
from tawny.cli.output import Output
from tawny.config.settings import Settings
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.segments import Gap, GapReason
from tawny.service import json_format
from tawny.service.health.camera_health import HealthReader
from tawny.service.recorder import DiskInfo
from tawny.service.retention.forecast import IDLE, LOOK_S, FreeSpace, RateMeter, storage_outlook
from tawny.service.retention.promises import Rates, contract
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.planning import RemovalPlan
from tawny.storage.retention.removal import Removal
from tests.api.fakes import FakeRecorder, make_house
from tests.playback.archives import MAIN, PORCH
from tests.storage.bench import Site

KEEP = {"min": "14 days"}
MINUTE_S, HOUR_S, GB = 60, 3600, 10**9
RATE = 40_000.0
"""3.456 GB a day: the default minimum of 14 days needs 48.4 GB."""


class Bench:
    """A disk of 100 GB and one camera. free: bytes that are free on it."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, keep: Mapping[str, str] = KEEP, free: int = 40 * GB
    ) -> None:
        self.site, self.rates = Site(folder), {(PORCH, MAIN): (RATE, RATE / 10)}
        self.settings = Settings.model_validate({"storage": {"retention": {**keep, "min_free": "1 %"}}})
        site = self.site
        monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(free, 100 * GB))
        self.unsent = 0
        self.plan: RemovalPlan | None = None
        self.room = FreeSpace(
            site.volume, site.index, site.clock, lambda: self.settings, lambda: self.plan, self.momentary,
            lambda: self.unsent,
        )  # fmt: skip

    def momentary(self) -> Rates:
        return self.rates

    def run(self, seconds: float) -> DiskInfo:
        for _ in range(round(seconds / LOOK_S)):
            self.room.step()
            self.site.clock.advance(LOOK_S)
        assert self.room.figures is not None
        return self.room.figures


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_young_recorder_does_not_know_yet(bench: Bench) -> None:
    figures = bench.run(6 * MINUTE_S)
    assert bench.room.warnings == ()
    assert (figures.fits, figures.keeps_days, figures.full_at_ms) == (None, None, None)
    assert figures.outlook == (
        "It isn't known yet how far back recordings will go. An estimate appears after 1 hour of recording."
    )


PLAN = RemovalPlan([Removal(Mock(), "the disk was full", breaks_promise=True)])


@pytest.mark.parametrize(
    ("least", "words"), [("0 s", "recordings as long as the settings say."), ("3 days", "everything for 3 days.")]
)
def test_a_promise_to_events_that_was_broken_is_none_of_0_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: str, words: str
) -> None:
    bench = Bench(tmp_path, monkeypatch, {"min": least})
    bench.plan = PLAN
    bench.run(LOOK_S)
    assert [one.message for one in bench.room.warnings] == [f"There isn't enough space to keep {words}"]


def test_a_disk_that_is_full_of_files_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, monkeypatch)
    now = os.statvfs_result((4096, 4096, 100_000, 90_000, 90_000, 160, 0, 0, 0, 255, 0))
    monkeypatch.setattr(bench.site.volume, "space", bench.site.volume.disk.space)
    monkeypatch.setattr(os, "statvfs", lambda _: now)
    bench.plan = PLAN
    bench.run(LOOK_S)
    assert [one.message for one in bench.room.warnings] == [
        "Hardly any more files fit on the disk: few inodes are left.",
        "There isn't enough space to keep everything for 14 days.",
    ]


@pytest.mark.parametrize("use", [VolumeUse.TIER, VolumeUse.SPARE])
def test_the_space_of_a_disk_counts_once_and_that_of_the_spare_not_at_all(
    bench: Bench, tmp_path: Path, use: VolumeUse
) -> None:
    join(bench.site.volume, tmp_path / "second", use)
    figures = bench.run(LOOK_S)
    assert (figures.free_bytes, figures.total_bytes) == (40 * GB, 100 * GB)


def test_recordings_that_went_before_their_upload_are_told(bench: Bench) -> None:
    bench.unsent = 3
    bench.run(LOOK_S)
    assert [warning.message for warning in bench.room.warnings] == [
        "Within the last day, 3 recordings were deleted for lack of space before being uploaded."
    ]


def test_after_an_hour_it_is_one_sentence(bench: Bench) -> None:
    figures = bench.run(HOUR_S + LOOK_S)
    assert figures.outlook == (
        "Recordings will go back about 11 days, less than the minimum retention: it needs 48.4 GB, and 39 GB are "
        "available."
    )
    assert [warning.message for warning in bench.room.warnings] == [figures.outlook]
    assert figures.fits is False
    assert figures.keeps_days == pytest.approx(11.28, abs=0.01)


@pytest.mark.parametrize(
    ("used", "free", "outlook", "fills"),
    [
        (0, 40, "Recordings will go back about 11 days. Then the oldest are deleted to make room.", True),
        (30, 1, "Recordings go back about 8 days. The oldest are deleted to make room.", False),
        (0, 99, "Recordings are kept 20 days, the maximum retention. The disk will not fill up.", False),
    ],
)
def test_it_says_whether_the_disk_fills_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: int, free: int, outlook: str, fills: bool
) -> None:
    bench = Bench(tmp_path, monkeypatch, {"min": "7 days", "max": "20 days"}, free * GB)
    monkeypatch.setattr(bench.site.index, "size_bytes", lambda *_: used * GB)
    figures = bench.run(HOUR_S + LOOK_S)
    assert (figures.outlook, figures.full_at_ms is not None, figures.fits) == (outlook, fills, True)
    assert bench.room.warnings == ()


def test_recordings_of_kept_events_make_no_room(bench: Bench) -> None:
    kept = replace(bench.site.put(60, listed=False), size_bytes=20 * GB)
    bench.site.index.add_segment(kept)
    bench.site.ledger.put_event(Event(EventId("kept"), PORCH, "person", kept.start_ms, kept.end_ms, 9.0, kept=True))
    figures = bench.run(HOUR_S + LOOK_S)
    assert figures.keeps_days == pytest.approx(11.28, abs=0.01)
    assert figures.fits is False


@pytest.mark.parametrize(
    ("own", "outlook"),
    [
        ({"max": "7 days"}, "Recordings are kept 7 days, the maximum retention."),
        ({"max_size": "20 GB"}, "Recordings will go back about 5 days, as far as the cameras' limits allow."),
    ],
)
def test_a_disk_fills_up_no_further_than_the_limits_of_each_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: dict[str, str], outlook: str
) -> None:
    bench = Bench(tmp_path, monkeypatch)
    camera = {"source": "demo:", "retention": {"min": "3 days", **own}}
    bench.settings = Settings.model_validate({"cameras": {PORCH: camera}})
    figures = bench.run(HOUR_S + LOOK_S)
    assert (figures.outlook, figures.full_at_ms) == (f"{outlook} The disk will not fill up.", None)


def test_recordings_that_are_later_than_the_clock_are_a_warning(bench: Bench) -> None:
    bench.settings = Settings.model_validate({"cameras": {PORCH: {"source": "demo:"}}})
    bench.site.put(10)
    found = []
    for step_s in (0, -86_400):
        bench.site.clock.jump_utc(step_s)
        bench.run(LOOK_S)
        found.append([one.message for one in bench.room.warnings])
    assert found == [
        [],
        ["There are recordings of later than now, up to 2026-11-20: the clock is wrong, or was when they were made."],
    ]


def test_nothing_is_predicted_while_nothing_is_recorded(bench: Bench) -> None:
    bench.rates = {}
    figures = bench.run(2 * HOUR_S)
    assert (figures.fits, figures.outlook) == (None, "Nothing is being recorded, so nothing more will be stored.")


def test_restart_of_an_old_recorder_knows_from_what_is_stored(bench: Bench) -> None:
    for minute in range(90):
        bench.site.put(minute, size_bytes=round(RATE * 60))
    bench.rates = {(PORCH, MAIN): (5 * RATE, RATE)}  # a moment with much motion
    figures = bench.run(LOOK_S)
    assert figures.fits is False
    assert figures.keeps_days == pytest.approx(11.3, rel=0.03)


def test_what_is_not_recorded_by_choice_takes_no_space(bench: Bench) -> None:
    for _ in range(8):
        bench.rates = {(PORCH, MAIN): (RATE, RATE / 10)}
        bench.run(HOUR_S / 4)
        bench.rates = {(PORCH, MAIN): (0.0, 0.0)}
        figures = bench.run(3 * HOUR_S / 4)
    assert figures.keeps_days == pytest.approx(4 * 11.28, rel=0.02)
    assert bench.room.rates()[PORCH, MAIN] == pytest.approx((RATE / 4, RATE / 40))


def hourly(meter: RateMeter, hours: int, rate: float) -> float:
    """Return the average after so many more hours of this rate."""
    kept = contract(Settings())
    for _ in range(hours):
        meter.add({(PORCH, MAIN): (rate, rate / 10)}, HOUR_S, kept, 0)
    return meter.rates()[PORCH, MAIN][0]


def test_a_schedule_gives_the_same_rate_in_the_morning_and_in_the_evening(bench: Bench) -> None:
    meter = RateMeter(bench.site.index)
    found = [hourly(meter, 12, rate) for _ in range(10) for rate in (RATE, 0.0)]
    assert found[-6:] == [pytest.approx(RATE / 2, rel=0.08)] * 6


def test_a_weekend_without_recording_hides_no_shortage_of_the_week(bench: Bench) -> None:
    meter = RateMeter(bench.site.index)
    hourly(meter, 5 * 24, RATE)
    assert hourly(meter, 2 * 24, 0.0) == pytest.approx(RATE * 5 / 7)


def test_a_camera_that_is_never_recorded_takes_no_space(bench: Bench) -> None:
    bench.rates = {(PORCH, MAIN): (0.0, 0.0)}
    figures = bench.run(2 * HOUR_S)
    assert (figures.outlook, bench.room.warnings) == (IDLE, ())


def test_after_a_restart_the_time_between_events_counts(bench: Bench) -> None:
    for minutes_ago in range(240, 0, -4):
        end_ms = bench.site.put(minutes_ago, size_bytes=round(RATE * 60)).end_ms
        bench.site.index.put_gap(Gap(PORCH, end_ms, end_ms + 180_000, GapReason.WAITING))
    bench.rates = {(PORCH, MAIN): (0.0, 0.0)}
    bench.run(LOOK_S)
    assert bench.room.rates()[PORCH, MAIN][0] == pytest.approx(RATE / 4, rel=0.03)


def test_moment_with_much_motion_changes_little(bench: Bench) -> None:
    before = bench.run(2 * HOUR_S).keeps_days
    bench.rates = {(PORCH, MAIN): (10 * RATE, RATE)}
    after = bench.run(MINUTE_S).keeps_days
    assert before is not None
    assert after == pytest.approx(before, rel=0.1)


async def test_every_reader_has_the_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = DiskInfo(70, 100, 20, None, None, None, "One sentence about the disk.")
    monkeypatch.setattr(FakeRecorder, "disk", lambda _: usage)
    house = make_house(tmp_path)
    data = {**json_format.status(HealthReader(house.recorder).now()), "self_test": "", "hint": ""}
    assert data["disk"]["outlook"] == usage.outlook
    assert usage.outlook in status.text(data, Output(as_json=False))
    health = (await house.signed_in(Role.OWNER).get("/api/v1/health")).json()
    assert (health["disk"]["outlook"], health["disk"]["fits"]) == (usage.outlook, None)


def test_without_limits_the_disk_alone_says_how_far_back_recordings_go() -> None:
    """Also if little is recorded, for longer than anyone counts."""
    meter = Mock(is_known=True, rates=lambda: {(PORCH, MAIN): (500.0, 10.0)})
    found = storage_outlook(RetentionContract(RetentionRule()), DiskCapacity(10**13, 10**13), 0, meter, 0)
    assert found.sentence.endswith("Then the oldest are deleted to make room.")
    assert found.full_at_ms is not None
