"""Stamps show each frame's own time, so that missing frames can be seen: read back from the pixels."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import cv2
import numpy as np
import pytest

from tawny.media.codec.decoder import DecodedFrame, stated_by
from tawny.media.codec.transcoder import VideoWriter
from tawny.media.image.stamp import (
    GLYPH_WIDTH,
    LINE_DOTS,
    MARGIN,
    Stamp,
    dot_size,
    downscaled,
    glyphs,
    plain_text,
    stamped,
    yuv,
)
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import FigureThing, MotionFigure, ObjectPath, PathPoint
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.model.times import Span, utc_from_text
from tawny.playback.clips import ClipCache
from tawny.playback.exports import ExportKind, ExportOptions, make_export
from tawny.playback.stamps import FrameStamps, event_clips, figures_in, figures_text, objects_in, read_stamps
from tests.playback.archives import PORCH, FakeArchive, pictures

ZONE = ZoneInfo("Europe/Berlin")
START_MS = utc_from_text("2026-11-20T05:58:12.345Z")
KNOWN = {glyphs(chr(one)).tobytes(): chr(one) for one in range(32, 127)}


def read(luma: Any, line: int = 0, letters: int = 60) -> str:
    """What is written in a line at the top left."""
    dot = dot_size(luma.shape[0])
    top, text = (line * LINE_DOTS + MARGIN) * dot, ""
    for place in range(letters):
        left = (MARGIN + place * (GLYPH_WIDTH + 1)) * dot
        cell = luma[top + dot // 2 : top + 8 * dot : dot, left + dot // 2 : left + (GLYPH_WIDTH + 1) * dot : dot]
        text += KNOWN.get((cell > 125).tobytes(), "")
    return text.rstrip()


class Place:
    """A `playback.exports.ExportTarget`."""

    def __init__(self, folder: Path) -> None:
        self.out, self.scratch = folder / "out", folder / "scratch"

    def needs(self, size_bytes: int) -> None: ...
    def progress(self, part: float) -> None: ...


def frames_of(path: Path) -> Iterator[tuple[float, Any]]:
    with av.open(str(path), "r") as file:
        for frame in file.decode(video=0):
            yield frame.time or 0.0, frame.to_ndarray(format="gray")


def stamps(camera: CameraId, span: Span) -> FrameStamps:
    figures = [MotionFigure(START_MS + 1000, 742, 400, moves=True)]
    return FrameStamps("Küche", ZONE, figures, [Span(START_MS + 1000, START_MS + 3000)])


@pytest.fixture
def archive(tmp_path: Path) -> FakeArchive:
    made = FakeArchive(tmp_path)
    made.record(START_MS, 4, size=(640, 360))
    return made


def test_rp6_the_milliseconds_are_those_of_each_frame(archive: FakeArchive, tmp_path: Path) -> None:
    """And advance as the frames do, by the same steps as in the recording."""
    place = Place(tmp_path)
    wish = ExportOptions(ExportKind.MP4, (PORCH,), Span(START_MS + 500, START_MS + 3500), stamp=stamps)
    made = make_export(archive, ClipCache(archive), wish, ZONE, place, 10**9)
    shown_ms, own_ms = [], []
    for time_s, luma in frames_of(place.out):
        text = read(luma)
        assert text.startswith("Kuche  2026-11-20 06:58:1"), text
        assert text.endswith(" +0100")
        shown_ms.append(utc_from_text(f"2026-11-20T05:{text[21:30]}Z"))
        own_ms.append(made.start_ms + time_s * 1000)
    assert len(shown_ms) >= 15
    assert max(abs(shown - own) for shown, own in zip(shown_ms, own_ms, strict=True)) <= 1
    assert all(later > earlier for earlier, later in pairwise(shown_ms))
    assert list(tmp_path.glob("scratch*")) == []


def turned_pictures(turned: Orientation) -> list[SourcePacket]:
    """Two seconds of a camera that says how it hangs."""
    return [
        replace(one, format=replace(one.format, orientation=turned))
        for one in pictures(640, 480, 2)
        if isinstance(one.format, VideoFormat)
    ]


@pytest.mark.parametrize("turned", [Orientation(90), Orientation(180), Orientation(0, mirror=True)], ids=str)
def test_the_stamp_of_a_turned_camera_is_upright(tmp_path: Path, turned: Orientation) -> None:
    archive, place = FakeArchive(tmp_path), Place(tmp_path)
    archive.record(START_MS, 2, packets=turned_pictures(turned))
    wish = ExportOptions(ExportKind.MP4, (PORCH,), Span(START_MS, START_MS + 2000), stamp=stamps)
    make_export(archive, ClipCache(archive), wish, ZONE, place, 10**9)
    with av.open(str(place.out), "r") as file:
        frame = next(file.decode(video=0))
    assert stated_by(frame) == UPRIGHT, "a player would turn it again"
    assert (frame.width, frame.height) == turned.size(640, 480)
    assert read(frame.to_ndarray(format="gray")).startswith("Kuche  2026-11-20 06:58:12")


def test_rp4_rp5_figures_and_rec_are_those_of_the_time() -> None:
    made = stamps(PORCH, Span(START_MS, START_MS + 1))
    at = {ms: made.at(START_MS + ms) for ms in (0, 1000, 2100, 2300, 3000)}
    assert [one.lines[1] for one in at.values()] == [
        "000000/000400", "000742/000400", "000742/000400", "000000/000400", "000000/000400",
    ]  # fmt: skip
    assert [one.is_recording for one in at.values()] == [False, True, True, True, False]


def test_rec_is_shown_from_the_first_to_the_last_second_of_a_clip(archive: FakeArchive) -> None:
    archive.index.put_event(Event(EventId("e"), PORCH, "motion", START_MS + 2000, START_MS + 3000, 60.0))
    (clip,) = event_clips(archive.index, PORCH, Span(START_MS, START_MS + 1), 2, 5)
    assert clip == Span(START_MS, START_MS + 8000)


def test_the_last_figure_before_a_time_tells_its_level() -> None:
    stored = [MotionFigure(START_MS + ms, 7, 400) for ms in (-90_000, -50_000, -40_000, -500, 500)]

    def found(near: Span) -> list[MotionFigure]:
        return [one for one in stored if near.begin_ms <= one.at_ms < near.end_ms]

    got = figures_in(found, Span(START_MS, START_MS + 1000))
    assert [one.at_ms - START_MS for one in got] == [-40_000, -500, 500]


def test_sc28_boxes_have_kind_and_score() -> None:
    thing = FigureThing((0.25, 0.5, 0.75, 1.0), 61, "person")
    made = replace(stamps(PORCH, Span(0, 1)), figures=[MotionFigure(START_MS, 1, 2, things=(thing,))])
    assert made.at(START_MS + 300).boxes == ((thing.box, "person 61"),)
    assert made.at(START_MS + 500).boxes == ()
    grey = av.VideoFrame.from_ndarray(np.full((360, 640, 3), 90, np.uint8), format="rgb24")
    drawn = stamped(DecodedFrame(grey, PORCH, 0), made.at(START_MS + 300)).video.to_ndarray(format="gray")
    assert drawn[180, 400] > 180
    assert drawn[270, 161] > 180
    assert drawn[270, 320] == drawn[100, 320]


@pytest.mark.parametrize("size", [(320, 240), (641, 361), (1920, 1080), (64, 48)])
def test_a_stamp_is_readable_in_any_size(size: tuple[int, int]) -> None:
    picture = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), format="rgb24")
    frame = stamped(DecodedFrame(picture, PORCH, 0), Stamp(("12:01:02.345", "000742/000400"), is_recording=True))
    luma = frame.video.to_ndarray(format="gray")
    if size[0] >= 320:
        assert (read(luma), read(luma, 1)) == ("12:01:02.345", "000742/000400")
    assert (frame.width, frame.height) == (size[0] // 2 * 2, size[1] // 2 * 2)


def test_letters_that_are_lacking_are_told_plainly() -> None:
    assert plain_text("Küche Ñandú 门") == "Kuche Nandu ?"
    assert plain_text("Großer Łódź-Sjø") == "Grosser Lodz-Sjo"
    assert plain_text("Tür „Hof“ — ‘A’") == "Tur \"Hof\" - 'A'"
    assert figures_text(742, 400) == "000742/000400"
    assert figures_text(3.5, 12.25) == "003.50/012.25"
    assert figures_text(12_000_000, 20_000) == "999999/020000"


@pytest.mark.parametrize(
    ("name", "stamped_name"), [("Großer Saal", "Grosser Saal"), ("門 A12", "? A12"), ("Двор", "porch"), ("???", "???")]
)
def test_a_camera_whose_name_cannot_be_written_is_stamped_by_its_id(
    archive: FakeArchive, name: str, stamped_name: str
) -> None:
    class Read:
        index = archive.index

        def figures(self, camera: CameraId, within: Span) -> list[MotionFigure]:
            return []

        def event_objects(self, event: Event) -> tuple[ObjectPath, ...]:
            return ()

    made = read_stamps(Read(), PORCH, Span(START_MS, START_MS + 1), name, ZONE, (0, 0)).at(START_MS)
    assert plain_text(made.lines[0]).startswith(f"{stamped_name}  2026")


def test_a_small_picture_is_stamped_in_its_own_size() -> None:
    picture = av.VideoFrame.from_ndarray(np.zeros((1080, 1920, 3), np.uint8), format="rgb24")
    small = downscaled(DecodedFrame(picture, PORCH, 7), 320)
    assert (small.width, small.height, small.at_ms) == (320, 180, 7)


@pytest.mark.parametrize("kind", [ExportKind.GIF, ExportKind.SHEET])
def test_sc31_gifs_and_sheets_are_stamped_too(archive: FakeArchive, tmp_path: Path, kind: ExportKind) -> None:
    place = Place(tmp_path)
    wish = ExportOptions(kind, (PORCH,), Span(START_MS, START_MS + 3000), columns=2, rows=2, stamp=stamps)
    make_export(archive, ClipCache(archive), wish, ZONE, place, 10**9)
    if kind is ExportKind.GIF:
        luma = next(frames_of(place.out))[1]
    else:
        sheet: Any = cv2.imdecode(np.frombuffer(place.out.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
        luma = sheet[:180, :320]
    assert read(luma).startswith("Kuche  2026-11-20 06:58:12")
    assert read(luma, 1) == "000000/000400"


@pytest.mark.parametrize(
    ("kind", "seconds", "says"), [("timelapse", 600, "can't be stamped"), ("mp4", 601, "at most 10 min")]
)
def test_what_cannot_be_stamped_is_said(
    archive: FakeArchive, tmp_path: Path, kind: str, seconds: int, says: str
) -> None:
    span = Span(START_MS, START_MS + seconds * 1000)
    wish = ExportOptions(ExportKind(kind), (PORCH,), span, stamp=stamps)
    with pytest.raises(NotDone, match=says):
        make_export(archive, ClipCache(archive), wish, ZONE, Place(tmp_path), 10**9)


def test_boxes_alone_have_kind_time_and_nothing_for_tuning() -> None:
    """The score of what has no name says how much moves, so it is left out."""
    person, motion = FigureThing((0.25, 0.5, 0.75, 1.0), 91, "person"), FigureThing((0, 0, 0.2, 0.2), 61, "motion")
    made = replace(
        stamps(PORCH, Span(0, 1)), figures=[MotionFigure(START_MS, 1, 2, things=(person, motion))], only_boxes=True
    )
    assert made.at(START_MS + 300) == Stamp(
        ("2026-11-20 06:58:12 +0100",), boxes=((person.box, "Person 91%"), (motion.box, "Motion"))
    )
    assert made.at(START_MS + 500) == Stamp(("2026-11-20 06:58:12 +0100",)), "a box that is old is not drawn"
    assert made.at(START_MS - 1) == Stamp(("2026-11-20 06:58:12 +0100",)), "nor one of later"


def test_the_time_above_boxes_tells_the_repeated_hour_apart() -> None:
    made = replace(stamps(PORCH, Span(0, 1)), only_boxes=True)
    first_ms = utc_from_text("2026-10-25T00:30:00.000Z")
    times = [made.at(at_ms).lines for at_ms in (first_ms, first_ms + 3_600_000)]
    assert times == [("2026-10-25 02:30:00 +0200",), ("2026-10-25 02:30:00 +0100",)]


@pytest.mark.parametrize("turned", [Orientation(), Orientation(90), Orientation(0, mirror=True)], ids=str)
def test_an_export_has_the_box_where_the_thing_is_shown(tmp_path: Path, turned: Orientation) -> None:
    """Boxes are parts of the image as shown, also of a camera that hangs on its side."""
    archive, place = FakeArchive(tmp_path), Place(tmp_path)
    archive.record(START_MS, 2, packets=turned_pictures(turned))

    def boxed(camera: CameraId, span: Span) -> FrameStamps:
        things = (FigureThing((0.25, 0.5, 0.5, 0.75), 91, "person"),)
        figures = [MotionFigure(START_MS + ms, 1, 2, things=things) for ms in range(0, 2000, 100)]
        return FrameStamps("Porch", ZONE, figures, [], only_boxes=True)

    wish = ExportOptions(ExportKind.MP4, (PORCH,), Span(START_MS, START_MS + 2000), stamp=boxed)
    make_export(archive, ClipCache(archive), wish, ZONE, place, 10**9)
    with av.open(str(place.out), "r") as file:
        colours: Any = next(file.decode(video=0)).to_ndarray(format="rgb24")
    height, width = colours.shape[:2]
    assert (width, height) == turned.size(640, 480)
    yellow = (colours[..., 0] > 150) & (colours[..., 1] > 150) & (colours[..., 2] < 110)
    rows, columns = np.flatnonzero(yellow.sum(axis=1) > width / 5), np.flatnonzero(yellow.sum(axis=0) > height / 5)
    found = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
    assert found == pytest.approx((0.25, 0.5, 0.5, 0.75), abs=0.02)


def test_boxes_of_stored_objects_move_evenly_between_their_points() -> None:
    """And are named as the object is now, also in frames from before it had a name."""
    path = (PathPoint(START_MS, (0.1, 0.4, 0.2, 0.8)), PathPoint(START_MS + 1000, (0.3, 0.4, 0.4, 0.8)))
    figures = [MotionFigure(START_MS, 1, 2, things=(FigureThing((0, 0, 1, 1), 61, "motion"),))]
    made = FrameStamps("Porch", ZONE, figures, [], True, [ObjectPath(1, "person", "person", 0.914, path)])
    found = {ms: made.at(START_MS + ms).boxes for ms in (-1, 0, 500, 1000, 1400, 1401)}
    assert [len(boxes) for boxes in found.values()] == [0, 1, 1, 1, 1, 0]
    assert {text for boxes in found.values() for _, text in boxes} == {"Person 91%"}
    assert found[500][0][0] == pytest.approx((0.2, 0.4, 0.3, 0.8))
    assert found[1400][0][0] == (0.3, 0.4, 0.4, 0.8)


def test_objects_are_those_of_the_events_in_a_time(archive: FakeArchive) -> None:
    near, far = (
        Event(EventId(name), PORCH, "motion", START_MS + at_ms, START_MS + at_ms + 1000, 60.0)
        for name, at_ms in (("near", 1000), ("far", 60_000))
    )
    archive.index.put_event(near)
    archive.index.put_event(far)
    one = ObjectPath(1, "motion", "motion", 0.6, (PathPoint(START_MS + 1000, (0, 0, 1, 1)),))
    paths = {near.id: [one, replace(one, path=())], far.id: [replace(one, track=2)]}
    span = Span(START_MS, START_MS + 4000)
    assert objects_in(archive.index, PORCH, span, lambda event: paths[event.id]) == [one]


def test_a_comparison_has_boxes_in_colours_and_its_lines_below_the_picture() -> None:
    grey = av.VideoFrame.from_ndarray(np.full((360, 640, 3), 90, np.uint8), format="rgb24")
    red = yuv(220, 30, 30)
    stamp = Stamp(
        boxes=(((0.25, 0.5, 0.75, 1.0), ""),), colours=(red,), below=(("one 7 / 9", red), ("two", red), ("3", red))
    )
    made = stamped(DecodedFrame(grey, PORCH, 0), stamp).video
    assert (made.width, made.height) == (640, 360 + 2 * LINE_DOTS + 2)
    colours = made.to_ndarray(format="rgb24").astype(int)
    assert colours[358, 320] == pytest.approx((220, 30, 30), abs=40), "the box ends where the picture does"
    assert colours[300, 320] == pytest.approx((90, 90, 90), abs=6)
    assert read(np.where(made.to_ndarray(format="gray")[360:] > 60, 200, 0)) == "one 7 / 9"


def test_each_frame_lasts_until_the_next(tmp_path: Path) -> None:
    """With a time of its own, as in a video of another program whose frames are uneven."""
    writer = VideoWriter(tmp_path / "out.mp4", tmp_path / "scratch", 64, 48, 10)
    times = [0.0, 0.1, 0.45, 0.5, 1.75]
    for at_s in times:
        writer.add(np.full((72, 64), 128, np.uint8), at_s)
    writer.finish(0)
    assert [time_s for time_s, _ in frames_of(tmp_path / "out.mp4")] == pytest.approx(times, abs=0.001)
