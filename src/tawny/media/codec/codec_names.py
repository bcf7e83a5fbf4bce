"""Codec strings for browsers (RFC 6381; ISO/IEC 14496-15, annex E)."""

from tawny.media.codec.bits import Bits
from tawny.media.codec.nal import H264_SPS, H265_SPS, nal_type
from tawny.media.codec.sps_h265 import parse_h265
from tawny.model.packets import AudioFormat, Format

_G711 = {"pcmu": "ulaw", "pcma": "alaw"}


def codec_string(stored: Format) -> str:
    """Return `avc1.64001f`, `hvc1.1.6.L93.B0`, `mp4a.40.2`, `ulaw` or `alaw`.

    Raises ValueError without a valid SPS or AAC config.
    """
    if isinstance(stored, AudioFormat):
        return f"mp4a.40.{_object_type(stored.config)}" if stored.codec == "aac" else _G711[stored.codec]
    sps_type = H264_SPS if stored.codec == "h264" else H265_SPS
    sps = next((nal for nal in stored.parameter_sets if nal_type(stored.codec, nal) == sps_type), b"")
    if len(sps) < 4:
        raise ValueError("there is no sequence parameter set")
    return f"avc1.{sps[1:4].hex()}" if stored.codec == "h264" else _h265(sps)


def _h265(nal: bytes) -> str:
    sps = parse_h265(nal)
    compatibility = int(f"{sps.compatibility:032b}"[::-1], 2)  # the string has the flags in reverse bit order
    constraints = "".join(f".{flags:X}" for flags in sps.constraints.rstrip(b"\0"))
    return f"hvc1.{sps.profile}.{compatibility:X}.{'H' if sps.tier else 'L'}{sps.level}{constraints}"


def _object_type(config: bytes) -> int:
    bits = Bits(config)
    short = bits.bits(5)
    return 32 + bits.bits(6) if short == 31 else short
