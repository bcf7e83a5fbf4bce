"""What a stream's writer puts into its files."""

from pathlib import Path

from tawny.engine import Bus
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import Packet
from tawny.model.times import Span
from tawny.recorder.segmenter import NewSegmentFile, WriteFragment, WriteUnit
from tawny.recorder.stream_writer import SegmentCloser, StreamWriter
from tawny.storage.disk.volume import Volume
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.segments.metadata import SegmentTrailer
from tawny.testing.clips import ClipSpec, made_clip

BEGUN_MS = 1_700_000_000_000
CAMERA, RUN = CameraId("door"), RunId("run")
FPS = 5
CLIP = made_clip(ClipSpec(width=64, height=64, fps=FPS, seconds=4.0, gop_s=1.0))


def test_a_lone_picture_lasts_about_as_long_as_those_of_the_file_before(tmp_path: Path) -> None:
    """A file may begin with one picture whose next isn't there yet. Browsers drop all up to the next keyframe where
    pictures are more than twice as far apart as they last."""
    pictures = [
        Packet(RUN, number, CLIP.video, one.data, one.pts, BEGUN_MS + one.pts // 90, one.is_keyframe)
        for number, one in enumerate(one for one in CLIP.packets if one.is_video)
    ]
    files = [NewSegmentFile(RUN, at.at_ms, at.pts, CLIP.video, None) for at in (pictures[0], pictures[FPS])]
    index = MemoryIndex()
    volume, closing = Volume.at(tmp_path), SegmentCloser(index, Bus())
    writer = StreamWriter(volume, index, closing, CAMERA, StreamName.MAIN)
    writer.write(WriteUnit((WriteFragment(tuple(pictures[:FPS])),), begins=files[0], next_pts=pictures[FPS].pts))
    writer.write(WriteUnit((WriteFragment(tuple(pictures[FPS : FPS + 1])),), begins=files[1]))
    writer.write(WriteUnit((WriteFragment(tuple(pictures[FPS + 1 : 2 * FPS])),)))
    writer.end(SegmentTrailer(0, "the test is over"))
    closing.retry()
    _, segment = index.segments(CAMERA, None, Span(0, 1 << 60))
    file = read_segment(volume.path(segment.path))
    first, second = ([one.pts / 90 for one in samples(file, [each])] for each in file.fragments)
    assert (first, second[0]) == ([0], 1000 / FPS)
    (lone,) = samples(file, file.fragments[:1])
    assert lone.duration / 90 > second[0] / 2
