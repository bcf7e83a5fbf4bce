"""What real cameras do to their packets: the same pictures come out, whatever it is."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from struct import pack

import pytest

from tawny.media.codec.nal import START, join_lengths, split_lengths
from tawny.model.packets import VideoCodec
from tawny.protocols.rtp import RtpPacket
from tests.sources.rtsp_client.stream import (
    Change,
    Raw,
    clip,
    cut,
    flags_at,
    interleaved,
    is_piece,
    kind,
    pictures,
    raw,
    renumbered,
    sent,
    through,
)

STREAMS: list[tuple[VideoCodec, int]] = [("h264", 1), ("h264", 3), ("h265", 1), ("h265", 3)]
SETS = {"h264": (7, 8), "h265": (32, 33, 34)}
AROUND = {"h264": (6, 7, 8), "h265": (32, 33, 34, 39)}


def chance(seed: int = 5) -> random.Random:
    return random.Random(seed)


def unmarked(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return raw(replace(packet, is_marked=False) for packet in packets)


def marks_around(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    """Parameter sets and SEI are marked, too."""
    return raw(replace(p, is_marked=p.is_marked or kind(codec, p.payload) in AROUND[codec]) for p in packets)


def marks_every_nal(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    def ends(payload: bytes) -> bool:
        return not is_piece(codec, payload) or payload[flags_at(codec)] & 0x40 != 0

    return raw(replace(packet, is_marked=ends(packet.payload)) for packet in packets)


def times_around(before: int) -> Change:
    """Parameter sets and SEI have times of their own."""

    def change(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
        return raw(replace(p, time=p.time - before) if kind(codec, p.payload) in AROUND[codec] else p for p in packets)

    return change


def times_around_unmarked(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    """Parameter sets and SEI have the time of the picture before, and nothing is marked."""
    last = {packet.time: earlier.time for earlier, packet in pairwise(packets) if packet.time != earlier.time}
    around = AROUND[codec]
    return raw(
        replace(p, time=last.get(p.time, p.time) if kind(codec, p.payload) in around else p.time, is_marked=False)
        for p in packets
    )


def clock_stands(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return raw(replace(packet, time=5) for packet in packets)


def extended(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return [(0, b"\x90" + data[1:12] + b"\xbe\xde\0\1abcd" + data[12:]) for _, data in raw(packets)]


def padded(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return [(0, b"\xa0" + data[1:] + b"\0\0\0\4") for _, data in raw(packets)]


def contributed(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return [(0, b"\x82" + data[1:12] + bytes(8) + data[12:]) for _, data in raw(packets)]


def pieces_without_type(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return raw(_each_piece(codec, packets, lambda flags: flags if flags & 0x80 else flags & 0xC0))


def pieces_with_reserved_bit(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    if codec == "h265":
        return raw(packets)  # it has none
    return raw(_each_piece(codec, packets, lambda flags: flags | 0x20))


def whole_pieces(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    """NAL units that fit are fragments with start and end."""

    def piece(payload: bytes) -> bytes:
        if codec == "h264":
            return bytes([payload[0] & 0xE0 | 28, 0xC0 | payload[0] & 31]) + payload[1:]
        return bytes([payload[0] & 0x81 | 49 << 1, payload[1], 0xC0 | payload[0] >> 1 & 63]) + payload[2:]

    return raw(p if is_piece(codec, p.payload) else replace(p, payload=piece(p.payload)) for p in packets)


def empty_ones(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    luck = chance()

    def more() -> Iterator[RtpPacket]:
        for packet in packets:
            yield packet
            flags = packet.payload[flags_at(codec)]
            if is_piece(codec, packet.payload) and not flags & 0xC0 and luck.random() < 0.05:
                yield replace(packet, payload=packet.payload[: flags_at(codec) + 1])
            if luck.random() < 0.02:
                yield replace(packet, payload=b"", is_marked=False)

    return raw(renumbered(more()))


def start_codes(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return raw(p if is_piece(codec, p.payload) else replace(p, payload=START + p.payload) for p in packets)


def start_codes_in_pieces(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    """What is before a picture's slices, and the first of them, go as one NAL unit, cut in fragments."""

    def more() -> Iterator[RtpPacket]:
        gathered: list[RtpPacket] = []
        for packet in packets:
            if kind(codec, packet.payload) in AROUND[codec]:
                gathered.append(packet)
                continue
            if gathered:
                yield from _glued(codec, gathered, packet)
                gathered = []
            else:
                yield packet

    return raw(renumbered(more()))


