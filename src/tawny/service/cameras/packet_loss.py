"""Packet loss: detects damaged frames of a camera and returns a hint."""

from collections import deque

from tawny.model.damage import DamagedSpan
from tawny.stream.hub import Hub

LOOK_S = 15.0
_SHARE = 0.02
_REMEMBERED_MS = 600_000
_OFTEN = 3
TOO_FAST = (
    "Parts of the video are lost on the network: the bitrate is too high for the connection. Lower it in the "
    "camera's settings, or improve the connection."
)
OVER_UDP = (
    "Parts of the video are lost on the network: the bitrate may be too high for the connection. Set "
    '`transport = "tcp"` to avoid losses in the network.'
)


class PacketLoss:
    """Packet loss of one stream. Call `heard` on the stream's reader thread, `hint` from any thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._begins_ms: deque[int] = deque(maxlen=_OFTEN)  # start times of the newest damage, ms UTC

    def heard(self, damage: DamagedSpan) -> None:
        if not self._begins_ms or damage.begin_ms > self._begins_ms[-1]:
            self._begins_ms.append(damage.begin_ms)

    def hint(self, now_ms: int, *, over_tcp: bool) -> str:
        """Return the problem and its remedy; empty while the loss is small.

        Over TCP the network loses no packets: the camera itself dropped what the link could not carry. Over UDP single
        packets may be lost by chance, so only the loss rate is significant.
        """
        if over_tcp and len(self._begins_ms) == _OFTEN and now_ms - self._begins_ms[0] < _REMEMBERED_MS:
            return TOO_FAST
        if loss_warning(self._hub):
            return TOO_FAST if over_tcp else OVER_UDP
        return ""


def loss_warning(hub: Hub) -> bool:
    """Return whether more than 2 % of the frames of the last LOOK_S seconds are damaged."""
    pictures = [packet for packet in hub.recent(LOOK_S) if packet.is_video]
    damaged = sum(packet.is_damaged for packet in pictures)
    return damaged > 1 and damaged > _SHARE * len(pictures)
