"""One keyframe to one JPEG: for snapshots and previews, where nothing else of the stream is looked at."""

from tawny.media.decode import Decoder
from tawny.media.jpeg import jpeg
from tawny.model.packets import Packet, SourcePacket, VideoFormat


def keyframe_jpeg(packet: Packet | SourcePacket, width: int | None = None) -> bytes | None:
    """A JPEG no wider than `width`; None when the keyframe cannot be decoded. Holds nothing afterwards."""
    assert isinstance(packet.format, VideoFormat)
    decoder = Decoder(packet.format)
    frames = decoder.decode(packet) or decoder.drain()
    return jpeg(frames[-1], width) if frames else None
