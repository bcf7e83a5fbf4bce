"""The timeline as text: what begins and ends in the same second has its length instead of an end."""

from types import SimpleNamespace
from typing import Any, cast

from tawny.cli.recordings import lines
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.playback.recordings import RecordingArchive

DOOR, DAY = CameraId("door"), Span(0, 86_400_000)
GAPS = [
    Gap(DOOR, 10_100, 10_200, GapReason.RECORDER_OFF),
    Gap(DOOR, 20_900, 22_100, GapReason.RECORDER_OFF),
    Gap(DOOR, 40_000, None, GapReason.RECORDER_OFF),
]
SPANS = [Span(10_200, 20_900), Span(22_100, 22_101)]


def archive() -> RecordingArchive:
    def spans(_camera: CameraId, name: object, _within: Span) -> list[Any]:
        return SPANS if name is None else []

    found = SimpleNamespace(
        spans=spans,
        gaps=lambda *_: GAPS,
        damage=lambda *_: [],
        events=lambda *_, **__: SimpleNamespace(events=()),
    )
    return cast(RecordingArchive, SimpleNamespace(index=found, open_segments=lambda _: []))


def test_no_line_is_without_length() -> None:
    result = lines(archive(), DOOR, DAY)
    assert len(result) == len(GAPS) + len(SPANS)
    assert all(line[:19] not in line[19:] for line in result)
    assert "missing  for 0.1 s: " in result[0]
    assert result[3].endswith("recorded for 0.001 s")
    assert "still" in result[-1]
