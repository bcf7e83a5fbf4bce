"""What was closed is listed at once with what was closed with it; until then it is known as what is being written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tawny.engine import Bus
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.messages import Message, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.recorder.stream_writer import OpenSegment, SegmentCloser
from tawny.storage.disk.volume import Volume
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.segments.content_writer import PlainContent, WrittenFragment
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer
from tawny.testing.packet_feed import FORMAT

PORCH = CameraId("porch")
START_MS = 1_795_154_292_345
EVER = Span(0, 1 << 45)


class CountingIndex(MemoryIndex):
    """changes: how often it was changed; broken: it takes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.changes, self.broken = 0, False

    @contextmanager
    def together(self) -> Iterator[None]:
        if self.broken:
            raise StorageError("here", "it is broken")
        self.changes += 1
        with super().together():
            yield


class Bench:
    def __init__(self, folder: Path) -> None:
        self.volume, self.index, bus = Volume.at(folder), CountingIndex(), Bus()
        self.closing = SegmentCloser(self.index, bus)
        self.told: list[Segment] = []
        bus.subscribe_all(self._heard)

    def _heard(self, message: Message) -> None:
        if isinstance(message, SegmentClosed):
            assert self.index.segment(message.segment.id) is not None
            self.told.append(message.segment)

    def close_a_file(self, begin_ms: int) -> None:
        result = SegmentMetadata(PORCH, StreamName.MAIN, RunId("run"), begin_ms, "avc1.640028", 640, 360)
        file = OpenSegment.create(self.volume, result, PlainContent(init_segment(FORMAT, None, result.record())))
        parts = fragment(1, [Sample(b"\0\0\0\x02\x65\x01", 0, 90_000, True)])
        file.append([WrittenFragment(parts, 0, is_keyframe=True)])
        self.closing.finish(file, SegmentTrailer(begin_ms + 1000, "length"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_ends_together_is_one_change_of_the_index(bench: Bench) -> None:
    for number in range(5):
        bench.close_a_file(START_MS + number * 1000)
    assert bench.closing.is_due
    assert bench.index.count() == 0
    assert [one.start_ms for one in bench.closing.unlisted()] == [START_MS + number * 1000 for number in range(5)]
    bench.closing.retry()
    assert bench.index.changes == 1
    assert bench.told == bench.index.segments(PORCH, None, EVER)
    assert len(bench.told) == 5
    assert bench.closing.unlisted() == []
    assert not bench.closing.is_due


def test_what_the_index_refuses_is_listed_later_and_known_meanwhile(bench: Bench) -> None:
    bench.close_a_file(START_MS)
    bench.index.broken = True
    bench.closing.retry()
    (waiting,) = bench.closing.unlisted()
    assert bench.closing.has(waiting.id)
    assert bench.closing.left == 1
    assert bench.told == []
    bench.index.broken = False
    bench.closing.retry()
    assert bench.told == [waiting]
    assert bench.closing.left == 0


def test_a_folder_is_named_until_all_in_it_is_listed(bench: Bench) -> None:
    bench.volume.open_folders.clear()  # as a recorder leaves it
    bench.close_a_file(START_MS)
    folder = bench.closing.unlisted()[0].path.rpartition("/")[0]
    bench.volume.open_folders.enter("another/2100/01/01/00")
    assert folder in (Volume.at(bench.volume.root).open_folders.left_over() or [])
    bench.index.broken = True
    bench.closing.retry()
    assert folder in (Volume.at(bench.volume.root).open_folders.left_over() or [])
    bench.index.broken = False
    bench.closing.retry()
    assert folder not in (Volume.at(bench.volume.root).open_folders.left_over() or [])
