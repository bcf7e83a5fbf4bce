"""Hashes of fragments: found again in the file, and a single bit that changed is told."""

from pathlib import Path

import pytest

from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.media.mp4.leaf_proof import changed_fragments, hash_box, hashes_of, stored_hashes
from tawny.media.mp4.segment_reader import read_segment
from tawny.testing.packet_feed import FORMAT


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "segment.mp4"
    parts = [
        part
        for number in range(5)
        for part in fragment(
            number + 1, [Sample(b"\0\0\0\x03\x65\x01\x02", number * 9000, 9000, True)], (), number * 9000
        )
    ]
    path.write_bytes(
        b"".join(
            [init_segment(FORMAT, None, {"camera": "porch"}), *parts, hash_box(hashes_of(parts)), end_box({"why": ""})]
        )
    )
    return path


def test_what_was_written_is_found(written: Path) -> None:
    read = read_segment(written)
    assert len(stored_hashes(read) or []) == len(read.fragments) == 5
    assert changed_fragments(read) == []
    assert not read.torn


def test_one_bit_that_changed_is_told(written: Path) -> None:
    whole, read = written.read_bytes(), read_segment(written)
    for number, one in enumerate(read.fragments):
        data = bytearray(whole)
        data[one.offset + one.size - 1] ^= 4
        written.write_bytes(data)
        assert changed_fragments(read_segment(written)) == [number]


def test_a_file_without_hashes_says_so(written: Path) -> None:
    read = read_segment(written)
    data = written.read_bytes()
    written.write_bytes(data[: read.fragments[-1].offset + read.fragments[-1].size])
    assert changed_fragments(read_segment(written)) is None
    written.write_bytes(data[: read.init_bytes])
    assert changed_fragments(read_segment(written)) is None
