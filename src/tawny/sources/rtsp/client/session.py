"""One RTSP session with a camera: requests, state and handshake. Bytes and values only, no sockets.

The handshake is a generator: it yields requests and receives the camera's replies. OPTIONS, DESCRIBE, SETUP for each
selected track, PLAY. Requests go over the one connection only.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tawny.protocols.digest_auth import ClientAuth
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.rtsp_message import (
    MalformedRtsp,
    RtspResponse,
    encode,
    read_head,
    redirect_target,
    request,
)
from tawny.protocols.sdp import MOST_TRACKS, SdpDescription, SdpTrack, read_sdp
from tawny.sources.network_address import NetworkAddress, SecretFilter
from tawny.sources.rtsp.client.transcript import FORM, ConversationFault, Reason, Transcript

USUAL_TIMEOUT_S, LEAST_TIMEOUT_S = 60, 4
MOST_PAUSE_S = 25.0
_TIMEOUT = re.compile(r"timeout\s*=\s*(\d{1,5})", re.IGNORECASE)
_SEQUENCE = re.compile(rb"^cseq[ \t]*:[ \t]*(\d{1,9})", re.IGNORECASE | re.MULTILINE)


def read_reply(raw: bytes) -> RtspResponse:
    """Parse a response. Raises ConversationFault if it is invalid."""
    head, mark, body = raw.partition(b"\r\n\r\n")
    if not mark:
        head, _, body = raw.partition(b"\n\n")
    try:
        return replace(read_head(head), body=body)
    except MalformedRtsp as error:
        raise ConversationFault("not-rtsp", str(error)) from error


class ClientSession:
    """State of one session; the handshake fills in what it learns. record: what sign-in the camera offered before."""

    def __init__(self, address: NetworkAddress, record: LoginRecord | None = None) -> None:
        self.address = address
        self.login = ClientAuth(address.user, address.password, record)
        self.secrets = SecretFilter.of(address)
        self.transcript = Transcript(self.secrets)
        self.play_url = address.url
        self.session = ""
        self.require = ""
        """`Require` value for the methods in `required_by`; empty for none."""
        self.required_by = frozenset({"DESCRIBE", "SETUP", "PLAY"})
        self.play_headers: Sequence[tuple[str, str]] = (("Range", "npt=0.000-"),)
        self.timeout_s = USUAL_TIMEOUT_S
        self.methods: frozenset[str] = frozenset()
        """Methods that the camera supports according to its OPTIONS reply."""
        self.last_status = ""
        """Status of the last response, redacted."""
        self._sequence = 0

    @property
    def pause_s(self) -> float:
        """Keep-alive interval, in seconds."""
        return min(self.timeout_s / 2, MOST_PAUSE_S)

    def request(self, method: str, url: str, *headers: tuple[str, str]) -> bytes:
        """Build the next request, with authentication if the camera has demanded it."""
        self._sequence += 1
        login = ("Authorization", self.login.header(method, url))
        required = ("Require", self.require if method in self.required_by else "")
        made = request(method, url, self._sequence, (login, ("Session", self.session), required, *headers))
        self.transcript.sent(made)
        return made

    def note(self, answer: RtspResponse) -> None:
        """Store the response's status as the last one."""
        self.last_status = self.secrets.hide(answer.says)

    def keep_alive(self) -> bytes:
        """Build a keep-alive request. Its response does not matter."""
        return self.request("GET_PARAMETER" if "GET_PARAMETER" in self.methods else "OPTIONS", self.play_url)

    def teardown(self) -> bytes:
        return self.request("TEARDOWN", self.play_url)

    def learn_session(self, answer: RtspResponse) -> None:
        """Process the Session header of a SETUP or PLAY reply: the first id and the newest timeout apply."""
        name, _, rest = answer.header("session").partition(";")
        if not name.strip() and not self.session:
            self.transcript.forgive("it sent no session ID")
        elif self.session and name.strip() not in ("", self.session):
            self.transcript.forgive("its session ID changed")
        self.session = self.session or name.strip()
        found = _TIMEOUT.search(rest)
        if found and int(found[1]) > 0:
            self.timeout_s = max(LEAST_TIMEOUT_S, int(found[1]))

    def on_data(self, raw: bytes) -> bytes:
        """Process a message during playback. Return the data to send, usually empty.

        Raises ConversationFault if the session has ended.
        """
        if not raw.startswith(b"RTSP/"):
            return self.obeyed(raw)
        answer = read_reply(raw)
        self.note(answer)
        if 200 <= answer.status < 300:
            self.login.accepted()
        if answer.status == 454:
            raise ConversationFault("session", "it no longer knows this session")
        if answer.status == 401 and self.login.challenged(answer.headers.get("www-authenticate", [])):
            return self.keep_alive()
        return b""

    def obeyed(self, raw: bytes) -> bytes:
        """Build the response to a camera's request."""
        found = _SEQUENCE.search(raw)
        sequence = found[1].decode() if found else "0"
        status = "200 OK" if raw.startswith(b"OPTIONS ") else "501 Not Implemented"
        answer = encode(f"RTSP/1.0 {status}", [("CSeq", sequence)])
        self.transcript.sent(answer)
        return answer


