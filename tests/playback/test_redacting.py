"""Of two who walk about, one is seen in every picture and the other in none. Each picture of the film is looked at."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tawny.media.codec.encoder import Encoder, EncodingQuality
from tawny.media.codec.parameter_sets import codec_string
from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.model.errors import NotDone
from tawny.model.geometry import Polygon
from tawny.model.packets import VideoFormat
from tawny.model.times import Span
from tawny.playback.redaction_areas import Redaction, SubjectMark
from tawny.playback.redactor import RedactionResult, follow_subject, redact, seen_in
from tests.playback.archives import PORCH, FakeArchive

T = 1_795_000_000_000
FPS, SECONDS = 10, 8
WIDE, HIGH = 640, 360
PERSON = (40, 100)
Where = tuple[int, int]
"""The upper left corner of somebody."""


def texture(seed: int, size: tuple[int, int], low: int, high: int) -> Any:
    """Squares of four pixels, as fine as a face."""
    grains = np.random.default_rng(seed).integers(low, high, (size[1] // 4, size[0] // 4), dtype=np.uint8)
    return np.kron(grains, np.ones((4, 4), np.uint8))


GROUND = texture(0, (WIDE, HIGH), 90, 130)
ANNE, BEN = texture(1, PERSON, 160, 255), texture(2, PERSON, 0, 60)


def picture(anne: Where, ben: Where) -> Any:
    made = GROUND.copy()
    for who, (x, y) in ((BEN, ben), (ANNE, anne)):
        made[y : y + PERSON[1], x : x + PERSON[0]] = who
    return made


def apart(number: int) -> tuple[Where, Where]:
    return (40 + 6 * number, 30), (520 - 5 * number, 230)


def meeting(number: int) -> tuple[Where, Where]:
    """They come towards each other, pass, and go on."""
    return (40 + 6 * number, 130), (560 - 6 * number, 130)


def record(archive: FakeArchive, way: Any) -> None:
    encoder = Encoder(WIDE, HIGH, FPS, gop_s=1.0, quality=EncodingQuality(crf=12))
    packets = []
    for number in range(FPS * SECONDS):
        planes = np.full((HIGH * 3 // 2, WIDE), 128, np.uint8)
        planes[:HIGH] = picture(*way(number))
        packets += encoder.encode(planes, number * 9000)
    packets += encoder.close()
    video = packets[0].format
    assert isinstance(video, VideoFormat)
    parts = [init_segment(video)]
    for second in range(SECONDS):
        some = packets[second * FPS : second * FPS + FPS]
        shown = [Sample(one.data, one.pts, 9000, one.is_keyframe) for one in some]
        parts += map(bytes, fragment(second + 1, shown, (), second * 90_000))
    parts.append(end_box({"end_ms": T + SECONDS * 1000, "why": "length"}))
    (archive.root / "walk.mp4").write_bytes(b"".join(parts))
    listed = archive.record(T, seconds=1)
    archive.index.drop_segments([listed])
    size_bytes = sum(map(len, parts))
    archive.index.add_segment(
        replace(
            listed,
            end_ms=T + SECONDS * 1000,
            size_bytes=size_bytes,
            path="walk.mp4",
            video=codec_string(video),
            width=WIDE,
            height=HIGH,
        )
    )


def film(archive: FakeArchive, wanted: Redaction, begin_ms: int = 0, end_ms: int = SECONDS * 1000) -> RedactionResult:
    span = Span(T + begin_ms, T + end_ms)
    return redact(archive, PORCH, span, wanted, archive.root / "redacted.mp4", lambda _: None)


def shown(archive: FakeArchive) -> list[Any]:
    with av.open(str(archive.root / "redacted.mp4")) as opened:
        assert [stream.type for stream in opened.streams] == ["video"], "voices are known again as well"
        return [one.to_ndarray(format="gray") for one in opened.decode(video=0)]


def likeness(made: Any, who: Any, at: Where) -> float:
    """How much of somebody's own texture is seen where they are: 1 all of it, 0 none."""
    seen = made[at[1] : at[1] + PERSON[1], at[0] : at[0] + PERSON[0]].astype(float)
    inside = (slice(8, -8), slice(8, -8))
    fine = [one - cv2.GaussianBlur(one, (0, 0), 6) for one in (seen, who.astype(float))]
    return float(np.corrcoef(fine[0][inside].ravel(), fine[1][inside].ravel())[0, 1])


def pointed(number: int, who: Where) -> SubjectMark:
    return SubjectMark(T + number * 100, (who[0] + 20) / WIDE, (who[1] + 50) / HIGH)


