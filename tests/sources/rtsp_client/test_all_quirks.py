"""What real cameras do, by the numbers of the list that the client was written after: each has its tests, and what is
about packets is tested for pictures of one slice and of three, of H.264 and of H.265."""

import importlib
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from struct import pack

import pytest

from tawny.model.packets import VideoCodec
from tawny.protocols.rtp import Packetizer, goodbye
from tawny.protocols.sdp import read_sdp
from tawny.sources.rtsp.client.tcp_transport import InterleavedReader
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.testing.rtsp_camera import describe_clip
from tawny.testing.rtsp_viewer import CameraSetup
from tests.sources.rtsp_client.stream import clip, cut, feed, interleaved, raw, sent, through
from tests.sources.rtsp_client.test_quirks import STREAMS

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

QUIRKS: dict[int, tuple[str, ...]] = {
    1: ("test_handshake.test_the_base_is_taken_as_far_as_it_names_no_other_host",),
    2: ("test_handshake.test_tracks_are_asked_for_as_the_camera_names_them",),
    3: ("test_handshake.test_sessions_are_named_as_the_camera_likes", "test_handshake.test_first_lines_need_no_reason"),
    4: ("test_transcripts.test_the_camera_is_understood",),
    5: ("test_handshake.test_descriptions_are_read_as_cameras_write_them", "test_sdp.test_any_bytes_are_read"),
    6: ("test_sdp.test_attributes_in_any_order_and_an_empty_fmtp",),
    7: ("test_pictures.test_the_streams_own_sets_win", "test_params.test_bytes_behind_a_set_do_no_harm"),
    8: ("test_params.test_what_comes_after_the_size_may_be_cut_off", "test_params.test_scaling_lists_are_stepped_over"),
    9: ("test_handshake.test_the_first_session_counts_and_the_newest_timeout",),
    10: ("test_connection.test_a_camera_that_hangs_up_at_a_steady_age_hears_from_us_more_often",),
    11: (
        "test_handshake.test_signs_of_life_are_what_the_camera_understands",
        "test_handshake.test_any_answer_to_them_will_do",
    ),
    12: ("test_handshake.test_the_cameras_own_requests_are_answered",),
    13: (
        "test_handshake.test_channels_are_where_the_camera_says",
        "test_handshake.test_udp_where_tcp_was_asked_is_refused",
    ),
    14: ("test_handshake.test_nothing_is_asked_with_a_mode",),
    15: ("test_all_quirks.test_media_before_the_answer_to_play_counts",),
    16: ("test_quirks.unasked_channels",),
    17: ("test_all_quirks.test_line_ends_and_rubbish_between_packets_cost_nothing",),
    18: ("test_transcripts.test_the_camera_is_understood",),
    19: (
        "test_all_quirks.test_a_source_of_zero_is_one",
        "test_quirks.test_a_stream_that_begins_anew_goes_on_with_its_next_picture",
    ),
    20: ("test_quirks.test_a_type_that_nobody_announced_is_taken_when_nothing_else_comes", "test_quirks.other_types"),
    21: (
        "test_quirks.unmarked",
        "test_quirks.marks_around",
        "test_quirks.marks_every_nal",
        "test_quirks.test_sets_and_sei_may_have_times_of_their_own",
        "test_quirks.times_around_unmarked",
        "test_quirks.test_a_picture_that_goes_on_after_its_marker_is_cut_once_at_most",
    ),
    22: (
        "test_quirks.whole_pieces",
        "test_quirks.pieces_without_type",
        "test_quirks.start_codes_in_pieces",
        "test_quirks.several_in_one",
        "test_quirks.empty_ones",
        "test_quirks.start_codes",
    ),
    23: ("test_quirks.test_numbers_that_begin_anew_lose_nothing",),
    24: ("test_quirks.stale_session", "test_rtp.test_of_two_streams_that_go_on_the_later_one_is_kept"),
    25: (
        "test_rtsp.test_a_camera_that_is_left_is_told_so",
        "test_reader.test_a_camera_without_a_place_is_given_time_to_free_one",
    ),
    26: (
        "test_quirks.test_every_unit_that_a_loss_touched_is_flagged",
        "test_losses.test_a_lost_packet_damages_until_the_next_whole_keyframe",
    ),
    27: ("test_time.test_two_hours_are_recorded_at_their_time",),
    28: ("test_all_quirks.test_reports_that_are_broken_or_of_others_change_nothing", "test_fuzz.test_any_reports"),
    29: ("test_all_quirks.test_times_that_stand_or_go_back_a_little_lose_nothing", "test_quirks.clock_stands"),
    30: ("test_handshake.test_it_logs_in_by_the_strongest_form_that_is_known",),
    31: (
        "test_audio.test_what_cannot_be_had_is_counted_and_the_next_comes",
        "test_audio.test_adts_without_au_headers_is_read",
    ),
    32: ("test_pictures.test_sets_that_change_nothing_that_matters_are_no_new_format",),
    33: ("test_rtsp.test_a_size_that_changes_is_a_new_format_at_that_keyframe",),
    34: ("test_handshake.test_sound_that_is_refused_leaves_the_pictures",),
}
"""Where each is shown: a test, or one of the changes of `test_quirks` that all run over every stream."""

