"""Replay of what a camera has recorded itself (ONVIF Streaming Specification, 6): a connection over TCP.

The camera sends as fast as it can (`Rate-Control: no`), and the reader decides how fast that is by how often it reads.
Timestamps of the packets are since 1970, by the camera's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tawny.model.packets import VIDEO_RATE
from tawny.model.times import Clock, utc_text
from tawny.sources.network_address import NetworkAddress
from tawny.sources.rtsp.client.connection import ReceiveBuffer, RtspConnection, always
from tawny.sources.rtsp.client.session import StreamMemory, TrackTransport
from tawny.sources.rtsp.client.timestamp_aligner import ReplayTimes
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.sources.rtsp.client.transcript import ConversationFault

REQUIRE = "onvif-replay"
STALL_S = 10.0
"""Timeout without a frame, s: a card is searched for the first one."""
_ROOM_BYTES = 128 * 1024
"""Data taken at once: a full buffer of a live connection would come in bursts."""
_QUIET_S, _SILENT_S = 0.5, 3.0
"""Time without data, s, until the replay counts as complete: after the last frame of the requested time, and after
another one, because not every camera says that a recording ends there.
"""


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Part of a recording, by the camera's clock. keyframes_only: what a camera may ignore."""

    begin_ms: int
    end_ms: int
    keyframes_only: bool = False

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers of PLAY."""
        clock = f"clock={_clock_text(self.begin_ms)}-{_clock_text(self.end_ms)}"
        return ("Range", clock), ("Rate-Control", "no"), ("Frames", "intra" if self.keyframes_only else "")


def _clock_text(at_ms: int) -> str:
    """Return a time of RFC 2326, 3.7: `20261120T055812.345Z`."""
    return utc_text(at_ms).replace("-", "").replace(":", "")


class ReplayConnection(RtspConnection):
    """One replay; starts connecting on creation. Read like a live connection; it ends with a SourceError."""

    def __init__(
        self,
        address: NetworkAddress,
        options: Mapping[str, Any],
        clock: Clock,
        memory: StreamMemory,
        asked: ReplayRequest,
    ) -> None:
        super().__init__(address, options, clock, memory, always(ReceiveBuffer(_ROOM_BYTES)))
        self._asked, self._times = asked, ReplayTimes()
        self._tracks = Tracks(
            wants_sound=options["sound"] and not asked.keyframes_only,
            stall_s=STALL_S,
            window=self._window,
            changes_s=0.0,
            placing=self._times,
        )
        self._talk.require, self._talk.required_by = REQUIRE, frozenset({"SETUP", "PLAY"})
        self._talk.play_headers = asked.headers
        self.received_bytes = 0

    @property
    def was_timed(self) -> bool:
        """Return whether every frame so far had the time at which it was recorded."""
        return self._times.newest is not None and not self._times.unmarked

    def _placed(self, place: TrackTransport) -> None:
        super()._placed(place)
        track = 0 if place.track.kind == "video" else 1
        self._tracks.receiver_of(place.track).extended = partial(self._times.mark, track)

    def _receive(self, now_s: float) -> None:
        super()._receive(now_s)
        self.received_bytes += self._came_bytes
        newest = self._times.newest
        if not self.is_playing or newest is None:
            return
        is_sent = newest.is_last or newest.ticks * 1000 >= self._asked.end_ms * VIDEO_RATE
        if now_s - self._byte_s > (_QUIET_S if is_sent else _SILENT_S):
            raise ConversationFault("bye", "the camera has sent what it has")