def test_one_is_seen_in_every_picture_and_the_other_in_none(archive: FakeArchive) -> None:
    record(archive, apart)
    done = film(archive, Redaction(marks=(pointed(30, apart(30)[0]),)))
    pictures = shown(archive)
    assert (len(pictures), done.pictures) == (80, 80)
    for number, made in enumerate(pictures):
        anne, ben = apart(number)
        assert likeness(made, ANNE, anne) > 0.9, number
        assert abs(likeness(made, BEN, ben)) < 0.25, number


def test_when_they_meet_nobody_is_shown_until_it_is_said_again_who_is_who(archive: FakeArchive) -> None:
    record(archive, meeting)
    marks = (pointed(5, meeting(5)[0]), pointed(75, meeting(75)[0]))
    film(archive, Redaction(marks=marks[:1]))
    once = shown(archive)
    film(archive, Redaction(marks=marks))
    twice = shown(archive)
    for number, made in enumerate(once + twice):
        ben = meeting(number % 80)[1]
        is_covered = abs(ben[0] - meeting(number % 80)[0][0]) < PERSON[0]
        assert is_covered or abs(likeness(made, BEN, ben)) < 0.25, number
    assert [likeness(once[n], ANNE, meeting(n)[0]) > 0.9 for n in (0, 20, 60, 79)] == [True, True, False, False]
    assert [likeness(twice[n], ANNE, meeting(n)[0]) > 0.9 for n in (0, 20, 43, 65, 79)] == [
        True,
        True,
        False,
        True,
        True,
    ]


def test_a_track_ends_where_recordings_have_a_gap() -> None:
    """Another of about the same size may stand at the same place afterwards."""
    place = np.full((108, 192), 100, np.uint8)

    def walks(begin_ms: int, from_x: int, shade: int) -> list[Any]:
        seen = []
        for number in range(20):
            made = place.copy()
            made[50:80, from_x + number : from_x + number + 10] = shade
            seen.append(seen_in(begin_ms + number * 100, made, place))
        return seen

    one, other = walks(T, 40, 200), walks(T + 300_000, 60, 20)
    anne, ben = SubjectMark(T + 500, 50 / 192, 65 / 108), SubjectMark(T + 300_500, 70 / 192, 65 / 108)
    assert sorted(follow_subject(one + other, [anne])) == [seen.at_ms for seen in one]
    assert sorted(follow_subject(one + other, [ben])) == [seen.at_ms for seen in other]


def test_a_chosen_area_is_hidden_and_the_rest_is_as_it_was(archive: FakeArchive) -> None:
    record(archive, apart)
    lower = Polygon.of([(0, 0.55), (1, 0.55), (1, 1), (0, 1)])
    done = film(archive, Redaction(areas=(lower,)), 2_000, 5_000)
    assert done.start_ms == T + 2_000
    for number, made in enumerate(shown(archive), 20):
        anne, ben = apart(number)
        assert likeness(made, ANNE, anne) > 0.9
        assert abs(likeness(made, BEN, ben)) < 0.25
        assert abs(made[:140].astype(int) - picture(anne, ben)[:140]).mean() < 8
    assert done.summary == {"areas": [[[0, 550], [1000, 550], [1000, 1000], [0, 1000]]], "all_but": [], "shown": []}


def test_what_was_hidden_is_told_second_by_second(archive: FakeArchive) -> None:
    record(archive, apart)
    found = film(archive, Redaction(marks=(pointed(30, apart(30)[0]),))).summary["shown"]
    assert isinstance(found, list)
    assert [second for second, *_ in found] == [T + 1000 * second for second in range(SECONDS)]
    lefts = [box[1] for box in found]
    assert all(a < b for a, b in pairwise(lefts)), "it goes to the right"


@pytest.mark.parametrize(
    ("wanted", "span_ms", "why"),
    [
        (Redaction(marks=(SubjectMark(T, 0.95, 0.05),)), 8_000, "Nothing moves at that point"),
        (Redaction(marks=(SubjectMark(T, 0.5, 0.5),)), 601_000, "at most 10 min long"),
    ],
)
def test_what_cannot_be_done_is_told(archive: FakeArchive, wanted: Redaction, span_ms: int, why: str) -> None:
    record(archive, apart)
    with pytest.raises(NotDone, match=why):
        film(archive, wanted, 0, span_ms)


def test_of_nothing_nothing_is_made(archive: FakeArchive, tmp_path: Path) -> None:
    with pytest.raises(NotDone, match="There is no video in this time"):
        film(archive, Redaction(areas=(Polygon.of([(0, 0), (1, 0), (1, 1)]),)))
    assert not (tmp_path / "redacted.mp4").exists()
