import json
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tawny.media.mp4.boxes import OURS, box
from tawny.media.mp4.byte_reader import open_stored
from tawny.media.mp4.fragment_reader import flaw_in
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.media.mp4.segment_reader import SegmentReader, StoredFragment, places, read_bytes, read_segment, samples
from tawny.model.errors import FileDamaged, FileMissing
from tawny.model.packets import AudioFormat, VideoCodec
from tests.media.clips import encoded
from tests.media.segments import AAC, ABOUT, ALAW, ULAW, g711, written

CLIP = encoded("h264", frames=40, params="bframes=2:slices=2")
END = {"end_ms": 1_700_000_002_667, "why": "restart"}
CLOSED = written(CLIP.video, CLIP.units, audio=ULAW, sound=g711(2.667), end=END)
OPEN = written(CLIP.video, CLIP.units, audio=ULAW, sound=g711(2.667))

Put = Callable[[bytes], Path]


def flaw(segment: SegmentReader, one: StoredFragment) -> str:
    with open_stored(segment.path) as file:
        return flaw_in(segment.path, file, segment.tracks, one)


@pytest.fixture(name="put")
def put_file(tmp_path: Path) -> Put:
    path = tmp_path / "segment.mp4"

    def put(data: bytes) -> Path:
        path.write_bytes(data)
        return path

    return put


# --- whole files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "params"), [("h264", "bframes=0"), ("h264", "bframes=3"), ("h265", "bframes=0"), ("h265", "bframes=2")]
)
@pytest.mark.parametrize("audio", [None, ULAW, ALAW, AAC, AudioFormat("aac", 48_000, 2, bytes.fromhex("1190") * 70)])
def test_formats_come_back_as_they_were(put: Put, codec: VideoCodec, params: str, audio: AudioFormat | None) -> None:
    clip = encoded(codec, frames=2, params=params)
    segment = read_segment(put(written(clip.video, clip.units, audio=audio)))
    assert (segment.video, segment.audio) == (clip.video, audio)


def test_samples_come_back_as_they_were(put: Put) -> None:
    segment = read_segment(put(CLOSED))
    read = list(samples(segment, segment.fragments))
    video = [sample for sample in read if sample.is_video]
    sound = [sample for sample in read if not sample.is_video]
    assert [(s.data, s.pts, s.is_keyframe) for s in video] == [(u.data, u.pts, u.is_keyframe) for u in CLIP.units]
    assert [(s.data, s.pts, s.duration) for s in sound] == [(u.data, u.pts, 160) for u in g711(2.667)]
    assert {s.duration for s in video} == {6000}


@pytest.mark.parametrize("params", ["bframes=0", "bframes=2:b-adapt=0", "bframes=3:b-pyramid=normal"])
def test_a_pause_between_pictures_makes_no_file_longer(put: Put, params: str) -> None:
    """Although with B-frames a picture after it is decoded early."""
    clip, pause = encoded("h264", frames=45, params=params), 75 * 6000
    units = [replace(one, pts=one.pts + pause * (at >= 30)) for at, one in enumerate(clip.units)]
    segment = read_segment(put(written(clip.video, units)))
    first = units[0].pts
    assert segment.duration_ticks == max(unit.pts for unit in units) - first + 6000
    shown = sorted(samples(segment, segment.fragments), key=lambda one: one.pts)
    assert sum(one.pts + one.duration != after.pts for one, after in pairwise(shown)) <= 1


def test_a_file_says_what_it_is_and_why_it_ended(put: Put) -> None:
    segment = read_segment(put(CLOSED))
    assert (segment.about, segment.end) == (ABOUT, END)
    assert (segment.torn, segment.reason, segment.intact_bytes) == (False, "", len(CLOSED))


def test_an_open_file_is_whole_as_far_as_it_goes(put: Put) -> None:
    segment = read_segment(put(OPEN))
    assert (segment.end, segment.torn, segment.intact_bytes) == (None, False, len(OPEN))


def test_fragments_are_told_with_their_times(put: Put) -> None:
    first, second, third = read_segment(put(CLOSED)).fragments
    assert [(f.start_ticks, f.duration_ticks, f.is_keyframe) for f in (first, second, third)] == [
        (0, 90_000, True),
        (90_000, 90_000, True),
        (180_000, 60_000, True),
    ]
    assert first.offset + first.size == second.offset


def test_a_fragment_in_the_middle_of_a_gop_is_no_keyframe(put: Put) -> None:
    segment = read_segment(put(written(CLIP.video, CLIP.units, per_fragment=10)))
    assert [fragment.is_keyframe for fragment in segment.fragments] == [True, False, False, True]


