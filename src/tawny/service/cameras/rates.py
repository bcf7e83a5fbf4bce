"""Frame rate, bit rate and byte rate over the last ten seconds of a ring buffer."""

from collections.abc import Mapping

from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import Packet
from tawny.service.retention.promises import Rates
from tawny.stream.hub import Hub

OVER_S = 10.0


def rates(hub: Hub) -> tuple[float | None, int | None]:
    """Return frames per second and bits per second; (None, None) with fewer than two frames."""
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
    """Return bytes per second of all packets and of keyframes; None with fewer than two frames."""
    _, bits = rates(hub)
    if not bits:
        return None
    packets = _of_late(hub)
    whole = sum(len(packet.data) for packet in packets)
    keyframes = sum(len(packet.data) for packet in packets if packet.is_video and packet.is_keyframe)
    return bits / 8, bits / 8 * keyframes / max(1, whole)


def _of_late(hub: Hub) -> list[Packet]:
    """Return the recent packets of the current run; time without a connection must not lower the rate."""
    packets = hub.recent(OVER_S)
    return [packet for packet in packets if packet.run == packets[-1].run]


def rates_of(cameras: Mapping[CameraId, Mapping[StreamName, Hub]]) -> Rates:
    """Return `byte_rates` of every stream that has them."""
    hubs = {(camera, stream): hub for camera, streams in cameras.items() for stream, hub in streams.items()}
    return {which: found for which, hub in hubs.items() if (found := byte_rates(hub)) is not None}
