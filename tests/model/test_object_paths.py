"""Paths of an event's objects: few points, none lost, and readable after a cut."""

import json

import pytest

from tawny.model.observations import (
    MOST_LINES,
    TOLERANCE,
    WRITE_MS,
    Box,
    ObjectPath,
    Observation,
    PathLines,
    RecentBoxes,
    read_paths,
)
from tawny.model.times import thread_cpu_s

START_MS = 1_795_000_000_000


def box(x: float, y: float = 0.3) -> Box:
    return (x, y, x + 0.1, y + 0.4)


def thing(
    where: Box, track: int = 3, label: str = "motion", sure: float = 0.0, since_s: float | None = None
) -> Observation:
    since_ms = None if since_s is None else START_MS + round(since_s * 1000)
    return Observation(label, 0.8, where, track, since_ms, sure=sure)


def walked(points: list[tuple[float, Box]]) -> tuple[bytes, PathLines]:
    lines, written = PathLines(START_MS), b""
    for at_s, where in points:
        at_ms = START_MS + round(at_s * 1000)
        lines.add(at_ms, [thing(where)])
        written += lines.take(at_ms)
    return written + lines.take(START_MS, is_last=True), lines


def position(path: ObjectPath, at_ms: float) -> float:
    """The left edge at an instant, straight between two points."""
    for before, after in zip(path.path, path.path[1:], strict=False):
        if before.at_ms <= at_ms <= after.at_ms:
            share = (at_ms - before.at_ms) / (after.at_ms - before.at_ms)
            return before.box[0] + (after.box[0] - before.box[0]) * share
    raise AssertionError(at_ms)


def test_a_straight_walk_is_two_points_and_a_turn_a_third() -> None:
    there = [(n / 5, box(0.1 + 0.02 * n)) for n in range(25)]
    back = [(5 + n / 5, box(0.6 - 0.02 * n)) for n in range(25)]
    written, _ = walked(there)
    (straight,) = read_paths(written, START_MS)
    assert [point.at_ms - START_MS for point in straight.path] == [0, 4800]
    assert (straight.track, straight.kind, straight.label, straight.score) == (3, "motion", "motion", 0.8)
    (turned,) = read_paths(walked([*there, *back])[0], START_MS)
    assert len(turned.path) <= 4


def test_what_is_left_out_lies_on_the_path() -> None:
    points = [(n / 5, box(0.4 + 0.3 * ((n * 7) % 11) / 11 * (n % 3 == 0))) for n in range(60)]
    (path,) = read_paths(walked(points)[0], START_MS)
    for at_s, where in points:
        assert position(path, START_MS + at_s * 1000) == pytest.approx(where[0], abs=3 * TOLERANCE)


def test_there_are_about_five_points_a_second_however_many_frames_there_are() -> None:
    points = [(n / 25, box(0.5 + 0.2 * (-1) ** n)) for n in range(250)]
    (path,) = read_paths(walked(points)[0], START_MS)
    assert len(path.path) <= 51


def test_at_most_a_second_is_not_written_yet() -> None:
    lines, written, newest_ms = PathLines(START_MS), b"", START_MS
    for n in range(100):
        newest_ms = START_MS + n * 200
        lines.add(newest_ms, [thing(box(0.1 + 0.005 * n))])
        written += lines.take(newest_ms)
        (path,) = read_paths(written, START_MS)
        assert newest_ms - path.path[-1].at_ms <= WRITE_MS + 100


def test_an_event_of_a_day_stays_small() -> None:
    lines, size = PathLines(START_MS), 0
    for n in range(5 * 3600):
        at_ms = START_MS + n * 200
        lines.add(at_ms, [thing(box(0.5 + 0.2 * (-1) ** n, 0.1), track) for track in range(4)])
        size += len(lines.take(at_ms))
    assert size < 45 * MOST_LINES


def test_the_path_begins_before_the_object_was_sure() -> None:
    recent, lines = RecentBoxes(), PathLines(START_MS)
    for n in range(6):
        recent.look(START_MS - 1000 + n * 200, [], [thing(box(0.1 + 0.03 * n * n))])
    lines.add(START_MS + 200, [thing(box(0.9), since_s=-0.6)], recent)
    (path,) = read_paths(lines.take(START_MS + 200), START_MS)
    assert path.path[0].at_ms == START_MS - 600
    assert path.path[-1].at_ms == START_MS + 200


