"""SDP (RFC 4566): descriptions of cameras, offers of browsers (RFC 8829), and answers to players and browsers."""

import base64
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tawny.model.packets import AudioCodec, AudioFormat, VideoCodec, VideoFormat

MOST_TRACKS = 64
_MOST_PARAMETERS = 40
_MAP = re.compile(r"(\d{1,3})\s+([\w.-]{1,40})(?:\s*/\s*(\d{1,7}))?(?:\s*/\s*(\d{1,2}))?")
_STATIC: dict[int, tuple[str, int]] = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 26: ("JPEG", 90000)}
_VIDEO: dict[str, VideoCodec] = {"h264": "h264", "h265": "h265", "hevc": "h265"}
_AUDIO: dict[str, AudioCodec] = {"mpeg4-generic": "aac", "mp4a-latm": "aac", "pcmu": "pcmu", "pcma": "pcma"}
_PRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(slots=True)
class SdpTrack:
    """One `m=` section. encoding: the encoding name as the camera spells it; empty when missing."""

    kind: Literal["video", "audio", "other"]
    payload_type: int
    encoding: str = ""
    rate: int = 0
    channels: int = 1
    control: str = ""
    fps: float | None = None
    fmtp: dict[str, str] = field(default_factory=dict)
    is_back: bool = False
    """The camera receives this track (backchannel): audio for its speaker."""

    @property
    def video_codec(self) -> VideoCodec | None:
        return _VIDEO.get(self.encoding.lower()) if self.kind == "video" else None

    @property
    def audio_codec(self) -> AudioCodec | None:
        return _AUDIO.get(self.encoding.lower()) if self.kind == "audio" else None


@dataclass(slots=True)
class SdpDescription:
    """The streams that a camera offers, plus results of the RTSP handshake."""

    tool: str = ""
    """The `a=tool` value; empty when missing."""
    tracks: list[SdpTrack] = field(default_factory=list)
    more_tracks: bool = False
    """The SDP has more than MOST_TRACKS tracks."""
    control: str = ""
    """The session-level `a=control` value; empty when missing."""
    refused: list[SdpTrack] = field(default_factory=list)
    """Tracks that the client requested and the camera refused."""
    login: str = ""
    """Authentication scheme in use: `Basic`, `Digest MD5` or `Digest SHA-256`; empty without authentication."""

    @property
    def video(self) -> SdpTrack | None:
        """The first video track with a supported codec."""
        return next((track for track in self.tracks if track.video_codec), None)

    @property
    def audio(self) -> SdpTrack | None:
        return next((track for track in self.tracks if track.audio_codec and not track.is_back), None)

    @property
    def encodings(self) -> list[str]:
        """Return display names of all audio and video tracks, for example `JPEG video`, `OPUS audio`."""
        return [f"{track.encoding or 'unnamed'} {track.kind}" for track in self.tracks if track.kind != "other"]


def read_sdp(body: bytes) -> SdpDescription:
    """Parse an SDP. Never raises: ignores invalid lines and skips invalid media."""
    description = SdpDescription()
    track: SdpTrack | None = None
    for kind, name, value in _lines(body.decode("utf-8", "replace").replace("\r", "\n").split("\n")):
        if kind == "m":
            if len(description.tracks) >= MOST_TRACKS:
                description.more_tracks = True
                break
            track = _medium(value)
            description.tracks.append(track)
        elif track is not None:
            _attribute(track, name, value)
        elif name == "tool":
            description.tool = _PRINTABLE.sub("", value)[:80]
        elif name == "control":
            description.control = value
    return description


