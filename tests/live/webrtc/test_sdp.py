from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.protocols.sdp import (
    LOW_DELAY,
    Candidate,
    IceCredentials,
    InvalidOffer,
    NegotiatedMedia,
    codec_for,
    read_offer,
    sound_for,
    write_answer,
)
from tawny.testing.packet_feed import FORMAT

HEAD = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=ice-ufrag:abcd
a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa
a=fingerprint:sha-256 AA:BB
a=setup:actpass
"""
VIDEO = f"""m=video 9 UDP/TLS/RTP/SAVPF 96 102 106 109
a=mid:0
a=recvonly
a=extmap:5 {LOW_DELAY}
a=rtpmap:96 VP8/90000
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:106 H264/90000
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=64001f
a=rtpmap:109 H264/90000
a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
"""
AUDIO = """m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8
a=mid:1
a=recvonly
a=rtpmap:111 opus/48000/2
"""
CHANNEL = """m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:2
a=sctp-port:5000
"""
OFFER = (HEAD + VIDEO + AUDIO + CHANNEL).replace("\n", "\r\n")


def test_what_an_offer_says_is_understood() -> None:
    offer = read_offer(OFFER)
    assert offer.login == IceCredentials("abcd", "a" * 24)
    assert offer.fingerprint == ("sha-256", "AA:BB")
    video = offer.first("video")
    assert video
    assert video.extensions == {LOW_DELAY: 5}
    assert [codec.name for codec in video.codecs] == ["vp8", "h264", "h264", "h264"]


def test_pictures_go_by_the_profile_that_is_theirs_in_packets_that_may_be_cut() -> None:
    video = read_offer(OFFER).first("video")
    assert video
    chosen = codec_for(video, FORMAT)  # High profile
    assert chosen
    assert chosen.payload_type == 109
    assert codec_for(video, replace(FORMAT, codec="h265")) is None


def test_sound_goes_as_it_is_where_the_browser_takes_it() -> None:
    audio = read_offer(OFFER).first("audio")
    assert audio
    found = [sound_for(audio, name) for name in ("opus", "pcmu", "pcma")]
    assert [codec and codec.payload_type for codec in found] == [111, 0, 8]


def test_the_answer_says_where_we_are_and_refuses_what_is_not_sent() -> None:
    offer = read_offer(OFFER)
    video = offer.first("video")
    assert video
    codec = codec_for(video, FORMAT)
    assert codec
    found = [Candidate("udp", "192.0.2.1", 5000, "host"), Candidate("tcp", "192.0.2.1", 5000, "host")]
    answer = write_answer(
        offer, [NegotiatedMedia(video, codec, 77)], IceCredentials("us", "b" * 24), "CC:DD", found
    ).split("\r\n")
    media = [line for line in answer if line.startswith("m=")]
    assert [line.split(" ")[0:2] for line in media] == [["m=video", "9"], ["m=audio", "0"], ["m=application", "9"]]
    assert "a=group:BUNDLE 0 2" in answer
    assert "a=ice-lite" in answer
    assert "a=setup:passive" in answer
    assert sum(line.startswith("a=candidate:") for line in answer) == 2
    assert "a=ssrc:77 cname:tawny" in answer


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "hello",
        OFFER.replace("a=ice-ufrag:abcd\r\n", ""),
        OFFER.replace("a=fingerprint:sha-256 AA:BB\r\n", ""),
        OFFER.replace("sha-256", "md5"),
        OFFER.replace("actpass", "passive"),
        HEAD + AUDIO,
        OFFER.replace("a=recvonly", "a=sendonly"),
    ],
)
def test_what_no_connection_can_come_of_is_refused(broken: str) -> None:
    with pytest.raises(InvalidOffer):
        read_offer(broken)


@given(st.lists(st.sampled_from(OFFER.split("\r\n")), max_size=60), st.text(max_size=60))
def test_any_text_is_an_offer_or_is_refused(lines: list[str], more: str) -> None:
    try:
        read_offer("\r\n".join([*lines, more]))
    except InvalidOffer:
        return


# Offers of browsers that are cameras.

SENT = OFFER.replace("a=recvonly", "a=sendonly")


def test_a_camera_offers_what_it_sends_and_we_receive_it() -> None:
    offer = read_offer(SENT, is_camera=True)
    codec = codec_for(offer.video, FORMAT)
    audio = offer.first_sent("audio")
    assert codec
    assert audio
    sound = sound_for(audio, "pcmu")
    assert sound
    chosen = [NegotiatedMedia(offer.video, codec, None), NegotiatedMedia(audio, sound, None)]
    answer = write_answer(offer, chosen, IceCredentials("us", "p" * 24), "CC:DD", [])
    assert answer.count("a=recvonly") == 2
    assert "a=sendonly" not in answer
    assert "a=ssrc" not in answer
    assert f"a=rtcp-fb:{codec.payload_type} goog-remb" in answer
    assert f"a=rtcp-fb:{codec.payload_type} nack pli" in answer
    assert "x-google-start-bitrate=1500" in answer
    assert "playout-delay" not in answer


@pytest.mark.parametrize("direction", ["recvonly", "inactive"])
def test_a_camera_that_sends_nothing_is_refused(direction: str) -> None:
    with pytest.raises(InvalidOffer, match="no picture is offered"):
        read_offer(OFFER.replace("a=recvonly", f"a={direction}"), is_camera=True)


def test_both_directions_at_once_will_do() -> None:
    assert read_offer(OFFER.replace("a=recvonly", "a=sendrecv"), is_camera=True).video.sends
    assert read_offer(OFFER.replace("a=recvonly", "a=sendrecv")).video.takes
