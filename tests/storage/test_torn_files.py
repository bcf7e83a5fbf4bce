"""Players open a file that a power cut tore, before tawny has started again, and play what was durable."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tawny.engine import Bus, InlineEngine
from tawny.media.mp4.fragment_writer import BLOCK_BYTES, SECTOR_BYTES, padding_before
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import Packet
from tawny.recorder.recorder import SegmentRecorder
from tawny.storage.disk.volume import Volume
from tawny.storage.index.memory_index import MemoryIndex
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tests.faults.power import seals_on
from tests.faults.test_power_signed import is_end
from tests.support.disk import MemoryDisk


@dataclass(frozen=True)
class Write:
    """One write to a segment: the file before it and after it."""

    before: bytes
    after: bytes
    unit: int
    """What the disk writes as a whole."""

    def states(self) -> Iterator[tuple[str, bytes]]:
        """What may be there after a power cut, with its name: sectors of the write are lost, as zeros or with the end.

        All borders of sectors near a fragment's header are tried, and every eighth in the pictures.
        """
        begin, end = len(self.before), len(self.after)
        heads = [at for at in range(begin, end) if self.after[at : at + 4] in (b"moof", b"uuid", b"free")]
        for at in range(-(-begin // self.unit) * self.unit, end, self.unit):
            is_near = any(head - self.unit <= at <= head + 2 * self.unit for head in heads)
            if is_near or at % (8 * self.unit) == 0:
                zeros, rest = bytes(end - at), self.after[at:]
                yield f"ends at {at}", self.after[:at]
                yield f"zeros from {at}", self.after[:at] + zeros
                yield (
                    f"sector lost at {at}",
                    self.after[:at] + bytes(min(self.unit, len(rest))) + rest[self.unit :],
                )
                yield f"all lost before {at}", self.before + bytes(at - begin) + rest


CLIPS = {
    "video": (ClipSpec(seconds=2.0), SECTOR_BYTES),
    "video and audio": (ClipSpec(seconds=2.0, sound="aac"), SECTOR_BYTES),
    "headers larger than a sector": (ClipSpec(seconds=2.0, sound="aac", fps=60, detail=5), BLOCK_BYTES),
}


@pytest.fixture(scope="module", params=CLIPS)
def writes(request: pytest.FixtureRequest) -> list[Write]:
    """Two seconds of real pictures, recorded and ended: all writes after the file's header."""
    spec, unit = CLIPS[request.param]
    clip = made_clip(spec)
    disk, clock = MemoryDisk(), FakeClock("2026-11-20T05:00:00Z")
    engine = InlineEngine(clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
    seals = seals_on(disk, clock, sealed=False)
    recorder, hub, begin_ms = SegmentRecorder(Volume(disk), MemoryIndex(), clock, Bus(), seals=seals), Hub(), 0
    recorder.start(engine)
    recorder.add(CameraId("porch"), StreamName.MAIN, hub)
    begin_ms = clock.now_ms()
    for number, packet in enumerate(clip.packets):
        at_ms = begin_ms + round(packet.pts * 1000 / packet.format.rate)
        engine.run_for(max(0, at_ms - clock.now_ms()) / 1000)
        hub.append(
            Packet(RunId("run"), number, packet.format, bytes(packet.data), packet.pts, at_ms, packet.is_keyframe)
        )
    recorder.end_all()
    engine.run_for(5)
    points = disk.writes(lambda data: b"moof" in data[:2000] or is_end(data))
    return [Write(segment_in(disk, point - 1), segment_in(disk, point), unit) for point in points]


def segment_in(disk: MemoryDisk, point: int) -> bytes:
    (data,) = (data for path, data in disk.after_kill(point).items() if ".main." in path)
    return data


def pictures_in(data: bytes) -> int | None:
    """How many pictures FFmpeg reads; None if it refuses the file."""
    count = 0
    try:
        with av.open(io.BytesIO(data), "r") as file:
            for packet in file.demux(file.streams.video[0]):
                count += packet.size > 0
    except av.error.FFmpegError:
        return count or None
    return count


def test_a_torn_file_opens_and_what_was_durable_plays(writes: list[Write]) -> None:
    assert len(writes) >= 4
    assert sum(len(list(write.states())) for write in writes) > 20
    for number, write in enumerate(writes):
        durable, states = pictures_in(write.before), list(write.states())
        assert durable is not None
        refused = [name for name, data in states if (pictures_in(data) or -1) < (durable or -1)]
        refused += [name for name, data in states if pictures_in(data) is None and durable]
        assert not refused, f"write {number}, {len(write.before)} bytes before it"


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_the_same_with_ffprobe(writes: list[Write], tmp_path: Path) -> None:
    """Another version of FFmpeg. Only where a fragment's header would be torn without padding."""
    for write in writes[1:4]:
        for name, data in list(write.states())[:4]:
            (tmp_path / "torn.mp4").write_bytes(data)
            words = [
                "ffprobe",
                "-v",
                "quiet",
                "-count_packets",
                "-show_entries",
                "stream=nb_read_packets",
                "-of",
                "csv",
            ]
            done = subprocess.run([*words, tmp_path / "torn.mp4"], capture_output=True, text=True, check=False)
            assert done.stdout.startswith("stream,"), name


def test_padding_is_skipped_by_the_reader(writes: list[Write], tmp_path: Path) -> None:
    whole = writes[-1].after
    (tmp_path / "whole.mp4").write_bytes(whole)
    read = read_segment(tmp_path / "whole.mp4")
    assert not read.torn
    assert len(whole) - sum(one.size for one in read.fragments) < 20_000
    unit, heads = writes[-1].unit, [int.from_bytes(whole[one.offset : one.offset + 4], "big") for one in read.fragments]
    assert (max(heads) > SECTOR_BYTES) == (unit == BLOCK_BYTES)
    for one, moof_bytes in zip(read.fragments, heads, strict=True):
        assert one.offset // unit == (one.offset + moof_bytes + 7) // unit


@given(some.integers(0, 1 << 40), some.integers(16, 6000))
def test_a_header_crosses_no_border(offset: int, head_bytes: int) -> None:
    padding = padding_before(offset, head_bytes)
    assert not padding or (len(padding), padding[4:8]) == (int.from_bytes(padding[:4], "big"), b"free")
    begin, last = offset + len(padding), offset + len(padding) + head_bytes - 1
    if head_bytes <= SECTOR_BYTES:
        assert begin // SECTOR_BYTES == last // SECTOR_BYTES
        assert len(padding) < SECTOR_BYTES + 8
    elif head_bytes <= BLOCK_BYTES:
        assert begin // BLOCK_BYTES == last // BLOCK_BYTES
        assert len(padding) < BLOCK_BYTES + 8
    else:
        assert not padding