def _lines(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the media and attributes as kind (`m` or `a`), attribute name in lowercase, and value."""
    for line in lines:
        kind, equals, value = line.strip().partition("=")
        if kind == "m" and equals:
            yield kind, "", value
        elif kind == "a" and equals:
            name, _, text = value.partition(":")
            yield kind, name.strip().lower(), text.strip()


def _parameters(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the parameters of an `a=fmtp` value as name, `=` or nothing, and value."""
    for part in text.partition(" ")[2].split(";")[:_MOST_PARAMETERS]:
        yield part.strip().partition("=")


def _medium(value: str) -> SdpTrack:
    words = value.split()
    kind = words[0].lower() if words else ""
    payload = words[3] if len(words) > 3 else ""
    number = int(payload) if payload.isascii() and payload.isdigit() and len(payload) < 4 else -1
    encoding, rate = _STATIC.get(number, ("", 0))
    return SdpTrack("video" if kind == "video" else "audio" if kind == "audio" else "other", number, encoding, rate)


def _attribute(track: SdpTrack, name: str, text: str) -> None:
    if name == "rtpmap":
        found = _MAP.match(text)
        if found and int(found[1]) == track.payload_type:
            track.encoding, track.rate, track.channels = found[2], int(found[3] or 0), int(found[4] or 1)
    elif name == "fmtp":
        for key, equals, value in _parameters(text):
            if equals:
                track.fmtp[key.strip().lower()] = value.strip()
    elif name == "control":
        track.control = text
    elif name == "sendonly":  # ONVIF writes the direction from the client's point of view
        track.is_back = True
    elif name in ("framerate", "x-framerate"):
        track.fps = _rate(text)


def _rate(text: str) -> float | None:
    """Return frames per second, or None for an invalid value (some cameras write `0S`)."""
    found = re.match(r"\d{1,4}(?:\.\d{1,4})?", text)
    fps = float(found[0]) if found else 0.0
    return fps if 0.01 <= fps <= 1000 else None


# SDP media sections for outgoing RTP tracks: RFC 4566 with RFC 6184, RFC 7798, RFC 3640 and RFC 3551.

VIDEO_TYPE = 96
AAC_TYPE = 97
"""Dynamic payload types; G.711 has static ones."""


def payload_type(media: VideoFormat | AudioFormat) -> int:
    if isinstance(media, VideoFormat):
        return VIDEO_TYPE
    return {"pcmu": 0, "pcma": 8, "aac": AAC_TYPE}[media.codec]


def media_lines(media: VideoFormat | AudioFormat, *, with_sets: bool = True) -> list[str]:
    """Return the SDP lines of one medium without `a=control`. with_sets: include the video's parameter sets."""
    return _video_lines(media, with_sets=with_sets) if isinstance(media, VideoFormat) else _sound_lines(media)


def _video_lines(video: VideoFormat, *, with_sets: bool) -> list[str]:
    sets = [base64.b64encode(nal).decode() for nal in video.parameter_sets] if with_sets else []
    if video.codec == "h264":
        parameters = ["packetization-mode=1"] + ([f"sprop-parameter-sets={','.join(sets)}"] if sets else [])
        name = "H264"
    else:
        parameters = [f"sprop-{kind}={text}" for kind, text in zip(("vps", "sps", "pps"), sets, strict=False)]
        name = "H265"
    lines = [f"m=video 0 RTP/AVP {VIDEO_TYPE}", f"a=rtpmap:{VIDEO_TYPE} {name}/90000"]
    return [*lines, f"a=fmtp:{VIDEO_TYPE} {';'.join(parameters)}"] if parameters else lines


def _sound_lines(sound: AudioFormat) -> list[str]:
    if sound.codec != "aac":
        return [f"m=audio 0 RTP/AVP {payload_type(sound)}"]
    mode = "profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
    return [
        f"m=audio 0 RTP/AVP {AAC_TYPE}",
        f"a=rtpmap:{AAC_TYPE} MPEG4-GENERIC/{sound.rate}/{sound.channels}",
        f"a=fmtp:{AAC_TYPE} {mode};config={sound.config.hex()}",
    ]


# WebRTC: the candidates, logins, offers and answers of RFC 8829 and RFC 8839.

LOW_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
ROTATION = "urn:3gpp:video-orientation"
EXTENSIONS = (LOW_DELAY, ROTATION)
"""RTP header extensions that are used where a browser offers them."""
MOST_OFFER_LINES = 2000
NAME = "tawny"
_FEEDBACK = ("nack", "nack pli", "ccm fir")
_START_KBITS_S = 1500
"""What a browser that sends video begins with; without it, a sharp picture takes half a minute."""
Sound = Literal["opus", "pcmu", "pcma"]


class IceCredentials(NamedTuple):
    """ICE user fragment and password."""

    name: str
    password: str


class Candidate(NamedTuple):
    """A local ICE candidate. kind: host, srflx (server-reflexive) or relay (TURN)."""

    transport: str
    host: str
    port: int
    kind: str

    def line(self, number: int) -> str:
        preference = {"host": 126, "srflx": 100, "relay": 10}[self.kind] - (30 if self.transport == "tcp" else 0)
        priority = (max(preference, 0) << 24) + ((65535 - number) << 8) + 255
        more = " tcptype passive" if self.transport == "tcp" else ""
        if self.kind != "host":
            more = f" raddr 0.0.0.0 rport 9{more}"
        return f"candidate:{number + 1} 1 {self.transport} {priority} {self.host} {self.port} typ {self.kind}{more}"


def candidate_of(line: str) -> tuple[str, int] | None:
    """Parse a viewer's UDP candidate. Return None for other transports and for mDNS names."""
    words = line.removeprefix("a=").removeprefix("candidate:").split()
    if len(words) < 8 or words[2].lower() != "udp" or words[4].endswith(".local") or not words[5].isdigit():
        return None
    port = int(words[5])
    return (words[4], port) if 0 < port < 65_536 else None


class InvalidOffer(ValueError):
    """An unusable offer; the message names the missing part."""


@dataclass(slots=True)
class Codec:
    """A codec that the browser offers. name: lowercase."""

    payload_type: int
    name: str
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class OfferedMedia:
    """One m= section. kind: video, audio or application."""

    kind: str
    line: str
    mid: str = ""
    takes: bool = True
    """The browser receives it."""
    sends: bool = True
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class SdpOffer:
    """The parts of an offer that tawny uses. fingerprint: algorithm and hex."""

    media: list[OfferedMedia]
    video: OfferedMedia
    """The first medium that takes video; in the offer of a camera, the first that sends it."""
    login: IceCredentials
    fingerprint: tuple[str, str]
    candidates: list[str]
    channel_port: int

    def first(self, kind: str) -> OfferedMedia | None:
        return next((medium for medium in self.media if medium.kind == kind and medium.takes), None)

    def first_sent(self, kind: str) -> OfferedMedia | None:
        return next((medium for medium in self.media if medium.kind == kind and medium.sends), None)


def read_offer(text: str, *, is_camera: bool = False) -> SdpOffer:
    """Parse an offer. is_camera: the browser sends video. Raises InvalidOffer if no connection is possible."""
    media: list[OfferedMedia] = []
    candidates: list[str] = []
    attributes: dict[str, str] = {}
    for kind, name, value in _lines(text.splitlines()[:MOST_OFFER_LINES]):
        if kind == "m":
            media.append(OfferedMedia(value.split(" ")[0], value))
        elif name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "sctp-port"):
            attributes.setdefault(name, value)
        elif name == "candidate":
            candidates.append(f"candidate:{value}")
        elif media:
            _offered_attribute(media[-1], name, value)
    if not attributes.get("ice-ufrag") or len(attributes.get("ice-pwd", "")) < 22:
        raise InvalidOffer("no ICE login")
    algorithm, _, fingerprint = attributes.get("fingerprint", "").partition(" ")
    if algorithm.lower() not in ("sha-256", "sha-384", "sha-512") or not fingerprint:
        raise InvalidOffer("no fingerprint")
    if attributes.get("setup") == "passive":
        raise InvalidOffer("both sides would wait")
    wanted = (medium for medium in media if medium.kind == "video" and (medium.sends if is_camera else medium.takes))
    video = next(wanted, None)
    if video is None:
        raise InvalidOffer("no picture is offered" if is_camera else "no picture is wanted")
    login, port = IceCredentials(attributes["ice-ufrag"], attributes["ice-pwd"]), attributes.get("sctp-port", "5000")
    channel_port = int(port) if port.isdigit() else 5000
    return SdpOffer(media, video, login, (algorithm.lower(), fingerprint.strip()), candidates, channel_port)


