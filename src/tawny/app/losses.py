"""Whether a camera's pictures arrive whole, from what its ring holds."""

from tawny.stream.hub import Hub

LOOK_S = 15.0
_SHARE = 0.02
LOSING = "Parts of its pictures get lost on the way. Its bit rate may be too high for its link."


def losing(hub: Hub) -> str:
    """In words; empty while at most one of fifty pictures of the last seconds is damaged."""
    pictures = [packet for packet in hub.recent(LOOK_S) if packet.is_video]
    damaged = sum(packet.is_damaged for packet in pictures)
    return LOSING if damaged > 1 and damaged > _SHARE * len(pictures) else ""
