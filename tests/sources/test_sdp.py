"""Descriptions as cameras write them, with what is odd about each."""

from hypothesis import given
from hypothesis import strategies as st

from tawny.protocols.sdp import MOST_TRACKS, read_sdp

USUAL = """v=0
o=- 1 1 IN IP4 10.0.0.7
s=stream
c=IN IP4 0.0.0.0
t=0 0
a=tool:LIVE555 Streaming Media v2024
a=control:*
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=64001F;sprop-parameter-sets=Z2QAH6w=,aO48gA==
a=framerate:25.0
a=control:track1
m=audio 0 RTP/AVP 97
a=rtpmap:97 MPEG4-GENERIC/48000/2
a=fmtp:97 streamtype=5;mode=AAC-hbr;config=1190
a=control:track2
"""


def test_a_usual_description() -> None:
    result = read_sdp(USUAL.encode())
    assert result.tool == "LIVE555 Streaming Media v2024"
    video, audio = result.video, result.audio
    assert video is not None
    assert (video.video_codec, video.rate, video.fps, video.control) == ("h264", 90000, 25.0, "track1")
    assert video.fmtp["sprop-parameter-sets"] == "Z2QAH6w=,aO48gA=="
    assert audio is not None
    assert (audio.audio_codec, audio.rate, audio.channels) == ("aac", 48000, 2)


def test_line_ends_and_letters_of_any_kind() -> None:
    result = read_sdp(b"v=0\rm=VIDEO 0 RTP/AVP 96\r\na=RTPMAP:96 h265/90000\n\na=FrameRate:15")
    assert result.video is not None
    assert (result.video.video_codec, result.video.fps) == ("h265", 15.0)


def test_lines_that_are_missing_or_broken_do_not_matter() -> None:
    text = "o=a b c d e f g h\nc=IN\nt=0.0 x\n???\n=\nm=\nm=video\nm=application 0 RTP/AVP 107\na=rtpmap:x\n"
    result = read_sdp((text + "m=video 0 RTP/AVP 96 97\na = rtpmap : 96\na=rtpmap: 96  H264 / 90000 \n").encode())
    assert result.video is not None
    assert result.video.video_codec == "h264"


def test_attributes_in_any_order_and_an_empty_fmtp() -> None:
    result = read_sdp(b"m=video 0 RTP/AVP 96\na=control:one\na=fmtp:96\na=fmtp:96 ;;x\na=rtpmap:96 H264/90000\n")
    assert result.video is not None
    assert result.video.control == "one"


def test_a_frame_rate_that_cannot_be_is_none() -> None:
    for rate in ("0S", "0", "-5", "x", "99999"):
        result = read_sdp(f"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=framerate:{rate}".encode())
        assert result.video is not None
        assert result.video.fps is None


def test_sound_of_a_fixed_payload_type_needs_no_map() -> None:
    result = read_sdp(b"m=audio 0 RTP/AVP 8\n")
    assert result.audio is not None
    assert (result.audio.audio_codec, result.audio.rate) == ("pcma", 8000)


def test_a_map_of_another_payload_type_is_not_the_tracks() -> None:
    assert read_sdp(b"m=video 0 RTP/AVP 96\na=rtpmap:97 H264/90000\n").video is None


def test_the_first_track_that_can_be_recorded_counts() -> None:
    result = read_sdp(b"m=video 0 RTP/AVP 26\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:second\n")
    assert result.video is not None
    assert result.video.control == "second"
    assert result.encodings == ["JPEG video", "H264 video"]


def test_thousands_of_tracks_are_not_read() -> None:
    result = read_sdp(b"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n" * 2000)
    assert len(result.tracks) == MOST_TRACKS
    assert result.more_tracks


@given(st.binary(max_size=300))
def test_any_bytes_are_read(body: bytes) -> None:
    for tried in (body, USUAL.encode()[:200] + body, b"m=video 0 RTP/AVP 96\na=" + body):
        assert len(read_sdp(tried).tracks) <= MOST_TRACKS