# Knowledge about a stream from earlier connections: compatibility with the built-in client, keep-alive interval.

_MOST_FAILURES = 3
_STEADY_S, _MOST_AGE_S, _LEAST_PAUSE_S = 2.0, 300.0, 2.0


@dataclass(slots=True)
class StreamMemory:
    """Held by the source, updated by its connections."""

    login: LoginRecord | None = None
    """What sign-in the camera offered before."""

    pause_s: float = MOST_PAUSE_S
    """Maximum keep-alive interval, in seconds."""
    transcript: Transcript | None = None
    """Transcript of the newest connection."""
    counted: Callable[[], Mapping[str, Any]] = dict
    """Returns the counters of the newest connection."""
    _failures: int = 0
    _age_s: float = 0.0

    @property
    def wants_another_client(self) -> bool:
        """The built-in client has repeatedly failed on this camera's data format."""
        return self._failures >= _MOST_FAILURES

    def over(self, reason: Reason, age_s: float, *, had_pictures: bool) -> None:
        """Record the end of a connection. age_s: playing time, in seconds."""
        if had_pictures:
            self._failures = 0
        elif reason in FORM:
            self._failures += 1
        if reason in ("closed", "reset", "session") and had_pictures and age_s < _MOST_AGE_S:
            if abs(age_s - self._age_s) < _STEADY_S:  # same age again: keep-alive interval too long
                self.pause_s = max(_LEAST_PAUSE_S, min(self.pause_s, age_s) / 2)
            self._age_s = age_s

    def other_failed(self) -> None:
        """Record that FFmpeg failed, too: the built-in client is tried again."""
        self._failures = 0


# Track URLs from a camera's SDP. Host, port and credentials always come from the configured address.

_ABSOLUTE = re.compile(r"(?:rtsps?://)+(?:[^/?@]*@)?(?P<place>[^/?]*)(?P<path>.*)", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x20\x7f]")


def base_url(address: NetworkAddress, content_base: str, control: str) -> str:
    """Return the base URL of the tracks. content_base: the header, or empty; control: session-level `a=control`."""
    found = _ABSOLUTE.match(content_base.strip())
    base = _ours(address, found["path"]) if found and found["path"] else address.url
    if control in ("", "*") or control.startswith("/"):
        return base
    return track_url(address, base, control)


def track_url(address: NetworkAddress, base: str, control: str) -> str:
    """Return a track's URL: appended as cameras expect, not per RFC 3986. Of an absolute URL only the path is used."""
    control = _UNFIT.sub("", control)
    if control in ("", "*"):
        return base
    found = _ABSOLUTE.match(control)
    if found:
        return _ours(address, found["path"] or "/")
    return base + ("" if base.endswith("/") or control.startswith("/") else "/") + control


def _ours(address: NetworkAddress, path: str) -> str:
    path = _UNFIT.sub("", path)
    return address.url.removesuffix(address.path) + (path if path.startswith("/") else f"/{path}")


_Result = TypeVar("_Result")
Requests = Generator[bytes, RtspResponse, _Result]
Choose = Callable[[SdpDescription], Sequence[SdpTrack]]

