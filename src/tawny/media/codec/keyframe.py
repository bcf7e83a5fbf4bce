"""Single frames of a stream, decoded in isolation: snapshots, previews, event images."""

from collections.abc import Iterable, Sequence
from typing import Any

from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.media.image.jpeg import jpeg
from tawny.media.image.mask import mask_picture
from tawny.model.packets import Packet, SourcePacket, VideoFormat
from tawny.model.polygon import Polygon


def keyframe_jpeg(
    packet: Packet | SourcePacket, width: int | None = None, private: Sequence[Polygon] = ()
) -> bytes | None:
    """Return a keyframe as JPEG, at most `width` px wide, with privacy masks applied. None if it cannot be decoded.

    Keeps no state.
    """
    frame = _alone(packet)
    return jpeg(mask_picture(frame, private), width) if frame else None


def keyframe_picture(packet: Packet | SourcePacket, private: Sequence[Polygon] = ()) -> DecodedFrame | None:
    """Return a decoded keyframe with privacy masks applied. None if it cannot be decoded."""
    frame = _alone(packet)
    return mask_picture(frame, private) if frame else None


def keyframe_rgb(packet: Packet | SourcePacket, private: Sequence[Polygon] = ()) -> Any:
    """Return a decoded keyframe as uint8 [height, width, 3], RGB, with privacy masks. None if it cannot be decoded."""
    frame = keyframe_picture(packet, private)
    return frame.rgb if frame else None


def _alone(packet: Packet | SourcePacket) -> DecodedFrame | None:
    assert isinstance(packet.format, VideoFormat)
    decoder = Decoder(packet.format)
    frames = decoder.decode(packet) or decoder.drain()
    return frames[-1] if frames else None


def jpeg_near(
    at_ms: int, packets: Iterable[Packet], width: int | None = None, private: Sequence[Polygon] = ()
) -> bytes | None:
    """Return the frame nearest to `at_ms` as JPEG. packets: video of one format, from a keyframe on."""
    decoder: Decoder | None = None
    nearest: DecodedFrame | None = None
    for packet in packets:
        assert isinstance(packet.format, VideoFormat)
        decoder = decoder or Decoder(packet.format)
        nearest = _nearer(at_ms, nearest, decoder.decode(packet))
    nearest = _nearer(at_ms, nearest, decoder.drain() if decoder else [])
    return jpeg(mask_picture(nearest, private), width) if nearest else None


def _nearer(at_ms: int, one: DecodedFrame | None, others: list[DecodedFrame]) -> DecodedFrame | None:
    there = [one, *others] if one else others
    return min(there, key=lambda frame: abs(frame.at_ms - at_ms), default=None)
