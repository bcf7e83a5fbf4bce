"""SDP media sections for outgoing RTP tracks: RFC 4566 with RFC 6184, RFC 7798, RFC 3640 and RFC 3551."""

import base64

from tawny.model.packets import AudioFormat, VideoFormat

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
