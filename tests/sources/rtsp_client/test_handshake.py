"""Conversations with cameras, as they were told of: each is answered so that it plays, or is refused for its reason."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tawny.protocols.sdp import SdpDescription
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.client.session import ClientSession, TrackTransport, handshake, read_reply
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.sources.rtsp.client.transcript import ConversationFault

SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=Media Presentation
t=0 0
a=control:*
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
a=control:trackID=1
m=audio 0 RTP/AVP 0
a=control:trackID=2
"""
VIDEO_ONLY = SDP.partition("m=audio")[0]
OK = "RTSP/1.0 200 OK\r\nCSeq: 1\r\n"
SECRET = "s3cret"


@dataclass
class Camera:
    """Answers by method: what stands in `answers`, the last of them again and again, or what a good camera says.

    `{n}` in a SETUP's answer is the interleaved channel asked for.
    """

    sdp: str = SDP
    describe: str = OK + "Content-Base: rtsp://cam/live/\r\nContent-Length: {size}\r\n"
    setup: list[str] = field(default_factory=lambda: [OK + "Session: 7;timeout=30\r\nTransport: {transport}\r\n"])
    play: str = OK + "RTP-Info: url=rtsp://cam/live/trackID=1;seq=0;rtptime=-1\r\n"
    options: str = OK + "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n"
    requests: list[list[str]] = field(default_factory=list)
    """Lines of what was asked."""

    def reply(self, request: bytes) -> bytes:
        lines = request.decode().split("\r\n")
        self.requests.append(lines)
        method = lines[0].split()[0]
        if method == "DESCRIBE":
            body = self.sdp.replace("\n", "\r\n")
            return self.describe.replace("{size}", str(len(body))).encode() + b"\r\n" + body.encode()
        if method == "SETUP":
            transport = next(line for line in lines if line.startswith("Transport")).partition(": ")[2]
            answer = self.setup.pop(0) if len(self.setup) > 1 else self.setup[0]
            return answer.replace("{transport}", transport).encode() + b"\r\n"
        return (self.options if method == "OPTIONS" else self.play).encode() + b"\r\n"

    def urls(self, method: str) -> list[str]:
        return [lines[0].split()[1] for lines in self.requests if lines[0].startswith(method)]

    def headers(self, name: str) -> list[str]:
        return [line.partition(": ")[2] for lines in self.requests for line in lines if line.startswith(name + ":")]


@dataclass
class Played:
    talk: ClientSession
    places: list[TrackTransport]
    described: SdpDescription


def play(camera: Camera, address: str = "rtsp://cam/live", *, udp: bool = False) -> Played:
    talk = ClientSession(parse_rtsp(address))
    tracks = Tracks(wants_sound=True, stall_s=5.0)
    places: list[TrackTransport] = []
    requests = handshake(talk, tracks.choose, places.append, [5000, 5002] if udp else None)
    request = next(requests)
    for _ in range(30):
        try:
            request = requests.send(read_reply(camera.reply(request)))
        except StopIteration as stop:
            return Played(talk, places, stop.value)
    raise AssertionError("it goes on asking")


def fault(camera: Camera, address: str = "rtsp://me:s3cret@cam/live", *, udp: bool = False) -> ConversationFault:
    with pytest.raises(ConversationFault) as failed:
        play(camera, address, udp=udp)
    assert SECRET not in failed.value.detail
    return failed.value


def answered(status: str, *headers: str) -> str:
    return "\r\n".join([f"RTSP/1.0 {status}", "CSeq: 1", *headers]) + "\r\n"


def test_a_good_camera_plays() -> None:
    camera = Camera()
    played = play(camera)
    assert [lines[0].split()[0] for lines in camera.requests] == ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"]
    assert camera.urls("SETUP") == ["rtsp://cam/live/trackID=1", "rtsp://cam/live/trackID=2"]
    assert camera.urls("PLAY") == ["rtsp://cam/live/"]
    assert [(place.track.kind, place.channel) for place in played.places] == [("video", 0), ("audio", 2)]
    assert (played.talk.session, played.talk.timeout_s, played.talk.pause_s) == ("7", 30, 15)
    assert camera.headers("Session") == ["7", "7"]
    assert camera.headers("CSeq") == ["1", "2", "3", "4", "5"]


