"""Files scanned in two passes: the same events as when all is decoded, for a fraction of the pictures."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event as Flag
from typing import Any, ClassVar

import numpy as np
import pytest

from tawny.detection.motion import MotionDetector
from tawny.detection.scan.scan import (
    DecodedLook,
    EventSpans,
    ScannedEvent,
    ScanOptions,
    ScanResult,
    VideoPart,
    continued,
    merged,
    parts,
    scan_part,
)
from tawny.detection.scan.wake import KeyframeGlance, glances
from tawny.detection.zones import Region
from tawny.media.codec.video_file import FileVideo
from tawny.model.errors import SourceError
from tawny.model.geometry import Polygon
from tawny.model.observations import Frame, Look, Observation
from tawny.testing.clips import clip_file
from tests.detection import films

EVER = float("inf")
TRUTH = [(40, 48), (100, 110)]


def _scan(path: Path, wanted: ScanOptions | None = None, begin_s: float = 0.0, end_s: float = EVER) -> ScanResult:
    return scan_part(
        VideoPart(lambda: FileVideo(path), begin_s, end_s, 0.0),
        wanted or ScanOptions(MotionDetector),
        lambda _s: None,
        Flag(),
    )


def _spans(result: ScanResult) -> list[tuple[float, float]]:
    return [(found.start_s, found.end_s) for found in result.events]


def test_two_passes_find_what_one_finds_and_decode_little() -> None:
    two, one = _scan(films.walkers()), _scan(films.walkers(), ScanOptions(MotionDetector, thorough=True))
    assert len(two.events) == len(one.events) == 2
    for ours, whole, (begin, end) in zip(_spans(two), _spans(one), TRUTH, strict=True):
        assert ours == pytest.approx(whole, abs=1.0)
        assert ours == pytest.approx((begin, end), abs=1.5)
    assert two.decoded_s < 0.35 * two.duration_s < one.decoded_s


def test_where_nothing_happens_nothing_is_decoded() -> None:
    result = _scan(films.empty())
    assert result.events == []
    assert result.decoded_s < 0.15 * result.duration_s  # the beginning, from which the place is learnt


def test_of_a_calm_place_only_every_second_keyframe_is_decoded() -> None:
    looked = [glance.at_s for glance in glances(FileVideo(films.empty()).keyframes(), Region(()))]
    apart = [b - a for a, b in pairwise(looked)]
    assert max(apart) == pytest.approx(4.0)
    assert len(looked) < 0.75 * sum(1 for _ in FileVideo(films.empty()).keyframes())


def test_while_somebody_is_there_no_keyframe_is_passed_over_and_before_they_come_none_is_awake() -> None:
    given = list(glances(FileVideo(films.walkers()).keyframes(), Region(())))
    for begin, end in TRUTH:
        inside = [glance for glance in given if begin <= glance.at_s < end]
        assert [glance.at_s for glance in inside] == pytest.approx(range(begin, end, 2))
        assert all(glance.is_awake for glance in inside)
    asleep = [glance for glance in given if all(not begin - 4 <= glance.at_s <= end + 4 for begin, end in TRUTH)]
    assert not any(glance.is_awake for glance in asleep)


@pytest.mark.parametrize(("for_s", "gop_s"), [(10, 4), (20, 2), (40, 1), (80, 2), (80, 4)])
@pytest.mark.parametrize("phase_s", [0.0, 1.1])
def test_who_stays_is_one_event_until_they_go(for_s: float, gop_s: int, phase_s: float) -> None:
    result = _scan(films.stays(for_s, gop_s), ScanOptions(MotionDetector, phase_s=phase_s))
    assert _spans(result) == [pytest.approx((70, 76 + for_s), abs=1.5)]


def test_before_and_after_who_stays_nothing_is_decoded() -> None:
    result = _scan(films.stays(20, 2))
    assert result.decoded_s < 10 + 26 + 12


def test_by_night_everything_is_decoded() -> None:
    film = films.stays(20, 2, night=True)
    two, one = _scan(film), _scan(film, ScanOptions(MotionDetector, thorough=True))
    assert two.decoded_s >= two.duration_s
    assert _spans(two) == _spans(one) == [pytest.approx((70, 96), abs=1.5)]


def test_outside_the_region_nothing_is_seen() -> None:
    sky = Polygon.of([(0, 0), (1, 0), (1, 0.3), (0, 0.3)])
    assert _scan(films.walkers(), ScanOptions(MotionDetector, regions=(sky,))).events == []


def test_inside_the_region_it_is() -> None:
    ground = Polygon.of([(0, 0.25), (1, 0.25), (1, 1), (0, 1)])
    assert len(_scan(films.walkers(), ScanOptions(MotionDetector, regions=(ground,))).events) == 2


def test_parts_together_are_as_the_whole() -> None:
    wanted = ScanOptions(MotionDetector)
    two = [_scan(films.walkers(), wanted, 0.0, 75.0), _scan(films.walkers(), wanted, 75.0, EVER)]
    whole = merged(two, 1.0)
    assert [begin for begin, _ in _spans(whole)] == pytest.approx([begin for begin, _ in TRUTH], abs=1.5)
    assert max(b - a for a, b in pairwise(sorted(whole.scores))) <= 8


def test_short_files_are_one_part() -> None:
    assert len(parts(lambda: FileVideo(films.walkers()), 8)) == 1


def test_every_second_that_was_looked_at_has_a_score() -> None:
    scores = _scan(films.walkers()).scores
    assert max(scores[second] for second in range(42, 47)) >= 50
    assert all(scores[second] < 50 for second in range(36) if second in scores)


def test_what_is_no_video_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not a video")
    with pytest.raises(SourceError):
        _scan(path)


def test_an_event_that_two_parts_have_is_one_called_after_the_better() -> None:
    before = [ScannedEvent(0, 2, "motion", 60), ScannedEvent(1, 1.5, "cat", 70)]
    after = [ScannedEvent(2.5, 4, "person", 90), ScannedEvent(9, 10, "motion", 55)]
    assert [(f.start_s, f.end_s, f.kind, f.score) for f in continued(before, after, 1.0)] == [
        (0, 4, "person", 90),
        (1, 1.5, "cat", 70),
        (9, 10, "motion", 55),
    ]


def test_of_two_events_at_the_border_of_parts_each_goes_on_in_its_own() -> None:
    before = [ScannedEvent(0, 10, "motion", 60), ScannedEvent(8, 10, "person", 60)]
    after = [ScannedEvent(1, 14, "motion", 60), ScannedEvent(8, 12, "person", 60)]
    assert [(f.start_s, f.end_s, f.kind) for f in continued(before, after, 1.0)] == [
        (0, 14, "motion"),
        (8, 12, "person"),
    ]


def test_an_object_well_apart_from_the_others_is_an_event_of_its_own() -> None:
    spans = EventSpans(join_s=1.0)
    flag, person = (
        Observation("flag", 0.9, (0.1, 0.1, 0.2, 0.3), 1),
        Observation("person", 0.7, (0.7, 0.3, 0.8, 0.9), 2),
    )
    for n in range(100):
        seen = (flag, person) if 40 <= n < 70 else (flag,)
        spans.add(DecodedLook(n / 5, Look(90, seen), None))
    assert [(f.kind, f.start_s, f.end_s, f.box) for f in spans.close()] == [
        ("flag", 0.0, 19.8, flag.box),
        ("person", 8.0, 13.8, person.box),
    ]


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("motion", "person", "person"),
        ("person", "motion", "person"),
        ("person", "vehicle", "person"),
        ("animal", "vehicle", "vehicle"),
        ("owl", "motion", "motion"),
    ],
)
def test_an_event_of_two_parts_has_the_first_of_their_names_as_live(first: str, second: str, kind: str) -> None:
    (found,) = continued([ScannedEvent(0, 2, first, 60)], [ScannedEvent(2.5, 4, second, 90)], 1.0)
    assert found.kind == kind


class Names:
    """Calls everything a person from its third look on."""

    def __init__(self) -> None:
        self.looks = 0

    def look(self, _frame: Frame, look: Look) -> Look:
        self.looks += bool(look.seen)
        named = tuple(replace(one, label="person", sure=0.9) for one in look.seen)
        return replace(look, seen=named) if self.looks >= 3 else look


@pytest.mark.parametrize("thorough", [False, True])
def test_what_moves_is_named_as_live_in_every_part(thorough: bool) -> None:
    result = _scan(films.walkers(), ScanOptions(MotionDetector, thorough=thorough, name=Names))
    assert [found.kind for found in result.events] == ["person", "person"]


def test_a_detector_that_never_says_over_is_believed_to_lose_things() -> None:
    spans = EventSpans(join_s=1.0)
    for at_s in (1.0, 1.2, 1.4):
        spans.add(DecodedLook(at_s, Look(80, (Observation("light", 0.8, (0, 0, 1, 1)),)), None))
    for at_s in (2.0, 5.0, 9.0):
        spans.add(DecodedLook(at_s, Look(0), None))
    assert [(f.start_s, f.end_s) for f in spans.close()] == [(1.0, 1.4)]


def test_a_detector_is_shown_colours_and_black_where_nothing_counts() -> None:
    shown = []

    class Colours:
        name: ClassVar[str] = "colours"

        def __init__(self, settings: Mapping[str, Any]) -> None: ...

        def look(self, frame: Frame) -> Look:
            shown.append(frame.rgb.astype(int))
            return Look(0)

    left = Polygon.of([(0, 0), (0.5, 0), (0.5, 1), (0, 1)])
    (part,) = parts(lambda: FileVideo(clip_file()), 1)
    scan_part(part, ScanOptions(Colours, regions=(left,)), lambda _seconds: None, Flag())
    first = shown[0]
    half = first.shape[1] // 2
    assert not first[:, half + 2 :].any()
    assert (first[:, :half, 0] - first[:, :half, 2]).max() > 100  # the yellow square


@pytest.mark.parametrize("thorough", [False, True])
def test_what_privacy_masks_hide_is_not_found_and_wakes_nothing(thorough: bool) -> None:
    whole = Polygon.of([(0, 0), (1, 0), (1, 1), (0, 1)])
    result = _scan(films.walkers(), ScanOptions(MotionDetector, thorough=thorough, private=(whole,)))
    assert result.events == []
    assert max(result.scores.values()) == 0


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("phase_s", [0.1, 1.3])
def test_the_first_look_may_be_moved_and_the_events_stay(thorough: bool, phase_s: float) -> None:
    usual = _scan(films.walkers(), ScanOptions(MotionDetector, thorough=thorough))
    moved = _scan(films.walkers(), ScanOptions(MotionDetector, thorough=thorough, phase_s=phase_s))
    assert min(moved.scores) == int(phase_s)
    for ours, theirs in zip(_spans(moved), _spans(usual), strict=True):
        assert ours == pytest.approx(theirs, abs=1.0)


def test_who_stands_still_is_decoded_a_part_of_the_time() -> None:
    result = _scan(films.stays(80, 2))
    assert result.decoded_s < 10 + 0.6 * 86
    assert _spans(result) == [pytest.approx((70, 156), abs=1.5)]


def _differing(*parts: tuple[slice, slice]) -> KeyframeGlance:
    differs = np.zeros((54, 96), np.bool_)
    for part in parts:
        differs[part] = True
    return KeyframeGlance(0.0, None, is_awake=True, differs=differs)


PERSON_CELLS = slice(20, 40), slice(30, 38)
PERSON_BOX = (30 / 96, 20 / 54, 38 / 96, 40 / 54)


@pytest.mark.parametrize(
    ("glance", "boxes", "shows"),
    [
        pytest.param(_differing(PERSON_CELLS), [PERSON_BOX], True, id="at their place"),
        pytest.param(_differing(PERSON_CELLS), [PERSON_BOX, (0.8, 0.1, 0.9, 0.3)], False, id="one has left"),
        pytest.param(_differing((slice(20, 40), slice(60, 68))), [PERSON_BOX], False, id="elsewhere"),
        pytest.param(_differing(PERSON_CELLS, (slice(20, 40), slice(70, 78))), [PERSON_BOX], False, id="another came"),
        pytest.param(_differing(PERSON_CELLS, (slice(2, 3), slice(70, 72))), [PERSON_BOX], True, id="and a leaf"),
        pytest.param(KeyframeGlance(0.0, None, is_awake=True), [PERSON_BOX], False, id="unknown"),
    ],
)
def test_who_is_followed_is_still_there_if_their_place_differs_and_no_other(
    glance: KeyframeGlance, boxes: list[tuple[float, float, float, float]], shows: bool
) -> None:
    assert glance.shows_all(boxes) is shows


class _Namer:
    """Names everything, and counts how often it is asked about an event."""

    def __init__(self) -> None:
        self.asked = 0

    def look(self, _frame: Frame, look: Look) -> Look:
        self.asked += bool(look.seen)
        return replace(look, seen=tuple(replace(thing, label="person", sure=0.9) for thing in look.seen))


def test_a_long_event_is_named_by_its_first_frames_and_some_of_the_others() -> None:
    namer = _Namer()
    result = _scan(films.stays(20, 2), ScanOptions(MotionDetector, thorough=True, name=lambda: namer))
    assert [found.kind for found in result.events] == ["person"]
    assert 12 + 0.2 * 70 < namer.asked < 12 + 0.5 * 120