_REASONS: dict[int, Reason] = {
    401: "login-refused", 403: "login-refused", 404: "not-found", 410: "not-found", 453: "busy", 454: "session",
    461: "transport",
}  # fmt: skip
_WORDS = {"busy": "it doesn't accept more connections", "transport": "it doesn't support this transport"}
_CHANNEL = re.compile(r"interleaved\s*=\s*(\d{1,3})", re.IGNORECASE)
_PORTS = re.compile(r"server_port\s*=\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TrackTransport:
    """Negotiated transport of a track.

    channel: interleaved channel (TCP). ports: the camera's UDP ports, 0 if unknown.
    """

    track: SdpTrack
    channel: int
    ports: tuple[int, int] = (0, 0)


def handshake(
    talk: ClientSession,
    choose: Choose,
    placed: Callable[[TrackTransport], None],
    our_ports: Sequence[int] | None = None,
) -> Requests[SdpDescription]:
    """Run the handshake and return the SDP once the stream plays. Raises ConversationFault on failure.

    choose: selects the tracks, video first; may raise. placed: called as soon as a track is set up, because packets may
    arrive before the PLAY reply. our_ports: first port of each local UDP port pair.
    """
    offered, base = yield from described(talk)
    taken: set[int] = set()
    for number, track in enumerate(choose(offered)):
        url = track_url(talk.address, base, track.control)
        wanted = _wanted(number, our_ports)
        try:
            reply = yield from _asked(talk, "SETUP", url, ("Transport", wanted))
        except ConversationFault as fault:
            if number == 0 or fault.reason == "redirect-refused":
                raise
            offered.refused.append(track)  # video alone is sufficient for recording
            talk.transcript.forgive(f"it offers {track.encoding or track.kind} but doesn't send it")
            continue
        talk.learn_session(reply)
        place = _place(track, 2 * number, reply, over_udp=our_ports is not None, taken=taken)
        taken |= {place.channel, place.channel + 1}
        if place.channel != 2 * number:
            talk.transcript.forgive("it sends on a different channel than requested")
        placed(place)
    reply = yield from _asked(talk, "PLAY", talk.play_url, *talk.play_headers)
    talk.learn_session(reply)
    return offered


def described(talk: ClientSession) -> Requests[tuple[SdpDescription, str]]:
    """Send OPTIONS and DESCRIBE only. Return the SDP and the base URL of its tracks."""
    yield from _greet(talk)
    reply = yield from _asked(talk, "DESCRIBE", talk.address.url, ("Accept", "application/sdp"))
    found = read_sdp(reply.body)
    found.login = talk.login.form
    if found.more_tracks:
        raise ConversationFault("sdp", f"it offers more than {MOST_TRACKS} streams")
    content_base = reply.header("content-base") or reply.header("content-location")
    base = base_url(talk.address, content_base, found.control)
    _note_forms(talk, found, content_base, base)
    talk.play_url = base
    return found, base


def _note_forms(talk: ClientSession, described: SdpDescription, content_base: str, base: str) -> None:
    """Record deviations of the description from the specification."""
    forgive = talk.transcript.forgive
    if not content_base:
        forgive("it does not say what its tracks' names belong to (Content-Base)")
    elif base.rstrip("/") != content_base.strip().rstrip("/"):
        forgive("what it says its tracks' names belong to (Content-Base) is not used as it is")
    video = described.video
    if video is not None and "sprop-parameter-sets" not in video.fmtp and "sprop-sps" not in video.fmtp:
        forgive("it does not describe its pictures beforehand (sprop)")


def _greet(talk: ClientSession) -> Generator[bytes, RtspResponse, None]:
    """Send OPTIONS: some cameras require it. Accept any response but a redirect."""
    answer = yield talk.request("OPTIONS", talk.address.url)
    _refuse_redirect(answer)
    text = ",".join(answer.headers.get("public", []))
    talk.methods = frozenset(method.strip().upper() for method in text.split(","))
    if answer.status == 401:
        talk.login.challenged(answer.headers.get("www-authenticate", []))


def _asked(
    talk: ClientSession, method: str, url: str, *headers: tuple[str, str]
) -> Generator[bytes, RtspResponse, RtspResponse]:
    """Send a request until it succeeds, authenticating on demand. Return the reply."""
    while True:
        answer = yield talk.request(method, url, *headers)
        _refuse_redirect(answer)
        if 200 <= answer.status < 300:
            talk.login.accepted()
            return answer
        if answer.status == 401 and talk.login.challenged(answer.headers.get("www-authenticate", [])):
            continue
        if answer.status == 401 and talk.login.weaker:
            raise ConversationFault("login-weaker", talk.login.weaker)
        if answer.status == 401 and talk.login.unknown:
            raise ConversationFault("login-unknown", talk.login.unknown)
        reason = _REASONS.get(answer.status, "refused")
        raise ConversationFault(
            reason, _WORDS.get(reason, f"it responded with {answer.says}" if reason == "refused" else answer.says)
        )


def _refuse_redirect(answer: RtspResponse) -> None:
    if 300 <= answer.status < 400:
        raise ConversationFault("redirect-refused", redirect_target(answer.header("location")))


def _wanted(number: int, our_ports: Sequence[int] | None) -> str:
    if our_ports is None:
        return f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
    return f"RTP/AVP;unicast;client_port={our_ports[number]}-{our_ports[number] + 1}"


def _place(track: SdpTrack, asked: int, answer: RtspResponse, *, over_udp: bool, taken: set[int]) -> TrackTransport:
    """Return the transport that the camera reports if it is usable, else the requested one."""
    transport = answer.header("transport")
    if over_udp:
        ports = _PORTS.search(transport)
        first = int(ports[1]) if ports else 0
        return TrackTransport(track, asked, (first, int(ports[2] or first + 1) if ports else 0))
    found = _CHANNEL.search(transport)
    if transport and not found and "tcp" not in transport.lower():
        raise ConversationFault("transport", "it wants to send over UDP although TCP was requested")
    wanted = (int(found[1]) if found else asked, asked, *range(0, 250, 2))
    return TrackTransport(track, next(free for free in wanted if free < 255 and not {free, free + 1} & taken))