def test_a_camera_may_ask_for_a_new_answer_to_each_request() -> None:
    @dataclass
    class Renewing(Camera):
        """A nonce is good for one request."""

        nonce: int = 0
        used: bool = True

        def reply(self, request: bytes) -> bytes:
            if self.used:
                self.nonce, self.used = self.nonce + 1, False
                return answered("401 Unauthorized", f'WWW-Authenticate: Digest realm="a", nonce="{self.nonce}"').encode(
                ) + b"\r\n"  # fmt: skip
            self.used = f'nonce="{self.nonce}"' in request.decode()
            assert self.used
            return super().reply(request)

    camera = Renewing()
    assert [place.track.kind for place in play(camera, "rtsp://me:s3cret@cam/live").places] == ["video", "audio"]


@pytest.mark.parametrize(
    ("base", "video"),
    [
        ("", "rtsp://cam/live/trackID=1"),
        ("Content-Base: cam/other/", "rtsp://cam/live/trackID=1"),
        ("Content-Base: /other/", "rtsp://cam/live/trackID=1"),
        ("Content-Base: rtsp://rtsp://cam/live/", "rtsp://cam/live/trackID=1"),
        ("Content-Base: rtsp://10.0.0.7:8554/other", "rtsp://cam/other/trackID=1"),
        ("content-base:rtsp://cam:554/live/", "rtsp://cam/live/trackID=1"),
        ("Content-Location: rtsp://cam/there/", "rtsp://cam/there/trackID=1"),
        ("Content-Base: rtsp://me:pw@cam/live/", "rtsp://cam/live/trackID=1"),
        ("Content-Base: rtsp://cam", "rtsp://cam/live/trackID=1"),
    ],
)
def test_the_base_is_taken_as_far_as_it_names_no_other_host(base: str, video: str) -> None:
    camera = Camera(describe=OK + (base + "\r\n" if base else "") + "Content-Length: {size}\r\n")
    play(camera)
    assert camera.urls("SETUP")[0] == video


@pytest.mark.parametrize(
    ("control", "video"),
    [
        ("trackID=1", "rtsp://cam/a?x=1&y=2/trackID=1"),
        ("/trackID=1", "rtsp://cam/a?x=1&y=2/trackID=1"),
        ("track1?z=3", "rtsp://cam/a?x=1&y=2/track1?z=3"),
        ("rtsp://cam/a/t?x=1", "rtsp://cam/a/t?x=1"),
        ("rtsp://192.168.1.9:8000/a/t", "rtsp://cam/a/t"),
        ("RTSP://cam/a/t", "rtsp://cam/a/t"),
        (" trackID=1 ", "rtsp://cam/a?x=1&y=2/trackID=1"),
        ("*", "rtsp://cam/a?x=1&y=2"),
        ("", "rtsp://cam/a?x=1&y=2"),
    ],
)
def test_tracks_are_asked_for_as_the_camera_names_them(control: str, video: str) -> None:
    camera = Camera(SDP.replace("trackID=1", control), describe=OK + "Content-Length: {size}\r\n")
    play(camera, "rtsp://cam/a?x=1&y=2")
    assert camera.urls("SETUP")[0] == video


@pytest.mark.parametrize(
    ("control", "played"),
    [
        ("*", "rtsp://cam/live/"),
        ("rtsp://cam/aggregate", "rtsp://cam/aggregate"),
        ("rtsp://other/live", "rtsp://cam/live"),
        ("all", "rtsp://cam/live/all"),
    ],
)
def test_all_of_it_is_played_by_its_own_name(control: str, played: str) -> None:
    camera = Camera(SDP.replace("a=control:*", f"a=control:{control}"))
    play(camera)
    assert camera.urls("PLAY") == [played]


