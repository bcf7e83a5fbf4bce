"""RTSP handshake as a generator: yields requests and receives the camera's replies.

OPTIONS, DESCRIBE, SETUP for each selected track, PLAY. Requests go over the one connection only.
"""

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from tawny.protocols.rtsp_message import RtspResponse
from tawny.protocols.sdp import MOST_TRACKS, SdpDescription, SdpTrack, read_sdp
from tawny.sources.rtsp.address import RtspAddress
from tawny.sources.rtsp.client.session import CameraReply, ClientSession
from tawny.sources.rtsp.client.transcript import ConversationFault, Reason

# Track URLs from a camera's SDP. Host, port and credentials always come from the configured address.

_ABSOLUTE = re.compile(r"(?:rtsps?://)+(?:[^/?@]*@)?(?P<place>[^/?]*)(?P<path>.*)", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x20\x7f]")


def base_url(address: RtspAddress, content_base: str, control: str) -> str:
    """Return the base URL of the tracks. content_base: the header, or empty; control: session-level `a=control`."""
    found = _ABSOLUTE.match(content_base.strip())
    base = _ours(address, found["path"]) if found and found["path"] else address.url
    if control in ("", "*") or control.startswith("/"):
        return base
    return track_url(address, base, control)


def track_url(address: RtspAddress, base: str, control: str) -> str:
    """Return a track's URL: appended as cameras expect, not per RFC 3986. Of an absolute URL only the path is used."""
    control = _UNFIT.sub("", control)
    if control in ("", "*"):
        return base
    found = _ABSOLUTE.match(control)
    if found:
        return _ours(address, found["path"] or "/")
    return base + ("" if base.endswith("/") or control.startswith("/") else "/") + control


def _ours(address: RtspAddress, path: str) -> str:
    path = _UNFIT.sub("", path)
    return address.url.removesuffix(address.path) + (path if path.startswith("/") else f"/{path}")


_Told = TypeVar("_Told")
Requests = Generator[bytes, CameraReply, _Told]
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
        talk.learn_session(reply.answer)
        place = _place(track, 2 * number, reply.answer, over_udp=our_ports is not None, taken=taken)
        taken |= {place.channel, place.channel + 1}
        if place.channel != 2 * number:
            talk.transcript.forgive("it sends on a different channel than requested")
        placed(place)
    reply = yield from _asked(talk, "PLAY", talk.play_url, ("Range", "npt=0.000-"))
    talk.learn_session(reply.answer)
    return offered


def described(talk: ClientSession) -> Requests[tuple[SdpDescription, str]]:
    """Send OPTIONS and DESCRIBE only. Return the SDP and the base URL of its tracks."""
    yield from _greet(talk)
    reply = yield from _asked(talk, "DESCRIBE", talk.address.url, ("Accept", "application/sdp"))
    found = read_sdp(reply.body)
    found.login = talk.login.form
    if found.more_tracks:
        raise ConversationFault("sdp", f"it offers more than {MOST_TRACKS} streams")
    content_base = reply.answer.header("content-base") or reply.answer.header("content-location")
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


def _greet(talk: ClientSession) -> Generator[bytes, CameraReply, None]:
    """Send OPTIONS: some cameras require it. Accept any response but a redirect."""
    reply = yield talk.request("OPTIONS", talk.address.url)
    answer = reply.answer
    _refuse_redirect(answer)
    said = ",".join(answer.headers.get("public", []))
    talk.methods = frozenset(method.strip().upper() for method in said.split(","))
    if answer.status == 401:
        talk.login.challenged(answer.headers.get("www-authenticate", []))


def _asked(
    talk: ClientSession, method: str, url: str, *headers: tuple[str, str]
) -> Generator[bytes, CameraReply, CameraReply]:
    """Send a request until it succeeds, authenticating on demand. Return the reply."""
    while True:
        reply = yield talk.request(method, url, *headers)
        answer = reply.answer
        _refuse_redirect(answer)
        if 200 <= answer.status < 300:
            return reply
        if answer.status == 401 and talk.login.challenged(answer.headers.get("www-authenticate", [])):
            continue
        if answer.status == 401 and talk.login.weaker:
            raise ConversationFault("login-weaker", talk.login.weaker)
        reason = _REASONS.get(answer.status, "refused")
        raise ConversationFault(
            reason, _WORDS.get(reason, f"it responded with {answer.says}" if reason == "refused" else answer.says)
        )


def _refuse_redirect(answer: RtspResponse) -> None:
    if 300 <= answer.status < 400:
        raise ConversationFault("redirect-refused", _target(answer.header("location")))


def _target(location: str) -> str:
    """Return a redirect's target for display: scheme, host and port, without credentials."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "to an address that cannot be read"
    shown = "".join(c for c in f"{parts.scheme}://{host}" if c.isascii() and c.isprintable())[:120]
    return f"to {shown}:{port}" if port else f"to {shown}"


def _wanted(number: int, our_ports: Sequence[int] | None) -> str:
    if our_ports is None:
        return f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
    return f"RTP/AVP;unicast;client_port={our_ports[number]}-{our_ports[number] + 1}"


def _place(track: SdpTrack, asked: int, answer: RtspResponse, *, over_udp: bool, taken: set[int]) -> TrackTransport:
    """Return the transport that the camera reports if it is usable, else the requested one."""
    said = answer.header("transport")
    if over_udp:
        ports = _PORTS.search(said)
        first = int(ports[1]) if ports else 0
        return TrackTransport(track, asked, (first, int(ports[2] or first + 1) if ports else 0))
    found = _CHANNEL.search(said)
    if said and not found and "tcp" not in said.lower():
        raise ConversationFault("transport", "it wants to send over UDP although TCP was requested")
    wanted = (int(found[1]) if found else asked, asked, *range(0, 250, 2))
    return TrackTransport(track, next(free for free in wanted if free < 255 and not {free, free + 1} & taken))
