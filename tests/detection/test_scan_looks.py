"""What a scan measures of its objects: in their best frames, without what nobody may see."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tawny.detection.appearance import Appearance, colours_shown
from tawny.detection.scan.looks import FULL_IMAGE, LookMeter
from tawny.detection.scan.scan import ScannedEvent, continued
from tawny.media.codec.video_file import FileVideo
from tawny.model.geometry import Polygon
from tests.detection.coloured_films import DRIVE_S, cars, first_s

BOX = (0.36, 0.44, 0.64, 0.76)
"""Of a car in the middle of the image."""


def passing(number: int, **more: Any) -> ScannedEvent:
    """The event of a car, at its best when it is in the middle."""
    at_s = first_s(number) + DRIVE_S * 0.48
    return replace(ScannedEvent(at_s - 2, at_s + 2, "vehicle", 80, at_s, BOX), **more)


def colours(events: Sequence[ScannedEvent]) -> list[list[str]]:
    return [colours_shown(Appearance.unpacked(one.looks)) if one.looks else [] for one in events]


def without_times(film: Path, folder: Path) -> Path:
    """The same frames as a bare stream, as some recorders write them."""
    bare = folder / "bare.h264"
    with av.open(str(film)) as given, av.open(str(bare), "w", format="h264") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return bare


def test_each_event_gets_the_colours_of_its_own_object() -> None:
    video = FileVideo(cars("red", "blue"))
    events = [passing(1), passing(0)]
    found = LookMeter().measured(video, events)
    assert colours(found) == [["blue"], ["red"]]
    assert [one.best_s for one in found] == [one.best_s for one in events]


def test_a_file_without_times_is_read_once_from_its_beginning(tmp_path: Path) -> None:
    video = FileVideo(without_times(cars("red", "blue"), tmp_path))
    assert not video.has_times
    # times are counted by the rate that such a file is taken to have
    slower = 5.0 / video.fps
    events = [passing(n, best_s=passing(n).best_s * slower) for n in (1, 0)]
    assert colours(LookMeter().measured(video, events)) == [["blue"], ["red"]]


def test_what_nobody_may_see_is_not_measured() -> None:
    video = FileVideo(cars("red", "blue"))
    whole = Polygon.of([(0, 0), (1, 0), (1, 1), (0, 1)])
    seen: list[Any] = []

    def embed(rgb: Any) -> bytes:
        seen.append(rgb)
        return b"vector"

    [found] = LookMeter(private=(whole,), model="m", embed=embed).measured(video, [passing(0)])
    assert colours([found]) == [[]]
    assert found.vector == b"vector"
    assert int(np.max(seen[0])) < 30


def test_events_without_a_place_are_left_as_they_are() -> None:
    sound = passing(0, box=FULL_IMAGE)
    assert LookMeter().measured(FileVideo(cars("red", "blue")), [sound]) == [sound]


@pytest.mark.parametrize(("score", "looks"), [(90, b"after"), (70, b"before")])
def test_an_event_over_two_parts_keeps_the_looks_of_its_best_frame(score: int, looks: bytes) -> None:
    before = ScannedEvent(0, 2, "vehicle", 80, looks=b"before", vector=b"before")
    after = ScannedEvent(2.5, 4, "vehicle", score, looks=b"after", vector=b"after")
    (found,) = continued([before], [after], 1.0)
    assert (found.looks, found.vector) == (looks, looks)