def _offered_attribute(medium: OfferedMedia, name: str, value: str) -> None:
    first, _, rest = value.partition(" ")
    if name == "mid":
        medium.mid = value
    elif name in ("sendonly", "recvonly", "inactive"):
        medium.takes, medium.sends = name == "recvonly", name == "sendonly"
    elif name == "rtpmap" and (found := _MAP.match(value)):
        medium.codecs.append(Codec(int(found[1]), found[2].lower()))
    elif name == "fmtp" and first.isdigit():
        parameters = {key: text for key, _, text in _parameters(value)}
        for codec in medium.codecs:
            if codec.payload_type == int(first):
                codec.parameters = parameters
    elif name == "extmap":
        number = first.partition("/")[0]
        if number.isdigit() and 0 < int(number) < 15:
            medium.extensions[rest.split(" ")[0]] = int(number)


def codec_for(medium: OfferedMedia, video: VideoFormat) -> Codec | None:
    """Return the matching offered codec for this video, or None. For H.264 the same profile is preferred."""
    fitting = [codec for codec in medium.codecs if codec.name == video.codec]
    if video.codec == "h264":
        fitting = [codec for codec in fitting if codec.parameters.get("packetization-mode") == "1"]
        profile = video.parameter_sets[0][1:2].hex() if video.parameter_sets else ""
        fitting.sort(key=lambda codec: codec.parameters.get("profile-level-id", "42")[:2].lower() != profile)
    return fitting[0] if fitting else None