SDPS = {
    "lines-missing": SDP.partition("t=0 0\n")[2],
    "broken-lines": "v=zero\no=- 1 2 3 4 5 6 7\nc=IN\nt=0.5 -1\nb=AS\nk\n=\n" + SDP,
    "odd-media": "m=application 0 TP/AVP 107\na=control:x\nm=\nm=video\n" + SDP.partition("t=0 0\n")[2],
    "rubbish-behind": SDP + "\0\xff<html>a=b:c\n\n\n",
    "spaces": SDP.replace("a=rtpmap:96 H264/90000", "a = rtpmap: 96  H264 / 90000 ").replace("a = rtp", "a=rtp"),
    "empty-fmtp": SDP.replace("packetization-mode=1", ""),
    "control-first": SDP.replace("a=rtpmap:96 H264/90000\n", "").replace(
        "a=control:trackID=1", "a=control:trackID=1\na=framerate:0S\na=rtpmap:96 H264/90000"
    ),
    "bad-sprop": SDP.replace("packetization-mode=1", "packetization-mode=1;sprop-parameter-sets=%%%,AAAA,"),
    "small-letters": SDP.replace("H264", "h264"),
    "old-mac-lines": SDP.replace("\n", "\r"),
}


@pytest.mark.parametrize("sdp", SDPS.values(), ids=SDPS.keys())
def test_descriptions_are_read_as_cameras_write_them(sdp: str) -> None:
    played = play(Camera(sdp))
    assert played.places[0].track.video_codec == "h264"
    assert played.places[0].track.control == "trackID=1"


@pytest.mark.parametrize(
    ("sdp", "reason"),
    [
        ("", "sdp"),
        ("v=0\nm=video 0 RTP/AVP 26\n", "no-video"),
        ("m=audio 0 RTP/AVP 0\n", "no-video"),
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n" * 100, "sdp"),
    ],
    ids=["empty", "jpeg", "sound", "a-hundred"],
)
def test_what_cannot_be_recorded_is_refused(sdp: str, reason: str) -> None:
    camera = Camera(sdp)
    assert fault(camera).reason == reason
    assert camera.urls("SETUP") == []


@pytest.mark.parametrize(
    ("session", "name", "timeout_s"),
    [
        ("Session: abc; timeout=60", "abc", 60),
        ("Session:abc ;Timeout = 5", "abc", 5),
        ("session: abc;timeout=0", "abc", 60),
        ("Session: abc;timeout=1", "abc", 4),
        ("Session: abc;timeout=x", "abc", 60),
        ("", "", 60),
    ],
)
def test_sessions_are_named_as_the_camera_likes(session: str, name: str, timeout_s: int) -> None:
    camera = Camera(VIDEO_ONLY, setup=[answered("200 OK", *([session] if session else []))])
    talk = play(camera).talk
    assert (talk.session, talk.timeout_s) == (name, timeout_s)
    assert camera.headers("Session") == ([name] if name else [])


def test_the_first_session_counts_and_the_newest_timeout() -> None:
    camera = Camera(
        setup=[answered("200 OK", "Session: one"), answered("200 OK", "Session: two")],
        play=answered("200 OK", "Session: one;timeout=10"),
    )
    talk = play(camera).talk
    assert (talk.session, talk.pause_s) == ("one", 5)


@pytest.mark.parametrize(
    "first_line", ["RTSP/1.0 200", "RTSP/1.0  200  OK", "RTSP/2.0 200 Fine", "RTSP/1.0 201 Created"]
)
def test_first_lines_need_no_reason(first_line: str) -> None:
    camera = Camera(play=f"{first_line}\r\ncseq :  5\r\n")
    assert play(camera).places


@pytest.mark.parametrize(
    ("transport", "channel"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc= 1234 ;mode=play", 0),
        ("RTP/AVP/TCP;unicast;interleaved=6-7", 6),
        ("RTP/AVP/TCP;interleaved = 4", 4),
        ("RTP/AVP/TCP;unicast;interleaved=300-301", 0),
        ("RTP/AVP/TCP;unicast", 0),
    ],
)
def test_channels_are_where_the_camera_says(transport: str, channel: int) -> None:
    camera = Camera(VIDEO_ONLY, setup=[answered("200 OK", f"Transport: {transport}")])
    assert play(camera).places[0].channel == channel


def test_a_channel_that_is_taken_is_not_given_twice() -> None:
    camera = Camera(setup=[answered("200 OK", "Transport: RTP/AVP/TCP;interleaved=2-3")])
    assert [place.channel for place in play(camera).places] == [2, 0]


