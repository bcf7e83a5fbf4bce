"""Stored images of events have privacy masks on the things that they were drawn for, however they were shown."""

from dataclasses import replace

import pytest

from tawny.media.image.jpeg import jpeg, scaled_size, side_by_side
from tawny.model.errors import FileSealed
from tawny.model.events import Event
from tawny.model.geometry import ORIENTATIONS, UPRIGHT, Orientation, grid_of, moved_point
from tawny.model.ids import EventId
from tawny.model.observations import Box
from tawny.model.packets import VideoFormat
from tawny.model.segments import Segment
from tawny.playback.past_orientation import PastOrientation
from tests.playback.archives import PORCH, SUB, FakeArchive
from tests.support.red_window import WINDOW, shares, strip, view

T = 1_795_000_000_000
EVENT = Event(EventId("e"), PORCH, "person", T, T + 8000, 90.0, picture_ms=T + 2000)


@pytest.fixture
def masked(archive: FakeArchive) -> FakeArchive:
    archive.hidden = (WINDOW,)
    return archive


@pytest.mark.parametrize("count", [3, 4, 5, 6])
@pytest.mark.parametrize(("wide", "high"), [(640, 480), (640, 360), (640, 640), (480, 640)])
def test_thumbnails_of_another_shape_than_the_image_are_black_where_the_mask_is(
    masked: FakeArchive, count: int, wide: int, high: int
) -> None:
    masked.record(T, 8, size=(96, 54))
    assert shares(PastOrientation(masked).masked(EVENT, strip(count, wide, high), is_strip=True)) == (0.0, 0.04)


def test_a_strip_that_has_the_mask_stays_as_it_is(masked: FakeArchive) -> None:
    masked.record(T, 8, size=(96, 54))
    past = PastOrientation(masked)
    once = past.masked(EVENT, strip(4, 640, 480), is_strip=True)
    assert past.masked(EVENT, once, is_strip=True) is once


def test_thumbnails_of_a_narrow_camera_are_counted_by_its_shape(masked: FakeArchive) -> None:
    masked.record(T, 8, stream=SUB, size=(240, 320))
    narrow = side_by_side([scaled_size(view(240, 320), 320)] * 4)  # as wide as three of others
    assert shares(PastOrientation(masked).masked(EVENT, narrow, is_strip=True))[0] == 0
    masked.hidden = ()
    assert PastOrientation(masked).masked(EVENT, narrow, is_strip=True) is narrow


