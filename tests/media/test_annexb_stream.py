"""Pictures out of a pipe: wherever it is cut, the same come out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.codec.nal import annexb, split_annexb
from tawny.model.packets import VideoFormat
from tawny.sources.packet_builder import MOST_PICTURE_BYTES, AnnexbStream
from tawny.testing.clips import ClipSpec, made_clip


def written(spec: ClipSpec) -> list[bytes]:
    packets = made_clip(spec).packets
    return [annexb(packet.data, packet.format) for packet in packets if isinstance(packet.format, VideoFormat)]


PICTURES = {slices: written(ClipSpec(seconds=1, slices=slices)) for slices in (1, 4)}


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=400), st.sampled_from([1, 4]))
def test_wherever_it_is_cut_the_same_pictures_come_out(cuts: list[int], slices: int) -> None:
    film, stream, found = b"".join(PICTURES[slices]), AnnexbStream(), []
    at = number = 0
    while at < len(film):
        size = cuts[number % len(cuts)]
        found += stream.feed(film[at : at + size], 0.0)
        at, number = at + size, number + 1
    assert [split_annexb(one.data) for one in found] == [split_annexb(one) for one in PICTURES[slices][:-1]]


def test_a_picture_came_when_its_first_bytes_did() -> None:
    stream = AnnexbStream()
    first, second, third = PICTURES[1][:3]
    assert stream.feed(first[:20], 1.0) == []
    assert stream.feed(first[20:], 2.0) == []
    assert [one.came_s for one in stream.feed(second, 3.0)] == [1.0]
    assert [one.came_s for one in stream.feed(third, 4.0)] == [3.0]


def test_what_never_ends_is_refused() -> None:
    stream = AnnexbStream()
    with pytest.raises(ValueError, match="more than"):
        for _ in range(MOST_PICTURE_BYTES // 1_000_000 + 1):
            stream.feed(bytes(1_000_000), 0.0)
