"""RTP payloads of video frames, packetized once for all viewers (RFC 6184, RFC 7798)."""

from collections import OrderedDict

from tawny.live.shared import share_once
from tawny.media.codec.nal import is_keyframe, parameter_sets, split_lengths
from tawny.model.packets import Packet, VideoFormat
from tawny.protocols.rtp.packetizer import fragments
from tawny.stream.hub import Hub

KEPT = 300
"""Cached frames per stream: usually those since the last keyframe."""


class PacketCutter:
    """Payload cache of one stream. Single-threaded."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, list[bytes]] = OrderedDict()

    def of(self, packet: Packet) -> list[bytes]:
        """Return a frame's payloads, with parameter sets before a keyframe. Empty for invalid data."""
        made = self._kept.get(packet.number)
        if made is None:
            assert isinstance(packet.format, VideoFormat)
            made = self._kept[packet.number] = cut_picture(packet.data, packet.format)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def cuts_of(hub: Hub) -> PacketCutter:
    """Return the stream's shared payload cache."""
    return share_once(PacketCutter, hub, PacketCutter)


def cut_picture(data: bytes, video: VideoFormat) -> list[bytes]:
    try:
        nals = split_lengths(data)
        if is_keyframe(video.codec, nals) and not parameter_sets(video.codec, nals):
            nals = [*video.parameter_sets, *nals]
    except ValueError:
        return []
    return [payload for nal in nals for payload in fragments(video.codec, nal)]
