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
    COVERED = "covered"
    DEFOCUSED = "defocused"
    MOVED = "moved"
    BLOCKED = "blocked"


ON_WATCH = frozenset({CameraState.RECORDING, CameraState.WAITING})
CHOSEN = frozenset({CameraState.SCHEDULED_OFF, CameraState.MODE_OFF, CameraState.PAUSED, CameraState.OFF})
BLINDED = frozenset({CameraState.FROZEN, CameraState.COVERED, CameraState.DEFOCUSED, CameraState.MOVED})
"""It is recorded, and shows nothing of what it should."""
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
    clock_offset_s: float | None = None
    """By how much the camera's own clock is ahead of ours."""
    latency_s: float | None = None
    """From the moment a picture is taken until it is here."""
