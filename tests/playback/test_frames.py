import errno
from typing import Any

import cv2
import numpy as np
import pytest

from tawny.model.errors import TooManyFiles
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import EventId
from tawny.model.observations import Box
from tawny.model.packets import Packet
from tawny.playback import stills
from tawny.playback.frame_reader import event_snapshot
from tawny.playback.stills import StillPicture, StillReader
from tests.playback.archives import FPS, MAIN, PORCH, SUB, FakeArchive
from tests.support.bad_sector import bad_sector

T = 1_795_000_000_000


def grey(picture: StillPicture | None) -> int:
    """The number of the picture, by how grey it is."""
    assert picture
    seen = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert seen is not None
    return round((float(seen.mean()) * 219 / 255) / 2)


def test_the_picture_is_the_keyframe_before_the_instant(archive: FakeArchive) -> None:
    archive.record(T)
    found = StillReader(archive).at(PORCH, T + 2700, 320)
    assert found
    assert found.at_ms == T + 2000
    assert abs(grey(found) - 2 * FPS) <= 1


def test_a_preview_comes_from_the_small_stream_a_large_picture_from_the_large_one(archive: FakeArchive) -> None:
    archive.record(T, stream=MAIN)
    archive.record(T + 500, stream=SUB)
    made = StillReader(archive)
    ats = [found.at_ms if (found := made.at(PORCH, T + 1200, width)) else 0 for width in (320, 1920)]
    assert ats == [T + 500, T + 1000]


def test_where_one_stream_has_nothing_the_other_does(archive: FakeArchive) -> None:
    archive.record(T, stream=MAIN)
    assert StillReader(archive).at(PORCH, T + 1200, 320)


def test_where_nothing_is_recorded_there_is_no_picture(archive: FakeArchive) -> None:
    archive.record(T)
    made = StillReader(archive)
    assert [made.at(PORCH, T - 1, 320), made.at(PORCH, T + 8_000, 320)] == [None, None]


def test_the_last_picture_stands_while_the_next_second_is_on_its_way(archive: FakeArchive) -> None:
    archive.record(T, is_open=True)
    found = StillReader(archive).at(PORCH, T + 5_500, 320)
    assert found
    assert found.at_ms == T + 3000


def test_a_damaged_file_has_no_picture(archive: FakeArchive) -> None:
    segment = archive.record(T)
    archive.segment_path(segment).write_bytes(b"garbage")
    assert StillReader(archive).at(PORCH, T, 320) is None


def test_where_a_file_cannot_be_read_the_other_stream_has_the_picture(
    archive: FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = archive.record(T)
    archive.record(T, stream=SUB)
    bad_sector(monkeypatch, archive.segment_path(bad))
    found = StillReader(archive).at(PORCH, T, 1920)
    assert found
    assert found.at_ms == T


def test_that_too_many_files_are_open_is_told(archive: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    bad_sector(monkeypatch, archive.segment_path(archive.record(T)), errno.EMFILE)
    with pytest.raises(TooManyFiles):
        StillReader(archive).at(PORCH, T, 320)


def test_asking_again_decodes_nothing(archive: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.record(T)
    made = StillReader(archive)
    first = made.at(PORCH, T + 2700, 320)
    monkeypatch.setattr(stills, "keyframe_jpeg", None)
    assert made.at(PORCH, T + 2100, 320) is first


def test_what_is_kept_is_bounded(archive: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stills, "MOST_KEPT_BYTES", 10_000)
    decoded: list[int] = []

    def keyframe_jpeg(packet: Packet, width: int, private: object) -> bytes:
        decoded.append(packet.pts)
        return b"x" * 3000

    monkeypatch.setattr(stills, "keyframe_jpeg", keyframe_jpeg)
    archive.record(T)
    made = StillReader(archive)
    for second in (0, 1, 2, 3, 1, 2, 3):
        made.at(PORCH, T + second * 1000, 320)
    assert len(decoded) == 4, "three fit"
    made.at(PORCH, T, 320)
    assert len(decoded) == 5, "the fourth does not"


FAR = (0.4, 0.4, 0.43, 0.5)
SMALL = bytes(cv2.imencode(".jpg", np.full((360, 640, 3), 200, np.uint8))[1].tobytes())
"""A stored snapshot, lighter than anything recorded."""


def snapshot(archive: FakeArchive, *, box: Box | None = FAR, **how: Any) -> Any:
    event = Event(EventId("e"), PORCH, "person", T, T + 3000, 90.0, box=box, picture_ms=T + 1000)
    return cv2.imdecode(np.frombuffer(event_snapshot(archive, event, SMALL, "closeup", **how), np.uint8), 0)


def test_a_small_object_is_cut_from_the_recording_in_full_size(archive: FakeArchive) -> None:
    archive.record(T, size=(1920, 1080))
    wide, square = snapshot(archive), snapshot(archive, is_square=True)
    assert (wide.shape, square.shape) == ((270, 480), (480, 480))
    assert wide.mean() < 100


@pytest.mark.parametrize("begin_ms", [T + 60_000, T + 1_200], ids=["not recorded", "only later"])
def test_without_a_recording_it_is_cut_from_the_stored_snapshot(archive: FakeArchive, begin_ms: int) -> None:
    archive.record(begin_ms, size=(1920, 1080))
    assert snapshot(archive).shape == (270, 480)
    assert snapshot(archive).mean() > 150


def test_who_is_near_costs_no_decoding(archive: FakeArchive) -> None:
    archive.record(T, size=(1920, 1080))
    near = snapshot(archive, box=(0.3, 0.2, 0.5, 0.7))
    assert near.shape[0] <= 360
    assert near.mean() > 150


def test_what_is_private_stays_so_in_a_larger_snapshot(archive: FakeArchive) -> None:
    archive.hidden = (Polygon(((0, 0), (1, 0), (1, 1), (0, 1))),)
    archive.record(T, size=(1920, 1080))
    assert snapshot(archive).max() <= 40
