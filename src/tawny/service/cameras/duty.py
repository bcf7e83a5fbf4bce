"""Duty of a camera: what it must do now by its settings, a manual override and the rules."""

from dataclasses import dataclass

from tawny.config.settings import CameraSettings
from tawny.events.modes import ActiveHold
from tawny.model.segments import STARTING, GapReason
from tawny.model.states import CameraState


@dataclass(frozen=True, slots=True)
class CameraDuty:
    """What a camera must do.

    is_read: False: not connected at all, while paused for privacy. state, reason, detail: reported while not recording.
    """

    is_recorded: bool = True
    is_watched: bool = True
    is_read: bool = True
    state: CameraState = CameraState.STARTING
    reason: GapReason = GapReason.RECORDER_OFF
    detail: str = STARTING


WORK = CameraDuty()
OFF = CameraDuty(is_recorded=False, state=CameraState.OFF, reason=GapReason.OFF, detail="")


def duty_of(settings: CameraSettings, hold: ActiveHold | None, unrecorded: str) -> CameraDuty:
    """Return the duty. unrecorded: why the rules suspend recording; empty if they do not."""
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
