"""What a camera is doing, in the words that the interface, the API and messages share."""

from dataclasses import dataclass
from enum import StrEnum

from tawny.model.ids import CameraId


class CameraState(StrEnum):
    RECORDING = "recording"
    WAITING = "waiting"
    SCHEDULED_OFF = "scheduled_off"
    MODE_OFF = "mode_off"
    PAUSED = "paused"
    OFF = "off"
    STARTING = "starting"
    OFFLINE = "offline"
    REFUSED = "refused"
    FROZEN = "frozen"
    BLOCKED = "blocked"


ON_WATCH = frozenset({CameraState.RECORDING, CameraState.WAITING})
CHOSEN = frozenset({CameraState.SCHEDULED_OFF, CameraState.MODE_OFF, CameraState.PAUSED, CameraState.OFF})
TROUBLE = frozenset(CameraState) - ON_WATCH - CHOSEN - {CameraState.STARTING}


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One line of the truth about a camera. Rates are over the last ten seconds; None where not known."""

    id: CameraId
    name: str
    state: CameraState
    since_ms: int
    detail: str = ""
    """What is wrong and what to do, in a sentence; empty when nothing is."""
    last_packet_ms: int | None = None
    fps: float | None = None
    bit_rate: int | None = None
