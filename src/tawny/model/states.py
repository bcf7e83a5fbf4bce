"""Camera states, shared by the interface, the API and messages."""

from dataclasses import dataclass
from enum import StrEnum

from tawny.model.ids import CameraId


class CameraState(StrEnum):
    RECORDING = "recording"
    SCHEDULED_OFF = "scheduled_off"
    MODE_OFF = "mode_off"
    PAUSED = "paused"
    OFF = "off"
    STARTING = "starting"
    OFFLINE = "offline"
    REFUSED = "refused"
    FROZEN = "frozen"
    COVERED = "covered"
    DEFOCUSED = "defocused"
    MOVED = "moved"
    BLOCKED = "blocked"


ON_WATCH = frozenset({CameraState.RECORDING})
CHOSEN = frozenset({CameraState.SCHEDULED_OFF, CameraState.MODE_OFF, CameraState.PAUSED, CameraState.OFF})
BLINDED = frozenset({CameraState.FROZEN, CameraState.COVERED, CameraState.DEFOCUSED, CameraState.MOVED})
"""It is recorded, but its view is unusable."""
TROUBLE = frozenset(CameraState) - ON_WATCH - CHOSEN - {CameraState.STARTING}


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """Status of a camera. Rates are over the last ten seconds; None if unknown."""

    id: CameraId
    name: str
    state: CameraState
    since_ms: int
    detail: str = ""
    """The problem and its remedy, in a sentence. Empty if none."""
    last_packet_ms: int | None = None
    fps: float | None = None
    bit_rate: int | None = None
    clock_offset_s: float | None = None
    """How far the camera's clock is ahead of the recorder's."""
    latency_s: float | None = None
    """Latency from exposure to arrival."""