def test_no_transport_in_the_answer_means_as_asked() -> None:
    camera = Camera(setup=[answered("200 OK", "Session: 1")])
    assert [place.channel for place in play(camera).places] == [0, 2]


def test_udp_where_tcp_was_asked_is_refused() -> None:
    camera = Camera(
        setup=[answered("200 OK", "Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001")]
    )
    assert fault(camera).reason == "transport"


def test_over_udp_the_camera_says_where_it_sends_from() -> None:
    text = "Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001"
    camera = Camera(VIDEO_ONLY, setup=[answered("200 OK", text)])
    assert play(camera, udp=True).places[0].ports == (6000, 6001)
    assert camera.headers("Transport") == ["RTP/AVP;unicast;client_port=5000-5001"]


def test_nothing_is_asked_with_a_mode() -> None:
    camera = Camera()
    play(camera)
    assert not any("mode" in transport for transport in camera.headers("Transport"))


def test_sound_that_is_refused_leaves_the_pictures() -> None:
    camera = Camera(setup=[answered("200 OK", "Session: 1"), answered("461 Unsupported Transport")])
    played = play(camera)
    assert [place.track.kind for place in played.places] == ["video"]
    assert [track.kind for track in played.described.refused] == ["audio"]


STATUS = [
    ("401 Unauthorized", "login-refused"),
    ("403 Forbidden", "login-refused"),
    ("404 Not Found", "not-found"),
    ("453 Not Enough Bandwidth", "busy"),
    ("454 Session Not Found", "session"),
    ("461 Unsupported Transport", "transport"),
    ("500 Internal Server Error", "refused"),
    ("302 Moved", "redirect-refused"),
]


@pytest.mark.parametrize(("status", "reason"), STATUS)
@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
def test_every_status_has_its_reason(status: str, reason: str, method: str) -> None:
    camera = Camera()
    answer = answered(status, "Location: rtsp://me:s3cret@elsewhere.example:99/x")
    match method:
        case "DESCRIBE":
            camera.describe = answer + "Content-Length: {size}\r\n"
        case "SETUP":
            camera.setup = [answer]
        case "PLAY":
            camera.play = answer
    assert fault(camera).reason == reason


@pytest.mark.parametrize(
    "target", ["rtsp://cam/live", "rtsp://elsewhere:99/x", "file:///etc/passwd", "http://[bad", ""]
)
def test_redirects_are_refused_and_nothing_is_sent_there(target: str) -> None:
    camera = Camera(options=answered("301 Moved", f"Location: {target}"))
    assert fault(camera).reason == "redirect-refused"
    assert len(camera.requests) == 1
    assert camera.headers("Authorization") == []


def test_options_may_be_unknown() -> None:
    assert play(Camera(options=answered("501 Not Implemented"))).talk.methods == frozenset({""})


def digest(nonce: str, more: str = "") -> str:
    return f'WWW-Authenticate: Digest realm="r", nonce="{nonce}"{more}'


class LoginCamera(Camera):
    """Answers 401 with these headers until a request has an `Authorization` that it likes."""

    def __init__(self, likes: Callable[[str], bool], *challenges: str) -> None:
        super().__init__()
        self._likes, self._challenges = likes, challenges

    def reply(self, request: bytes) -> bytes:
        found = [line.partition(": ")[2] for line in request.decode().split("\r\n") if line.startswith("Authorization")]
        if found and self._likes(found[0]):
            return super().reply(request)
        self.requests.append(request.decode().split("\r\n"))
        return answered("401 Unauthorized", *self._challenges).encode() + b"\r\n"


@pytest.mark.parametrize(
    ("challenges", "form"),
    [
        ((digest("1"),), "Digest MD5"),
        ((digest("1", ", algorithm=MD5"),), "Digest MD5"),
        ((digest("1", ", algorithm=SHA-256"), digest("1")), "Digest SHA-256"),
        (("WWW-Authenticate: Basic realm=x", digest("1")), "Digest MD5"),
        (('WWW-Authenticate: Basic realm="x"',), "Basic"),
        ((digest("1", ", algorithm=TOKEN-9"), 'WWW-Authenticate: Basic realm="x"'), "Basic"),
        ((f'{digest("1")}, Basic realm="x"',), "Digest MD5"),
    ],
)
def test_it_logs_in_by_the_strongest_form_that_is_known(challenges: tuple[str, ...], form: str) -> None:
    camera = LoginCamera(lambda data: data.startswith(form.split()[0]), *challenges)
    assert play(camera, "rtsp://me:s3cret@cam/live").described.login == form