@pytest.mark.parametrize("then", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("now", [UPRIGHT, Orientation(90)], ids=str)
def test_images_keep_the_orientation_of_their_time_and_have_the_mask_in_it(
    masked: FakeArchive, then: Orientation, now: Orientation
) -> None:
    masked.turned = then
    masked.record(T, 8)
    masked.turned = now
    masked.record(T + 8000, 8)
    past = PastOrientation(masked)
    assert shares(past.masked(EVENT, jpeg(view(640, 360, then)))) == (0.0, 0.04)
    assert shares(past.masked(EVENT, strip(4, 640, 360, then), is_strip=True)) == (0.0, 0.04)


def test_without_a_recording_of_that_time_the_mask_is_black_wherever_it_may_be(masked: FakeArchive) -> None:
    masked.turned = Orientation(90)
    past = PastOrientation(masked)
    for then in ORIENTATIONS:
        assert shares(past.masked(EVENT, jpeg(view(640, 360, then))))[0] == 0
    masked.segment_path(masked.record(T, 8)).write_bytes(b"damaged")
    assert shares(past.masked(EVENT, jpeg(view(640, 360))))[0] == 0


def test_between_recordings_the_mask_is_black_as_they_are_turned(masked: FakeArchive) -> None:
    masked.turned = Orientation(90)
    masked.record(T - 60_000, 8)
    masked.record(T + 60_000, 8)
    masked.turned = UPRIGHT
    image = jpeg(view(640, 360, Orientation(90)))
    assert shares(PastOrientation(masked).masked(EVENT, image)) == (0.0, 0.04)
    thumbnails = strip(4, 640, 360, Orientation(90))
    assert shares(PastOrientation(masked).masked(EVENT, thumbnails, is_strip=True)) == (0.0, 0.04)


@pytest.mark.parametrize(
    "turns",
    [
        {T + 1_800_000: UPRIGHT},
        {T - 1_800_000: UPRIGHT},
        {T - 60_000: UPRIGHT, T + 60_000: Orientation(90)},
        {T - 60_000: UPRIGHT, T: None, T + 60_000: UPRIGHT},
    ],
    ids=["only one after", "only one before", "turned between them", "its own damaged"],
)
@pytest.mark.parametrize("then", ORIENTATIONS, ids=str)
def test_recordings_that_leave_the_orientation_open_decide_nothing(
    masked: FakeArchive, then: Orientation, turns: dict[int, Orientation | None]
) -> None:
    for at_ms, orientation in turns.items():
        masked.turned = orientation or then
        recorded = masked.record(at_ms, 8)
        if orientation is None:
            masked.segment_path(recorded).write_bytes(b"damaged")
    masked.turned = UPRIGHT
    past = PastOrientation(masked)
    assert shares(past.masked(EVENT, jpeg(view(640, 360, then))))[0] == 0
    assert shares(past.masked(EVENT, strip(4, 640, 360, then), is_strip=True))[0] == 0


def test_locked_recordings_near_an_instant_are_not_all_tried(masked: FakeArchive) -> None:
    tried = list[Segment]()

    def refuse(segment: Segment) -> VideoFormat:
        tried.append(segment)
        raise FileSealed("locked")

    for n in range(-20, 20):
        masked.record(T + 30_000 + n * 60_000, 8)
    PastOrientation(masked, refuse).grids_now(PORCH, [(T, 1), (T + 1000, 1)])
    assert 0 < len(tried) <= 8


def test_an_image_made_with_the_mask_stays_as_it_is_though_nothing_was_recorded(masked: FakeArchive) -> None:
    made = view(640, 360, Orientation(180))
    made[made[..., 0] > 200] = 0
    masked.turned = Orientation(180)
    stored = jpeg(made)
    assert PastOrientation(masked).masked(EVENT, stored) is stored


def test_a_running_event_without_an_image_time_is_masked_as_its_begin_was_recorded(masked: FakeArchive) -> None:
    masked.turned = Orientation(270, mirror=True)
    masked.record(T, 8)
    running = replace(EVENT, end_ms=None, picture_ms=None)
    assert shares(PastOrientation(masked).masked(running, jpeg(view(640, 360, masked.turned)))) == (0.0, 0.04)


WALK = (0.1, 0.6, 0.4, 0.85)
"""Where something moved, in the image as sent."""


def walk(orientation: Orientation) -> Box:
    """Return where it is shown."""
    corners = [moved_point(one, UPRIGHT, orientation) for one in (WALK[:2], WALK[2:])]
    (x0, x1), (y0, y1) = map(sorted, zip(*corners, strict=True))
    return x0, y0, x1, y1


@pytest.mark.parametrize("now", ORIENTATIONS, ids=str)
def test_motion_from_before_a_turn_is_found_where_it_is_shown_now(archive: FakeArchive, now: Orientation) -> None:
    moved = list[tuple[int, int]]()
    for n, archive.turned in enumerate((UPRIGHT, Orientation(90), now)):
        archive.record(T + n * 60_000, 60)
        moved += [(T + n * 60_000 + second * 1000, grid_of(walk(archive.turned))) for second in range(60)]
    shown = PastOrientation(archive).grids_now(PORCH, moved)
    assert [at_ms for at_ms, _ in shown] == [at_ms for at_ms, _ in moved]
    x0, y0, x1, y1 = walk(now)
    inside = grid_of((x0 + 0.05, y0 + 0.06, x1 - 0.05, y1 - 0.06))
    beyond = grid_of((x0 - 0.07, y0 - 0.07, x1 + 0.07, y1 + 0.07))
    assert all(grid & inside == inside and not grid & ~beyond for _, grid in shown)


def test_motion_that_was_not_recorded_is_shown_as_in_the_nearest_recording(archive: FakeArchive) -> None:
    first = T + 600_000
    archive.turned = Orientation(180)
    archive.record(T, 4)
    archive.turned = UPRIGHT
    door, opposite = (0.0, 0.0, 0.25, 0.5), (0.75, 0.5, 1.0, 1.0)
    assert PastOrientation(archive).grids_now(PORCH, [(first, grid_of(door))]) == [(first, grid_of(opposite))]
    before = T - 600_000
    assert PastOrientation(archive).grids_now(PORCH, [(before, grid_of(door))]) == [(before, grid_of(opposite))]
    never = T - 86_400_000
    assert PastOrientation(archive).grids_now(PORCH, [(never, grid_of(door))]) == [(never, grid_of(door))]
    assert PastOrientation(archive).grids_now(PORCH, []) == []
