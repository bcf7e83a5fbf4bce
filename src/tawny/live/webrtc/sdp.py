"""SDP for WebRTC: parses the browser's offer and writes the answer (RFC 8829)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tawny.live.webrtc.ice import Candidate, IceCredentials
from tawny.model.packets import VideoFormat

LOW_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
MOST_LINES = 2000
NAME = "tawny"
Sound = Literal["opus", "pcmu", "pcma"]


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
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class SdpOffer:
    """The parts of an offer that tawny uses. fingerprint: algorithm and hex."""

    media: list[OfferedMedia]
    login: IceCredentials
    fingerprint: tuple[str, str]
    candidates: list[str]
    channel_port: int

    def first(self, kind: str) -> OfferedMedia | None:
        return next((medium for medium in self.media if medium.kind == kind and medium.takes), None)


def read_offer(text: str) -> SdpOffer:
    """Parse an offer. Raises InvalidOffer if no connection is possible."""
    said = _Reader()
    for line in text.splitlines()[:MOST_LINES]:
        kind, _, value = line.strip().partition("=")
        if kind == "m":
            said.begin(value)
        elif kind == "a":
            name, _, value = value.partition(":")
            said.attribute(name, value)
    return said.offer()


class _Reader:
    def __init__(self) -> None:
        self._media: list[OfferedMedia] = []
        self._once: dict[str, str] = {}
        self._candidates: list[str] = []

    def begin(self, value: str) -> None:
        self._media.append(OfferedMedia(value.split(" ")[0], value))

    def attribute(self, name: str, value: str) -> None:
        if name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "sctp-port"):
            self._once.setdefault(name, value)
        elif name == "candidate":
            self._candidates.append(f"candidate:{value}")
        elif self._media:
            self._of_medium(self._media[-1], name, value)

    def _of_medium(self, medium: OfferedMedia, name: str, value: str) -> None:
        first, _, rest = value.partition(" ")
        if name == "mid":
            medium.mid = value
        elif name in ("sendonly", "inactive"):
            medium.takes = False
        elif name == "rtpmap" and first.isdigit():
            medium.codecs.append(Codec(int(first), rest.partition("/")[0].lower()))
        elif name == "fmtp" and first.isdigit():
            pairs = (pair.strip().partition("=") for pair in rest.split(";"))
            parameters = {key: said for key, _, said in pairs}
            for codec in medium.codecs:
                if codec.payload_type == int(first):
                    codec.parameters = parameters
        elif name == "extmap":
            number = first.partition("/")[0]
            if number.isdigit() and 0 < int(number) < 15:
                medium.extensions[rest.split(" ")[0]] = int(number)

    def offer(self) -> SdpOffer:
        said = self._once
        if not said.get("ice-ufrag") or len(said.get("ice-pwd", "")) < 22:
            raise InvalidOffer("no ICE login")
        algorithm, _, fingerprint = said.get("fingerprint", "").partition(" ")
        if algorithm.lower() not in ("sha-256", "sha-384", "sha-512") or not fingerprint:
            raise InvalidOffer("no fingerprint")
        if said.get("setup") == "passive":
            raise InvalidOffer("both sides would wait")
        if not any(medium.kind == "video" and medium.takes for medium in self._media):
            raise InvalidOffer("no picture is wanted")
        port = said.get("sctp-port", "5000")
        return SdpOffer(
            self._media,
            IceCredentials(said["ice-ufrag"], said["ice-pwd"]),
            (algorithm.lower(), fingerprint.strip()),
            self._candidates,
            int(port) if port.isdigit() else 5000,
        )


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
    """A media section that is sent. ssrc: of the outgoing track."""

    medium: OfferedMedia
    codec: Codec
    ssrc: int


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
            lines += _sent(each)
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


def _sent(each: NegotiatedMedia) -> list[str]:
    medium, codec = each.medium, each.codec
    rates = {"opus": "48000/2", "pcmu": "8000", "pcma": "8000"}
    lines = [
        f"m={medium.kind} 9 UDP/TLS/RTP/SAVPF {codec.payload_type}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{medium.mid}",
        "a=sendonly",
        "a=rtcp-mux",
        f"a=rtpmap:{codec.payload_type} {codec.name.upper()}/{rates.get(codec.name, '90000')}",
    ]
    if codec.parameters:
        said = ";".join(f"{key}={value}" if value else key for key, value in codec.parameters.items())
        lines.append(f"a=fmtp:{codec.payload_type} {said}")
    if medium.kind == "video":
        lines += [f"a=rtcp-fb:{codec.payload_type} {feedback}" for feedback in ("nack", "nack pli", "ccm fir")]
        if LOW_DELAY in medium.extensions:
            lines.append(f"a=extmap:{medium.extensions[LOW_DELAY]} {LOW_DELAY}")
    return [*lines, f"a=msid:{NAME} {medium.kind}", f"a=ssrc:{each.ssrc} cname:{NAME}"]