def several_in_one(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    """What is before a picture's slices goes as one packet with start codes."""

    def more() -> Iterator[RtpPacket]:
        gathered: list[RtpPacket] = []
        for packet in packets:
            if kind(codec, packet.payload) in AROUND[codec]:
                gathered.append(packet)
                continue
            if gathered:
                yield replace(gathered[0], payload=START.join(p.payload for p in gathered))
                gathered = []
            yield packet

    return raw(renumbered(more()))


def other_types(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    luck = chance()

    def more() -> Iterator[RtpPacket]:
        for packet in packets:
            yield packet
            if luck.random() < 0.1:
                yield replace(packet, payload_type=50, payload=b"what is this")

    return raw(renumbered(more()))


def stale_session(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    def more() -> Iterator[RtpPacket]:
        for number, packet in enumerate(packets):
            yield packet
            if number % 5 == 0:
                yield replace(packet, ssrc=77, sequence=number * 7)

    return raw(more())


def unasked_channels(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return [one for number, (_, data) in enumerate(raw(packets)) for one in [(0, data), (7, data)][: 1 + number % 2]]


def reports_between(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    """RTCP on its own channel, and on the wrong one."""
    report = pack(">BBHI", 0x80, 201, 1, 9)
    return [one for item in raw(packets) for one in (item, (1, report), (0, report))]


def twice(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    return [one for item in raw(packets) for one in (item, item)]


def swapped(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    luck, mixed = chance(), list(packets)
    for at in range(1, len(mixed) - 1):
        if luck.random() < 0.2:
            mixed[at], mixed[at + 1] = mixed[at + 1], mixed[at]
    return raw(mixed)


def far_apart(codec: VideoCodec, packets: Sequence[RtpPacket]) -> list[Raw]:
    """Every 40th packet comes 12 places late."""
    order = sorted(range(len(packets)), key=lambda at: at + 12.5 * (at % 40 == 20))
    return raw(packets[at] for at in order)


def _each_piece(codec: VideoCodec, packets: Sequence[RtpPacket], flags: object) -> Iterator[RtpPacket]:
    assert callable(flags)
    at = flags_at(codec)
    for packet in packets:
        payload = packet.payload
        if is_piece(codec, payload):
            payload = payload[:at] + bytes([flags(payload[at])]) + payload[at + 1 :]
        yield replace(packet, payload=payload)


def _glued(codec: VideoCodec, gathered: list[RtpPacket], first: RtpPacket) -> Iterator[RtpPacket]:
    """The first fragment of a slice becomes the second of a unit that begins with what was gathered."""
    head = gathered[0].payload
    content = START.join(packet.payload for packet in gathered) + START
    at = flags_at(codec)
    if not is_piece(codec, first.payload):
        slice_nal, flags = first.payload, 0x40
    else:
        flags = first.payload[at] & 0x40
        bits = first.payload[at]
        if codec == "h264":
            slice_nal = bytes([first.payload[0] & 0xE0 | bits & 31]) + first.payload[at + 1 :]
        else:
            slice_nal = bytes([first.payload[0] & 0x81 | (bits & 63) << 1, first.payload[1]]) + first.payload[at + 1 :]
    whole = content + slice_nal
    if codec == "h264":
        front, kind_bits, rest = bytes([head[0] & 0xE0 | 28]), head[0] & 31, whole[1:]
    else:
        front, kind_bits, rest = bytes([head[0] & 0x81 | 49 << 1, head[1]]), head[0] >> 1 & 63, whole[2:]
    yield replace(first, payload=front + bytes([0x80 | kind_bits]) + rest[:50], is_marked=False)
    yield replace(first, payload=front + bytes([flags | kind_bits]) + rest[50:])


QUIRKS: list[Change] = [
    unmarked, marks_around, marks_every_nal, clock_stands, extended, padded, contributed, pieces_without_type,
    pieces_with_reserved_bit, whole_pieces, empty_ones, start_codes, start_codes_in_pieces, several_in_one,
    other_types, stale_session, unasked_channels, reports_between, twice, swapped, far_apart, times_around_unmarked,
]  # fmt: skip


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.__name__)
def test_the_same_units_come_out(quirk: Change, codec: VideoCodec, slices: int) -> None:
    came = through(interleaved(quirk(codec, cut(codec, slices))), codec)
    expected = sent(codec, slices)
    # the last is only known to be complete when its marker says so, or another follows
    assert came.data in (expected, expected[:-1])
    assert came.damaged == 0
    keys = [packet.is_keyframe for packet in clip(codec, slices).packets]
    assert [unit.is_key for unit in came.units] == keys[: len(came.units)]


@pytest.mark.parametrize("before", [1, 3000, 6000])
@pytest.mark.parametrize(("codec", "slices"), STREAMS)
def test_sets_and_sei_may_have_times_of_their_own(codec: VideoCodec, slices: int, before: int) -> None:
    came = through(interleaved(times_around(before)(codec, cut(codec, slices))), codec)
    assert came.data == sent(codec, slices)
    assert came.damaged == 0


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
@pytest.mark.parametrize("step", [1, 17, 1000, 4096])
def test_it_does_not_matter_how_the_bytes_come(codec: VideoCodec, slices: int, step: int) -> None:
    came = through(interleaved(raw(cut(codec, slices)[: 150 if step == 1 else None])), codec, step=step)
    assert came.data == sent(codec, slices)[: len(came.units)]
    assert len(came.units) > 5


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_small_units_may_share_a_packet(codec: VideoCodec) -> None:
    packets = cut(codec, 1, aggregate=True)
    assert len(packets) < len(cut(codec, 1))
    assert through(interleaved(raw(packets)), codec).data == sent(codec)


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_pictures_may_be_sent_in_another_order_than_shown(codec: VideoCodec) -> None:
    came = through(interleaved(raw(cut(codec, 1, 2))), codec)
    assert came.data == sent(codec, 1, 2)
    ticks = [unit.ticks for unit in came.units]
    assert ticks != sorted(ticks)
    shown = [packet.pts for packet in clip(codec, 1, 2).packets]
    assert [at - ticks[0] for at in ticks] == [at - shown[0] for at in shown]


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
def test_numbers_that_begin_anew_lose_nothing(codec: VideoCodec, slices: int) -> None:
    packets = cut(codec, slices)
    half = len(packets) // 2
    for first in (0, 30_000):
        anew = [*packets[:half], *renumbered(packets[half:], first)]
        came = through(interleaved(raw(anew)), codec)
        assert came.data == sent(codec, slices)
        assert came.counts.missing == 0
        assert came.damaged <= 2


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
def test_a_stream_that_begins_anew_goes_on_with_its_next_picture(codec: VideoCodec, slices: int) -> None:
    packets = cut(codec, slices)
    half = next(at for at in range(len(packets) // 2, len(packets)) if packets[at - 1].is_marked)
    anew = [
        replace(packet, ssrc=99, sequence=number + 5, time=packet.time + 99_999_999)
        for number, packet in enumerate(packets[half:])
    ]
    came = through(interleaved(raw([*packets[:half], *anew])), codec)
    assert came.data == sent(codec, slices)
    assert came.damaged == 0
    assert sum(unit.is_anew for unit in came.units) == 1
    assert came.counts.restarts == 1


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
def test_a_type_that_nobody_announced_is_taken_when_nothing_else_comes(codec: VideoCodec, slices: int) -> None:
    packets = [replace(packet, payload_type=35) for packet in cut(codec, slices)]
    came = through(interleaved(raw(packets)), codec)
    assert len(came.units) > 30
    assert set(came.good) <= set(sent(codec, slices))


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
@pytest.mark.parametrize("share", [0.002, 0.02, 0.2])
def test_every_unit_that_a_loss_touched_is_flagged(codec: VideoCodec, slices: int, share: float) -> None:
    luck = chance(int(share * 1000) + slices)
    packets = [packet for packet in cut(codec, slices) if luck.random() >= share]
    came = through(interleaved(raw(packets)), codec)
    whole = sent(codec, slices)
    assert [data for data in came.good if data not in whole] == []
    assert came.counts.missing <= len(cut(codec, slices)) - len(packets)
    assert came.damaged > 0
    assert len(whole) - len(came.good) <= 3 * came.counts.gaps + 2, "a loss reaches its unit and a neighbour"


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
def test_lengths_add_up_in_damaged_units_too(codec: VideoCodec, slices: int) -> None:
    luck = chance(3)
    packets = [packet for packet in cut(codec, slices) if luck.random() >= 0.1]
    for unit in through(interleaved(raw(packets)), codec).units:
        assert join_lengths(split_lengths(unit.data)) == unit.data


def test_a_picture_that_goes_on_after_its_marker_is_cut_once_at_most() -> None:
    packets = list(cut("h264", 3))
    marked = [at for at, packet in enumerate(packets) if packet.is_marked]
    for at in marked[35:]:  # long after it was learned that markers are right
        packets[at] = replace(packets[at], is_marked=False)
        first = next(back for back in range(at, 0, -1) if packets[back - 1].time != packets[at].time)
        ends = [n for n in range(first, at) if packets[n].payload[0] & 31 == 28 and packets[n].payload[1] & 0x40]
        if ends:
            packets[ends[0]] = replace(packets[ends[0]], is_marked=True)
    came = through(interleaved(raw(packets)))
    wrong = [data for data in came.good if data not in sent("h264", 3)]
    assert len(wrong) <= 1
    assert came.data[:35] == sent("h264", 3)[:35]
    assert came.data[-10:-1] == sent("h264", 3)[-10:-1]


def test_a_bit_that_must_not_be_set_damages_its_unit() -> None:
    packets = list(cut("h264"))
    at = next(n for n, p in enumerate(packets) if n > 100 and is_piece("h264", p.payload) and p.payload[1] & 0x80)
    packets[at] = replace(packets[at], payload=bytes([packets[at].payload[0] | 0x80]) + packets[at].payload[1:])
    assert through(interleaved(raw(packets))).damaged == 1


def test_only_pictures_make_a_unit() -> None:
    packets = [packet for packet in cut("h264") if kind("h264", packet.payload) in AROUND["h264"]]
    assert packets
    assert through(interleaved(raw(renumbered(packets)))).units == []


def test_what_is_around_the_slices_stays_with_them() -> None:
    assert [len(nals) for nals in pictures(sent("h264", 3))] == [3] * len(sent("h264", 3))
