"""Destinations as the settings have them: tried out, paused, in their hours, and swept."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.actions.delivery import What
from tawny.app.doors import Doors
from tawny.app.outward import Outward, open_in_s
from tawny.model.errors import SettingsError
from tawny.model.times import utc_from_text
from tawny.testing.clock import FakeClock
from tests.app.rig import settings
from tests.web.fakes import FakeRecorder

BERLIN = ZoneInfo("Europe/Berlin")


class Bench:
    def __init__(self, root: Path, more: str = "") -> None:
        self.nas, self.clock = root / "nas", FakeClock()
        self.nas.mkdir()
        text = f'[destinations.nas]\nurl = "folder:{self.nas}"\n{more}\n'
        recorder = FakeRecorder(root, self.clock)
        self.outward = Outward(
            settings(text), ":memory:", recorder, Doors.opened(), self.clock, lambda part, error: None
        )

    def put(self, name: str) -> Path:
        path = self.nas / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a clip")
        return path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, 'keep = "90 days"')
    yield made
    made.outward.close()


def test_trying_it_out_leaves_nothing_there(bench: Bench) -> None:
    steps = bench.outward.test("nas")
    assert [(step.what, step.wrong) for step in steps] == [
        ("Connected", ""),
        ("Wrote a small file", ""),
        ("Read it back", ""),
        ("Removed it", ""),
    ]
    assert list(bench.nas.iterdir()) == []


def test_what_is_wrong_is_said_with_what_to_do(bench: Bench) -> None:
    bench.nas.rmdir()
    (step,) = bench.outward.test("nas")
    assert (step.what, "no such folder" in step.wrong, bool(step.do)) == ("Connect", True, True)


def test_what_is_too_old_is_listed_first_and_removed_in_its_turn(bench: Bench) -> None:
    old = bench.put("porch/2026/07/01/20260701T055812345-1a2b3c4d.mp4")
    bench.put("porch/2026/11/19/20261119T055812345-1a2b3c4d.mp4")
    bench.put("porch/holiday.mp4")
    assert [there.name for there in bench.outward.too_old("nas")] == [old.relative_to(bench.nas).as_posix()]
    assert bench.outward.sweep("nas") == 1
    taken = bench.outward.outbox.take("nas")
    assert taken
    assert (taken.what, taken.name) == (What.REMOVAL, old.relative_to(bench.nas).as_posix())


def test_how_it_does_is_told(bench: Bench) -> None:
    bench.outward.pause("nas", paused=True)
    (target,) = bench.outward.targets()
    assert (target.name, target.where, target.is_paused) == ("nas", str(bench.nas), True)
    assert bench.outward.summary() == {"waiting": 0, "oldest": None}


@pytest.mark.parametrize(
    ("hours", "now", "expected_s"),
    [
        ("22:00-06:00", "2026-11-20T22:30:00Z", 0),  # 23:30 there
        ("22:00-06:00", "2026-11-20T04:59:00Z", 0),
        ("22:00-06:00", "2026-11-20T05:00:00Z", 16 * 3600),
        ("09:00-17:00", "2026-11-20T07:30:30Z", 1770),
        ("09:00-17:00", "2026-06-20T07:30:00Z", 0),  # summer time
    ],
)
def test_hours_are_those_of_the_wall_clock(hours: str, now: str, expected_s: float) -> None:
    assert open_in_s(hours, utc_from_text(now), BERLIN) == expected_s


@pytest.mark.parametrize(
    ("table", "path", "allowed"),
    [
        ('url = "gopher://nas"', "destinations.nas.url", "sftp:…"),
        ('url = "folder:relative"', "destinations.nas.url", "whole path"),
        ('url = "folder:/mnt"\nnames = "{id}"', "destinations.nas.names", "{type}"),
        ('url = "folder:/mnt"\ncameras = ["yard"]', "destinations.nas.cameras", "cameras of these settings"),
        ('url = "folder:/mnt"\ncolour = "red"', "destinations.nas.url", "unknown key"),
    ],
)
def test_what_only_the_kind_knows_to_be_wrong_is_told(table: str, path: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Doors.opened().check(settings(f"[destinations.nas]\n{table}\n"), "tawny.toml")
    (problem,) = refused.value.problems
    assert (problem.path, allowed in problem.allowed) == (path, True), problem
