"""How much is written to the disk for each byte of video: cards and disks wear by it."""

import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Gap, GapReason
from tawny.recorder.recorder import SegmentRecorder
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.faults.child import FPS
from tests.faults.figures import note
from tests.faults.rig.ext4 import in_namespace, why_not
from tests.faults.rig.log import Line, Write, read_log
from tests.support.packet_file import save_packets

RATE_BITS = 4_000_000
MINUTES = 3
MOST = 1.02
MOST_EXT4 = 1.25
PORCH = CameraId("porch")


def _written() -> int:
    """Bytes that this process has handed to the kernel to write."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def test_a_byte_of_video_is_written_once(quick_folder: Path) -> None:
    clock = FakeClock("2026-11-20T05:00:00Z")
    volume = Volume.at(quick_folder)
    with closing(SqliteIndex(quick_folder / "tawny.db")) as index:
        history = HistoryJournal(volume.disk)
        ledger = HistoryLedger(history, index, clock)
        engine = InlineEngine(clock, lambda name, error: pytest.fail(f"{name}: {error}"))
        recorder, hub = SegmentRecorder(volume, index, clock, Bus()), Hub()
        recorder.start(engine)
        recorder.add(PORCH, StreamName.MAIN, hub)
        size_bytes = RATE_BITS // 8 // FPS * 10 // 13  # keyframes are four times that
        feed = PacketFeed(hub, clock, fps=FPS, gop=30, size_bytes=size_bytes)
        video_bytes, before = 0, _written()
        for number in range(MINUTES * 60 * FPS):
            video_bytes += len(feed.picture().data)
            engine.run_for(1 / FPS)
            if number % (60 * FPS) == 0:
                ledger.put_gap(Gap(PORCH, clock.now_ms(), clock.now_ms() + 1, GapReason.STALLED))
        recorder.end_all()
        while not recorder.is_idle:
            engine.run_for(0.2)
        history.close()
    ratio = (_written() - before) / video_bytes
    note("wear", ratio=ratio, rate_mbit=RATE_BITS / 1e6, limit=MOST)
    assert 1.0 <= ratio <= MOST


@pytest.mark.long
@pytest.mark.skipif(why_not() != "", reason=why_not() or "it runs")
def test_what_ext4_adds_to_it(quick_folder: Path) -> None:
    """A sync every 0.6 s makes it write its journal, too: counted at the block layer, with what the index writes."""
    filler = RATE_BITS // 8 // FPS
    packets = [
        replace(packet, data=packet.data + _filler(filler - len(packet.data)))
        for packet in made_clip(ClipSpec(seconds=4.0)).packets
        if packet.is_video
    ]
    path = quick_folder / "packets"
    save_packets(path, packets)
    program = [sys.executable, "-m", "tests.faults.child", "{}", str(path), "3.9"]
    subprocess.run(in_namespace("tests.faults.rig.run", quick_folder, 60.0, "{}", *program), check=True, timeout=200)
    log = list(read_log(quick_folder / "log"))
    begun = next(at for at, one in enumerate(log) if isinstance(one, Line) and one.text.startswith("came"))
    written = sum(len(one.data) for one in log[begun:] if isinstance(one, Write))
    came = sum(one.text.startswith("came") for one in log[begun:] if isinstance(one, Line))
    ratio = written / (came * filler)
    note("wear-ext4", ratio=ratio, rate_mbit=RATE_BITS / 1e6, limit=MOST_EXT4)
    assert ratio <= MOST_EXT4


def _filler(size_bytes: int) -> bytes:
    """A NAL unit that players skip."""
    body = b"\x0c" + b"\xff" * max(1, size_bytes - 6) + b"\x80"
    return len(body).to_bytes(4, "big") + body
