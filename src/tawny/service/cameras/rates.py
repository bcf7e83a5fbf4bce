"""Pictures, bits and bytes a second, over the last ten seconds of a ring."""

from collections.abc import Mapping

from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import Packet
from tawny.service.retention.promises import Rates
from tawny.stream.hub import Hub

OVER_S = 10.0


def rates(hub: Hub) -> tuple[float | None, int | None]:
    """(pictures a second, bits a second), None while there are fewer than two pictures."""
    packets = _of_late(hub)
    pictures = [packet for packet in packets if packet.is_video]
    if len(pictures) < 2:
        return None, None
    lasting_s = (pictures[-1].at_ms - pictures[0].at_ms) / 1000
    if lasting_s <= 0:
        return None, None
    bits = 8 * sum(len(packet.data) for packet in packets[:-1])
    return round((len(pictures) - 1) / lasting_s, 1), round(bits / lasting_s)


def byte_rates(hub: Hub) -> tuple[float, float] | None:
    """(bytes a second, those of keyframes alone); None while there are fewer than two pictures."""
    _, bits = rates(hub)
    if not bits:
        return None
    packets = _of_late(hub)
    whole = sum(len(packet.data) for packet in packets)
    keyframes = sum(len(packet.data) for packet in packets if packet.is_video and packet.is_keyframe)
    return bits / 8, bits / 8 * keyframes / max(1, whole)


def _of_late(hub: Hub) -> list[Packet]:
    """Since it was connected last: a moment without it says nothing of its rate."""
    packets = hub.recent(OVER_S)
    return [packet for packet in packets if packet.run == packets[-1].run]


def rates_of(cameras: Mapping[CameraId, Mapping[StreamName, Hub]]) -> Rates:
    """`byte_rates` of every stream that has some."""
    hubs = {(camera, stream): hub for camera, streams in cameras.items() for stream, hub in streams.items()}
    return {which: found for which, hub in hubs.items() if (found := byte_rates(hub)) is not None}
