"""What a camera is to do now: by its settings, by what somebody told it, by the rules."""

from dataclasses import dataclass

from tawny.config.settings import CameraSettings
from tawny.events.modes import ActiveHold
from tawny.model.gaps import GapReason
from tawny.model.states import CameraState


@dataclass(frozen=True, slots=True)
class CameraDuty:
    """is_read: not at all while somebody made it private. state, reason, detail: of what is not recorded."""

    is_recorded: bool = True
    is_watched: bool = True
    is_read: bool = True
    state: CameraState = CameraState.STARTING
    reason: GapReason = GapReason.RECORDER_OFF
    detail: str = "starting"


WORK = CameraDuty()
OFF = CameraDuty(is_recorded=False, state=CameraState.OFF, reason=GapReason.OFF, detail="")


def duty_of(settings: CameraSettings, hold: ActiveHold | None, unrecorded: str) -> CameraDuty:
    """unrecorded: why the rules say it is not recorded now; empty when they do not."""
    if hold is not None and hold.what == "pause":
        return CameraDuty(
            is_recorded=False,
            is_watched=False,
            is_read=False,
            state=CameraState.PAUSED,
            reason=GapReason.PRIVACY,
            detail=hold.by,
        )
    if hold is not None:
        return WORK
    if settings.record == "off":
        return OFF
    if unrecorded:
        return CameraDuty(
            is_recorded=False, is_watched=False, state=CameraState.MODE_OFF, reason=GapReason.MODE, detail=unrecorded
        )
    return WORK
