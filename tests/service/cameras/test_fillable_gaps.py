"""Which missing time is fetched from a camera's card, and what a gap becomes then."""

import pytest

from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import CARD_RUN, Gap, GapReason, Segment, off_words
from tawny.model.times import Span
from tawny.service.cameras.fillable_gaps import fillable, pieces_of, within_limits
from tawny.service.cameras.gap_filler import is_recorded_in_all_modes
from tawny.storage.index.memory_index import MemoryIndex
from tests.app.rig import settings

DOOR = CameraId("door")
NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000


def gap(begin_s: float, end_s: float, reason: GapReason, detail: str = "") -> Gap:
    return Gap(DOOR, NOW_MS - round(begin_s * 1000), NOW_MS - round(end_s * 1000), reason, detail)


def holes(
    *gaps: Gap,
    is_asked: bool = False,
    asked: Span | None = None,
    keeps_s: float | None = None,
    is_constant: bool = True,
) -> list[Span]:
    index = MemoryIndex()
    for one in gaps:
        index.put_gap(one)
    within = within_limits(asked, NOW_MS, keeps_s)
    return [hole for _, hole in fillable(index, DOOR, within, NOW_MS, is_asked=is_asked, is_constant=is_constant)]


@pytest.mark.parametrize("is_asked", [False, True])
@pytest.mark.parametrize("reason", [GapReason.PRIVACY, GapReason.MODE, GapReason.SCHEDULE, GapReason.OFF])
@pytest.mark.parametrize("comes_first", [False, True])
def test_a_recorder_that_was_off_during_a_pause_fetches_nothing(
    reason: GapReason, *, comes_first: bool, is_asked: bool
) -> None:
    """A power cut ends the pause's gap at the last sign of life; a second start may lie between."""
    off = [gap(80, 70, GapReason.RECORDER_OFF, "power"), gap(69.5, 60, GapReason.RECORDER_OFF, "power")]
    pause = gap(90, 80, reason) if comes_first else gap(59, 50, reason)
    asked = Span(off[1].begin_ms, NOW_MS) if is_asked else None
    assert holes(*off, pause, is_asked=is_asked, asked=asked) == []


def test_a_recorder_that_was_off_is_filled_if_no_pause_is_next_to_it() -> None:
    assert len(holes(gap(80, 70, GapReason.RECORDER_OFF, "power"), gap(60, 50, GapReason.PRIVACY))) == 1


@pytest.mark.parametrize("is_asked", [False, True])
def test_time_that_a_mode_may_have_made_private_while_tawny_was_off_is_left(*, is_asked: bool) -> None:
    off, outage = gap(80, 70, GapReason.RECORDER_OFF, "power"), gap(60, 50, GapReason.UNREACHABLE)
    asked = Span(off.begin_ms, NOW_MS) if is_asked else None
    assert holes(off, outage, is_asked=is_asked, asked=asked, is_constant=False) == [outage.span(NOW_MS)]


@pytest.mark.parametrize(("lasts_s", "is_filled"), [(30, True), (90, False)])
def test_a_short_pause_of_the_computer_is_filled_though_modes_differ(lasts_s: float, *, is_filled: bool) -> None:
    pause = gap(100, 100 - lasts_s, GapReason.RECORDER_OFF, off_words("suspend"))
    assert bool(holes(pause, is_constant=False)) == is_filled


@pytest.mark.parametrize(
    ("text", "is_constant"),
    [
        ("", True),
        ('[modes.night.cameras.door]\nrecord = "continuous"\n', True),
        ('[modes.night.cameras.door]\nrecord = "events"\n', False),
        ("[modes.home.cameras.door]\nprivacy = true\n", False),
        ("[modes.home.cameras.other]\nprivacy = true\n", True),
    ],
)
def test_whether_a_camera_is_recorded_in_all_modes(text: str, *, is_constant: bool) -> None:
    cameras = "".join(f'[cameras.{one}]\nsource = "demo:"\n' for one in ("door", "other"))
    assert is_recorded_in_all_modes(settings(cameras + text), DOOR) == is_constant


@pytest.mark.parametrize(
    ("one", "is_filled"),
    [
        (gap(80, 70, GapReason.UNREACHABLE), True),
        (gap(80, 70, GapReason.CLOCK), False),
        (gap(80, 79.8, GapReason.UNREACHABLE), False),
        (gap(80, 70, GapReason.RECORDER_OFF, "stopped by a user"), False),
        (gap(8 * 86_400, 8 * 86_400 - 60, GapReason.UNREACHABLE), False),
    ],
)
def test_only_what_is_missing_against_the_will_is_filled(one: Gap, *, is_filled: bool) -> None:
    assert bool(holes(one)) == is_filled


def test_an_outage_while_only_events_are_recorded_is_left() -> None:
    waits, outage = gap(90, 80, GapReason.WAITING), gap(80, 70, GapReason.UNREACHABLE)
    assert holes(waits, outage) == []
    assert len(holes(waits, outage, is_asked=True, asked=Span(1, NOW_MS))) == 1


def test_nothing_older_than_recordings_are_kept_is_fetched() -> None:
    """Also if it is asked for by hand: of a gap that reaches further back, only what would be kept."""
    old = Gap(DOOR, NOW_MS - 3 * DAY_MS, NOW_MS - DAY_MS, GapReason.UNREACHABLE)
    wanted = [Span(NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS)]
    ever = Span(1, NOW_MS)
    assert holes(old, is_asked=True, asked=ever, keeps_s=2 * 86_400) == wanted
    assert holes(old, asked=None, keeps_s=12 * 3600) == []
    assert holes(old, is_asked=True, asked=Span(1, 2), keeps_s=3600) == []


def test_a_deletion_meanwhile_counts_more_than_what_was_fetched() -> None:
    index, outage = MemoryIndex(), gap(100, 50, GapReason.UNREACHABLE)
    index.put_gap(outage)
    gone = gap(80, 60, GapReason.REMOVED)
    index.put_gap(gone)
    run = RunId(f"{CARD_RUN}1")
    index.add_segment(
        Segment(DOOR, StreamName.MAIN, run, outage.begin_ms, NOW_MS - 70_000, 1000, "door/1.mp4", "avc1", 64, 64)
    )
    made = pieces_of(index, outage, NOW_MS)
    assert [(one.reason, one.begin_ms, one.end_ms) for one in made] == [
        (GapReason.FILLED, outage.begin_ms, gone.begin_ms),
        (GapReason.UNREACHABLE, gone.end_ms, outage.end_ms),
    ]