MODULES = {
    "test_sdp": "tests.sources.test_sdp",
    "test_pictures": "tests.sources.test_pictures",
    "test_rtsp": "tests.sources.test_rtsp",
    "test_params": "tests.media.test_params",
    "test_reader": "tests.stream.test_reader",
}
HANDSHAKES = (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 18, 19, 25, 30, 34)


def test_there_are_34_and_each_has_a_test_that_exists() -> None:
    assert list(QUIRKS) == list(range(1, 35))
    for shown_by in QUIRKS.values():
        for where in shown_by:
            module, _, name = where.partition(".")
            found = importlib.import_module(MODULES.get(module, f"tests.sources.rtsp_client.{module}"))
            assert callable(getattr(found, name)), where


@pytest.mark.parametrize("number", HANDSHAKES)
def test_those_of_the_conversation_have_a_transcript(number: int) -> None:
    assert list((HERE / "transcripts").glob(f"{number:02}-*.txt"))


def begun(codec: VideoCodec, slices: int) -> tuple[Tracks, InterleavedReader]:
    """Set up, and not asked to play yet."""
    tracks = Tracks(wants_sound=False, stall_s=5.0)
    tracks.now_s = 1.0
    wire = InterleavedReader(lambda _, report: tracks.report(report, 1_795_000_000.0, is_video=True), lambda _: None)
    (video,) = tracks.choose(read_sdp(describe_clip(clip(codec, slices), CameraSetup())))
    wire.add(0, tracks.receiver_of(video))
    return tracks, wire


def given(tracks: Tracks) -> list[bytes]:
    tracks.finish()
    return [packet.data for packet in tracks.packets if not packet.is_damaged]


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
def test_media_before_the_answer_to_play_counts(codec: VideoCodec, slices: int) -> None:
    tracks, wire = begun(codec, slices)
    packets = raw(cut(codec, slices))
    feed(wire, interleaved(packets[:100]) + b"RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n" + interleaved(packets[100:]))
    tracks.begin(2.0)
    assert given(tracks) in (sent(codec, slices), sent(codec, slices)[:-1])


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
@pytest.mark.parametrize("size", [0, 3, 500, 40_000])
def test_line_ends_and_rubbish_between_packets_cost_nothing(codec: VideoCodec, slices: int, size: int) -> None:
    luck = random.Random(size)
    between = luck.randbytes(size).replace(b"$", b"#").replace(b"R", b"r") if size else b"\r\n"
    ends = [at for at, packet in enumerate(cut(codec, slices)) if packet.is_marked]
    pieces = [interleaved([one]) for one in raw(cut(codec, slices))]
    for at in ends[5::10] if size else range(len(pieces)):
        pieces[at] += between
    came = through(b"".join(pieces), codec)
    assert came.data == sent(codec, slices)
    assert came.damaged <= (len(ends[5::10]) if 0 < size <= 64 else 0), "so little may be the rest of a packet"


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
def test_a_source_of_zero_is_one(codec: VideoCodec, slices: int) -> None:
    came = through(interleaved(raw(replace(packet, ssrc=0) for packet in cut(codec, slices))), codec)
    assert came.good == sent(codec, slices)


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
def test_reports_that_are_broken_or_of_others_change_nothing(codec: VideoCodec, slices: int) -> None:
    tracks, wire = begun(codec, slices)
    tracks.begin(1.0)
    other = Packetizer(clip(codec, slices).video, 96, ssrc=99, first=1)
    luck = random.Random(3)
    broken = [b"", b"\x80", pack(">BBH", 0x80, 200, 9000), luck.randbytes(30), goodbye(other.ssrc), b"\x81\xcb\0\1zz"]
    odd = [*broken, other.sender_report(1_795_009_999.0, 5), pack(">BBHI", 0x9F, 203, 1, 0xFFFFFFFF)]
    mixed = [one for at, item in enumerate(raw(cut(codec, slices))) for one in (item, (1, odd[at % len(odd)]))]
    feed(wire, interleaved(mixed))
    tracks.now_s = 3.0
    tracks.watch(0.0)
    assert given(tracks) in (sent(codec, slices), sent(codec, slices)[:-1])
    assert "clock_offset_s" not in tracks.notes


@pytest.mark.parametrize(("codec", "slices"), STREAMS)
@pytest.mark.parametrize("back", [0, 5400])
def test_times_that_stand_or_go_back_a_little_lose_nothing(codec: VideoCodec, slices: int, back: int) -> None:
    """Every seventh picture has the time of the one before it, or is 60 ms earlier."""
    packets, times = cut(codec, slices), sorted({packet.time for packet in cut(codec, slices)})
    odd = {time: earlier - back for n, (earlier, time) in enumerate(pairwise(times)) if n % 7 == 5}
    moved = [replace(packet, time=odd.get(packet.time, packet.time)) for packet in packets]
    tracks, wire = begun(codec, slices)
    tracks.begin(1.0)
    feed(wire, interleaved(raw(moved)))
    assert given(tracks) in (sent(codec, slices), sent(codec, slices)[:-1])
    places = [packet.pts for packet in tracks.packets]
    assert len(set(places)) == len(places), "no two pictures stand at one time"
