"""How long a jump on the timeline takes the recorder: from the instant asked for to the first picture's bytes.

    python -m benchmarks.seek [--days 365] [--folder FOLDER]

A year of one camera in files of 60 s, all there: they are links to a few that hold a minute of small pictures each, and
the index is the recorder's own. Asked for are instants anywhere in it; what to play from there on is looked up, and the
file is read from its keyframe on.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import report
from tawny.media.codec.encoder import Encoder, EncodingQuality
from tawny.media.codec.parameter_sets import codec_string
from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import VideoFormat
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.recordings import run_from
from tawny.playback.segment_player import play
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.layout import DAY_MS, SegmentName
from tawny.storage.disk.volume import Volume
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.opening import INDEX_NAME
from tawny.storage.index.sqlite_index import SqliteIndex

BEGIN_MS = 1_767_225_600_000  # 2026-01-01
SEGMENT_MS, SEEKS, MOST_MS = 60_000, 500, 300.0
MOST_LINKS = 30_000
CAMERA, MAIN = CameraId("porch"), StreamName.MAIN


class Year:
    """`playback.recordings.RecordingArchive`."""

    def __init__(self, folder: Path) -> None:
        self.volume = Volume(RealDisk(folder))
        self.index = SqliteIndex(folder / INDEX_NAME, Catalogue(self.volume))

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        return ()

    def segment_path(self, segment: Segment) -> Path:
        return self.volume.path(segment.path)

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        return ()

    def scores(self, camera: CameraId, within: Span) -> bytes:
        return b""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--days", type=int, default=365)
    asked.add_argument("--folder", type=Path, default=None, help="where the files are made, and removed again")
    args = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        year = Year(Path(folder))
        fill(year, Path(folder), args.days)
        took_ms = sorted(seeks(year, args.days))
        year.index.close()
    print(f"{SEEKS} seeks in {args.days} days: p50 {took_ms[SEEKS // 2]:.1f} ms, most {took_ms[-1]:.1f} ms")
    p95_ms = took_ms[SEEKS * 95 // 100]
    return 0 if report("seek", p95_ms, MOST_MS, f"{MOST_MS:.0f} ms, p95", 1.0) else 1


def fill(year: Year, folder: Path, days: int, begin_ms: int = BEGIN_MS) -> None:
    data, video = minute()
    run, links, made = RunId("20260101T000000.000Z-000001"), 0, folder / "minute"
    for day_ms in range(begin_ms, begin_ms + days * DAY_MS, DAY_MS):
        with year.index.together():
            for at_ms in range(day_ms, day_ms + DAY_MS, SEGMENT_MS):
                if links % MOST_LINKS == 0:
                    made.unlink(missing_ok=True)
                    made.write_bytes(data)
                links += 1
                path = SegmentName(CAMERA, MAIN, at_ms, at_ms + SEGMENT_MS).path
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                os.link(made, folder / path)
                span = (at_ms, at_ms + SEGMENT_MS)
                year.index.add_segment(
                    Segment(CAMERA, MAIN, run, *span, len(data), path, codec_string(video), video.width, video.height)
                )
        year.index.settle(day_ms + DAY_MS)
    year.volume.open_folders.clear()  # as a recorder leaves it, that does not look for what was left open then


def minute() -> tuple[bytes, VideoFormat]:
    """A file of 60 s, 15 pictures a second, 2 Mbit/s, a keyframe every 2 s."""
    import numpy as np

    encoder, noise = (
        Encoder(640, 360, 15, gop_s=2.0, quality=EncodingQuality(bit_rate=2_000_000)),
        np.random.default_rng(1),
    )
    picture = noise.integers(0, 255, (540, 640), np.uint8)
    packets = [packet for n in range(900) for packet in encoder.encode(np.roll(picture, n), n * 6000)] + encoder.close()
    video = packets[0].format
    assert isinstance(video, VideoFormat)
    parts = [init_segment(video, None, {"camera": CAMERA})]
    for number in range(60):
        shown = [Sample(one.data, one.pts, 6000, one.is_keyframe) for one in packets[number * 15 : number * 15 + 15]]
        parts += [bytes(part) for part in fragment(number + 1, shown, (), number * 90_000)]
    return b"".join([*parts, end_box({"why": "length"})]), video


def seeks(year: Year, days: int) -> list[float]:
    dice, took_ms = random.Random(1), []
    for _ in range(SEEKS):
        at_ms = BEGIN_MS + dice.randrange(days * DAY_MS)
        begun_s = time.perf_counter()
        segment = run_from(year, CAMERA, MAIN, at_ms).segments[0]
        data = play(year, segment, at_ms).data
        got = sum(len(next(data)) for _ in range(2))
        took_ms.append((time.perf_counter() - begun_s) * 1000)
        assert segment.start_ms <= at_ms < segment.end_ms and got > 1000
    return took_ms


if __name__ == "__main__":
    sys.exit(main())
