"""Pictures and bits a second, over the last ten seconds of a ring."""

from tawny.stream.hub import Hub

OVER_S = 10.0


def rates(hub: Hub) -> tuple[float | None, int | None]:
    """(pictures a second, bits a second), None while there are fewer than two pictures."""
    packets = hub.recent(OVER_S)
    pictures = [packet for packet in packets if packet.is_video]
    if len(pictures) < 2:
        return None, None
    lasting_s = (pictures[-1].at_ms - pictures[0].at_ms) / 1000
    if lasting_s <= 0:
        return None, None
    bits = 8 * sum(len(packet.data) for packet in packets[:-1])
    return round((len(pictures) - 1) / lasting_s, 1), round(bits / lasting_s)