def test_a_wrong_login_is_tried_once() -> None:
    camera = LoginCamera(lambda data: False, digest("1"))
    assert fault(camera).reason == "login-refused"
    assert len(camera.headers("Authorization")) == 1


def test_a_camera_that_offers_only_an_unknown_sign_in_has_not_rejected_the_password() -> None:
    camera = LoginCamera(lambda data: False, digest("1", ", algorithm=SHA-512-256"))
    error = fault(camera).error("rtsp://cam/live")
    assert "a sign-in that tawny doesn't know (SHA-512-256)" in str(error)
    assert "password" not in str(error)


def test_ever_new_challenges_are_given_up() -> None:
    class Endless(LoginCamera):
        def reply(self, request: bytes) -> bytes:
            self._challenges = (digest(str(len(self.requests))),)
            return super().reply(request)

    camera = Endless(lambda data: False)
    assert fault(camera).reason == "login-refused"
    assert len(camera.headers("Authorization")) <= 3


def test_no_login_is_sent_before_it_is_wanted() -> None:
    camera = Camera()
    play(camera, "rtsp://me:s3cret@cam/live")
    assert camera.headers("Authorization") == []
    assert not any(SECRET in line for lines in camera.requests for line in lines)


@pytest.mark.parametrize("raw", [b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", b"RTSP/x\r\n\r\n"])
def test_what_is_no_answer_is_a_fault(raw: bytes) -> None:
    with pytest.raises(ConversationFault) as failed:
        read_reply(raw)
    assert failed.value.reason == "not-rtsp"


# --- while it plays


def playing(methods: str = "GET_PARAMETER") -> ClientSession:
    return play(Camera(options=OK + f"Public: {methods}\r\n"), "rtsp://me:s3cret@cam/live").talk


@pytest.mark.parametrize(("methods", "asked"), [("OPTIONS, GET_PARAMETER", b"GET_PARAMETER"), ("PLAY", b"OPTIONS")])
def test_signs_of_life_are_what_the_camera_understands(methods: str, asked: bytes) -> None:
    sign = playing(methods).keep_alive()
    assert sign.startswith(asked + b" rtsp://cam/live/ ")
    assert b"\r\nSession: 7\r\n" in sign


@pytest.mark.parametrize("status", ["200 OK", "405 Method Not Allowed", "500 Oops", "551 Option not supported"])
def test_any_answer_to_them_will_do(status: str) -> None:
    assert playing().on_data(answered(status).encode() + b"\r\n") == b""


def test_an_unknown_session_is_over() -> None:
    with pytest.raises(ConversationFault) as failed:
        playing().on_data(answered("454 Session Not Found").encode() + b"\r\n")
    assert failed.value.reason == "session"


def test_a_login_that_grew_old_is_made_anew() -> None:
    answer = playing().on_data(answered("401 Unauthorized", digest("2")).encode() + b"\r\n")
    assert b"Authorization: Digest" in answer


def test_a_login_may_grow_old_again_and_again() -> None:
    talk = playing()
    for nonce in range(2, 12):
        answer = talk.on_data(answered("401 Unauthorized", digest(str(nonce))).encode() + b"\r\n")
        assert b"Authorization: Digest" in answer
        talk.on_data(answered("200 OK").encode() + b"\r\n")


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", b"200"), ("SET_PARAMETER", b"501"), ("REDIRECT", b"501")])
def test_the_cameras_own_requests_are_answered(method: str, status: bytes) -> None:
    answer = playing().on_data(f"{method} * RTSP/1.0\r\nCSeq:  77\r\n\r\n".encode())
    assert answer.startswith(b"RTSP/1.0 " + status)
    assert b"CSeq: 77\r\n" in answer