def test_the_last_label_counts_and_its_best_score() -> None:
    lines = PathLines(START_MS)
    named = [("motion", 0.0), ("dog", 0.6), ("person", 0.7), ("person", 0.95), ("person", 0.8), ("motion", 0.0)]
    written = b""
    for n, (label, sure) in enumerate(named):
        lines.add(START_MS + n * 1000, [thing(box(0.1), label=label, sure=sure)])
        written += lines.take(START_MS + n * 1000)
    (path,) = read_paths(written, START_MS)
    assert (path.kind, path.label, path.score) == ("person", "person", 0.95)


def test_each_object_has_its_own_path() -> None:
    lines = PathLines(START_MS)
    for n in range(10):
        seen = [thing(box(0.1 + 0.02 * n), 1, "cat", 0.7), thing(box(0.9 - 0.02 * n), 2)]
        lines.add(START_MS + n * 200, seen[: 1 + (n > 3)])
    cat, other = read_paths(lines.take(START_MS, is_last=True), START_MS)
    assert (cat.track, cat.kind, cat.label) == (1, "animal", "cat")
    assert (other.track, other.kind) == (2, "motion")
    assert other.path[0].at_ms == START_MS + 800
    assert other.path[0].box == pytest.approx(box(0.82))


@pytest.mark.parametrize(
    "junk", [b"[3,40", b"{}", b"[1,2]", b"\xff\xfe", b"null", b'{"track":1}', b"[3,1,2,3,4,1e999]"]
)
def test_a_damaged_line_costs_only_itself(junk: bytes) -> None:
    good = json.dumps([3, 0, 1000, 1000, 2000, 2000]).encode()
    (path,) = read_paths(b"\n".join((good, junk, good.replace(b"0,", b"400,", 1))), START_MS)
    assert path.track == 3


def test_nothing_is_no_object() -> None:
    assert read_paths(b"", START_MS) == ()


def square(left: float, top: float = 0.4, size: float = 0.1) -> Box:
    return (left, top, left + size, top + size)


@pytest.mark.parametrize(
    ("boxes", "sizes"),
    [
        ([square(0.1 * n) for n in range(6)], 5.0),
        ([square(0.1 * n) for n in (0, 1, 2, 3, 2, 1, 0)], 3.0),
        ([square(0.5 + 0.04 * (n % 3 - 1)) for n in range(60)], 0.8),
        ([square(0.5, size=0.001), square(0.51, size=0.001)], 0.5),
    ],
    ids=["walks", "returns", "a branch sways", "a speck"],
)
def test_how_far_a_thing_went_in_its_own_sizes(boxes: list[Box], sizes: float) -> None:
    assert walked([(n / 5, where) for n, where in enumerate(boxes)])[1].travel == pytest.approx(sizes)


def test_of_several_things_the_longest_way_counts() -> None:
    lines = PathLines(START_MS)
    for n in range(6):
        lines.add(START_MS + 200 * n, [thing(square(0.7, 0.8), 1), thing(square(0.1 * n), 2)])
    assert lines.travel == pytest.approx(5.0)


def test_without_tracks_what_comes_after_a_pause_is_another_thing() -> None:
    lines = PathLines(START_MS)
    lines.add(START_MS, [thing(square(0.1), 0)])
    lines.add(START_MS + 5000, [thing(square(0.8), 0)])
    assert lines.travel == pytest.approx(0.0)


def test_an_object_that_rests_for_hours_is_read_at_once() -> None:
    lines = b"".join(b"[3,%d,1000,1000,2000,2000]\n" % (n * 1000) for n in range(MOST_LINES))
    begun_s = thread_cpu_s()
    (path,) = read_paths(lines, START_MS)
    assert thread_cpu_s() - begun_s < 5
    assert len(path.path) < MOST_LINES / 25
    assert path.path[-1].at_ms == START_MS + (MOST_LINES - 1) * 1000
