"""How long the first picture takes from a bucket over a line of 20 ms, against the same recordings on the disk.

    python -m benchmarks.archive [--line MS]

Recordings of a minute at 4 Mb/s go to moto's S3 server, which answers each request later by the line's round trip.
Asked for is an instant in each recording, with nothing in memory: the time from the question to the first bytes of
video.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import report
from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import Segment
from tawny.playback.segment_player import play
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer
from tawny.testing.packet_feed import FORMAT
from tests.service.retention.archive_bench import ArchivedSite, bucket_server

CAMERA = CameraId("porch")
FILES, SECONDS, FPS = 20, 60, 15
SECOND_BYTES = 500_000
KEYFRAME_BYTES = 120_000
MOST_MS = 500.0


def main(given: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--line", type=float, default=20.0, metavar="MS", help="round trip of the line, ms")
    line_s = parser.parse_args(given).line / 1000
    with tempfile.TemporaryDirectory() as folder, bucket_server() as server:
        archived = ArchivedSite(Path(folder), server, "bench")
        segments = [_recording(archived, number) for number in range(FILES)]
        local = [_first_picture_ms(archived, one) for one in segments]
        archived.site.clock.advance(2 * 86_400)
        while archived.mover.move():
            pass
        archived.join()  # nothing is in memory
        server.requests.clear()
        server.answers_after_s = line_s
        away = [_first_picture_ms(archived, one) for one in segments]
        requests = len(server.requests) / FILES
    print(f"disk: median {_median(local):.1f} ms, slowest {max(local):.1f} ms")
    print(f"bucket: median {_median(away):.1f} ms, slowest {max(away):.1f} ms, {requests:.1f} requests each")
    return 0 if report("first picture, slowest", max(away), MOST_MS, f"{MOST_MS:g} ms", 1.0) else 1


def _median(of: Sequence[float]) -> float:
    return sorted(of)[len(of) // 2]


def _recording(archived: ArchivedSite, number: int) -> Segment:
    """A minute in fragments of a second, each with a keyframe."""
    site = archived.site
    start_ms = site.clock.now_ms() - (FILES - number) * SECONDS * 1000
    metadata = SegmentMetadata(
        CAMERA, StreamName.MAIN, RunId("run"), start_ms, "avc1.640028", FORMAT.width, FORMAT.height
    )
    name = metadata.name.closed(start_ms + SECONDS * 1000)
    parts = [init_segment(FORMAT, None, metadata.record())]
    for second in range(SECONDS):
        sizes = [KEYFRAME_BYTES] + [(SECOND_BYTES - KEYFRAME_BYTES) // (FPS - 1)] * (FPS - 1)
        pictures = [
            Sample(
                (size - 4).to_bytes(4, "big") + b"\x65" + bytes(size - 5),
                (second * FPS + at) * 90_000 // FPS,
                90_000 // FPS,
                at == 0,
            )
            for at, size in enumerate(sizes)
        ]
        parts += map(bytes, fragment(second + 1, pictures, (), second * 90_000))
    parts.append(end_box(SegmentTrailer(start_ms + SECONDS * 1000, "length").record()))
    path = site.folder / name.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(parts))
    segment = metadata.segment(name, path.stat().st_size)
    site.index.add_segment(segment)
    return segment


def _first_picture_ms(archived: ArchivedSite, segment: Segment) -> float:
    begun_s = time.perf_counter()
    next(play(archived, segment, segment.start_ms + 30_000).data)
    return (time.perf_counter() - begun_s) * 1000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
