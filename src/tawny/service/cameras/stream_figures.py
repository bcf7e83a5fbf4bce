"""Figures of a stream: offset of the clock, lost packets, frame rate and bit rate, and hints about them."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from tawny.model.damage import DamagedSpan
from tawny.model.packets import Packet
from tawny.storage.retention.contract import duration_words
from tawny.stream.hub import Hub

# Hint about a camera's clock. It does not affect recordings, which use the recorder's clock.

MOST_OFF_S = 2.0
"""Offset, s, above which the hint is shown."""


def clock_hint(offset_s: float | None) -> str:
    """Return the problem and its remedy, or an empty string. offset_s: how far the camera's clock is ahead, s."""
    if offset_s is None or abs(offset_s) <= MOST_OFF_S:
        return ""
    side = "ahead" if offset_s > 0 else "behind"
    off_s = abs(offset_s)
    off = duration_words(round(off_s, 1) if off_s < 10 else round(off_s))
    return (
        f"The camera's clock is {off} {side}, so the time shown in its image is wrong. tawny's own times are "
        "correct. Turn on NTP in the camera's settings."
    )


def note_clock(hub: Hub, notes: Mapping[str, Any]) -> None:
    """Store the clock offset and the latency from the connection's notes in the stream's hub."""
    hub.clock_offset_s = notes.get("clock_offset_s")
    hub.latency_s = notes.get("latency_s")


# Packet loss: detects damaged frames of a camera and returns a hint.

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

FROM_PHONE = (
    "Parts of the video are lost on the way from the phone. Bring it closer to the Wi-Fi access point, or use 5 GHz."
)


class PacketLoss:
    """Packet loss of one stream. Call `heard` on the stream's reader thread, `hint` from any thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._begins_ms: deque[int] = deque(maxlen=_OFTEN)  # start times of the newest damage, ms UTC

    def on_damage(self, damage: DamagedSpan) -> None:
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


# Frame rate, bit rate and byte rate over the last ten seconds of a ring buffer.

OVER_S = 10.0


def rates(hub: Hub) -> tuple[float | None, int | None]:
    """Return frames per second and bits per second; (None, None) with fewer than two frames."""
    return _rates_of(_of_late(hub))


def byte_rates(hub: Hub) -> tuple[float, float] | None:
    """Return bytes per second of all packets and of keyframes; None with fewer than two frames."""
    packets = _of_late(hub)
    _, bits = _rates_of(packets)
    if not bits:
        return None
    whole = sum(len(packet.data) for packet in packets)
    keyframes = sum(len(packet.data) for packet in packets if packet.is_keyframe and packet.is_video)
    return bits / 8, bits / 8 * keyframes / max(1, whole)


def _rates_of(packets: list[Packet]) -> tuple[float | None, int | None]:
    pictures = [packet for packet in packets if packet.is_video]
    if len(pictures) < 2:
        return None, None
    lasting_s = (pictures[-1].at_ms - pictures[0].at_ms) / 1000
    if lasting_s <= 0:
        return None, None
    bits = 8 * sum(len(packet.data) for packet in packets[:-1])
    return round((len(pictures) - 1) / lasting_s, 1), round(bits / lasting_s)


def _of_late(hub: Hub) -> list[Packet]:
    """Return the recent packets of the current run; time without a connection must not lower the rate."""
    packets = hub.recent(OVER_S)
    if packets and packets[0].run == packets[-1].run:  # a run never returns
        return packets
    return [packet for packet in packets if packet.run == packets[-1].run]