def sound_for(medium: OfferedMedia, name: Sound) -> Codec | None:
    known = {"pcmu": 0, "pcma": 8}
    return next(
        (codec for codec in medium.codecs if codec.name == name),
        Codec(known[name], name) if str(known.get(name)) in medium.line.split(" ")[3:] else None,
    )


@dataclass(frozen=True, slots=True)
class NegotiatedMedia:
    """A media section that is sent or received. ssrc: of the outgoing track; None: it is received."""

    medium: OfferedMedia
    codec: Codec
    ssrc: int | None


def write_answer(
    offer: SdpOffer,
    chosen: Sequence[NegotiatedMedia],
    login: IceCredentials,
    fingerprint: str,
    candidates: Sequence[Candidate],
) -> str:
    """Return the SDP answer. Rejects media that are not in `chosen`; always accepts a data channel."""
    by_line = {id(each.medium): each for each in chosen}
    taken = [medium for medium in offer.media if id(medium) in by_line or medium.kind == "application"]
    lines = ["v=0", f"o=- {secrets.randbits(62)} 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
    lines += [f"a=group:BUNDLE {' '.join(medium.mid for medium in taken)}", f"a=msid-semantic: WMS {NAME}"]
    for medium in offer.media:
        each = by_line.get(id(medium))
        if each is not None:
            lines += _negotiated(each)
        elif medium.kind == "application":
            lines += [
                f"m=application 9 {' '.join(medium.line.split(' ')[2:])}",
                "c=IN IP4 0.0.0.0",
                f"a=mid:{medium.mid}",
                "a=sctp-port:5000",
                "a=max-message-size:65536",
            ]
        else:
            lines += [
                f"m={medium.kind} 0 {' '.join(medium.line.split(' ')[2:])}",
                "c=IN IP4 0.0.0.0",
                "a=inactive",
                f"a=mid:{medium.mid}",
            ]
            continue
        lines += [
            f"a=ice-ufrag:{login.name}",
            f"a=ice-pwd:{login.password}",
            f"a=fingerprint:sha-256 {fingerprint}",
            "a=setup:passive",
        ]
        if medium is taken[0]:
            lines += [f"a={candidate.line(number)}" for number, candidate in enumerate(candidates)]
            lines.append("a=end-of-candidates")
    return "\r\n".join(lines) + "\r\n"


def _negotiated(each: NegotiatedMedia) -> list[str]:
    medium, codec = each.medium, each.codec
    rates = {"opus": "48000/2", "pcmu": "8000", "pcma": "8000"}
    lines = [
        f"m={medium.kind} 9 UDP/TLS/RTP/SAVPF {codec.payload_type}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{medium.mid}",
        "a=recvonly" if each.ssrc is None else "a=sendonly",
        "a=rtcp-mux",
        f"a=rtpmap:{codec.payload_type} {codec.name.upper()}/{rates.get(codec.name, '90000')}",
    ]
    parameters = dict(codec.parameters)
    if each.ssrc is None and medium.kind == "video":
        parameters["x-google-start-bitrate"] = str(_START_KBITS_S)
    if parameters:
        text = ";".join(f"{key}={value}" if value else key for key, value in parameters.items())
        lines.append(f"a=fmtp:{codec.payload_type} {text}")
    if medium.kind == "video":
        lines += [f"a=rtcp-fb:{codec.payload_type} {feedback}" for feedback in _FEEDBACK]
        if each.ssrc is not None:
            lines += [f"a=extmap:{medium.extensions[one]} {one}" for one in EXTENSIONS if one in medium.extensions]
    if each.ssrc is None:
        return [*lines, f"a=rtcp-fb:{codec.payload_type} goog-remb"] if medium.kind == "video" else lines
    return [*lines, f"a=msid:{NAME} {medium.kind}", f"a=ssrc:{each.ssrc} cname:{NAME}"]