def test_the_header_and_a_fragment_can_be_sent_as_they_are(put: Put) -> None:
    path = put(CLOSED)
    segment = read_segment(path)
    second = segment.fragments[1]
    data = b"".join(read_bytes(path, 0, segment.init_bytes))
    data += b"".join(read_bytes(path, second.offset, second.offset + second.size))
    alone = read_segment(put(data))
    assert [sample.data for sample in samples(alone, alone.fragments) if sample.is_video] == [
        unit.data for unit in CLIP.units[15:30]
    ]


def test_places_say_where_the_data_is(put: Put) -> None:
    segment = read_segment(put(CLOSED))
    found = [CLOSED[p.offset : p.offset + p.size] for p in places(segment, segment.fragments[1:2]) if p.is_video]
    assert found == [unit.data for unit in CLIP.units[15:30]]


def test_a_file_without_fragments_is_an_empty_segment(put: Put) -> None:
    segment = read_segment(put(init_segment(CLIP.video, None, ABOUT)))
    assert (segment.fragments, segment.torn, segment.duration_ticks) == ([], False, 0)


def test_foreign_fragmented_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "foreign.mp4"
    with av.open(str(path), "w", options={"movflags": "empty_moov+default_base_moof+frag_keyframe"}) as file:
        stream = file.add_stream("libx264", rate=15, options={"g": "15", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 112, "yuv420p"
        sound = file.add_stream("aac", rate=16_000, layout="mono")
        for _ in range(30):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((168, 160), 90, np.uint8), "yuv420p")))
        file.mux(stream.encode(None))
        quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        quiet.sample_rate = 16_000
        for _ in range(30):
            file.mux(sound.encode(quiet))
        file.mux(sound.encode(None))
    segment = read_segment(path)
    assert (segment.video.width, segment.about, segment.torn) == (160, None, False)
    assert segment.audio is not None
    assert (segment.audio.codec, segment.audio.rate) == ("aac", 16_000)
    read = list(samples(segment, segment.fragments))
    assert [s.pts for s in read if s.is_video] == [6000 * k for k in range(30)]
    assert segment.fragments[0].is_keyframe


# --- torn files ------------------------------------------------------------------------------------------------------


@pytest.mark.shows("RC13")
def test_a_file_cut_anywhere_keeps_exactly_its_whole_fragments(put: Put) -> None:
    whole = read_segment(put(CLOSED))
    ends = [whole.init_bytes] + [f.offset + f.size for f in whole.fragments] + [len(CLOSED)]
    near = {end + more for end in ends for more in range(-40, 41)}
    chosen = sorted(at for at in near | set(range(0, len(CLOSED), 97)) if 0 <= at < len(CLOSED))
    for at in chosen:
        if at < whole.init_bytes:
            with pytest.raises(FileDamaged):
                read_segment(put(CLOSED[:at]))
            continue
        segment = read_segment(put(CLOSED[:at]))
        assert segment.intact_bytes == max(end for end in ends if end <= at)
        assert segment.fragments == [f for f in whole.fragments if f.offset + f.size <= at]
        assert segment.torn == (at not in ends)


@pytest.mark.parametrize("zeros", [1, 7, 8, 16, 4096, 100_000])
def test_zeros_at_the_end_are_cut_off(put: Put, zeros: int) -> None:
    segment = read_segment(put(OPEN + bytes(zeros)))
    assert (segment.intact_bytes, segment.torn, len(segment.fragments)) == (len(OPEN), True, 3)
    assert "zeros" in segment.reason


@pytest.mark.parametrize("seed", range(20))
def test_garbage_at_the_end_is_cut_off(put: Put, seed: int) -> None:
    segment = read_segment(put(OPEN + random.Random(seed).randbytes(3000)))
    assert (segment.intact_bytes, segment.torn, len(segment.fragments)) == (len(OPEN), True, 3)


@pytest.mark.parametrize(
    "tail",
    [
        b"\0\0\0\0mdat",
        b"\xff\xff\xff\xffmoof",
        b"\0\0\0\1moof\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\1moof",
        b"\0\0\0\7moof",
        b"\0\0\0\x10free",
        box(b"mdat", bytes(100)),
        box(b"moof", b""),
        box(b"moof", b"") + b"\0\0\0\0mdat",
        box(b"uuid", OURS, b"{"),
        box(b"uuid", OURS, b"[1]"),
        box(b"uuid", OURS, b"[" * 50_000),
        box(b"uuid", OURS, b"\xff\xfe"),
    ],
)
def test_a_box_that_lies_is_not_believed(put: Put, tail: bytes) -> None:
    segment = read_segment(put(OPEN + tail))
    assert (segment.intact_bytes, segment.torn, segment.end) == (len(OPEN), True, None)


def test_what_stands_behind_the_last_box_is_reported(put: Put) -> None:
    segment = read_segment(put(CLOSED + b"more"))
    assert (segment.intact_bytes, segment.torn, segment.end) == (len(CLOSED), True, END)


