"""The clock for people jumps, local time is put forward and back: every picture is kept, and the timeline says so."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.media.mp4.segment_reader import places, read_segment
from tawny.model.segments import GapReason
from tawny.model.times import Span
from tawny.playback.timeline import days, transitions
from tawny.storage.index.opening import index_to_read
from tests.faults.figures import note
from tests.faults.world import EVER, FPS, GOP, PORCH, proved, world

HOUR_S = 3600.0
CHANGE_S = 360.0
"""The change is in the middle of it."""


@pytest.mark.parametrize(
    "jump_s", [HOUR_S, -HOUR_S, 86_400.0, -1.0], ids=["hour-on", "hour-back", "day-on", "leap-second"]
)
def test_a_jump_of_the_clock_loses_no_picture(quick_folder: Path, jump_s: float) -> None:
    with world(quick_folder) as bench:
        bench.run(130)
        bench.clock.jump_utc(jump_s)
        bench.run(130)
        bench.stop()
        wall = proved(quick_folder, bench.clock).wall
        assert wall is not None
    with index_to_read(quick_folder) as index:
        kept_s = sum(_pictures(quick_folder / one.path) for one in index.segments(PORCH, None, EVER)) / FPS
        gaps = [gap for gap in index.gaps(PORCH, EVER) if gap.reason is not GapReason.RECORDER_OFF]
    assert kept_s == pytest.approx(260, abs=1.5 / FPS)
    if jump_s > GOP / FPS:
        assert [gap.reason for gap in gaps] == [GapReason.CLOCK]
        assert gaps[0].span(0).seconds == pytest.approx(jump_s, abs=GOP / FPS + 1)
    note(f"clock-{jump_s:+.0f}-s", jump_s=jump_s, lost_s=max(0.0, 260 - kept_s), limit_s=0.0)


def _pictures(path: Path) -> int:
    read = read_segment(path)
    return sum(place.is_video for place in places(read, read.fragments))


@pytest.mark.parametrize(
    ("name", "start", "hours"),
    [("summer", "2026-03-29T00:57:00Z", 23), ("winter", "2026-10-25T00:57:00Z", 25)],
)
def test_local_time_changes_in_the_middle_of_a_recording(quick_folder: Path, name: str, start: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    with world(quick_folder, start) as bench:
        bench.run(CHANGE_S)
        spans = bench.spans()
        end_ms = bench.stop()
        wall = proved(quick_folder, bench.clock).wall
        assert wall is not None
    assert len(transitions(zone, Span(bench.begin_ms, end_ms))) == 1
    (day,) = days(zone, Span(bench.begin_ms, end_ms))
    assert day.seconds == hours * HOUR_S
    assert len(spans) == 1
    lost_s = 2 * CHANGE_S - wall.recorded_s
    assert lost_s == pytest.approx(0, abs=1)
    note(f"clock-{name}-time", day_h=hours, lost_s=max(0.0, lost_s), limit_s=0.0)
