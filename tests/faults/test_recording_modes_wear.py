"""Ten minutes with one event of ten seconds: its video is on the disk, and next to nothing else was written."""

from pathlib import Path

from tests.faults.figures import note
from tests.faults.world import FPS, GOP, World, proved, world

MINUTES, EVENT_S, PRE_S, POST_S = 10, 10.0, 5.0, 10.0
GOP_S = GOP / FPS
MOST_SEGMENTS, MOST_ALL = 1.05, 1.3
PICTURE = 20_000
"""Bytes of a frame: 0.8 Mbit/s, as of a small camera."""


def _written() -> int:
    """Bytes that this process has handed to the kernel to write."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def _ten_minutes(made: World) -> None:
    made.run(MINUTES * 30)
    made.event(EVENT_S)
    made.run(MINUTES * 30 - EVENT_S)


def test_ten_quiet_minutes_write_little_more_than_their_event(quick_folder: Path) -> None:
    with world(quick_folder, record="events") as made:
        made.cameras_of.frame_bytes = PICTURE
        made.run(5)
        before = _written()
        _ten_minutes(made)
        made.stop()
        (span,) = made.spans()
        written = _written() - before
        video = span.seconds * FPS * PICTURE
    assert PRE_S + EVENT_S + POST_S <= span.seconds <= PRE_S + EVENT_S + POST_S + 2 * GOP_S
    files = sum(path.stat().st_size for path in quick_folder.rglob("*.mp4"))
    note("modes-wear", segments=files / video, all=written / video, limit=MOST_ALL)
    assert 1.0 <= files / video <= MOST_SEGMENTS
    assert written / video <= MOST_ALL
    proved(quick_folder, made.clock)