@pytest.mark.parametrize("number", [1, 2])
def test_a_fragment_whose_pictures_the_disk_did_not_get_is_not_believed(put: Put, number: int) -> None:
    hit = read_segment(put(OPEN)).fragments[number]
    begin = hit.offset + hit.head_bytes + 8 + 600
    damaged = OPEN[:begin] + bytes(512) + OPEN[begin + 512 :]
    segment = read_segment(put(damaged))
    assert (len(segment.fragments), segment.intact_bytes, segment.torn) == (number, hit.offset, True)


def test_a_header_with_zeros_behind_it_is_not_believed(put: Put) -> None:
    last = read_segment(put(OPEN)).fragments[-1]
    begin = last.offset + last.head_bytes + 8
    segment = read_segment(put(OPEN[:begin] + bytes(len(OPEN) - begin)))
    assert (len(segment.fragments), segment.intact_bytes) == (2, last.offset)


def test_a_flaw_inside_a_closed_file_is_found_when_looked_for(put: Put) -> None:
    path = put(CLOSED)
    whole = read_segment(path)
    assert [flaw(whole, fragment) for fragment in whole.fragments] == ["", "", ""]
    begin = whole.fragments[1].offset + whole.fragments[1].head_bytes + 8
    path.write_bytes(CLOSED[:begin] + b"\xff" + CLOSED[begin + 1 :])
    assert [flaw(whole, fragment) == "" for fragment in whole.fragments] == [True, False, True]


def test_a_time_that_goes_back_is_not_believed(put: Put) -> None:
    unit = Sample(b"\0\0\0\1\x65", 0, 10, True)
    data = init_segment(CLIP.video) + b"".join(fragment(1, [unit], (), 500) + fragment(2, [unit], (), 400))
    segment = read_segment(put(data))
    assert len(segment.fragments) == 1
    assert "goes back" in segment.reason


def test_a_time_of_years_is_not_believed(put: Put) -> None:
    data = init_segment(CLIP.video) + b"".join(fragment(1, [Sample(b"\0\0\0\1\x65", 1 << 45, 10, True)], (), 1 << 45))
    assert read_segment(put(data)).fragments == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(5000),
        b"\0\0\0\0moov",
        b"hello, this is no video at all",
        box(b"ftyp", b"isom"),
        box(b"ftyp", b"isom") + box(b"moov"),
        box(b"ftyp", b"isom") + b"\x7f\xff\xff\xffmoov",
        box(b"ftyp", b"isom") * 30,
        box(b"moov", box(b"mvex"), box(b"trak", box(b"tkhd"), box(b"mdia", box(b"mdhd")))),
    ],
)
def test_without_a_header_nothing_is_believed(put: Put, data: bytes) -> None:
    with pytest.raises(FileDamaged):
        read_segment(put(data))


def test_a_damaged_own_box_in_the_header_is_reported(put: Put) -> None:
    at = CLOSED.index(json.dumps(ABOUT, separators=(",", ":")).encode())
    with pytest.raises(FileDamaged, match="says of itself"):
        read_segment(put(CLOSED[:at] + b"#" + CLOSED[at + 1 :]))


def test_a_missing_file_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"gone\.mp4 is missing"):
        read_segment(tmp_path / "gone.mp4")


def test_a_file_that_shrank_since_is_reported(put: Put) -> None:
    path = put(CLOSED)
    segment = read_segment(path)
    path.write_bytes(CLOSED[:3000])
    with pytest.raises(FileDamaged, match="ends at"):
        list(samples(segment, segment.fragments))


def read_all(segment: SegmentReader) -> None:
    for one in segment.fragments:
        try:
            list(samples(segment, [one]))
            flaw(segment, one)
        except FileDamaged:
            continue


@pytest.mark.shows("DY12")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(data=st.data())
def test_a_file_with_wrong_bits_is_read_or_reported_and_nothing_else(put: Put, data: st.DataObject) -> None:
    small = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 4))):
        small[data.draw(st.integers(0, len(small) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        segment = read_segment(put(bytes(small)))
    except FileDamaged:
        return
    assert segment.intact_bytes <= len(small)
    assert all(one.offset + one.size <= segment.intact_bytes for one in segment.fragments)
    read_all(segment)


SMALL = written(CLIP.video, CLIP.units[:6], audio=AAC, sound=g711(0.1), per_fragment=3, end=END)


@pytest.mark.long
def test_one_wrong_bit_anywhere_is_read_or_reported(put: Put) -> None:
    for at in range(0, len(SMALL) * 8, 3):
        small = bytearray(SMALL)
        small[at // 8] ^= 1 << at % 8
        try:
            read_all(read_segment(put(bytes(small))))
        except FileDamaged:
            continue
