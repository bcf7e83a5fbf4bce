"""Parameter sets announced in the SDP. Candidates only; invalid ones are skipped."""

import base64
import binascii

from tawny.media.codec.nal import START, split_annexb
from tawny.protocols.sdp_reader import SdpTrack

_NAMES = ("sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps")
_MOST_CHARACTERS = 8192


def announced_sets(track: SdpTrack) -> tuple[bytes, ...]:
    """Return the announced NAL units; empty if none. Accepts start codes, which some cameras add."""
    texts = (text for name in _NAMES for text in track.fmtp.get(name, "")[:_MOST_CHARACTERS].split(","))
    return tuple(nal for text in texts for nal in _nals(text))


def _nals(text: str) -> list[bytes]:
    try:
        data = base64.b64decode(text.strip().strip('"') + "==")
    except (binascii.Error, ValueError):
        return []
    if not data.startswith((START, START[1:])):
        data = START + data
    return [nal for nal in split_annexb(data) if len(nal) > 2]
