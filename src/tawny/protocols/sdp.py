"""SDP (RFC 4566): a tolerant parser for cameras' descriptions, and the lines that tawny sends."""

import base64
import re
from dataclasses import dataclass, field
from typing import Literal

from tawny.model.packets import AudioCodec, AudioFormat, VideoCodec, VideoFormat

MOST_TRACKS = 64
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
    said = SdpDescription()
    track: SdpTrack | None = None
    for line in body.decode("utf-8", "replace").replace("\r", "\n").split("\n"):
        name, equals, value = line.strip().partition("=")
        if not equals:
            continue
        if name == "m":
            if len(said.tracks) >= MOST_TRACKS:
                said.more_tracks = True
                break
            track = _medium(value)
            said.tracks.append(track)
        elif name == "a":
            attribute, _, text = value.partition(":")
            if track is not None:
                _attribute(track, attribute.strip().lower(), text.strip())
            elif attribute.strip().lower() == "tool":
                said.tool = _PRINTABLE.sub("", text.strip())[:80]
            elif attribute.strip().lower() == "control":
                said.control = text.strip()
    return said


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
        for part in text.partition(" ")[2].split(";")[:40]:
            key, equals, value = part.strip().partition("=")
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
        said = ["packetization-mode=1"] + ([f"sprop-parameter-sets={','.join(sets)}"] if sets else [])
        name = "H264"
    else:
        said = [f"sprop-{kind}={text}" for kind, text in zip(("vps", "sps", "pps"), sets, strict=False)]
        name = "H265"
    lines = [f"m=video 0 RTP/AVP {VIDEO_TYPE}", f"a=rtpmap:{VIDEO_TYPE} {name}/90000"]
    return [*lines, f"a=fmtp:{VIDEO_TYPE} {';'.join(said)}"] if said else lines


def _sound_lines(sound: AudioFormat) -> list[str]:
    if sound.codec != "aac":
        return [f"m=audio 0 RTP/AVP {payload_type(sound)}"]
    mode = "profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
    return [
        f"m=audio 0 RTP/AVP {AAC_TYPE}",
        f"a=rtpmap:{AAC_TYPE} MPEG4-GENERIC/{sound.rate}/{sound.channels}",
        f"a=fmtp:{AAC_TYPE} {mode};config={sound.config.hex()}",
    ]
